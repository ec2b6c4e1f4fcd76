"""The engine over every way to execute: what a run gives must not depend on where it runs."""

import asyncio
import contextlib
import multiprocessing
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from psweep_nb import OptionError, PsetError, Run, Study, StudyError
from psweep_nb.errors import PsweepError
from tests import workloads
from tests.waiting import until

Params = list[dict[str, Any]]
WAYS = ("serial", "workers", "process", "kernel", "threads", "pool")


@dataclass
class Way:
    """One way to execute: its name and the options that choose it."""

    name: str
    blocking: bool
    kills: bool
    options: dict[str, Any] = field(default_factory=dict)

    def run(self, study: Study, func: Callable[..., Any], params: Any, **options: Any) -> Run:
        """Execute to the end."""
        if self.blocking:
            study.run(func, params, **{"on_error": "record", **self.options, **options})
            return study.run_of(-1)
        run = study.submit(func, params, **{**self.options, **options})
        assert run.wait(60).ended
        return run

    def begin(self, study: Study, func: Callable[..., Any], params: Any, **options: Any) -> Run:
        """Execute; return when the run exists."""
        if not self.blocking:
            return study.submit(func, params, **{**self.options, **options})
        # Stopped by somebody else, `Study.run` raises: that is in another test.
        threading.Thread(target=self._quietly, args=(study, func, params), kwargs=options).start()
        return until(study.active_runs)[0]

    def _quietly(self, *args: Any, **options: Any) -> None:
        try:
            self.run(*args, **options)
        except StudyError as error:
            assert "stopped by the user" in str(error)


@pytest.fixture(scope="module")
def pool() -> Iterator[Executor]:
    # Not fork: this process has threads.
    with ProcessPoolExecutor(2, multiprocessing.get_context("forkserver")) as executor:
        yield executor


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> Iterator[Way]:
    name = request.param
    if name == "threads":
        with ThreadPoolExecutor(2) as threads:
            yield Way(name, blocking=False, kills=False, options={"executor": threads})
        return
    options: dict[str, Any] = {}
    if name == "pool":
        options["executor"] = request.getfixturevalue("pool")
    elif name == "kernel":
        options["in_kernel"] = True
    elif name != "serial":
        options["workers"] = 2
    kills = name in ("workers", "process")
    yield Way(name, blocking=name in ("serial", "workers", "pool"), kills=kills, options=options)


def numbers(n: int) -> Params:
    return [{"a": a} for a in range(n)]


def gated(folder: Path, n: int) -> Params:
    return [{"folder": str(folder), "a": a} for a in range(n)]


def began(folder: Path) -> int:
    return len(list(folder.glob("began-*")))


def test_rows_in_the_order_of_the_psets(way: Way, study: Study) -> None:
    run = way.run(study, workloads.double, numbers(300))
    df = run.df
    assert df["a"].tolist() == list(range(300))
    assert df["twice"].tolist() == list(range(0, 600, 2))
    assert df["_pset_seq"].tolist() == list(range(300))
    assert df["_pset_id"].is_unique
    assert df["_failed"].tolist() == [False] * 300
    assert (df["_attempt"] == 1).all()
    assert (df["_run_id"] == run.run_id).all()
    assert (df["_pset_runtime"] >= 0).all()
    assert df.index.tolist() == df["_time_utc"].tolist()
    status = run.status()
    assert (status.state, status.done, status.pending) == ("finished", 300, 0)
    pd.testing.assert_frame_equal(pd.read_pickle("calc/database.pk"), study.df)


def test_a_second_run_counts_on(way: Way, study: Study) -> None:
    way.run(study, workloads.double, numbers(3))
    run = way.run(study, workloads.double, numbers(2))
    assert run.df["_pset_seq"].tolist() == [3, 4]
    assert study.df["_run_seq"].tolist() == [0, 0, 0, 1, 1]


def test_failures_are_recorded_and_the_rest_is_done(way: Way, study: Study) -> None:
    run = way.run(study, workloads.fail_on_odd, numbers(20))
    df = run.df
    assert df["_failed"].tolist() == [a % 2 == 1 for a in range(20)]
    assert df["half"][~df["_failed"]].tolist() == list(range(10))
    text = df["_exc_txt"].iloc[3]
    assert "ValueError: 3 is odd" in text
    assert "in fail_on_odd" in text
    assert "psweep_nb" not in text, "our own frames say nothing to the user"
    assert df["_exc_txt"].iloc[2] is pd.NA
    assert [f.index for f in run.failures] == list(range(1, 20, 2))
    assert run.failures[0].error == "ValueError: 1 is odd"
    assert run.failures[0].traceback == df["_exc_txt"].iloc[1]
    assert (run.status().done, run.status().failed) == (10, 10)


