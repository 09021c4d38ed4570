"""The versions of the study database and the way from one to the next, by Alembic.

A new version is a file in `versions`: `revision` counts up ("0002"), since SQLite keeps the number in the file's
header, where a version that is too new can be told before the file is touched.
"""

from pathlib import Path
from threading import Lock

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

VERSION_TABLE = "blindread_revision"
FOLDER = Path(__file__).parent
_ONE_AT_A_TIME = Lock()  # Alembic keeps the migration under way in a global


def newest() -> int:
    """The version that this program makes."""
    return int(ScriptDirectory(str(FOLDER)).get_current_head() or 0)


def version_of(connection: Connection) -> int:
    """The version of a database; 0 if it has none of our tables, -1 if what is noted there is no version of ours."""
    heads = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE}).get_current_heads()
    if not heads:
        return 0
    return int(heads[0]) if len(heads) == 1 and heads[0].isdecimal() and heads[0].isascii() else -1


def upgrade(connection: Connection, version: int) -> None:
    """Bring a database to a version, in the transaction that `connection` is in."""
    config = Config()
    config.set_main_option("script_location", str(FOLDER).replace("%", "%%"))
    config.attributes["connection"] = connection
    with _ONE_AT_A_TIME:
        command.upgrade(config, f"{version:04}")
