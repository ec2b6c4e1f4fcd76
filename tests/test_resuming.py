"""Going on with a run that was stopped: by a person who thought better of it, and beside others."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from psweep_nb import Study, StudyError
from psweep_nb.locks import is_held
from tests import workloads
from tests.waiting import until


def slow(a: int) -> int:
    time.sleep(0.03)
    return a


def psets(n: int) -> list[dict[str, int]]:
    return [{"a": a} for a in range(n)]


@pytest.mark.parametrize("hesitation", [0.0, 0.1, 0.3, 0.6])
def test_resume_after_stop_goes_on(hesitation: float) -> None:
    """Whether the engine has read the stop, is folding, or has ended: nothing is left undone."""
    study = Study("calc")
    run = study.submit(slow, psets(60))
    until(lambda: run.status().done)
    run.stop()
    time.sleep(hesitation)  # not a wait for anything: a person's, and any length must do
    run.resume()
    until(lambda: run.status().done == 60)
    assert run.wait(30).state == "finished"
    assert len(study.df) == 60


def test_resume_of_a_run_that_was_stopped_at_once() -> None:
    study = Study("calc")
    run = study.submit(slow, psets(40), workers=2)
    until(lambda: run.status().done)
    run.stop(now=True)
    run.resume()
    assert until(lambda: run.wait(30).done == 40)
    assert study.df["_pset_seq"].tolist() == list(range(40))


def test_what_is_to_be_resumed_is_judged_under_the_studys_lock(study: Study) -> None:
    """A resume that waits for the lock has not decided: what is done meanwhile it passes over."""
    params = [{"a": a} for a in range(3)]
    with pytest.raises(ZeroDivisionError):
        study.run(workloads.first_fails, params, on_error="raise")
    other = Study("calc").run_of(0)
    with ThreadPoolExecutor(1) as pool:
        with study.database.locked():
            resumed = pool.submit(other.resume)
            until(lambda: is_held(other.folder.lock))
            assert study.active_runs() == []
            study.run(workloads.double, params, skip="done+failed")
        with pytest.raises(StudyError, match="or another run has it"):
            resumed.result(20)
    assert study.df["a"].tolist() == [0, 1, 2]
