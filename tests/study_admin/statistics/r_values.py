"""The frozen scores, and what R (4.2.2; psych, vcd, lme4, lmerTest) makes of them, as stored beside this file."""

import json
from pathlib import Path
from typing import Any

import pandas as pd

HERE = Path(__file__).parent / "reference"
SETS = ("paper", "null")
ARMS = ("score_technician", "score_dl")


def scores(name: str) -> pd.DataFrame:
    return pd.read_csv(HERE / f"{name}.csv")


def from_r(part: str, name: str) -> dict[str, Any]:
    values: dict[str, Any] = json.loads((HERE / f"{part}_{name}.json").read_text(encoding="utf-8"))
    return values
