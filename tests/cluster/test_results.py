"""What jobs leave, and what becomes of it."""

import json
import os
import platform
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from psweep_nb import RemoteError, Run, Study, TrustError
from psweep_nb.batch import collecting
from tests.cluster.daemons import program
from tests.cluster.following import collected, noted, quiet, running
from tests.cluster.slurm import Slurm
from tests.waiting import until


def with_result(prepare: Callable[..., Run], study: Study, line: str, n: int = 1) -> Run:
    run = prepare("well " * n, subcmd="sh", jobscript=f"#!/bin/sh\n{line}\n")
    study.submit_batch(notes=quiet)
    collected(study, n)
    return run


def test_jobs_may_leave_nothing_but_files(prepare: Callable[..., Run], study: Study) -> None:
    with_result(prepare, study, "echo 1 >energy.txt")
    assert study.df["_failed"].tolist() == [False]


@pytest.mark.parametrize(
    ("line", "error"),
    [
        (
            "echo '{' >result.json",
            "its results cannot be read: ValueError: .*result.json is not JSON",
        ),
        ("echo '{\"_x\": 1}' >result.json", "'_x'"),
        ("echo null >result.json", "result.json holds no results; it should be a dict"),
        ("echo x >result.pk", "JournalError: cannot be read back"),
    ],
)
def test_results_that_are_none_fail_their_pset(
    prepare: Callable[..., Run], study: Study, line: str, error: str
) -> None:
    run = with_result(prepare, study, line)
    [failure] = run.failures
    assert re.search(error, failure.traceback)


def test_a_value_that_is_no_dict_is_the_result(prepare: Callable[..., Run], study: Study) -> None:
    with_result(prepare, study, "echo '[1, 2]' >result.json")
    assert study.df["result"].tolist() == [[1, 2]]


def test_read_gives_results_of_any_files(prepare: Callable[..., Run], study: Study) -> None:
    run = prepare("well fail well", subcmd="sh")
    study.submit_batch(notes=quiet)

    def read(folder: Path) -> dict[str, Any]:
        number = json.loads((folder / "result.json").read_text())["square"]
        return {"root": {0: 0, 4: 2}[number], "lines": (folder / "job.log").read_text()}

    until(lambda: study.sync(read=read) is not None and run.status().ended, every=0.1)
    assert study.df["root"].fillna(-1).tolist() == [0, -1, 2]
    assert "square" not in study.df


def test_a_reader_that_raises_fails_its_pset(prepare: Callable[..., Run], study: Study) -> None:
    run = prepare("well", subcmd="sh")
    study.submit_batch(notes=quiet)

    def read(folder: Path) -> float:
        return 1 / 0

    until(lambda: study.sync(read=read) is not None and run.status().ended, every=0.1)
    [failure] = run.failures
    assert failure.error == "its results cannot be read: ZeroDivisionError: division by zero"
    assert "return 1 / 0" in failure.traceback
    assert "psweep_nb" not in failure.traceback


def test_pickled_results_go_through_trust(prepare: Callable[..., Run], study: Study) -> None:
    code = "import pickle; pickle.dump({'p': len}, open('result.pk', 'wb'))"
    prepare("well", subcmd="sh", jobscript=f'#!/bin/sh\n{sys.executable} -c "{code}"\n')
    subprocess.run(["sh", "calc/run_m.sh"], check=True)
    stranger = Study("calc")
    stranger.trusted = False
    [note] = stranger.sync().notes
    assert "`builtins.len` is not on the list of harmless types" in note
    assert stranger.df["_failed"].isna().all()
    assert study.sync().done == 1
    assert study.df["p"].tolist() == [len]


def test_jobs_of_somebody_else_are_not_touched(prepare: Callable[..., Run], study: Study) -> None:
    run = prepare("wait", subcmd="sh")
    stranger = Study("calc")
    stranger.trusted = False
    with pytest.raises(TrustError, match=r"would run what somebody else .* trust=True"):
        stranger.submit_batch()
    study.submit_batch(notes=quiet)
    with pytest.raises(TrustError, match="would run what somebody else"):
        stranger.cancel_batch()
    [note] = stranger.sync().notes
    assert note.startswith("jobs are not followed")
    running(study, 1)
    study.cancel_batch()
    assert run.status().state == "submitted"


