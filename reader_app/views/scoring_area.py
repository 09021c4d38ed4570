"""Both scoring panels and the keys that fill them."""

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from reader_app.session.model import Side
from reader_app.sitting import Sitting
from reader_app.views.scoring_panel import ScoringPanel, Shown
from segmentation.errors import StudyError


class ScoringArea(QWidget):
    """Two panels, A left and B right, over one sitting."""

    changed = Signal()  # an answer is on the disk, or the focus moved
    failed = Signal(StudyError)

    def __init__(self, sitting: Sitting, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._sitting = sitting
        row = QHBoxLayout(self)
        row.setContentsMargins(6, 0, 6, 0)
        row.setSpacing(8)
        self.panels = {side: ScoringPanel(side, sitting.protocol.scale) for side in Side}
        for panel in self.panels.values():
            panel.scored.connect(self._score_by_mouse)
            panel.pointed_at.connect(self._put_on)
            row.addWidget(panel, 1)

    def acts(self) -> dict[str, Callable[[], None]]:
        return {f"digit-{n}": partial(self.type, n) for n in range(10)} | {
            "other-side": partial(self._other, is_backwards=False),
            "other-side-back": partial(self._other, is_backwards=True),
            "clear": self.clear,
        }

    def type(self, digit: int) -> None:
        """A number key."""
        if not self._may_change():
            return
        typed = self._sitting.entry.type(digit)
        if typed:
            self._score(*typed, how="key")
        self._show_change()

    def end_wait(self) -> None:
        """The reader did something else: a 1 that was typed stays a 1."""
        if self._sitting.entry.end_wait():
            self._show_change()

    def clear(self) -> None:
        """Take back the score of the framed side."""
        side = self._sitting.entry.focus
        if side and self._may_change() and self._sitting.shown_score(side) is not None:
            self._sitting.entry.put_on(side)
            self._score(side, None, how="clear")
            self._show_change()

    def drop_drags(self) -> None:
        """The exam changes or is hidden: a handle that is held is let go, and scores nothing."""
        for panel in self.panels.values():
            panel.slider.drop_drag()

    def show_state(self) -> None:
        """Bring both panels up to date."""
        for side, panel in self.panels.items():
            panel.show_state(self._shown(side))

    def _score_by_mouse(self, side: Side, value: int) -> None:
        if not self._may_change():
            return
        self._score(side, value, how="slider")
        missing = self._sitting.missing_sides()
        self._sitting.entry.put_on(missing[0] if missing else None)
        self._show_change()

    def _score(self, side: Side, value: int | None, *, how: str) -> None:
        try:
            self._sitting.score(side, value, how)
        except StudyError as error:
            self.failed.emit(error)

    def _put_on(self, side: Side) -> None:
        self._sitting.entry.put_on(side)
        for each, panel in self.panels.items():
            panel.show_frame(each is side)

    def _other(self, *, is_backwards: bool) -> None:
        self._sitting.entry.other(is_backwards=is_backwards)
        self._show_change()

    def _show_change(self) -> None:
        self.show_state()
        self.changed.emit()

    def _may_change(self) -> bool:
        return bool(self._sitting.reading and self._sitting.may_change(self._sitting.reading))

    def _shown(self, side: Side) -> Shown:
        value = self._sitting.shown_score(side)
        note, is_trouble = self._note(side, value)
        is_open = self._may_change()
        return Shown(value, note, is_trouble, is_open and self._sitting.entry.focus is side, is_open)

    def _note(self, side: Side, value: int | None) -> tuple[str, bool]:
        answers = self._sitting.answers
        if self._sitting.is_unsaved(side):
            return "NOT saved", True
        if self._sitting.entry.waiting is side:
            return "0 makes it 10", False
        reason = answers.side(side).cannot_score or answers.cannot_score
        if value is None:
            return ("cannot score" if reason else "no score yet"), False
        return ("saved" if self._may_change() else "final"), False
