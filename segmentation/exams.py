"""The exams in a folder: which file is the T1c, which the FLAIR, whose masks there are; raw, or prepared for training.

Each exam is a sub-folder. Files are known by their names, by those that sites, BIDS and the BraTS challenges use
unless a pattern says otherwise. Nothing is guessed between two files that both fit.
"""

import csv
import fnmatch
import io
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from segmentation.errors import StudyError

T1C_NAMES = r"(t1[-_]?(c|ce|gd|gad|post|contrast)|ce-\w+_t1w?|t1w?[-_](ce|gd|post))"
FLAIR_NAMES = r"(flair|fla|t2[-_]?f|t2[-_]?flair)"
BRAIN_NAMES = r"brain[-_]?mask"
MASK_NAMES = (  # the first that matches anything decides, so that seg.nii.gz beside mask_1 and mask_2 isn't a third
    r"mask([-_]\w+)?",
    r"(.*[-_])?(seg|segmentation|dseg)",
    r"(.*[-_.])?ot[-_]?multiclass(\w*)",
    r"outline([-_]\w+)?",
    r"(.*[-_])?(label|roi|truth|tumou?r)([-_]?mask)?",
)
PREPARED_JSON = "preprocess.json"
PREPARED_VERSION = 1
ON_PREPARED = "mask_prepared.nii.gz"  # a predicted mask on the grid of the prepared exam
_NOT_AN_IMAGE = r"mask|seg|label|outline|truth|roi|multiclass"
_COMPARTMENT = rf"(?<![a-z0-9])({T1C_NAMES}|{FLAIR_NAMES}|enhancing|oedema|edema|necrosis)(?![a-z0-9])"
_ENDINGS = (".nii.gz", ".nii")
_DICOM_MARK = slice(128, 132)
_MANY = 6  # file names in a sentence


@dataclass(frozen=True)
class MaskFile:
    """A drawn mask of one compartment ("" for the whole tumour)."""

    path: Path
    compartment: str = ""

    @property
    def is_on_flair(self) -> bool:
        """Whether it was drawn on the FLAIR, which it follows when the FLAIR is moved onto the T1c."""
        return re.fullmatch(FLAIR_NAMES, self.compartment) is not None


@dataclass(frozen=True)
class Technician:
    """What one person drew of one exam: the whole tumour in one file, or a file a compartment."""

    name: str
    compartments: tuple[MaskFile, ...]


@dataclass(frozen=True)
class ExamFiles:
    """One exam as a site has it. `t1c` and `flair` are NIfTI files, or folders that hold DICOM series."""

    name: str
    subject: str
    t1c: Path
    flair: Path
    masks: tuple[Technician, ...] = ()
    brain_mask: Path | None = None
    t1c_series: str | None = None  # of a DICOM folder, where a person chose: the UID
    flair_series: str | None = None

    @property
    def has_dicom(self) -> bool:
        """Whether an image is still a DICOM series."""
        return self.t1c.is_dir() or self.flair.is_dir()


@dataclass(frozen=True)
class PreparedExam:
    """An exam as `segmentation preprocess` leaves it: z-scores and masks on one grid, 0 outside the brain."""

    name: str
    subject: str
    folder: Path

    @property
    def t1c(self) -> Path:
        """float32 z-scores."""
        return self.folder / "t1c.nii.gz"

    @property
    def flair(self) -> Path:
        """float32 z-scores."""
        return self.folder / "flair.nii.gz"

    @property
    def brain_mask(self) -> Path:
        """0 and 1."""
        return self.folder / "brain_mask.nii.gz"

    @property
    def mask(self) -> Path | None:
        """The whole tumour, 0 and 1; None if the exam came without masks."""
        path = self.folder / "mask.nii.gz"
        return path if path.exists() else None


class ExamsError(StudyError):
    """All that is wrong with a folder of exams, one sentence a line."""

    def __init__(self, problems: Sequence[StudyError]) -> None:
        super().__init__("\n".join(str(problem) for problem in problems))
        self.problems = tuple(problems)


@dataclass(frozen=True)
class Names:
    """Shell patterns (`*`, `?`, `[...]`) of file names, in place of the usual names; None leaves those."""

    t1c: str | None = None
    flair: str | None = None
    mask: str | None = None
    brain_mask: str | None = None


def find_exams(
    folder: Path,
    *,
    t1c: str | None = None,
    flair: str | None = None,
    mask: str | None = None,
    brain_mask: str | None = None,
    subjects: Mapping[str, str] | None = None,
) -> tuple[ExamFiles, ...]:
    """All exams of a folder, by name. Raises ExamsError with everything that is missing or ambiguous."""
    exams, problems = survey(folder, Names(t1c, flair, mask, brain_mask), subjects)
    if problems:
        raise ExamsError(problems)
    return exams


