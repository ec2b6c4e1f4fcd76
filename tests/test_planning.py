"""Plans: what they say is what a run then does, whatever has happened in the study before."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from psweep_nb import Study, StudyError
from tests import workloads
from tests.waiting import until


def old(a: int) -> int:
    if a % 3 == 0:
        raise ValueError(f"{a}: old")
    return a


def new(a: int) -> int:
    if a % 2 == 0:
        raise KeyError(a)
    return -a


def fixed(a: int) -> int:
    return 2 * a


FUNCTIONS = {"old": old, "new": new, "fixed": fixed}
FAILS: dict[str, Callable[[int], bool]] = {
    "old": lambda a: a % 3 == 0,
    "new": lambda a: a % 2 == 0,
    "fixed": lambda a: False,
}


def numbers(*values: int) -> list[dict[str, Any]]:
    return [{"a": a} for a in values]


# -- a plan says what a run does ---------------------------------------------------------------


@dataclass
class Row:
    """A row of the model: what a study must remember of one pset of one run."""

    key: tuple[int, int | None]
    run: int
    code: str
    failed: bool


class Model:
    """What a plan should say, by the words of the documentation."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.runs = 0

    def state(self, key: tuple[int, int | None], code: str, stale: bool) -> str:
        rows = [row for row in self.rows if row.key == key]
        done = [place for place, row in enumerate(rows) if not row.failed]
        if not done:
            return "failed" if rows else "new"
        if rows[done[-1]].code == code:
            return "done"
        failed = [place for place, row in enumerate(rows) if row.failed]
        since = failed and failed[-1] > done[-1] and rows[failed[-1]].code == code
        return "failed" if stale and since else "stale"

    def runs_it(self, state: str, skip: str | None, stale: bool) -> bool:
        return (
            skip is None
            or state == "new"
            or (state == "failed" and skip == "done")
            or (state == "stale" and stale)
        )

    def run(self, keys: list[tuple[int, int | None]], code: str) -> None:
        self.rows += [Row(key, self.runs, code, FAILS[code](key[0])) for key in keys]
        self.runs += 1

    def retry(self, run: int, code: str) -> bool:
        later = {row.key for row in self.rows if row.run > run and not row.failed}
        rows = [r for r in self.rows if r.run == run and r.failed and r.key not in later]
        for row in rows:
            row.code, row.failed = code, FAILS[code](row.key[0])
        return bool(rows)


codes = st.sampled_from(sorted(FUNCTIONS))
psets = st.lists(st.tuples(st.integers(0, 5), st.sampled_from([None, None, 0, 1])), max_size=6)
skips = st.sampled_from([(None, False), ("done", False), ("done+failed", False), ("done", True),
                         ("done+failed", True)])  # fmt: skip
runs = st.tuples(st.just("run"), codes, psets, skips)
others = st.tuples(st.sampled_from(["retry", "lose", "reopen"]), codes, st.integers(0, 9))


ANEW, STALE = (None, False), ("done+failed", True)
NIL, ONE, TWO = (0, None), (1, None), (2, None)


def as_pset(key: tuple[int, int | None]) -> dict[str, Any]:
    a, repeat = key
    return {"a": a} if repeat is None else {"a": a, "_repeat": repeat, "_seed": 7 * repeat}


@settings(max_examples=60, deadline=None)
@given(st.lists(runs | others, min_size=1, max_size=7))
@example([("run", "old", [TWO], ANEW), ("run", "new", [TWO], STALE), ("run", "new", [TWO], STALE)])
@example([("run", "old", [ONE], ANEW), ("run", "new", [ONE], ANEW), ("lose", "", 1),
          ("run", "new", [ONE], STALE), ("run", "old", [ONE], STALE)])  # fmt: skip
@example([("run", "old", [NIL], ANEW), ("run", "fixed", [NIL], ("done", False)),
          ("retry", "new", 0)])  # fmt: skip
