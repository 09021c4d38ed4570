"""From which probability on a voxel is called tumour: chosen on exams that an ensemble has not learned from.

Networks that are averaged say 0.5 less often than each of them: where tumour is faint they disagree, and a cut at 0.5
draws too little. The one number is chosen on predictions of other exams, never on those of the test.
"""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import numpy as np

from segmentation import pictures, volumes
from segmentation.cohort import results, run_each
from segmentation.ensemble import EVEN, member_paths, set_threshold, weights_checksum
from segmentation.errors import StudyError
from segmentation.evaluation import Pair, load_mask
from segmentation.exams import open_prepared
from segmentation.metrics import Summary, dice, summary
from segmentation.prediction import RECORD, WEIGHTS
from segmentation.training.cases import fingerprints
from segmentation.training.fitting import learned_images
from segmentation.training.own_ensemble import SPLIT
from segmentation.training.split import read_split
from segmentation.whole_file import write_whole

THRESHOLDS = tuple(n / 20 for n in range(1, 20))
TABLE, PICTURE = "calibration.csv", "calibration.png"
_AGAIN = "Make it with: segmentation predict EXAMS ENSEMBLE OUT --probability"


@dataclass(frozen=True)
class Curve:
    """One exam's Dice at each of THRESHOLDS."""

    exam: str
    dice: tuple[float, ...]


@dataclass(frozen=True)
class Choice:
    """The threshold with the best mean Dice; `dice` there, `even` at 0.5, `gain` between them exam by exam."""

    threshold: float
    dice: Summary
    even: Summary
    gain: Summary


@dataclass(frozen=True)
class Known:
    """What an ensemble must not be calibrated on, and how its own predictions are known."""

    checksum: str
    learned: frozenset[str]
    test: tuple[str, ...]

    def refuse(self, pair: Pair) -> None:
        """Raise StudyError for an exam that it learned from or is tested on, or that it has not predicted whole."""
        record = _record(pair)
        if record[WEIGHTS] != self.checksum:
            raise StudyError("Another ensemble has predicted this.", file=pair.predicted, remedy=_AGAIN)
        if record["wish"]["only_largest"]:
            what = "It was predicted with --largest, which takes the other parts out of the probability."
            raise StudyError(what, file=pair.predicted, remedy=_AGAIN)
        if record["result"]["subject"] in self.test:
            what = f"{pair.name} is sequestered for the test: a threshold chosen on it would better the test."
            raise StudyError(what, file=pair.predicted, remedy="Leave the test's exams out.")
        if fingerprints(open_prepared(Path(record["prepared"])))["flair"] in self.learned:
            what = f"The ensemble has learned from {pair.name}, and knows its mask."
            raise StudyError(what, file=pair.predicted, remedy="Take exams that it has not seen.")


def calibrate(pairs: Sequence[Pair], ensemble: Path, jobs: int | None = None) -> Choice:
    """Choose on predictions (`Pair.predicted` is a probability) and write it into the ensemble's folder.

    Raises StudyError, with nothing written, if one exam is refused (`Known.refuse`) or can't be measured.
    """
    test = read_split(ensemble / SPLIT).test if (ensemble / SPLIT).exists() else ()
    known = Known(weights_checksum(ensemble), frozenset(learned_images(member_paths(ensemble))), test)
    curves = results(run_each(partial(_allowed_curve, known=known), pairs, jobs=jobs, label="exams", memory_gib=1.0))
    choice = choose(curves)
    write_whole(ensemble / TABLE, _table(curves).encode())
    write_whole(ensemble / PICTURE, _picture(curves, choice))
    found = {"exams": len(curves), "dice": choice.dice.mean, "dice_at_0.5": choice.even.mean}
    set_threshold(ensemble, choice.threshold, found)
    return choice


def _allowed_curve(pair: Pair, known: Known) -> Curve:
    known.refuse(pair)
    return curve(pair)


def _record(pair: Pair) -> Mapping[str, Any]:
    """What the prediction says of itself."""
    path = pair.predicted.with_name(RECORD)
    try:
        record = json.loads(path.read_text(encoding="utf-8"))
        said = (record[WEIGHTS], record["prepared"], record["result"]["subject"], record["wish"]["only_largest"])
        if [type(value) for value in said] == [str, str, str, bool]:
            return dict(record)
    except (OSError, ValueError, KeyError, TypeError):
        pass
    raise StudyError("It does not say which ensemble made the prediction.", file=path, remedy=_AGAIN)


def curve(pair: Pair) -> Curve:
    """Dice of one exam at every threshold. Raises StudyError where the two do not lie on one grid."""
    reference, place = load_mask(pair.reference)
    probability = pictures.upright(volumes.load(pair.predicted))
    volumes.check_same_grid(place, probability, str(pair.reference), str(pair.predicted))
    return Curve(pair.name, tuple(dice(reference, probability.array > threshold) for threshold in THRESHOLDS))


def choose(curves: Sequence[Curve]) -> Choice:
    """The best threshold on average over exams; of equally good ones the nearest to 0.5, and of two such the lower."""
    table = np.array([one.dice for one in curves])
    means = table.mean(0)
    best = min(range(len(means)), key=lambda n: (-means[n], abs(THRESHOLDS[n] - EVEN)))
    at, even = table[:, best], table[:, THRESHOLDS.index(EVEN)]
    summaries = [summary(values.tolist()) for values in (at, even, at - even)]
    assert all(summaries)
    return Choice(THRESHOLDS[best], *(one for one in summaries if one))


def _table(curves: Sequence[Curve]) -> str:
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["exam", *(f"{threshold:.2f}" for threshold in THRESHOLDS)])
    writer.writerows([one.exam, *(f"{value:.4f}" for value in one.dice)] for one in curves)
    return text.getvalue()


def _picture(curves: Sequence[Curve], choice: Choice) -> bytes:
    """Dice over the threshold: each exam thin, their mean thick."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(6, 4), layout="constrained", dpi=150)
    axes = figure.subplots()
    for one in curves:
        axes.plot(THRESHOLDS, one.dice, color="#9aa5b1", linewidth=0.7, label="one exam" if one is curves[0] else None)
    axes.plot(THRESHOLDS, np.mean([one.dice for one in curves], 0), color="#0072b2", linewidth=2.2, label="their mean")
    axes.axvline(EVEN, color="#7a7a7a", linewidth=0.8, linestyle=":")
    axes.axvline(choice.threshold, color="#d55e00", linewidth=1.2, label=f"chosen: {choice.threshold:.2f}")
    axes.set(xlabel="mean probability above which a voxel is tumour", ylabel="Dice", xlim=(0, 1), ylim=(0, 1))
    axes.grid(alpha=0.3)
    axes.legend(fontsize=8, loc="lower center")
    file = BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()
