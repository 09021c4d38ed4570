"""The report of an unblinded study: its results as one object, figures, and one document."""
