"""The call of psweep: what its users pass, and what they then find."""

import inspect
import os
import stat
import time
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

import psweep_nb as ps
from psweep_nb import OptionError, Study, StudyError
from psweep_nb.eachrow import line_of
from tests import workloads


def numbers(*values: int) -> list[dict[str, Any]]:
    return [{"a": a} for a in values]


def test_arguments_by_position_are_those_of_psweep() -> None:
    parameters = inspect.signature(ps.run_local).parameters.values()
    by_position = [p for p in parameters if p.kind is not p.KEYWORD_ONLY]
    # The names and defaults that help(psweep.run_local) shows in psweep 0.5.1.
    assert {p.name: p.default for p in by_position[2:]} == {
        "df": None, "poolsize": None, "save": True, "tmpsave": False, "verbose": False,
        "calc_dir": "calc", "simulate": False, "database_dir": None,
        "database_basename": "database.pk", "backup": False,
    }  # fmt: skip


@pytest.mark.parametrize("name", ["save", "tmpsave", "simulate", "backup", "git", "skip_dups"])
def test_flags_are_true_or_false(name: str) -> None:
    with pytest.raises(OptionError, match=f"{name} is 'calc'; it should be True or False"):
        options: dict[str, Any] = {name: "calc"}
        ps.run_local(workloads.double, numbers(1), **options)
    assert os.listdir() == []


def test_skip_dups() -> None:
    ps.run_local(workloads.fail_on_odd, numbers(0, 1), on_error="record")
    assert len(ps.run_local(workloads.double, numbers(0, 1, 2), skip_dups=True)) == 3
    assert len(ps.run_local(workloads.double, numbers(1), skip_dups=True, skip="done+failed")) == 3
    with pytest.raises(OptionError, match="skip_dups=True and skip='done'"):
        ps.run_local(workloads.double, numbers(1), skip_dups=True, skip="done")


# -- df ----------------------------------------------------------------------------------------


def test_rows_that_only_the_file_has_stay_those_without_an_id_too() -> None:
    first = ps.run_local(workloads.double, numbers(1, 2))
    by_hand = pd.concat([first, pd.DataFrame({"a": [7, 8]}, index=first.index[:2])])
    by_hand.to_pickle("calc/database.pk")
    df = ps.run_local(workloads.double, numbers(3), df=first.iloc[:1])
    assert df["a"].tolist() == [1, 2, 3, 7, 8]
    assert df["_pset_id"].isna().tolist() == [False] * 3 + [True] * 2
    changed = df.iloc[[0, 4]].assign(a=[1, 9])
    df = ps.run_local(workloads.double, numbers(4), df=changed)
    assert df["a"].tolist() == [1, 2, 3, 4, 9], "its own rows without an id count"
    pd.testing.assert_frame_equal(pd.read_pickle("calc/database.pk"), df)


def test_a_file_that_knows_no_ids_at_all() -> None:
    Path("calc").mkdir()
    pd.DataFrame({"a": [7, 7]}).to_pickle("calc/database.pk")
    mine = ps.run_local(workloads.double, numbers(1), calc_dir="other")
    df = ps.run_local(workloads.double, numbers(2), df=mine)
    assert df["a"].tolist() == [1, 2, 7, 7]


def test_what_was_given_is_copied() -> None:
    mine = pd.DataFrame({"a": [1.5]})
    study = Study("calc")
    study.run(workloads.double, [], df=mine)
    mine.loc[0, "a"] = 9.0
    assert study.df["a"].tolist() == [1.5]


# -- tmpsave -----------------------------------------------------------------------------------


def saved(calc_dir: str = "calc") -> dict[str, pd.DataFrame]:
    files = Path(calc_dir, "tmpsave").glob("*/*")
    return {path.stem: pd.read_pickle(path) for path in files}


