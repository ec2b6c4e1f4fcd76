"""dask-jobqueue: psets on Dask workers that are jobs of a real Slurm."""

import json
from pathlib import Path

import pytest

from tests.cluster.slurm import Slurm
from tests.test_examples import run, table


def test_the_example(slurm: Slurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SLURM_CONF", str(slurm.conf))
    # What a site has in its jobqueue.yaml.
    site = {
        "interface": "lo",
        "scheduler-options": {"interface": "lo", "dashboard_address": "127.0.0.1:0"},
        "local-directory": str(tmp_path),
        "log-directory": str(tmp_path / "logs"),
    }
    for name, value in site.items():
        text = value if isinstance(value, str) else json.dumps(value)
        monkeypatch.setenv(f"DASK_JOBQUEUE__SLURM__{name.upper().replace('-', '_')}", text)
    out = run("dask_slurm.py")
    df = table("calc_dask_slurm")
    assert len(df) == 60  # the second time nothing was new
    means = df.groupby("steps")["distance"].mean()
    assert means.is_monotonic_increasing
    assert f"computed in {df['job'].nunique()} jobs" in out
