"""Designs of split plots, without scores."""

from dataclasses import replace

import numpy as np

from study_admin.statistics.null_studies import split_plot_table
from study_admin.statistics.pairs import Pairs


def design(groups: int = 5, readers: int = 4, exams: int = 20) -> Pairs:
    """Everybody reads in the same order; sides even within each reader and each exam."""
    table = split_plot_table(groups, readers, exams)
    position = np.tile(np.arange(1.0, exams + 1), groups * readers)
    sides = np.where((position + table.reader) % 2, "A", "B")
    return replace(table, position=position, side_of_first=sides)
