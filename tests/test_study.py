"""What a person says to a study: what is skipped, what is refused and how, what is shown."""

import shutil
import signal
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import psweep_nb as ps
from psweep_nb import FunctionError, OptionError, ParamsError, Run, Study, StudyError, TrustError
from tests import workloads
from tests.waiting import until


def numbers(*values: int) -> list[dict[str, Any]]:
    return [{"a": a} for a in values]


@contextmanager
def held_up(study: Study, folder: Path, *values: int) -> Iterator[Run]:
    """A run in which the first pset waits until the block ends."""
    folder.mkdir()
    params = [{"folder": str(folder), "a": a} for a in values]
    run = study.submit(workloads.wait_for_go, params, in_kernel=True)
    until(lambda: list(folder.glob("began-*")))
    try:
        yield run
    finally:
        (folder / "go").touch()
        assert run.wait(30).ended


# -- skipping ----------------------------------------------------------------------------------


def test_skip(study: Study) -> None:
    study.run(workloads.fail_on_odd, numbers(0, 1, 2), on_error="record")
    assert len(study.run(workloads.double, numbers(0, 1), skip=None)) == 5
    shutil.rmtree("calc")
    study = Study("calc")
    study.run(workloads.fail_on_odd, numbers(0, 1, 2), on_error="record")
    done = study.plan(workloads.fail_on_odd, numbers(0, 1, 2, 3), skip="done")
    assert (done.new, done.done, done.failed, done.todo) == (1, 2, 1, [1, 3])
    assert done.text == "1 new, 2 done, 1 failed (run again)"
    both = study.plan(workloads.fail_on_odd, numbers(0, 1, 2, 3), skip="done+failed")
    assert (both.new, both.done, both.failed, both.running) == (1, 2, 1, 0)
    assert both.text == "1 new, 2 done, 1 failed (`%psweep retry 0`)"
    assert both.latest is study.run_of(0)
    df = study.run(workloads.double, numbers(0, 1, 2, 3), skip="done+failed")
    assert df["a"].tolist() == [0, 1, 2, 3]
    df = study.run(workloads.double, numbers(0, 1, 2, 3), skip="done")
    assert df["a"].tolist() == [0, 1, 2, 3, 1]


def test_with_nothing_new_nothing_runs(study: Study) -> None:
    first = study.submit(workloads.double, numbers(1, 2), in_kernel=True)
    first.wait(20)
    said: list[str] = []
    again = study.submit(workloads.double, numbers(2), skip="done", notes=said.append)
    assert again is study.run_of(0)
    assert said == ["nothing is new: 0 new, 1 done (`--again` computes them anew)"]
    assert len(study.run(workloads.double, numbers(1), skip="done")) == 2
    assert len(study.runs) == 1


def test_duplicates_and_psets_without_a_hash_always_run(study: Study) -> None:
    assert len(study.run(workloads.double, numbers(1, 1), skip="done")) == 2
    odd = [{"a": object()}]
    with pytest.warns(UserWarning, match="never skipped"):
        study.run(lambda a: 1, odd, skip="done+failed")
    with pytest.warns(UserWarning, match="never skipped"):
        df = study.run(lambda a: 1, odd, skip="done+failed")
    assert len(df) == 4
    assert df["_pset_sha1"].isna().tolist() == [False, False, True, True]


def test_what_runs_elsewhere_is_passed_over(study: Study, tmp_path: Path) -> None:
    with held_up(study, tmp_path / "gate", 1, 2) as run:
        params = [{"folder": str(tmp_path / "gate"), "a": a} for a in (1, 2, 3)]
        seen = Study("calc").plan(workloads.wait_for_go, params, skip="done")
        assert (seen.new, seen.running) == (1, 2)
        assert seen.running_same is None
        same = study.plan(workloads.wait_for_go, params[:2])
        assert same.running_same is run
        assert study.submit(workloads.wait_for_go, params[:2], skip="done", notes=print) is run
        assert study.active_runs() == [run]
        assert (
            len(study.submit(workloads.double, numbers(1), in_kernel=True).folder.sessions()) == 1
        )
    assert until(lambda: not study.active_runs())