@pytest.mark.parametrize("options", [{}, {"poolsize": 2}])
def test_tmpsave(options: dict[str, Any]) -> None:
    ps.run_local(workloads.double, numbers(0))
    params = [*numbers(1, 2, 3), {"a": 4, "b": [5]}]

    def func(pset: dict[str, Any]) -> dict[str, Any]:
        if pset["a"] == 2:
            raise ValueError("no")
        return {"twice": 2 * pset["a"]}

    df = ps.run_local(func, params, tmpsave=True, on_error="record", **options).iloc[1:]
    files = saved()
    assert sorted(files) == sorted(df["_pset_id"])
    assert [path.name for path in Path("calc/tmpsave").iterdir()] == df["_run_id"].unique().tolist()
    for _, row in df.iterrows():
        file = files[row["_pset_id"]]
        assert len(file) == 1
        assert file.index[0] == row["_time_utc"]
        assert {**row, **file.iloc[0]} == dict(row) or row["_failed"]
        assert ("b" in file) == (row["a"] == 4), "only what this pset has"
    (failed,) = (file for file in files.values() if file["_failed"].iloc[0])
    assert "ValueError: no" in failed["_exc_txt"].iloc[0]
    done = next(file for file in files.values() if file["a"].iloc[0] == 1)
    assert done["twice"].dtype == "int64"


def test_a_file_is_there_when_its_pset_has_ended() -> None:
    # A pset that takes longer than the engine's turns ends one of them.
    seen: list[int] = []

    def func(a: int) -> None:
        seen.append(len(saved()))
        time.sleep(0.05)
        raise RuntimeError

    ps.run_local(func, numbers(1, 2, 3), tmpsave=True, on_error="record")
    assert seen == [0, 1, 2]


def test_of_several_attempts_the_last_is_kept() -> None:
    params = [{"folder": os.getcwd(), "a": 1}]

    def fix(folder: str, a: int) -> dict[str, int]:
        try:
            return workloads.fail_until_fixed(folder, a)
        finally:
            Path("fixed").touch()

    ps.run_local(fix, params, tmpsave=True, retries=1)
    (file,) = saved().values()
    assert (file["_attempt"].iloc[0], file["twice"].iloc[0]) == (2, 2)


def test_tmpsave_is_written_also_where_nothing_else_is() -> None:
    umask = os.umask(0o027)
    try:
        ps.run_local(workloads.double, numbers(1, 2), save=False, tmpsave=True)
    finally:
        os.umask(umask)
    assert os.listdir("calc") == ["tmpsave"]
    assert len(saved()) == 2
    for path in Path("calc/tmpsave").glob("*/*"):
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        assert path.name.endswith(".pk"), "nothing half written is left"


def test_a_file_that_cannot_be_written_costs_no_run() -> None:
    Path("calc").mkdir()
    Path("calc/tmpsave").touch()
    with pytest.warns(UserWarning, match="tmpsave: .* is not written") as caught:
        df = ps.run_local(workloads.double, numbers(1, 2), tmpsave=True)
    assert len(caught) == 1
    assert df["twice"].tolist() == [2, 4]


# -- verbose -----------------------------------------------------------------------------------


def test_verbose(capsys: pytest.CaptureFixture[str]) -> None:
    ps.run_local(workloads.fail_on_odd, numbers(1, 2), verbose=True, on_error="record")
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith("pset 0: a=1, failed in ")
    assert first.endswith(" s: ValueError: 1 is odd")
    assert second.startswith("pset 1: a=2, half=1, done in ")
    ps.run_local(workloads.double, numbers(3), verbose=["twice", "a", "nowhere"], poolsize=1)
    assert capsys.readouterr().out == "pset 2: twice=6, a=3, nowhere=<NA>\n"
    ps.run_local(workloads.double, numbers(4))
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("verbose", ["a", 1, None, [1], {"a": 1}])
def test_verbose_is_a_bool_or_columns(verbose: Any) -> None:
    with pytest.raises(OptionError, match=r"verbose is .*; it should be True, False, or a list"):
        ps.run_local(workloads.double, numbers(1), verbose=verbose)
    assert os.listdir() == []


class Odd:
    def __repr__(self) -> str:
        raise RuntimeError("no repr")


@given(st.text() | st.lists(st.text()) | st.none(), st.text())
def test_a_pset_is_one_short_line_whatever_is_in_it(value: Any, error: str) -> None:
    value = Odd() if value is None else value  # made here: of a failure hypothesis shows the repr
    row = pd.DataFrame(
        {"_pset_seq": [1], "_failed": [True], "_exc_txt": [f"  File x\n{error}"], "a": [value]}
    )
    line = line_of(row)
    assert len(line.splitlines()) == 1
    assert len(line) < 1000


# -- the table elsewhere -----------------------------------------------------------------------


