"""Stage 3: draw, seal the key and open the study; then write the readers' packages."""

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QButtonGroup, QCheckBox, QHBoxLayout, QLineEdit, QRadioButton, QVBoxLayout, QWidget

from reader_app.session.parcel import ENDING
from reader_app.views import theme
from segmentation.errors import StudyError
from study_admin import conduct
from study_admin.blinding.export import THIRD_KEY, Sealing
from study_admin.records import HandedOut, Opening, Stage
from study_admin.views.act_dialog import ActDialog, same_twice
from study_admin.views.rehearsal_box import WRITE_FIRST, RehearsalBox
from study_admin.views.snapshot import Snapshot
from study_admin.views.stage_page import StagePage, ask_folder, button, caption, fill, table, whole_path
from study_admin.views.walk import Walk

_BEFORE = (
    "Opening draws groups, orders and sides, and seals which method stands on which side into a key that only your "
    "passphrase opens. Then each reader gets a package."
)
_AFTER = (
    "The study is open. Publish the commitment now, put the fingerprint into the invitation, and write the packages."
)
_OVER = "The study is locked: no package is written any more."
_WILL = (
    "All exams are checked once more. Then the exams are drawn into groups, the readers into the places left, an order "
    "for each reader, and for each reading the side of each method.",
    "Which method stands where is sealed with your passphrase. Take six random words, on paper, in a safe place. A "
    "third person seals a second copy with a passphrase that you don't know: let them type it.",
)
_CANT_UNDO = (
    "This can't be undone: nothing can be drawn again, and design, exams and groups are fixed. Without a passphrase "
    "nobody can ever learn the result of the study."
)
_NO_THIRD = "Let them type it, or tick that nobody keeps a second copy: then one lost passphrase ends the study."
_WILL_WRITE = (
    "Each reader's package is written whole or not at all. You can cancel and go on later: packages that are "
    "there already and genuine stay as they are."
)
_WILL_CHECK = "Each reader's package is opened and checked against the key; nothing is written."
_UNWRITTEN = "The form of stage 1 holds changes that are not written: the study would be opened without them."
_IS_OPEN = "The study is open. Publish the commitment, then write the packages."
_TOO_LATE = f"It was too late to cancel. {_IS_OPEN}"
_COMMITMENT = "Commitment: publish or mail it now; it proves later that the key was fixed before the first score."
_FINGERPRINT = "Fingerprint: put it into the invitation; the reader app shows the same if a package is genuine."


