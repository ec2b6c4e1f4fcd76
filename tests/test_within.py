"""`report` and `workdir`: what a function reaches, wherever and however its pset ends."""

import multiprocessing
import os
import pickle
import threading
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import psweep_nb as ps
from psweep_nb import PsetError, Run, Study, StudyError, report, run_local, slates, workdir
from psweep_nb.rundir import RunDir
from psweep_nb.runview import RunView
from psweep_nb.slates import Note, Slate
from tests import strategies
from tests.waiting import until

A4 = [{"a": a} for a in range(4)]


# -- report ----------------------------------------------------------------------------------


def reporting(a: int) -> dict[str, int]:
    ps.report(first=a, last=0)
    history = [a]
    ps.report(last=10 * a, history=history, twice="not yet")
    history.append(-1)
    if a == 3:
        raise ValueError("no more")
    return {"twice": 2 * a}


def test_reported_values_join_the_row(execute: Callable[..., Run]) -> None:
    run = execute(reporting, A4)
    df = run.df
    assert df["first"].tolist() == [0, 1, 2, 3]
    assert df["last"].tolist() == [0, 10, 20, 30], "the newest value"
    assert df["history"].tolist() == [[0], [1], [2], [3]], "as it was when it was reported"
    assert df["twice"].tolist() == [0, 2, 4, "not yet"], "a result of the same name wins"
    assert df["_failed"].tolist() == [False, False, False, True]
    (failure,) = run.failures
    assert failure.reported == {"first": 3, "last": 30, "history": [3], "twice": "not yet"}
    assert failure.results == {}
    assert "no more" in failure.traceback
    assert (run.reports, run.status().reports) == ({}, {})


def test_a_pset_that_reports_nothing_has_nothing_of_the_one_before(
    execute: Callable[..., Run],
) -> None:
    def func(a: int) -> int:
        if a == 0:
            ps.report(x=1)
        if a == 2:
            raise RuntimeError
        return a

    run = execute(func, A4)
    assert run.df["x"].notna().tolist() == [True, False, False, False]
    assert run.failures[0].reported == {}


@pytest.mark.parametrize("style", ["names", "pset"])
def test_both_styles_of_call(study: Study, style: str) -> None:
    def by_pset(pset: dict[str, Any]) -> dict[str, Any]:
        pset["a"] += 1
        report(x=pset["a"])
        return {}

    def by_name(a: int) -> dict[str, Any]:
        report(x=a + 1, a=a + 1)
        return {}

    with pytest.warns(UserWarning, match="results have replaced the parameters .* names: a;"):
        df = study.run(by_pset if style == "pset" else by_name, A4)
    assert df["x"].tolist() == df["a"].tolist() == [1, 2, 3, 4]


@pytest.mark.parametrize("where", ["process", "kernel", "threads", "pool"])
def test_it_shows_while_the_pset_runs(study: Study, tmp_path: Path, where: str) -> None:
    folder = str(tmp_path)

    def func(a: int) -> int:
        import time
        from pathlib import Path

        ps.report(progress=0.5, loss=0.25, a2=a * a)
        while not (Path(folder) / "go").exists():
            time.sleep(0.002)
        ps.report(progress=1)
        return a

    context = multiprocessing.get_context("forkserver")
    with ThreadPoolExecutor(2) as threads, ProcessPoolExecutor(2, context) as pool:
        choices: dict[str, dict[str, Any]] = {
            "process": {"workers": 2},
            "kernel": {"in_kernel": True},
            "threads": {"executor": threads},
            "pool": {"executor": pool},
        }
        params = A4[:1] if where == "kernel" else A4[:2]
        expected = {i: {"progress": 0.5, "loss": 0.25, "a2": i * i} for i in range(len(params))}
        run = study.submit(func, params, **choices[where])
        until(lambda: run.status().reports == expected)
        assert run.reports == expected
        assert run.status().running == len(params)
        seen = run.view.last_report()
        assert seen > 0
        (tmp_path / "go").touch()
        assert run.wait(30).done == len(params)
        assert run.view.last_report() > seen
    assert run.status().reports == {}
    assert run.df["progress"].tolist() == [1] * len(params)


