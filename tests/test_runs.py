"""Runs as a person handles them: by number and label, asking what did what, for how long."""

import os
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from psweep_nb import OptionError, Study, StudyError
from psweep_nb.livecells import ENGINE_PID
from psweep_nb.locks import is_held
from tests.waiting import until


def slow(a: int) -> int:
    time.sleep(0.03)
    return a


def twice(a: int) -> int:
    return 2 * a


def wait_for_gate(a: int, gate: str) -> int:
    while not Path(gate).exists():
        time.sleep(0.005)
    return a


def psets(n: int) -> list[dict[str, int]]:
    return [{"a": a} for a in range(n)]


def test_remarks_tell_of_another_function_and_of_a_changed_one() -> None:
    study = Study("calc")
    study.run(twice, psets(2))
    assert study.plan(twice, psets(3)).remarks == ()
    assert "2 done by `twice`, not `slow`" in str(study.plan(slow, psets(3)))
    (other,) = study.plan(slow, psets(3), stale=True).remarks
    assert other == "run 0 did them with `twice`, not `slow`"
    space: dict[str, Any] = {"__name__": __name__}
    exec("def twice(a):\n    return a + a", space)
    (remark,) = study.plan(space["twice"], psets(3)).remarks
    assert remark == "changed since run 0: `tests.test_runs.twice`"


def test_a_remark_tells_of_a_lost_run(tmp_path: Path) -> None:
    study = Study("calc")
    run = study.submit(wait_for_gate, [{"a": a, "gate": str(tmp_path / "gate")} for a in (0, 1)])
    (running,) = until(lambda: run.view.running())
    assert running.index == 0
    (cells,) = [session.cells for session in run.folder.sessions()]
    os.kill(cells.view[ENGINE_PID], signal.SIGKILL)  # the engine's own id
    assert run.wait(30).state == "lost"
    (remark,) = study.plan(wait_for_gate, [{"a": 1, "gate": str(tmp_path / "gate")}]).remarks
    assert "run 0 was lost" in remark and "resume 0" in remark


def test_a_column_of_the_users_named_state_is_kept() -> None:
    study = Study("calc")
    study.run(lambda a, state: a, [{"a": 1, "state": "solid"}])
    assert study.table()["state"].tolist() == ["solid"]
    assert study.table()["_state"].tolist() == ["done"]


@pytest.mark.parametrize("label", ["3", "-1"])
def test_a_label_that_looks_like_a_number_is_refused(label: str) -> None:
    with pytest.raises(OptionError, match="number"):
        Study("calc").submit(twice, psets(1), label=label)
    assert not Path("calc").exists()


def test_time_taken_counts_all_sessions() -> None:
    study = Study("calc")
    run = study.submit(slow, psets(10))
    first = run.wait(30).elapsed
    assert first >= 0.3
    study.run(twice, psets(1))
    assert run.status().elapsed == pytest.approx(first)


def test_what_a_worker_raised_is_raised_with_its_traceback() -> None:
    with pytest.raises(ZeroDivisionError) as caught:
        Study("calc").run(lambda a: 1 // a, psets(2), workers=1)
    assert "in <lambda>" in str(caught.value.__cause__)
    assert "{'a': 0}" in str(caught.value.__cause__)


def test_a_run_by_the_number_that_its_rows_have(study: Study) -> None:
    df = study.run(lambda a: a, [{"a": 1}])
    assert study.run_of(df["_run_seq"].iloc[0]) is study.run_of(0)


@pytest.mark.parametrize("gone", [shutil.rmtree, lambda path: os.rename(path, "elsewhere")])
def test_what_was_done_in_a_directory_that_is_gone_is_not_done(gone: Any) -> None:
    """While the run is at work: none of its rows is in a table that could be seen to go."""
    study = Study("calc")
    run = study.submit(wait_for_gate, [{"a": a, "gate": f"go{a}"} for a in range(3)])
    Path("go0").touch()
    until(lambda: run.status().done == 1 and len(study.df) == 1)
    gone("calc")
    for a in (1, 2):
        Path(f"go{a}").touch()
    assert run.wait(30).state == "gone"
    assert str(run.folder.path) in run.status().message
    assert len(study.df) == 0
    params = [{"a": a, "gate": f"go{a}"} for a in range(3)]
    assert study.run(wait_for_gate, params, skip="done")["result"].tolist() == [0, 1, 2]
    for going_on in (run.resume, run.retry):
        with pytest.raises(StudyError, match=r"run 0 is gone: .* was deleted, moved or renamed"):
            going_on()


def test_a_run_whose_directory_is_deleted_ends() -> None:
    """Nobody could read what it computes, nor tell it to stop."""
    study = Study("calc")
    run = study.submit(wait_for_gate, [{"a": a, "gate": "never"} for a in range(3)], workers=2)
    until(lambda: run.status().running == 2)
    lock = os.open(run.folder.lock, os.O_RDONLY)
    assert is_held(f"/dev/fd/{lock}")
    shutil.rmtree("calc")
    until(lambda: not is_held(f"/dev/fd/{lock}"))
    os.close(lock)
    assert not Path("calc").exists()
