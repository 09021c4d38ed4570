"""The answer about a plan in plain sentences; the window and the command say the same."""

from collections.abc import Sequence
from math import floor

from study_admin.power.answer import Answer
from study_admin.power.designs import Growing, Way
from study_admin.power.plan import MOST, Goal, Plan
from study_admin.power.simulation import Simulated

_SIZES = {
    Growing.GROUPS: ("group", ""),
    Growing.READERS: ("reader", " in each group"),
    Growing.EXAMS: ("exam", " in each group"),
}

LARGER = {
    Growing.GROUPS: "more groups",
    Growing.READERS: "more readers in each",
    Growing.EXAMS: "more exams in each",
}


def sentences(answer: Answer) -> Sequence[str]:
    """The whole answer, from the most important to the least."""
    return (
        headline(answer), verdict(answer), size(answer.plan), precision(answer), promise(answer), variances(answer),
        spread(answer), *(way(answer, found) for found in answer.ways), *warnings(answer),
    )  # fmt: skip


def headline(answer: Answer) -> str:
    """One sentence: how many of a hundred such studies would reach the goal."""
    plan, share = answer.plan, per_cent(answer.result.power)
    if plan.goal is Goal.SUPERIORITY:
        side = "higher" if plan.delta > 0 else "lower"
        truth = f"If the second method truly scores {abs(plan.delta):g} points {side}"
        return f"{truth}, {share} of such studies would show a difference."
    truth = f"If the true difference is {plan.delta:g} points"
    if plan.goal is Goal.NON_INFERIORITY:
        return f"{truth}, {share} of such studies would show that the second method is less than {_margin(plan)} worse."
    return f"{truth}, {share} of such studies would show that the methods differ by less than {_margin(plan)}."


def verdict(answer: Answer) -> str:
    """Whether that is enough; with a decimal where the rounded power says otherwise."""
    power = answer.result.power
    if power >= answer.wanted:
        return f"That reaches the {wanted(answer)} that are wanted."
    exact = f"{floor(1000 * power) / 10} %, " if per_cent(power) == per_cent(answer.wanted) else ""
    return f"That is {exact}less than the {wanted(answer)} that are wanted."


def wanted(answer: Answer) -> str:
    """The power that is wanted, as it was given."""
    return f"{100 * answer.wanted:g} %"


def size(plan: Plan) -> str:
    """The design in numbers.

    >>> size(Plan())
    '5 groups of 4 readers and 20 exams: 20 readers, 100 exams, 400 readings, 20 for each reader.'
    """
    groups = f"{count(plan.groups, 'group')} of {count(plan.readers_per_group, 'reader')}"
    exams = f"and {count(plan.exams_per_group, 'exam')}"
    return f"{groups} {exams}: {_totals(plan)}, {plan.exams_per_group} for each reader."


def precision(answer: Answer) -> str:
    """Standard error, df, and what can be found."""
    result = answer.result
    words = f"Standard error of the mean difference {result.se:.3f} points, {_df(result.df)} degrees of freedom."
    if answer.detectable is None:
        return words
    points = f"{answer.detectable:.{2 if answer.detectable >= 0.1 else 4}f}"
    return f"{words} For {wanted(answer)} the true difference would have to be {points} points."


def promise(answer: Answer) -> str:
    """What the paired t-test would promise, marked wrong."""
    return (
        f"A paired t-test would promise {per_cent(answer.result.promised)}. That is wrong: it takes the "
        f"{count(answer.plan.readings, 'reading')} as independent, though those of one reader, and those of one exam, "
        "are alike."
    )


def spread(answer: Answer) -> str:
    """The power over the range of variances."""
    found = answer.range
    low, high = per_cent(found.low), per_cent(found.high)
    return f"Power {f'from {low} to {high}' if low != high else f'{low} throughout'} with {found.because}."


def variances(answer: Answer) -> str:
    """Which variances were taken."""
    v = answer.variances
    return (
        f"Variances of the difference, {v.source}: between readers {v.reader:.3g}, between exams {v.exam:.3g}, "
        f"single readings {v.residual:.3g} points²."
    )


def way(answer: Answer, found: Way) -> str:
    """What one size would have to be."""
    unit, where = _SIZES[found.growing]
    if found.result is None:
        return f"Not even {MOST} {unit}s{where} would be enough."
    plan = found.result.plan
    now, then = (getattr(each, found.growing.value) for each in (answer.plan, plan))
    if then == now:
        return f"It takes the {now} {unit}s{where}." if now > 1 else f"1 {unit}{where} is the least there can be."
    return f"{count(then, unit)}{where} instead of {now}: {_totals(plan)}, power {per_cent(found.result.power)}."


def ends(answer: Answer) -> str:
    """Where the three ways to a larger study lead; for those who do not see the picture."""
    return "; ".join(
        f"{LARGER[route.growing]}: {per_cent(route.power[-1])} at {count(route.readings[-1], 'reading')}"
        for route in answer.routes
    )


def simulated(answer: Answer, found: Simulated) -> str:
    """What the simulation came to, beside the formula."""
    words = (
        f"{count(found.studies, 'simulated study', 'simulated studies')}: {100 * found.power:.1f} % reached the goal "
        f"(± {100 * found.se:.1f} %, the simulation's own error); the formula says {100 * answer.result.power:.1f} %."
    )
    if found.not_estimable:
        words += f" {found.not_estimable} of them had no result that could be tested."
    return words


def warnings(answer: Answer) -> Sequence[str]:
    """What to be careful about: the variances, and designs whose analysis stands on few."""
    plan = answer.plan
    found = list(answer.variances.warnings)
    if plan.readers < 5:  # as the report warns (statistics.md, section 6)
        found.append(f"{count(plan.readers, 'reader')}: fewer than 5 say little about readers at large.")
    if plan.readers_per_group == 1 and plan.exams_per_group > 1:
        found.append("One reader for each exam: how well readers agree can't be told from such a study.")
    return found


def per_cent(share: float) -> str:
    """Whole, and never 0 or 100 for what is neither.

    >>> per_cent(0.6868), per_cent(0.9999), per_cent(0.0001)
    ('69 %', 'more than 99 %', 'less than 1 %')
    """
    if share > 0.995:
        return "more than 99 %"
    return "less than 1 %" if share < 0.005 else f"{100 * share:.0f} %"


def cell(share: float) -> str:
    """The same for a table of numbers in per cent."""
    return ">99" if share > 0.995 else f"{100 * share:.0f}"


def count(number: int, one: str, many: str = "") -> str:
    return f"{number} {one if number == 1 else many or one + 's'}"


def _df(df: float) -> str:
    return f"{df:.1f}" if df < 10 else f"{df:.0f}"


def _totals(plan: Plan) -> str:
    return f"{count(plan.readers, 'reader')}, {count(plan.exams, 'exam')}, {count(plan.readings, 'reading')}"


def _margin(plan: Plan) -> str:
    return f"{plan.margin:g} points"
