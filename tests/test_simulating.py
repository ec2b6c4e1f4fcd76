"""A dry run shows what a run would bring, calls nothing, and changes nothing."""

import os
import tempfile
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import psweep_nb as ps
from psweep_nb import FunctionError, OptionError, ParamsError, Study, StudyError
from tests import strategies, workloads
from tests.waiting import until


def never(a: int) -> None:
    raise AssertionError("a dry run calls nothing")


def contents(folder: str) -> dict[str, tuple[bytes, int]]:
    files = (path for path in Path(folder).rglob("*") if path.is_file())
    return {str(path): (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


def test_the_table_gets_rows_without_results() -> None:
    ps.run_local(workloads.double, [{"a": 1}])
    before = contents("calc")
    df = ps.run_local(never, [{"a": 2}, {"a": 1}], simulate=True)
    assert contents("calc") == before, "the study is only read"
    pd.testing.assert_frame_equal(pd.read_pickle("calc.simulate/database.pk"), df)
    assert df["a"].tolist() == [1, 2, 1]
    assert df["twice"].tolist() == [2, pd.NA, pd.NA]
    assert df["_failed"].tolist() == [False, pd.NA, pd.NA]
    assert df["_calc_dir"].tolist() == ["calc", "calc.simulate", "calc.simulate"]
    assert df["_run_seq"].tolist() == [0, 1, 1]
    assert df["_pset_seq"].tolist() == [0, 1, 2]
    assert df["_pset_sha1"].iloc[0] == df["_pset_sha1"].iloc[2]
    assert df["_pset_id"].is_unique
    assert df["_run_id"].nunique() == 2
    assert df["_time_utc"].notna().all()
    assert Study("calc.simulate").table()["state"].tolist() == ["done", "prepared", "prepared"]


def test_each_one_is_made_afresh_and_other_files_stay() -> None:
    ps.run_local(never, [{"a": 1}, {"a": 2}], simulate=True)
    assert not Path("calc").exists()
    Path("calc.simulate/notes.txt").write_text("mine")
    df = ps.run_local(never, [{"a": 3}], simulate=True)
    assert df["a"].tolist() == Study("calc.simulate").df["a"].tolist() == [3]
    assert df["_pset_seq"].tolist() == [0]
    assert Path("calc.simulate/notes.txt").read_text() == "mine"


def test_only_what_would_run() -> None:
    ps.run_local(workloads.fail_on_odd, [{"a": 0}, {"a": 1}], on_error="record")
    params = [{"a": 0}, {"a": 1}, {"a": 2}]
    assert len(ps.run_local(never, params, simulate=True)) == 5
    assert len(ps.run_local(never, params, simulate=True, skip="done")) == 4
    assert len(ps.run_local(never, params, simulate=True, skip_dups=True)) == 3
    assert len(ps.run_local(never, [], simulate=True)) == 2


def test_with_a_run_at_work(tmp_path: Path) -> None:
    study = Study("calc")
    params = [{"folder": str(tmp_path), "a": a} for a in (1, 2)]
    run = study.submit(workloads.wait_for_go, params, in_kernel=True)
    until(lambda: list(tmp_path.glob("began-*")))
    try:
        df = study.simulate(never, [{"a": 3}])
        assert df["_pset_seq"].tolist() == [2], "numbers that are taken stay taken"
        assert df["_run_seq"].tolist() == [1]
        assert len(study.simulate(workloads.wait_for_go, params, skip="done")) == 0
    finally:
        Path("go").touch()
        assert run.wait(30).ended


def test_a_table_given_and_one_not_saved() -> None:
    first = ps.run_local(workloads.double, [{"a": 1}, {"a": 2}])
    mine = first.iloc[1:].assign(note="mine")
    df = ps.run_local(never, [{"a": 3}], df=mine, simulate=True, save=False)
    assert df["a"].tolist() == [1, 2, 3]
    assert df["note"].tolist() == [pd.NA, "mine", pd.NA]
    assert not Path("calc.simulate").exists()
    far = first.assign(_pset_seq=[100, 101], _run_seq=50)
    df = ps.run_local(never, [{"a": 3}], df=far, simulate=True, save=False)
    assert (df["_pset_seq"].iloc[-1], df["_run_seq"].iloc[-1]) == (102, 51)


def test_rows_do_not_change_with_the_users_objects() -> None:
    values = [1, 2]
    df = ps.run_local(never, [{"a": values}], simulate=True)
    values.append(3)
    assert df["a"].iloc[0] == [1, 2]


def test_the_table_that_is_returned_is_the_users() -> None:
    study = Study("calc")
    study.run(workloads.double, [{"a": 1}])
    for params in ([], [{"a": 2}]):
        df = study.simulate(never, params)
        df.iloc[0, df.columns.get_loc("a")] = 99  # type: ignore[index]
        assert study.df["a"].tolist() == [1]


def test_a_table_elsewhere() -> None:
    call: dict[str, Any] = {"database_dir": "tables", "database_basename": "x.pk"}
    ps.run_local(workloads.double, [{"a": 1}], **call)
    df = ps.run_local(never, [{"a": 2}], simulate=True, **call)
    assert df["a"].tolist() == [1, 2]
    pd.testing.assert_frame_equal(df, pd.read_pickle("calc.simulate/x.pk"))
    assert df["_calc_dir"].tolist() == ["calc", "calc.simulate"]


@pytest.mark.parametrize(
    ("func", "params", "options", "error", "said"),
    [
        (workloads.by_name, [{"a": 1}], {}, FunctionError, "requires `b`"),
        (workloads.double, [1], {}, ParamsError, "pset 0"),
        (workloads.double, [{"a": threading.Lock()}], {}, ParamsError, "value of 'a', a lock"),
        (workloads.double, [{"a": 1}], {"skip": "all"}, OptionError, "skip is 'all'"),
        (workloads.double, [{"a": 1}], {"df": [1]}, OptionError, "df is a list"),
    ],
)
@pytest.mark.filterwarnings("ignore:pset")
def test_what_a_run_would_refuse_is_refused(
    func: Any, params: Any, options: dict[str, Any], error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        ps.run_local(func, params, simulate=True, **options)
    assert os.listdir() == []


def test_what_somebody_has_made_there_is_not_hidden() -> None:
    ps.run_local(workloads.double, [{"a": 1}], calc_dir="calc.simulate")
    with pytest.raises(StudyError, match=r"calc\.simulate has runs of its own"):
        ps.run_local(never, [{"a": 2}], simulate=True)
    assert Study("calc.simulate").df["a"].tolist() == [1]
    Path("other.simulate").touch()
    with pytest.raises(StudyError, match="is a file"):
        ps.run_local(never, [{"a": 2}], calc_dir="other", simulate=True)


@given(
    st.lists(strategies.psets, max_size=4),
    st.lists(st.integers(0, 3), max_size=4),
    st.sampled_from([None, "done", "done+failed"]),
)
@pytest.mark.filterwarnings("ignore")
def test_a_run_then_brings_these_very_rows(
    params: list[dict[str, Any]], before: list[int], skip: str | None
) -> None:
    def func(pset: dict[str, Any]) -> dict[str, Any]:
        return {}

    with tempfile.TemporaryDirectory() as folder:
        study = Study(Path(folder, "calc"))
        study.run(func, [params[i] for i in before if i < len(params)])
        dry = study.simulate(func, params, skip=skip)
        wet = study.run(func, params, skip=skip)
    said = ["_run_seq", "_pset_seq", "_pset_sha1"]
    names = [name for name in dry.columns if not str(name).startswith("_")]
    assert len(dry) == len(wet)
    if len(wet):
        assert names == [name for name in wet.columns if not str(name).startswith("_")]
        for name in said + names:
            for one, other in zip(dry[name], wet[name], strict=True):
                assert repr(one) == repr(other) or np.all(one == other)
