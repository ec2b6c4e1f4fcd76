"""Psets as jobs of a real Slurm, here and through ssh: submitted once, followed, collected."""

import json
import os
import platform
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from psweep_nb import OptionError, RemoteError, Run, Study, StudyError, jobs
from psweep_nb.batch import collecting, scheduler, submitting
from psweep_nb.batch.collecting import Synced
from tests.cluster.slurm import MAX_ARRAY_SIZE, Slurm
from tests.waiting import until

# What a pset's job does is told by its parameter `how`.
JOB = """\
#!/bin/sh
#SBATCH --job-name=pset-$_pset_seq
echo "a is $a"
case $how in
  fail) echo "no convergence"; exit 3 ;;
  wait) while [ ! -e "$go" ]; do sleep 0.05; done ;;
esac
echo "{\\"square\\": $$(($a * $a))}" >result.json
"""


@pytest.fixture
def prepare(study: Study, tmp_path: Path) -> Callable[..., Run]:
    """Prepares psets, `how` each of them goes, for the machine `m`."""

    def prepared(hows: str, **info: Any) -> Run:
        machine = tmp_path / "templates" / "machines" / "m"
        machine.mkdir(parents=True, exist_ok=True)
        (tmp_path / "templates" / "calc").mkdir(exist_ok=True)
        (machine / "jobscript").write_text(info.pop("jobscript", JOB))
        (machine / "info.yaml").write_text(json.dumps({"subcmd": "sbatch", **info}))
        go = str(tmp_path / "go")
        return study.prep_batch(
            [{"a": a, "how": how, "go": go} for a, how in enumerate(hows.split())]
        )

    return prepared


@pytest.fixture
def on_slurm(slurm: Slurm, monkeypatch: pytest.MonkeyPatch) -> Iterator[Slurm]:
    """A Slurm that is here."""
    monkeypatch.setenv("SLURM_CONF", str(slurm.conf))
    yield slurm
    slurm.cancel_all()


MACHINES = ("slurm", "slurm over ssh", "array", "two a job over ssh", "sh", "sh over ssh")


@pytest.fixture(params=MACHINES)
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> dict[str, Any]:
    """What info.yaml says of a machine that is there."""
    info: dict[str, Any] = {"subcmd": "sh" if request.param.startswith("sh") else "sbatch"}
    if "ssh" in request.param:
        info |= {"host": request.getfixturevalue("host"), "path": str(tmp_path / "there")}
    elif info["subcmd"] == "sbatch":
        request.getfixturevalue("on_slurm")
    if request.param == "array":
        info |= {"array": True, "throttle": 2}
    if "two" in request.param:
        info["psets_per_job"] = 2
    return info


def quiet(text: str) -> None:
    """Where notes go that a test does not look at."""


def collected(study: Study, n: int) -> Synced:
    """Sync until `n` psets have ended."""
    total = Synced()

    def enough() -> bool:
        found = study.sync(every=0)
        total.done += found.done
        total.failed += found.failed
        return total.done + total.failed >= n

    until(enough, timeout=60, every=0.1)
    return total


def noted(run: Run) -> dict[int, jobs.Job]:
    """The newest job of each pset."""
    assert run.view.session is not None
    return jobs.jobs_of(run.view.session)


def running(study: Study, n: int) -> None:
    """Sync until `n` psets are at work."""
    until(lambda: study.sync(every=0).running >= n, timeout=60, every=0.1)


def test_jobs_become_rows(
    study: Study, prepare: Callable[..., Run], machine: dict[str, Any]
) -> None:
    run = prepare("well fail well", **machine)
    said: list[str] = []
    assert study.submit_batch(notes=said.append) is run
    assert said[0].startswith("3 psets submitted to m in ")
    assert run.status().state == "submitted"
    found = collected(study, 3)
    assert (found.done, found.failed) == (2, 1)
    df = study.df
    assert df["_failed"].tolist() == [False, True, False]
    assert df["square"].fillna(-1).tolist() == [0, -1, 4]
    assert df["_attempt"].tolist() == [1, 1, 1]
    assert df["_exec_host"].tolist() == [platform.node()] * 3
    assert (df["_pset_runtime"] < 60).all()
    assert abs(df["_time_utc"] - pd.Timestamp.now("UTC").tz_localize(None)).max().seconds < 60
    assert run.status().state == "finished"
    [failure] = run.failures
    assert "exit code 3" in failure.error
    assert failure.traceback.endswith("a is 1\nno convergence")
    assert "no convergence" in failure.log()
    # Nothing more comes of the same, and nothing is submitted again.
    assert repr(study.sync(every=0)) == "nothing new"
    study.submit_batch(notes=said.append)
    assert said[1:] == ["nothing to submit; 2 done, 1 failed (retry=True submits them again)"]
    assert study.df.equals(df)