class SealPage(StagePage):
    """Before the opening one button; after it what to publish, and the packages with one row a reader."""

    def __init__(self, walk: Walk) -> None:
        super().__init__(walk, "Seal & hand out")
        self.before, self.after = QWidget(), QWidget()
        self._lay_out_before()
        self._lay_out_after()
        self.body.addWidget(self.before)
        self.body.addWidget(self.after, 1)
        self.body.addStretch()
        self.open_button = button("Seal and open the study…", self.ask_to_open)
        self.write_button = button("Write packages…", self.ask_to_write)
        self.go_on = theme.primary(button("Go on: follow the readers", lambda: walk.stage_wanted.emit(3)))
        self.folder_button = button("Open the folder", self._open_folder, "Shows the packages")
        self.add_steps(self.open_button, self.folder_button)
        for widget in (self.write_button, self.go_on):
            self._steps.addWidget(widget)
        self.show_study(None)

    def _lay_out_before(self) -> None:
        column = QVBoxLayout(self.before)
        column.setContentsMargins(0, 8, 0, 0)
        column.addWidget(caption("What happens when the study opens"))
        for words in _WILL:
            column.addWidget(theme.paragraph(words))
        warning = theme.paragraph(f"⚠ {_CANT_UNDO}")
        theme.paint(warning, text=theme.AMBER)
        column.addWidget(warning)
        self.rehearsal = RehearsalBox(self.walk)
        column.addWidget(self.rehearsal)

    def _lay_out_after(self) -> None:
        column = QVBoxLayout(self.after)
        column.setContentsMargins(0, 0, 0, 0)
        self.commitment = self._copied(column, _COMMITMENT)
        self.fingerprint = self._copied(column, _FINGERPRINT)
        self.keys = theme.paragraph("", is_quiet=True)
        column.addWidget(self.keys)
        self.packages = table(("Reader", "Group", "Package"), "Packages of the readers")
        column.addWidget(self.packages, 1)
        self.as_folders, self.as_files = QRadioButton("a folder each"), QRadioButton("one file each, to mail")
        self.as_folders.setChecked(True)
        kinds = QButtonGroup(self)
        self.place = QLineEdit()
        self.place.setAccessibleName("Where the packages go")
        row = QHBoxLayout()
        row.addWidget(theme.paragraph("Packages are"))
        for kind in (self.as_folders, self.as_files):
            kinds.addButton(kind)
            row.addWidget(kind)
        row.addSpacing(16)
        row.addWidget(theme.paragraph("in"))
        row.addWidget(self.place, 1)
        row.addWidget(button("Choose…", self._choose_place))
        column.addLayout(row)

    def _copied(self, column: QVBoxLayout, words: str) -> QLineEdit:
        """A line that can be read and copied, not changed."""
        line = QLineEdit()
        line.setReadOnly(True)
        line.setAccessibleName(words)
        copy = button("Copy", lambda: self._copy(line))
        copy.setAccessibleName(f"Copy the {words.split(':', 1)[0].lower()}")
        column.addWidget(theme.paragraph(words, is_quiet=True))
        row = QHBoxLayout()
        row.addWidget(line, 1)
        row.addWidget(copy)
        column.addLayout(row)
        return line

    def _copy(self, line: QLineEdit) -> None:
        QGuiApplication.clipboard().setText(line.text())
        self.walk.told.emit("Copied.")

    # --- showing ---

    def forget(self) -> None:
        self.place.clear()
        self.as_folders.setChecked(True)

    def show_study(self, snapshot: Snapshot | None) -> None:
        opening = snapshot.opening if snapshot else None
        is_open = snapshot is not None and snapshot.stage is Stage.OPEN
        words = "Write the study first (stage 1)." if snapshot is None else _BEFORE
        self.sentence.setText(words if opening is None else _AFTER if is_open else _OVER)
        self.before.setVisible(opening is None)
        self.after.setVisible(opening is not None)
        self.open_button.setVisible(opening is None)
        self.open_button.setEnabled(snapshot is not None)
        self.rehearsal.forget()
        self.rehearsal.setVisible(snapshot is not None)
        self.write_button.setVisible(opening is not None)
        self.go_on.setVisible(opening is not None and snapshot is not None and not snapshot.readers_without_package)
        self.folder_button.setVisible(opening is not None)
        if snapshot and opening:
            self._show_open(snapshot, opening, is_open)

    def _show_open(self, snapshot: Snapshot, opening: Opening, is_open: bool) -> None:
        assert self.walk.folder
        self.commitment.setText(opening.commitment)
        self.fingerprint.setText(snapshot.fingerprint)
        for line in (self.commitment, self.fingerprint):
            line.setCursorPosition(0)
        keys = self.walk.folder.keys
        words = [f"Keep a second copy of the folder {keys}: without it nobody can unblind the study."]
        if opening.has_third_copy:
            words.append(f"Hand {THIRD_KEY} from it to the third person, and keep none of it.")
        self.keys.setText(" ".join(words))
        places = {item.reader: item.place for item in snapshot.handed_out}
        fill(
            self.packages,
            [(r.code, f"group {r.group}", places.get(r.code, "not written yet")) for r in snapshot.readers],
        )
        if not self.place.text():
            self._show_place(snapshot, self.walk.folder.packages)
        left = len(snapshot.readers_without_package)
        self.write_button.setEnabled(is_open)
        theme.mark(self.write_button, is_open and left > 0)
        self.folder_button.setEnabled(bool(snapshot.handed_out))
        self.write_button.setText(_write_words(left, len(snapshot.readers)))

    def _show_place(self, snapshot: Snapshot, default: Path) -> None:
        """Where, and as what, packages were written last; else the study's own folder."""
        last = Path(snapshot.handed_out[-1].place) if snapshot.handed_out else None
        self.place.setText(str(last.parent if last else default))
        (self.as_files if last and last.suffix == ENDING else self.as_folders).setChecked(True)

    def _absent(self, out: Path) -> list[str]:
        """Readers whose package was written, but doesn't lie there, or not in this form."""
        ending = ENDING if self.as_files.isChecked() else ""
        handed_out = self.walk.snapshot.handed_out if self.walk.snapshot else ()
        return [item.reader for item in handed_out if not (out / f"{item.reader}{ending}").exists()]

    def _choose_place(self) -> None:
        folder = ask_folder(
            self, "Choose the folder for the packages", self.walk.folder.path if self.walk.folder else None
        )
        if folder:
            self.place.setText(str(folder))

    def _open_folder(self) -> None:
        out = self._out()
        if out:
            self.show_folder(out)

    # --- opening ---

    def ask_to_open(self) -> None:
        """The last question before the draw."""
        self.walk.act_begun.emit()
        if self.walk.is_unwritten:
            self.walk.troubled.emit(StudyError(_UNWRITTEN, remedy=WRITE_FIRST))
            return
        dialog = ActDialog(self, "Seal and open the study", "Seal and open", _WILL, _CANT_UNDO)
        own = dialog.add_passphrase("Your passphrase")
        again = dialog.add_passphrase("The same again")
        third = dialog.add_passphrase("Third person's")
        third_again = dialog.add_passphrase("The same again")
        nobody = QCheckBox("nobody keeps a second copy of the key")
        dialog.fields.addRow("", nobody)
        for line in (third, third_again):
            nobody.toggled.connect(line.setDisabled)
            nobody.toggled.connect(line.clear)
            line.textChanged.connect(lambda: nobody.setDisabled(bool(third.text() or third_again.text())))

        def sealing() -> Sealing:
            made = Sealing(
                same_twice(own, again, "Yours"), same_twice(third, third_again, "The third person's") or None
            )
            made.check()
            if made.third_passphrase is None and not nobody.isChecked():
                raise StudyError("The third person's passphrase is empty.", remedy=_NO_THIRD)
            return made

        dialog.ask(sealing, lambda: self._open(sealing()))

    def _open(self, sealing: Sealing) -> None:
        folder, who = self.walk.folder, self.walk.who
        assert folder
        self.walk.do(
            "Checking, drawing and sealing",
            lambda progress: conduct.open_study(folder, sealing, who=who, progress=progress),
            lambda _: self.walk.told.emit(_TOO_LATE if self.walk.background.is_cancel_wanted else _IS_OPEN),
            cancelled=self._after_cancel,
        )

    def _after_cancel(self) -> str:
        """Said of the study as it was read after the cancel: the sealing may have been over before."""
        snapshot = self.walk.snapshot
        is_open = snapshot is not None and snapshot.stage is not Stage.DRAFT
        return _TOO_LATE if is_open else "Cancelled; the study isn't open, and nothing was drawn."

    # --- packages ---

    def ask_to_write(self) -> None:
        """Packages are signed and their sides come from the key, so its passphrase is needed."""
        self.walk.act_begun.emit()
        snapshot = self.walk.snapshot
        assert snapshot
        out, left = self._out(), len(snapshot.readers_without_package)
        if out is None:
            return
        absent = self._absent(out)
        title = _write_words(left, len(snapshot.readers)).rstrip("…")
        act = "Check" if not left and not absent else "Write"
        will = [_WILL_CHECK if act == "Check" else _WILL_WRITE]
        dialog = ActDialog(self, title, act, will, _second_set(absent, out))
        passphrase = dialog.add_passphrase("Your passphrase")
        dialog.ask(lambda: _need(passphrase), lambda: self._write(passphrase.text(), out))

    def _out(self) -> Path | None:
        """The folder for the packages; None, and words, if it can't be meant."""
        assert self.walk.folder
        try:
            return whole_path(self.place) or self.walk.folder.packages
        except StudyError as error:
            self.walk.troubled.emit(error)
            return None

    def _write(self, passphrase: str, out: Path) -> None:
        folder, who = self.walk.folder, self.walk.who
        assert folder
        as_files = self.as_files.isChecked()

        def tell(made: tuple[HandedOut, ...]) -> None:
            self.walk.told.emit(f"{len(made)} packages are there. Hand each reader theirs, and nothing else.")

        self.walk.do(
            "Writing packages",
            lambda progress: conduct.export_packages(
                folder, passphrase, out=out, as_files=as_files, who=who, progress=progress
            ),
            tell,
            cancelled="Cancelled. Packages that are complete stay; write again to go on.",
        )


def _write_words(left: int, total: int) -> str:
    if left == 0:
        return f"Check all {total} packages…"
    words = f"{left} package{'' if left == 1 else 's'}"
    return f"Write {words}…" if left == total else f"Write {words} that {'is' if left == 1 else 'are'} missing…"


def _second_set(absent: Sequence[str], out: Path) -> str:
    """What it means that packages which were written don't lie where they would be looked for; empty if all do."""
    if not absent:
        return ""
    names = f"{', '.join(absent[:4])}{' …' if len(absent) > 4 else ''}"
    return (
        f"Written before, but not in {out}: {names}. Going on writes {'it' if len(absent) == 1 else 'them'} there anew."
    )


def _need(passphrase: QLineEdit) -> None:
    if not passphrase.text():
        raise StudyError("The passphrase is empty.", remedy="Type the one that the study was opened with.")
