"""What the tests of the report share."""

from pathlib import Path

import pytest

from study_admin.report.document import write_results
from tests.study_admin.report.reference_material import results_of_study


@pytest.fixture(scope="session")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The paper-shaped study's report as it is written, with its PDF where Pango is installed; to be read only."""
    out = tmp_path_factory.mktemp("paper") / "report"
    write_results(results_of_study(), out)
    return out
