"""The score tables of a study, for R, SPSS, SAS, JASP, Excel and iMRMC; with sides before the unblinding, then arms."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from study_admin.blinding.drafts import drafts, flush
from study_admin.store import StudyStore
from study_admin.tables.circumstances import circumstance_tables
from study_admin.tables.codebook import codebook
from study_admin.tables.columns import Table
from study_admin.tables.csv_files import write_csv, write_excel_csv, write_long
from study_admin.tables.material import Material, gather
from study_admin.tables.readme import readme
from study_admin.tables.scores import long_table
from study_admin.tables.scripts import r_script, sas_script, spss_script
from study_admin.tables.statistical_files import write_parquet, write_sav, write_workbook, write_xpt
from study_admin.tables.wide import imrmc, score_tables, sources_of

Progress = Callable[[int, int], None]
_EXCEL = "for_excel"


def write_tables(store: StudyStore, out: Path, progress: Progress = lambda done, total: None) -> tuple[Path, ...]:
    """Write all tables into a new folder, whole or not at all, and return its files.

    `progress(done, total)` counts files and may raise to cancel. Raises StudyError before the opening, if the database
    is not what its audit trail says, if the folder is there already, or if the disk fails.
    """
    return write_material(gather(store), out, progress)


def write_material(material: Material, out: Path, progress: Progress = lambda done, total: None) -> tuple[Path, ...]:
    """The same from records that were gathered already."""
    writers = _writers(material)
    with drafts(out) as (draft,):
        (draft / _EXCEL).mkdir()
        for done, (name, write) in enumerate(writers.items()):
            progress(done, len(writers))
            write(draft / name)
            flush(draft / name)
        progress(len(writers), len(writers))
    return tuple(out / name for name in sorted(writers))


def _writers(material: Material) -> dict[str, Callable[[Path], None]]:
    """What writes each file."""
    long = long_table(material)
    scores = (long, *score_tables(long.frame, material.study.scale))
    tables = [*scores, *circumstance_tables(material), imrmc(long.frame, material.study.scale)]
    tables.append(codebook(tables, [table.name for table in scores]))
    writers: dict[str, Callable[[Path], None]] = {}
    for table in tables:
        writers[f"{table.name}.csv"] = partial(write_csv, table)
        writers[f"{_EXCEL}/{table.name}.csv"] = partial(write_excel_csv, table)
    writers["long.csv"] = partial(write_long, long, material.study.scale)
    for table, member in zip(scores, ("LONG", "PAIRS", "RATERS1", "RATERS2"), strict=True):
        writers[f"{table.name}.sav"] = partial(write_sav, table)
        writers[f"{table.name}.xpt"] = partial(write_xpt, table, member=member)
        writers[f"{table.name}.parquet"] = partial(write_parquet, table)
    writers["study.xlsx"] = partial(write_workbook, [tables[-1], *tables[:-1]])
    for name, text in _texts(material, tables, scores).items():
        writers[name] = partial(_write_text, text)
    return writers


def _texts(material: Material, tables: Sequence[Table], scores: Sequence[Table]) -> dict[str, str]:
    sources, study, is_blinded = sources_of(scores[0].frame), material.study, material.unblinding is None
    return {
        "import.sps": spss_script(scores),
        "import.sas": sas_script(scores),
        "analysis.R": r_script(sources, study.alpha, study.non_inferiority_margin, is_blinded=is_blinded),
        "README.txt": readme(material, tables, scores),
    }


def _write_text(text: str, path: Path) -> None:
    path.write_text(text, encoding="utf-8", newline="\n")
