"""Studies that psweep began and we go on with, and back: real files of psweep 0.5 and 0.16."""

import shutil
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from psweep_nb import Study
from tests import psweep_cases
from tests.conftest import Psweep

OLD = Path(__file__).parent / "data" / "psweep-0.5.1.pk"
PARAMS = [pset for run in psweep_cases.RUNS for pset in run]
NEW = [{"a": 7, "b": 0.5, "c": "x"}, {"a": 8, "b": 0.5, "c": None}]


def half(pset: dict[str, Any]) -> dict[str, Any]:
    return {"loss_": pset["a"] * 0.5}


@pytest.fixture(params=["0.5", "0.16"])
def calc(request: pytest.FixtureRequest) -> Path:
    """A study of psweep's, to be changed."""
    if request.param == "0.5":
        Path("calc").mkdir()
        shutil.copy(OLD, "calc/database.pk")
    else:
        shutil.copytree(request.getfixturevalue("psweep_study"), "calc")
    return Path("calc")


def test_what_psweep_did_is_done(calc: Path) -> None:
    study = Study("calc")
    before = (calc / "database.pk").read_bytes()
    plan = study.plan(half, [*PARAMS, *NEW])
    assert plan.table["state"].tolist() == ["done"] * 6 + ["new"] * 2
    assert plan.table["run"].fillna(-1).tolist() == [0, 0, 0, 1, 1, 1, -1, -1]
    assert plan.todo == [6, 7]
    assert (plan.stale, plan.latest) == (0, None)
    assert plan.text == "2 new, 6 done"
    assert study.table()["state"].tolist() == ["done"] * 6
    assert (calc / "database.pk").read_bytes() == before
    assert [path.name for path in calc.iterdir()] == ["database.pk"]


def test_we_go_on_with_it(calc: Path) -> None:
    old = pd.read_pickle(calc / "database.pk")
    Study("calc").run(half, [*PARAMS, *NEW], skip="done+failed")
    table = pd.read_pickle(calc / "database.pk")
    assert len(table) == 8
    for name in ("a", "_pset_id", "_run_id", "loss_", "text_"):
        assert table[name].tolist()[:6] == old[name].tolist()
    for name in old.columns.intersection(["_pset_hash", "_pset_sha1"]):
        assert table[name].fillna("")[:6].tolist() == old[name].fillna("").tolist()
    assert ("_pset_hash" in table) == ("_pset_hash" in old)
    assert table["_run_seq"].tolist() == [0, 0, 0, 1, 1, 1, 2, 2]
    assert table["_pset_seq"].tolist() == list(range(8))
    assert table["loss_"].tolist()[6:] == [3.5, 4.0]
    again = Study("calc")
    assert again.plan(half, [*PARAMS, *NEW]).done == 8
    assert again.table()["state"].tolist() == ["done"] * 8
    assert len(again.run(half, [*PARAMS, *NEW], skip="done")) == 8
    assert len(again.rebuild()) == 8


def test_psweep_reads_what_we_wrote(calc: Path, psweep: Psweep) -> None:
    Study("calc").run(half, NEW)
    assert psweep.do("read", calc) == "8 [7, 8] [3.5, 4.0] [1, 8]\n"


def test_psweep_reads_a_study_of_ours(psweep: Psweep) -> None:
    params = [{"a": 1, "b": 0.5}, {"a": 8, "b": 0.5}, {"a": 0, "b": 1}]
    Study("calc").run(lambda a, b: {"loss_": 1 / a}, params, on_error="record")
    assert psweep.do("read", Path("calc")) == "3 [1] [1.0] [1, 8]\n"


def test_psweep_goes_on_with_a_study_of_ours(psweep: Psweep) -> None:
    params = [{"a": 1, "b": 0.5}, {"a": 2, "b": 0.5}]
    Study("calc").run(half, params)
    psweep.do("go_on", Path("calc"))
    study = Study("calc")
    df = study.df
    assert df["a"].tolist() == [1, 2, 9], "its skip_dups knows our rows"
    assert df["_run_seq"].tolist() == [0, 0, 1]
    more = [*params, {"a": 9, "b": 0.5}, {"a": 10, "b": 0.5}]
    assert study.plan(half, more).table["state"].tolist() == ["done"] * 3 + ["new"]
    df = study.run(half, more, skip="done")
    assert df["_pset_seq"].tolist() == [0, 1, 2, 3]
    assert df["_pset_hash"].notna().tolist() == [True, True, True, False]
    assert psweep.do("read", Path("calc")).startswith("4 ")


def test_what_psweep_only_simulated_is_new(psweep: Psweep) -> None:
    psweep.do("simulate", Path("calc"))
    params = [{"a": 1}, {"a": 2}, {"a": 3}]
    for place in ("calc", "calc.simulate"):
        assert Study(place).plan(half, params).table["state"].tolist() == ["done", "done", "new"]
    assert Study("calc.simulate").table()["state"].tolist() == ["done", "done", "prepared"]


def test_roundings_of_psweeps_psets_are_pointed_out(calc: Path) -> None:
    (near,) = Study("calc").plan(half, [{"a": 1, "b": 0.5 + 2**-52, "c": "x"}]).near
    assert near.differs == {"b": (0.5000000000000002, 0.5)}
