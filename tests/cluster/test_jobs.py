"""Psets as jobs of a real Slurm, of a shell, here and through ssh: from submitting to rows."""

import json
import platform
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from psweep_nb import Run, Study
from psweep_nb.batch import collecting
from psweep_nb.cli.copying import pull, push
from psweep_nb.cli.studies import main
from tests.cluster.following import collected, quiet, running
from tests.waiting import until


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


def test_commands_submit_sync_push_and_pull(
    prepare: Callable[..., Run],
    study: Study,
    host: str,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    run = prepare("well fail", subcmd="sh", host=host, path=str(tmp_path / "there"))
    assert main(["submit", "m", "-r", "0"]) == 0
    assert capsys.readouterr().out == "2 psets submitted to m in 1 job\n"

    def ended() -> bool:
        assert main(["sync", "--now"]) == 0
        return run.status().ended

    until(ended, timeout=60, every=0.1)
    assert "1 done, 1 failed" in capsys.readouterr().out
    assert main(["submit", "--retry"]) == 0
    assert "1 pset submitted to m in 1 job; 1 done\n" in capsys.readouterr().out
    there = tmp_path / "there" / "calc"
    (there / "note.txt").write_text("n")
    assert pull(["m", "-n"]) == 0
    assert "note.txt\n" in capsys.readouterr().out
    assert not Path("calc/note.txt").exists()
    assert pull([host, "--path", str(there.parent)]) == 0
    assert Path("calc/note.txt").exists()
    Path("calc/note.txt").write_text("other")
    assert push(["m"]) == 0
    assert (there / "note.txt").read_text() == "other"
    assert re.search(r"\d+ files? copied\n$", capsys.readouterr().out)
    assert push(["-d", "calc", "bad;host"]) == 2
    assert "psweep-push: host is 'bad;host'" in capsys.readouterr().err


def test_functions_are_jobs(study: Study, tmp_path: Path, machine: dict[str, Any]) -> None:
    folder = tmp_path / "templates" / "machines" / "m"
    folder.mkdir(parents=True)
    (folder / "jobscript").write_text("#!/bin/sh\n#SBATCH --output=job.log\n$_cmd\n")
    (folder / "info.yaml").write_text(json.dumps({**machine, "python": sys.executable}))
    run = study.prep_batch([{"a": a} for a in range(3)], command=lambda a: {"b": 1 / a})
    study.submit_batch(notes=quiet)
    collected(study, 3)
    assert study.df["b"].fillna(-1).tolist() == [-1, 1, 0.5]
    assert "ZeroDivisionError" in run.failures[0].traceback
    if "host" in machine:
        names = {path.name for path in (tmp_path / "there" / "calc").iterdir()}
        assert f"function-{run.run_id}" in names
