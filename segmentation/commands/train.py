"""`segmentation train`: a site's own ensemble from its own prepared exams."""

import argparse
import csv
import sys
from pathlib import Path

from segmentation.errors import StudyError
from segmentation.training import recipes

_WORDS = """\
Train an ensemble of DeepMedic networks on exams that `segmentation preprocess` has prepared with their masks.

First the subjects are divided into training, validation and test (OUT/split.json), whole subjects, once and for all.
Nobody trains on the test subjects: they are for `segmentation evaluate`, at the very end. Then the ensemble's members
are trained one after another on all other subjects, each from other first weights:

  OUT/split.json     who is in which part; binding for all later runs in OUT
  OUT/recipe.toml    what is done, with the source of each number
  OUT/member-1/      weights.safetensors and .json, history.csv, tensorboard/, checkpoint.safetensors
  OUT/member-2/ …
  OUT/ensemble.json  written when all are done; give OUT to `segmentation predict`
"""
_END = """\
Recipes
  recommended    the compact network, AdamW, mirrored and recoloured segments: for a computer without a GPU. 1,024
                 steps of six segments, which take about 25 minutes of one core; or give the time each network may
                 take, for instance --minutes 60. Longer is better.
  as-published   the default network as Mitchell et al. 2020 trained it (section 2.3): RMSProp; rate halved at epochs
                 20, 30, 35, 40 and 45, warm restart at 50, halved at 59, 62, 65, 68 and 71; 74 epochs of 2,000 steps.
                 A day or more per network on a GPU; with --minutes, the same course in less time.
  FILE.toml      your own: begin with --write-recipe FILE.toml, which writes the chosen one with a comment for each
                 number, and change what you like.

To tune a recipe as the paper did, run with --tune: one network (OUT/tuning) learns from the training subjects and is
measured on the validation subjects, every fifth epoch. When you like the numbers, run without --tune.

To begin with networks that have seen something already, give --from ENSEMBLE; --from shipped is the one that comes with
Blindread. Prepare your exams as its were, for that one with `segmentation preprocess EXAMS prepared --clip 0.5 99.5`.

Time and reproducibility
  --minutes is turned into a number of steps by a timing run at the start, and that number goes into OUT/recipe.toml.
  From then on nothing depends on the clock: segments, augmentation and first weights follow from the recipe's seed and
  the step, so the same recipe.toml gives the same weights again, bit for bit on a CPU with the same number of threads
  and the same version of torch (on a GPU to rounding).

Stopping
  Ctrl-C saves the state and stops; kill -9 or a power cut loses no more than an epoch. The same command goes on, and
  the weights are those of a training that was never interrupted.

  segmentation train prepared ensemble --from shipped --jobs 2
  segmentation train prepared ensemble --minutes 60
  segmentation train prepared ensemble --recipe as-published
  tensorboard --logdir ensemble
"""

