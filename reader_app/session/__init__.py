"""The reader package and its session file: the format that both the reader app and the admin know. No Qt, no VTK."""
