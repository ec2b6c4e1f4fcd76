"""Deleting rows and deriving columns: what goes, what stays, and what must not come back."""

import shutil
import signal
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from psweep_nb import OptionError, Study, StudyError, provenance
from tests import workloads
from tests.waiting import until

TABLE = Path("calc/database.pk")


def numbers(*values: int) -> list[dict[str, Any]]:
    return [{"a": a} for a in values]


def run(study: Study, *values: int, **options: Any) -> pd.DataFrame:
    return study.run(workloads.double, numbers(*values), **options)


def on_disk() -> list[int]:
    frame: pd.DataFrame = pd.read_pickle(TABLE)
    left: list[int] = frame["a"].tolist()
    return left


# -- deleting ----------------------------------------------------------------------------------

WAYS: dict[str, Any] = {
    "rows": lambda df: df[df.a > 2],
    "ids": lambda df: df["_pset_id"].tolist()[2:],
    "series of ids": lambda df: df["_pset_id"][2:],
    "mask": lambda df: df.a > 2,
    "list of bools": lambda df: (df.a > 2).tolist(),
    "function": lambda df: lambda table: table.a > 2,
}


@pytest.mark.parametrize("way", WAYS)
def test_ways_to_say_which_rows(study: Study, way: str) -> None:
    df = run(study, 1, 2, 3, 4)
    assert study.delete(WAYS[way](df)) == 2
    assert study.df["a"].tolist() == on_disk() == [1, 2]


def test_by_value_by_id_and_both(study: Study) -> None:
    df = study.run(workloads.fail_on_odd, numbers(1, 2, 3, 4), on_error="record")
    assert study.delete(df[df.a > 2], _failed=True) == 1
    assert study.delete(df["_pset_id"].iloc[0]) == 1
    assert study.delete(half=2) == 1
    assert study.delete(half=77) == 0
    assert study.df["a"].tolist() == [2]


def test_deleted_rows_stay_deleted(study: Study) -> None:
    run(study, 1, 2, 3)
    study.delete(a=2)
    for fresh in (study, Study("calc")):
        assert fresh.database.vanished() == {}
        assert fresh.rebuild()["a"].tolist() == [1, 3]
        run(fresh, 4)  # and no warning of vanished rows
        fresh.delete(a=4)
    TABLE.unlink()
    for fresh in (study, Study("calc")):
        assert fresh.df["a"].tolist() == [1, 3]
    assert Study("calc").rebuild()["a"].tolist() == on_disk() == [1, 3]


def test_deleted_rows_come_back_when_asked(study: Study) -> None:
    whole = run(study, 1, 2, 3)
    study.delete(a=2)
    run(study, 4)
    study.rebuild(deleted=True)
    pd.testing.assert_frame_equal(Study("calc").df.iloc[:3], whole)
    assert study.database.vanished() == {}
    study.delete(a=2)
    assert study.rebuild()["a"].tolist() == [1, 3, 4]


def test_deleted_psets_are_new_again(study: Study) -> None:
    run(study, 1, 2, 3)
    study.delete(a=2)
    assert run(study, 1, 2, 3, skip="done")["a"].tolist() == [1, 3, 2]
    # Also where other rows of the run have vanished, so that its records tell what is done.
    study.delete(study.df.iloc[-1:])
    pd.read_pickle(TABLE).iloc[:1].to_pickle(TABLE)
    with pytest.warns(UserWarning, match="1 rows that runs have brought are gone"):
        assert run(study, 1, 2, 3, skip="done")["a"].tolist() == [1, 2]


def test_rows_that_vanished_by_other_hands_still_count(study: Study) -> None:
    run(study, 1, 2, 3, 4)
    pd.read_pickle(TABLE).iloc[1:].to_pickle(TABLE)
    study = Study("calc")
    study.delete(a=4)
    for fresh in (study, Study("calc")):
        assert sum(fresh.database.vanished().values()) == 1
    assert study.rebuild()["a"].tolist() == [1, 2, 3]


