"""SIGKILL of any process of ours at any moment: nothing recorded is lost, nothing is doubled."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest

from psweep_nb import Run, Study, StudyError, engine
from psweep_nb.journal import DONE, FAILED, Reader
from psweep_nb.locks import FileLock
from tests.waiting import until

N = 20_000


def processes(run: Run) -> dict[str, list[int]]:
    """The driver and the workers of a run."""
    found: dict[str, list[int]] = {"psweep_nb.driver": [], "executors.local_worker": []}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if len(words) > 4 and run.run_id in words[4]:
            for kind, pids in found.items():
                if kind in words[3]:
                    pids.append(int(folder.name))
    return found


def kill(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def records(run: Run) -> Counter[tuple[int, int]]:
    """How often each pset and attempt is in the run's journals, read by nothing but the reader."""
    found: Counter[tuple[int, int]] = Counter()
    for path in run.folder.path.glob("*/*.journal"):
        reader = Reader(path)
        found.update((r.pset, r.attempt) for r in reader.read() if r.kind in (DONE, FAILED))
        assert reader.damage == []
        assert reader.tail in ("", "torn")
    return found


def check_whole(run: Run, n: int) -> None:
    """Everything has its record, once; the table has every pset, once; victims are named."""
    found = records(run)
    assert sorted(found) == [(i, 1) for i in range(n)]
    assert set(found.values()) == {1}
    table = pd.read_pickle(run.study.database.path)
    table = table[table["_run_id"] == run.run_id]
    assert table["a"].tolist() == list(range(n))
    assert table["_pset_id"].is_unique
    assert table["_pset_seq"].is_monotonic_increasing
    good = table[~table["_failed"]]
    assert (good["twice"] == 2 * good["a"]).all()
    assert len(good) == run.status().done
    for failure in run.failures:
        assert "killed by SIGKILL" in failure.error
        assert table["_exc_txt"].iloc[failure.index] == failure.traceback


def torment(run: Run, kills: int, rng: random.Random, driver_share: float) -> int:
    """Kill, and resume when the run is lost, until it is through or `kills` are spent."""
    spent = 0
    seen: set[tuple[int, int]] = set()
    while spent < kills:
        status = run.status()
        if status.ended:
            if status.state == "finished":
                break
            now = set(records(run))
            assert seen <= now, "what was recorded stays"
            seen = now
            run.resume()
        if Path("calc/database.pk").exists():
            pd.read_pickle("calc/database.pk")
        time.sleep(rng.random() * 0.06)
        drivers, workers = processes(run).values()
        victims = drivers if rng.random() < driver_share else workers
        spent += bool(victims) and kill(rng.choice(victims))
    return spent


def finish(run: Run) -> None:
    # Three workers killed before they were ready end a run, with that reason: also to be resumed.
    while (status := run.wait(60)).state != "finished":
        assert status.state in ("lost", "stopped"), status
        run.resume()


def double(a: int) -> dict[str, int]:
    return {"twice": 2 * a}


double.__module__ = "__main__"  # by value: a worker need not import this module


@pytest.mark.parametrize("seed", range(4))
def test_drivers_and_workers_are_killed(seed: int) -> None:
    rng = random.Random(seed)
    run = Study("calc").submit(double, [{"a": a} for a in range(N)], workers=2)
    spent = torment(run, 25, rng, driver_share=0.3)
    finish(run)
    check_whole(run, N)
    assert spent > 5  # on a busy machine the run may be through before all are spent


@pytest.mark.soak
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", range(100, 130))
def test_many_more_kills(seed: int) -> None:
    rng = random.Random(seed)
    run = Study("calc").submit(double, [{"a": a} for a in range(20 * N)], workers=3)
    torment(run, 200, rng, driver_share=rng.random())
    finish(run)
    check_whole(run, 20 * N)


def test_resume_in_the_instant_of_the_drivers_death() -> None:
    """Its workers are still there for a moment: what they record then is not done again."""
    run = Study("calc").submit(double, [{"a": a} for a in range(2 * N)], workers=2)
    done = 0
    for _ in range(10):
        until(lambda: run.status().done > done or run.status().ended)  # noqa: B023
        done = run.status().done
        for driver in processes(run)["psweep_nb.driver"]:
            kill(driver)
        until(lambda: run.status().ended)
        if run.status().state == "finished":
            break
        run.resume()
    finish(run)
    check_whole(run, 2 * N)


