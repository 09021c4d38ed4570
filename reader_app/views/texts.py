"""The longer texts that the app shows, read from the installed help files."""

from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True)
class Text:
    """A heading and its paragraphs."""

    heading: str
    paragraphs: tuple[str, ...]


@cache
def introduction() -> tuple[Text, ...]:
    """The app's own introduction, for a study that brings none."""
    return _pages("introduction.txt")


@cache
def help_texts() -> tuple[Text, ...]:
    """What the help page says besides the keys."""
    return _pages("help.txt")


def instruction(pages: tuple[str, ...]) -> tuple[Text, ...]:
    """A study's own introduction: the first line of each page is its heading."""
    return tuple(_text(page) for page in pages)


def _pages(name: str) -> tuple[Text, ...]:
    whole = (files("blindread_assets") / "help" / name).read_text(encoding="utf-8")
    return tuple(_text(page) for page in whole.split("\n---\n"))


def _text(page: str) -> Text:
    heading, _, rest = page.strip().partition("\n")
    return Text(heading, tuple(part.strip() for part in rest.strip().split("\n\n") if part.strip()))
