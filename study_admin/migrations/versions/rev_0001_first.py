"""The first version.

The triggers stop accidents: nothing of the history is changed or removed, and what an opening, a locking or an
unblinding settled is neither changed nor added to. Against someone who owns the disk stands the chain of hashes.
"""

from collections.abc import Iterator

from alembic import op

revision = "0001"
down_revision = None

_ONE = "one INTEGER NOT NULL PRIMARY KEY CHECK (one = 1)"
_TABLES = (
    """CREATE TABLE audit (
        seq INTEGER NOT NULL PRIMARY KEY CHECK (seq >= 1),
        utc TEXT NOT NULL CHECK (length(utc) = 27),
        who TEXT NOT NULL,
        what TEXT NOT NULL,
        subject TEXT NOT NULL,
        old TEXT NOT NULL,
        new TEXT NOT NULL,
        why TEXT NOT NULL,
        prev_hash TEXT NOT NULL UNIQUE CHECK (length(prev_hash) = 64),
        hash TEXT NOT NULL UNIQUE CHECK (length(hash) = 64)
    )""",
    f"CREATE TABLE study ({_ONE}, design TEXT NOT NULL)",
    """CREATE TABLE exam (
        place INTEGER NOT NULL PRIMARY KEY CHECK (place >= 1),
        name TEXT NOT NULL UNIQUE,
        is_practice INTEGER NOT NULL CHECK (is_practice IN (0, 1)),
        content TEXT NOT NULL
    )""",
    """CREATE TABLE reader (
        place INTEGER NOT NULL PRIMARY KEY CHECK (place >= 1),
        code TEXT NOT NULL UNIQUE,
        chosen_group INTEGER CHECK (chosen_group >= 1)
    )""",
    f"""CREATE TABLE opening (
        {_ONE},
        study_id TEXT NOT NULL CHECK (length(study_id) = 16),
        algorithm TEXT NOT NULL,
        commitment TEXT NOT NULL CHECK (length(commitment) = 64),
        public_key TEXT NOT NULL CHECK (length(public_key) = 64),
        exam_groups TEXT NOT NULL,
        reader_groups TEXT NOT NULL,
        has_third_copy INTEGER NOT NULL CHECK (has_third_copy IN (0, 1))
    )""",
    """CREATE TABLE reading (
        place INTEGER NOT NULL PRIMARY KEY CHECK (place >= 1),
        reading_id TEXT NOT NULL UNIQUE CHECK (length(reading_id) = 16),
        package_id TEXT NOT NULL CHECK (length(package_id) = 16),
        reader TEXT NOT NULL REFERENCES reader (code),
        exam TEXT NOT NULL REFERENCES exam (name),
        position INTEGER NOT NULL CHECK (position >= 1),
        is_practice INTEGER NOT NULL CHECK (is_practice IN (0, 1)),
        UNIQUE (reader, exam),
        UNIQUE (reader, is_practice, position)
    )""",
    """CREATE TABLE source_file (
        exam TEXT NOT NULL REFERENCES exam (name),
        role TEXT NOT NULL,
        path TEXT NOT NULL,
        sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
        PRIMARY KEY (exam, role)
    )""",
    """CREATE TABLE handed_out (
        seq INTEGER NOT NULL PRIMARY KEY CHECK (seq >= 1),
        reader TEXT NOT NULL REFERENCES reader (code),
        package_id TEXT NOT NULL CHECK (length(package_id) = 16),
        trail_head TEXT NOT NULL CHECK (length(trail_head) = 64),
        place TEXT NOT NULL
    )""",
    """CREATE TABLE collected (
        seq INTEGER NOT NULL PRIMARY KEY CHECK (seq >= 1),
        reader TEXT NOT NULL REFERENCES reader (code),
        package_id TEXT NOT NULL CHECK (length(package_id) = 16),
        file_name TEXT NOT NULL,
        sha256 TEXT NOT NULL CHECK (length(sha256) = 64),
        utc TEXT NOT NULL CHECK (length(utc) = 27),
        who TEXT NOT NULL,
        content BLOB NOT NULL
    )""",
    f"CREATE TABLE locking ({_ONE}, utc TEXT NOT NULL CHECK (length(utc) = 27), who TEXT NOT NULL, why TEXT NOT NULL)",
    """CREATE TABLE arm_on_a (
        reading_id TEXT NOT NULL PRIMARY KEY REFERENCES reading (reading_id),
        arm TEXT NOT NULL
    )""",
    f"""CREATE TABLE unblinding (
        {_ONE}, utc TEXT NOT NULL CHECK (length(utc) = 27), who TEXT NOT NULL, reason TEXT NOT NULL
    )""",
)
_APPEND_ONLY = (
    "audit", "opening", "reading", "source_file", "handed_out", "collected", "locking", "arm_on_a", "unblinding",
)  # fmt: skip
# by table: the one whose row settles it, after which nothing is added
_SETTLED_BY = {
    "study": "opening", "exam": "opening", "reader": "opening", "opening": "opening", "reading": "opening",
    "source_file": "opening", "handed_out": "locking", "collected": "locking", "locking": "locking",
    "arm_on_a": "unblinding", "unblinding": "unblinding",
}  # fmt: skip
_NUMBERED = ("audit", "handed_out", "collected")  # REPLACE, which asks no DELETE trigger, would need an old number


