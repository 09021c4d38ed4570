"""The study's closing questions, one a page, each with its exam beside it if it has one."""

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from reader_app.session.model import ClosingQuestion
from reader_app.views import theme
from reader_app.views.page import COLUMN_WIDTH, Page, step_button


class ClosingPage(Page):
    """Digits choose: first the answer, then, where it is asked, how sure; Enter goes on."""

    answered = Signal(str, str, object)  # question, choice, confidence or None
    postponed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._pictures = QVBoxLayout()
        self._count = theme.paragraph("", is_quiet=True)
        self._words = theme.heading("")
        self._confidence_words = theme.paragraph("")
        self._choices = ChoiceRow()
        self._confidences = ChoiceRow()
        for row in (self._choices, self._confidences):
            row.chosen.connect(self._show_state)
        self._next = theme.primary(step_button("Continue", self._go_on))
        self._question: ClosingQuestion | None = None
        self._lay_out()

    def _lay_out(self) -> None:
        inside = QWidget()
        inside.setMaximumWidth(COLUMN_WIDTH + 240)
        asked = QVBoxLayout(inside)
        asked.setSpacing(8)
        for widget in (self._count, self._words, self._choices, self._confidence_words, self._confidences):
            asked.addWidget(widget)
        steps = QHBoxLayout()
        steps.addWidget(step_button("Later: to the review", self.postponed.emit))
        steps.addStretch()
        steps.addWidget(self._next)
        asked.addLayout(steps)
        row = QHBoxLayout()
        row.addStretch(1)
        row.addWidget(inside, 8)
        row.addStretch(1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 10)
        column.addStretch(1)
        column.addLayout(self._pictures, 100)
        column.addLayout(row)
        column.addStretch(1)

    def ask(self, question: ClosingQuestion, place: tuple[int, int], title: str, looking: QWidget | None) -> None:
        """Show a question; `title` names the exam that it is about, `looking` shows it."""
        self._question = question
        number, count = place
        self._count.setText(f"Question {number} of {count}" + (f"   ·   about {title}" if title else ""))
        self._words.setText(question.text)
        self._choices.show_choices(question.choices)
        self._confidence_words.setText(question.confidence_text)
        self._confidences.show_choices(question.confidence_choices)
        if looking:
            self._pictures.addWidget(looking)
            looking.show()
        self._show_state()

    @property
    def title(self) -> str:
        return self._count.text()

    def acts(self) -> dict[str, Callable[[], None]]:
        digits = {f"digit-{n}": partial(self._type, n) for n in range(1, 10)}
        return {**digits, "next": self._go_on, "clear": self._clear}

    def _type(self, digit: int) -> None:
        is_second = self._choices.choice is not None and self._has_confidence
        (self._confidences if is_second else self._choices).choose(digit - 1)

    def _clear(self) -> None:
        for row in (self._choices, self._confidences):
            row.clear()
        self._show_state()

    @property
    def _has_confidence(self) -> bool:
        return bool(self._question and self._question.confidence_choices)

    def _show_state(self) -> None:
        is_chosen = self._choices.choice is not None
        self._confidence_words.setVisible(self._has_confidence)
        self._confidences.setVisible(self._has_confidence)
        self._confidences.setEnabled(is_chosen)
        self._next.setEnabled(is_chosen and (self._confidences.choice is not None or not self._has_confidence))

    def _go_on(self) -> None:
        if self._question and self._choices.choice is not None and self._next.isEnabled():
            self.answered.emit(self._question.question_id, self._choices.choice, self._confidences.choice)


class ChoiceRow(QWidget):
    """Answers side by side, each with the digit that chooses it."""

    chosen = Signal()

    def __init__(self) -> None:
        super().__init__()
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._buttons: list[QPushButton] = []
        self._texts: tuple[str, ...] = ()

    def show_choices(self, texts: tuple[str, ...]) -> None:
        for button in self._buttons:
            self._row.removeWidget(button)
            button.hide()
            button.deleteLater()
        self._texts = texts
        self._buttons = [self._button(number, text) for number, text in enumerate(texts, start=1)]
        for button in self._buttons:
            self._row.addWidget(button, 1)

    def _button(self, number: int, text: str) -> QPushButton:
        button = QPushButton(f"{number}   {text}")
        button.setCheckable(True)
        button.setMinimumHeight(38)
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        button.clicked.connect(lambda: self.choose(number - 1))
        return button

    @property
    def choice(self) -> str | None:
        """The words of the chosen answer."""
        return next((text for text, b in zip(self._texts, self._buttons, strict=True) if b.isChecked()), None)

    def choose(self, index: int) -> None:
        if 0 <= index < len(self._buttons):
            for place, button in enumerate(self._buttons):
                button.setChecked(place == index)
                theme.mark(button, place == index)
            self.chosen.emit()

    def clear(self) -> None:
        for button in self._buttons:
            button.setChecked(False)
            theme.mark(button, False)
