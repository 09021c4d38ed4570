"""Stage 6: lock the study, then open the sealed key."""

from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QHBoxLayout, QLineEdit

from reader_app.views import theme
from segmentation.errors import StudyError
from study_admin import conduct
from study_admin.blinding.export import KEY
from study_admin.records import Stage
from study_admin.views.act_dialog import ActDialog
from study_admin.views.snapshot import Snapshot
from study_admin.views.stage_page import StagePage, button, caption, whole_path
from study_admin.views.walk import Walk

_NOT_OPEN = "Opens when the study does (stage 3)."
_OPEN = "Two steps: locking freezes what was collected; unblinding opens the sealed key."
_LOCKED = "The study is locked. The sealed key can be opened now."
_DONE = "The study is unblinded: the score tables can be written with the two methods' names."
_WILL_LOCK = ("Locking freezes the study: no package is written and no result is collected any more.",)
_WILL_UNBLIND = (
    "The sealed key is opened with its passphrase, checked against the commitment of the opening, and which method "
    "stood on which side goes into the study's database, with a row in the audit trail.",
)
_CANT = "This can't be undone."
_REASON = "Reason"
_REASON_HINT = "why it is done without them; goes into the audit trail and the report"


class UnblindPage(StagePage):
    """One button for the step that comes next; what is missing stands above it."""

    def __init__(self, walk: Walk) -> None:
        super().__init__(walk, "Unblind")
        self.missing = theme.paragraph("")
        self.lines = [theme.paragraph("") for _ in range(3)]
        self.body.addWidget(caption("Where the study stands"))
        for line in self.lines:
            self.body.addWidget(line)
        self.body.addWidget(self.missing)
        self.body.addStretch()
        self.lock_button = button("Lock the study…", self.ask_to_lock)
        self.unblind_button = theme.primary(button("Unblind the study…", self.ask_to_unblind))
        self.go_on = theme.primary(button("Go on: write the tables", lambda: walk.stage_wanted.emit(6)))
        self.add_steps(self.lock_button)
        for widget in (self.unblind_button, self.go_on):
            self._steps.addWidget(widget)
        self.show_study(None)

    def show_study(self, snapshot: Snapshot | None) -> None:
        stage = snapshot.stage if snapshot else Stage.DRAFT
        words = {Stage.DRAFT: _NOT_OPEN, Stage.OPEN: _OPEN, Stage.LOCKED: _LOCKED, Stage.UNBLINDED: _DONE}
        self.sentence.setText(words[stage])
        self.lock_button.setVisible(stage in (Stage.DRAFT, Stage.OPEN))
        self.lock_button.setEnabled(stage is Stage.OPEN)
        self.unblind_button.setVisible(stage is Stage.LOCKED)
        self.go_on.setVisible(stage is Stage.UNBLINDED)
        self._show_lines(snapshot, stage)
        missing = snapshot.missing if snapshot and snapshot.opening else ()
        self.missing.setText(
            f"⚠ {len(missing)} of {len(snapshot.readers)} sessions are missing: {', '.join(missing)}. "
            f"{_missing_words(snapshot)}"
            if snapshot and missing
            else ""
        )
        theme.paint(self.missing, text=theme.AMBER)

    def _show_lines(self, snapshot: Snapshot | None, stage: Stage) -> None:
        is_complete = bool(snapshot and snapshot.opening and not snapshot.missing)
        is_locked = stage in (Stage.LOCKED, Stage.UNBLINDED)
        unblinding = snapshot.unblinding if snapshot else None
        words = [
            (is_complete, "All results are collected and signed off."),
            (is_locked, "The study is locked."),
            (unblinding is not None, "The study is unblinded."),
        ]
        if is_locked and snapshot and snapshot.lock_reason:
            words[1] = True, f"The study is locked. Reason: {snapshot.lock_reason}"
        if unblinding:
            because = f" Reason: {unblinding.reason}" if unblinding.reason else ""
            words[2] = True, f"Unblinded {unblinding.utc.astimezone():%Y-%m-%d %H:%M} by {unblinding.who}.{because}"
        for line, (is_so, text) in zip(self.lines, words, strict=True):
            line.setText(f"✓ {text}" if is_so else f"○ Not yet: {text[0].lower()}{text[1:]}")
            theme.paint(line, text=theme.TEXT if is_so else theme.QUIET)

    def _missing(self) -> tuple[str, ...]:
        return self.walk.snapshot.missing if self.walk.snapshot else ()

    # --- lock ---

    def ask_to_lock(self) -> None:
        """The last question before the freeze."""
        self.walk.act_begun.emit()
        missing = self._missing()
        will = [*_WILL_LOCK, f"Missing: {', '.join(missing)}."] if missing else _WILL_LOCK
        dialog = ActDialog(self, "Lock the study", "Lock", will, _CANT)
        reason = dialog.add_line(_REASON, _REASON_HINT) if missing else None
        dialog.ask(lambda: _need_reason(reason), lambda: self._lock(reason.text().strip() if reason else ""))

    def _lock(self, why: str) -> None:
        folder, who = self.walk.folder, self.walk.who
        assert folder
        self.walk.do(
            "Locking",
            lambda _: conduct.lock(folder, why=why, who=who),
            lambda _: self.walk.told.emit("The study is locked."),
            is_cancellable=False,
        )

    # --- unblind ---

    def ask_to_unblind(self) -> None:
        """The last question before the key is opened."""
        self.walk.act_begun.emit()
        assert self.walk.folder
        missing = self._missing()
        will = [*_WILL_UNBLIND, f"Missing: {', '.join(missing)}."] if missing else _WILL_UNBLIND
        dialog = ActDialog(self, "Unblind the study", "Unblind", will, _CANT)
        key = self._add_key(dialog, self.walk.folder.keys / KEY)
        passphrase = dialog.add_passphrase("Passphrase of this key")
        reason = dialog.add_line(_REASON, _REASON_HINT) if missing else None
        if reason and self.walk.snapshot:
            reason.setText(self.walk.snapshot.lock_reason)

        def check() -> None:
            if not passphrase.text():
                raise StudyError("The passphrase is empty.", remedy="Type the one that seals this key.")
            _need_reason(reason)
            _key_in(key)

        why = reason.text if reason else str
        dialog.ask(check, lambda: self._unblind(_key_in(key), passphrase.text(), why()))
        passphrase.setFocus()

    @staticmethod
    def _add_key(dialog: ActDialog, default: Path) -> QLineEdit:
        """The coordinator's own copy, or that of the third person."""
        line = QLineEdit(str(default))
        line.setAccessibleName("Sealed key")

        def choose() -> None:
            name, _ = QFileDialog.getOpenFileName(dialog, "Choose a sealed key", line.text(), "Keys (*.sealed-key)")
            if name:
                line.setText(name)

        row = QHBoxLayout()
        row.addWidget(line, 1)
        row.addWidget(button("Choose…", choose))
        dialog.fields.addRow("Sealed key", row)
        return line

    def _unblind(self, key: Path, passphrase: str, reason: str) -> None:
        folder, who = self.walk.folder, self.walk.who
        assert folder
        self.walk.do(
            "Opening the key",
            lambda _: conduct.unblind(folder, passphrase, key=key, reason=reason.strip(), who=who),
            lambda _: self.walk.told.emit("The study is unblinded."),
            is_cancellable=False,
        )


def _key_in(line: QLineEdit) -> Path:
    path = whole_path(line)
    if path is None:
        raise StudyError("No sealed key is chosen.", remedy=f"Choose {KEY}, or the copy of the third person.")
    return path


def _missing_words(snapshot: Snapshot) -> str:
    """What can still be done about sessions that are missing."""
    if snapshot.stage is Stage.OPEN:
        return "Collect them first, or give a reason."
    return "They can't be collected any more."


def _need_reason(reason: QLineEdit | None) -> None:
    if reason is not None and not reason.text().strip():
        raise StudyError("Sessions are missing.", remedy="Give the reason for going on without them, or collect them.")
