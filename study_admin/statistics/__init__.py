"""The analyses of a reader study: arrays in, frozen results out. Knows no database and nothing else of Blindread."""