def test_a_kill_between_mark_and_table_loses_nothing(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(study, 1, 2, 3)
    with monkeypatch.context() as patch, pytest.raises(OSError, match="not today"):

        def fail(*_: object) -> None:
            raise OSError("not today")

        patch.setattr(study.database, "_write", fail)
        study.delete(a=2)
    assert on_disk() == [1, 2, 3]
    again = Study("calc")
    assert again.database.vanished() == {}
    assert again.delete(a=2) == 1
    assert again.database.vanished() == {}
    assert Study("calc").rebuild(deleted=True)["a"].tolist() == [1, 2, 3]


CUT = """
import os, signal
from psweep_nb import Study
study = Study()
study.database._write = lambda table: os.kill(os.getpid(), signal.SIGKILL)
study.delete(a=2)
"""


@pytest.mark.parametrize("act", [Study.rebuild, Study.compact, lambda study: study.delete(a=1)])
def test_rows_whose_deletion_was_cut_short_are_whole_again(study: Study, act: Any) -> None:
    """What is still in the table is not taken for deleted: its results must outlive the table."""
    run(study, 1, 2, 3)
    done = subprocess.run([sys.executable, "-c", CUT], check=False)
    assert done.returncode == -signal.SIGKILL
    assert on_disk() == [1, 2, 3]
    act(study)
    left = on_disk()
    assert 2 in left
    for fresh in (study, Study("calc")):
        assert fresh.database.vanished() == {}
    TABLE.unlink()
    again = Study("calc").rebuild()
    assert again["a"].tolist() == left
    assert (again["twice"] == 2 * again["a"]).all()


def test_rows_lost_after_a_deletion_was_cut_short_are_counted(study: Study) -> None:
    run(study, 1, 2, 3)
    subprocess.run([sys.executable, "-c", CUT], check=False)
    Study("calc").compact()
    pd.read_pickle(TABLE).iloc[1:].to_pickle(TABLE)
    assert sum(Study("calc").database.vanished().values()) == 1


def test_rebuilt_and_deleted_while_its_run_goes_on(study: Study, tmp_path: Path) -> None:
    """A row that was read again, and deleted then, does not count as gone."""
    gate = tmp_path / "gate"
    gate.mkdir()
    params = [{"folder": str(gate), "a": a} for a in (1, 2)]
    found = study.submit(workloads.double_then_wait, params, in_kernel=True)
    until(lambda: found.status().done)
    study.rebuild()
    study.delete(a=1)
    (gate / "go").touch()
    assert found.wait(20).state == "finished"
    for fresh in (study, Study("calc")):
        assert fresh.database.vanished() == {}
        assert fresh.df["a"].tolist() == [2]


def test_other_hands_see_it(study: Study) -> None:
    run(study, 1, 2)
    other = Study("calc")
    assert len(other.df) == 2
    study.delete(a=1)
    assert other.df["a"].tolist() == [2]
    assert other.database.vanished() == {}
    assert run(other, 3)["a"].tolist() == [2, 3]


def test_a_row_deleted_while_its_run_goes_on(study: Study, tmp_path: Path) -> None:
    """Also before it was folded; what the run brings later is there."""
    gate = tmp_path / "gate"
    gate.mkdir()
    params = [{"folder": str(gate), "a": a} for a in (1, 2)]
    found = study.submit(workloads.double_then_wait, params, in_kernel=True)
    until(lambda: found.status().done)
    assert study.delete(a=1) == 1
    (gate / "go").touch()
    assert found.wait(20).state == "finished"
    assert study.df["a"].tolist() == Study("calc").rebuild()["a"].tolist() == [2]
    assert Study("calc").database.vanished() == {}


def test_retry_passes_over_deleted_failures(study: Study, tmp_path: Path) -> None:
    params = [{"folder": str(tmp_path), "a": a} for a in range(4)]
    study.run(workloads.fail_until_fixed, params, on_error="record")
    study.delete(a=1)
    found = study.run_of(-1)
    found.retry()
    assert found.wait(30).ended
    assert study.df["a"].tolist() == [0, 2, 3]
    study.delete(a=3)
    with pytest.raises(StudyError, match="nothing failed"):
        found.retry()


def test_a_later_attempt_of_a_deleted_row_is_a_new_row(study: Study, tmp_path: Path) -> None:
    """As when it is deleted while a retry is at work: what is computed is not lost."""
    params = [{"folder": str(tmp_path), "a": 1}]
    study.run(workloads.fail_until_fixed, params, on_error="record")
    (tmp_path / "fixed").touch()

    def slow(folder: str, a: int) -> dict[str, int]:
        assert Study("calc").delete(a=1) == 1
        return {"twice": 2}

    found = study.run_of(-1)
    study.run_of(-1)
    found.retry(slow)
    assert found.wait(30).done == 1
    assert study.df["twice"].tolist() == [2]
    assert study.df["_attempt"].tolist() == [2]
    assert Study("calc").rebuild()["twice"].tolist() == [2]


def test_rows_of_the_users_own(study: Study) -> None:
    run(study, 1)
    mine = pd.concat([pd.read_pickle(TABLE), pd.DataFrame({"a": [7, 8]})])
    mine.to_pickle(TABLE)
    study = Study("calc")
    assert study.delete(a=8) == 1
    assert study.df["a"].tolist() == [1, 7]
    with pytest.raises(OptionError, match="some of these rows have no _pset_id; a mask"):
        study.delete(study.df)
    assert study.delete(lambda df: df.a > 0) == 2
    assert len(Study("calc").rebuild()) == 0


@pytest.mark.parametrize("column", ["_run_id", "_attempt", "_pset_seq", "_run_seq"])
def test_tables_that_lack_a_column_of_ours(study: Study, column: str) -> None:
    run(study, 1, 2)
    pd.read_pickle(TABLE).drop(columns=column).to_pickle(TABLE)
    study = Study("calc")
    study.delete(a=1)
    assert study.rebuild()["a"].tolist() == [2]
    assert study.rebuild(deleted=True)["a"].sort_values().tolist() == [1, 2]


def test_a_table_without_runs() -> None:
    """One that psweep wrote, say."""
    TABLE.parent.mkdir()
    pd.DataFrame({"_pset_id": ["x", "y", "z"], "a": [1, 2, 3]}).to_pickle(TABLE)
    study = Study("calc")
    assert study.rebuild()["a"].tolist() == [1, 2, 3]
    assert study.delete(a=2) == 1
    assert study.update(b=lambda df: 2 * df.a)["b"].tolist() == [2, 6]
    assert on_disk() == [1, 3]
    assert len(Study("none").rebuild()) == 0
    assert not Path("none").exists()


BAD: list[tuple[Any, dict[str, Any], type[Exception], str]] = [
    (None, {}, OptionError, "needs to know which rows"),
    ("nope", {}, OptionError, "no row with the _pset_id 'nope'; nothing was deleted"),
    ([True], {}, OptionError, "the mask .* has 1 values; the table has 2 rows"),
    ([1, 0], {}, OptionError, "holds 1; it should hold True and False"),
    (lambda df: 3, {}, OptionError, "what the function returned is 3"),
    (pd.DataFrame({"a": [1]}), {}, OptionError, "known by _pset_id, which these do not have"),
    (None, {"b": 1}, OptionError, "no column 'b'; there are a, twice"),
    (pd.Series([True, True]), {}, OptionError, "about other rows"),
]


@pytest.mark.parametrize(("rows", "where", "error", "said"), BAD)
def test_bad_requests_delete_nothing(
    study: Study, rows: Any, where: dict[str, Any], error: type[Exception], said: str
) -> None:
    run(study, 1, 2)
    before = {p: p.read_bytes() for p in Path("calc").rglob("*") if p.is_file()}
    with pytest.raises(error, match=said):
        study.delete(rows, **where)
    assert {p: p.read_bytes() for p in Path("calc").rglob("*") if p.is_file()} == before


def test_an_empty_study_has_no_rows() -> None:
    for act in (lambda s: s.delete(a=1), lambda s: s.update(x=1)):
        with pytest.raises(StudyError, match="there are no rows in"):
            act(Study("none"))
    assert not Path("none").exists()


def test_a_damaged_list_of_deletions_is_said(study: Study) -> None:
    run(study, 1, 2)
    study.delete(a=1)
    [path] = Path("calc").rglob("deleted.json")
    for text in ("", '{"psets": 3}', '{"psets": {"x": 1}}'):
        path.write_text(text)
        with pytest.warns(UserWarning, match=r"is left out.*deleted.json is damaged"):
            assert Study("calc").df["a"].tolist() == [2]


def test_rows_come_and_go_at_once(study: Study) -> None:
    """Runs in another thread and another study object, each of which folds."""
    run(study, 0)
    runner = Study("calc")
    thread = threading.Thread(
        target=lambda: [run(runner, *range(3 * n, 3 * n + 3)) for n in range(1, 9)]
    )
    thread.start()
    deleted: set[int] = set()
    while thread.is_alive():
        study.update(x=lambda df: df.a * 10)
        *others, a = study.df["a"].tolist()
        if others:
            deleted.add(a)
            assert study.delete(a=a) == 1
    thread.join()
    expected = [a for a in [0, *range(3, 27)] if a not in deleted]
    for fresh in (study, runner, Study("calc")):
        assert fresh.df["a"].tolist() == expected
        assert fresh.database.vanished() == {}
    assert Study("calc").rebuild()["a"].tolist() == expected
    df = study.update(x=lambda df: df.a * 10)
    assert df["x"].tolist() == [10 * a for a in expected]


@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    steps=st.lists(
        st.one_of(
            st.tuples(st.just("run"), st.lists(st.integers(0, 5), min_size=1, max_size=3)),
            st.tuples(st.just("delete"), st.integers(0, 5)),
            st.tuples(
                st.sampled_from(["rebuild", "undelete", "compact", "reopen", "lose"]), st.none()
            ),
        ),
        max_size=10,
    )
)
def test_the_table_is_what_was_run_and_not_deleted(steps: list[tuple[str, Any]]) -> None:
    provenance.settle()  # of the example before: it writes into what is about to go
    shutil.rmtree("calc", ignore_errors=True)
    study = Study("calc")
    rows: list[tuple[int, str]] = []  # a, and "there", "deleted", or "gone" for good

    def become(new: str, old: str, only: int | None = None) -> None:
        rows[:] = [(a, new if s == old and only in (None, a) else s) for a, s in rows]

    for step, what in steps:
        if step == "run":
            run(study, *what)
            rows += [(a, "there") for a in what]
        elif step == "delete" and (what, "there") in rows:
            study.delete(a=what)
            become("deleted", "there", what)
        elif step == "rebuild" and rows:
            study.rebuild()
        elif step == "undelete" and rows:
            study.rebuild(deleted=True)
            become("there", "deleted")
        elif step == "compact":
            study.compact()
            become("gone", "deleted")
        elif step == "reopen":
            study = Study("calc")
        elif step == "lose" and TABLE.exists():
            TABLE.unlink()
        df = study.df
        assert (df["a"].tolist() if "a" in df else []) == [a for a, s in rows if s == "there"]
        assert study.database.vanished() == {}


