"""Fixtures of several test modules."""

import signal
import subprocess
from pathlib import Path

import pytest

from tests.benchmark import psweep_environment

# Started in the background of a script, a process ignores Ctrl-C, and so do its children.
signal.signal(signal.SIGINT, signal.default_int_handler)

CASES = Path(__file__).with_name("psweep_cases.py")


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
