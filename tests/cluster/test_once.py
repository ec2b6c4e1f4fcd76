"""Each pset is submitted once, whatever is cut off in the middle."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from psweep_nb import RemoteError, Run, Study
from psweep_nb.batch import submitting
from tests.cluster.following import COUNTED, collected, noted, quiet, times_run
from tests.cluster.slurm import MAX_ARRAY_SIZE, Slurm
from tests.waiting import until


def test_what_has_a_job_gets_no_other(
    study: Study, prepare: Callable[..., Run], on_slurm: Slurm, tmp_path: Path
) -> None:
    prepare("wait wait", subcmd="sbatch --hold")
    said: list[str] = []
    for _ in range(2):
        study.submit_batch(notes=said.append)
    assert said[1] == "nothing to submit; 2 submitted already"
    assert len(on_slurm.queue()) == 2
    assert study.sync(every=0).waiting == 2
    assert str(study.run_of(-1).status()).endswith("2 pending (2 psets queued)")
    study.submit_batch(notes=said.append, force=True)
    assert said[2] == "2 psets submitted to m in 2 jobs"
    assert len(on_slurm.queue()) == 4
    assert {job.attempt for job in study.run_of(-1).view.open_jobs().values()} == {2}


def test_forced_jobs_do_not_find_old_results(
    study: Study, prepare: Callable[..., Run], host: str, tmp_path: Path
) -> None:
    there = {"host": host, "path": str(tmp_path / "there")}
    run = prepare("well", jobscript=COUNTED, **there)
    study.submit_batch(notes=quiet)
    collected(study, 1)
    pset = Path("calc", run.folder.psets.id(0))
    (tmp_path / "there" / pset / "jobscript_m").write_text("#!/bin/sh\nexit 0\n")
    (pset / "jobscript_m").write_text("#!/bin/sh\nsleep 1\n")
    study.submit_batch(notes=quiet, force=True)
    assert not (pset / "result.json").exists()
    assert not (tmp_path / "there" / pset / "result.json").exists()


@pytest.mark.parametrize("info", [{}, {"array": True}, {"psets_per_job": 3}], ids=str)
def test_arrays_and_packs_run_each_pset_once(
    study: Study, prepare: Callable[..., Run], on_slurm: Slurm, info: dict[str, Any]
) -> None:
    n = MAX_ARRAY_SIZE + 2
    run = prepare("well " * n, jobscript=COUNTED, **info)
    said: list[str] = []
    study.submit_batch(notes=said.append)
    assert collected(study, n).done == n
    assert times_run(run) == [1] * n
    names = {job.job for job in noted(run).values()}
    if info.get("array"):  # more psets than one array may have
        assert len(names) == n
        assert sorted(name.partition("_")[2] for name in names) == sorted("0123401")
    else:
        assert len(names) == (3 if info else n)


@pytest.mark.parametrize("how", [{"array": True}, {"psets_per_job": 2}])
def test_what_is_asked_of_slurm_for_one_and_counts_for_all_is_said(
    study: Study, prepare: Callable[..., Run], on_slurm: Slurm, how: dict[str, Any]
) -> None:
    script = "#!/bin/sh\n#SBATCH --job-name=$_pset_seq\n#SBATCH --time=$a:30:00\n"
    said: list[str] = []
    prepare("well well well", jobscript=script, **how)
    study.submit_batch(notes=said.append)
    assert said[1].startswith(
        "#SBATCH lines differ between psets (#SBATCH --time=1:30:00 in pset 1)"
    )
    prepare("well well", jobscript=script)
    study.submit_batch(notes=said.append)
    prepare("well well", jobscript=script.partition("#SBATCH --time")[0], **how)
    study.submit_batch(notes=said.append)
    assert len(said) == 4


def test_an_array_of_packs(study: Study, prepare: Callable[..., Run], on_slurm: Slurm) -> None:
    run = prepare("well " * 5, jobscript=COUNTED, array=True, psets_per_job=2, throttle=1)
    study.submit_batch(notes=quiet)
    assert collected(study, 5).done == 5
    assert times_run(run) == [1] * 5


def break_at(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Let submitting be cut off there, once."""
    real = getattr(submitting, name)

    def cut(*args: Any, **more: Any) -> Any:
        monkeypatch.setattr(submitting, name, real)
        raise KeyboardInterrupt

    monkeypatch.setattr(submitting, name, cut)


