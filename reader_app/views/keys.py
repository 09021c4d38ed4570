"""All keys, in one table: shortcuts, tool tips and the help page come from it and from nowhere else."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QObject
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QWidget


@dataclass(frozen=True)
class Key:
    """One act: its keys in Qt's portable names, what it does, and whether holding the key repeats it."""

    act: str
    keys: tuple[str, ...]
    text: str
    group: str
    is_repeated: bool = False

    @property
    def shown(self) -> str:
        """The keys as people read them.

        >>> Key("next", ("Return", "Enter", "N"), "next exam", "Exams").shown
        'Enter or N'
        """
        names = dict.fromkeys(_SHOWN.get(key, key) for key in self.keys)
        return " or ".join(names)


_SHOWN = {
    "Return": "Enter",
    "Del": "Delete",
    "Esc": "Esc",
    "PgUp": "Page Up",
    "PgDown": "Page Down",
    "Left": "←",
    "Right": "→",
    "Up": "↑",
    "Down": "↓",
    "-": "−",
    "=": "+",
    "Backtab": "Shift+Tab",
    "Shift+Backtab": "Shift+Tab",
}

SCORE, LOOK, PLACE, EXAMS, WINDOW = "Score", "Look", "Place", "Exams", "Window"

KEYS = (
    *(Key(f"digit-{n}", (str(n),), f"score {n} for the framed side", SCORE) for n in range(10)),
    Key("other-side", ("Tab",), "the other side", SCORE),
    Key("other-side-back", ("Shift+Backtab", "Shift+Tab"), "the other side, backwards", SCORE),
    Key("clear", ("Del",), "take the score back", SCORE),
    Key("comment", ("K",), "comment on the framed side or the exam", SCORE),
    Key("cannot-score", ("U",), "cannot score: say why", SCORE),
    Key("next", ("Return", "Enter", "N"), "next exam", EXAMS),
    Key("previous", ("P",), "previous exam", EXAMS),
    Key("go-on", ("G",), "go on without a score, when asked", EXAMS),
    Key("exam-list", ("L",), "list of exams", EXAMS),
    Key("pause", ("F9",), "pause: hides the images", EXAMS),
    Key("layer", ("T",), "T1c or FLAIR", LOOK),
    Key("overlay", ("S",), "show or hide both segmentations", LOOK),
    Key("style", ("O",), "filled or outlined", LOOK),
    Key("fainter", ("A",), "segmentations fainter", LOOK, is_repeated=True),
    Key("stronger", ("D",), "segmentations stronger", LOOK, is_repeated=True),
    Key("auto-window", ("W",), "brightness and contrast: automatic", LOOK),
    Key("next-preset", ("Shift+W",), "brightness and contrast: next preset", LOOK),
    Key("interpolation", ("I",), "smooth or voxels", LOOK),
    Key("crosshair", ("X",), "show or hide the crosshair", LOOK),
    Key("layout", ("V",), "next layout", LOOK),
    Key("layout-both", ("F2",), "both layers, three planes", LOOK),
    Key("layout-one", ("F3",), "one layer, three planes", LOOK),
    Key("layout-plane", ("F4",), "one plane, large", LOOK),
    Key("layout-surface", ("F5",), "3-D surfaces, if the study shows them", LOOK),
    Key("maximise", ("M",), "enlarge the view under the mouse", LOOK),
    Key("left", ("Left",), "crosshair left", PLACE, is_repeated=True),
    Key("right", ("Right",), "crosshair right", PLACE, is_repeated=True),
    Key("up", ("Up",), "crosshair up", PLACE, is_repeated=True),
    Key("down", ("Down",), "crosshair down", PLACE, is_repeated=True),
    Key("slice-up", ("PgUp",), "next slice", PLACE, is_repeated=True),
    Key("slice-down", ("PgDown",), "previous slice", PLACE, is_repeated=True),
    Key("zoom-in", ("+", "="), "zoom in", PLACE, is_repeated=True),
    Key("zoom-out", ("-",), "zoom out", PLACE, is_repeated=True),
    Key("centre", ("C",), "centre on the crosshair", PLACE),
    Key("start-slice", ("Home",), "back to the start slice", PLACE),
    Key("reset", ("R",), "reset the view", PLACE),
    Key("back", ("Esc",), "back: closes what is open, leaves a text field", WINDOW),
    Key("help", ("?", "F1"), "this help", WINDOW),
    Key("full-screen", ("F11",), "full screen", WINDOW),
    Key("open", ("Ctrl+O",), "open a package", WINDOW),
    Key("quit", ("Ctrl+Q",), "quit; everything is kept", WINDOW),
)
BY_ACT = {key.act: key for key in KEYS}

# These work even while text is typed; a `?` then goes into the text, F1 does not.
ALWAYS = {"back", "help", "open", "quit", "full-screen"}


def tip(act: str) -> str:
    """An act's words and key, for a tool tip."""
    key = BY_ACT[act]
    return f"{key.text[0].upper()}{key.text[1:]}  ({key.shown})"


def help_rows() -> list[tuple[str, str, str]]:
    """Group, keys and words of each line of the help page; the ten digits share one."""
    digits = (SCORE, "0 to 9", "score the framed side, at once; 1 then 0 is 10")
    rest = [(key.group, key.shown, key.text) for key in KEYS if not key.act.startswith("digit-")]
    return [digits, *rest]


class Shortcuts(QObject):
    """The table as shortcuts of one window: each calls `window.act(name)`; `offer` says which are live."""

    def __init__(self, window: QWidget, act: Callable[[str], None]) -> None:
        super().__init__(window)
        self._shortcuts: dict[str, list[QShortcut]] = {}
        for key in KEYS:
            made = [QShortcut(QKeySequence(name), window) for name in key.keys]
            for shortcut in made:
                shortcut.setAutoRepeat(key.is_repeated)
                shortcut.activated.connect(partial(act, key.act))
            self._shortcuts[key.act] = made
        self._offered: tuple[frozenset[str], bool] | None = None

    def offer(self, acts: set[str], *, is_typing: bool) -> None:
        """Leave only these live; while text is typed, only those that no text needs."""
        wanted = (frozenset(acts), is_typing)
        if wanted == self._offered:
            return
        self._offered = wanted
        for act, shortcuts in self._shortcuts.items():
            is_live = act in acts and (not is_typing or act in ALWAYS)
            for shortcut in shortcuts:
                shortcut.setEnabled(is_live)
