"""What the command line asks a person for: passphrases, typed twice and never shown, or read from a file."""

import getpass
from pathlib import Path

from segmentation.errors import StudyError


def sealing_passphrases(
    own_file: Path | None, third_file: Path | None, *, is_third_wanted: bool = True
) -> tuple[str, str | None]:
    """The coordinator's passphrase, and that of the third person who keeps a second copy of the key.

    Raises StudyError if a second copy is wanted and there is no passphrase for it.
    """
    own = first_line(own_file) if own_file else ask_twice("Passphrase that seals the key (six random words): ")
    if not is_third_wanted:
        return own, None
    if third_file:
        return own, first_line(third_file)
    third = "" if own_file else ask_twice("Third person's passphrase, typed by that person: ")
    if not third:
        remedy = "Let a third person choose a passphrase (--third-person-passphrase-file), or say --no-third-person."
        raise StudyError("The second copy of the key has no passphrase.", remedy=remedy)
    return own, third


def passphrase(file: Path | None) -> str:
    """A passphrase that opens what is sealed already."""
    return first_line(file) if file else _ask("Passphrase of the sealed key: ")


def ask_twice(prompt: str) -> str:
    """A new passphrase; StudyError if the second typing differs."""
    first = _ask(prompt)
    if first and _ask("The same again: ") != first:
        raise StudyError("The two passphrases differ; nothing was written.", remedy="Start again.")
    return first


def _ask(prompt: str) -> str:
    try:
        return getpass.getpass(prompt)
    except EOFError:
        remedy = "Type it at a terminal, or give --passphrase-file."
        raise StudyError("There is nobody to ask for the passphrase.", remedy=remedy) from None


def first_line(path: Path) -> str:
    """The first line of a text file."""
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        remedy = "Give a text file with the passphrase in its first line."
        raise StudyError("The passphrase can't be read.", file=path, remedy=remedy) from error
    return lines[0] if lines else ""
