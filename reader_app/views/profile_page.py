"""Who reads: four fields, asked once, before the first exam."""

from PySide6.QtCore import QRegularExpression, QStringListModel, Qt, Signal
from PySide6.QtGui import QRegularExpressionValidator
from PySide6.QtWidgets import QCompleter, QFormLayout, QLabel, QLineEdit, QWidget

from reader_app.session.model import ReaderProfile
from reader_app.views import theme
from reader_app.views.page import ColumnPage

_SPECIALTIES = ("Neuroradiology", "Radiology", "Radiology, in training", "Neurosurgery", "Neuro-oncology")
_YEARS = QRegularExpression("([0-7]?[0-9]|80)?")


class ProfilePage(ColumnPage):
    """Passes on the profile once name and specialty are there; Enter goes from field to field."""

    title = "Profile"
    completed = Signal(ReaderProfile)

    def __init__(self, profile: ReaderProfile | None = None) -> None:
        super().__init__()
        self.name = QLineEdit(profile.name if profile else "")
        self.specialty = QLineEdit(profile.specialty if profile else "")
        completer = QCompleter(QStringListModel(_SPECIALTIES), self.specialty)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        completer.setCompletionMode(QCompleter.CompletionMode.InlineCompletion)  # a pop-up would take the Enter key
        self.specialty.setCompleter(completer)
        self.years = QLineEdit()
        self.years.setValidator(QRegularExpressionValidator(_YEARS))  # an empty field is valid, and Enter leaves it
        self.site = QLineEdit(profile.site_code if profile else "")
        self.column.addWidget(theme.heading("Who reads?"))
        about = "Asked once. Your name goes under your signature at the end; the rest describes the group of readers."
        self.column.addWidget(theme.paragraph(about, is_quiet=True))
        self.column.addLayout(self._form())
        self._missing = theme.paragraph("")
        self.column.addWidget(self._missing)
        self.add_steps("Continue", self._complete)

    def _form(self) -> QFormLayout:
        form = QFormLayout()
        form.setSpacing(12)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        rows = (
            ("Name", self.name, "as you sign"),
            ("Specialty", self.specialty, "for instance Neuroradiology"),
            ("Years since certification", self.years, "a whole number; may stay empty"),
            ("Site code", self.site, "from your invitation; may stay empty"),
        )
        for index, (label, field, hint) in enumerate(rows):
            field.setPlaceholderText(hint)
            field.setMinimumHeight(34)
            field.setAccessibleName(label)
            following = rows[index + 1][1] if index + 1 < len(rows) else None
            field.returnPressed.connect(following.setFocus if following else self._complete)
            form.addRow(QLabel(label), field)
        return form

    def start_focus(self) -> QWidget:
        return self.name

    def _complete(self) -> None:
        for field, words in ((self.name, "your name"), (self.specialty, "your specialty")):
            if not field.text().strip():
                self._missing.setText(f"Please enter {words}.")
                theme.paint(self._missing, text=theme.AMBER)
                field.setFocus()
                return
        years = self.years.text()
        self.completed.emit(
            ReaderProfile(
                specialty=self.specialty.text().strip(),
                years_since_certification=int(years) if years else None,
                site_code=self.site.text().strip(),
                name=self.name.text().strip(),
            )
        )
