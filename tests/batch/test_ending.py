"""How jobs' ends become rows: by attempt, never doubled."""

import os
from pathlib import Path

import pandas as pd
import pytest

from psweep_nb import Run, Study, jobs
from psweep_nb.batch.ending import End, record


@pytest.fixture
def run(templates, study: Study) -> Run:
    templates()
    return study.prep_batch([{"a": a, "name": "x"} for a in range(3)])


def end(pset: int, attempt: int = 1, error: str = "", **results: object) -> End:
    return End(pset, attempt, 1e9 + pset, 2.5, "node7", results, error)


@pytest.mark.parametrize("name", ["_x", "half \ud800"])
def test_names_that_no_table_can_have_fail_their_pset(study: Study, run: Run, name: str) -> None:
    assert record(study.database, run.folder, [End(0, 1, 1e9, 2.5, "", {name: 1}), end(1)]) == 1
    assert study.df["_failed"].tolist() == [True, False, pd.NA]
    [failure] = run.failures
    assert failure.error.startswith(f"ValueError: the function returned a result named {name!r}")


def test_rows_take_what_jobs_brought(study: Study, run: Run) -> None:
    before = study.df
    record(study.database, run.folder, [end(0, energy=1.5), end(2, error="exit code 1: no\nmore")])
    df = study.df
    assert df["_pset_id"].tolist() == before["_pset_id"].tolist()
    assert df["_failed"].tolist() == [False, pd.NA, True]
    assert df["_attempt"].tolist() == [1, 0, 1]
    assert df["_exec_host"].tolist() == ["node7", pd.NA, "node7"]
    assert df["_pset_runtime"].tolist() == [2.5, pd.NA, 2.5]
    assert df["energy"].tolist() == [1.5, pd.NA, pd.NA]
    assert df["_exc_txt"].tolist() == [pd.NA, pd.NA, "exit code 1: no\nmore"]
    assert study.table()["state"].tolist() == ["done", "prepared", "failed"]
    status = run.status()
    assert (status.done, status.failed, status.pending) == (1, 1, 1)
    [failure] = run.failures
    assert (failure.error, failure.host) == ("exit code 1: no", "node7")
    assert run.view.record(0).results == {"energy": 1.5}  # type: ignore[union-attr]


def test_recording_again_changes_nothing(study: Study, run: Run) -> None:
    ends = [end(0, energy=1.5), end(1, energy=2.5)]
    record(study.database, run.folder, ends)
    before = study.df
    record(study.database, run.folder, ends)
    record(study.database, run.folder, [end(0, energy=9.0)])
    pd.testing.assert_frame_equal(study.df, before)
    assert len(Study("calc").rebuild()) == 3


def test_a_later_attempt_replaces(study: Study, run: Run) -> None:
    record(study.database, run.folder, [end(n, error="killed", half=1) for n in range(3)])
    assert run.status().state == "finished"
    record(study.database, run.folder, [end(n, 2, whole=2) for n in range(3)])
    df = Study("calc").df
    assert df["_attempt"].tolist() == [2, 2, 2]
    assert df["whole"].tolist() == [2, 2, 2]
    assert df["_exc_txt"].isna().all() and "half" not in df.dropna(axis=1, how="all")


def test_results_that_no_row_can_hold_fail_their_pset(study: Study, run: Run) -> None:
    record(study.database, run.folder, [End(0, 1, 0, 0, "", {"_failed": False}), end(1, good=1)])
    assert study.df["_failed"].tolist() == [True, False, pd.NA]
    assert "underscore" in run.failures[0].error


def test_a_torn_journal_is_not_gone_on_with(study: Study, run: Run) -> None:
    record(study.database, run.folder, [end(0, energy=1.5)])
    [journal] = run.folder.sessions()[0].journals()
    with open(journal, "r+b") as file:
        file.truncate(os.path.getsize(journal) - 3)
    Path("calc/database.pk").unlink()
    record(study.database, run.folder, [end(1, energy=2.5)])
    assert Study("calc").df["energy"].tolist() == [pd.NA, 2.5, pd.NA]
    assert run.view.damage == []
    record(study.database, run.folder, [end(0, energy=1.5)])
    assert Study("calc").df["energy"].tolist() == [1.5, 2.5, pd.NA]


def test_jobs_tell_the_state(study: Study, run: Run) -> None:
    session = run.folder.sessions()[0]
    jobs.submitted(session, "77_0", "here", [0, 2], 1, 100.0)
    assert run.status().state == "submitted"
    jobs.became(session, [2], jobs.RUNNING, 101.0)
    [running] = run.view.running()
    assert (running.index, running.pset) == (2, {"a": 2, "name": "x"})
    assert run.status().running == 1
    jobs.became(session, [0, 2], jobs.OVER, 102.0)
    assert run.status().message == "2 jobs over; sync() collects"
    record(study.database, run.folder, [end(0), end(2, error="no")])
    assert run.status().state == "prepared"  # one was never submitted
    jobs.submitted(session, "78", "here", [1, 2], 2, 103.0)
    assert sorted(run.view.open_jobs()) == [1, 2]


def test_lines_of_others_in_the_list_of_jobs_are_passed_over(run: Run) -> None:
    session = run.folder.sessions()[0]
    jobs.submitted(session, "1", "here", [1], 1, 100.0)
    with open(session.path / "jobs", "ab") as file:
        file.write(
            b'{"psets": [0]}\n[1]\n{"job": "2", "psets": "x", "attempt": 1, "time": 1}\n{"jo'
        )
    jobs.became(session, [1], jobs.PENDING, 101.0)
    assert {n: job.state for n, job in jobs.jobs_of(session).items()} == {1: jobs.PENDING}


def test_jobs_get_their_ids_later_or_are_taken_back(run: Run) -> None:
    session = run.folder.sessions()[0]
    jobs.submitted(session, "7", "here", [0], 1, 100.0, token="old")
    jobs.submitted(session, "", "there", [0, 1, 2], 2, 101.0, token="new", per_task=2)
    assert [job.job for job in jobs.jobs_of(session).values()] == ["", "", ""]
    jobs.named(session, "new", "8")
    assert [jobs.jobs_of(session)[n].job for n in range(3)] == ["8_0", "8_0", "8_1"]
    jobs.named(session, "old", "9")  # of which nothing is left
    assert jobs.jobs_of(session)[0].job == "8_0"
    jobs.dropped(session, "new")
    [(number, job)] = jobs.jobs_of(session).items()
    assert (number, job.job, job.machine, job.attempt) == (0, "7", "here", 1)


def test_deleted_rows_are_neither_submitted_nor_collected(study: Study, run: Run) -> None:
    record(study.database, run.folder, [end(0, energy=1.5), end(2, error="no")])
    study.delete(a=1)
    status = run.status()
    assert (status.state, status.pending) == ("finished", 0)
    study.delete(a=2)
    said: list[str] = []
    study.submit_batch(retry=True, notes=said.append)
    assert said == ["nothing to submit; 1 done, 2 deleted"]
    folder = study.calc_path / run.folder.psets.id(1)
    (folder / "result.json").write_text('{"energy": 3}')
    study.sync()
    assert study.df["a"].tolist() == [0]
    assert study.rebuild(deleted=True)["a"].tolist() == [0, 1, 2]
    study.sync()
    assert study.df["energy"].tolist() == [1.5, 3.0, pd.NA]
