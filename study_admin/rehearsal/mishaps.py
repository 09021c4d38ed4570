"""What can go wrong in a study, and is made to go wrong in a rehearsal; names only."""

from enum import StrEnum


class Act(StrEnum):
    """What is broken on purpose."""

    IMAGE = "image"
    CRASH = "crash"
    WITHDRAWAL = "withdrawal"
    EARLY_UNBLINDING = "early-unblinding"
    RESULTS = "results"
    SESSION = "session"
    OTHER_STUDY = "other-study"
    TWICE = "twice"
    DATABASE = "database"


ALL_ACTS = tuple(Act)