def test_stop_at_the_first_failure(way: Way, study: Study) -> None:
    run = way.run(study, workloads.first_fails, numbers(300), on_error="stop")
    status = run.status()
    assert status.state == "stopped"
    assert "first failure" in status.message
    assert status.failed == 1
    assert status.pending > 0
    assert len(run.df) == 300 - status.pending


def test_raise_saves_first(way: Way, study: Study) -> None:
    if not way.blocking:
        with pytest.raises(OptionError, match="cannot raise"):
            way.run(study, workloads.first_fails, numbers(3), on_error="raise")
        assert not Path("calc").exists()
        return
    with pytest.raises(ValueError, match="1 is odd") as caught:
        way.run(study, workloads.fail_on_odd, numbers(2), on_error="raise")
    assert not isinstance(caught.value, PsweepError), "the original exception"
    df = pd.read_pickle("calc/database.pk")
    assert df["a"].tolist() == [0, 1]
    assert df["_failed"].tolist() == [False, True]


class Unpicklable(Exception):
    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


def test_an_exception_that_does_not_travel_brings_its_traceback(way: Way, study: Study) -> None:
    if not way.blocking:
        return
    error = Unpicklable

    def fail(a: int) -> None:
        raise error(a, 2)

    expected = Unpicklable if way.name == "serial" else PsetError
    with pytest.raises(expected, match="1 and 2"):
        way.run(study, fail, [{"a": 1}], on_error="raise")


def test_changes_in_place_reach_the_row_and_not_the_caller(way: Way, study: Study) -> None:
    shared = ["x"]
    params = [{"a": a, "values": shared} for a in range(4)]
    before = deepcopy(params)
    said: list[str] = []
    run = way.run(study, workloads.change_in_place, params, notes=said.append)
    df = run.df
    assert params == before == study.params()
    message = run.status().message
    assert "results have replaced the parameters of the same names: a, values" in message
    assert said == ([message] if way.blocking else [])
    assert df["a"].tolist() == [0, 10, 20, 30]
    assert df["values"].tolist() == [["x", "more"]] * 4
    assert df["seen"].tolist() == [["x", "more"]] * 4, "each pset has a copy of its own"
    assert df["added"].tolist() == [2] * 4


def test_bookkeeping_is_seen_and_stays(way: Way, study: Study) -> None:
    run = way.run(study, workloads.tamper, [{"p": 1}, {"p": 2}])
    df = run.df
    fields = ["_calc_dir", "_pset_id", "_pset_seq", "_pset_sha1", "_run_id", "_run_seq"]
    assert df["names"].tolist() == [fields] * 2
    assert df["seq"].tolist() == df["_pset_seq"].tolist() == [0, 1]
    assert df["run"].tolist() == df["_run_seq"].tolist()
    assert df["_run_id"].tolist() == [run.run_id] * 2
    assert df["_calc_dir"].tolist() == ["calc"] * 2
    assert "_mine" not in df


def test_none_is_an_error_that_says_what_to_return(way: Way, study: Study) -> None:
    run = way.run(study, workloads.nothing, numbers(1))
    assert "return a dict of results, {} for nothing" in run.failures[0].error


def test_what_else_is_returned(way: Way, study: Study) -> None:
    run = way.run(study, workloads.odd_results, numbers(6))
    df = run.df
    assert df["result"].tolist()[2:5] == [3.5, "text", [1, 2]]
    assert df["_failed"].tolist() == [True, True, False, False, False, False]
    first, second = run.failures
    assert "keys must be strings" in first.error
    assert "'_pset_id'" in second.error


def test_arguments_by_name(way: Way, study: Study) -> None:
    params = [{"a": 1, "b": 2}, {"b": 3, "a": 4, "c": 0, "extra": 9}]
    with pytest.warns(UserWarning, match="does not take `extra`"):
        df = way.run(study, workloads.by_name, params).df
    assert df["result"].tolist() == [(1, 2, 5), (4, 3, 0)]


def test_closures_and_lambdas(way: Way, study: Study) -> None:
    offset = 7
    assert way.run(study, lambda a: a + offset, numbers(3)).df["result"].tolist() == [7, 8, 9]


def test_the_directory_is_back_for_the_next_pset(
    way: Way, study: Study, own_directory: Path
) -> None:
    if way.name in ("kernel", "threads", "pool"):
        return  # there it belongs to everybody in the process
    df = way.run(study, workloads.change_directory, numbers(6)).df
    assert df["result"].tolist() == [str(own_directory)] * 6
    assert Path.cwd() == own_directory