def test_resume_passes_over_what_a_later_run_did(study: Study, tmp_path: Path) -> None:
    with held_up(study, tmp_path / "gate", 1, 2, 3) as run:
        run.stop()
    assert run.status().pending == 2
    params = [{"folder": str(tmp_path / "gate"), "a": 2}]
    study.run(workloads.wait_for_go, params)
    run.resume()
    assert run.wait(20).state == "finished"
    assert run.df["a"].tolist() == [1, 3]
    assert study.df["a"].tolist() == [1, 3, 2]


# -- bad requests ------------------------------------------------------------------------------

GOOD = numbers(1)
BAD: list[tuple[dict[str, Any], str]] = [
    ({"workers": 10**9}, "workers is 1000000000; it should be"),
    ({"workers": 0}, "workers is 0; it should be a number from 1 to 4096"),
    ({"workers": 1.5}, "workers is 1.5; it should be"),
    ({"workers": True}, "workers is True"),
    ({"skip": "all"}, r"skip is 'all'; it should be one of \(None, 'done', 'done\+failed'\)"),
    ({"skip": True}, "skip is True"),
    ({"stale": 1, "skip": "done"}, "stale is 1; it should be True or False"),
    ({"stale": True}, "give skip='done' or skip='done.failed' too"),
    ({"on_error": "ignore"}, r"on_error is 'ignore'; it should be one of"),
    ({"timeout": 0, "workers": 1}, "timeout is 0; it should be more than 0"),
    ({"timeout": -1, "workers": 1}, "timeout is -1"),
    ({"timeout": float("inf"), "workers": 1}, "timeout is inf; .* or None for no limit"),
    ({"timeout": float("nan"), "workers": 1}, "timeout is nan"),
    ({"timeout": "1s", "workers": 1}, "timeout is '1s'; it should be seconds"),
    ({"label": 3}, "label is 3; it should be a text"),
    ({"executor": "threads"}, "executor is 'threads'; it should be a concurrent.futures.Executor"),
    ({"executor": ThreadPoolExecutor}, "it should be a concurrent.futures.Executor"),
]


@pytest.mark.parametrize(("options", "said"), BAD)
@pytest.mark.parametrize("how", ["run", "submit", "run_local", "df"])
def test_bad_options_write_nothing(
    study: Study, options: dict[str, Any], said: str, how: str
) -> None:
    with pytest.raises(OptionError, match=said):
        if how == "run_local":
            ps.run_local(workloads.double, GOOD, **options)
        elif how == "df":
            ps.run_local(workloads.double, GOOD, df=pd.DataFrame({"a": [1]}), **options)
        else:
            getattr(study, how)(workloads.double, GOOD, **options)
    assert not Path("calc").exists()


@pytest.mark.parametrize(
    ("func", "params", "error", "said"),
    [
        (workloads.by_name, GOOD, FunctionError, "requires `b`, which pset 0 does not have"),
        (3, GOOD, FunctionError, "expected a function"),
        (workloads.double, [1], ParamsError, "pset 0"),
        (workloads.double, 3, ParamsError, "not a list of psets"),
        (workloads.double, [{"_pset_id": 1}], ParamsError, "_pset_id"),
        (workloads.double, [{1: 1}], ParamsError, "pset 0"),
    ],
)
def test_bad_functions_and_params_write_nothing(
    study: Study, func: Any, params: Any, error: type[Exception], said: str
) -> None:
    for act in (study.run, study.submit, study.plan):
        with pytest.raises(error, match=said):
            act(func, params)
    assert not Path("calc").exists()


