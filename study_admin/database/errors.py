"""What a database says when it fails, as sentences for the coordinator."""

import sqlite3

from sqlalchemy.exc import DBAPIError, IntegrityError

from segmentation.errors import StudyError

_NOT_OURS = "Give the study.sqlite of a study's folder."
_KEEP = "Keep the file as it is; go on with a backup of it."
_REASONS = {
    sqlite3.SQLITE_FULL: ("the disk is full", "Free some space, then try again."),
    sqlite3.SQLITE_READONLY: ("the file or its folder cannot be written", "Allow writing, or copy it elsewhere."),
    sqlite3.SQLITE_CANTOPEN: ("the file or its folder is gone or cannot be written", "Put it back, then try again."),
    sqlite3.SQLITE_BUSY: ("another program keeps the study busy", "Wait for that program or close it, then try again."),
    sqlite3.SQLITE_IOERR: ("the disk does not take it", "Check the drive, then try again."),
}
_DAMAGE = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_FORMAT}


class OvertakenError(StudyError):
    """Another program changed what a change was based on."""


def no_study(name: str) -> StudyError:
    return StudyError("This database holds no study of Blindread.", file=name, remedy=_NOT_OURS)


def damaged(name: str, what: str) -> StudyError:
    return StudyError(f"The study database is damaged: {what}.", file=name, remedy=_KEEP)


def as_study_error(error: Exception, name: str) -> StudyError:
    """The sentence for a failure of the database `name`, which left nothing half-written."""
    cause = error.orig if isinstance(error, DBAPIError) else error
    code = getattr(cause, "sqlite_errorcode", 0) & 0xFF  # the primary code
    if code == sqlite3.SQLITE_NOTADB:
        return StudyError("This file is no database.", file=name, remedy=_NOT_OURS)
    if code in _DAMAGE or isinstance(cause, UnicodeDecodeError) or "decode to UTF-8" in str(cause):
        return damaged(name, "what is stored there cannot be read")
    if code in _REASONS:
        what, remedy = _REASONS[code]
        return StudyError(f"Nothing was changed: {what}.", file=name, remedy=remedy)
    if isinstance(error, IntegrityError):
        what = "Nothing was changed: this does not fit what the study holds, or another program was quicker."
        return StudyError(what, file=name, remedy="Look at the study as it is now, then try again.")
    first_line = str(cause).strip().partition("\n")[0]
    return StudyError(f"The database fails ({first_line}).", file=name, remedy="Check the database, then try again.")
