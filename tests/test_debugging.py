"""One pset, whatever its state: what is known of it, and executed again under a debugger."""

import os
import pdb
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

from psweep_nb import (
    FunctionError,
    OptionError,
    Study,
    StudyError,
    TrustError,
    debugging,
    report,
    workdir,
)
from psweep_nb.records import PsetRecord
from tests import workloads
from tests.waiting import until

_NONE = "00000000-0000-4000-8000-000000000000"


class Debugger:
    """Stands for a debugger: where it was opened, and what is seen there."""

    def __init__(self) -> None:
        self.opened: list[dict[str, Any]] = []
        self.places: list[Path] = []

    def __call__(self, frames: TracebackType) -> None:
        while frames.tb_next is not None:
            frames = frames.tb_next
        self.opened.append(dict(frames.tb_frame.f_locals))
        self.places.append(workdir())


@pytest.fixture
def debugger() -> Iterator[Debugger]:
    before = debugging._debugger
    stand_in = Debugger()
    debugging.use(stand_in)
    yield stand_in
    debugging.use(before)


def simulate(a: int, b: int = 0) -> dict[str, float]:
    print(f"a is {a}")
    (workdir() / "out.txt").write_text(f"{a}")
    report(seen=a)
    x = 10 * a
    return {"ratio": x / b}


PARAMS = [{"a": 1, "b": 2}, {"a": 2, "b": 0}, {"a": 3, "b": 0}]


# -- what is known ---------------------------------------------------------------------------


def test_a_pset_is_found_by_number_from_the_end_and_by_id(study: Study) -> None:
    study.run(simulate, PARAMS, on_error="record", capture_logs="file")
    study.run(simulate, [{"a": 5, "b": 5}])
    assert [study.pset(n).pset["a"] for n in (0, 1, 2, 3)] == [1, 2, 3, 5]
    assert [study.pset(n).pset["a"] for n in (-1, -2, -3, -4)] == [5, 3, 2, 1]
    assert study.pset().pset_seq == 3
    assert study.pset(study.df["_pset_seq"].to_numpy()[2]).pset["a"] == 3
    for seq in range(4):
        pset_id = study.df["_pset_id"].iloc[seq]
        assert study.pset(pset_id).pset_seq == study.pset(pset_id[:8]).pset_seq == seq


def test_what_is_known_of_it(study: Study) -> None:
    study.run(simulate, PARAMS, on_error="record", workers=1)
    done, failed = study.pset(0), study.pset(1)
    assert (done.state, done.results, done.error) == ("done", {"ratio": 5.0, "seen": 1}, "")
    assert (failed.state, failed.results) == ("failed", {})
    assert failed.error == "ZeroDivisionError: division by zero"
    assert failed.reported == {"seen": 2}
    assert "x / b" in failed.traceback
    assert failed.directory == Path("calc").absolute() / failed.pset_id
    assert (failed.directory / "out.txt").read_text() == "2"


@pytest.mark.parametrize("key", [3, -4, _NONE, "not", ""])
def test_an_unknown_pset_is_said(study: Study, key: Any) -> None:
    with pytest.raises(StudyError, match="no run of calc/ has"):
        study.pset(key)
    study.run(workloads.double, [{"a": 1}, {"a": 2}, {"a": 3}])
    with pytest.raises(StudyError, match="no run of calc/ has"):
        study.pset(key)


def test_what_is_no_key_is_said(study: Study) -> None:
    for key in (None, 1.5, {"a": 1}):
        with pytest.raises(OptionError, match="_pset_seq"):
            study.pset(key)  # type: ignore[arg-type]


def test_psets_that_run_and_wait_are_known_too(study: Study, tmp_path: Path) -> None:
    params = [{"folder": str(tmp_path), "a": a} for a in (1, 2)]
    run = study.submit(workloads.wait_for_go, params)
    until((tmp_path / "began-1").exists)
    running, waiting = study.pset(0), study.pset(1)
    assert (running.state, waiting.state) == ("running", "pending")
    assert running.runtime > 0
    for pset in (running, waiting):
        assert (pset.results, pset.error, pset.traceback, pset.exception) == ({}, "", "", None)
        assert pset.log() == ""
        assert pset.reported == {}
        assert pset.host
        assert repr(pset)
    with pytest.raises(StudyError, match="being computed at this moment"):
        running.debug()
    (tmp_path / "go").touch()
    assert waiting.debug() == {"twice": 4}  # it would not be overtaken by itself
    run.wait(30)
    assert study.pset(0).state == "done"


# -- debug -----------------------------------------------------------------------------------


def test_the_debugger_opens_where_it_failed(
    study: Study, debugger: Debugger, capsys: pytest.CaptureFixture[str]
) -> None:
    study.run(simulate, PARAMS, on_error="record", workers=2, capture_logs="db")
    failure = study.run_of(-1).failures[0]
    (failure.directory / "out.txt").unlink()
    capsys.readouterr()
    before = study.df
    assert failure.debug() is None
    [seen] = debugger.opened
    assert (seen["a"], seen["b"], seen["x"]) == (2, 0, 20)
    assert debugger.places == [failure.directory]
    assert (failure.directory / "out.txt").read_text() == "2"
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "pset 1 of run 0 (failed): a=2, b=0",
        f"directory: {failure.directory}",
        "log: a is 2",
        "a is 2",
        "ZeroDivisionError: division by zero",
    ]
    assert study.df.equals(before)
    assert study.run_of(-1).status().failed == 2
    with pytest.raises(StudyError, match="no run is executing"):
        workdir()