def test_resume_waits_for_old_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is undone is only known when nobody records any more."""
    run = Study("calc").submit(double, [{"a": a} for a in range(N)], workers=1)
    until(lambda: run.status().done)
    kill(processes(run)["psweep_nb.driver"][0])
    until(lambda: run.status().state == "lost")
    until(lambda: not any(processes(run).values()))
    late = FileLock(run.folder.alive)
    assert late.acquire(5, shared=True)
    monkeypatch.setattr(engine, "OLD_WORKERS_S", 0.05)
    with pytest.raises(StudyError, match="still alive after"):
        run.resume()
    assert len(run.folder.sessions()) == 1
    late.release()
    run.resume()
    finish(run)
    check_whole(run, N)


KERNEL = """
import sys
import psweep_nb as ps

def double(a):
    return {"twice": 2 * a}

params = [{"a": a} for a in range(int(sys.argv[2]))]
if sys.argv[1] == "submit":
    ps.Study().submit(double, params, workers=2)
    print("submitted", flush=True)
    sys.stdin.read()
else:
    workers = int(sys.argv[3]) or None
    ps.Study().run(double, params, workers=workers)
print("done", flush=True)
"""


def kernel(*arguments: str | int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", KERNEL, *map(str, arguments)],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_the_run_goes_on_when_its_submitter_is_killed() -> None:
    with kernel("submit", N) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "submitted\n"
        process.kill()
    run = Study("calc").run_of(-1)
    assert run.wait(60).state == "finished"
    check_whole(run, N)


@pytest.mark.parametrize("workers", [0, 2])
def test_a_blocking_run_dies_with_its_process_and_can_be_resumed(workers: int) -> None:
    rng, n = random.Random(workers), 5000
    study = Study("calc")
    for _ in range(3):
        with kernel("run", n, workers) as process:
            seq = len(study.runs)
            run = until(lambda: study.runs[seq:])[0]  # noqa: B023
            wanted = rng.randrange(1, n // 2)
            until(lambda: run.status().done >= wanted or run.status().ended)  # noqa: B023
            process.kill()
        until(lambda: run.status().ended)  # noqa: B023
        before = set(records(run))
        if run.status().state == "lost":
            run.resume()
        finish(run)
        assert before <= set(records(run))
        check_whole(run, n)
        until(lambda: not any(processes(run).values()))  # noqa: B023


@pytest.mark.parametrize("moment", range(10))
def test_a_submitter_is_killed_at_any_moment(moment: int) -> None:
    """A run is there whole or not at all, and the next submission works."""
    rng = random.Random(moment)
    with kernel("submit", 200) as process:
        if moment % 3:
            until(Path("calc/.psweep").exists)
            time.sleep(rng.random() * 0.02)
        else:
            time.sleep(rng.random() * 0.5)
        process.kill()
    study = Study("calc")
    for run in study.runs:
        if run.wait(30).state == "lost":
            run.resume()
        finish(run)
        check_whole(run, 200)
    study.submit(double, [{"a": 1}]).wait(30)
    assert list(Path("calc/.psweep").glob(".new-*")) == []
    assert study.df["_pset_seq"].is_unique


def test_two_processes_submit_to_one_study() -> None:
    with kernel("submit", 3000) as one, kernel("submit", 3000) as two:
        for process in (one, two):
            process.communicate("", timeout=60)
    study = Study("calc")
    assert [run.wait(60).state for run in study.runs] == ["finished", "finished"]
    assert [run.run_seq for run in study.runs] == [0, 1]
    table = pd.read_pickle("calc/database.pk")
    assert sorted(table["_pset_seq"]) == list(range(6000))
    assert table["_pset_id"].is_unique
    assert Counter(table["_run_seq"]) == {0: 3000, 1: 3000}
    for run in study.runs:
        check_whole(run, 3000)


def test_several_processes_run_and_fold_at_once() -> None:
    kernels = [kernel("run", 1000, workers) for workers in (0, 1, 0, 1)]
    for process in kernels:
        with process:
            out, _ = process.communicate(timeout=60)
        assert out == "done\n"
    study = Study("calc")
    assert sorted(study.df["_pset_seq"]) == list(range(4000))
    for run in study.runs:
        check_whole(run, 1000)


def test_a_second_driver_on_a_run_is_refused() -> None:
    run = Study("calc").submit(double, [{"a": a} for a in range(N)], workers=2)
    run.pause()
    other = Study("calc").run_of(-1)
    with pytest.raises(StudyError, match="stop it or wait before you retry"):
        other.retry()
    assert other.resume().run_id == run.run_id  # of a live run: a command, no second engine
    assert run.wait(60).state == "finished"
    assert len(run.folder.sessions()) == 1
    check_whole(run, N)
