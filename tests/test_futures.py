"""Pools as odd as there are: what a run makes of them. Real ones: test_engine, test_dask."""

from collections.abc import Callable, Iterator
from concurrent.futures import CancelledError, Executor, Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from psweep_nb import Study
from psweep_nb.executors import chunks
from psweep_nb.executors.futures import IN_FLIGHT, SMALL, TROUBLES
from tests import workloads
from tests.waiting import until

Task = Callable[[], Any]


class Unstoppable(Future):
    """As ipyparallel's, whose `cancel()` hangs."""

    def cancel(self) -> bool:
        raise AssertionError("nobody is to rely on cancel()")


class Pool(Executor):
    """One worker, which does with each task what `act` does, in place of its call.

    It does not tell how large it is, and what it is sent has to travel.
    """

    def __init__(self, act: Callable[[Task], Any] = lambda task: task()) -> None:
        self._act = act
        self._thread = ThreadPoolExecutor(1)
        self.tasks = 0

    def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future:
        self.tasks += 1
        assert "psweep_nb" not in fn.__module__, "a worker of Dask's without it would be lost"
        future = Unstoppable()
        self._thread.submit(self._do, future, lambda: fn(*args, **kwargs))
        return future

    def _do(self, future: Future, task: Task) -> None:
        try:
            future.set_result(self._act(task))
        except BaseException as exc:
            future.set_exception(exc)

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        self._thread.shutdown()


def numbers(n: int) -> list[dict[str, Any]]:
    return [{"a": a} for a in range(n)]


def test_a_task_executed_twice_is_one_row(study: Study) -> None:
    def twice(task: Task) -> Any:
        task()
        return task()

    with Pool(twice) as pool:
        run = study.submit(workloads.double, numbers(200), executor=pool)
        assert run.wait(30).state == "finished"
    assert run.view.count == 200
    assert run.df["twice"].tolist() == list(range(0, 400, 2))
    assert pool.tasks < 100, "quick psets travel together"


def test_what_a_pool_loses_once_is_sent_again(study: Study) -> None:
    fates: Iterator[BaseException | None] = iter(
        [None, CancelledError(), CancelledError(), RuntimeError("lost"), None, CancelledError()]
    )

    def lose(task: Task) -> Any:
        fate = next(fates, None)
        if fate is not None:
            raise fate
        return task()

    with Pool(lose) as pool:
        run = study.submit(workloads.double, numbers(50), executor=pool)
        assert (run.wait(30).done, run.status().failed) == (50, 0)
    assert run.view.count == 50


def test_what_fails_twice_fails_with_the_pools_error(study: Study) -> None:
    sent: list[list[int]] = []

    def fail_fifth(task: Task) -> Any:
        results = task()
        sent.append([result[0] for result in results])
        if 5 in sent[-1]:
            raise RuntimeError("a worker was killed")
        return results

    with Pool(fail_fifth) as pool:
        run = study.submit(workloads.double, numbers(20), executor=pool)
        assert (run.wait(30).done, run.status().failed) == (19, 1)
    assert run.failures[0].index == 5
    assert run.failures[0].error == "RuntimeError: a worker was killed"
    assert "raised by the executor, not the function" in run.failures[0].traceback
    first, second = (i for i, chunk in enumerate(sent) if 5 in chunk)
    assert sent[second] == [5], "alone"
    assert {a for chunk in sent[:second] for a in chunk} >= set(range(19)) - set(sent[first])


@pytest.mark.parametrize("error", [CancelledError, MemoryError])
def test_a_pool_that_loses_everything_is_given_up(study: Study, error: type[BaseException]) -> None:
    def lose(_task: Task) -> Any:
        raise error

    with Pool(lose) as pool:
        run = study.submit(workloads.double, numbers(1000), executor=pool)
        status = run.wait(30)
    assert status.state == "stopped"
    assert f"the executor cannot go on ({error.__name__}" in status.message
    assert pool.tasks <= TROUBLES + 4 * IN_FLIGHT


def test_workers_without_the_package(study: Study) -> None:
    def lack(_task: Task) -> Any:
        raise ModuleNotFoundError("No module named 'psweep_nb'")

    with Pool(lack) as pool:
        run = study.submit(workloads.double, numbers(1000), executor=pool)
        assert "No module named 'psweep_nb'" in run.wait(30).message
    assert run.status().failed == 0


@pytest.mark.parametrize("seen", [True, False])
def test_a_large_function_is_sent_only_where_its_file_is_not_seen(
    study: Study, monkeypatch: pytest.MonkeyPatch, seen: bool
) -> None:
    weights = bytes(10 * SMALL)
    sizes: list[int] = []

    def add(a: int) -> int:
        return a + len(weights)

    class Measured(Pool):
        def submit(self, fn: Any, /, *args: Any, **kwargs: Any) -> Future:
            sizes.append(len(args[0]))
            return super().submit(fn, *args, **kwargs)

    if not seen:
        monkeypatch.setattr(chunks, "_is_seen", lambda _chunk: False)  # another machine
    with Measured() as pool:
        run = study.submit(add, numbers(20), executor=pool)
        assert run.wait(30).done == 20
    assert run.df["result"].tolist() == [10 * SMALL + a for a in range(20)]
    assert sizes[0] < SMALL
    assert (max(sizes) < SMALL) is seen


class Missing:
    """Travels, and arrives nowhere."""

    def __call__(self, a: int) -> int:
        return a

    def __reduce__(self) -> Any:
        return __import__, ("no_such_module",)


def test_a_function_that_cannot_be_loaded_there(study: Study) -> None:
    with Pool() as pool:
        run = study.submit(Missing(), numbers(1000), executor=pool)
        status = run.wait(30)
    assert (status.state, status.failed, status.pending) == ("stopped", 0, 1000)
    expected = "cannot be loaded where the executor works: ModuleNotFoundError: No module named 'no"
    assert expected in status.message


@pytest.mark.parametrize("command", ["pause", "stop"])
def test_what_waits_in_a_pool_does_not_begin(study: Study, tmp_path: Path, command: str) -> None:
    params = [{"folder": str(tmp_path), "a": a} for a in range(6)]
    with Pool() as pool:
        run = study.submit(workloads.wait_for_go, params, executor=pool)
        until(lambda: pool.tasks == IN_FLIGHT and list(tmp_path.glob("began-*")))
        getattr(run, command)()
        until((run.folder.sessions()[-1].path / "held").exists)
        (tmp_path / "go").touch()
        until(lambda: run.status().state in ("paused", "stopped") and run.status().done)
        assert pool.tasks == IN_FLIGHT
    assert len(list(tmp_path.glob("began-*"))) == run.status().done == 1
    if command == "pause":  # in a pool that is closed
        run.resume()
        assert "cannot go on" in run.wait(30).message
    assert run.resume().wait(30).done == 6