HARM: dict[str, Callable[[], Any]] = {
    "segfault": lambda: __import__("ctypes").string_at(0),
    "exit": lambda: __import__("os")._exit(5),
    "hang": lambda: __import__("time").sleep(60),
}


@pytest.mark.parametrize("harm", HARM)
def test_it_survives_what_ends_its_worker(study: Study, harm: str) -> None:
    do_harm = HARM[harm]

    def func(a: int) -> dict[str, int]:
        for i in range(1000):
            ps.report(step=i, a2=a * a)
        if a == 1:
            do_harm()
        return {"step": -1}

    run = study.submit(func, A4, timeout=0.5 if harm == "hang" else None, workers=2)
    assert run.wait(60).failed == 1
    assert run.df["step"].tolist() == [-1, 999, -1, -1]
    assert run.df["a2"].tolist() == [0, 1, 4, 9]
    assert run.failures[0].reported == {"step": 999, "a2": 1}


def test_it_survives_stop_and_the_next_attempt_begins_anew(study: Study, tmp_path: Path) -> None:
    folder = str(tmp_path)

    def func(a: int) -> dict[str, int]:
        import time
        from pathlib import Path

        go = (Path(folder) / "go").exists()
        ps.report(**{"second" if go else "first": a})
        while not go:
            time.sleep(1)
        return {}

    run = study.submit(func, A4[:2], workers=1)
    until(lambda: run.reports == {0: {"first": 0}})
    run.stop(now=True)
    assert run.wait(30).state == "stopped"
    assert run.reports == {0: {"first": 0}}
    assert run.status().reports == {}
    (tmp_path / "go").touch()
    assert run.resume().wait(30).done == 2
    assert run.reports == {}
    assert "first" not in run.df
    assert run.df["second"].tolist() == [0, 1]


def test_the_row_has_what_the_last_attempt_reported(study: Study, tmp_path: Path) -> None:
    folder = str(tmp_path)

    def func(a: int) -> dict[str, int]:
        from pathlib import Path

        tried = Path(folder) / f"tried-{a}"
        if not tried.exists():
            tried.touch()
            ps.report(only_first=1)
            raise RuntimeError("once more")
        ps.report(only_second=2)
        return {}

    run = study.submit(func, A4, retries=1)
    assert run.wait(30).done == 4
    df = run.df
    assert "only_first" not in df or df["only_first"].isna().all()
    assert df["only_second"].tolist() == [2] * 4


def test_outside_of_a_run_it_does_nothing(study: Study) -> None:
    def func(a: int) -> int:
        report(x=1)
        return a

    assert func(1) == 1
    assert report(x=1) is None  # type: ignore[func-returns-value]
    study.run(func, A4)
    assert func(1) == 1
    with pytest.raises(StudyError, match="no run is executing one here"):
        workdir()


@pytest.mark.parametrize("inside", [True, False])
def test_names_are_checked_like_results(study: Study, inside: bool) -> None:
    def func(a: int) -> None:
        report(**{"_pset_id": a})

    with pytest.raises(ValueError, match=r"report\(\) was given a value named '_pset_id'"):
        if inside:
            study.run(func, A4)
        else:
            func(1)


def test_what_cannot_be_stored_fails_its_pset_and_is_named(study: Study) -> None:
    def func(a: int) -> dict[str, int]:
        report(fine=1)
        report(lock=threading.Lock())
        return {}

    with pytest.raises(TypeError, match=r"report\(\) cannot store lock \(a lock\)"):
        study.run(func, A4)
    assert study.df["fine"].tolist() == [1]


def test_an_unstorable_result_does_not_lose_what_was_reported(study: Study) -> None:
    def func(a: int) -> dict[str, Any]:
        report(fine=1)
        return {"lock": threading.Lock()}

    study.run(func, A4[:1], on_error="record")
    assert study.df["fine"].tolist() == [1]
    assert study.df["_failed"].tolist() == [True]


