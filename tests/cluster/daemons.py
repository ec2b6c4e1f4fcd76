"""Programs that tests start and end: in the foreground, as children, in a folder of their own."""

import os
import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NoReturn

import pytest

# Debian puts daemons where only root looks.
PATH = os.pathsep.join((os.environ.get("PATH", ""), "/usr/local/sbin", "/usr/sbin", "/sbin"))


def program(name: str, package: str) -> str:
    """The path of a program; without it the test is skipped, or fails where CI installs it."""
    found = shutil.which(name, path=PATH)
    if found is None:
        unavailable(f"{name} is not installed (Debian's {package} has it)")
    return found


def unavailable(reason: str) -> NoReturn:
    """Skip the test, except in CI, where nothing of this may be missing."""
    if os.environ.get("PSWEEP_CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def free_ports(n: int) -> list[int]:
    """Ports of the loopback that nobody listens on."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(n)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


@contextmanager
def daemon(command: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """Run a program that stays in the foreground; end it, and reap it, at the end.

    Its parent is this process, whatever the machine's first process does about orphans, and the
    kernel ends it should this process be killed.
    """
    tied = [program("setpriv", "util-linux"), "--pdeathsig", "TERM", "--"]
    with log.open("ab") as out:
        child = subprocess.Popen(
            [*tied, *command],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,  # a Ctrl-C is for the tests
        )
    try:
        yield child
    finally:
        child.terminate()
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
