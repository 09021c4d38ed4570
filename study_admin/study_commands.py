"""The commands of a whole study, from `new` to `tables`: each is one step of `study_admin.conduct`, in words."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from segmentation.errors import StudyError
from study_admin import conduct
from study_admin.asking import passphrase, sealing_passphrases
from study_admin.bars import bar
from study_admin.blinding.export import Sealing
from study_admin.blinding.regeneration import regenerate
from study_admin.progress import ReaderProgress
from study_admin.records import HandedOut
from study_admin.study_file import EXAMPLE, read_study_file
from study_admin.study_folder import StudyFolder, check_place, write_study
from study_admin.survey import Survey, survey

if TYPE_CHECKING:  # argparse has no public name for it
    Commands = argparse._SubParsersAction[argparse.ArgumentParser]
_NOTHING = "Interrupted; nothing was written."


def add_study_commands(commands: "Commands") -> None:
    """Add them to the parser, in the order in which a study needs them."""
    _add_design(commands)
    _add_sealing(commands)
    _add_following(commands)
    _add_ending(commands)


def _command(commands: "Commands", name: str, help_text: str, run: Any, *, has_study: bool = True) -> Any:
    command = commands.add_parser(name, help=help_text, description=help_text[0].upper() + help_text[1:] + ".")
    command.set_defaults(run=run, interrupted=_NOTHING)
    if has_study:
        command.add_argument("study", type=Path, metavar="STUDY", help="the study's folder")
    command.add_argument("--who", default="", metavar="NAME", help="your name for the audit trail (default: log-in)")
    return command


# --- design ---


def _add_design(commands: "Commands") -> None:
    new = _command(commands, "new", "check a design and its exams, and write a study's folder", _new, has_study=False)
    new.add_argument("study", type=Path, nargs="?", metavar="STUDY", help="folder to make; it must not exist yet")
    _add_what(new)
    new.add_argument("--database", default="", metavar="URL", help="SQLAlchemy URL (default: STUDY/study.sqlite)")
    new.add_argument("--check", action="store_true", help="look and list problems, and write nothing")
    new.add_argument("--example", type=Path, metavar="FILE", help="write an example of a study.toml, and nothing else")
    update = _command(commands, "update", "check again and replace the design, until the study opens", _update)
    _add_what(update)  # each of them stays as it is if it isn't named
    update.add_argument("--reason", default="", help="why, for the audit trail")
    assign = _command(commands, "assign", "show the groups; put readers into a group by hand until the study opens",
                      _assign)  # fmt: skip
    assign.add_argument("choices", nargs="*", metavar="READER=GROUP", help="R03=2; R03= lets R03 be drawn again")
    assign.add_argument("--reason", default="", help="why, for the audit trail")


def _add_what(command: argparse.ArgumentParser) -> None:
    command.add_argument("--design", type=Path, metavar="study.toml", help="the study's description")
    command.add_argument("--exams", type=Path, metavar="DIR", help="folder with one sub-folder per exam")
    command.add_argument("--facts", type=Path, metavar="exams.csv", help="default: exams.csv in the exams' folder")


def _new(options: argparse.Namespace) -> None:
    if options.example:
        with _refusing_to_replace(options.example) as file:
            file.write(EXAMPLE)
        print(f"Edit {options.example}, then: study-admin new STUDY --design {options.example} --exams DIR")
        return
    if options.design is None or options.exams is None or (options.study is None and not options.check):
        remedy = "Give STUDY, --design study.toml and --exams DIR; `--example study.toml` writes a file to begin with."
        raise StudyError("A new study needs a folder, a design and exams.", remedy=remedy)
    if options.study is not None and not options.check:
        check_place(options.study, options.exams, options.database)
    with bar("Checking exams", "exam") as show:
        found = survey(read_study_file(options.design), options.exams.absolute(), show, facts_file=options.facts)
    _print_survey(found)
    if found.study is None:
        raise StudyError("Nothing was written.", remedy="Mend what is listed above, and run it again.")
    if not options.check:
        write_study(options.study, options.design, found.study, database=options.database, who=options.who)
        print(f"Written to {options.study}. Next: study-admin open {options.study}")


def _refusing_to_replace(path: Path) -> Any:
    try:
        return path.open("x", encoding="utf-8")
    except OSError as error:
        raise StudyError(f"The example can't be written ({error.strerror}).", file=path,
                         remedy="Choose another name.") from error  # fmt: skip


def _print_survey(found: Survey) -> None:
    """What was found and what is missing, before anything is written."""
    for row in found.rows:
        files = ", ".join(f"{role}: {' + '.join(names) or '-'}" for role, names in row.found.items())
        print(f"{'practice ' if row.is_practice else ''}{row.name}  {files}")
        for problem in row.problems:
            print(f"    {problem}", file=sys.stderr)
    for problem in found.problems:
        print(problem, file=sys.stderr)
    for warning in found.warnings:
        print(f"Warning: {warning}", file=sys.stderr)
    wrong = sum(bool(row.problems) for row in found.rows)
    print(f"{len(found.rows)} exams, {wrong} with problems.")


def _update(options: argparse.Namespace) -> None:
    folder = StudyFolder(options.study)
    with bar("Checking exams", "exam") as show:
        found = conduct.update_study(
            folder,
            options.design or folder.design,
            options.exams,
            facts=options.facts,
            who=options.who,
            why=options.reason,
            progress=show,
        )
    _print_survey(found)


def _assign(options: argparse.Namespace) -> None:
    folder = StudyFolder(options.study)
    choices = dict(map(_choice, options.choices))
    if choices:
        conduct.choose_groups(folder, choices, who=options.who, why=options.reason)
    for line in conduct.matrix_lines(folder):
        print(line)


def _choice(text: str) -> tuple[str, int | None]:
    reader, sign, group = text.partition("=")
    if not sign or (group and not (group.isascii() and group.isdigit())):
        raise StudyError(f"{text!r} isn't READER=GROUP.", remedy="For instance R03=2, or R03= for a draw.")
    return reader, int(group) if group else None


# --- seal and hand out ---


def _add_sealing(commands: "Commands") -> None:
    opening = _command(commands, "open", "draw, seal the key and open the study; this can't be undone", _open)
    opening.add_argument("--passphrase-file", type=Path, metavar="FILE", help="your passphrase, in the first line")
    opening.add_argument("--third-person-passphrase-file", type=Path, metavar="FILE",
                         help="of the person who keeps a second copy of the key")  # fmt: skip
    opening.add_argument("--no-third-person", action="store_true", help="seal no second copy of the key")
    export = _command(commands, "export", "write one package per reader; run it again to go on", _export)
    export.set_defaults(interrupted="Interrupted; finished packages stay. Run it again to go on.")
    export.add_argument("--out", type=Path, metavar="DIR", help="default: STUDY/packages")
    export.add_argument("--mail", action="store_true", help="one file per reader (R01.blindread), instead of a folder")
    export.add_argument("--readers", default="", metavar="CODE[,CODE]", help="only these (default: all)")
    export.add_argument("--keys", type=Path, metavar="DIR", help="where the sealed keys are (default: STUDY/keys)")
    export.add_argument("--exams", type=Path, metavar="DIR", help="where the exams are, if they were moved")
    export.add_argument("--passphrase-file", type=Path, metavar="FILE")


def _open(options: argparse.Namespace) -> None:
    own, third = sealing_passphrases(options.passphrase_file, options.third_person_passphrase_file,
                                     is_third_wanted=not options.no_third_person)  # fmt: skip
    with bar("Checking, drawing, sealing") as show:
        opening = conduct.open_study(StudyFolder(options.study), Sealing(own, third), who=options.who, progress=show)
    print(f"Study      {opening.study_id}")
    print(f"Commitment {opening.commitment}  (publish it or mail it now: it proves that the key wasn't changed later)")
    print(f"Fingerprint for the invitation: {conduct.fingerprint_of(opening)}")
    print(f"Sealed key {StudyFolder(options.study).keys}  (keep it from the readers, and make a backup)")
    if opening.has_third_copy:
        print("Move allocation-third-person.sealed-key to the third person now.")
    else:
        print("No second copy of the key was sealed: if you lose the passphrase, the study can't be unblinded.")


def _export(options: argparse.Namespace) -> None:
    folder = StudyFolder(options.study)
    with bar("Writing packages") as show:
        made = conduct.export_packages(
            folder,
            passphrase(options.passphrase_file),
            out=options.out,
            keys=options.keys,
            exams=options.exams,
            readers=tuple(code.strip() for code in options.readers.split(",") if code.strip()),
            as_files=options.mail,
            who=options.who,
            progress=show,
        )
    _print_places(made)


def _print_places(made: Sequence[HandedOut]) -> None:
    for item in made:
        print(f"{item.reader}  {item.place}")


# --- follow and collect ---


def _add_following(commands: "Commands") -> None:
    status = _command(commands, "status", "show where the study stands, and what is missing", _status)
    status.set_defaults(interrupted="")
    follow = _command(commands, "progress", "show how far each reader is; no score, no arm", _progress)
    follow.add_argument("places", type=Path, nargs="*", metavar="FOLDER", help="more folders with packages or results")
    collect = _command(commands, "collect", "take results files back, each after it was verified", _collect)
    collect.set_defaults(interrupted="Interrupted; what was taken stays. Run it again to go on.")
    collect.add_argument("files", type=Path, nargs="+", metavar="FILE", help="results file, or a folder of them")


def _status(options: argparse.Namespace) -> None:
    for row in conduct.status(StudyFolder(options.study)):
        print(f"{row.name:18}{row.state.value:7}{row.sentence}")


def _progress(options: argparse.Namespace) -> None:
    rows = conduct.follow(StudyFolder(options.study), options.places)
    head = ("reader", "group", "site", "practice", "scored", "last activity", "min/exam", "signed", "collected", "")
    table = [head, *(_progress_cells(row) for row in rows)]
    widths = [max(len(cells[place]) for cells in table) for place in range(len(head))]
    for cells in table:
        print("  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip())


def _progress_cells(row: ReaderProgress) -> tuple[str, ...]:
    seconds = row.median_active_s
    return (
        row.reader,
        str(row.group or ""),
        row.site,
        f"{row.practice_done}/{row.practice_due}",
        f"{row.scored}/{row.due}",
        f"{row.last_activity.astimezone():%Y-%m-%d %H:%M}" if row.last_activity else "-",
        "-" if seconds is None else f"{seconds / 60:.1f}",
        "yes" if row.is_signed_off else "no",
        "yes" if row.is_collected else "no",
        row.note,
    )


def _collect(options: argparse.Namespace) -> int:
    with bar("Verifying", "file") as show:
        verdicts = conduct.collect(StudyFolder(options.study), options.files, who=options.who, progress=show)
    for verdict in verdicts:
        print(verdict.sentence, file=sys.stderr if verdict.is_refused else sys.stdout)
    return 2 if any(verdict.is_refused for verdict in verdicts) else 0


# --- lock, unblind, tables ---


def _add_ending(commands: "Commands") -> None:
    lock = _command(commands, "lock", "freeze the study; nothing is collected afterwards", _lock)
    lock.add_argument("--reason", default="", help="needed if results are missing")
    unblind = _command(commands, "unblind", "open the sealed key and record which arm stood where", _unblind)
    unblind.add_argument("--key", type=Path, metavar="FILE", help="default: STUDY/keys/allocation.sealed-key")
    unblind.add_argument("--passphrase-file", type=Path, metavar="FILE")
    unblind.add_argument("--reason", default="", help="needed if results are missing")
    tables = _command(commands, "tables", "write the score tables, blinded until the unblinding", _tables)
    tables.add_argument("--out", type=Path, metavar="DIR", help="folder to make (default: in STUDY/tables)")
    audit = _command(commands, "audit", "verify the audit trail and print it", _audit)
    audit.set_defaults(interrupted="")
    again = _command(commands, "regenerate", "draw the allocation again from the seed, and compare", _regenerate,
                     has_study=False)  # fmt: skip
    again.add_argument("key", type=Path, metavar="KEY", help="a sealed allocation: the coordinator's or the copy")
    again.add_argument(
        "public", type=Path, metavar="study.json", help="the public facts of the opening, from STUDY/keys"
    )
    again.add_argument("--passphrase-file", type=Path, metavar="FILE")


def _lock(options: argparse.Namespace) -> None:
    conduct.lock(StudyFolder(options.study), why=options.reason, who=options.who)
    print(f"Locked. Next: study-admin unblind {options.study}")


def _unblind(options: argparse.Namespace) -> None:
    folder = StudyFolder(options.study)
    conduct.check_unblindable(folder, options.reason)  # before anybody types a passphrase
    conduct.unblind(
        folder, passphrase(options.passphrase_file), key=options.key, reason=options.reason, who=options.who
    )
    print(f"Unblinded; the key is the one that was committed to. Next: study-admin tables {options.study}")


def _tables(options: argparse.Namespace) -> None:
    with bar("Writing tables") as show:
        written = conduct.write_tables(StudyFolder(options.study), options.out, who=options.who, progress=show)
    print(f"{len(written)} files in {written[0].parent}; README.txt says what is what.")


def _audit(options: argparse.Namespace) -> None:
    rows, head = conduct.audit(StudyFolder(options.study))
    for row in rows:
        why = f"  ({row.why})" if row.why else ""
        print(f"{row.seq:5}  {row.utc}  {row.who}  {row.what}  {row.subject}{why}")
    print(f"{len(rows)} rows, unbroken; the last one's hash is {head}")


def _regenerate(options: argparse.Namespace) -> int:
    found = regenerate(options.key, passphrase(options.passphrase_file), options.public)
    print("equal" if found.is_equal else f"different: {found.first_difference}")
    return 0 if found.is_equal else 1
