"""What user code does to its worker: the run goes on, the row says what happened, nothing is left.

Functions here are made inside the tests, or by `made`, so that they travel by value: workers then
need not import this module and all that it imports.
"""

import ctypes
import os
import resource
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from psweep_nb import FunctionError, ParamsError, Run, Study, StudyError
from psweep_nb.executors.processes import MARK
from psweep_nb.logs import KEPT
from tests.waiting import until

N, BAD = 6, 2  # psets of a run, and the one that does harm


def workers_left(owner: str = "") -> list[int]:
    """Processes that carry a worker's mark: the workers themselves and what they started."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            entries = (folder / "environ").read_bytes().split(b"\0")
            zombie = (folder / "stat").read_text().rpartition(")")[2].split()[0] == "Z"
        except OSError:
            continue
        ours = f"XDG_DATA_HOME={os.environ['XDG_DATA_HOME']}".encode()
        if ours in entries and not zombie and any(e.startswith(MARK.encode()) for e in entries):
            found.append(int(folder.name))
    return found


@pytest.fixture(autouse=True)
def nothing_is_left() -> Iterator[None]:
    yield
    until(lambda: not workers_left(), timeout=5)


def run_with(harm: Callable[[], Any], workers: int = 2, **options: Any) -> Run:
    """Run psets of which one does `harm`; the others must be done whatever it does."""
    bad = BAD

    def func(a: int) -> Any:
        return harm() if a == bad else {"twice": 2 * a}

    run = Study("calc").submit(func, [{"a": a} for a in range(N)], workers=workers, **options)
    status = run.wait(60)
    assert status.state == "finished", status
    good = [a for a in range(N) if a != BAD]
    done = [a for a in range(N) if not run.df["_failed"].iloc[a]]
    assert set(good) <= set(done)
    assert [run.df["twice"].iloc[a] for a in good] == [2 * a for a in good]
    return run


def error_of(run: Run) -> str:
    (failure,) = run.failures
    assert failure.index == BAD
    assert run.df["_exc_txt"].iloc[BAD] == failure.traceback
    return failure.error


# -- what cannot travel ----------------------------------------------------------------------


def test_an_unpicklable_function_is_refused_by_name(study: Study) -> None:
    lock = threading.Lock()

    def func(a: int) -> None:
        with lock:
            pass

    with pytest.raises(FunctionError, match=r"variable `lock` .*make it inside the function"):
        study.submit(func, [{"a": 1}])
    assert not Path("calc").exists()


def test_an_unpicklable_pset_is_refused_by_name(study: Study) -> None:
    with (
        pytest.warns(UserWarning, match="no canonical form"),
        pytest.raises(ParamsError, match=r"pset 1: the value of 'a', a lock, cannot be stored"),
    ):
        study.submit(lambda a: a, [{"a": 1}, {"a": threading.Lock()}])
    assert study.runs == []
    assert list(Path("calc/.psweep").glob(".new-*")) == []


def test_an_unpicklable_result() -> None:
    def harm() -> Any:
        import threading

        return {"lock": threading.Lock()}

    assert "cannot pickle '_thread.lock' object" in error_of(run_with(harm))


def test_a_result_that_cannot_be_made_again() -> None:
    class Odd:
        def __reduce__(self) -> Any:
            return int, ("no number",)

    assert "ValueError: invalid literal" in error_of(run_with(lambda: {"x": Odd()}))


def test_a_result_that_can_be_pickled_only_once() -> None:
    class Once:
        def __init__(self, left: int) -> None:
            self.left = left

        def __reduce__(self) -> Any:
            if not self.left:
                raise RuntimeError("not a second time")
            return type(self), (self.left - 1,)

    run = run_with(lambda: {"x": Once(1)})
    assert "not a second time" in error_of(run)
    assert len(pd.read_pickle("calc/database.pk")) == len(run.df), "the table can be written"


@pytest.mark.parametrize("how", ["raise", "exit", "die"])
def test_pickling_does_harm(how: str) -> None:
    class Harmful:
        def __reduce__(self) -> Any:
            if how == "raise":
                raise RuntimeError("not to be pickled")
            sys.exit("pickled") if how == "exit" else os._exit(7)

    error = error_of(run_with(lambda: {"x": Harmful()}))
    expected = {"raise": "not to be pickled", "exit": "SystemExit: pickled", "die": "exit code 7"}
    assert expected[how] in error


def test_objects_of_classes_made_here() -> None:
    class Point:
        def __init__(self, x: int) -> None:
            self.x = x

    run = run_with(lambda: {"point": Point(3)})
    assert run.df["point"].iloc[BAD].x == 3


def test_psets_and_results_of_classes_in_a_module_of_the_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "shapes.py").write_text(
        "import enum\nclass Color(enum.Enum):\n    RED = 1\nclass Box:\n    size = 2\n"
        "def paint(color):\n    return {'box': Box(), 'same': color is Color.RED}\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    import shapes  # type: ignore[import-not-found]

    run = Study("calc").submit(shapes.paint, [{"color": shapes.Color.RED}])
    assert run.wait(30).state == "finished"
    table = Study("calc").df
    assert table["color"].iloc[0] is shapes.Color.RED
    assert table["same"].iloc[0]
    assert type(table["box"].iloc[0]) is shapes.Box
    assert Path("calc/database.pk").exists(), "the driver could fold it"


# -- exceptions ------------------------------------------------------------------------------


def test_odd_exceptions() -> None:
    class OddInit(Exception):
        def __init__(self, one: Any, *, two: Any) -> None:
            self.args = (one,)
            self.lock = threading.Lock()

    class OddText(Exception):
        def __str__(self) -> str:
            raise SystemExit("in __str__")

    def init() -> None:
        raise OddInit("needs two", two=2)

    def text() -> None:
        raise OddText

    assert error_of(run_with(init)) == "OddInit: needs two"
    run = run_with(text)
    assert error_of(run) == "OddText: (its message could not be made)"
    assert "OddText" in run.failures[0].traceback


def test_exceptions_that_end_programs() -> None:
    def leave() -> None:
        sys.exit(3)

    def interrupt() -> None:
        raise KeyboardInterrupt

    assert error_of(run_with(leave)) == "SystemExit: 3"
    assert error_of(run_with(interrupt)) == "KeyboardInterrupt"


def test_a_traceback_of_many_megabytes_is_cut() -> None:
    def harm() -> None:
        raise ValueError("x" * 5_000_000)

    run = run_with(harm)
    assert error_of(run).startswith("ValueError: xxx")
    assert len(run.failures[0].traceback) < 200_000
    assert "characters left out" in run.failures[0].traceback


def test_out_of_memory() -> None:
    def harm() -> Any:
        with open("/proc/self/statm") as file:
            used = int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (used + 50_000_000, resource.RLIM_INFINITY))
        try:
            return {"big": bytearray(1_000_000_000)}
        finally:
            resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY,) * 2)

    assert error_of(run_with(harm)).startswith("MemoryError")


# -- death -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ("exit", "exit code 3"),
        ("segfault", "killed by SIGSEGV"),
        ("abort", "killed by SIGABRT"),
        ("term", "killed by SIGTERM"),
        ("kill", "killed by SIGKILL, perhaps out of memory"),
        ("group", "killed by SIGKILL"),
    ],
)
def test_a_worker_dies(how: str, said: str) -> None:
    def harm() -> None:
        if how == "exit":
            os._exit(3)
        if how == "segfault":
            ctypes.string_at(0)
        if how == "abort":
            os.abort()
        if how == "group":
            os.killpg(0, signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGTERM if how == "term" else signal.SIGKILL)

    run = run_with(harm)
    assert error_of(run).startswith("WorkerDied")
    assert said in error_of(run)
    assert run.df["_failed"].tolist().count(True) == 1


def test_every_pset_kills_its_worker(study: Study) -> None:
    def func(a: int) -> None:
        print("last words of", a, flush=True)
        os._exit(a)

    run = study.submit(func, [{"a": a} for a in range(1, 9)], workers=2)
    assert run.wait(60).failed == 8
    assert [f.error.split()[-1] for f in run.failures] == [str(a) for a in range(1, 9)]
    assert [f.log() for f in run.failures] == [f"last words of {a}\n" for a in range(1, 9)]


def test_a_worker_dies_inline(study: Study) -> None:
    def func(a: int) -> int:
        if a == 1:
            os._exit(3)
        return a

    df = study.run(func, [{"a": a} for a in range(4)], workers=2, on_error="record")
    assert df["_failed"].tolist() == [False, True, False, False]
    assert "exit code 3" in df["_exc_txt"].iloc[1]


@pytest.mark.parametrize("how", ["loop", "stopped", "deaf"])
def test_hanging_with_a_timeout(how: str) -> None:
    def harm() -> None:
        if how == "stopped":
            os.kill(os.getpid(), signal.SIGSTOP)
        if how == "deaf":
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(number, signal.SIG_IGN)
        while True:
            pass

    run = run_with(harm, timeout=0.5)
    assert error_of(run) == "TimeoutError: still running after 0.5 s"


def test_a_timeout_never_hits_the_next_pset(study: Study) -> None:
    def func(a: int) -> None:
        time.sleep(0.05 + 0.002 * (a % 12) if a % 2 else 0)

    run = study.submit(func, [{"a": a} for a in range(24)], workers=2, timeout=0.05)
    assert run.wait(60).state == "finished"
    late = [f for f in run.failures if f.error.startswith("TimeoutError")]
    assert late, "psets about as long as the timeout: some are too late"
    assert all(f.pset["a"] % 2 and f.runtime >= 0.05 for f in late)


def test_closed_descriptors() -> None:
    run = run_with(lambda: os.closerange(0, 1000))
    assert error_of(run).startswith("WorkerDied")
    assert "exit code 1" in error_of(run)


@pytest.mark.parametrize("how", ["object", "both", "none"])
def test_closed_output(how: str) -> None:
    def harm() -> dict[str, int]:
        if how == "none":
            sys.stdout = sys.stderr = None
        else:
            sys.stdout.close()
        if how == "both":
            sys.stderr.close()
        return {"survived": 1}

    assert run_with(harm, workers=1).df["survived"].iloc[BAD] == 1


@pytest.mark.parametrize("how", ["closed", "to a pipe"])
def test_a_lost_output_is_there_again_for_the_next_pset(study: Study, how: str) -> None:
    def func(a: int) -> dict[str, int]:
        print("pset", a)
        if a == 0 and how == "closed":
            os.close(1)
            os.close(2)
        elif a == 0:
            os.dup2(os.pipe()[1], 1)
        return {"pid": os.getpid()}

    run = study.submit(func, [{"a": a} for a in range(2)], workers=1, capture_logs="db")
    assert run.wait(60).done == 2, run.df["_exc_txt"].tolist()
    assert run.df["pid"].nunique() == 1
    logs = run.df["_logs"].tolist()
    assert logs == (["pset 0\n", "pset 1\n"] if how == "closed" else ["pset 0\n", ""])


def test_a_limit_of_the_functions_on_files_is_no_full_disk() -> None:
    run = run_with(lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (10, 10)))
    assert "SIGXFSZ: the function has limited how large files may be" in error_of(run)


# -- children and threads --------------------------------------------------------------------


def test_a_child_that_comes_back_into_our_loop_records_nothing(study: Study) -> None:
    def func(a: int) -> dict[str, int]:
        child = os.fork()
        if child:
            os.waitpid(child, 0)
        return {"child": int(child == 0)}

    params = [{"a": a} for a in range(20)]
    run = study.submit(func, params, workers=2)
    assert run.wait(30).done == 20
    assert run.view.count == 20
    assert run.df["child"].tolist() == [0] * 20
    inline = study.run(func, params)
    assert inline["child"].tolist() == [0] * 40


def test_a_child_that_raises_or_exits(study: Study) -> None:
    def func(a: int) -> dict[str, int]:
        child = os.fork()
        if not child and a % 2:
            raise RuntimeError("in the child")
        if not child:
            os._exit(0)
        os.waitpid(child, 0)
        return {}

    run = study.submit(func, [{"a": a} for a in range(6)], workers=2)
    assert run.wait(30).done == run.view.count == 6


@pytest.mark.parametrize("how", ["timeout", "stop", "death", "end"])
def test_children_that_linger_are_ended(how: str, study: Study, tmp_path: Path) -> None:
    """Also those that left the process group, and those whose parent is gone."""
    begun = str(tmp_path / "begun")

    def func(a: int) -> None:
        script = f"sleep 1000 & echo $! >> {begun}; setsid sleep 1000 & echo x >> {begun}"
        subprocess.run(["sh", "-c", script], check=True)
        subprocess.Popen(["sleep", "1000"], start_new_session=True)
        if how == "death":
            os._exit(1)
        while how in ("timeout", "stop"):
            signal.pause()

    run = study.submit(func, [{"a": 1}], timeout=0.7 if how == "timeout" else None)
    if how == "stop":
        until(lambda: Path(begun).exists() and Path(begun).read_text().count("\n") == 2)
        until(lambda: len(workers_left()) >= 4)
        run.stop(now=True)
    assert run.wait(30).ended
    until(lambda: not workers_left(), timeout=5)


def test_children_that_ended_do_not_pile_up(study: Study) -> None:
    """The driver adopts what a function leaves in the background: it has to bury it, too."""

    def func(a: int) -> int:
        subprocess.run(["sh", "-c", "true & true & true &"], check=True)
        status = Path(f"/proc/{os.getppid()}/task/{os.getppid()}/children")
        until = time.monotonic() + (60 if a == 149 else 0)
        while (left := len(status.read_text().split())) > 20 and time.monotonic() < until:
            time.sleep(0.05)
        return left

    run = study.submit(func, [{"a": a} for a in range(150)], workers=1)
    assert run.wait(120).done == 150
    assert run.df["result"].iloc[-1] <= 20, "of 450"


def test_threads_left_running() -> None:
    def harm() -> dict[str, int]:
        import threading

        threading.Thread(target=threading.Event().wait).start()
        return {"survived": 1}

    assert run_with(harm, workers=1).df["survived"].iloc[BAD] == 1


# -- output ----------------------------------------------------------------------------------


def test_all_output_goes_to_the_log_of_the_pset(study: Study) -> None:
    def func(a: int) -> None:
        print("python", a)
        print("error", a, file=sys.stderr)
        ctypes.CDLL(None).printf(b"c %d\n", ctypes.c_int(a))
        subprocess.run(["sh", "-c", f"echo child {a}"], check=True)
        os.write(1, f"raw {a}\n".encode())
        raise ValueError

    run = study.submit(func, [{"a": a} for a in range(8)], workers=2)
    assert run.wait(30).failed == 8
    for record in run.failures:
        expected = sorted(f"{w} {record.index}" for w in ("python", "error", "c", "child", "raw"))
        assert sorted(record.log().splitlines()) == expected


def test_much_output_is_shown_in_part(study: Study) -> None:
    def func(a: int) -> None:
        print("begin", "x" * 1_000_000, "end")

    run = study.submit(func, [{"a": 1}])
    run.wait(30)
    log = run.failures[0].log()
    assert log.startswith("begin xxx")
    assert log.endswith("xxx end\n")
    assert KEPT < len(log) < KEPT + 100
    assert "bytes left out" in log


def test_what_runs_shows_its_log(study: Study, tmp_path: Path) -> None:
    gate = str(tmp_path / "go")

    def func(a: int) -> None:
        print("step one")
        while not os.path.exists(gate):
            pass

    run = study.submit(func, [{"a": 1}])
    (running,) = until(run.view.running)
    until(lambda: running.log_tail() == "step one\n")
    assert running.pset == {"a": 1}
    Path(gate).touch()
    run.wait(30)
    assert run.view.running() == []


# -- size, place -----------------------------------------------------------------------------


def test_a_result_of_100_mb(study: Study) -> None:
    def func(a: int) -> dict[str, bytes]:
        return {"big": bytes([a]) * 100_000_000}

    run = study.submit(func, [{"a": 7}])
    assert run.wait(60).state == "finished"
    assert Study("calc").df["big"].iloc[0] == bytes([7]) * 100_000_000


def test_a_full_disk_pauses_the_run_until_there_is_room(study: Study, tmp_path: Path) -> None:
    """A limit on the size of files does to a write what a full disk does."""
    gate = str(tmp_path / "go")

    def func(a: int) -> dict[str, bytes]:
        while not os.path.exists(gate):
            pass
        return {"big": bytes(3_000_000)}

    def limit(size: int) -> None:
        for pid in workers_left():
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    run = study.submit(func, [{"a": a} for a in range(4)], workers=1)
    until(run.view.running)
    limit(1_000_000)
    Path(gate).touch()
    until(lambda: run.status().state == "paused")
    assert run.status().message == "the disk is full; it goes on when there is room"
    assert run.status().done == 0
    limit(resource.RLIM_INFINITY)
    assert run.wait(30).state == "finished"
    assert [len(big) for big in run.df["big"]] == [3_000_000] * 4


def test_workers_are_where_the_caller_is(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "elsewhere"
    place.mkdir()
    (place / "my_helper.py").write_text("value = 42\n")
    monkeypatch.chdir(place)
    monkeypatch.syspath_prepend(".")
    monkeypatch.setenv("MY_SETTING", "blue")

    def func(a: int) -> Any:
        import my_helper  # type: ignore[import-not-found]

        os.chdir("/tmp")
        return os.environ["MY_SETTING"], my_helper.value

    def where(a: int) -> str:
        cwd = os.getcwd()
        os.chdir("/tmp")
        return cwd

    run = study.submit(func, [{"a": 1}])
    assert run.wait(30).done == 1, run.failures
    assert run.df["result"].tolist() == [("blue", 42)]
    run = study.submit(where, [{"a": a} for a in range(5)], workers=2)
    assert run.wait(30).done == 5
    assert run.df["result"].tolist() == [str(place)] * 5


def test_a_function_that_workers_cannot_import_ends_the_run(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "here_only.py").write_text("def func(a):\n    return a\n")
    monkeypatch.syspath_prepend(tmp_path)
    import here_only  # type: ignore[import-not-found]

    (tmp_path / "here_only.py").write_text("raise RuntimeError('broken since')\n")
    run = study.submit(here_only.func, [{"a": 1}], workers=2, notes=lambda text: None)
    status = run.wait(30)
    assert status.state == "stopped"
    assert "the workers cannot load the function: RuntimeError: broken since" in status.message
    with pytest.raises(StudyError, match="cannot load the function"):
        study.run(here_only.func, [{"a": 1}], workers=2, notes=lambda text: None)
    (tmp_path / "here_only.py").write_text("import os\nos._exit(9)\n")
    status = study.submit(here_only.func, [{"a": 1}], notes=lambda text: None).wait(30)
    assert status.state == "stopped"
    assert "3 workers in a row ended before they were ready (exit code 9)" in status.message


SCRIPT = """
import psweep_nb as ps