def test_a_table_of_another_name_is_a_study_of_its_own() -> None:
    ps.run_local(workloads.double, numbers(1, 2))
    df = ps.run_local(workloads.double, numbers(3), database_basename="x.pk")
    assert (df["_run_seq"].tolist(), df["_pset_seq"].tolist()) == ([0], [0])
    ps.run_local(workloads.double, numbers(4), database_basename="x.pk", poolsize=1)
    assert pd.read_pickle("calc/database.pk")["a"].tolist() == [1, 2]
    assert pd.read_pickle("calc/x.pk")["a"].tolist() == [3, 4]
    assert sorted(os.listdir("calc")) == [".psweep", "database.pk", "x.pk"]
    default, x = Study("calc"), Study("calc", database_basename="x.pk")
    assert [len(study.runs) for study in (default, x)] == [1, 2]
    assert x.run_of(-1).run_seq == 1
    assert default.plan(workloads.double, numbers(3)).new == 1
    assert x.plan(workloads.double, numbers(3, 1)).new == 1


def test_rows_that_vanish_from_one_table_are_not_missed_in_the_other() -> None:
    ps.run_local(workloads.double, numbers(1, 2))
    ps.run_local(workloads.double, numbers(3), database_basename="x.pk")
    pd.read_pickle("calc/x.pk").iloc[:0].to_pickle("calc/x.pk")
    default, x = Study("calc"), Study("calc", database_basename="x.pk")
    assert default.database.vanished() == {}
    assert list(x.database.vanished().values()) == [1]
    assert x.rebuild()["a"].tolist() == [3]
    assert default.rebuild()["a"].tolist() == [1, 2]
    os.unlink("calc/database.pk")
    assert Study("calc").df["a"].tolist() == [1, 2]


def test_a_background_run_folds_into_its_own_table() -> None:
    x = Study("calc", database_basename="x.pk")
    run = x.submit(workloads.fail_until_fixed, [{"folder": os.getcwd(), "a": a} for a in (1, 2)])
    assert run.wait(30).ended
    assert len(pd.read_pickle("calc/x.pk")) == 2
    Path("fixed").touch()
    run.retry()
    assert run.wait(30).done == 2
    assert not pd.read_pickle("calc/x.pk")["_failed"].any()
    assert not Path("calc/database.pk").exists()


def test_a_table_in_another_directory() -> None:
    df = ps.run_local(workloads.double, numbers(1), database_dir="tables", database_basename="x.pk")
    assert df["_calc_dir"].tolist() == ["calc"]
    assert os.listdir() == ["tables"]
    df = ps.run_local(workloads.double, numbers(2), database_dir="tables", database_basename="x.pk")
    assert df["a"].tolist() == pd.read_pickle("tables/x.pk")["a"].tolist() == [1, 2]
    study = Study("calc", database_dir="tables", database_basename="x.pk")
    assert [run.run_seq for run in study.runs] == [0, 1]
    df = ps.run_local(
        workloads.double, numbers(9), database_dir="tables", database_basename="x.pk", save=False
    )
    assert df["a"].tolist() == [1, 2, 9]


@pytest.mark.parametrize("name", ["", ".", "..", ".x.pk", "a/b.pk", "/tmp/x.pk", 3, None, b"x.pk"])
def test_names_that_are_no_table(name: Any) -> None:
    with pytest.raises(OptionError, match=r"database_basename is .*; it should be"):
        ps.run_local(workloads.double, numbers(1), database_basename=name)
    assert os.listdir() == []


def test_a_table_where_something_else_is() -> None:
    Path("calc/x.pk").mkdir(parents=True)
    with pytest.raises(StudyError, match=r"x\.pk cannot be loaded"):
        ps.run_local(workloads.double, numbers(1), database_basename="x.pk")
    Path("file").touch()
    with pytest.raises(StudyError, match="is a file; a study is a directory"):
        ps.run_local(workloads.double, numbers(1), database_dir="file")
    assert os.listdir("calc") == ["x.pk"]


def test_saving_nothing_still_makes_the_backup_that_was_asked_for() -> None:
    ps.run_local(workloads.double, numbers(1))
    ps.run_local(workloads.double, numbers(2), save=False, backup=True)
    assert len(list(Path().glob("calc.bak_*"))) == 1
    assert len(Study("calc").runs) == 1
