"""One line for words: a comment, or why something cannot be scored; for A, for B, or for the exam."""

from collections.abc import Callable
from functools import partial
from typing import Any

from PySide6.QtCore import QStringListModel, Qt, Signal
from PySide6.QtWidgets import QCompleter, QFrame, QHBoxLayout, QLabel, QLineEdit, QPushButton, QWidget

from reader_app.session.model import ReadingAnswers, Side
from reader_app.views import theme

COMMENT, CANNOT_SCORE = "comment", "cannot score"
_TARGETS: dict[str, Side | None] = {"A": Side.A, "B": Side.B, "Exam": None}
_REASONS = ("Poor quality", "No tumour visible", "Wrong images")


class RemarkRow(QFrame):
    """Closed it is hidden and takes no key. What was typed but not saved comes back with the exam; Esc gives it up."""

    comment_given = Signal(object, str)  # side or None for the exam, words
    reason_given = Signal(object, str)  # the same; no words take the mark back
    closed = Signal()
    changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        theme.paint(self, ground=theme.RAISED)
        self._kind = COMMENT
        self._target: Side | None = None
        self._answers = ReadingAnswers()
        self._label = QLabel()
        self._targets = {name: _quiet(name, partial(self._aim_at, side)) for name, side in _TARGETS.items()}
        self.field = _Field()
        self.field.turned.connect(self._turn)
        self._proposals = QStringListModel(self)
        completer = QCompleter(self._proposals, self)
        completer.setCompletionMode(QCompleter.CompletionMode.InlineCompletion)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self.field.setCompleter(completer)
        self.field.setMaxLength(2000)
        self.field.returnPressed.connect(self.save)
        self.field.textEdited.connect(lambda _: self.changed.emit())
        self._reasons = [_quiet(words, partial(self._give_reason, words)) for words in _REASONS]
        self._take_back = _quiet("Take back", lambda: self._give_reason(""))
        self._lay_out()
        self.hide()

    def _lay_out(self) -> None:
        row = QHBoxLayout(self)
        row.setContentsMargins(12, 5, 8, 5)
        row.addWidget(self._label)
        for target in self._targets.values():
            target.setFixedWidth(64)
            row.addWidget(target)
        row.addWidget(self.field, 1)
        for button in (*self._reasons, self._take_back):
            row.addWidget(button)
        row.addWidget(_quiet("Save (Enter)", self.save))
        row.addWidget(_quiet("Close (Esc)", self.closed.emit))

    @property
    def is_open(self) -> bool:
        return not self.isHidden()

    def open(self, kind: str, target: Side | None) -> None:
        """Show the line with what is stored, and type into it."""
        self._kind, self._target = kind, target
        self._label.setText("Comment on" if kind == COMMENT else "Cannot score")
        name = next(text for text, side in _TARGETS.items() if side is target)
        for text, button in self._targets.items():
            theme.mark(button, text == name)
        stored = self._stored()
        self.field.setText(stored)
        self.field.setPlaceholderText("Tab: A, B or the exam" if kind == COMMENT else "Why not? Choose or type.")
        self._proposals.setStringList([] if kind == COMMENT else _REASONS)
        self.field.setAccessibleName(f"{self._label.text()} {name}")
        for reason in self._reasons:
            reason.setVisible(kind == CANNOT_SCORE and not stored)
        self._take_back.setVisible(kind == CANNOT_SCORE and bool(stored))
        self.show()
        self.field.setFocus()
        if kind == COMMENT:
            self.field.end(False)  # a comment grows; a reason is chosen anew
        else:
            self.field.selectAll()

    def _turn(self, step: int) -> None:
        order = list(_TARGETS.values())
        self._aim_at(order[(order.index(self._target) + step) % len(order)])

    def _aim_at(self, target: Side | None) -> None:
        """The same words for another target, unless something is stored there."""
        words = self.field.text()
        is_new = words.strip() != self._stored()
        self.open(self._kind, target)
        if is_new and not self.field.text():
            self.field.setText(words)
            self.changed.emit()

    def show_answers(self, answers: ReadingAnswers) -> None:
        """What is stored for the open exam."""
        self._answers = answers

    def _stored(self) -> str:
        holder = self._answers.side(self._target) if self._target else self._answers
        return (holder.comment if self._kind == COMMENT else holder.cannot_score) or ""

    def save(self) -> None:
        """Pass the words on; who takes them closes the line, or leaves it open if they can't be saved."""
        words = self.field.text().strip()
        is_new = words != self._stored()
        if is_new and self._kind == COMMENT:
            self.comment_given.emit(self._target, words)
        elif is_new:
            self.reason_given.emit(self._target, words)
        else:
            self.closed.emit()

    def _give_reason(self, words: str) -> None:
        self.field.setText(words)
        self.save()

    # --- drafts ---

    def draft(self) -> dict[str, Any] | None:
        """What is typed but not saved, as JSON values."""
        if not self.is_open or self.field.text().strip() == self._stored():
            return None
        return {"kind": self._kind, "target": self._target, "words": self.field.text()}

    def restore(self, draft: object) -> None:
        """Open again with a draft, without taking the keys."""
        if not isinstance(draft, dict) or draft.get("kind") not in (COMMENT, CANNOT_SCORE):
            return
        target = draft.get("target")
        self.open(draft["kind"], Side(target) if target in list(Side) else None)
        self.field.setText(str(draft.get("words", "")))
        self.field.clearFocus()


class _Field(QLineEdit):
    """Tab stays in it: there is nowhere else to type."""

    turned = Signal(int)

    def focusNextPrevChild(self, is_next: bool) -> bool:
        self.turned.emit(1 if is_next else -1)
        return True


def _quiet(text: str, act: Callable[[], object]) -> QPushButton:
    button = QPushButton(text)
    button.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    button.clicked.connect(lambda: act())
    return button
