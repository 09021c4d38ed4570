"""The introduction: a few pages of text, the scale among them; Enter turns the page."""

from collections.abc import Callable
from html import escape

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QLabel

from reader_app.session.model import Protocol, Scale
from reader_app.views import texts, theme
from reader_app.views.page import ColumnPage, step_button


class IntroductionPage(ColumnPage):
    """Ends with `finished`; the study's own pages come in place of the app's if it has any."""

    title = "Introduction"
    finished = Signal()

    def __init__(self, protocol: Protocol, first_step: str) -> None:
        super().__init__()
        self._pages = texts.instruction(protocol.instruction) or texts.introduction()
        self._first_step = first_step
        self._number = 0
        self._count = theme.paragraph("", is_quiet=True)
        self._heading = theme.heading("")
        self._words = theme.paragraph("")
        self._scale = _scale_list(protocol.scale)
        for widget in (self._count, self._heading, self._words, self._scale):
            self.column.addWidget(widget)
        self._back = step_button("Back", self._turn_back)
        self.add_steps("Continue", self._turn, self._back)
        self._show()

    def acts(self) -> dict[str, Callable[[], None]]:
        return super().acts() | {"previous": self._turn_back}

    def _turn(self) -> None:
        if self._number + 1 == len(self._pages):
            self.finished.emit()
            return
        self._number += 1
        self._show()

    def _turn_back(self) -> None:
        self._number = max(0, self._number - 1)
        self._show()

    def _show(self) -> None:
        page = self._pages[self._number]
        is_last = self._number + 1 == len(self._pages)
        self._count.setText(f"{self._number + 1} of {len(self._pages)}")
        self._heading.setText(page.heading)
        self._words.setText("\n\n".join(page.paragraphs))
        self._scale.setVisible(self._number == 0)
        self._back.setEnabled(self._number > 0)
        assert self._next
        self._next.setText(self._first_step if is_last else "Continue")


def _scale_list(scale: Scale) -> QLabel:
    number = "<td align='right' style='padding-right:14px'><b>{}</b></td>"
    rows = "".join(f"<tr>{number.format(anchor.value)}<td>{escape(anchor.label)}</td></tr>" for anchor in scale.anchors)
    label = QLabel(f"<table cellspacing='3'>{rows}</table>")
    label.setAccessibleName("The scale")
    return label
