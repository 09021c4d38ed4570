"""The signature, and the receipt that follows it."""

from pathlib import Path

from PySide6.QtCore import QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QFileDialog, QFormLayout, QLabel, QLineEdit, QWidget

from reader_app.session.store import Receipt
from reader_app.views import theme
from reader_app.views.page import ColumnPage, step_button

MEANING = "I have read these exams myself, and these scores are my own judgement."
_FINAL = "After you have signed, no score can be changed by anyone."


class SignOffPage(ColumnPage):
    """Asks for the name under the signature's meaning."""

    title = "Sign-off"
    signed = Signal(str, str)  # name, meaning
    back = Signal()

    def __init__(self, name: str, scored: int) -> None:
        super().__init__()
        self.column.addWidget(theme.heading("Sign"))
        self.column.addWidget(theme.paragraph(f"You have read {scored} exams. {_FINAL}"))
        self.column.addWidget(theme.paragraph(f"“{MEANING}”"))
        self.name = QLineEdit(name)
        self.name.setMinimumHeight(34)
        self.name.setAccessibleName("Your name")
        self.name.returnPressed.connect(self._sign)
        form = QFormLayout()
        form.addRow("Your name", self.name)
        self.column.addLayout(form)
        self._missing = theme.paragraph("")
        theme.paint(self._missing, text=theme.AMBER)
        self.column.addWidget(self._missing)
        self.add_steps("Sign now", self._sign, step_button("Back to the review", self.back.emit))

    def start_focus(self) -> QWidget:
        return self.name

    def _sign(self) -> None:
        if self.name.text().strip():
            self.signed.emit(self.name.text().strip(), MEANING)
        else:
            self._missing.setText("Please enter your name.")


class ReceiptPage(ColumnPage):
    """What was signed, where the results file lies, and what to do with it."""

    title = "Receipt"
    copied = Signal(Path)
    reviewed = Signal()
    closed = Signal()

    def __init__(self, receipt: Receipt, results: Path | None, *, is_kiosk: bool) -> None:
        super().__init__()
        self._results = results
        self.column.addWidget(theme.heading("Thank you. Your reading is signed."))
        form = QFormLayout()
        form.setHorizontalSpacing(24)
        form.setVerticalSpacing(10)
        for words, value in (
            ("Exams", str(receipt.count)),
            ("Signed", f"{receipt.utc.astimezone():%d %B %Y, %H:%M}"),
            ("Receipt code", receipt.code),
        ):
            label = QLabel(value)
            theme.sized(label, 1.25, is_bold=words == "Receipt code")
            form.addRow(words, label)
        self.column.addLayout(form)
        if results:
            send = "Send this one file to the coordinator of the study, and keep the receipt code:"
            self.column.addWidget(theme.paragraph(send))
            path = theme.paragraph(str(results))
            theme.paint(path, text=theme.ACCENT)
            self.column.addWidget(path)
        others = [step_button("Look at the scores", self.reviewed.emit)]
        if not is_kiosk:
            others.append(step_button("Save a copy…", self._copy))
        if not is_kiosk and results:
            others.append(step_button("Open its folder", self._open_folder))
        self.add_steps("Close", self.closed.emit, *others)

    def _open_folder(self) -> None:
        assert self._results
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._results.parent)))

    def _copy(self) -> None:
        proposed = self._results.name if self._results else "results.json"
        path, _ = QFileDialog.getSaveFileName(self, "Save a copy of the results", proposed, "Results (*.json)")
        if path:
            self.copied.emit(Path(path))