@given(st.dictionaries(strategies.names, strategies.values, max_size=5))
@settings(max_examples=25, deadline=None)
def test_values_are_stored_as_results_are(values: dict[str, Any]) -> None:
    values.pop("a", None)

    def reports(a: int) -> dict[str, Any]:
        report(**values)
        return {}

    def returns(a: int) -> dict[str, Any]:
        return values

    one, other = (run_local(func, [{"a": 1}], save=False) for func in (reports, returns))
    names = [name for name in other.columns if not name.startswith("_")]
    assert names == [name for name in one.columns if not name.startswith("_")]
    for name in names:
        assert repr(one[name].tolist()) == repr(other[name].tolist())
        assert one[name].dtype == other[name].dtype


def test_threads_of_a_function_in_a_worker_report_too(study: Study) -> None:
    def func(a: int) -> dict[str, int]:
        import threading

        thread = threading.Thread(target=lambda: ps.report(x=10 * a))
        thread.start()
        thread.join()
        return {}

    run = study.submit(func, A4)
    assert run.wait(30).done == 4
    assert run.df["x"].tolist() == [0, 10, 20, 30]


def test_a_forked_process_reports_nothing_and_knows_the_directory(study: Study) -> None:
    def func(a: int) -> dict[str, Any]:
        import os

        ps.report(x=1)
        pid = os.fork()
        if pid == 0:
            ps.report(x=2)
            (ps.workdir() / "child").touch()
            os._exit(0)
        os.waitpid(pid, 0)
        return {"found": (ps.workdir() / "child").exists()}

    run = study.submit(func, A4[:2])
    assert run.wait(30).done == 2
    assert run.df["x"].tolist() == [1, 1]
    assert run.df["found"].tolist() == [True, True]


def test_a_run_within_a_run(study: Study) -> None:
    def inner(b: int) -> int:
        report(x=b)
        return b

    def outer(a: int) -> dict[str, Any]:
        before = workdir()
        df = run_local(inner, [{"b": 5}, {"b": 6}], save=False)
        report(y=df["x"].tolist()[-2:])  # after the rows of calc/
        return {"same": workdir() == before}

    df = study.run(outer, A4)
    assert df["y"].tolist() == [[5, 6]] * 4
    assert df["same"].all()
    assert "x" not in df


def test_reports_in_a_loop_take_no_space(study: Study) -> None:
    def func(a: int) -> dict[str, int]:
        for i in range(2000):
            report(i=i, text="x" * 100)
        return {}

    study.run(func, A4)
    folder = study.run_of(-1).folder.path
    assert sum(p.stat().st_size for p in folder.rglob("*.report")) < 1000
    assert sum(p.stat().st_size for p in folder.rglob("*.journal")) < 5000


def test_a_slate_of_other_hands(study: Study, tmp_path: Path) -> None:
    """Looking at a run of somebody else's runs no code, whatever lies there."""
    study.run(lambda a: a, A4)
    session = study.run_of(-1).folder.sessions()[-1]
    evil = pickle.dumps(os.path.join)  # any function at all
    for number, note in enumerate((Note(1, 2, 0, evil), Note(10**9, 1, 0, evil))):
        Slate(slates.of_worker(session.path, number)).write(note)
    slates.of_worker(session.path, 7).write_bytes(os.urandom(99))
    (found,) = RunView(RunDir(session.run.path), trusted=False).reports().values()
    assert list(found) == ["unreadable"]
    assert "TrustError" in found["unreadable"]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 3), st.binary(max_size=300))))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_slate_has_what_was_written_last(
    tmp_path: Path, written: list[tuple[int, int, bytes]]
) -> None:
    path = tmp_path / "w0.report"
    path.unlink(missing_ok=True)
    assert slates.read(path) is None
    slate = Slate(path)
    for pset, attempt, body in written:
        slate.write(Note(pset, attempt, 5, body))
        assert slates.read(path) == Note(pset, attempt, 5, body)
        assert slates.read_for(path, pset, attempt) == body
        assert slates.read_for(path, pset, attempt + 1) == b""
    data = path.read_bytes() if written else b""
    for cut in range(0, min(len(data), 40), 3):  # a write that was not completed
        path.write_bytes(data[:cut])
        pset, attempt, body = written[-1]
        assert slates.read(path) in (None, Note(pset, attempt, 5, body))


