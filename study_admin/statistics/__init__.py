"""Statistics of paired scores in a split-plot reader study: arrays in, frozen results out; knows no database.

Rows and formulas are those of a table in the project's notes (statistics.md, section 2); each function names its own.
The difference is always the second arm's score minus the first arm's.
"""
