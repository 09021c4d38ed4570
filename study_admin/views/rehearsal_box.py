"""A rehearsal of the study before it opens: the question, the run beside the window, and what it found."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QUrl
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QDoubleSpinBox, QHBoxLayout, QLabel, QVBoxLayout, QWidget

from reader_app.views import theme
from segmentation.errors import StudyError
from study_admin.rehearsal.apart import Said, next_place, rehearse_apart
from study_admin.rehearsal.place import PAGE
from study_admin.views.act_dialog import ActDialog
from study_admin.views.background import Progress
from study_admin.views.stage_page import button, caption
from study_admin.views.walk import Walk

if TYPE_CHECKING:
    from study_admin.rehearsal.wish import Wish

_WHAT = (
    "Simulated readers take your design and your exams from the draw to the report, in a folder of their own. It says "
    "whether the study would find a difference that is there, and breaks things on purpose to see that each is caught."
)
_ONLY_READ = (
    "The study itself is only read; nothing of it is drawn or written. The rehearsal goes into a folder beside the "
    "study's. A small study takes a minute or two."
)
_UNWRITTEN = "The form of stage 1 holds changes that are not written: the study would be rehearsed without them."
WRITE_FIRST = "Write or discard them first, in stage 1."
_EFFECT = "True difference, points"
_CANCELLED = "Cancelled. What was rehearsed is kept: rehearse again to go on."
_BY_HAND = "Open it in your web browser."


class RehearsalBox(QWidget):
    """Part of the page of stage 3, until the study is open."""

    def __init__(self, walk: Walk) -> None:
        super().__init__()
        self._walk = walk
        self._page: Path | None = None
        self.found: list[QLabel] = []
        self._lines = QVBoxLayout()
        self.start = button("Rehearse first…", self.ask)
        self.look = button("Show the rehearsal", self._show_page, "One page with pictures, in your web browser")
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 14, 0, 0)
        column.addWidget(caption("Not sure yet?"))
        column.addWidget(theme.paragraph(_WHAT))
        column.addLayout(self._lines)
        row = QHBoxLayout()
        row.addWidget(self.start)
        row.addWidget(self.look)
        row.addStretch()
        column.addLayout(row)
        self.forget()

    def forget(self) -> None:
        """Another study, or a change to this one: what was found is not of it."""
        self._page = None
        self._tell(())
        self.look.hide()

    def _tell(self, lines: Sequence[Said]) -> None:
        """One label a sentence, for each has a colour of its own."""
        for label in self.found:
            self._lines.removeWidget(label)
            label.deleteLater()
        self.found = []
        for is_good, words in lines:
            label = theme.paragraph(f"{'✓' if is_good else '⚠'} {words}")
            theme.paint(label, text=theme.TEXT if is_good else theme.AMBER)
            self._lines.addWidget(label)
            self.found.append(label)

    def ask(self) -> None:
        """What will happen, and how large a difference the simulated readers see."""
        from study_admin.rehearsal.wish import Wish  # with scipy, a second that the window needs not wait for

        self._walk.act_begun.emit()
        folder = self._walk.folder
        assert folder
        if self._walk.is_unwritten:
            self._walk.troubled.emit(StudyError(_UNWRITTEN, remedy=WRITE_FIRST))
            return
        dialog = ActDialog(self, "Rehearse the study", "Rehearse", (_WHAT, _ONLY_READ))
        effect = QDoubleSpinBox()
        effect.setRange(-5, 5)
        effect.setSingleStep(0.1)
        effect.setValue(Wish.effect)
        effect.setAccessibleName(_EFFECT)
        effect.setToolTip("Second method minus first, as readers would score on average")
        dialog.fields.addRow(_EFFECT, effect)
        dialog.ask(lambda: None, lambda: self._rehearse(Wish(study=str(folder.path), effect=effect.value())))

    def _rehearse(self, wish: "Wish") -> None:
        background, place = self._walk.background, next_place(wish)

        def work(progress: Progress) -> tuple[Said, ...]:
            return rehearse_apart(wish, place, background.renamed.emit, progress)

        def show(lines: tuple[Said, ...]) -> None:
            self._page = place / PAGE
            self._tell(lines)
            self.look.show()
            self._walk.told.emit(f"The rehearsal lies in {place}.")

        self._walk.do("Rehearsing", work, show, cancelled=_CANCELLED)

    def _show_page(self) -> None:
        if not self._page or not QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._page))):
            self._walk.troubled.emit(StudyError("The page can't be shown from here.", file=self._page, remedy=_BY_HAND))