@example([("run", "old", [NIL, ONE], ANEW), ("retry", "fixed", 0),
          ("run", "old", [NIL, ONE], STALE), ("run", "fixed", [NIL, ONE], STALE)])  # fmt: skip
def test_what_a_plan_says_is_what_a_run_does(history: list[Any]) -> None:
    shutil.rmtree("calc", ignore_errors=True)
    study, model = Study("calc"), Model()
    for step in history:
        if step[0] == "run":
            _, code, keys, (skip, stale) = step
            check_run(study, model, code, keys, skip, stale)
        elif step[0] == "retry" and model.runs:
            check_retry(study, model, step[2] % model.runs, step[1])
        elif step[0] == "lose" and Path("calc/database.pk").exists():
            table = pd.read_pickle("calc/database.pk")  # rows deleted by hand count all the same
            kept = [number % 3 != step[2] % 3 for number in range(len(table))]
            table[kept].to_pickle("calc/database.pk")
        else:
            study = Study("calc")


def check_run(
    study: Study, model: Model, code: str, keys: list[Any], skip: str | None, stale: bool
) -> None:
    params = [as_pset(key) for key in keys]
    plan = study.plan(FUNCTIONS[code], params, skip=skip, stale=stale)
    states = [model.state(key, code, stale) for key in keys]
    todo = [n for n, state in enumerate(states) if model.runs_it(state, skip, stale)]
    assert plan.table["state"].tolist() == states
    assert plan.todo == todo
    assert plan.new == states.count("new")
    assert plan.done == states.count("done") + states.count("stale")
    assert (plan.stale, plan.failed) == (states.count("stale"), states.count("failed"))
    assert str(plan)
    before = len(study.runs)
    if params:
        options: dict[str, Any] = {"skip": skip, "stale": stale, "notes": lambda said: None}
        study.submit(FUNCTIONS[code], params, in_kernel=True, **options).wait(60)
    assert len(study.runs) == before + bool(todo)
    if todo:
        folder = study.run_of(-1).folder
        assert list(folder.psets.psets(range(len(todo)), plan._judged.known.load)) == [
            params[n] for n in todo
        ]
        model.run([keys[n] for n in todo], code)


def check_retry(study: Study, model: Model, number: int, code: str) -> None:
    run = study.runs[number]
    if model.retry(number, code):
        run.retry(FUNCTIONS[code]).wait(60)
    else:
        with pytest.raises(StudyError, match="nothing to retry"):
            run.retry(FUNCTIONS[code])


# -- what it says ------------------------------------------------------------------------------

FACTOR = 2


def helped(a: float) -> float:
    return helper(a)


def helper(a: float) -> float:
    if a > 7:
        raise ValueError(f"{a} is\x1b[31m too much\nby far")
    return a * FACTOR


def test_the_text_of_a_plan(monkeypatch: pytest.MonkeyPatch) -> None:
    study = Study("calc")
    study.run(helped, [{"a": a} for a in (0.1, 0.2, 0.3, 8.0)], on_error="record")
    monkeypatch.setattr(f"{__name__}.FACTOR", 3)
    params = [{"a": a} for a in (0.2, 0.1 + 0.2, 8.0, 9.0)]
    plan = study.plan(helped, params, workers=2)
    table = pd.read_pickle("calc/database.pk")
    assert plan.text == (
        "2 new, 1 done (1 with other code: `--stale` runs them again, `--again` all), "
        "1 failed (`%psweep retry 0`)"
    )
    assert plan.remarks == ("changed since run 0: `tests.test_planning.FACTOR`",)
    assert plan.seconds == pytest.approx(table["_pset_runtime"][:3].mean())
    lines = str(plan).splitlines()
    assert lines[0] == f"4 psets, `helped`: {plan.text}"
    assert lines[1].startswith("2 would run: less than a second of computing: ")
    assert lines[1].endswith(" each in run 0, 2 workers")
    assert ": 3 psets took " in lines[1]
    assert lines[2] == r"failed: ValueError: 8.0 is\x1b[31m too much (1)"
    assert lines[4:6] == [
        "the same but for rounding (their hashes differ, so they are new):",
        "  pset 1 and one with a row: a=0.30000000000000004, there 0.3",
    ]
    assert lines[6:] == plan.diff.splitlines()
    assert plan.diff.splitlines()[-2:] == ["-2", "+3"]
    assert repr(plan) == str(plan)