def test_jobs_that_a_person_submits_are_collected(
    prepare: Callable[..., Run], study: Study
) -> None:
    run = prepare("well fail", subcmd="sh")
    subprocess.run(["sh", "calc/run_m.sh"], check=False, capture_output=True)
    assert study.sync().done == 1
    assert study.df["square"].fillna(-1).tolist() == [0, -1]
    assert run.status().state == "prepared"  # of the other one nothing is known
    assert repr(study.sync()) == "nothing new"


def test_jobs_that_a_person_submits_are_read(prepare: Callable[..., Run], study: Study) -> None:
    run = prepare("well fail", subcmd="sh")
    study.sync(read=lambda folder: (folder / "result.json").read_text())
    assert run.status().done == 0
    subprocess.run(["sh", "calc/run_m.sh"], check=False, capture_output=True)
    study.sync(read=lambda folder: len((folder / "result.json").read_text()))
    assert study.df["result"].fillna(-1).tolist() == [len('{"square": 0}\n'), -1]


def test_a_job_that_vanishes_is_a_failed_row(prepare: Callable[..., Run], study: Study) -> None:
    run = prepare("wait well", subcmd="sh")
    study.submit_batch(notes=quiet)
    running(study, 1)
    pid = run.view.open_jobs()[0].job.partition("@")[0]
    os.killpg(int(pid), signal.SIGKILL)
    assert collected(study, 2).failed == 2
    assert all("gone: " in failure.error for failure in run.failures)
    assert "a is 0" in run.failures[0].traceback


def test_sacct_tells_what_the_controller_has_forgotten(
    prepare: Callable[..., Run],
    study: Study,
    on_slurm: Slurm,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = prepare("well fail wait")
    study.submit_batch(notes=quiet)
    ids = [job.job for job in noted(run).values()]
    until(lambda: on_slurm.queue() == ids[2:], timeout=60, every=0.1)
    on_slurm.do("scancel", ids[2])
    list_all = ["sacct", "--completion", "--noheader", f"--jobs={','.join(ids)}"]
    until(lambda: len(on_slurm.do(*list_all).splitlines()) == 3, timeout=60, every=0.1)
    programs, conf, sacct = tmp_path / "bin", tmp_path / "conf", program("sacct", "slurm-wlm")
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    put(programs / "squeue", ":")
    # A database that is down: nobody's job is gone for that.
    with_database = on_slurm.conf.read_text().replace("storage/none", "storage/slurmdbd")
    with_database = with_database.replace("jobcomp/filetxt", "jobcomp/none")
    conf.write_text(f"{with_database}AccountingStorageHost=127.0.0.1\nAccountingStoragePort=1\n")
    put(programs / "sacct", f'SLURM_CONF={conf} exec {sacct} "$@"')
    with pytest.raises(RemoteError, match=r"(?s)sacct failed on this machine: .*the database"):
        study.sync(every=0)
    assert study.df["_failed"].isna().all()

    (programs / "sacct").unlink()
    found = collected(study, 3)
    assert (found.done, found.failed) == (1, 2)
    failed, cancelled = (failure.error for failure in run.failures)
    assert failed.endswith("exit code 3 (FAILED)")
    assert "CANCELLED" in cancelled
    assert study.df["_exec_host"].tolist() == [platform.node().partition(".")[0]] * 3


def put(file: Path, text: str) -> None:
    file.parent.mkdir(exist_ok=True)
    file.write_text(f"#!/bin/sh\n{text}\n")
    file.chmod(0o755)


def test_files_may_be_late(
    prepare: Callable[..., Run], study: Study, on_slurm: Slurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = prepare("well", jobscript="#!/bin/sh\n")
    study.submit_batch(notes=quiet)
    until(lambda: study.sync(every=0).waiting and not on_slurm.queue(), every=0.1)
    study.sync(every=0)
    assert run.status().message == "1 job over; sync() collects"
    (Path("calc") / run.folder.psets.id(0) / "result.json").write_text('{"x": 1}')
    assert study.sync(every=0).done == 1
    assert study.df["x"].tolist() == [1]


def test_jobs_without_results_are_done_after_a_while(
    prepare: Callable[..., Run], study: Study, on_slurm: Slurm, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(collecting, "LATE_S", 0.3)
    prepare("well", jobscript="#!/bin/sh\n")
    study.submit_batch(notes=quiet)
    assert collected(study, 1).done == 1
