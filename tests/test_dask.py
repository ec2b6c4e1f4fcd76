"""Dask: psets on the workers of a real cluster on this machine, some of which are killed."""

import os
import signal
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dask
import pytest
from distributed import Client

import psweep_nb as ps
from psweep_nb import OptionError, Study
from tests import workloads
from tests.waiting import until

Params = list[dict[str, Any]]
CONFIG = {
    "distributed.scheduler.allowed-failures": 1,  # deaths that a task is in; 3 take their time
    # A worker that is not back so long after a death (not this one: any) is given up for good.
    "distributed.deploy.lost-worker-timeout": "600 s",
}


@contextmanager
def new_client() -> Iterator[Client]:
    one = {"n_workers": 2, "threads_per_worker": 1, "host": "127.0.0.1"}
    with dask.config.set(CONFIG), Client(dashboard_address="127.0.0.1:0", **one) as client:
        yield client


@pytest.fixture(scope="module")
def client() -> Iterator[Client]:
    with new_client() as up:
        yield up


@pytest.fixture
def own_client() -> Iterator[Client]:
    """For a test that kills its workers, which take their time to come back."""
    with new_client() as up:
        yield up


def numbers(n: int) -> Params:
    return [{"a": a} for a in range(n)]


def gated(folder: Path, n: int) -> Params:
    return [{"folder": str(folder), "a": a} for a in range(n)]


def began(folder: Path) -> int:
    return len(list(folder.glob("began-*")))


def where(a: int) -> dict[str, int]:
    return {"twice": 2 * a, "pid": os.getpid()}


def kill_own_worker(a: int) -> dict[str, int]:
    if a == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return {"twice": 2 * a}


def test_psets_run_on_its_workers_in_chunks(client: Client, study: Study) -> None:
    run = study.submit(where, numbers(2000), dask_client=client)
    assert run.wait(60).state == "finished"
    df = run.df
    assert df["twice"].tolist() == list(range(0, 4000, 2))
    assert df["_pset_seq"].tolist() == list(range(2000))
    assert set(df["pid"]) <= set(client.run(os.getpid).values())
    assert run.spec.workers == 2, "its threads"


def test_other_ways_to_give_it(client: Client, study: Study) -> None:
    df = study.run(workloads.double, numbers(3), executor=client.get_executor())
    assert df["twice"].tolist() == [0, 2, 4]
    df = ps.run_local(workloads.double, numbers(3), dask_client=client, skip="done")
    assert len(df) == 3
    with pytest.raises(ZeroDivisionError, match="the first one"):
        study.run(workloads.first_fails, numbers(2), dask_client=client)
    with ThreadPoolExecutor(1) as pool, pytest.raises(OptionError, match="one of them is enough"):
        study.run(workloads.double, numbers(3), executor=pool, dask_client=client)
    with pytest.raises(OptionError, match=r"dask_client is 4; it should be a distributed\.Client"):
        study.submit(workloads.double, numbers(3), dask_client=4)


def test_a_killed_worker_loses_and_doubles_nothing(
    own_client: Client, study: Study, tmp_path: Path
) -> None:
    run = study.submit(workloads.wait_for_go, gated(tmp_path, 12), dask_client=own_client)
    until(lambda: began(tmp_path) == 2)
    victim, *_ = own_client.run(os.getpid).values()
    os.kill(victim, signal.SIGKILL)
    (tmp_path / "go").touch()
    assert run.wait(60).state == "finished"
    df = run.df
    assert df["a"].tolist() == list(range(12))
    assert df["_failed"].tolist() == [False] * 12
    assert run.view.count == 12, "records, executed twice or not"


def test_who_kills_each_worker_fails_alone(
    client: Client, own_client: Client, study: Study
) -> None:
    run = study.submit(kill_own_worker, numbers(12), dask_client=own_client)
    status = run.wait(120)
    assert (status.state, status.done, status.failed) == ("finished", 11, 1)
    assert run.df["_failed"].tolist() == [a == 3 for a in range(12)]
    failure = run.failures[0]
    assert failure.error.startswith("KilledWorker: Attempted to run task")
    assert "raised by the executor, not the function" in failure.traceback
    run.retry(where, dask_client=client).wait(60)
    assert run.df["pid"].dropna().tolist()[0] in client.run(os.getpid).values()
    assert run.df["_attempt"].tolist() == [1 + (a == 3) for a in range(12)]


def test_stop_at_once_lets_go(client: Client, study: Study, tmp_path: Path) -> None:
    run = study.submit(workloads.wait_for_go, gated(tmp_path, 12), dask_client=client)
    until(lambda: began(tmp_path) == 2)
    run.stop(now=True)
    status = run.wait(30)
    assert (status.state, status.done, status.pending) == ("stopped", 0, 12)
    (tmp_path / "go").touch()
    assert client.submit(sum, (1, 2)).result(timeout=30) == 3  # it has come to the end of its queue
    assert began(tmp_path) == 2, "what waited in it did not begin"
    run = study.submit(workloads.wait_for_go, gated(tmp_path, 12), dask_client=client)
    assert run.wait(60).done == 12


@pytest.mark.parametrize("end", [Client.close, lambda client: client.cluster.close()])
def test_a_closed_client_is_said(
    client: Client, study: Study, tmp_path: Path, end: Callable[[Client], object]
) -> None:
    with new_client() as first:
        run = study.submit(workloads.wait_for_go, gated(tmp_path, 12), dask_client=first)
        until(lambda: began(tmp_path) == 2)
        end(first)
        (tmp_path / "go").touch()
        status = run.wait(30)
        assert (status.state, status.pending) == ("stopped", 12)
        assert "the executor cannot go on (its Dask client is clos" in status.message
        assert "make a new one, then run.resume(executor=...), or submit" in status.message
        with pytest.raises(OptionError, match=r"its Dask client is clos.*; make a new one"):
            study.run(workloads.double, numbers(2), dask_client=first)
    assert run.resume(dask_client=client).wait(60).done == 12
    assert run.spec.mode == "thread", "that of the client; not worker processes of our own"
