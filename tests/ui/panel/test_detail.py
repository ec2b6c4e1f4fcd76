"""The detail of a row, and the code that runs just this pset."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import pytest

import psweep_nb as ps
from psweep_nb import Command, Study, debugging, new_templates
from psweep_nb.ui import detail, rerun
from tests.ui.fakes import FakeRun, FakeRunning


def of(run: FakeRun, index: int) -> dict[str, Any]:
    return detail.of(run, index)  # type: ignore[arg-type]


def test_of_a_failed_pset() -> None:
    run = FakeRun()
    run.failed(0, {"a": [1, 2]}, "ValueError: no", "Traceback\nValueError: no")
    record = run.view.records[0]
    record.text, record.attempt, record.reported = "printed\n", 2, {"loss": 0.5}
    found = of(run, 0)
    assert found["title"] == "pset 0, failed after 20 ms, attempt 2"
    assert found["params"] == [["a", "[1, 2]"]]
    assert found["results"] == []
    assert found["reports"] == [["loss", "0.5"]]
    assert found["traceback"].endswith("ValueError: no")
    assert found["log"] == "printed\n"
    assert found["facts"][1:] == ["on host-1", record.pset_id]
    assert not found["live"]


def test_of_a_done_one_that_changed_a_parameter() -> None:
    run = FakeRun()
    run.done(0, {"a": 1, "b": 2}, a=3, loss=0.5)
    found = of(run, 0)
    assert found["params"] == [["a", "3"], ["b", "2"]]
    assert found["results"] == [["loss", "0.5"]]


def test_of_one_that_runs_or_is_pending_or_is_none() -> None:
    run = FakeRun()
    run.view.at_work = [FakeRunning(1, {"a": 5}, report={"progress": 0.5})]
    found = of(run, 1)
    assert found["live"]
    assert found["log"] == "still at it"
    assert found["reports"] == [["progress", "0.5"]]
    run.view.psets[3] = {"a": 7}
    found = of(run, 3)
    assert found["title"] == "pset 3, pending"
    assert found["params"] == [["a", "7"]]
    for index in (-1, 4, 10**9):
        assert "has no pset" in of(run, index)["title"]


def shade(a: Any = None, b: Any = None, **more: Any) -> dict[str, Any]:
    return {"a": a, "b": b, **more}


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ({"style": "names", "names": None}, {"a": 1, "b": "two", "day": 1}),
        ({"style": "names", "names": ["a", "b", "day"]}, {"a": 1, "b": "two", "day": 1}),
        ({"style": "names", "names": ["b", "c"]}, {"a": None, "b": "two"}),
    ],
)
def test_the_code_calls_the_function_as_the_run_did(call: Any, expected: Any) -> None:
    run: Any = FakeRun(seq=3)
    pset = {"a": 1, "b": "two", "day": datetime.date(2031, 1, 2)}
    run.done(0, pset)
    run.spec.call, run.spec.module = call, __name__
    code = rerun.code(run, 0, "ValueError: <b>\nno")
    assert code.startswith("# pset 0 of run 3: ValueError: <b>\nfrom tests.ui.panel.test_detail")
    *before, last = code.splitlines()
    names: dict[str, Any] = {}
    exec("\n".join(before), names)
    assert names["pset"] == pset
    got = eval(last, names)
    got.pop("day", None)
    expected.pop("day", None)
    assert got == expected


def test_the_code_with_a_pset_and_a_setup() -> None:
    run: Any = FakeRun()
    run.done(0, {"a": 1})
    run.spec.call = {"style": "pset", "names": None}
    run.spec.setup, run.spec.setup_module = "connect", "tools.db"
    assert rerun.code(run, 0).splitlines() == [
        "# pset 0 of run 0",
        "# shade has to be defined here first",
        "from tools.db import connect",
        'pset = {"a": 1}',
        "shade(pset, setup=connect())",
    ]


def test_the_code_where_a_value_or_the_function_has_no_code() -> None:
    run: Any = FakeRun(seq=2)
    run.done(0, {"a": object()})
    run.done(1, {"a": "x" * 5000})
    run.spec.function = "<lambda>"
    for index in (0, 1):
        code = rerun.code(run, index)
        assert f'pset = Study("calc").run_of(2).params()[{index}]' in code
        assert "from psweep_nb import Study" in code
        assert "# func: <lambda> has no name of its own" in code
        assert code.endswith("func(**pset)")


def writes(a: int) -> int:
    (ps.workdir() / "out.txt").write_text("here")
    return a // (a - 1)


def test_a_function_with_a_directory_is_debugged_in_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    study = ps.Study(tmp_path)
    study.run(writes, [{"a": 3}])
    study.run(writes, [{"a": 2}, {"a": 1}], on_error="record")
    (failed,) = study.runs[-1].failures
    code = rerun.code(study.runs[-1], 1, failed.error)
    _, *lines = code.splitlines()
    assert lines == ["from psweep_nb import Study", f'Study("{tmp_path}").pset(2).debug()']
    looked: list[object] = []
    monkeypatch.setattr(debugging, "_debugger", looked.append)
    exec(code, {})
    assert looked
    assert "ZeroDivisionError" in capsys.readouterr().out
    assert (failed.directory / "out.txt").exists()


class Rude:
    def __repr__(self) -> str:
        raise RuntimeError("no")


def test_hostile_values_are_bounded() -> None:
    run = FakeRun()
    run.failed(0, {f"{'k' * 1000}{i}": Rude() for i in range(1000)}, "E" * 10**6, "t" * 10**6)
    run.view.records[0].text = "\ud800" + "l" * 10**6
    import json

    assert len(json.dumps(of(run, 0))) < 150_000


def test_what_is_no_function_is_run_again_as_what_it_is() -> None:
    study = Study("calc")
    run = study.submit(Command("echo $a > out; cat out"), [{"a": 7}])
    run.wait(60)
    names: dict[str, Any] = {}
    exec(rerun.code(run, 0), names)  # as it stands
    assert not Path("calc.simulate").exists() and len(study.df) == 1
    new_templates("local")
    run = study.prep_batch([{"a": 7}])
    exec(rerun.code(run, 0), names)
    assert Path("calc", run.folder.psets.id(0), "result.json").exists()