# -- deriving ----------------------------------------------------------------------------------


def test_columns_by_name(study: Study) -> None:
    run(study, 1, 2)
    df = study.update(
        ratio=lambda df: df.twice / df.a, note=["x", "y"], seen=True, twice=lambda df: -df.twice
    )
    assert df["ratio"].tolist() == [2.0, 2.0]
    assert df["twice"].tolist() == [-2, -4]
    assert df["note"].dtype == object
    pd.testing.assert_frame_equal(df, pd.read_pickle(TABLE))
    assert run(study, 3)["ratio"].tolist() == [2.0, 2.0, pd.NA]
    assert study.rebuild()["twice"].tolist() == [-2, -4, 6]


def test_a_function_of_the_table(study: Study) -> None:
    run(study, 1, 2)
    study.update(lambda df: {"x": df.a + 1})
    study.update(lambda df: df.assign(y=df.x * 10, text=["u", "v"]))
    study.update({"z": np.array([0.5, 1.5])})
    df = study.df
    assert df[["x", "y", "z"]].values.tolist() == [[2, 20, 0.5], [3, 30, 1.5]]
    assert df["text"].tolist() == ["u", "v"]
    assert [str(t) for t in df[["x", "z", "text"]].dtypes] == ["int64", "float64", "object"]