def upgrade() -> None:
    is_sqlite = op.get_bind().dialect.name == "sqlite"
    for table in _TABLES:
        op.execute(f"{table} STRICT" if is_sqlite else table.replace("BLOB", "BYTEA"))
    for statement in _sqlite_triggers() if is_sqlite else _postgresql_triggers():
        op.execute(statement)


def _sqlite_triggers() -> Iterator[str]:
    for table in _APPEND_ONLY:
        for deed in ("UPDATE", "DELETE"):
            yield _sqlite_trigger(table, deed, "true", "rows are never changed")
    for table, settled_by in _SETTLED_BY.items():
        for deed in ("INSERT",) if table in _APPEND_ONLY else ("INSERT", "UPDATE", "DELETE"):
            yield _sqlite_trigger(table, deed, f"EXISTS (SELECT 1 FROM {settled_by})", f"settled by {settled_by}")
    for table in _NUMBERED:
        condition = f"NEW.seq <> (SELECT coalesce(max(seq), 0) + 1 FROM {table})"
        yield _sqlite_trigger(table, "INSERT", condition, "rows come in order", "in_order")
    condition = "EXISTS (SELECT 1 FROM audit WHERE prev_hash = NEW.prev_hash OR hash = NEW.hash)"
    yield _sqlite_trigger("audit", "INSERT", condition, "rows make one chain", "one_chain")


def _sqlite_trigger(table: str, deed: str, condition: str, reason: str, rule: str = "settled") -> str:
    return (
        f"CREATE TRIGGER {table}_{deed.lower()}_{rule} BEFORE {deed} ON {table}"
        f" WHEN {condition} BEGIN SELECT RAISE(ABORT, '{table}: {reason}'); END"
    )


def _postgresql_triggers() -> Iterator[str]:
    yield """CREATE FUNCTION blindread_never() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        RAISE EXCEPTION '% rows are never changed', TG_TABLE_NAME; END $$"""
    yield """CREATE FUNCTION blindread_settled() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE found boolean; BEGIN
        EXECUTE format('SELECT EXISTS (SELECT 1 FROM %I)', TG_ARGV[0]) INTO found;
        IF found THEN RAISE EXCEPTION '% is settled by %', TG_TABLE_NAME, TG_ARGV[0]; END IF; RETURN NULL; END $$"""
    for table in _APPEND_ONLY:
        yield (
            f"CREATE TRIGGER {table}_never BEFORE UPDATE OR DELETE OR TRUNCATE ON {table}"
            " FOR EACH STATEMENT EXECUTE FUNCTION blindread_never()"
        )
    for table, settled_by in _SETTLED_BY.items():
        deeds = "INSERT" if table in _APPEND_ONLY else "INSERT OR UPDATE OR DELETE OR TRUNCATE"
        yield (
            f"CREATE TRIGGER {table}_settled BEFORE {deeds} ON {table}"
            f" FOR EACH STATEMENT EXECUTE FUNCTION blindread_settled('{settled_by}')"
        )
