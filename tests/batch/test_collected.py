"""What is in a pset's directory, whatever it is, neither stops collecting nor stands still."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from psweep_nb import Run, Study, StudyError, jobs
from psweep_nb.batch.ending import record
from psweep_nb.batch.results import Look, Marks, left_by_hand
from psweep_nb.batch.scheduler import Found


@pytest.fixture
def run(templates, study: Study) -> Run:
    templates()
    return study.prep_batch([{"a": 1, "name": "x"}])


@pytest.fixture
def folder(run: Run) -> Path:
    return run.folder.calc_path / run.folder.psets.id(0)


def look(folder: Path, code: int) -> Look:
    job = jobs.Job("1@x", "here", 1, 5.0, token="t", marks=True)
    return Look(0, folder, job, None, Marks(5.0, "x", code, 6.0))


@pytest.mark.parametrize("name", ["result.json", "result.pk"])
def test_a_pipe_is_not_waited_for(folder: Path, name: str) -> None:
    os.mkfifo(folder / name)
    with pytest.raises(StudyError, match=f"{name} is no file"):
        left_by_hand(0, folder, None, trusted=True)
    assert f"{name} is no file" in look(folder, 0).end(7.0, None).error


def test_links_that_lead_nowhere_are_passed_over(study: Study, folder: Path) -> None:
    (folder / "x.out").symlink_to("nowhere")
    assert look(folder, 3).end(7.0, None).error == "job 1@x on here: exit code 3"
    (folder / "result.json").write_text('{"r": 1}')
    assert study.sync().done == 1


def test_results_of_the_future_are_of_now(study: Study, folder: Path) -> None:
    (folder / "result.json").write_text('{"r": 1}')
    os.utime(folder / "result.json", (2e10, 2e10))
    assert study.sync().done == 1
    assert study.df["r"].tolist() == [1]


@pytest.mark.parametrize("digits", ["9" * 20, "9" * 500, "٣", "-1"])
def test_marks_that_no_clock_writes_are_none(folder: Path, digits: str) -> None:
    (folder / ".psweep_job").mkdir()
    (folder / ".psweep_job/t.started").write_text(f"{digits} n")
    (folder / ".psweep_job/t.exit").write_text(f"0 {digits}")
    assert Marks.read(folder, "t") == Marks(None, "n", 0, None)


@pytest.mark.parametrize("text", ["", '{"a": 1', "null", "[" * 100_000])
def test_half_of_a_result_is_said_and_waited_for(study: Study, folder: Path, text: str) -> None:
    (folder / "result.json").write_text(text)
    [note] = study.sync().notes
    assert note.startswith("results of 1 pset cannot be read, unless they are just being written: ")
    assert str(folder / "result.json") in note
    (folder / "result.json").write_text('{"r": NaN}')
    assert repr(study.sync()) == "1 done"
    assert study.df["r"].isna().all()


def test_a_job_whose_directory_is_gone_is_not_done(folder: Path) -> None:
    job = jobs.Job("1", "here", 1, 5.0)
    over = Look(0, folder, job, Found("over", "COMPLETED", 0), Marks())
    assert not over.end(7.0, None).error
    folder.rename(f"{folder}.old")
    assert over.end(7.0, None).error == f"job 1 on here: its directory is gone, {folder}"


def test_a_reader_tells_of_a_job_that_nobody_knows_any_more(folder: Path) -> None:
    job = jobs.Job("1", "here", 1, 5.0)
    unknown = Look(0, folder, job, None, Marks())

    def read(folder: Path) -> str:
        return (folder / "out").read_text()

    assert "gone: the scheduler knows it no more" in unknown.end(7.0, read).error
    (folder / "out").write_text("end")
    assert unknown.end(7.0, read).results == {"result": "end"}
    # Of one that leaves marks it is known that it did not get to its end.
    killed = Look(0, folder, replace(job, marks=True), None, Marks(5.0, "x"))
    assert "gone: " in killed.end(7.0, read).error


@pytest.mark.parametrize(
    ("marks", "start", "runtime"),
    [
        (Marks(9999999999.0, "x", 0, 5.0), 7.0, 0.0),
        (Marks(1.0, "x", 0, 9999999999.0), 1.0, 1e9),
        (Marks(100.0, "x"), 7.0, 0.0),
    ],
)
def test_clocks_that_are_wrong_there(
    study: Study, run: Run, folder: Path, marks: Marks, start: float, runtime: float
) -> None:
    found = Look(0, folder, jobs.Job("1@x", "here", 1, 5.0, marks=True), None, marks)
    end = found.end(7.0, None)
    assert (end.start, end.runtime) == (start, runtime)
    record(study.database, run.folder, [end])
    assert study.df["_pset_runtime"].tolist() == [runtime]


def test_names_of_ours_are_counted_as_failed(study: Study, folder: Path) -> None:
    (folder / "result.json").write_text('{"_pset_id": 1}')
    assert repr(study.sync()) == "1 failed"


@pytest.mark.parametrize(
    "line", ['{"psets": [1e999]', "[" * 100_000, '{"token": [1], "named": "1"}', "1"]
)
def test_lines_about_jobs_that_say_nothing_are_passed_over(run: Run, line: str) -> None:
    [session] = run.folder.sessions()
    whole = '"job": "1", "machine": "m", "attempt": 1, "time": 1'
    (session.path / "jobs").write_text(f"{line}, {whole}}}\n{line}\n")
    jobs.submitted(session, "2", "m", [0], 1, 2.0)
    assert [job.job for job in jobs.jobs_of(session).values()] == ["2"]
