"""analysis.R, run by R, and what it prints."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest


def run_r(folder: Path) -> str:
    if not shutil.which("Rscript"):
        pytest.skip("R is not installed")
    command = ["Rscript", "--vanilla", str(folder / "analysis.R")]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, cwd=folder.parent)
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def line_of(output: str, label: str) -> dict[str, float]:
    """The numbers of one method: estimate, se, df, p."""
    found = re.search(rf"^{re.escape(label)} +(\S+)  se (\S+)  df (\S+)  p (\S+) ", output, re.MULTILINE)
    assert found, output
    return dict(zip(("estimate", "se", "df", "p"), map(float, found.groups()), strict=True))
