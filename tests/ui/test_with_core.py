"""The magics on the real study: in a shell of this process, and in a kernel."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import start_new_kernel

from psweep_nb import Study
from tests.ui.conftest import Shell, usage_error
from tests.waiting import until

DEFINE = """
%load_ext psweep_nb
def f(a, b):
    print("at", a)
    if b == 0:
        raise ValueError("b is 0")
    return {"ratio": a / b}
"""
FIX = """
def f(a, b):
    return {"ratio": a / b if b else None}
"""


@pytest.fixture
def shell(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    ipython: InteractiveShell,
    capsys: pytest.CaptureFixture[str],
) -> Shell:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    ipython.run_cell(DEFINE).raise_error()
    return Shell(ipython, capsys)


def test_run_fail_fix_retry_append_and_skip(shell: Shell) -> None:
    out = shell.run("%psweep run f a=[1, 2] b=[0, 1, 2] -w 2 --wait")
    assert out.startswith("run 0: 6 psets, 2 workers, calc/\n")
    assert "finished, 2 failed; 4 of 6 done, 2 failed" in out
    (failure, _) = shell["run"].failures
    assert 'raise ValueError("b is 0")' in failure.traceback
    assert failure.log() == "at 1\n"

    out = shell.run("%psweep run f a=[1, 2] b=[0, 1, 2]")
    assert out.startswith(
        "0 new, 4 done (`--again` computes them anew), 2 failed (`%psweep retry`)\n"
    )
    shell.run(FIX)
    out = shell.run("%psweep retry\n%psweep wait")
    assert "f has changed since run 0" in out
    assert "run 0: finished; 6 of 6 done" in out

    out = shell.run("%psweep run f a=[1, 2, 3] b=[1] --label more --wait")
    assert out.startswith(
        "1 new, 2 done (2 with other code: `--stale` runs them again, `--again` all)\n"
        "changed since run 0: `f`\nrun 1 'more': 1 pset, 1 worker, calc/\n"
    )
    table = pd.read_pickle("calc/database.pk")
    assert table["_run_seq"].tolist() == [0] * 6 + [1]
    assert table["_attempt"].tolist() == [2, 1, 1, 2, 1, 1, 1]
    assert shell["study"].df["_pset_id"].nunique() == 7

    lines = shell.run("%psweep runs").splitlines()
    assert [line.split()[:4] for line in lines[2:]] == [
        ["0", "f", "finished", "6"],
        ["1", "more", "f", "finished"],
    ]
    assert "6 of 6 done" in shell.run("%psweep status 0")
    assert "1 of 1 done" in shell.run("%psweep status more")


def test_a_cell_in_another_process_shows_its_lines(shell: Shell) -> None:
    shell.run("offset = 1")
    out = shell.run(
        "%%psweep run a=[1, 2] -r E,name -d cells --wait\n"
        "if a == 2:\n    raise KeyError('two')\n"
        "E = a + offset\nname = __name__\n"
    )
    assert "1 of 2 done, 1 failed" in out
    (failure,) = shell["run"].failures
    assert "line 3, in cell_" in failure.traceback
    assert "raise KeyError('two')" in failure.traceback
    assert shell["study"].df["E"].dropna().tolist() == [2]
    # The cell, changed and run again, is what retry takes.
    shell.run("%%psweep run a=[1, 2] -r E -d cells\nE = a * 10\n")
    assert "has changed" in shell.run("%psweep retry\n%psweep wait")
    assert shell["study"].df["E"].tolist() == [2, 20]


def test_stop_and_resume_of_a_run_addressed_by_label(shell: Shell) -> None:
    shell.run("def slow(a):\n    import time\n    time.sleep(0.05)\n    return a")
    shell.run("%psweep run slow a=range(200) --label long -w 2")
    shell.run("%psweep stop long\n%psweep wait")
    status = shell["run"].status()
    assert status.state == "stopped"
    assert status.done < 200
    assert "nothing to stop" in usage_error(shell, "%psweep stop long")
    shell.run("%psweep resume long\n%psweep stop --now\n%psweep wait")
    assert shell["run"].status().state == "stopped"


def test_what_is_wrong_with_psets_or_function_is_one_line(shell: Shell) -> None:
    assert "pset 1" in usage_error(shell, "%psweep run f [{'a':1,'b':1},{'a':1}]")
    shell.run("import threading\nlock = threading.Lock()\ndef g(a):\n    return lock")
    assert "lock" in usage_error(shell, "%psweep run g a=[1]")
    assert not Path("calc").exists()


def test_a_dry_run_computes_nothing(shell: Shell) -> None:
    shell.run("%psweep run f a=[1] b=[1] --wait")
    out = shell.run("%psweep run f a=[1, 2] b=[1, 0] --simulate --backup --git")
    assert out == ("3 new, 1 done\nnothing was run: Study('calc.simulate').df has 4 rows, 3 new\n")
    assert sorted(path.name for path in Path().glob("calc*")) == ["calc", "calc.simulate"]
    assert len(pd.read_pickle("calc/database.pk")) == 1
    shell.run("import psweep_nb\ndry = psweep_nb.Study('calc.simulate').table()")
    assert shell["dry"]["state"].tolist() == ["done", "prepared", "prepared", "prepared"]
    with pytest.raises(UsageError, match="requires `b`"):
        shell.run("%psweep run f a=[1] --simulate")


def test_a_backup_and_a_repository(shell: Shell, monkeypatch: pytest.MonkeyPatch) -> None:
    shell.run("%psweep run f a=[1] b=[1] --wait --backup")
    assert not list(Path().glob("calc.bak*")), "nothing was there yet"
    shell.run("%psweep run f a=[2] b=[1] --wait --backup")
    (copy,) = Path().glob("calc.bak_*")
    assert len(pd.read_pickle(copy / "database.pk")) == 1
    # Whatever repository this test may run in.
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(Path.cwd().parent))
    with pytest.raises(UsageError, match=r"in no git repository|needs the program `git`"):
        shell.run("%psweep run f a=[3] b=[1] --git")
    assert len(shell["study"].runs) == 2


class Kernel:
    """A kernel, and what it publishes for a cell."""

    def __init__(self, client: BlockingKernelClient) -> None:
        self.client = client

    def run(self, source: str) -> list[dict[str, Any]]:
        sent = self.client.execute(source)
        messages = []
        while True:
            message = self.client.get_iopub_msg(timeout=60)
            messages.append(message)
            content = message["content"]
            assert message["msg_type"] != "error", "\n".join(content["traceback"])
            mine = message["parent_header"].get("msg_id") == sent
            if mine and content.get("execution_state") == "idle":
                return messages


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kernel]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PSWEEP_WAIT", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    manager, client = start_new_kernel(kernel_name="python3", cwd=str(tmp_path))
    yield Kernel(client)
    client.stop_channels()
    manager.shutdown_kernel(now=True)
    manager.cleanup_resources()


def test_a_kernel_publishes_panel_and_report_and_keeps_both_up_to_date(kernel: Kernel) -> None:
    kernel.run(DEFINE)
    messages = kernel.run("%psweep run f a=range(40) b=[0, 1] --wait")
    shown = [m["content"] for m in messages if m["msg_type"] == "display_data"]
    widget, report = (content["data"] for content in shown)
    assert "application/vnd.jupyter.widget-view+json" in widget
    assert "text/html" not in widget  # a front-end without widgets shows the report
    assert "psw-report" in report["text/html"]
    slot = shown[1]["metadata"]["psweep"]
    updates = [m["content"] for m in messages if m["msg_type"] == "update_display_data"]
    assert "finished, 40 failed" in updates[-1]["data"]["text/html"]
    assert updates[-1]["metadata"]["psweep"]["slot"] == slot["slot"]
    assert updates[-1]["metadata"]["psweep"]["rev"] > slot["rev"]
    states = [
        m["content"]["data"].get("state", {}) for m in messages if m["msg_type"] == "comm_msg"
    ]
    heads = [json.loads(state["header"]) for state in states if "header" in state]
    assert heads[-1]["done"] == 40
    assert heads[-1]["ended"]
    rows = [json.loads(state["rows"]) for state in states if "rows" in state]
    assert rows[-1]["above"] == rows[-1]["listed"] == 80
    # Bounded: about five updates a second, however fast the rows come.
    assert len(heads) < 40
    # Shown again it is the same panel.
    again = kernel.run("run")
    (same, _) = (m["content"]["data"] for m in again if m["msg_type"] == "display_data")
    view = "application/vnd.jupyter.widget-view+json"
    assert same[view]["model_id"] == widget[view]["model_id"]


def test_a_cell_reports_and_has_its_directory(shell: Shell) -> None:
    shell.run("import psweep_nb as ps")
    out = shell.run(
        "%%psweep run a=[1, 2] -r E --wait --fresh --capture-logs db+file\n"
        "ps.report(loss=a / 2)\n(ps.workdir() / 'out.txt').write_text('x')\nprint(a)\nE = a\n"
    )
    assert "2 of 2 done" in out
    df = shell["run"].df
    assert df["loss"].tolist() == [0.5, 1.0]
    assert df["_logs"].tolist() == ["1\n", "2\n"]
    for pset_id in df["_pset_id"]:
        files = sorted(path.name for path in (shell["study"].path / pset_id).iterdir())
        assert files == ["logs.txt", "out.txt"]


def test_status_has_what_is_reported(shell: Shell) -> None:
    shell.run(
        "def slow(a):\n    import time, psweep_nb as ps\n    ps.report(loss=0.25, progress=0.5)\n"
        "    time.sleep(60)"
    )
    shell.run("%psweep run slow a=[1]")
    until(lambda: "  pset 0: loss=0.25, progress=0.5" in shell.run("%psweep status"))
    shell.run("%psweep stop\n%psweep stop --now\n%psweep wait")
    assert shell["run"].reports == {0: {"loss": 0.25, "progress": 0.5}}


def test_a_command_is_run_and_prepared_as_a_function_is(shell: Shell) -> None:
    shell.run("import psweep_nb as ps\nprogram = ps.Command('echo $a > out; test $a -lt 3')")
    out = shell.run("%psweep run program a=[1, 2, 3] -w 2 --wait")
    assert "finished, 1 failed; 2 of 3 done, 1 failed" in out
    assert "3 new" in shell.run("%psweep plan program a=[4, 5, 6]")
    assert "2 done" in shell.run("%psweep run program a=[1, 2]")
    shell.run("program = ps.Command('echo $a > out')")
    assert "the command has changed since run 0" in shell.run("%psweep retry\n%psweep wait")
    assert shell["run"].status().failed == 0
    shell.run("ps.new_templates('local')\nrun = ps.Study('calc').prep_batch([{'a': 1}])")
    assert "run 1: prepared; 0 of 1 done, 1 pending" in shell.run("%psweep status -1")
    assert "batch" in shell.run("%psweep runs")
    assert "batch run" in usage_error(shell, "%psweep stop -1")
    assert "batch run" in usage_error(shell, "%psweep resume -1")


def test_jobs_are_submitted_and_collected(shell: Shell, tmp_path: Path) -> None:
    machine = Path("templates/machines/here")
    machine.mkdir(parents=True)
    Path("templates/calc").mkdir()
    (machine / "info.yaml").write_text("subcmd: sh\n")
    (machine / "jobscript").write_text(
        '#!/bin/sh\necho "{\\"twice\\": $$((2 * $a))}" >result.json\n'
    )
    Study("calc").prep_batch([{"a": 1}, {"a": 2}])
    assert "2 psets submitted to here in 1 job\n" in shell.run("%psweep submit -m here -o jobs")
    assert shell["jobs"].folder.is_batch
    out = shell.run("%psweep wait")
    assert "2 of 2 done" in out
    assert shell.run("%psweep sync").startswith("nothing new")
    assert "nothing to submit; 2 done" in shell.run("%psweep submit 0")
    assert Study("calc").df["twice"].tolist() == [2, 4]
    assert "no machine 'there'" in usage_error(shell, "%psweep submit -m there")
