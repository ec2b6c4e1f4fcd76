"""How psets are executed: setup, retries, order, slots, over every way where it matters."""

import os
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from psweep_nb import FunctionError, OptionError, Run, Study, StudyError, run_local
from psweep_nb.running import Options, arrange
from tests.waiting import until

A4 = [{"a": a} for a in range(4)]


def lines(path: Path) -> list[str]:
    return path.read_text().split() if path.exists() else []


def note(path: Path, word: object) -> None:
    with open(path, "a") as file:
        file.write(f"{word}\n")


# -- options ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"retries": -1}, "retries is -1; it should be from 0 to 100"),
        ({"retries": True}, "retries is True; it should be a number"),
        ({"retries": 1.5}, "retries is 1.5"),
        ({"order": "random"}, r"order is 'random'; .*'shuffle'"),
        ({"order": None}, "order is None"),
        ({"capture_logs": "both"}, r"capture_logs is 'both'; .*'db\+file'"),
        ({"fresh": 1}, "fresh is 1; it should be True or False"),
        ({"slots": []}, r"slots is \[\]; it should be a list of dicts"),
        ({"slots": "0"}, "slots is '0'"),
        ({"slots": {"A": "0"}}, "slots is {'A': '0'}"),
        ({"slots": [{"A": 0}]}, r"slots\[0\]\['A'\] is 0; .* text: '0'"),
        ({"slots": ["A=0"]}, r"slots\[0\] is 'A=0'; it should be a dict"),
        ({"slots": [{"A=B": "0"}]}, r"slots\[0\] has the name 'A=B'"),
        ({"slots": [{}, {}], "workers": 3}, "workers is 3, but slots has the environments of 2"),
    ],
)
def test_bad_options_are_named_and_nothing_is_written(
    study: Study, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(OptionError, match=message):
        study.submit(lambda a: a, A4, **options)
    assert not Path("calc").exists()


@pytest.mark.parametrize("options", [{"fresh": True}, {"slots": [{"A": "0"}]}])
def test_what_needs_worker_processes_says_so(study: Study, options: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match="needs worker processes: add workers=1"):
        study.submit(lambda a: a, A4, in_kernel=True, **options)
    if "fresh" in options:
        with pytest.raises(OptionError, match="add workers=1"):
            run_local(lambda a: a, A4, **options)
    assert not Path("calc").exists()


def test_setup_that_does_not_fit(study: Study) -> None:
    with pytest.raises(FunctionError, match="requires `setup`"):
        study.submit(lambda a, setup: a, A4)
    with pytest.raises(FunctionError, match="does not take it"):
        study.submit(lambda a: a, A4, setup=lambda: 1)
    lock = threading.Lock()
    with pytest.raises(FunctionError, match="uses the variable `lock`"):
        study.submit(lambda a, setup: a, A4, setup=lambda: lock)
    assert not Path("calc").exists()


# -- setup -----------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["serial", "workers", "process", "kernel", "threads"])
def test_setup_runs_once_in_each_worker(study: Study, tmp_path: Path, where: str) -> None:
    made = str(tmp_path / "made")

    def setup() -> list[Any]:
        import os
        import threading

        with open(made, "a") as file:
            file.write(f"{os.getpid()}-{threading.get_ident()}\n")
        return [os.getpid(), threading.get_ident()]

    def func(a: int, setup: list[Any]) -> dict[str, Any]:
        import os
        import threading
        import time

        time.sleep(0.002)
        return {"same": setup == [os.getpid(), threading.get_ident()], "twice": 2 * a}

    params = [{"a": a} for a in range(60)]
    if where in ("serial", "workers"):
        study.run(func, params, workers=2 if where == "workers" else None, setup=setup)
    else:
        with ThreadPoolExecutor(2) as pool:
            choices: dict[str, dict[str, Any]] = {
                "process": {"workers": 2},
                "kernel": {"in_kernel": True},
                "threads": {"executor": pool},
            }
            assert study.submit(func, params, setup=setup, **choices[where]).wait(60).done == 60
    df = study.df
    assert df["twice"].tolist() == list(range(0, 120, 2))
    assert df["same"].all(), "what setup made is of the worker that uses it"
    assert "setup" not in df
    workers = 1 if where in ("serial", "kernel") else 2
    assert len(lines(tmp_path / "made")) == len(set(lines(tmp_path / "made"))) <= workers


@pytest.mark.parametrize("where", ["serial", "process", "threads"])
def test_a_setup_that_raises_ends_the_run_and_resume_goes_on(
    study: Study, tmp_path: Path, where: str
) -> None:
    folder = str(tmp_path)

    def setup() -> int:
        from pathlib import Path

        with open(Path(folder) / "tried", "a") as file:
            file.write("x\n")
        if not (Path(folder) / "fixed").exists():
            raise RuntimeError("no licence")
        return 7

    def func(a: int, setup: int) -> int:
        return a * setup

    if where == "serial":
        with pytest.raises(StudyError, match=r"(?s)setup failed: .*no licence.*in setup"):
            study.run(func, A4, setup=setup)
        run = study.run_of(-1)
    else:
        with ThreadPoolExecutor(2) as pool:
            options: dict[str, Any] = {"executor": pool} if where == "threads" else {"workers": 2}
            run = study.submit(func, A4, setup=setup, **options)
            status = run.wait(30)
        assert status.state == "stopped"
        assert "setup failed: RuntimeError: no licence" in status.message
        assert "in setup" in status.message, "its traceback"
    assert (run.status().pending, run.status().failed) == (4, 0)
    assert len(lines(tmp_path / "tried")) <= 4, "it is not tried for ever"
    (tmp_path / "fixed").touch()
    assert run.resume().wait(30).state == "finished"
    assert run.df["result"].tolist() == [0, 7, 14, 21]


def test_a_setup_that_takes_its_worker_along_ends_the_run(study: Study) -> None:
    def setup() -> None:
        import os

        print("about to go", flush=True)
        os._exit(3)

    run = study.submit(lambda a, setup: a, A4, setup=setup)
    status = run.wait(30)
    assert status.state == "stopped"
    assert "exit code 3" in status.message
    assert "about to go" in status.message
    assert status.pending == 4


def test_a_new_worker_is_set_up_again(study: Study, tmp_path: Path) -> None:
    made = str(tmp_path / "made")

    def setup() -> int:
        import os

        with open(made, "a") as file:
            file.write(f"{os.getpid()}\n")
        return os.getpid()

    def func(a: int, setup: int) -> int:
        import os

        if a == 1:
            os.kill(os.getpid(), 9)
        return setup

    run = study.submit(func, A4, setup=setup)
    assert run.wait(30).done == 3
    pids = run.df["result"].dropna().tolist()
    assert pids[0] != pids[1] == pids[2]
    assert [int(pid) for pid in lines(tmp_path / "made")] == pids[:2]


# -- retries ---------------------------------------------------------------------------------


def flaky(folder: str, harm: Callable[[], Any]) -> Callable[[int], int]:
    """A function that does harm for odd `a`, until it was called `a` times more."""

    def func(a: int) -> int:
        from pathlib import Path

        calls = Path(folder) / f"calls-{a}"
        with open(calls, "a") as file:
            file.write("x")
        if a % 2 and calls.stat().st_size <= a:
            harm()
        return 2 * a

    return func


def fail() -> None:
    raise RuntimeError("not yet")


HARM: dict[str, Callable[[], Any]] = {
    "raise": lambda: 1 / 0,
    "exit": lambda: __import__("os")._exit(5),
    "kill": lambda: __import__("os").kill(__import__("os").getpid(), 9),
    "hang": lambda: __import__("time").sleep(60),
}


@pytest.mark.parametrize("harm", HARM)
@pytest.mark.parametrize("workers", [1, 2])
def test_retries_of_whatever_fails(study: Study, tmp_path: Path, harm: str, workers: int) -> None:
    func = flaky(str(tmp_path), HARM[harm])
    timeout = 0.4 if harm == "hang" else None
    run = study.submit(func, A4, retries=2, workers=workers, timeout=timeout)
    status = run.wait(60)
    # a=1 fails once, a=3 three times: that is once more than it may.
    assert (status.state, status.done, status.failed) == ("finished", 3, 1)
    df = run.df
    assert df["_attempt"].tolist() == [1, 2, 1, 3]
    assert df["_failed"].tolist() == [False, False, False, True]
    assert df["a"].tolist() == [0, 1, 2, 3]
    assert df["result"].tolist()[:3] == [0, 2, 4]
    assert run.view.count == 7, "the journal keeps all attempts"
    assert run.failures[0].attempt == 3


@pytest.mark.parametrize("where", ["serial", "workers", "kernel", "threads"])
def test_retries_everywhere(study: Study, tmp_path: Path, where: str) -> None:
    func = flaky(str(tmp_path), fail if where == "serial" else HARM["raise"])
    with ThreadPoolExecutor(2) as pool:
        choices: dict[str, dict[str, Any]] = {
            "serial": {},
            "workers": {"workers": 2},
            "kernel": {"in_kernel": True},
            "threads": {"executor": pool},
        }
        options = choices[where]
        if where in ("serial", "workers"):
            study.run(func, A4, retries=3, **options)  # on_error="raise": nothing is left to raise
            run = study.run_of(-1)
        else:
            run = study.submit(func, A4, retries=3, **options)
            run.wait(60)
    assert (run.status().state, run.status().done) == ("finished", 4)
    assert run.df["_attempt"].tolist() == [1, 2, 1, 4]


@pytest.mark.parametrize("workers", [None, 1])
def test_only_the_last_attempt_raises(study: Study, tmp_path: Path, workers: int | None) -> None:
    func = flaky(str(tmp_path), fail if workers is None else HARM["raise"])
    with pytest.raises(RuntimeError if workers is None else ZeroDivisionError):
        study.run(func, A4, retries=2, workers=workers)
    df = study.df
    assert df["_attempt"].tolist() == [1, 2, 1, 3]
    run = study.run_of(-1)
    assert run.status().state == "stopped"


def test_stop_at_the_first_failure_means_the_first_final_one(study: Study, tmp_path: Path) -> None:
    run = study.submit(flaky(str(tmp_path), HARM["raise"]), A4, retries=1, on_error="stop")
    status = run.wait(30)
    assert "first failure" in status.message
    assert (status.state, status.done, status.failed) == ("stopped", 3, 1)


def test_resume_goes_on_with_what_was_to_be_tried_again(study: Study, tmp_path: Path) -> None:
    folder = str(tmp_path)

    def func(a: int) -> int:
        import time
        from pathlib import Path

        (Path(folder) / f"began-{a}").touch()
        go = Path(folder) / "go"
        if a == 0 and not go.exists():
            raise RuntimeError("not yet")
        while a == 1 and not go.exists():
            time.sleep(0.002)
        return 2 * a

    run = study.submit(func, [{"a": 0}, {"a": 1}, {"a": 2}], retries=2, fresh=False)
    until((tmp_path / "began-1").exists)
    run.stop(now=True)
    assert run.wait(30).state == "stopped"
    (tmp_path / "go").touch()
    assert run.resume().wait(30).done == 3
    assert run.spec.retries == 2
    assert run.df["_attempt"].tolist() == [2, 1, 1]
    assert run.df["result"].tolist() == [0, 2, 4]


def test_retries_survive_a_worker_that_dies_again_and_again(study: Study, tmp_path: Path) -> None:
    folder = str(tmp_path)

    def func(a: int) -> int:
        import os
        from pathlib import Path

        calls = Path(folder) / f"calls-{a}"
        with open(calls, "a") as file:
            file.write("x")
        if calls.stat().st_size < 3:
            os.kill(os.getpid(), 9)
        return a

    run = study.submit(func, [{"a": a} for a in range(6)], retries=2, workers=2)
    assert run.wait(60).done == 6
    assert run.df["_attempt"].tolist() == [3] * 6
    assert run.df["result"].tolist() == list(range(6))


# -- order -----------------------------------------------------------------------------------


@given(st.lists(st.integers(0, 3), max_size=30))
def test_repeats_last_is_a_stable_sort(repeats: list[int]) -> None:
    places, _ = arrange("repeats-last", [{"_repeat": r} for r in repeats])
    assert [(repeats[i], i) for i in places] == sorted((r, i) for i, r in enumerate(repeats))


@given(st.integers(0, 50))
def test_shuffle_loses_none_and_can_be_repeated(n: int) -> None:
    import random

    places, seed = arrange("shuffle", [{}] * n)
    again = list(range(n))
    random.Random(seed).shuffle(again)
    assert list(places) == again
    assert sorted(places) == list(range(n))


def test_the_table_is_in_the_order_given(study: Study) -> None:
    began: list[int] = []

    def func(a: int) -> int:
        began.append(a)
        return a

    study.run(func, [{"a": a} for a in range(30)], order="shuffle")
    assert began != sorted(began)
    assert sorted(began) == study.df["a"].tolist() == list(range(30))
    spec = study.run_of(-1).spec
    assert spec.order == "shuffle"
    places = list(range(30))
    import random

    random.Random(spec.order_seed).shuffle(places)
    assert places == began


def test_first_repeats_come_first(study: Study) -> None:
    began: list[Any] = []
    params = [{"a": a, "_repeat": r} for a in range(3) for r in range(2)]

    def func(pset: dict[str, Any]) -> dict[str, Any]:
        began.append((pset["_repeat"], pset["a"]))
        return {}

    study.run(func, params, order="repeats-last")
    assert began == [(r, a) for r in range(2) for a in range(3)]
    assert study.df["a"].tolist() == [0, 0, 1, 1, 2, 2]


# -- slots -----------------------------------------------------------------------------------


def test_each_worker_has_its_environment_also_after_a_crash(study: Study, tmp_path: Path) -> None:
    def func(a: int) -> dict[str, str]:
        import os
        import time

        if a in (3, 4):
            os._exit(1)
        time.sleep(0.02)
        return {"device": os.environ["MY_DEVICE"], "path": os.environ.get("PATH", "")}

    slots = [{"MY_DEVICE": "0", "OMP_NUM_THREADS": "7"}, {"MY_DEVICE": "1"}]
    run = study.submit(func, [{"a": a} for a in range(20)], slots=slots)
    assert run.wait(30).done == 18
    assert run.spec.workers == 2
    assert run.spec.slots == slots
    assert set(run.df["device"].dropna()) == {"0", "1"}
    assert set(run.df["path"].dropna()) == {os.environ["PATH"]}
    with pytest.raises(OptionError, match="workers is 3, but slots"):
        run.retry(lambda a: {}, workers=3)
    run.retry(lambda a: {"device": __import__("os").environ["MY_DEVICE"]})
    assert run.wait(30).done == 20
    assert set(run.df["device"]) <= {"0", "1"}


def test_slots_are_worker_processes_also_when_blocking(study: Study) -> None:
    df = study.run(lambda a: __import__("os").environ["D"], A4, slots=[{"D": "x"}, {"D": "y"}])
    assert set(df["result"]) <= {"x", "y"}


# -- fresh -----------------------------------------------------------------------------------


@pytest.mark.parametrize("blocking", [True, False])
def test_each_pset_has_a_new_process_which_is_set_up(
    study: Study, tmp_path: Path, blocking: bool
) -> None:
    made = str(tmp_path / "made")

    def setup() -> int:
        import os

        with open(made, "a") as file:
            file.write(f"{os.getpid()}\n")
        return os.getpid()

    def func(a: int, setup: int) -> dict[str, Any]:
        import os

        import psweep_nb as ps

        print("pset", a)
        ps.report(a2=a * a)
        return {"pid": os.getpid(), "setup": setup, "device": os.environ["D"]}

    params = [{"a": a} for a in range(8)]
    slots = [{"D": "0"}, {"D": "1"}]
    options: dict[str, Any] = {"setup": setup, "fresh": True, "slots": slots, "capture_logs": "db"}
    if blocking:
        study.run(func, params, **options)
    else:
        assert study.submit(func, params, **options).wait(60).done == 8
    df = study.df
    assert df["pid"].nunique() == 8
    assert df["setup"].tolist() == df["pid"].tolist()
    assert sorted(map(int, lines(tmp_path / "made"))) == sorted(df["pid"]), "no setup for nothing"
    assert set(df["device"]) <= {"0", "1"}
    assert df["a2"].tolist() == [a * a for a in range(8)]
    assert df["_logs"].tolist() == [f"pset {a}\n" for a in range(8)]
    assert study.run_of(-1).spec.fresh
    # The files of a process that ended well are gone on with: a thousand psets make no more.
    assert len(list(study.run_of(-1).folder.path.rglob("w*.journal"))) <= 2


@pytest.mark.parametrize("harm", HARM)
def test_fresh_processes_that_end_badly(study: Study, tmp_path: Path, harm: str) -> None:
    func = flaky(str(tmp_path), HARM[harm])
    timeout = 0.4 if harm == "hang" else None
    run = study.submit(func, A4, retries=2, workers=2, timeout=timeout, fresh=True)
    status = run.wait(60)
    assert (status.state, status.done, status.failed) == ("finished", 3, 1)
    assert run.df["_attempt"].tolist() == [1, 2, 1, 3]
    assert run.df["result"].tolist()[:3] == [0, 2, 4]
    assert run.view.count == 7


def test_fresh_processes_that_cannot_begin_end_the_run(study: Study) -> None:
    def setup() -> None:
        import os

        os._exit(3)

    run = study.submit(lambda a, setup: a, A4, setup=setup, fresh=True, workers=2)
    status = run.wait(30)
    assert (status.state, status.pending) == ("stopped", 4)
    assert "exit code 3" in status.message


def test_a_fresh_run_stops_and_goes_on(study: Study, tmp_path: Path) -> None:
    folder = str(tmp_path)

    def func(a: int) -> int:
        import time
        from pathlib import Path

        (Path(folder) / f"began-{a}").touch()
        while a == 1 and not (Path(folder) / "go").exists():
            time.sleep(0.002)
        return a

    run = study.submit(func, A4, fresh=True)
    until((tmp_path / "began-1").exists)
    run.stop(now=True)
    status = run.wait(30)
    assert (status.state, status.done, status.failed) == ("stopped", 1, 0)
    (tmp_path / "go").touch()
    assert run.resume().wait(30).done == 4
    assert run.spec.fresh
    assert run.df["result"].tolist() == [0, 1, 2, 3]


def test_a_fresh_run_pauses(study: Study, tmp_path: Path) -> None:
    folder = str(tmp_path)

    def func(a: int) -> int:
        import time
        from pathlib import Path

        (Path(folder) / f"began-{a}").touch()
        while not (Path(folder) / "go").exists():
            time.sleep(0.002)
        return a

    run = study.submit(func, A4, fresh=True)
    until((tmp_path / "began-0").exists)
    run.pause()
    until(lambda: run.status().state == "paused")
    (tmp_path / "go").touch()
    until(lambda: run.status().done == 1)
    assert run.status().pending == 3
    run.resume()
    assert run.wait(30).done == 4


# -- retry by error --------------------------------------------------------------------------


def failing_run(study: Study) -> Run:
    def func(a: int) -> int:
        if a == 1:
            raise MemoryError("CUDA: OutOfMemory (tried [2 GB])")
        if a > 1:
            raise ValueError(f"{a} is no good")
        return a

    study.run(func, A4, on_error="record")
    return study.run_of(-1)


@pytest.mark.parametrize("match", ["OutOfMemory", r"Out\w+y", "tried [2 GB]", "MemoryError"])
def test_retry_only_with_that_error(study: Study, match: str) -> None:
    run = failing_run(study)
    run.retry(lambda a: a, match=match)
    assert run.wait(30).state == "finished"
    assert run.df["_attempt"].tolist() == [1, 2, 1, 1]
    assert run.df["_failed"].tolist() == [False, False, True, True]


def test_retry_with_no_such_error_lists_what_there_is(study: Study) -> None:
    run = failing_run(study)
    with pytest.raises(StudyError, match=r"matches 'x\[y'; .*ValueError \(2\), MemoryError \(1\)"):
        run.retry(lambda a: a, match="x[y")
    with pytest.raises(OptionError, match="match is 3"):
        run.retry(lambda a: a, match=3)  # type: ignore[arg-type]
    assert len(run.folder.sessions()) == 1


def test_options_are_kept_by_resume_and_retry(study: Study, tmp_path: Path) -> None:
    folder = str(tmp_path)

    def setup() -> str:
        return "ready"

    def func(a: int, setup: str) -> str:
        from pathlib import Path

        if not (Path(folder) / "fixed").exists():
            raise RuntimeError("not yet")
        return setup

    slots = [{"X": "1"}]
    run = study.submit(
        func, A4, setup=setup, retries=1, order="shuffle", slots=slots, capture_logs="db"
    )
    assert run.wait(30).failed == 4
    (tmp_path / "fixed").touch()
    assert run.retry(recorded=True).wait(30).done == 4
    first, second = (session.spec for session in run.folder.sessions())
    for name in ("retries", "order", "slots", "capture_logs", "fresh", "setup"):
        assert getattr(first, name) == getattr(second, name), name
    assert run.df["result"].tolist() == ["ready"] * 4
    assert run.df["_attempt"].tolist() == [3] * 4


def test_options_default_to_nothing_special() -> None:
    options = Options("process")
    assert (options.setup, options.retries, options.order) == (None, 0, "given")
    assert (options.fresh, options.slots, options.capture_logs) == (False, None, None)


# -- the page --------------------------------------------------------------------------------


def test_the_code_on_the_page_runs() -> None:
    page = (Path(__file__).parent.parent / "docs" / "running.md").read_text()
    names: dict[str, Any] = {}
    for block in re.findall(r"^```python\n(.*?)^```\n", page, re.MULTILINE | re.DOTALL):
        exec(block, names)
    df = names["study"].df
    assert df["_logs"].dropna().tolist() == ["a is 1\n", "a is 2\n"]
    assert set(df["device"].dropna()) <= {"0", "1"}
    assert df["progress"].dropna().tolist()[:2] == [1.0, 1.0]
    assert not df["_failed"].any()


def test_no_more_workers_are_started_than_there_are_psets(study: Study) -> None:
    study.run(lambda a: {"b": a}, A4[:2], workers=500)
    run = study.run_of(-1)
    assert len(list(run.folder.path.glob("000/w*.journal"))) == 2
    two: Any = np.int64(2)
    study.run(lambda a: {"b": a}, A4, workers=two, retries=two)
    assert study.run_of(-1).spec.workers == 2