def test_the_table_of_a_plan() -> None:
    study = Study("calc")
    study.run(helped, [{"a": 8.0}], on_error="record")
    study.run(helped, [{"a": 1.0}])
    table = study.plan(helped, [{"a": 1.0}, {"a": 2.0}, {"a": 8.0}], skip="done").table
    assert list(table.columns) == ["a", "state", "to_run", "run", "error"]
    assert table["a"].tolist() == [1.0, 2.0, 8.0]
    assert table["state"].tolist() == ["done", "new", "failed"]
    assert table["to_run"].tolist() == [False, True, True]
    assert table["run"].fillna(-1).tolist() == [1, -1, 0]
    assert table["error"].fillna("").tolist() == ["", "", "ValueError: 8.0 is\x1b[31m too much"]
    named = study.plan(lambda state, run: 1, [{"state": "solid", "run": 5}]).table
    assert named[["state", "_state", "run"]].values.tolist() == [["solid", "new", 5]]
    assert named["_run"].isna().all()
    assert len(study.plan(helped, []).table) == 0


def test_without_a_run_of_the_function_nothing_tells_how_long() -> None:
    study = Study("calc")
    study.run(old, numbers(1))
    plan = study.plan(fixed, numbers(1, 2))
    assert plan.seconds is None
    assert plan.basis == "no run of `fixed` tells yet how long"
    assert "1 would run: no run of" in str(plan)
    assert plan.text == (
        "1 new, 1 done by `old`, not `fixed`: `--again` runs `fixed`, or give it a study of its "
        "own with `-d`"
    )
    assert plan.remarks == (), "it is said"
    study.run(fixed, numbers(2))
    plan = study.plan(fixed, numbers(1, 2, 3))
    assert plan.text == (
        "1 new, 2 done (1 with other code: `--stale` runs them again, `--again` all)"
    )
    assert plan.remarks == ("run 0 did them with `old`, not `fixed`",)
    assert plan.basis.startswith("less than a second of computing: 1 pset took ")
    nothing = study.plan(old, numbers(1))
    assert nothing.seconds == 0.0
    assert "nothing would run" in str(nothing)
    assert nothing.diff == ""
    assert not Path("other").exists()
    assert Study("other").plan(old, numbers(1)).text == "1 new"
    assert not Path("other").exists(), "nothing is written"


def test_with_again_everything_runs() -> None:
    study = Study("calc")
    study.run(old, numbers(1, 3), on_error="record")
    plan = study.plan(old, numbers(1, 2, 3), skip=None)
    assert plan.text == "1 new, 1 done (run again), 1 failed (run again)"
    assert plan.todo == [0, 1, 2]


# -- which code did what -----------------------------------------------------------------------


def test_setup_is_code_too() -> None:
    def use(a: int, setup: int) -> int:
        return a * setup

    study = Study("calc")
    study.run(use, numbers(1), setup=lambda: 5)
    with pytest.raises(ValueError, match="setup"):
        study.plan(use, numbers(1))
    assert study.plan(use, numbers(1), setup=lambda: 5).stale == 0
    assert study.plan(use, numbers(1), setup=lambda: 6).stale == 1