def test_other_bad_requests(study: Study) -> None:
    with pytest.raises(StudyError, match="params is empty"):
        study.submit(workloads.double, [])
    with pytest.raises(OptionError, match="runs one pset at a time"):
        study.submit(workloads.double, GOOD, in_kernel=True, workers=2)
    with pytest.raises(OptionError, match="poolsize=1 and workers=2: they mean the same"):
        ps.run_local(workloads.double, GOOD, poolsize=1, workers=2)
    with pytest.raises(OptionError, match="df is a list; it should be a DataFrame"):
        ps.run_local(workloads.double, GOOD, df=[])  # type: ignore[arg-type]
    assert not Path("calc").exists()
    Path("file").touch()
    for path in ("file", "file/calc"):
        with pytest.raises(StudyError, match="file is a file; a study is a directory"):
            Study(path)
    with pytest.raises(StudyError, match="the directory /proc/none/calc cannot be made: No such"):
        Study("/proc/none/calc").submit(workloads.double, GOOD)


def test_an_empty_list_is_an_empty_run(study: Study) -> None:
    assert len(study.run(workloads.double, [])) == 0


# -- the call of psweep ------------------------------------------------------------------------


def test_run_local_adds_to_the_table(own_directory: Path) -> None:
    df = ps.run_local(workloads.double, numbers(1, 2))
    assert df["twice"].tolist() == [2, 4]
    df = ps.run_local(workloads.double, numbers(3), poolsize=1, label="third")
    assert df["a"].tolist() == [1, 2, 3]
    assert ps.run is ps.run_local
    assert Study().run_of("third").run_seq == 1
    df = ps.run_local(workloads.double, numbers(1, 4), calc_dir="other")
    assert pd.read_pickle("other/database.pk")["a"].tolist() == [1, 4]


def test_save_false_leaves_nothing(own_directory: Path) -> None:
    df = ps.run_local(workloads.double, numbers(1), save=False)
    assert df["_calc_dir"].tolist() == ["calc"]
    assert list(own_directory.iterdir()) == []
    ps.run_local(workloads.double, numbers(1))
    before = Path("calc/database.pk").read_bytes()
    df = ps.run_local(workloads.double, numbers(2), save=False)
    assert df["a"].tolist() == [1, 2]
    assert df["_run_seq"].tolist() == df["_pset_seq"].tolist() == [0, 1]
    df = ps.run_local(workloads.double, numbers(2, 3), df=df, save=False, skip="done")
    assert df["a"].tolist() == [1, 2, 3]
    assert Path("calc/database.pk").read_bytes() == before
    assert len(Study().runs) == 1


def test_save_false_adds_nothing_to_the_register(own_directory: Path) -> None:
    from psweep_nb.trust import registry

    for _ in range(3):
        ps.run_local(workloads.double, numbers(1), save=False)
    ps.run_local(workloads.double, numbers(1))
    temporary = [place for place in registry._read() if "psweep_nb-" in place]
    assert temporary == []


def test_df_is_used_instead_of_the_table(own_directory: Path) -> None:
    first = ps.run_local(workloads.double, numbers(1, 2, 3))
    mine = first.iloc[:2].copy()
    mine["note"] = ["x", "y"]
    df = ps.run_local(workloads.double, numbers(4), df=mine)
    assert df["a"].tolist() == [1, 2, 3, 4], "rows of the file that df lacks are kept"
    assert df["note"].tolist()[:2] == ["x", "y"]
    pd.testing.assert_frame_equal(df, pd.read_pickle("calc/database.pk"))


# -- blocking ----------------------------------------------------------------------------------


