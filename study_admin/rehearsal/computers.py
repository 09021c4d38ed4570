"""The simulated readers' computers: a folder each for the key that signs their results, apart from the user's own."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

HOME = "BLINDREAD_HOME"  # as reader_app.session.reader_key reads it


@contextmanager
def at_computer(homes: Path, code: str) -> Iterator[None]:
    """Whatever is signed in this block, here and in processes that it starts, is signed at that reader's computer."""
    before = os.environ.get(HOME)
    os.environ[HOME] = str(homes.absolute() / code)
    try:
        yield
    finally:
        if before is None:
            del os.environ[HOME]
        else:
            os.environ[HOME] = before
