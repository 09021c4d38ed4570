"""The radiologist's desktop app: two synchronized viewers, two scores, everything on disk."""

__version__ = "0.1.0"  # pyproject.toml takes it from here