def test_what_is_killed_says_so_and_runs_again(
    study: Study,
    prepare: Callable[..., Run],
    machine: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(collecting, "LATE_S", 0.5)
    run = prepare("wait wait wait", **machine)
    study.submit_batch(notes=quiet)
    running(study, 1)
    assert run.status().running >= 1
    assert run.view.running()[0].log_tail() == "a is 0\n"
    assert study.cancel_batch() == 3
    found = collected(study, 3)
    assert (found.done, found.failed) == (0, 3)
    assert study.df["_failed"].all()
    shown = "CANCELLED" if machine["subcmd"] == "sbatch" else "gone"
    assert shown in run.failures[0].error
    (tmp_path / "go").touch()
    said: list[str] = []
    study.submit_batch(retry=True, notes=said.append)
    assert said[0].startswith("3 psets submitted")
    assert collected(study, 3).done == 3
    df = study.df
    assert df["_attempt"].tolist() == [2, 2, 2]
    assert df["square"].tolist() == [0, 1, 4]
    assert not df["_failed"].any()


def test_a_run_is_waited_for(study: Study, prepare: Callable[..., Run]) -> None:
    run = prepare("well fail", subcmd="sh")
    study.submit_batch(notes=quiet)
    status = run.wait(60)
    assert (status.state, status.done, status.failed) == ("finished", 1, 1)


# -- each once -------------------------------------------------------------------------------


COUNTED = """\
#!/bin/sh
echo ran >>ran
echo '{"ok": 1}' >result.json
"""


def times_run(run: Run) -> list[int]:
    ids = run.folder.psets.ids(0, run.info["n"])
    files = [run.folder.calc_path / pset_id / "ran" for pset_id in ids]
    return [len(file.read_text().split()) if file.exists() else 0 for file in files]


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

    def all_submitted() -> bool:
        # What was being handed over at the kill goes on, and is known when that is over.
        study.submit_batch(notes=quiet)
        open_jobs = noted(run)
        return len(open_jobs) == 25 and all(job.job for job in open_jobs.values())

    until(all_submitted, every=0.2)
    assert collected(study, 25).done == 25
    assert times_run(run) == [1] * 25


# -- what goes wrong ---------------------------------------------------------------------------


def test_what_sbatch_refuses_is_said_and_can_be_submitted_again(
    study: Study, prepare: Callable[..., Run], on_slurm: Slurm
) -> None:
    run = prepare("well well", subcmd="sbatch --partition=none")
    with pytest.raises(
        RemoteError, match=r"(?s)2 psets not submitted: sbatch failed on this machine.*partition"
    ):
        study.submit_batch()
    assert run.status().state == "prepared"
    assert noted(run) == {}


@pytest.mark.parametrize("over", ["", "ssh"])
def test_no_sbatch_there(
    study: Study,
    prepare: Callable[..., Run],
    over: str,
    request: pytest.FixtureRequest,
    tmp_path: Path,
) -> None:
    info = {"subcmd": "/no/sbatch"}
    if over:
        info |= {"host": request.getfixturevalue("host"), "path": str(tmp_path / "there")}
    prepare("well", **info)
    where = "cluster" if over else "this machine"
    with pytest.raises(RemoteError, match=f"there is no sbatch on {where}"):
        study.submit_batch()


def test_no_way_to_the_machine_is_said_and_nothing_is_submitted(
    study: Study, prepare: Callable[..., Run], host: str
) -> None:
    run = prepare("well", host="other-key", path="x")
    with pytest.raises(RemoteError, match="other-key does not let us in"):
        study.submit_batch()
    assert run.status().state == "prepared"


def test_a_scheduler_that_does_not_answer(
    study: Study,
    prepare: Callable[..., Run],
    on_slurm: Slurm,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    prepare("well")
    study.submit_batch(notes=quiet)
    squeue = tmp_path / "bin" / "squeue"
    squeue.parent.mkdir()
    squeue.write_text("#!/bin/sh\nexec sleep 60\n")
    squeue.chmod(0o755)
    monkeypatch.setattr(scheduler, "ASK_S", 0.5)
    with monkeypatch.context() as patch:
        patch.setenv("PATH", f"{squeue.parent}:{os.environ['PATH']}")
        with pytest.raises(RemoteError, match=r"this machine: sh was ended: it took longer than"):
            study.sync()
    # Nothing was learnt: it is asked again at once.
    assert collected(study, 1).done == 1


def test_machines_are_not_asked_all_the_time(
    study: Study, prepare: Callable[..., Run], on_slurm: Slurm
) -> None:
    prepare("well", subcmd="sbatch --hold")
    study.submit_batch(notes=quiet)
    assert study.sync().notes == []
    [note] = study.sync().notes
    assert note.startswith("m was asked 0 s ago; it is asked again after 30 s")
    assert study.sync(every=0).notes == []


def test_several_machines_want_to_be_told_apart(study: Study, prepare: Callable[..., Run]) -> None:
    prepare("well")
    other = Path("templates/machines/other")
    other.mkdir()
    (other / "jobscript").write_text(JOB)
    (other / "info.yaml").write_text("subcmd: qsub -q long\n")
    study.prep_batch([{"a": 1, "how": "well", "go": ""}])
    with pytest.raises(OptionError, match="several machines: say which, m, other"):
        study.submit_batch()
    with pytest.raises(OptionError, match="no machine 'n'; it was prepared for m, other"):
        study.submit_batch("n")
    with pytest.raises(OptionError, match=r"'qsub -q long'; submit with `sh run_other.sh`"):
        study.submit_batch("other")
    with pytest.raises(StudyError, match="no batch run"):
        Study("empty").submit_batch()
    assert repr(Study("empty").sync()) == "nothing new"


# -- results -----------------------------------------------------------------------------------


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
        ("echo null >result.json", "TypeError: .*None"),
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
    study.submit_batch(notes=quiet)
    stranger = Study("calc")
    stranger.trusted = False
    until(lambda: stranger.sync().notes, every=0.1)
    [note] = stranger.sync().notes
    assert "`builtins.len` is not on the list of harmless types" in note
    assert stranger.df["_failed"].isna().all()
    assert collected(study, 1).done == 1
    assert study.df["p"].tolist() == [len]


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
