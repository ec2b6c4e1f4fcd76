"""Following a run: what arrived, what failed, what it is at, whoever looks and whenever."""

import os
import pickle
import threading
from pathlib import Path
from typing import Any

import pytest

from psweep_nb import Run, Study, arrivals
from psweep_nb.journal import DONE, Writer
from psweep_nb.runview import RunView
from tests import workloads
from tests.waiting import until


@pytest.fixture
def run() -> Run:
    """A run of six psets of which three failed."""
    study = Study("calc")
    study.run(workloads.fail_on_odd, [{"a": a} for a in range(6)], on_error="record")
    return study.run_of(0)


def view_of(run: Run) -> RunView:
    return RunView(run.folder, trusted=True)


def test_what_arrived(run: Run) -> None:
    view = view_of(run)
    assert view.count == 0
    assert view.poll() == 6
    assert view.poll() == 0
    records = view.arrived(0, 100)
    assert [r.index for r in records] == list(range(6))
    assert [r.state for r in records] == ["done", "failed"] * 3
    assert [r.results for r in records] == [{"half": 0}, {}, {"half": 1}, {}, {"half": 2}, {}]
    assert [r.pset for r in records] == [{"a": a} for a in range(6)]
    assert [r.pset_seq for r in records] == list(range(6))
    assert [r.pset_id for r in records] == run.df["_pset_id"].tolist()
    assert [r.started for r in records] == sorted(r.started for r in records)
    assert [r.index for r in view.newest(2)] == [5, 4]
    assert [r.index for r in view.newest(100)] == [5, 4, 3, 2, 1, 0]
    assert [r.index for r in view.arrived(4, 5)] == [4]
    assert view.arrived(5, 2) == []
    assert view.failed_indices() == [1, 3, 5]
    assert repr(records[1]) == "<pset 1 {'a': 1} failed: ValueError: 1 is odd>"