@pytest.mark.parametrize("name", ["push", "submit_text", "_note"])
@pytest.mark.parametrize("then", ["submit", "sync"])
def test_cut_off_submissions_are_settled(
    study: Study,
    prepare: Callable[..., Run],
    host: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    then: str,
) -> None:
    run = prepare("well well", jobscript=COUNTED, host=host, path=str(tmp_path / "there"))
    break_at(monkeypatch, name)
    with pytest.raises(KeyboardInterrupt):
        study.submit_batch(notes=quiet)
    if then == "sync":
        study.sync(every=0)
        # What was handed over may have ended.
        states = ["submitted", "finished"] if name == "_note" else ["prepared"]
        assert run.status().state in states
    study.submit_batch(notes=quiet)
    until(lambda: study.sync(every=0) and run.status().done == 2, timeout=60, every=0.1)
    assert times_run(run) == [1, 1]


def all_submitted(study: Study, run: Run) -> bool:
    """Submit what is left; what was being handed over at a kill may go on for a moment."""
    study.submit_batch(notes=quiet)
    found = noted(run)
    return len(found) == run.info["n"] and all(job.job for job in found.values())


KILLED = """\
import sys
from psweep_nb import Study
print("ready", flush=True)
Study("calc").submit_batch()
"""


@pytest.mark.parametrize("delay", [0.02, 0.1, 0.2, 0.3])
def test_a_kill_in_the_middle_neither_doubles_nor_loses(
    study: Study, prepare: Callable[..., Run], on_slurm: Slurm, delay: float
) -> None:
    run = prepare("well " * 25, jobscript=COUNTED)
    child = subprocess.Popen([sys.executable, "-c", KILLED], stdout=subprocess.PIPE)
    assert child.stdout is not None
    assert child.stdout.readline() == b"ready\n"
    time.sleep(delay)  # wherever that is: the kills are to hit any place
    child.send_signal(signal.SIGKILL)
    child.communicate()

    until(lambda: all_submitted(study, run), every=0.2)
    assert collected(study, 25).done == 25
    assert times_run(run) == [1] * 25


@pytest.mark.parametrize("over", ["here", "ssh"])
def test_a_time_limit_in_the_middle_neither_doubles_nor_loses(
    study: Study,
    prepare: Callable[..., Run],
    on_slurm: Slurm,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    over: str,
    request: pytest.FixtureRequest,
) -> None:
    slow = tmp_path / "bin" / "sbatch"
    slow.parent.mkdir()
    slow.write_text('#!/bin/sh\nsleep 0.2\nexec sbatch "$@"\n')
    slow.chmod(0o755)
    info = {"host": "cluster", "path": str(tmp_path / "there")} if over == "ssh" else {}
    if over == "ssh":
        request.getfixturevalue("host")
    run = prepare("well " * 12, jobscript=COUNTED, subcmd=str(slow), **info)
    with monkeypatch.context() as patch:
        for name, seconds in {"ASK_S": 1.5, "SUBMIT_S": 0, "_EACH_S": 0}.items():
            patch.setattr(submitting, name, seconds)
        with pytest.raises(RemoteError, match="it took longer than"):
            study.submit_batch(notes=quiet)
    until(lambda: all_submitted(study, run), every=0.2)
    until(lambda: study.sync(every=0) and run.status().done == 12, timeout=60, every=0.1)
    assert times_run(run) == [1] * 12


def test_two_at_once_submit_each_pset_once(
    study: Study, prepare: Callable[..., Run], on_slurm: Slurm
) -> None:
    run = prepare("well " * 15, jobscript=COUNTED)
    command = [sys.executable, "-c", KILLED]
    children = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = [child.communicate()[0].splitlines()[1] for child in children]
    assert [child.returncode for child in children] == [0, 0, 0]
    assert sorted(said)[::-1] == [
        *["nothing to submit; 15 submitted already"] * 2,
        "15 psets submitted to m in 15 jobs",
    ]
    assert collected(study, 15).done == 15
    assert times_run(run) == [1] * 15


SYNCED = """\
from psweep_nb import Study
print("ready", flush=True)
Study("calc").sync()
"""


@pytest.mark.parametrize("delay", [0.02, 0.05, 0.1, 0.2])
def test_a_kill_while_collecting_loses_no_row_and_doubles_none(
    study: Study, prepare: Callable[..., Run], delay: float
) -> None:
    run = prepare("well " * 30, subcmd="sh")
    study.submit_batch(notes=quiet)
    marks = [f"{pset_id}/.psweep_job" for pset_id in run.folder.psets.ids(0, 30)]
    until(lambda: all(list(Path("calc", mark).glob("*.exit")) for mark in marks), every=0.1)
    for _ in range(2):
        child = subprocess.Popen([sys.executable, "-c", SYNCED], stdout=subprocess.PIPE)
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        time.sleep(delay)  # wherever that is: the kills are to hit any place
        child.send_signal(signal.SIGKILL)
        child.communicate()
    study.sync()
    df = Study("calc").df
    assert df["square"].tolist() == [a * a for a in range(30)]
    assert df["_attempt"].tolist() == [1] * 30