def test_what_was_stored_is_the_same_code(tmp_path: Path) -> None:
    study, gate = Study("calc"), tmp_path / "gate"
    gate.mkdir()
    params = [{"folder": str(gate), "a": a} for a in (1, 2, 3)]
    run = study.submit(workloads.wait_for_go, params, in_kernel=True)
    until(lambda: list(gate.glob("began-*")))
    run.stop()
    (gate / "go").touch()
    assert run.wait(30).pending == 2
    run.resume().wait(30)
    assert study.plan(workloads.wait_for_go, params).text.startswith("0 new, 3 done (`--again`")
    params = [{"folder": str(tmp_path), "a": a} for a in (1, 2)]
    run = study.submit(workloads.fail_until_fixed, params, in_kernel=True)
    assert run.wait(30).failed == 1
    (tmp_path / "fixed").touch()
    assert run.retry(recorded=True).wait(30).failed == 0
    assert study.plan(workloads.fail_until_fixed, params).stale == 0


def test_rows_of_which_nothing_tells_the_code_are_done() -> None:
    study = Study("calc")
    study.run(old, numbers(1, 2, 4))
    table = pd.read_pickle("calc/database.pk")
    table["_run_id"] = [table["_run_id"].iloc[0], "mine", pd.NA]
    table.to_pickle("calc/database.pk")
    plan = Study("calc").plan(new, numbers(1, 2, 4))
    assert plan.table["state"].tolist() == ["stale", "done", "done"]
    (session,) = study.runs[0].folder.sessions()
    (session.path / "session.json").write_text("{}")
    with pytest.warns(UserWarning, match="is damaged"):
        assert Study("calc").plan(new, numbers(1)).stale == 0


def test_a_row_edited_in_a_run_of_several_codes() -> None:
    study = Study("calc")
    run = study.submit(old, numbers(1, 3), in_kernel=True)
    run.wait(30)
    run.retry(fixed).wait(30)
    assert study.plan(fixed, numbers(1, 3)).table["state"].tolist() == ["stale", "done"]
    study.compact()
    assert Study("calc").plan(fixed, numbers(1, 3)).table["state"].tolist() == ["stale", "done"]
    table = pd.read_pickle("calc/database.pk").astype({"_attempt": object})
    table["_attempt"] = ["first", 2]
    table.to_pickle("calc/database.pk")
    plan = Study("calc").plan(new, numbers(1, 3))
    assert plan.table["state"].tolist() == ["done", "stale"]


def test_deleted_rows_are_new() -> None:
    study = Study("calc")
    study.run(old, numbers(1, 2, 4))
    assert study.delete(a=2) == 1
    assert study.plan(new, numbers(1, 2, 4)).table["state"].tolist() == ["stale", "new", "stale"]
    table = pd.read_pickle("calc/database.pk")
    table.iloc[:0].to_pickle("calc/database.pk")
    plan = Study("calc").plan(new, numbers(1, 2, 4))
    assert plan.table["state"].tolist() == ["stale", "new", "stale"]
    assert plan.table["run"].fillna(-1).tolist() == [0, -1, 0]


# -- what is at work elsewhere -----------------------------------------------------------------


def test_retry_leaves_to_others_what_they_are_at_work_on(tmp_path: Path) -> None:
    study, gate = Study("calc"), tmp_path / "gate"
    gate.mkdir()
    params = [{"folder": str(gate), "a": a} for a in (1, 2)]
    first = study.submit(workloads.fail_until_fixed, params, in_kernel=True)
    assert first.wait(30).failed == 1
    second = study.submit(workloads.wait_for_go, params, skip="done", in_kernel=True)
    until(lambda: list(gate.glob("began-*")))
    plan = study.plan(workloads.wait_for_go, params, skip="done", stale=True)
    assert plan.table["state"].tolist() == ["running", "stale"]
    assert plan.table["run"].tolist() == [1, 0]
    assert plan.todo == [1]
    with pytest.raises(StudyError, match="another is at work on: nothing to retry"):
        first.retry(workloads.double)
    (gate / "go").touch()
    assert second.wait(30).done == 1
    with pytest.raises(StudyError, match="nothing to retry"):
        first.retry(workloads.double)