print("top level")

class Thing:
    def __init__(self, a):
        self.a = a

def helper(a):
    return Thing(a)

def func(a):
    return {"thing": helper(a), "twice": 2 * a}

params = ps.grid(a=[1, 2, 3])
df = ps.run_local(func, params, poolsize=2)
print(df["twice"].tolist())
run = ps.Study().submit(func, params, workers=2)
print(run.wait(30).state, ps.Study().df["twice"].tolist())
print([thing.a for thing in ps.Study().df["thing"]])
"""


def test_a_script_without_a_main_guard(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stderr == ""
    assert done.stdout.splitlines() == [
        "top level",
        "[2, 4, 6]",
        "finished [2, 4, 6, 2, 4, 6]",
        "[1, 2, 3, 1, 2, 3]",
    ]


def test_files_named_like_modules_in_the_directory(tmp_path: Path) -> None:
    """A `pickle.py` beside the data must not be taken for the library's."""
    place = tmp_path / "data"
    place.mkdir()
    for name in ("pickle", "json", "mmap", "struct", "psweep_nb", "pandas", "zlib"):
        (place / f"{name}.py").write_text("raise RuntimeError('the wrong one')\n")
    script = tmp_path / "script.py"
    script.write_text(
        textwrap.dedent(
            """
            import psweep_nb as ps
            run = ps.Study().submit(lambda a: 2 * a, [{"a": 1}, {"a": 2}])
            state = run.wait(30)
            df = ps.run_local(lambda a: a, [{"a": 1}], poolsize=1)
            print(state, df["result"].tolist())
            """
        )
    )
    done = subprocess.run(
        [sys.executable, script], cwd=place, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == "finished: 2 of 2 done [2, 4, 1]\n", done.stderr
