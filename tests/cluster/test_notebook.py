"""The notebook about clusters, on a real one: Slurm, reached through ssh and rsync."""

import shutil
from pathlib import Path

import nbclient
import nbformat
import pytest

from psweep_nb import Study

NOTEBOOK = Path(__file__).parents[2] / "notebooks" / "batch_slurm.ipynb"


def test_the_notebook_runs_on_a_cluster(
    host: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BATCH_HOST", host)
    monkeypatch.setenv("BATCH_PATH", str(tmp_path / "there"))
    for attempt in range(2):  # Run All, and again
        notebook = nbformat.read(shutil.copy(NOTEBOOK, tmp_path), as_version=4)
        nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3").execute()
        df = Study("calc_rod").df
        assert df["_attempt"].tolist() == [1] * 9 + [2, 2], attempt
        assert not df["_failed"].any()
        assert df["steps"].iloc[-1] == 100000
        texts = {
            cell["id"]: text_of(cell) for cell in notebook.cells if cell["cell_type"] == "code"
        }
        if attempt == 0:
            assert "KeyError: 'wood'" in texts["failures"]
            assert "1 cancelled" in texts["kill"]
            assert "CANCELLED" in texts["kill"]
            assert "2 psets submitted to cluster in 2 jobs; 9 done" in texts["retry"]
        else:
            assert "nothing to submit" in texts["submitting"]
    folders = sorted(path.name for path in (tmp_path / "there" / "calc_rod").iterdir())
    assert folders == sorted(df["_pset_id"])


def text_of(cell: nbformat.NotebookNode) -> str:
    return "".join(output.get("text", "") for output in cell["outputs"])
