"""One file a command: its words on the command line and what it calls."""
