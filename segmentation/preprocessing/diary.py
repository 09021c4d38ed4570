"""What was done to an exam, step by step: parameters, findings, seconds and warnings, for `preprocess.json`."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from typing import Any

from segmentation.errors import StudyError
from segmentation.step_limit import limited

_PACKAGES = ("blindread", "deepbet", "numpy", "scipy", "simpleitk-simpleelastix", "torch")


class Diary:
    """The steps so far, in order."""

    def __init__(self) -> None:
        self.steps: list[dict[str, Any]] = []
        self.warnings: list[str] = []

    @contextmanager
    def step(self, name: str, **parameters: Any) -> Iterator[dict[str, Any]]:
        """Time a step. What it finds out is put into the dict it gets; a StudyError gets the step's name."""
        found: dict[str, Any] = {}
        wall, cpu = time.monotonic(), time.process_time()
        try:
            with limited(name):
                yield found
        except StudyError as error:
            what = f"{name.capitalize()}: {error.what}"
            raise StudyError(what, file=error.file, remedy=error.remedy) from error
        seconds = {"elapsed_s": round(time.monotonic() - wall, 2), "cpu_s": round(time.process_time() - cpu, 2)}
        self.steps.append({"step": name, "parameters": parameters, "found": found, **seconds})

    def warn(self, *sentences: str) -> None:
        """Something that does not stop the exam and that a person has to look at."""
        self.warnings += sentences


def versions() -> dict[str, str]:
    """Of the packages whose numbers the result depends on; the ones that are not installed are left out."""
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found
