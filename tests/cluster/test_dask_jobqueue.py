"""dask-jobqueue: psets on Dask workers that are jobs of a real Slurm."""

import json
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from distributed import Client

from psweep_nb import Study
from tests import workloads
from tests.cluster.slurm import Slurm
from tests.test_examples import run, table
from tests.waiting import until


@pytest.fixture
def site(slurm: Slurm, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """What a site has in its jobqueue.yaml."""
    monkeypatch.setenv("SLURM_CONF", str(slurm.conf))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))  # `tests` is there, too
    return {
        "interface": "lo",
        "scheduler_options": {"interface": "lo", "dashboard_address": "127.0.0.1:0"},
        "local_directory": str(tmp_path),
        "log_directory": str(tmp_path / "logs"),
    }


@pytest.fixture
def new_cluster() -> Callable[..., Any]:
    """dask-jobqueue's class; what importing it does to Ctrl-C is undone."""
    before = signal.getsignal(signal.SIGINT)
    from dask_jobqueue.slurm import SLURMCluster

    signal.signal(signal.SIGINT, before)
    return SLURMCluster


def test_the_example(site: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in site.items():
        text = value if isinstance(value, str) else json.dumps(value)
        monkeypatch.setenv(f"DASK_JOBQUEUE__SLURM__{name.upper()}", text)
    out = run("dask_slurm.py")
    df = table("calc_dask_slurm")
    assert len(df) == 60  # the second time nothing was new
    means = df.groupby("steps")["distance"].mean()
    assert means.is_monotonic_increasing
    assert f"computed in {df['job'].nunique()} jobs" in out


def test_psets_of_a_cancelled_job_run_in_another(
    slurm: Slurm,
    site: dict[str, Any],
    new_cluster: Callable[..., Any],
    study: Study,
    tmp_path: Path,
) -> None:
    params = [{"folder": str(tmp_path), "a": a} for a in range(6)]
    with (
        new_cluster(cores=1, processes=1, memory="500MB", **site) as cluster,
        Client(cluster) as client,
    ):
        run = study.submit(workloads.wait_for_go, params, dask_client=client)
        assert (run.status().state, run.spec.workers) == ("running", 1), "without any worker yet"
        cluster.scale(jobs=2)
        until(lambda: len(list(tmp_path.glob("began-*"))) == 2, timeout=60)
        slurm.do("scancel", slurm.queue()[0])
        until(lambda: len(client.nthreads()) == 1, timeout=60)
        (tmp_path / "go").touch()
        assert run.wait(60).done == 6
    assert run.view.count == 6