def survey(
    folder: Path, names: Names | None = None, subjects: Mapping[str, str] | None = None
) -> tuple[tuple[ExamFiles, ...], tuple[StudyError, ...]]:
    """The exams that can be used, and a sentence for each that can't; raises StudyError if there is none to look at.

    `subjects` says which patient an exam is of; without it, that is `sub-…` of BIDS, else each exam is a patient.
    """
    exams: list[ExamFiles] = []
    problems: list[StudyError] = []
    for place, name, subject in _exam_folders(folder):
        try:
            exams.append(find_exam(place, name, (subjects or {}).get(name, subject), names))
        except ExamsError as error:
            problems += error.problems
        except StudyError as error:
            problems.append(error)
    return tuple(exams), tuple(problems)


def find_exam(folder: Path, name: str = "", subject: str = "", names: Names | None = None) -> ExamFiles:
    """The one exam whose files lie in a folder. Raises ExamsError with all that is missing or ambiguous."""
    names, name = names or Names(), name or folder.resolve().name
    files = _images(folder)
    problems: list[StudyError] = []
    images = {}
    for role, known, pattern in (("T1c", T1C_NAMES, names.t1c), ("FLAIR", FLAIR_NAMES, names.flair)):
        try:
            images[role] = _one_image(folder, files, role, known, pattern)
        except StudyError as error:
            problems.append(error)
    try:
        brain_mask = _brain_mask(folder, files, names)
    except StudyError as error:
        problems.append(error)
    if problems:
        raise ExamsError(problems)
    masks = _masks([file for file in files if file not in (*images.values(), brain_mask)], names.mask)
    if names.mask and not masks:
        raise StudyError(f"No mask is called {names.mask}.", file=folder, remedy="Correct the pattern of --mask.")
    return ExamFiles(name, subject or name, images["T1c"], images["FLAIR"], masks, brain_mask)


def find_masks(folder: Path, pattern: str | None = None) -> dict[str, tuple[Technician, ...]]:
    """The masks of each exam of a folder, by the exam's name, whether or not its images are there."""
    found = {name: _masks(_images(place), pattern) for place, name, _ in _exam_folders(folder)}
    if not any(found.values()):
        remedy = 'Call them mask_1.nii.gz, mask_2.nii.gz ..., or say how they are called: --mask "PATTERN".'
        raise StudyError("There is no mask in these exams.", file=folder, remedy=remedy)
    return {name: masks for name, masks in found.items() if masks}


def find_prepared(folder: Path) -> tuple[PreparedExam, ...]:
    """The exams that `segmentation preprocess` has prepared in a folder, by name; the folder may be one of them."""
    places = [folder] if (folder / PREPARED_JSON).is_file() else _sub_folders(folder)
    exams = tuple(open_prepared(place) for place in places if (place / PREPARED_JSON).is_file())
    if not exams:
        remedy = "Prepare the exams first: segmentation preprocess EXAMS OUT"
        raise StudyError("There is no prepared exam in this folder.", file=folder, remedy=remedy)
    return exams


def open_prepared(folder: Path) -> PreparedExam:
    """One prepared exam; raises StudyError if it is not whole."""
    record = read_record(folder)
    exam = PreparedExam(str(record["exam"]), str(record["subject"]), folder)
    for path in (exam.t1c, exam.flair, exam.brain_mask):
        if not path.is_file():
            raise StudyError("This file of the prepared exam is missing.", file=path, remedy="Prepare the exam again.")
    return exam


def read_record(folder: Path) -> dict:
    """What `preprocess.json` says of how an exam was prepared."""
    path, again = folder / PREPARED_JSON, "Prepare the exam again."
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise StudyError(f"The file can't be read ({error.strerror}).", file=path, remedy=again) from error
    except ValueError as error:
        raise StudyError("The file is damaged.", file=path, remedy=again) from error
    if not isinstance(record, dict) or not {"version", "exam", "subject"} <= record.keys():
        raise StudyError("This is no record of a prepared exam.", file=path, remedy=again)
    if record["version"] != PREPARED_VERSION:
        raise StudyError("Another version of this program prepared the exam.", file=path, remedy=again)
    return record


def read_subjects(path: Path) -> dict[str, str]:
    """Which patient each exam is of, from a CSV table with the columns exam and subject."""
    remedy = "Give a CSV table in UTF-8 with the columns exam and subject."
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise StudyError(f"The table can't be read ({error.strerror}).", file=path, remedy=remedy) from error
    except UnicodeDecodeError as error:
        raise StudyError("The table is not in UTF-8.", file=path, remedy=remedy) from error
    first = text.split("\n", 1)[0]
    rows = csv.DictReader(io.StringIO(text), delimiter=max(",;\t", key=first.count))
    if not {"exam", "subject"} <= set(rows.fieldnames or ()):
        raise StudyError("The table has no columns exam and subject.", file=path, remedy=remedy)
    found: dict[str, str] = {}
    for row in rows:
        exam, subject = (row["exam"] or "").strip(), (row["subject"] or "").strip()
        if not exam or not subject or found.get(exam, subject) != subject:
            raise StudyError(f"Line {rows.line_num} is incomplete, or contradicts another.", file=path, remedy=remedy)
        found[exam] = subject
    return found


