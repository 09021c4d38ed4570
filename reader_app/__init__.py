"""The radiologist's desktop app: two synchronized viewers, two scores, everything on disk."""