_SHIPPED = Path("shipped")  # what --from calls the ensemble that comes with Blindread


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command to the command line."""
    command = commands.add_parser(
        "train",
        help="train an ensemble of networks on prepared exams",
        description=_WORDS,
        epilog=_END,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument("exams", type=Path, nargs="?", metavar="EXAMS", help="folder of prepared exams")
    command.add_argument("out", type=Path, nargs="?", metavar="OUT", help="a new folder, or one to go on with")
    command.add_argument(
        "--recipe", default="recommended", metavar="R", help="recommended (default), as-published, or a TOML file"
    )
    command.add_argument("--write-recipe", type=Path, metavar="FILE", help="only write the recipe, to be changed")
    command.add_argument(
        "--minutes", type=float, metavar="M", help="time for each network, instead of the recipe's steps"
    )
    start = "the folder of an ensemble to train further, or the word shipped: the one that comes with Blindread"
    command.add_argument("--from", dest="start", type=Path, metavar="ENSEMBLE", help=start)
    command.add_argument("--tune", action="store_true", help="train one network and measure it on validation subjects")
    _add_split(command)
    _add_machine(command)
    command.set_defaults(run=_run)


def _add_split(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group("subjects")
    where = "who is in which part: a split.json, or a CSV table with the columns subject and part"
    group.add_argument("--split", type=Path, metavar="FILE", help=where)
    group.add_argument(
        "--test", type=float, metavar="SHARE", help="share that is sequestered (default 0.135, as published)"
    )
    group.add_argument(
        "--validation", type=float, metavar="SHARE", help="share for --tune (default 0.055, as published)"
    )
    group.add_argument("--subjects", type=Path, metavar="CSV", help="columns exam and subject (default: as prepared)")


def _add_machine(command: argparse.ArgumentParser) -> None:
    group = command.add_argument_group("networks and machine")
    group.add_argument("--members", type=int, metavar="N", help="networks in the ensemble (default: the recipe's, 5)")
    group.add_argument("--seed", type=int, metavar="S", help="a whole number from 0 up (default: the recipe's, 1)")
    group.add_argument("--jobs", type=int, default=1, metavar="N", help="networks trained at a time (default 1)")
    cutting = "processes that cut segments (default: none on a CPU, up to 8 beside a GPU); changes no result"
    group.add_argument("--workers", type=int, metavar="N", help=cutting)
    group.add_argument("--device", choices=("cpu", "cuda"), help="default: the graphics card, if torch finds one")


def _run(options: argparse.Namespace) -> None:
    if options.start != _SHIPPED:
        return _train(options, options.start)
    from segmentation.ensemble import shipped_or

    with shipped_or(None) as folder:
        return _train(options, folder)


def _train(options: argparse.Namespace, start: Path | None) -> None:
    recipe = _recipe(options)
    if options.write_recipe is not None:
        _write_recipe(options.write_recipe, recipe)
        return
    if options.exams is None or options.out is None:
        raise StudyError(
            "The folder of exams and the folder to write are missing.", remedy="segmentation train EXAMS OUT"
        )
    if options.jobs < 1 or (options.workers or 0) < 0:
        raise StudyError("There must be at least one job, and no negative number of workers.", remedy="Try --jobs 1.")
    from dataclasses import replace

    from segmentation import ensemble, exams  # torch takes seconds: not for --help
    from segmentation.training import own_ensemble, split

    prepared = exams.find_prepared(options.exams)
    if options.subjects is not None:
        subjects = exams.read_subjects(options.subjects)
        prepared = tuple(replace(exam, subject=subjects.get(exam.name, exam.subject)) for exam in prepared)
    if start is not None and (unlike := ensemble.unlike_training(prepared, ensemble.load_ensemble(start))):
        print(f"careful: {unlike}; the start is worth less. Prepare them alike if you can.", file=sys.stderr)
    weights = own_ensemble.train(
        prepared,
        options.out,
        recipe,
        minutes=options.minutes,
        split=split.read_split(options.split) if options.split else None,
        is_tuning=options.tune,
        machine=own_ensemble.Machine(options.jobs, options.workers, options.device),
        start=start,
    )
    print(_last_words(options.out, weights, options.tune))


def _recipe(options: argparse.Namespace) -> recipes.Recipe:
    """The recipe by its name or file, with what the command line changes."""
    from dataclasses import replace

    named = recipes.RECIPES.get(options.recipe)
    if named is None and not options.recipe.endswith(".toml"):
        remedy = f"Known are {', '.join(recipes.RECIPES)}; a file's name ends in .toml."
        raise StudyError(f"There is no recipe called {options.recipe}.", remedy=remedy)
    recipe = named or recipes.load_recipe(Path(options.recipe))
    parts = {name: value for name in ("test", "validation") if (value := getattr(options, name)) is not None}
    members = {"count": options.members, "seed": options.seed}
    given = {name: value for name, value in members.items() if value is not None}
    return replace(recipe, split=replace(recipe.split, **parts), members=replace(recipe.members, **given))


def _write_recipe(path: Path, recipe: recipes.Recipe) -> None:
    if path.exists():
        raise StudyError("There is such a file already.", file=path, remedy="Choose another name.")
    path.write_text(recipes.as_toml(recipe, "A recipe for `segmentation train --recipe FILE`."), encoding="utf-8")
    print(f"{path}: change what you like, then segmentation train EXAMS OUT --recipe {path}")


def _last_words(out: Path, weights: tuple[Path, ...], is_tuning: bool) -> str:
    if is_tuning:
        with (weights[0].parent / "history.csv").open(encoding="utf-8", newline="") as file:
            last = list(csv.DictReader(file))[-1]
        return f"Mean Dice on the validation subjects: {float(last['validation_dice']):.3f} ({weights[0].parent})"
    networks = "1 network" if len(weights) == 1 else f"{len(weights)} networks"
    return f"{networks} in {out}. Now: segmentation predict EXAMS {out} MASKS"
