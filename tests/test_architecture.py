"""The directions between packages and modules hold; the contracts stand in pyproject.toml."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_import_contracts_hold() -> None:
    lint = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert lint.returncode == 0, lint.stdout + lint.stderr


def test_reader_app_starts_without_the_heavy_libraries() -> None:
    """A radiologist's desktop has neither torch nor SimpleITK, and the start pays for no scipy or nilearn."""
    code = (
        "import sys, reader_app.views.main_window;"
        "print(*({'torch', 'SimpleITK', 'scipy', 'nilearn', 'study_admin', 'vtk'} & set(sys.modules)))"
    )
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == []
