"""The canvas under several threads: the window draws while a report is written."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import matplotlib
from matplotlib.figure import Figure as Sheet

from study_admin.report.canvas import Figure, draw


def steps(count: int) -> Figure:
    def paint(sheet: Sheet) -> None:
        axes = sheet.subplots()
        axes.bar(range(count), range(1, count + 1), hatch="//", label="steps")
        axes.legend()

    return draw(f"steps-{count}", 2.0, paint, "A caption", "Words")


def test_figures_drawn_at_once_are_those_drawn_one_by_one() -> None:
    before = dict(matplotlib.rcParams)
    alone = [steps(count) for count in (3, 4, 5)]
    with ThreadPoolExecutor(3) as pool:
        jobs = [pool.submit(partial(steps, count)) for count in (3, 4, 5)] * 2
        together = [job.result() for job in jobs]
    assert together == alone * 2
    assert dict(matplotlib.rcParams) == before


def test_a_report_never_loads_pyplot_whose_figures_belong_to_the_main_thread() -> None:
    code = "import sys, study_admin.report.document; print('matplotlib.pyplot' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
