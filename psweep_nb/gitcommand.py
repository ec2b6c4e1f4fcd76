"""The program git, run so that it can ask nobody anything and comes to an end.

Used by `gitrepo`, which commits, and by `provenance`, which only looks.
"""

import os
import signal
import subprocess
from pathlib import Path

from psweep_nb.errors import StudyError
from psweep_nb.wording import printable

TIMEOUT_S = 120.0  # hooks may take their time, but not for ever
_END_S = 5.0


def git(
    where: Path, *arguments: str, timeout: float | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run git in a directory; it can ask nobody anything.

    Raises
    ------
    StudyError
        If there is no git, or it does not come to an end.
    """
    command = ["git", *arguments]
    timeout = TIMEOUT_S if timeout is None else timeout
    try:
        process = subprocess.Popen(
            command,
            cwd=where,
            env={**os.environ, "GIT_TERMINAL_PROMPT": "0"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            # Its own session: no terminal to ask for a passphrase, and hooks end with it.
            start_new_session=True,
        )
    except FileNotFoundError:
        raise StudyError(
            "git=True needs the program `git`, which is not on the PATH: install it, or leave "
            "git out"
        ) from None
    with process:
        try:
            out, err = process.communicate(timeout=timeout)
        except BaseException as exc:
            _end(process)
            if not isinstance(exc, subprocess.TimeoutExpired):
                raise
            verb = next(word for word in arguments if word[0] != "-")
            raise StudyError(f"`git {verb}` took more than {timeout:.0f} s and was ended") from None
    return subprocess.CompletedProcess(command, process.returncode, out, err)


def _end(process: "subprocess.Popen[str]") -> None:
    os.killpg(process.pid, signal.SIGTERM)  # lets git take its own lock away
    try:
        process.wait(_END_S)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)


def said(done: "subprocess.CompletedProcess[str]") -> str:
    """What git printed, in one line."""
    text = printable(" ".join((done.stderr + done.stdout).split()))  # hooks print in colours
    return text if len(text) <= 300 else f"{text[:300]}..."
