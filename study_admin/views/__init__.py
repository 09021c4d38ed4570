"""The coordinator's window: Qt only, and no rule of a study; those stand in `study_admin.conduct` and below."""
