"""The tables of session.sqlite, format version 1.

`package` and `reading` are the design, `event` is the trail. The other tables are the trail's projection, kept so
that a plain SQLite shell shows the answers; nothing is ever computed from them.
"""

import sqlite3

from reader_app.session.canonical import FormatError

APPLICATION_ID = 0x424C5244  # "BLRD"
SCHEMA_VERSION = 1

EVENT_TYPES = (
    "created", "install", "session_start", "session_end", "profile", "exam_opened", "exam_left", "score_set",
    "score_changed", "score_cleared", "comment", "cannot_score", "frozen", "closing_answer", "view", "pause", "resume",
    "unreadable", "save_failed", "clock_back", "crash_recovered", "restored", "sign_off", "export",
)  # fmt: skip

_HEX_16 = "length({0}) = 16 AND {0} NOT GLOB '*[^0-9a-f]*'"
_HEX_64 = "length({0}) = 64 AND {0} NOT GLOB '*[^0-9a-f]*'"
_ONE = "one INTEGER PRIMARY KEY CHECK (one = 1)"

_TABLES = (
    f"""CREATE TABLE package (
        {_ONE},
        package_id TEXT NOT NULL CHECK ({_HEX_16.format("package_id")}),
        reader_code TEXT NOT NULL,
        protocol TEXT NOT NULL
    ) STRICT""",
    f"""CREATE TABLE reading (
        place INTEGER PRIMARY KEY CHECK (place >= 1),
        reading_id TEXT NOT NULL UNIQUE CHECK ({_HEX_16.format("reading_id")}),
        position INTEGER NOT NULL CHECK (position >= 1),
        is_practice INTEGER NOT NULL CHECK (is_practice IN (0, 1))
    ) STRICT""",
    f"""CREATE TABLE event (
        seq INTEGER PRIMARY KEY CHECK (seq >= 1),
        utc TEXT NOT NULL CHECK (length(utc) = 27),
        utc_offset INTEGER NOT NULL CHECK (abs(utc_offset) < 86400),
        monotonic_ns INTEGER NOT NULL,
        boot_id TEXT NOT NULL,
        sitting TEXT NOT NULL,
        reader TEXT NOT NULL,
        app_version TEXT NOT NULL,
        protocol_version TEXT NOT NULL,
        type TEXT NOT NULL CHECK (type IN ({", ".join(f"'{type_}'" for type_ in EVENT_TYPES)})),
        reading_id TEXT REFERENCES reading (reading_id),
        side TEXT CHECK (side IN ('A', 'B')),
        field TEXT,
        old TEXT,
        new TEXT,
        reason TEXT,
        prev_hash TEXT NOT NULL CHECK ({_HEX_64.format("prev_hash")}),
        hash TEXT NOT NULL CHECK ({_HEX_64.format("hash")})
    ) STRICT""",
    """CREATE TABLE score (
        reading_id TEXT NOT NULL REFERENCES reading (reading_id),
        side TEXT NOT NULL CHECK (side IN ('A', 'B')),
        value INTEGER NOT NULL CHECK (value BETWEEN 0 AND 10),
        PRIMARY KEY (reading_id, side)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE remark (
        reading_id TEXT NOT NULL REFERENCES reading (reading_id),
        side TEXT NOT NULL CHECK (side IN ('A', 'B', 'exam')),
        kind TEXT NOT NULL CHECK (kind IN ('comment', 'cannot_score')),
        content TEXT NOT NULL CHECK (length(content) BETWEEN 1 AND 2000),
        PRIMARY KEY (reading_id, side, kind)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE frozen (
        reading_id TEXT PRIMARY KEY REFERENCES reading (reading_id)
    ) STRICT, WITHOUT ROWID""",
    f"""CREATE TABLE closing_answer (
        question_id TEXT PRIMARY KEY CHECK ({_HEX_16.format("question_id")}),
        choice TEXT NOT NULL,
        confidence TEXT
    ) STRICT, WITHOUT ROWID""",
    f"""CREATE TABLE profile (
        {_ONE},
        specialty TEXT NOT NULL,
        years_since_certification INTEGER CHECK (years_since_certification BETWEEN 0 AND 80),
        site_code TEXT NOT NULL,
        name TEXT NOT NULL
    ) STRICT""",
    # what was on the screen: no answer, so not in the trail; the digest finds damage
    f"""CREATE TABLE kept_view (
        {_ONE},
        content TEXT NOT NULL,
        sha256 TEXT NOT NULL CHECK ({_HEX_64.format("sha256")})
    ) STRICT""",
)


def _refusal(table: str, deed: str) -> str:
    return (
        f"CREATE TRIGGER {table}_no_{deed.lower()} BEFORE {deed} ON {table}"
        f" BEGIN SELECT RAISE(ABORT, '{table} rows are never changed'); END"
    )


# They stop accidents; against someone who owns the disk stand the hashes, the signatures and the receipt.
_TRIGGERS = (
    *(_refusal(table, deed) for table in ("event", "package", "reading") for deed in ("UPDATE", "DELETE")),
    "CREATE TRIGGER event_in_order BEFORE INSERT ON event"
    " WHEN NEW.seq <> (SELECT coalesce(max(seq), 0) + 1 FROM event)"
    " BEGIN SELECT RAISE(ABORT, 'event rows come in order'); END",
)


def create_tables(connection: sqlite3.Connection) -> None:
    """Make an empty database ours."""
    for statement in (*_TABLES, *_TRIGGERS):
        connection.execute(statement)
    connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")


def check_tables(connection: sqlite3.Connection) -> None:
    """Raise FormatError unless every page is sound and the tables are exactly ours: no view, no trigger of others."""
    for kind, expected in (("application_id", APPLICATION_ID), ("user_version", SCHEMA_VERSION)):
        if connection.execute(f"PRAGMA {kind}").fetchone() != (expected,):
            raise FormatError("it is not a session file of this version")
    if connection.execute("PRAGMA integrity_check(1)").fetchall() != [("ok",)]:
        raise FormatError("its pages are not whole")
    found = {sql for (sql,) in connection.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL")}
    if found != {*_TABLES, *_TRIGGERS}:
        raise FormatError("its tables were altered")


def version_in_header(header: bytes) -> int:
    """The version number in the first 100 bytes of the file; raises FormatError if they are not of a session file.

    Read before SQLite sees the file, so that a newer one stays untouched.
    """
    if len(header) < 100 or not header.startswith(b"SQLite format 3\0"):
        raise FormatError("it is not a database, or cut off")
    if header[18:20] != b"\1\1":  # write and read version; 2 would have SQLite look for a write-ahead log
        raise FormatError("its header was altered")
    if int.from_bytes(header[68:72]) != APPLICATION_ID:
        raise FormatError("it is not a session file")
    return int.from_bytes(header[60:64])