def test_pause_and_resume(way: Way, study: Study, tmp_path: Path) -> None:
    run = way.begin(study, workloads.wait_for_go, gated(tmp_path, 40))
    until(lambda: began(tmp_path))
    run.pause()
    (tmp_path / "go").touch()
    until(lambda: run.status().state == "paused" and run.status().done == began(tmp_path))
    assert run.status().pending > 0
    assert not run.status().ended
    run.resume()
    assert run.wait(30).state == "finished"
    assert run.df["twice"].tolist() == list(range(0, 80, 2))


def test_stop_lets_what_runs_finish_and_resume_does_the_rest(
    way: Way, study: Study, tmp_path: Path
) -> None:
    run = way.begin(study, workloads.wait_for_go, gated(tmp_path, 40))
    until(lambda: began(tmp_path))
    run.stop()
    until(lambda: run.status().state == "stopping" or way.name in ("serial", "kernel"))
    (tmp_path / "go").touch()
    status = run.wait(30)
    assert status.state == "stopped"
    assert "by the user" in status.message
    assert status.done == began(tmp_path) == len(run.df)
    assert 0 < status.pending < 40
    with pytest.raises(StudyError, match="nothing to stop: run 0 is stopped"):
        run.stop()
    assert run.resume().wait(30).state == "finished"
    df = run.df
    assert df["a"].tolist() == list(range(40))
    assert (df["_attempt"] == 1).all()
    with contextlib.suppress(StudyError):
        run.resume()
    assert len(run.folder.sessions()) == 2, "nothing is left to resume"


def test_stop_now(way: Way, study: Study, tmp_path: Path) -> None:
    run = way.begin(study, workloads.wait_for_go, gated(tmp_path, 8))
    until(lambda: began(tmp_path))
    if way.name in ("serial", "kernel", "threads"):
        with pytest.raises(StudyError, match=r"cannot be killed; stop\(\) lets those finish"):
            run.stop(now=True)
        (tmp_path / "go").touch()
        assert run.wait(30).state == "finished"
        return
    run.stop(now=True)
    status = run.wait(30)
    assert (status.state, status.done, status.failed) == ("stopped", 0, 0)
    (tmp_path / "go").touch()
    assert run.resume().wait(30).done == 8


def test_retry_runs_just_the_failed_ones(way: Way, study: Study, tmp_path: Path) -> None:
    run = way.run(study, workloads.fail_until_fixed, gated(tmp_path, 10))
    assert run.status().failed == 5
    (tmp_path / "fixed").touch()
    ids = run.df["_pset_id"].tolist()
    assert run.retry().wait(30).state == "finished"
    df = run.df
    assert df["_pset_id"].tolist() == ids
    assert df["_attempt"].tolist() == [1, 2] * 5
    assert df["_failed"].tolist() == [False] * 10
    assert df["twice"].tolist() == list(range(0, 20, 2))
    assert df["_exc_txt"].isna().all()
    calls = [len((tmp_path / f"calls-{a}").read_text()) for a in range(10)]
    assert calls == [1, 2] * 5
    assert run.view.count == 15, "the journal keeps all attempts"
    with pytest.raises(StudyError, match="nothing to retry"):
        run.retry()


def test_retry_with_another_function(way: Way, study: Study) -> None:
    run = way.run(study, workloads.fail_on_odd, numbers(4))
    run.retry(lambda a: {"half": a / 2})
    assert run.wait(30).done == 4
    assert run.df["half"].tolist() == [0, 0.5, 1, 1.5]


def test_timeout(way: Way, study: Study) -> None:
    if not way.kills:
        with pytest.raises(OptionError, match="add workers=1"):
            way.run(study, workloads.hang_on_one, numbers(3), timeout=0.3)
        assert not Path("calc").exists()
        return
    run = way.run(study, workloads.hang_on_one, numbers(6), timeout=0.3)
    df = run.df
    assert df["_failed"].tolist() == [False, True, False, False, False, False]
    assert run.failures[0].error == "TimeoutError: still running after 0.3 s"
    assert df["_pset_runtime"].iloc[1] >= 0.3


def test_a_run_can_be_awaited(study: Study) -> None:
    async def main() -> str:
        run = study.submit(workloads.double, numbers(3), in_kernel=True)
        return (await run).state

    assert asyncio.run(main()) == "finished"


def test_a_second_engine_on_a_run_is_refused(way: Way, study: Study, tmp_path: Path) -> None:
    run = way.begin(study, workloads.wait_for_go, gated(tmp_path, 2))
    until(lambda: began(tmp_path))
    with pytest.raises(StudyError, match="stop it or wait before you retry it"):
        Study("calc").run_of(-1).retry()
    (tmp_path / "go").touch()
    assert run.wait(30).state == "finished"
