"""What tests start is there in CI, and ends with them."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cluster.daemons import daemon, program
from tests.waiting import until


def test_what_is_not_installed_skips_but_in_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PSWEEP_CI", raising=False)
    with pytest.raises(pytest.skip.Exception, match=r"no-such is not installed .*some-package"):
        program("no-such", "some-package")
    monkeypatch.setenv("PSWEEP_CI", "1")
    with pytest.raises(pytest.fail.Exception, match="no-such is not installed"):
        program("no-such", "some-package")


def test_a_daemon_ends_with_its_block(tmp_path: Path) -> None:
    with daemon(["sleep", "60"], tmp_path / "log") as child:
        assert child.poll() is None
    assert child.returncode == -signal.SIGTERM


CODE = """
import sys, pathlib, time
from tests.cluster.daemons import daemon
with daemon(["sleep", "60"], pathlib.Path("log")) as child:
    print(child.pid, flush=True)
    time.sleep(60)
"""


def test_a_daemon_ends_with_tests_that_are_killed() -> None:
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    parent = subprocess.Popen([sys.executable, "-c", CODE], stdout=subprocess.PIPE, env=environment)
    assert parent.stdout is not None
    pid = int(parent.stdout.readline())
    # From here on it is tied to its parent: what ties it has become the program itself.
    until(lambda: Path(f"/proc/{pid}/comm").read_text() == "sleep\n")
    parent.kill()
    parent.communicate()
    until(lambda: not is_running(pid))


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"  # the machine's first process may not reap orphans
