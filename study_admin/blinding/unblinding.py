"""Opening the sealed key when the study is over."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from study_admin.blinding.sealing import open_sealed
from study_admin.design import Study
from study_admin.records import Opening, SourceFile


def open_sides(
    sealed_key: Path, passphrase: str, opening: Opening, study: Study, files: Sequence[SourceFile] = ()
) -> Mapping[str, str]:
    """The name of the arm that stood on side A, by reading, practice included.

    Raises StudyError if the passphrase is wrong, if the key is another study's, if it isn't the one that was
    committed to when the study opened, or if `study` and `files` aren't those that were sealed with it.
    """
    allocation = open_sealed(sealed_key, passphrase, opening, study, files)
    return {reading.reading_id: reading.arm_a for reading in allocation.readings}