def _exam_folders(folder: Path) -> list[tuple[Path, str, str]]:
    """Folder, name and subject of each exam; BIDS' sessions are exams of one subject."""
    found = []
    for place in _sub_folders(folder):
        sessions = [session for session in _sub_folders(place) if session.name.startswith("ses-")]
        found += [(session, f"{place.name}_{session.name}", place.name) for session in sessions]
        if not sessions:
            found.append((place, place.name, place.name))
    if _images(folder) and not any(_images(place) for place, _, _ in found):
        return [(folder, folder.resolve().name, folder.resolve().name)]
    if not found:
        remedy = "Put each exam into a sub-folder of its own."
        raise StudyError("The folder has no sub-folder with an exam.", file=folder, remedy=remedy)
    return found


def _sub_folders(folder: Path) -> list[Path]:
    try:
        return sorted(entry for entry in folder.iterdir() if entry.is_dir() and not entry.name.startswith("."))
    except OSError as error:
        remedy = "Give the folder that holds one sub-folder per exam."
        raise StudyError(f"The folder can't be read ({error.strerror}).", file=folder, remedy=remedy) from error


def _images(folder: Path) -> list[Path]:
    """NIfTI files of the folder, and of BIDS' `anat` in it."""
    places = [folder, folder / "anat"] if (folder / "anat").is_dir() else [folder]
    files = [file for place in places for file in place.iterdir() if file.name.lower().endswith(_ENDINGS)]
    return sorted(file for file in files if not file.name.startswith("."))


def _stem(file: Path) -> str:
    name = file.name.lower()
    return next((name.removesuffix(ending) for ending in _ENDINGS if name.endswith(ending)), name)


def _one_image(folder: Path, files: Sequence[Path], role: str, known: str, pattern: str | None) -> Path:
    """The file of the role, else the folder of DICOM series."""
    if pattern:
        fitting = [file for file in files if fnmatch.fnmatch(file.name, pattern)]
    else:
        whole = re.compile(rf"(?<![a-z0-9]){known}(?![a-z0-9])")
        fitting = [f for f in files if whole.search(_stem(f)) and not re.search(_NOT_AN_IMAGE, _stem(f))]
    if len(fitting) == 1:
        return fitting[0]
    option = f'Say which one: --{role.lower()} "PATTERN".'
    if len(fitting) > 1:
        raise StudyError(f"Several files may be the {role}: {_listed(fitting)}.", file=folder, remedy=option)
    if _has_dicom(folder):
        return folder
    seen = f"there is {_listed(files)}" if files else "there is no NIfTI file and no DICOM series"
    raise StudyError(f"The {role} is missing: {seen}.", file=folder, remedy=f"Add it. {option}" if files else "Add it.")


def _brain_mask(folder: Path, files: Sequence[Path], names: Names) -> Path | None:
    if names.brain_mask:
        fitting = [file for file in files if fnmatch.fnmatch(file.name, names.brain_mask)]
        if not fitting:
            what = f"No brain mask is called {names.brain_mask}."
            raise StudyError(what, file=folder, remedy="Correct the pattern of --brain-mask.")
    else:
        fitting = [file for file in files if re.search(BRAIN_NAMES, _stem(file))]
    if len(fitting) > 1:
        remedy = 'Say which one: --brain-mask "PATTERN".'
        raise StudyError(f"Several files may be the brain mask: {_listed(fitting)}.", file=folder, remedy=remedy)
    return fitting[0] if fitting else None


def _masks(files: Sequence[Path], pattern: str | None) -> tuple[Technician, ...]:
    """Files whose names differ in the compartment only are one technician's."""
    if pattern:
        chosen = [file for file in files if fnmatch.fnmatch(file.name, pattern)]
    else:
        usual = (re.compile(f"{known}$") for known in MASK_NAMES)
        groups = ([f for f in files if known.match(_stem(f)) and "brain" not in _stem(f)] for known in usual)
        chosen = next((group for group in groups if group), [])
    by_technician: dict[str, list[MaskFile]] = {}
    for file in chosen:
        stem = _stem(file)
        part = re.search(_COMPARTMENT, stem)
        person = stem.replace(part[0], "").strip("-_.").replace("__", "_") if part else stem
        by_technician.setdefault(person, []).append(MaskFile(file, part[0] if part else ""))
    return tuple(Technician(person, tuple(found)) for person, found in sorted(by_technician.items()))


def _has_dicom(folder: Path) -> bool:
    """Whether a file in the folder, at any depth, is DICOM by its mark; links to folders are not followed."""
    for file in sorted(folder.rglob("*")):
        if file.is_file() and not file.name.lower().endswith(_ENDINGS):
            with file.open("rb") as opened:
                if opened.read(132)[_DICOM_MARK] == b"DICM":
                    return True
    return False


def _listed(files: Sequence[Path]) -> str:
    names = [file.name for file in files]
    return ", ".join(names[:_MANY]) + (f" and {len(names) - _MANY} more" if len(names) > _MANY else "")
