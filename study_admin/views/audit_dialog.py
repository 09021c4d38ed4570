"""The audit trail: every change of the study, who made it and when, with the chain verified."""

from PySide6.QtWidgets import QDialog, QHBoxLayout, QLineEdit, QPlainTextEdit, QVBoxLayout, QWidget

from reader_app.views import theme
from study_admin import conduct
from study_admin.standing import count
from study_admin.study_folder import StudyFolder
from study_admin.views.stage_page import button, fill, table

_SHORT = 24  # characters


class AuditDialog(QDialog):
    """Raises StudyError if a row of the trail was altered."""

    def __init__(self, parent: QWidget, folder: StudyFolder) -> None:
        rows, head = conduct.audit(folder)
        super().__init__(parent)
        self.setWindowTitle("Audit trail")
        self.setModal(True)
        self.resize(960, 600)
        column = QVBoxLayout(self)
        column.setContentsMargins(20, 16, 20, 14)
        column.addWidget(theme.heading("Audit trail"))
        column.addWidget(
            theme.paragraph(f"✓ {count(len(rows), 'row')}, each chained to the one before; none was altered.")
        )
        self.table = table(
            ("No.", "When (UTC)", "Who", "What", "To what", "Before", "After", "Why"), "Rows of the audit trail"
        )
        fill(self.table, [
            (str(r.seq), r.utc[:19].replace("T", " "), r.who, r.what, r.subject, _short(r.old), _short(r.new), r.why)
            for r in rows
        ])  # fmt: skip
        column.addWidget(self.table, 2)
        self.change = QPlainTextEdit()
        self.change.setReadOnly(True)
        self.change.setAccessibleName("The chosen row's values before and after")
        self.change.setTabChangesFocus(True)
        column.addWidget(self.change, 1)
        self._rows = rows
        self.table.itemSelectionChanged.connect(self._show_change)
        self.table.setCurrentCell(len(rows) - 1, 0)
        column.addWidget(theme.paragraph("Hash of the last row; whoever has noted it can tell later that no row before "
                                         "it was changed:", is_quiet=True))  # fmt: skip
        self.head = QLineEdit(head)
        self.head.setReadOnly(True)
        self.head.setAccessibleName("Hash of the last row")
        column.addWidget(self.head)
        row = QHBoxLayout()
        row.addStretch()
        row.addWidget(theme.primary(button("Close", self.accept)))
        column.addLayout(row)

    def _show_change(self) -> None:
        row = self._rows[self.table.currentRow()]
        self.change.setPlainText(f"Before: {row.old or '–'}\nAfter: {row.new or '–'}")


def _short(value: str) -> str:
    """What a column has room for; the whole stands below the table."""
    return value if len(value) <= _SHORT else f"{value[: _SHORT - 1]}…"
