"""What goes wrong with machines and schedulers, said and survived."""

import asyncio
import importlib
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from psweep_nb import (
    Command,
    FunctionError,
    OptionError,
    RemoteError,
    Run,
    Study,
    StudyError,
    jobs,
    runs,
)
from psweep_nb.batch import scheduler
from tests.cluster.following import JOB, collected, noted, quiet
from tests.cluster.slurm import Slurm
from tests.waiting import until


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


def test_one_machine_that_is_down_hides_nothing_of_others(
    study: Study, prepare: Callable[..., Run], tmp_path: Path, host: str
) -> None:
    prepare("wait", subcmd="sh")
    study.submit_batch(notes=quiet)
    run = prepare("well", subcmd="sh", host="nobody-listens", path="x")
    assert run.view.session is not None
    jobs.submitted(run.view.session, "1@x", "m", [0], 1, 5.0)
    found = study.sync(every=0)
    assert (found.running + found.waiting, len(found.notes)) == (2, 1)
    assert "nobody-listens" in found.notes[0]
    with pytest.raises(RemoteError, match="nobody-listens"):
        study.sync(run.run_seq, every=0)
    (tmp_path / "go").touch()
    assert collected(study, 1).done == 1


def test_a_reader_that_is_lost_stops_nobody_else(
    study: Study, prepare: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    machine = tmp_path / "templates/machines/m"
    prepare("wait", subcmd="sh")
    (machine / "jobscript").write_text("$_cmd\n")
    module = tmp_path / "readers_of_mine.py"
    module.write_text("def read(folder):\n    return 1\n")
    monkeypatch.syspath_prepend(tmp_path)
    reader = importlib.import_module("readers_of_mine").read
    run = study.prep_batch([{"a": 1}], command=Command("true", reader=reader))
    for seq in (1, 0):
        study.submit_batch(run=seq, notes=quiet)
    monkeypatch.delitem(sys.modules, "readers_of_mine")
    module.unlink()
    importlib.invalidate_caches()

    said: list[str] = []

    def done() -> int:
        try:
            return study.sync(every=0).done
        except FunctionError as exc:
            said.append(str(exc))
            return 0

    until(lambda: done() or said, timeout=60, every=0.1)
    assert "the reader of 'true' cannot be loaded" in said[0]
    (tmp_path / "go").touch()
    until(done, timeout=60, every=0.1)
    assert study.sync(read=reader, every=0).done == 1
    assert run.status().ended


def test_whoever_waits_bears_with_a_machine_that_is_away(
    study: Study, prepare: Callable[..., Run], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = prepare("wait", subcmd="sh")
    study.submit_batch(notes=quiet)
    sync, asked = Study.sync, []

    def away(study: Study, *args: object, **options: object) -> object:
        asked.append(1)
        if len(asked) in (2, 3):
            (tmp_path / "go").touch()
            raise RemoteError("no route")
        return sync(study, *args, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(Study, "sync", away)
    monkeypatch.setattr(runs, "_SYNC_S", (0.01, 0.1))
    assert run.wait(60).done == 1
    assert len(asked) > 3
    (tmp_path / "go").unlink()
    other = prepare("wait", subcmd="sh")
    study.submit_batch(notes=quiet)
    asked[:] = [1]
    with pytest.raises(RemoteError, match="no route"):  # it has never answered
        other.wait(60)
    (tmp_path / "go").unlink()
    monkeypatch.setattr(runs, "_AWAY_S", 0.0)
    asked.clear()
    with pytest.raises(RemoteError, match="no route"):
        asyncio.run(_waited(other))


async def _waited(run: Run) -> None:
    await run


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
