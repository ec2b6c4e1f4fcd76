"""Fixtures of several test modules."""

import multiprocessing
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from psweep_nb import Run, Study
from tests.benchmark import psweep_environment

# Started in the background of a script, a process ignores Ctrl-C, and so do its children.
signal.signal(signal.SIGINT, signal.default_int_handler)

# No deadline: a loaded machine is not a failing test. In CI the same examples each time, so that
# a change is judged by what it changes; everywhere else new ones are tried.
settings.register_profile("psweep_nb", deadline=None, derandomize="PSWEEP_CI" in os.environ)
settings.load_profile("psweep_nb")

WAYS = ("serial", "workers", "process", "kernel", "threads", "pool")
CASES = Path(__file__).with_name("psweep_cases.py")


@pytest.fixture
def study() -> Study:
    return Study("calc")


@pytest.fixture(params=WAYS)
def execute(request: pytest.FixtureRequest, study: Study) -> Iterator[Callable[..., Run]]:
    """A function that executes psets to the end, and returns their run."""

    def blocking(func: Any, params: Any, **options: Any) -> Run:
        workers = 2 if request.param == "workers" else None
        study.run(func, params, on_error="record", workers=workers, **options)
        return study.run_of(-1)

    def background(func: Any, params: Any, **more: Any) -> Run:
        run = study.submit(func, params, **more, **options)
        assert run.wait(60).ended
        return run

    options: dict[str, Any] = {}
    if request.param in ("serial", "workers"):
        yield blocking
    elif request.param in ("process", "kernel"):
        options = {"workers": 2} if request.param == "process" else {"in_kernel": True}
        yield background
    else:
        # Not fork: this process has threads.
        context = multiprocessing.get_context("forkserver")
        threads = request.param == "threads"
        with ThreadPoolExecutor(2) if threads else ProcessPoolExecutor(2, context) as pool:
            options = {"executor": pool}
            yield background


class Psweep:
    """psweep 0.16, in an environment of its own."""

    def __init__(self) -> None:
        self.python = psweep_environment()

    def do(self, case: str, folder: Path) -> str:
        """Run one of psweep_cases.py; what it printed."""
        done = subprocess.run(
            [self.python, str(CASES), case, str(folder)],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout


@pytest.fixture(scope="session")
def psweep() -> Psweep:
    return Psweep()


@pytest.fixture(scope="session")
def psweep_study(psweep: Psweep, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study that psweep 0.16 wrote; not to be changed."""
    folder = tmp_path_factory.mktemp("psweep") / "calc"
    psweep.do("write", folder)
    return folder
