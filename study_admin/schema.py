"""The tables of the study database, as this version reads and writes them.

They are made by the migrations, which alone know keys, checks and triggers; a test compares the two. `audit` is the
history, the other tables are what it adds up to. A stage is reached when its row is there (`opening`, `locking`,
`unblinding`), and from then on triggers keep what it settled from changing. No table but `arm_on_a`, which is empty
until the unblinding, tells which arm stood on which side.
"""

from sqlalchemy import Column, ForeignKey, Integer, LargeBinary, MetaData, Table, Text, UniqueConstraint

APPLICATION_ID = 0x424C5354  # "BLST": a session of the reader app has another one

metadata = MetaData()


def _text(name: str, *arguments: ForeignKey, key: bool = False, unique: bool = False) -> Column[str]:
    return Column(name, Text, *arguments, primary_key=key, nullable=False, unique=unique)


def _number(name: str, *, key: bool = False, nullable: bool = False) -> Column[int]:
    return Column(name, Integer, primary_key=key, nullable=nullable, autoincrement=False)


audit = Table(
    "audit",
    metadata,
    _number("seq", key=True),
    *(_text(name) for name in ("utc", "who", "what", "subject", "old", "new", "why")),
    _text("prev_hash", unique=True),  # two programs can't both continue one row
    _text("hash", unique=True),
)

# one row: the design without its exams and readers, as JSON
study = Table("study", metadata, _number("one", key=True), _text("design"))

exam = Table(
    "exam",
    metadata,
    _number("place", key=True),
    _text("name", unique=True),
    _number("is_practice"),
    _text("content"),  # JSON: files and facts
)

reader = Table(
    "reader",
    metadata,
    _number("place", key=True),
    _text("code", unique=True),
    _number("chosen_group", nullable=True),
)

opening = Table(
    "opening",
    metadata,
    _number("one", key=True),
    *(_text(name) for name in ("study_id", "algorithm", "commitment", "public_key")),
    *(_text(name) for name in ("exam_groups", "reader_groups")),  # JSON
    _number("has_third_copy"),
)

reading = Table(
    "reading",
    metadata,
    _number("place", key=True),
    _text("reading_id", unique=True),
    _text("package_id"),
    _text("reader", ForeignKey("reader.code")),
    _text("exam", ForeignKey("exam.name")),
    _number("position"),
    _number("is_practice"),
    UniqueConstraint("reader", "exam"),
    UniqueConstraint("reader", "is_practice", "position"),
)

source_file = Table(
    "source_file",
    metadata,
    _text("exam", ForeignKey("exam.name"), key=True),
    _text("role", key=True),
    _text("path"),
    _text("sha256"),
)

handed_out = Table(
    "handed_out",
    metadata,
    _number("seq", key=True),
    _text("reader", ForeignKey("reader.code")),
    *(_text(name) for name in ("package_id", "trail_head", "place")),
)

collected = Table(
    "collected",
    metadata,
    _number("seq", key=True),
    _text("reader", ForeignKey("reader.code")),
    *(_text(name) for name in ("package_id", "file_name", "sha256", "utc", "who")),
    Column("content", LargeBinary, nullable=False),  # the file as it came
)

locking = Table("locking", metadata, _number("one", key=True), *(_text(name) for name in ("utc", "who", "why")))

arm_on_a = Table("arm_on_a", metadata, _text("reading_id", ForeignKey("reading.reading_id"), key=True), _text("arm"))

unblinding = Table(
    "unblinding", metadata, _number("one", key=True), *(_text(name) for name in ("utc", "who", "reason"))
)