def test_nothing_new_is_nothing_written(study: Study) -> None:
    run(study, 1, 2)
    before = TABLE.stat().st_mtime_ns
    study.update(lambda df: df)
    assert TABLE.stat().st_mtime_ns == before


def test_rows_that_arrive_meanwhile_are_kept(study: Study) -> None:
    run(study, 1, 2)

    def slowly(df: pd.DataFrame) -> dict[str, Any]:
        other = Study("calc")
        run(other, 3)
        other.delete(a=1)
        return {"x": df.a * 10}

    df = study.update(slowly)
    assert df["a"].tolist() == on_disk() == [2, 3]
    assert df["x"].tolist() == [20, pd.NA]
    assert study.database.vanished() == {}


def test_a_row_retried_meanwhile_is_another_row(study: Study, tmp_path: Path) -> None:
    params = [{"folder": str(tmp_path), "a": a} for a in (0, 1)]
    study.run(workloads.fail_until_fixed, params, on_error="record")
    (tmp_path / "fixed").touch()

    def slowly(df: pd.DataFrame) -> dict[str, Any]:
        assert study.run_of(-1).retry().wait(30).done == 2
        return {"x": df.twice.isna()}

    assert study.update(slowly)["x"].tolist() == [False, pd.NA]


def test_rows_of_the_users_own_and_twice_the_same(study: Study) -> None:
    run(study, 1)
    table = pd.read_pickle(TABLE)
    pd.concat([table, table, pd.DataFrame({"a": [7, 8]})]).to_pickle(TABLE)
    study = Study("calc")
    assert study.update(x=[0, 1, 2, 3])["x"].tolist() == [0, 1, 2, 3]
    assert study.df["a"].tolist() == [1, 1, 7, 8]


