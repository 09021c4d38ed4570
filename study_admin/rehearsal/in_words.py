"""What a rehearsal found, in sentences for somebody who plans a study and reads no code."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor
from typing import Any

from study_admin.design import StudyType
from study_admin.power.in_words import count, per_cent
from study_admin.rehearsal.seals import PASSPHRASE
from study_admin.report.canvas import interval, number


@dataclass(frozen=True)
class Line:
    """One thing that was found, and whether all is well with it."""

    is_good: bool
    text: str


@dataclass(frozen=True)
class Card:
    """A number and what it means."""

    title: str
    figure: str
    text: str


@dataclass(frozen=True)
class Words:
    """All sentences of the page."""

    size: str
    verdict: Sequence[Line]
    cards: Sequence[Card]
    assumed: str
    study: str
    points_per_dice: str
    passphrase: str = PASSPHRASE


def words(form: Mapping[str, Any], study: str) -> Words:
    """`study` is the way to the rehearsed study's folder."""
    design = form["design"]
    sizes = [count(design[what], what.removesuffix("s")) for what in ("groups", "readers", "exams", "readings")]
    if design["are_exams_made_up"]:
        sizes[2] = sizes[2].replace(" ", " made-up ")
    slope = form["planted"]["points_per_dice"]
    return Words(
        size=", ".join(sizes), verdict=[Line(line.is_good, _tied(line.text)) for line in _verdict(form) if line],
        cards=[Card(card.title, _tied(card.figure), _tied(card.text)) for card in _cards(form)],
        assumed=_tied(_assumed(form)), study=study, points_per_dice=f"{slope / 10:g}" if slope else "",
    )  # fmt: skip


def _tied(text: str) -> str:
    """No line begins with a per cent sign."""
    return text.replace(" %", "\u00a0%")


def _verdict(form: Mapping[str, Any]) -> Sequence[Line | None]:
    return _of_course(form), _of_acts(form), _of_sides(form), _of_power(form), _of_analysis(form)


def _of_course(form: Mapping[str, Any]) -> Line:
    scores, design = form["course"]["scores"], form["design"]
    if scores["wrong"]:
        return Line(False, f"{scores['wrong']} scores in the tables are not those that readers gave. Don't start.")
    stopped = form["course"]["stopped"]
    missing = f", though {count(len(stopped), 'reader')} stopped before the end" if stopped else ""
    return Line(
        True,
        f"The study can be carried through: {count(design['readers'], 'simulated reader')} read it, from the draw to "
        f"the report{missing}, and each of {scores['given']} scores arrived as it was given, for the right arm.",
    )


def _of_acts(form: Mapping[str, Any]) -> Line | None:
    acts = form["acts"]
    caught = sum(act["is_caught"] for act in acts)
    if not acts:
        return None
    if caught < len(acts):
        missed = ", ".join(act["title"].lower() for act in acts if not act["is_caught"])
        return Line(False, f"Not noticed: {missed}. Tell whoever looks after the program, and don't start.")
    return Line(True, f"{count(caught, 'thing')} broken on purpose: each was noticed, and said in a sentence.")


def _of_sides(form: Mapping[str, Any]) -> Line | None:
    """Said only if a balanced draw isn't one: an odd number leaves one side with one more."""
    sides = form["sides"]
    worst = max(sides["largest_excess_of_a_reader"], sides["largest_excess_of_an_exam"])
    if form["design"]["study_type"] != StudyType.BALANCED.value or worst <= 1:
        return None
    return Line(False, f"The sides are not balanced: somewhere one side leads by {worst}. Don't start.")


def _of_power(form: Mapping[str, Any]) -> Line | None:
    power, effect = form["power"], form["planted"]["effect"]
    simulated = power["simulated"]
    if simulated is None:
        return None
    share = per_cent(simulated["share"])
    if power["is_of_nothing"]:
        alpha = form["design"]["alpha"]
        is_kept = simulated["share"] <= alpha + 2 * max(simulated["se"], 0.005)
        return Line(is_kept, f"With no true difference, {share} of {simulated['of']} repetitions called one; "
                    f"{100 * alpha:g} % are allowed.")  # fmt: skip
    goal = {"superiority": "show a difference", "non-inferiority": "show non-inferiority"}.get(
        form["design"]["goal"], "reach the goal"
    )
    text = f"If the true difference is {number(effect)} points, {share} of such studies would {goal}"
    if simulated["share"] >= power["wanted"]:
        return Line(True, f"{text}: enough, where {per_cent(power['wanted'])} are usual.")
    ways = "".join(f" It would take {way}" for way in power["ways"][:1])
    return Line(False, f"{text}; {per_cent(power['wanted'])} are usual.{ways}")


