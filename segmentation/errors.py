"""The one kind of error that is written for a person; it lies here because every package may import it."""

from pathlib import Path


class StudyError(Exception):
    """What went wrong, in which file, and what to do: a text that is shown to the user as it stands.

    Anything else that is raised is a bug and stops loudly.

    >>> print(StudyError("The image ends too early.", file="t1c.nii.gz", remedy="Copy it again."))
    t1c.nii.gz: The image ends too early. Copy it again.
    """

    def __init__(self, what: str, *, file: Path | str | None = None, remedy: str = "") -> None:
        self.what, self.file, self.remedy = what, file, remedy
        where = f"{file}: " if file is not None else ""
        super().__init__(f"{where}{what} {remedy}".rstrip())
