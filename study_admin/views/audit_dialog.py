"""The audit trail: every change of the study, who made it and when, with the chain verified."""

from PySide6.QtWidgets import QDialog, QHBoxLayout, QLineEdit, QVBoxLayout, QWidget

from reader_app.views import theme
from study_admin import conduct
from study_admin.study_folder import StudyFolder
from study_admin.views.stage_page import button, fill, table


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
        column.addWidget(theme.paragraph(f"✓ {len(rows)} rows, each chained to the one before; none was altered."))
        self.table = table(("No.", "When (UTC)", "Who", "What", "To what", "Why"), "Rows of the audit trail")
        fill(self.table, [(str(r.seq), r.utc[:19].replace("T", " "), r.who, r.what, r.subject, r.why) for r in rows])
        column.addWidget(self.table, 1)
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
