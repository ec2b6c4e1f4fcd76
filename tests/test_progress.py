"""The progress bar: a terminal gets one for what lasts, a pipe none."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios

import pytest

SCRIPT = """
import time
import psweep_nb as ps

def slow(a):
    time.sleep({seconds})
    return a

ps.run_local(slow, [{{"a": a}} for a in range(4)], save=False)
"""


def stderr_of(seconds: float, *, terminal: bool) -> str:
    ours, theirs = pty.openpty() if terminal else os.pipe()
    if terminal:
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 25, 80, 0, 0))
    with subprocess.Popen(
        [sys.executable, "-c", SCRIPT.format(seconds=seconds)], stderr=theirs
    ) as process:
        os.close(theirs)
        said = b""
        try:
            while part := os.read(ours, 1 << 16):
                said += part
        except OSError:  # how the end of a terminal is told
            pass
        os.close(ours)
    assert process.returncode == 0
    return said.decode()


def test_a_terminal_gets_a_bar_for_what_lasts() -> None:
    assert "pset" in stderr_of(0.5, terminal=True)


@pytest.mark.parametrize(("seconds", "terminal"), [(0.01, True), (0.5, False)])
def test_what_is_short_and_what_goes_to_a_pipe_gets_none(seconds: float, terminal: bool) -> None:
    assert stderr_of(seconds, terminal=terminal) == ""