# -- workdir ---------------------------------------------------------------------------------


def test_workdir_is_the_psets_directory(execute: Callable[..., Run], study: Study) -> None:
    def func(a: int) -> dict[str, Any]:
        import os

        if a == 0:
            return {}
        path = ps.workdir()
        os.chdir("/")  # it is absolute
        (ps.workdir() / "out.txt").write_text(str(a))
        return {"path": str(path)}

    df = execute(func, A4).df
    for path, pset_id, a in zip(df["path"], df["_pset_id"], df["a"], strict=True):
        assert (study.path / pset_id).exists() == (a > 0), "made on first use"
        if a:
            assert path == str(study.path / pset_id)
            assert (Path(path) / "out.txt").read_text() == str(a)


def test_workdir_stays_when_a_pset_is_tried_again(study: Study) -> None:
    def func(a: int) -> dict[str, Any]:
        path = ps.workdir() / "calls"
        with path.open("a") as file:
            file.write("x")
        if path.stat().st_size < 3:
            raise RuntimeError("not yet")
        return {"calls": path.stat().st_size}

    run = study.submit(func, A4[:2], retries=1)
    assert run.wait(30).failed == 2
    assert run.retry(recorded=True).wait(30).done == 2
    assert run.df["calls"].tolist() == [3, 3]


def test_workdir_without_saving_is_temporary() -> None:
    def func(a: int) -> dict[str, Any]:
        (workdir() / "x").write_text("x")
        return {"path": str(workdir()), "there": (workdir() / "x").exists()}

    df = run_local(func, A4[:1], save=False)
    path = Path(df["path"].item())
    assert df["there"].item()
    assert path.is_absolute()
    assert path.name == df["_pset_id"].item()
    assert not path.exists()
    assert not Path("calc").exists()


@pytest.mark.parametrize("workers", [None, 1])
def test_workdir_is_in_calc_dir_where_the_table_is_elsewhere(workers: int | None) -> None:
    def func(a: int) -> str:
        print("x")
        return str(ps.workdir())

    study = Study("calc", database_dir="tables")
    df = study.run(func, A4[:2], workers=workers, capture_logs="file")
    assert df["result"].tolist() == [str(Path.cwd() / "calc" / i) for i in df["_pset_id"]]
    assert all((Path(path) / "logs.txt").read_text() == "x\n" for path in df["result"])
    study.path.rename("moved")
    run = Study("calc", database_dir="moved").run_of(-1)
    assert run.folder.calc_path == Path.cwd() / "calc"


def test_workdir_where_the_study_is_not(study: Study, tmp_path: Path) -> None:
    def func(a: int) -> str:
        import os

        os.rename(moved_from, moved_to)
        try:
            return str(ps.workdir())
        finally:
            os.rename(moved_to, moved_from)

    moved_from, moved_to = str(study.path), str(tmp_path / "elsewhere")
    with pytest.raises((StudyError, PsetError), match="must be on a disk that both see"):
        study.run(func, A4[:1], workers=1)


def test_what_is_reported_by_two_threads_stays_apart(study: Study) -> None:
    meet = threading.Barrier(2, timeout=20)

    def func(a: int) -> dict[str, Any]:
        report(x=a)
        meet.wait()
        mine = workdir().name
        report(y=a)
        meet.wait()
        return {"mine": mine, "thread": os.getpid()}

    with ThreadPoolExecutor(2) as pool:
        run = study.submit(func, A4, executor=pool)
        assert run.wait(30).done == 4
    df = run.df
    assert df["x"].tolist() == df["y"].tolist() == [0, 1, 2, 3]
    assert df["mine"].tolist() == df["_pset_id"].tolist()
