"""What goes wrong with machines and schedulers, said and survived."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from psweep_nb import OptionError, RemoteError, Run, Study, StudyError
from psweep_nb.batch import scheduler
from tests.cluster.following import JOB, collected, noted, quiet
from tests.cluster.slurm import Slurm


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
    info = Path("templates/machines/m/info.yaml")
    info.write_text("subcmd: sbatch\narray: true\n")
    said: list[str] = []
    study.submit_batch(notes=said.append)
    assert "subcmd is sbatch, was sbatch --partition=none, array is True" in said[0]
    assert said[1] == "2 psets submitted to m in 2 jobs"
    assert {job.job.rpartition("_")[2] for job in noted(run).values()} == {"0", "1"}
    assert collected(study, 2).done == 2


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


def test_a_directory_that_is_gone_is_named(study: Study, prepare: Callable[..., Run]) -> None:
    run = prepare("well well", subcmd="sh")
    shutil.rmtree(Path("calc", run.folder.psets.id(1)))
    with pytest.raises(StudyError, match=rf"{run.folder.psets.id(1)}/jobscript_m is missing"):
        study.submit_batch()
    assert run.status().state == "prepared"
