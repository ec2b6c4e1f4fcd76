"""A notebook's kernel is killed in the middle of a run; others finish it. Real processes only."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from jupyter_client.manager import start_new_kernel

from psweep_nb import Run, Study
from tests.test_kills import kill, processes
from tests.waiting import until

MODEL = """
import time
from pathlib import Path

def wait_for_gate(a, here):
    with open(Path(here) / f"calls-{a}", "a") as calls:
        calls.write("x")
    while not (Path(here) / f"open-{a}").exists():
        time.sleep(0.005)
    return {"twice": 2 * a}
"""


class Kernel:
    """A notebook's kernel, and what its cells print."""

    def __init__(self, folder: Path) -> None:
        self.manager, self.client = start_new_kernel(cwd=str(folder))

    def run(self, code: str) -> str:
        printed: list[str] = []

        def take(message: dict[str, Any]) -> None:
            if message["msg_type"] == "stream":
                printed.append(message["content"]["text"])

        reply = self.client.execute_interactive(code, timeout=90, output_hook=take)
        assert reply["content"]["status"] == "ok", reply["content"]
        return "".join(printed)

    def kill(self) -> None:
        provisioner: Any = self.manager.provisioner
        kill(provisioner.pid)
        until(lambda: provisioner.process.poll() is not None)

    def close(self) -> None:
        self.client.stop_channels()
        self.manager.shutdown_kernel(now=True)


@pytest.fixture
def kernels() -> Iterator[Any]:
    started: list[Kernel] = []

    def start(folder: Path) -> Kernel:
        started.append(Kernel(folder))
        started[-1].run("%load_ext psweep_nb")
        return started[-1]

    yield start
    for kernel in started:
        kernel.close()


@pytest.fixture
def lab(own_directory: Path) -> Path:
    """A directory with a notebook's module in it."""
    folder = own_directory / "lab"
    folder.mkdir()
    (folder / "model.py").write_text(MODEL)
    return folder


def begin(kernel: Kernel, lab: Path, options: str = "") -> Run:
    kernel.run("from model import wait_for_gate")
    kernel.run(f"%psweep run wait_for_gate a=range(6) here=[{str(lab)!r}] {options}")
    run = Study(lab / "calc").run_of(-1)
    go(lab, 0, 1)
    until((lab / "calls-2").exists)
    until(lambda: run.status().done == 2)
    return run


def go(lab: Path, *numbers: int) -> None:
    for number in numbers:
        (lab / f"open-{number}").touch()


def calls(lab: Path) -> dict[int, int]:
    return {a: len((lab / f"calls-{a}").read_text()) for a in range(6)}


def terminal(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "psweep_nb.cli.studies", *words]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)


def check_whole(lab: Path, run: Run) -> None:
    table = pd.read_pickle(lab / "calc" / "database.pk")
    assert table["a"].tolist() == list(range(6))
    assert table["twice"].tolist() == [2 * a for a in range(6)]
    assert Counter(table["_pset_id"]) == Counter(run.folder.psets.ids(0, 6))
    assert set(table["_run_id"]) == {run.run_id}
    assert not table["_failed"].any()


def test_the_run_goes_on_and_another_notebook_attaches(lab: Path, kernels: Any) -> None:
    first = kernels(lab)
    run = begin(first, lab)
    first.kill()
    second = kernels(lab)
    go(lab, 2, 3)
    assert "run 0 in calc/ is running (" in second.run("%psweep status -d calc")
    go(lab, 4, 5)
    said = second.run("%psweep attach\n%psweep wait")
    assert "finished; 6 of 6 done" in said
    assert calls(lab) == dict.fromkeys(range(6), 1)
    check_whole(lab, run)


def test_kernel_and_driver_killed_then_finished_by_notebook_and_terminal(
    lab: Path, kernels: Any, tmp_path_factory: pytest.TempPathFactory
) -> None:
    first = kernels(lab)
    run = begin(first, lab)
    pids = processes(run)
    first.kill()
    assert all(kill(pid) for pid in pids["psweep_nb.driver"])
    until(lambda: run.status().state == "lost")
    # Another notebook, in another directory.
    elsewhere = tmp_path_factory.mktemp("elsewhere")
    second = kernels(elsewhere)
    study = f"{str(lab / 'calc')!r}"
    assert "lost" in second.run(f"%psweep status -d {study}")
    second.run(f"%psweep resume -d {study}")
    go(lab, 2, 3)
    until((lab / "calls-4").exists)
    until(lambda: run.status().done == 4)
    pids = processes(run)
    second.kill()
    assert all(kill(pid) for pid in pids["psweep_nb.driver"])
    until(lambda: run.status().state == "lost")
    # A terminal, in a third one.
    go(lab, 4, 5)
    third = tmp_path_factory.mktemp("third")
    done = terminal("resume", "-d", str(lab / "calc"), cwd=third)
    assert done.returncode == 0, done.stderr
    assert "goes on" in done.stdout
    assert terminal("follow", "-d", str(lab / "calc"), cwd=third).returncode == 0
    assert run.status().state == "finished"
    assert calls(lab) == {0: 1, 1: 1, 2: 2, 3: 1, 4: 2, 5: 1}  # twice: what was cut off
    assert [said.kind for said in run.provenance] == ["submit", "resume", "resume"]
    check_whole(lab, run)


def test_a_run_in_the_kernel_is_finished_by_another_notebook(lab: Path, kernels: Any) -> None:
    first = kernels(lab)
    run = begin(first, lab, "--in-kernel")
    first.kill()
    until(lambda: run.status().state == "lost")
    go(lab, 2, 3, 4, 5)
    refused = terminal("resume", cwd=lab)
    assert refused.returncode == 2
    assert "needs what lived in its notebook's kernel: resume it there" in refused.stderr
    second = kernels(lab)
    assert "finished; 6 of 6 done" in second.run("%psweep resume -d calc\n%psweep wait")
    assert calls(lab) == {**dict.fromkeys(range(6), 1), 2: 2}
    check_whole(lab, run)


def test_workers_of_a_killed_kernel_are_gone(lab: Path, kernels: Any) -> None:
    first = kernels(lab)
    run = begin(first, lab, "-w 2")
    pids = processes(run)
    assert len(pids["executors.local_worker"]) == 2
    first.kill()
    os.kill(pids["psweep_nb.driver"][0], signal.SIGKILL)
    until(lambda: not any(processes(run).values()))