def test_a_function_that_was_repaired_gives_its_results(study: Study, debugger: Debugger) -> None:
    study.run(simulate, PARAMS, on_error="record")
    failure = study.pset(1)
    assert failure.debug(lambda a, b: {"ratio": a}) == {"ratio": 2}
    assert failure.debug(lambda pset: pset["a"] * 1.5) == {"result": 3.0}
    assert failure.debug(lambda pset: pset["_pset_id"]) == {"result": failure.pset_id}
    assert debugger.opened == []


def test_the_present_function_else_the_stored_one(
    study: Study, debugger: Debugger, monkeypatch: pytest.MonkeyPatch
) -> None:
    def define(source: str) -> Any:
        space: dict[str, Any] = {"__name__": "__main__"}
        exec(source, space)
        monkeypatch.setattr(sys.modules["__main__"], "f", space["f"], raising=False)
        return space["f"]

    study.run(define("def f(a): return 1 / a"), [{"a": 0}], on_error="record")
    define("def f(a): return a + 7")
    assert study.pset().debug() == {"result": 7}
    assert study.pset().debug(recorded=True) is None
    assert len(debugger.opened) == 1
    monkeypatch.delattr(sys.modules["__main__"], "f")
    assert study.pset().debug() is None
    assert len(debugger.opened) == 2


def test_files_of_a_pset_that_is_done_are_not_touched(
    study: Study, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", os.getcwd())
    study.run(simulate, [{"a": 1, "b": 2}])
    done = study.pset()
    (done.directory / "out.txt").write_text("precious")
    assert done.debug() == {"ratio": 5.0, "seen": 1}
    assert (done.directory / "out.txt").read_text() == "precious"
    [line] = [x for x in capsys.readouterr().out.splitlines() if x.startswith("directory: ")]
    other = Path(line.removeprefix("directory: "))
    assert (other / "out.txt").read_text() == "1"


def test_values_changed_in_place_stay_in_it(study: Study) -> None:
    def append(pset: dict[str, Any]) -> dict[str, Any]:
        pset["values"].append(1)
        return {"n": len(pset["values"])}

    with pytest.warns(UserWarning, match="replaced"):
        study.run(append, [{"values": [1]}])
    pset = study.pset()
    assert pset.debug(append) == pset.debug(append) == {"n": 2, "values": [1, 1]}
    assert pset.pset == {"values": [1]}


def test_setup_is_called(study: Study) -> None:
    def use(a: int, setup: dict[int, str]) -> dict[str, str]:
        return {"name": setup[a]}

    study.run(use, [{"a": 1}], setup=lambda: {1: "one"})
    assert study.pset().debug() == {"name": "one"}


def test_what_cannot_be_a_result_is_said_without_a_debugger(
    study: Study, debugger: Debugger, capsys: pytest.CaptureFixture[str]
) -> None:
    study.run(workloads.nothing, [{"a": 1}], on_error="record")
    assert study.pset().debug() is None
    assert "the function returned None" in capsys.readouterr().out
    assert debugger.opened == []


def test_interrupts_and_breakpoints_that_are_left(study: Study, debugger: Debugger) -> None:
    study.run(workloads.double, [{"a": 1}])

    def interrupted(a: int) -> None:
        raise KeyboardInterrupt

    def leaves(a: int) -> None:
        import bdb

        raise bdb.BdbQuit

    def exits(a: int) -> None:
        sys.exit(3)

    with pytest.raises(KeyboardInterrupt):
        study.pset().debug(interrupted)
    assert study.pset().debug(leaves) is None
    assert debugger.opened == []
    assert study.pset().debug(exits) is None
    assert len(debugger.opened) == 1


def test_of_an_untrusted_study_nothing_stored_is_executed(study: Study) -> None:
    import shutil

    study.run(lambda a: 1 / a, [{"a": 0}], on_error="record")
    copy = Study(shutil.copytree("calc", "copied"))
    with pytest.raises(TrustError, match="trust=True"):
        copy.pset().debug()
    assert copy.pset().debug(lambda a: a) == {"result": 0}


def test_a_function_that_does_not_fit_is_said(study: Study) -> None:
    study.run(workloads.double, [{"a": 1}])
    with pytest.raises(FunctionError, match="requires `b`"):
        study.pset().debug(lambda a, b: a)


def test_without_a_notebook_it_is_pdb(
    study: Study, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert debugging._debugger is pdb.post_mortem
    study.run(simulate, PARAMS, on_error="record")
    read, write = os.pipe()
    os.write(write, b"p x * 2\nq\n")
    os.close(write)
    with open(read) as commands:
        monkeypatch.setattr(sys, "stdin", commands)
        assert study.pset(1).debug() is None
    out = capsys.readouterr().out
    assert "-> return {" in out
    assert "(Pdb) 40" in out


def test_a_record_is_what_it_says_it_is(study: Study) -> None:
    study.run(workloads.double, [{"a": 1}])
    assert isinstance(study.pset(), PsetRecord)
