"""Which column of a table of scores holds what, and which two arms are compared.

Two shapes are known: *long* has one row a score, with the arm in a column; *wide* has one row a reading, with a column
of scores for each arm. The names are those of Blindread's own long.csv and wide_pairs.csv; others are mapped by hand.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from segmentation.errors import StudyError
from study_admin.scores_file.cells import Cells

ROLES = {
    "reader": "who scored", "exam": "what was scored", "group": "group of readers and exams",
    "position": "place in the reader's list", "seconds": "time of the reading",
    "side": "side on which the segmentation stood; in a wide table that of the first arm",
    "arm": "method that is scored (long table)", "score": "its score (long table)",
    "first": "scores of the first arm (wide table)", "second": "scores of the second arm (wide table)",
}  # fmt: skip
_TWICE = "Give each role a column of its own; a role that is given nothing (seconds=) is left alone."
_NAMES = {"arm": ("source", "arm")}  # where the name is not the role's own
_SCORE, _SIDE = "score_", "side_of_"
_EXAMPLES = (  # the window reads tables, too, and has no options
    "rename its columns reader, exam, source and score, or reader, exam, score_HAND and score_NETWORK; or map them by "
    "--columns reader=RATER exam=CASE arm=METHOD score=RATING (one row a score) or "
    "--columns reader=RATER exam=CASE first=HAND second=NETWORK (one row a reading)"
)


@dataclass(frozen=True)
class Layout:
    """Places of the columns by role. `arms` of a long table are those that were asked for, as its rows hold them.

    `is_side_of_second`: the column of sides tells where the second arm stood.
    """

    shape: str  # long or wide
    places: Mapping[str, int]
    arms: tuple[str, str] | None
    is_side_of_second: bool = False
    notes: tuple[str, ...] = ()


def mapping_of(words: Sequence[str]) -> dict[str, str]:
    """Names of columns by roles, of a command line's words ROLE=NAME. StudyError for a word of another form.

    >>> mapping_of(["Reader=rater", "seconds="])
    {'reader': 'rater', 'seconds': ''}
    """
    for word in words:
        if "=" not in word:
            remedy = 'For instance reader=rater; a name with blanks in it needs quotes: "exam=case number".'
            raise StudyError(f"{word!r} isn't ROLE=NAME.", remedy=remedy)
    parts = [word.partition("=") for word in words]
    return {role.strip().lower(): name.strip() for role, _, name in parts}


def layout(cells: Cells, mapping: Mapping[str, str], arms: Sequence[str] | None) -> Layout:
    """The columns of a table, by a mapping of roles to names of columns, and by the names that are known.

    A role that is mapped to nothing is left alone. StudyError names the columns that are there, and what to write.
    """
    _check_roles(mapping)
    wanted = _two(arms, cells)
    places = {role: place for role in ROLES if role not in ("first", "second")
              if (place := _place(role, mapping, cells)) is not None}  # fmt: skip
    missing = [role for role in ("reader", "exam") if role not in places]
    if missing:
        raise _unknown(cells, f"It has no column {' and no column '.join(missing)}.")
    _check_twice(cells, places)
    is_mapped = any(mapping.get(role) for role in ("first", "second"))
    if not is_mapped and "score" in places and ("arm" in places or "side" in places):
        return _one_row_a_score(places, wanted)
    if not is_mapped and (mapping.get("score") or mapping.get("arm")):
        raise _half_mapped("arm" if mapping.get("score") else "score", cells)
    left = {role: place for role, place in places.items()
            if role not in ("arm", "score") and (role != "side" or role in mapping)}  # fmt: skip
    return (
        _mapped(cells, mapping, left, wanted)
        if is_mapped
        else _side_by_side(cells, left, wanted, has_sides="side" not in mapping)
    )


def _one_row_a_score(places: Mapping[str, int], wanted: tuple[str, str] | None) -> Layout:
    if "arm" in places:
        return Layout("long", places, wanted)
    note = "The table tells of sides only, not of arms: what is compared are the sides A and B."
    as_arms = {**places, "arm": places["side"]}
    del as_arms["side"]
    return Layout("long", as_arms, wanted, notes=(note,))


def _two(arms: Sequence[str] | None, cells: Cells) -> tuple[str, str] | None:
    if arms is None:
        return None
    names = [arm.strip() for arm in arms]
    if len(names) != 2 or names[0].casefold() == names[1].casefold() or not all(names):
        raise StudyError("Two different arms are compared.", file=cells.file,
                         remedy="Name the first and the second, such as --arms technician network.")  # fmt: skip
    return names[0], names[1]


def _check_roles(mapping: Mapping[str, str]) -> None:
    """StudyError for a role that there is not."""
    for role in mapping:
        if role not in ROLES:
            known = "; ".join(f"{name}: {what}" for name, what in ROLES.items())
            what = f"There is no role {role!r} for a column; the role stands first, as in reader=rater."
            raise StudyError(what, remedy=f"These are known: {known}.")


def _check_twice(cells: Cells, places: Mapping[str, int]) -> None:
    """StudyError for a column that is to be two things."""
    by_place: dict[int, str] = {}
    for role, place in places.items():
        other = by_place.setdefault(place, role)
        if other != role:
            what = f"The column {cells.columns[place]!r} is taken for both {other} and {role}."
            raise StudyError(what, file=cells.file, remedy=_TWICE)


def _half_mapped(lacking: str, cells: Cells) -> StudyError:
    what = f"The column of the {lacking}s isn't named. {_seen(cells)}"
    remedy = f"Add {lacking}=NAME to --columns; or first=NAME and second=NAME, if each arm has a column of its own."
    return StudyError(what, file=cells.file, remedy=remedy)


def _place(role: str, mapping: Mapping[str, str], cells: Cells) -> int | None:
    """Where the column of a role is: as mapped, else by its name."""
    if role in mapping:
        return _named(mapping[role], cells) if mapping[role] else None
    for name in _NAMES.get(role, (role,)):
        if _fold(name) in map(_fold, cells.columns):
            return _named(name, cells)
    return None


def _named(name: str, cells: Cells) -> int:
    found = [place for place, column in enumerate(cells.columns) if _fold(column) == _fold(name)]
    if not found:
        raise StudyError(f"There is no column {name!r}. {_seen(cells)}", file=cells.file,
                         remedy="Write the name as it stands in the table.")  # fmt: skip
    if len(found) > 1:
        raise StudyError(f"{len(found)} columns are named {name!r}.", file=cells.file,
                         remedy="Give each column its own name.")  # fmt: skip
    return found[0]


def _mapped(
    cells: Cells, mapping: Mapping[str, str], places: Mapping[str, int], wanted: tuple[str, str] | None
) -> Layout:
    """Two columns of scores that were named; the arms are called as they are, unless other names are given.

    Where the names that are given are the columns' own, they say which is the first: scores never change their name.
    """
    lacking = [role for role in ("first", "second") if not mapping.get(role)]
    if lacking:
        raise StudyError(f"The column of the {lacking[0]} arm's scores isn't named.", file=cells.file,
                         remedy=f"Add {lacking[0]}=NAME to --columns. {_seen(cells)}")  # fmt: skip
    both = {role: _named(mapping[role], cells) for role in ("first", "second")}
    if both["first"] == both["second"]:
        raise StudyError(f"Both arms are mapped to the column {mapping['first']!r}.", file=cells.file,
                         remedy="Name one column for each arm.")  # fmt: skip
    names = (cells.columns[both["first"]], cells.columns[both["second"]])
    if wanted is None or [*map(_fold, wanted)] == [*map(_fold, names)]:
        return Layout("wide", {**places, **both}, names)
    if {*map(_fold, wanted)} & {*map(_fold, names)}:
        what = (
            f"The first arm's scores are in the column {names[0]!r} and the second's in {names[1]!r}, but --arms says "
        )
        raise StudyError(f"{what}{wanted[0]!r} and {wanted[1]!r}.", file=cells.file,
                         remedy="Leave --arms away, or turn first= and second= round.")  # fmt: skip
    note = f"The scores in {names[0]} are called {wanted[0]}, those in {names[1]} {wanted[1]}."
    return Layout("wide", {**places, **both}, wanted, notes=(note,))


def _side_by_side(
    cells: Cells, places: Mapping[str, int], wanted: tuple[str, str] | None, *, has_sides: bool
) -> Layout:
    """The columns score_ARM, of two arms; the first one stands first. Without `has_sides` side_of_ARM is left alone."""
    found = {column[len(_SCORE) :]: _named(column, cells) for column in cells.columns
             if _fold(column).startswith(_SCORE) and len(column) > len(_SCORE)}  # fmt: skip
    if not found:
        raise _unknown(cells, "It has neither a column of arms beside one of scores, nor two columns score_ARM.")
    first, second = chosen(tuple(found), wanted, cells)
    both = {"first": found[first], "second": found[second]}
    folded = [_fold(column) for column in cells.columns]
    of_first, of_second = (f"{_SIDE}{_fold(arm)}" for arm in (first, second))
    is_of_second = has_sides and of_first not in folded and of_second in folded
    if has_sides and (of_first in folded or is_of_second):
        both["side"] = _named(of_second if is_of_second else of_first, cells)
    return Layout("wide", {**places, **both}, (first, second), is_of_second)


def chosen(found: Sequence[str], wanted: tuple[str, str] | None, cells: Cells) -> tuple[str, str]:
    """The two arms of those that a table has, in the order that is wanted, else in its own."""
    if wanted:
        by_name = {_fold(arm): arm for arm in found}
        unknown = [arm for arm in wanted if _fold(arm) not in by_name]
        if unknown:
            raise StudyError(f"The table has no arm {unknown[0]!r}; it has {_listed(found)}.", file=cells.file,
                             remedy="Name two of these with --arms.")  # fmt: skip
        return by_name[_fold(wanted[0])], by_name[_fold(wanted[1])]
    if len(found) == 2:
        return found[0], found[1]
    if len(found) < 2:
        raise StudyError(f"The table has scores of one arm only, {_listed(found)}.", file=cells.file,
                         remedy="Two arms are compared: add the scores of the other one.")  # fmt: skip
    remedy = f"Say which two are compared, the first one first, such as --arms {found[0]} {found[1]}."
    raise StudyError(f"The table has {len(found)} arms: {_listed(found)}.", file=cells.file, remedy=remedy)


def _fold(name: str) -> str:
    return name.strip().casefold()


def _listed(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in names)


def _seen(cells: Cells) -> str:
    return f"Its columns are {', '.join(column or '(without a name)' for column in cells.columns)}."


def _unknown(cells: Cells, why: str) -> StudyError:
    if len(cells.columns) == 1:
        what = f"The table has one column only, {cells.columns[0]!r}."
        return StudyError(what, file=cells.file, remedy="Put commas, semicolons or tabs between the columns.")
    what = f"This is no table of scores that is known by its columns. {why} {_seen(cells)}"
    return StudyError(what, file=cells.file, remedy=f"Say which column is what: {_EXAMPLES}.")