@pytest.mark.parametrize("workers", [None, 2])
def test_an_interrupt_saves_what_finished(study: Study, workers: int | None) -> None:
    def slow(a: int) -> int:
        time.sleep(0.002)
        return a

    def interrupt() -> None:
        until(lambda: study.runs and study.run_of(-1).status().done >= 20)
        signal.raise_signal(signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        study.run(slow, numbers(*range(800)), workers=workers)
    thread.join()
    run = study.run_of(-1)
    status = run.status()
    assert status.state == "stopped"
    assert "KeyboardInterrupt" in status.message
    assert 20 <= status.done < 800
    assert len(pd.read_pickle("calc/database.pk")) == status.done
    assert run.resume().wait(60).state == "finished"
    assert run.df["a"].tolist() == list(range(800))


def test_every_row_survives_an_interrupt_at_any_moment(study: Study) -> None:
    def f(a: int, soon: float) -> int:
        if a == 300:
            threading.Timer(soon, signal.raise_signal, [signal.SIGINT]).start()
        return a

    for n in range(10):
        with pytest.raises(KeyboardInterrupt):
            study.run(f, [{"a": a, "soon": 0.001 * n} for a in range(20_000)])
        run = study.run_of(-1)
        status = run.status()
        assert run.df["a"].tolist() == list(range(status.done))


def test_a_broken_pool_is_said(study: Study) -> None:
    def die(a: int) -> int:
        import os

        if a == 3:
            os._exit(1)
        if a == 1:
            raise ValueError
        return a

    with ProcessPoolExecutor(1) as pool, pytest.raises(StudyError, match="executor cannot go on"):
        study.run(die, numbers(*range(50)), executor=pool, on_error="record")
    run = study.run_of(-1)
    assert run.status().state == "stopped"
    assert run.status().pending > 0
    with ThreadPoolExecutor(1) as threads:
        threads.shutdown()
        run = study.submit(workloads.double, numbers(1), executor=threads)
        assert "cannot go on" in run.wait(20).message


# -- looking -----------------------------------------------------------------------------------


def test_table(study: Study) -> None:
    study.run(workloads.fail_on_odd, numbers(0, 1, 2), on_error="record")
    study.run(workloads.double, numbers(1, 2))
    table = study.table()
    assert list(table.columns) == ["a", "half", "twice", "state"]
    assert table["state"].tolist() == ["done", "failed", "done", "done", "done"]
    assert study.table(latest=True)["a"].tolist() == [0, 1, 2]
    assert study.table(latest=True)["state"].tolist() == ["done"] * 3
    assert study.table(a=1, cols=["state", "a"]).values.tolist() == [["failed", 1], ["done", 1]]
    assert study.table(a=1, _failed=True, cols=["a"]).values.tolist() == [[1]]
    assert len(study.table(twice=4)) == 1
    assert len(study.table(a=77)) == 0
    for wrong in ({"b": 1}, {"cols": ["a", "b"]}):
        with pytest.raises(OptionError, match="there is no column 'b'; there are a, half, twice"):
            study.table(**wrong)
    assert list(Study("empty").table().columns) == []


def test_table_has_the_newest_of_each_repeat(study: Study) -> None:
    params = ps.repeat([{"a": 1}, {"a": 2}], 2)
    study.run(lambda pset: {"b": pset["_repeat"]}, params)
    study.run(lambda pset: {"b": 10 + pset["_repeat"]}, params[1:])
    table = study.table(latest=True)
    assert list(table.columns) == ["a", "_repeat", "b", "state"]
    assert table[["a", "_repeat", "b"]].values.tolist() == [
        [1, 0, 0], [1, 1, 11], [2, 0, 10], [2, 1, 11],
    ]  # fmt: skip
    assert study.params(latest=True) == params
    assert study.table(["_seed"])["_seed"].tolist()[:4] == [pset["_seed"] for pset in params]
    study.run(workloads.double, numbers(7))
    assert "_repeat" not in study.table(a=7)
    with pytest.raises(OptionError, match=r"no column '_seeds'; there are .*_seed"):
        study.table(["_seeds"])


def test_table_by_state_and_by_one_of_several_values(study: Study) -> None:
    study.run(workloads.fail_on_odd, numbers(0, 1, 2, 3), on_error="record")
    assert study.table(state="failed")["a"].tolist() == [1, 3]
    assert study.table(state=["done", "prepared"], a=[1, 2, 3])["a"].tolist() == [2]
    assert len(study.table(a=[])) == 0
    study.run(lambda a: {"state": "x"}, [{"a": [1, 2]}, {"a": (1, 2)}])
    assert study.table(a=[1, 2], cols=["a", "_state"]).values.tolist() == [[[1, 2], "done"]]
    assert study.table(a=[[1, 2], 0])["a"].tolist() == [0, [1, 2]]
    assert study.table(state="x", _state="done")["a"].tolist() == [[1, 2], (1, 2)]
    assert study.delete(_state="failed") == 2
    with pytest.raises(OptionError, match="no column 'state'"):
        Study("empty").table(state="done")


def test_table_where_values_are_arrays(study: Study) -> None:
    study.run(lambda a: {"x": np.arange(3) + a}, numbers(0, 1))
    assert study.table(x=np.array([1, 2, 3]))["a"].tolist() == [1]
    assert study.table(x="text")["a"].tolist() == []


def test_run_of(study: Study) -> None:
    with pytest.raises(StudyError, match="has no run -1; it has none yet"):
        study.run_of(-1)
    for label in ("first", "", "first"):
        study.run(workloads.double, numbers(1), label=label)
    assert [study.run_of(key).run_seq for key in (0, 2, -1, -3, "first")] == [0, 2, 2, 0, 2]
    for key in (3, -4, "other", ""):
        with pytest.raises(StudyError, match=r"it has 0 \(first\), 1, 2 \(first\)"):
            study.run_of(key)
    assert repr(study.run_of(-1)) == "run 2 'first': 1 pset, 1 worker, calc/"
    assert repr(study) == "study calc/: 3 runs"
    assert study.run_of(0) is study.runs[0]


# -- whose study it is ---------------------------------------------------------------------------


class Mine:
    value = 3


def test_a_copied_study_asks_once(study: Study) -> None:
    study.run(lambda a: {"thing": Mine(), "plain": a}, numbers(1))
    shutil.copytree("calc", "copy")
    copy = Study("copy")
    assert not copy.trusted
    with pytest.raises(TrustError, match=r"Mine.*trust=True"):
        copy.df  # noqa: B018
    assert Study("calc").df["thing"].iloc[0].value == 3
    assert Study("copy", trust=True).df["thing"].iloc[0].value == 3
    assert Study("copy").df["thing"].iloc[0].value == 3, "asked once"


def test_results_that_are_not_trusted_are_not_made_failures(study: Study) -> None:
    study.run(lambda a: {"thing": Mine()}, numbers(1))
    shutil.copytree("calc", "copy")
    Path("copy/database.pk").unlink()
    for _ in range(2):
        with pytest.raises(TrustError, match="Mine"):
            Study("copy").df  # noqa: B018
    df = Study("copy", trust=True).df
    assert df["_failed"].tolist() == [False]


def test_a_copied_study_of_plain_values_opens_and_runs(study: Study) -> None:
    study.run(workloads.double, numbers(1, 2))
    shutil.copytree("calc", "copy")
    copy = Study("copy")
    assert copy.df["twice"].tolist() == [2, 4]
    run = copy.submit(workloads.fail_on_odd, numbers(1, 4))
    assert run.wait(30).failed == 1
    assert copy.df["a"].tolist() == [1, 2, 1, 4]
    with pytest.raises(TrustError, match=r"stored function.*trust=True"):
        run.retry(recorded=True)
    assert run.retry(workloads.double).wait(30).done == 2
    assert Study("calc").df["a"].tolist() == [1, 2]


def test_results_named_like_parameters_are_said(study: Study) -> None:
    """Also by who goes on with the run, and folds nothing of the kind."""

    def func(a: int, text: str) -> dict[str, Any]:
        if a == 2 and not fixed:
            raise RuntimeError
        return {"a": a / 2 if a == 1 else a, "text": text}

    fixed: list[int] = []
    params = [{"a": a, "text": str(a)} for a in (1, 2)]
    with pytest.raises(RuntimeError):
        study.run(func, params)
    run = study.run_of(-1)
    assert "have replaced the parameters of the same names: a; Study" in run.status().message
    fixed.append(1)
    assert "same names: a; Study.params gives" in run.retry(func).wait(30).message
    assert study.df["a"].tolist() == [0.5, 2]
    assert study.params() == params


def test_results_that_repeat_parameters_are_not_said(study: Study) -> None:
    values = [1, "text", None, float("nan"), np.arange(3), [1, {"b": 2}], np.float64(2)]
    study.run(lambda value: {"value": value, "more": 1}, [{"value": value} for value in values])
    assert study.run_of(-1).status().message == ""
