"""The notebooks run from top to bottom, and again on the study that the first time left."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent.parent / "notebooks"


@pytest.mark.parametrize("notebook", sorted(path.name for path in FOLDER.glob("*.ipynb")))
def test_notebook_runs(notebook: str, tmp_path: Path) -> None:
    # A copy: the user's own study beside the notebook is not touched, and does not help.
    place = shutil.copytree(
        FOLDER, tmp_path / "notebooks", ignore=shutil.ignore_patterns("calc*", ".*")
    )
    command = [sys.executable, "-m", "pytest", "--nbval-lax", "--nbval-current-env", "-q"]
    command += ["--nbval-cell-timeout=120", "-p", "no:cacheprovider", notebook]
    for attempt in ("in an empty directory", "again"):
        done = subprocess.run(
            command,
            cwd=place,
            env={**os.environ, "PSWEEP_WAIT": "1"},  # a cell ends with its run, as papermill wants
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{notebook}, run {attempt}:\n{done.stdout}\n{done.stderr}"
