"""What is told while a network is trained: a bar with the time that is left, or lines where there is no terminal;
history.csv; scalars for TensorBoard.
"""

import csv
import io
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from segmentation.training.checkpoints import Progress
from segmentation.training.recipes import Recipe
from segmentation.whole_file import write_whole

HISTORY = "history.csv"
_SCALARS = ("loss", "dice", "validation_dice", "learning_rate")
_SHOWN_STEPS = 5  # the bar's words change so often
_LINE_S = 60.0


def means(sums: Sequence[float]) -> dict[str, float | None]:
    """Of the sums over some steps: the loss, and the Dice of all their voxels together."""
    loss, both, predicted, true, steps = sums
    return {"loss": loss / steps, "dice": 2 * both / (predicted + true) if predicted + true else None}


class Logbook:
    """What is told while a network is trained: a bar, or lines where there is none; history.csv; TensorBoard."""

    def __init__(self, folder: Path, recipe: Recipe, progress: Progress, is_alone: bool) -> None:
        from tensorboardX import SummaryWriter
        from tqdm import tqdm

        self.folder, self.recipe = folder, recipe
        is_bar = is_alone and sys.stderr.isatty()
        total, name = recipe.steps, folder.name
        self.bar = tqdm(
            total=total, initial=progress.step, desc=name, unit="step", disable=not is_bar, dynamic_ncols=True
        )
        self.board = SummaryWriter(str(folder / "tensorboard"), purge_step=len(progress.history) + 1)
        self.first_step, self.begun, self.told = progress.step, time.monotonic(), time.monotonic()

    def __enter__(self) -> "Logbook":
        return self

    def __exit__(self, *_: object) -> None:
        self.bar.close()
        self.board.close()

    def step(self, sums: Any) -> None:
        """A step is done; the sums are over the running epoch."""
        self.bar.update()
        if not self.bar.disable and (self.bar.n % _SHOWN_STEPS == 0 or self.bar.n == 1):
            epoch = (self.bar.n - 1) // self.recipe.schedule.steps_per_epoch + 1
            self.bar.set_postfix_str(f"epoch {epoch}/{self.recipe.schedule.epochs}, {_said(means(sums.tolist()))}")

    def epoch(self, progress: Progress) -> None:
        """An epoch is done, and saved."""
        rows = progress.history
        file = io.StringIO(newline="")
        table = csv.DictWriter(file, rows[0].keys(), lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
        write_whole(self.folder / HISTORY, file.getvalue().encode())
        row = rows[-1]
        for name in _SCALARS:
            if row[name] is not None:
                self.board.add_scalar(name, row[name], row["epoch"])
        if self.bar.disable and (progress.step == self.recipe.steps or time.monotonic() - self.told > _LINE_S):
            self._tell(row)

    def _tell(self, row: dict[str, Any]) -> None:
        self.told = time.monotonic()
        left_s = (self.told - self.begun) / (row["step"] - self.first_step) * (self.recipe.steps - row["step"])
        epochs = self.recipe.schedule.epochs
        words = f"{self.folder.name}: epoch {row['epoch']}/{epochs}, {_said(row)}, {left_s / 60:.0f} min left"
        print(words, file=sys.stderr, flush=True)


def _said(row: dict[str, Any]) -> str:
    dice = "" if row["dice"] is None else f", Dice {row['dice']:.3f}"
    validation = f", validation Dice {row['validation_dice']:.3f}" if row.get("validation_dice") is not None else ""
    return f"loss {row['loss']:.4f}{dice}{validation}"