def _of_analysis(form: Mapping[str, Any]) -> Line | None:
    repeated = form["repetitions"]
    if repeated is None:
        return None
    covered, level = repeated["covered"], form["design"]["level"]
    is_right = abs(covered["share"] - level) <= 3 * max(covered["se"], (level * (1 - level) / covered["of"]) ** 0.5)
    share = f"{100 * covered['share']:.1f} %"
    words = f"its {100 * level:g} % intervals held the planted difference in {share} of {covered['of']} repetitions"
    if is_right:
        return Line(True, f"The analysis finds what is there: {words}.")
    if covered["share"] > level:
        return Line(True, f"The analysis errs on the careful side with a design this small: {words}.")
    return Line(False, f"The analysis is too sure of itself with this design: {words}.")


def _cards(form: Mapping[str, Any]) -> Sequence[Card]:
    return _power_card(form), _effect_card(form), _sides_card(form), _guesses_card(form), _time_card(form)


def _power_card(form: Mapping[str, Any]) -> Card:
    power = form["power"]
    title = "False alarms" if power["is_of_nothing"] else "Power"
    simulated = power["simulated"]
    if simulated is None:
        return Card(title, "–", "no repetitions were asked for")
    text = f"± {100 * simulated['se']:.1f} % in {simulated['of']} repetitions"
    if power["formula"] is not None:
        low, high = (100 * end for end in power["range"])
        text += (
            f"; {per_cent(power['formula'])} by formula if nobody drops out, {low:.0f} to {high:.0f} % if variances "
        )
        text += "are twice or half as large"
    return Card(title, per_cent(simulated["share"]), f"{text}.")


def _effect_card(form: Mapping[str, Any]) -> Card:
    primary, effect = form["course"]["primary"], form["planted"]["effect"]
    if not primary.get("ci"):
        return Card("Effect found", "–", f"planted {number(effect)}; not estimable in this course")
    covers = "holds" if form["course"]["covers"] else "misses"
    level = f"{100 * form['design']['level']:g} %"
    text = f"points, where {number(effect)} was planted; the {level} interval {interval(primary['ci'])} {covers} it"
    repeated = form["repetitions"]
    if repeated:
        text += f"; mean of all repetitions {number(repeated['mean'])}"
    return Card("Effect found", number(primary["estimate"]), f"{text}.")


def _sides_card(form: Mapping[str, Any]) -> Card:
    sides, second = form["sides"], form["design"]["arms"][1]
    share = floor(1000 * sides["second_on_a"] / sides["readings"] + 0.5) / 10
    worst = sides["largest_excess_of_a_reader"], sides["largest_excess_of_an_exam"]
    lead = f"one side leads by at most {worst[0]} within a reader, {worst[1]} within an exam"
    even = "even within each reader and within each exam"
    text = f"{second} on side A in {sides['second_on_a']} of {sides['readings']} readings"
    return Card("Sides", f"{share:g} % A", f"{text}; {lead if any(worst) else even}.")


def _guesses_card(form: Mapping[str, Any]) -> Card:
    guesses, asked = form["guesses"], "Blinding"
    if "not_estimable" in guesses:
        return Card(asked, "–", f"not measured: {guesses['not_estimable']}")
    bang = guesses["bang_both"]
    total = sum(map(sum, guesses["counts"]))
    if "not_estimable" in bang:
        return Card(asked, "–", f"of {total} guesses; {bang['not_estimable']}")
    spread = interval(bang["ci95_by_reader"] or bang["ci95"])
    recognised = form["planted"]["readers"]["recognises"]
    truth = "by chance alone" if not recognised else f"{100 * recognised:g} % of them knowing"
    return Card(asked, number(bang["estimate"]), f"Bang’s index ({spread}) of {total} guesses, given {truth}; 0 is "
                "chance, 1 all right.")  # fmt: skip


def _time_card(form: Mapping[str, Any]) -> Card:
    time = form["time"]
    low, high = (60 * hours for hours in time["hours_a_reader"])
    text = (
        f"a reader, {time['hours_in_all']:.1f} hours in all, if half of the exams take less than "
        f"{time['minutes_per_exam']:g} minutes: an assumption."
    )
    if high < 90:
        return Card("Reading time", f"{low:.0f}–{high:.0f} min", text)
    return Card("Reading time", f"{low / 60:.1f}–{high / 60:.1f} h", text)


def _assumed(form: Mapping[str, Any]) -> str:
    planted = form["planted"]
    model = planted["readers"]
    v = planted["variances"]
    what = (
        f"scores follow the Dice of each mask with the reference (means {planted['dice'][0]:.3f} and "
        f"{planted['dice'][1]:.3f}, {planted['points_per_dice'] / 10:g} points for each 0.1), which makes a difference "
        f"of {number(planted['effect'])} points"
        if planted["follows_masks"]
        else f"a difference of {number(planted['effect'])} points, planted"
    )
    return (
        f"{planted['source']} Variances of the paired difference, {v['source']}: readers {v['reader']:.3g}, exams "
        f"{v['exam']:.3g}, single readings {v['residual']:.3g} points². Our own: {what}; scores rise by "
        f"{model['learning']:g} points from the first exam to the last; side A gets {model['side_a']:g} points more; "
        f"{100 * model['drop_out']:g} % of readers drop out; {100 * model['recognises']:g} % of guesses know, "
        f"{100 * model['undecided']:g} % are undecided. Real readers may differ: a small pilot tells."
    )