def test_values_of_any_kind(study: Study) -> None:
    run(study, 1, 2)
    times = pd.Series(pd.to_datetime(["2020-01-01", "2020-01-02"]))
    values = {"l": [[1], {"k": 2}], "t": times.array, "n": None, "s": ("a", pd.NA)}
    df = study.update(values)
    assert df["l"].tolist() == [[1], {"k": 2}]
    assert df["t"].tolist() == times.tolist()
    assert df["n"].tolist() == [None, None]
    assert df["s"].tolist() == ["a", pd.NA]
    study.update(lambda table: table.assign(more=1))
    assert study.df["l"].tolist() == [[1], {"k": 2}]


BAD_COLUMNS: list[tuple[Any, str]] = [
    ({"_failed": False}, "'_failed' can not be updated: it is no name, or book-keeping"),
    ({3: 1}, "3 can not be updated"),
    ({"a": 1}, "'a' can not be updated: it is a parameter"),
    ({"x": [1]}, "'x' has 1 values; the table has 2 rows"),
    ({"x": pd.Series([1, 2])}, "'x' has other rows than the table"),
    (lambda df: None, "the columns are None; they should be a dict of columns, or the table"),
    (lambda df: df.iloc[:1], "returned other rows"),
    (lambda df: df.iloc[::-1], "returned other rows"),
    (lambda df: df.assign(a=0), "'a' can not be updated"),
    (lambda df: df.assign(_run_seq=0, x=1), "'_run_seq' can not be updated"),
    (3, "the columns are 3"),
]


@pytest.mark.parametrize(("columns", "said"), BAD_COLUMNS)
def test_bad_columns_write_nothing(study: Study, columns: Any, said: str) -> None:
    run(study, 1)
    run(study, 2)
    before = TABLE.read_bytes()
    with pytest.raises(OptionError, match=said):
        study.update(columns)
    with pytest.raises(ZeroDivisionError):
        study.update(x=lambda df: 1 / 0)
    assert TABLE.read_bytes() == before


def test_columns_in_both_ways_or_none(study: Study) -> None:
    run(study, 1)
    for act in (lambda: study.update(), lambda: study.update({"x": 1}, y=2)):
        with pytest.raises(OptionError, match="takes a dict or function, or columns by name"):
            act()


def test_rows_that_were_executed_again_meanwhile_are_not_deleted() -> None:
    study = Study("calc")

    def fails(a: int) -> int:
        raise ValueError("not yet")

    study.run(fails, [{"a": 1}, {"a": 2}], on_error="record")
    old = study.df
    study.runs[-1].retry(workloads.double).wait()
    with pytest.raises(OptionError, match="executed again"):
        study.delete(old[old["_failed"]])
    assert study.df["_failed"].tolist() == [False, False]


def test_an_array_equals_only_its_like() -> None:
    study = Study("calc")
    peaks = {1: np.array([]), 2: np.array([3.0, 3.0]), 3: 3}
    study.run(lambda a: {"peaks": peaks[a]}, [{"a": a} for a in peaks])
    assert study.table(peaks=3)["a"].tolist() == [3]
    assert study.table(peaks=np.array([3.0, 3.0]))["a"].tolist() == [2]
    assert study.table(peaks=pd.NA)["a"].tolist() == []