@pytest.mark.parametrize("at_once", [1, 300, 1 << 20])
def test_results_of_many_at_once_are_those_of_the_records(
    run: Run, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    monkeypatch.setattr(arrivals, "_AT_ONCE", at_once)
    run.retry(workloads.double)
    run.wait()
    view = view_of(run)
    assert view.poll() == 9
    expected = [(r.index, r.results) for r in view.arrived(0, 100)]
    assert [len(results) for _, results in expected] == [1, 0] * 3 + [1] * 3
    assert view.results(0, 100) == expected
    assert view.results(1, 4) == expected[1:4]
    assert view.results(4, 4) == []


def test_of_results_that_cannot_be_read_nothing_is_known(
    run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    view = view_of(run)
    view.poll()

    def load(data: bytes) -> Any:
        found = pickle.loads(data)
        if found == {"half": 1}:
            raise SystemExit
        return found

    monkeypatch.setattr(view, "load", load)
    assert [results for _, results in view.results(0, 6)] == [
        {"half": 0},
        {},
        {},
        {},
        {"half": 2},
        {},
    ]


def test_in_portions(run: Run) -> None:
    view = view_of(run)
    assert [view.poll(limit=4), view.poll(limit=4), view.poll(limit=4)] == [4, 2, 0]


def test_status(run: Run) -> None:
    status = run.status()
    assert (status.total, status.done, status.failed, status.running, status.pending) == (
        6, 3, 3, 0, 0,
    )  # fmt: skip
    assert status.ended
    assert status.state == "finished"
    assert status.time_left is None
    assert 0 < status.elapsed < 60
    assert str(status) == "finished: 3 of 6 done, 3 failed"


def test_the_last_attempt_counts(run: Run) -> None:
    view = view_of(run)
    view.poll()
    run.retry(lambda a: {"half": a / 2})
    run.wait(30)
    assert view.poll() == 3
    assert view.count == 9
    assert view.failed_indices() == []
    found = view.record(1)
    assert found is not None
    assert (found.attempt, found.results) == (2, {"half": 0.5})
    assert view.arrived(1, 2)[0].attempt == 1, "what arrived before is still to be seen"
    assert view.states() == [(i, DONE, 1 + i % 2) for i in range(6)]


def test_a_record_that_cannot_be_read_back_is_a_failure(run: Run) -> None:
    bodies = [b"no pickle", pickle.dumps([1, 2]), b"csys\nexit\n(tR."]
    writer = Writer(run.folder.sessions()[0].path / "x.journal")
    for number, body in enumerate(bodies):
        writer.append(DONE, body, attempt=5, pset=2 * number)
    writer.close()
    view = view_of(run)
    view.poll()
    for number in range(len(bodies)):
        record = view.record(2 * number)
        assert record is not None
        assert record.state == "failed"
        assert record.error.startswith("its record cannot be read back: ")
        assert record.results == {}
        assert record.exception is None
        assert record.log() == ""


def test_a_pset_that_cannot_be_read_says_so(run: Run) -> None:
    path = run.folder.path / "psets"
    content = bytearray(path.read_bytes())
    content[-3] ^= 0xFF
    path.write_bytes(content)
    view = view_of(Study("calc").run_of(0))
    view.poll()
    assert view.status().done + view.status().failed == len(run.folder.psets)
    # Plain psets are stored some at a time.
    assert "psets from 0 on are damaged" in view.pset(5)["unreadable"]
    assert "psets from 0 on are damaged" in view.arrived(0, 1)[0].pset["unreadable"]


def test_foreign_records_are_passed_over(run: Run) -> None:
    writer = Writer(run.folder.sessions()[0].path / "x.journal")
    writer.append(DONE, pickle.dumps({}), attempt=1, pset=6)
    writer.close()
    view = view_of(run)
    assert view.poll() == 6
    assert run.status().done == 3


def test_states_of_a_run(tmp_path: Path) -> None:
    study = Study("calc")
    params = [{"folder": str(tmp_path), "a": a} for a in range(5)]
    run = study.submit(workloads.wait_for_go, params, workers=1)
    seen = Study("calc").run_of(0)  # as another process would
    until(lambda: seen.status().running == 1)
    (running,) = seen.view.running()
    assert (running.index, running.pset["a"], running.log_tail()) == (0, 0, "")
    assert 0 <= running.seconds < 60
    status = seen.status()
    assert (status.state, status.pending, status.rate) == ("running", 4, None)
    run.pause()
    until(lambda: seen.status().state == "paused")
    run.stop()
    until(lambda: seen.status().state == "stopping")
    (tmp_path / "go").touch()
    assert seen.wait(30).state == "stopped"
    assert seen.view.running() == []
    assert str(seen.status()).startswith("stopped: 1 of 5 done, 4 pending (stopped by the user")


def test_wait_gives_up_in_time(tmp_path: Path) -> None:
    params = [{"folder": str(tmp_path), "a": 1}]
    run = Study("calc").submit(workloads.wait_for_go, params, in_kernel=True)
    assert run.wait(0.02).state == "running"
    (tmp_path / "go").touch()
    assert run.wait(30).state == "finished"


def test_a_run_of_another_host_is_unknown(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    for path in (run.folder.path / "000").glob("engine.journal"):
        path.unlink()
    assert Study("calc").run_of(0).status().state == "lost"
    monkeypatch.setattr("platform.node", lambda: "elsewhere")
    status = Study("calc").run_of(0).status()
    assert status.state == "unknown"
    assert status.ended
    assert "it was started on " in status.message
    with pytest.raises(Exception, match="resume it there"):
        Study("calc").run_of(0).resume()


def test_a_lost_run_with_nothing_left_gets_its_end() -> None:
    for options in ({"in_kernel": True}, {"workers": 1}):
        study = Study(f"calc{len(options)}{next(iter(options))}")
        run = study.submit(workloads.double, [{"a": 1}], **options)
        assert run.wait(30).state == "finished"
        (run.folder.path / "000" / "engine.journal").unlink()
        run = Study(study.calc_dir).run_of(0)
        assert run.status().state == "lost"
        assert run.resume().wait(30).state == "finished"
        assert run.status().done == 1


def test_logs_of_what_is_not_there_are_empty(run: Run) -> None:
    assert run.failures[0].log() == ""


def test_read_by_many_threads_while_it_grows() -> None:
    study = Study("calc")
    n = 5000
    run = study.submit(workloads.double, [{"a": a} for a in range(n)], workers=2)
    view = view_of(run)
    problems: list[Any] = []

    def look() -> None:
        seen = 0
        while seen < n:
            view.poll(limit=100)
            now = view.count
            if now < seen or any(r.results != {"twice": 2 * r.pset["a"]} for r in view.newest(3)):
                problems.append((seen, now))
            seen = now
            view.status()
            view.running()

    threads = [threading.Thread(target=look) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert problems == []
    assert sorted(r.index for r in view.arrived(0, n)) == list(range(n))
    assert run.wait(30).state == "finished"


def test_many_journals_keep_few_files_open(run: Run) -> None:
    folder = run.folder.sessions()[0].path
    for number in range(200):
        writer = Writer(folder / f"w{number + 1}.journal")
        writer.append(DONE, pickle.dumps({"half": number}), attempt=number + 2, pset=1)
        writer.close()
    view = view_of(run)
    before = len(os.listdir("/proc/self/fd"))
    assert view.poll() == 206
    assert len(os.listdir("/proc/self/fd")) - before < 80
    found = view.record(1)
    assert found is not None
    assert found.results == {"half": 199}
