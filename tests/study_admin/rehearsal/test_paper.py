"""The paper's course in small: simulate, predict, read, report, by the program's own commands."""

import json
from pathlib import Path

import pytest
import torch

from segmentation.ensemble import write_ensemble
from segmentation.network import DeepMedic
from segmentation.weights import save_weights
from study_admin.rehearsal import page
from study_admin.rehearsal.cohort import Cohort
from study_admin.rehearsal.place import PAGE
from tests.segmentation.tiny_network import TINY
from tests.study_admin.rehearsal.conftest import rehearse


@pytest.mark.long
@pytest.mark.timeout(900)
def test_from_raw_exams_to_the_page_beside_the_paper(
    tmp_path: Path, plain_report: None, capfd: pytest.CaptureFixture[str]
) -> None:
    """Two exams, an untrained network: its masks are bad, and that is what the scores have to say."""
    torch.manual_seed(1)
    weights = tmp_path / "ensemble/member-1/weights.safetensors"
    weights.parent.mkdir(parents=True)
    save_weights(weights, DeepMedic(TINY), {})
    write_ensemble(tmp_path / "ensemble", [weights], {"spacing_mm": [1.0, 1.0, 2.0]})
    words = ("--paper", "--ensemble", tmp_path / "ensemble", "--groups", 2, "--readers-per-group", 2,
             "--exams-per-group", 1, "--repetitions", 10, "--no-pdf", "--no-break", "--jobs", 1)  # fmt: skip
    assert rehearse(tmp_path / "out", *words) == 0
    said = capfd.readouterr().out
    assert [said.count(f"$ segmentation {command}") for command in ("simulate", "predict")] == [1, 1]
    cohort = Cohort(tmp_path / "out-cohort")
    assert [len(list(folder.glob("sim-*"))) for folder in (cohort.raw, cohort.prepared, cohort.exams)] == [2, 2, 2]
    form = json.loads((tmp_path / "out" / page.JSON).read_text(encoding="utf-8"))
    technician, network = form["planted"]["dice"]
    assert technician > 0.6 > network and form["planted"]["effect"] < -1
    text = (tmp_path / "out" / PAGE).read_text(encoding="utf-8")
    assert "Beside the paper" in text and "0.87 ± 0.01, 0.90" in text
    assert rehearse(tmp_path / "out", *words) == 0
    assert "$ segmentation" not in capfd.readouterr().out  # the cohort is whole
