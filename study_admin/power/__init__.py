"""Planning: how likely a study of so many readers and exams is to show what it is made for; knows no database.

Every number is for the primary analysis (`statistics.mixed`). A paired t-test's promise is shown beside it and never
planned on: it takes readings of one reader, and those of one exam, as independent.
"""
