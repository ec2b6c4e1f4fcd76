"""Process trees: starting a process that ends with its parent, ending one with all it started.

Used by the local executor and the driver. Linux has all of it; elsewhere the parts that are
missing are left out where a comment says so.
"""

import contextlib
import ctypes
import os
import select
import signal
import sys
import threading
from collections.abc import Collection, Iterator
from pathlib import Path
from time import monotonic, sleep

LINUX = sys.platform == "linux"
_PR_SET_PDEATHSIG, _PR_SET_CHILD_SUBREAPER = 1, 36
_STOPPING_S = 0.05
MARK = "PSWEEP_NB_WORKER"  # environment variable by which a worker's stray children are known


def bootstrap(module: str) -> list[str]:
    """Return the command that runs `module.main()` of this package in a new interpreter.

    ``-P`` keeps a `pickle.py` in the user's directory from shadowing the library's; the package's
    own place goes last on the path, so that it shadows nothing either.
    """
    root = str(Path(__file__).resolve().parents[2])
    code = f"import sys; sys.path.append({root!r}); from {module} import main; main()"
    return [sys.executable, "-P", "-c", code]


def cpu_count() -> int:
    """Return how many processors this process may use."""
    if LINUX:
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def die_with_parent(parent: int, hangup_fd: int) -> None:
    """End this process group when `parent` ends.

    The kernel's signal alone would miss children, and a watching thread alone a function that
    holds the GIL in C code; together nothing is left behind.

    Parameters
    ----------
    parent : int
        Its process id.
    hangup_fd : int
        A socket whose other end only the parent has.
    """
    if LINUX:
        _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before the call above
        os._exit(1)
    threading.Thread(target=_watch, args=(hangup_fd,), daemon=True).start()


def _watch(fd: int) -> None:
    poll = select.poll()
    poll.register(fd, 0)  # no event but the hang-up, which is always reported
    poll.poll()
    os.killpg(0, signal.SIGKILL)


def adopt_orphans() -> None:
    """Make this process the parent of whatever its descendants leave behind (Linux only)."""
    if LINUX:
        _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def kill_tree(pid: int) -> None:
    """Kill a group leader that was not waited for yet, its group and its other descendants.

    It must not have been waited for: only then the ids still belong to it.
    """
    strays = _descendants(pid)  # before the kill: afterwards they have another parent
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)
    _kill([pid, *strays])


@contextlib.contextmanager
def stopped(pid: int) -> Iterator[bool]:
    """Let a child of this process stand still for a block, and say whether it does.

    It may not, for a while: in a system call that hangs, say.
    """
    flags, end = os.WSTOPPED | os.WNOHANG | os.WNOWAIT, monotonic() + _STOPPING_S
    os.kill(pid, signal.SIGSTOP)
    try:
        while not (stands_still := os.waitid(os.P_PID, pid, flags)) and monotonic() < end:
            sleep(0.001)
        yield bool(stands_still)
    finally:
        os.kill(pid, signal.SIGCONT)


def kill_orphans(mark: str) -> None:
    """Kill this process's children that carry `mark` in their environment, and theirs.

    They left the group of a worker that is dead by now and were adopted (see
    :func:`adopt_orphans`).
    """
    for pid in _children(os.getpid()):
        if _mark_of(pid) == mark:
            _kill([pid, *_descendants(pid)])
            with contextlib.suppress(ChildProcessError):
                os.waitpid(pid, 0)


def reap_orphans(others: Collection[int]) -> None:
    """Wait for adopted children that have ended; `others` are waited for elsewhere.

    What functions start in the background would else pile up as zombies.
    """
    with contextlib.suppress(ChildProcessError):
        while ended := os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT):
            if ended.si_pid in others:
                return  # it hides the rest; next time
            os.waitpid(ended.si_pid, 0)


def _kill(pids: list[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.kill(pid, signal.SIGKILL)


def _descendants(pid: int) -> list[int]:
    found: list[int] = []
    for child in _children(pid):
        found += [child, *_descendants(child)]
    return found


def _children(pid: int) -> list[int]:
    # Without /proc (macOS) a process that left the group is not found.
    children: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            children += map(int, task.read_text().split())
    return children


def _mark_of(pid: int) -> str:
    with contextlib.suppress(OSError):
        for entry in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0"):
            name, _, value = entry.partition(b"=")
            if name == MARK.encode():
                return value.decode()
    return ""


_HINTS: dict[int, str] = {
    signal.SIGKILL: ", perhaps out of memory",
    signal.SIGXFSZ: ": the function has limited how large files may be (RLIMIT_FSIZE)",
}


def describe_exit(code: int) -> str:
    """Say in words how a process ended; `code` as `subprocess` gives it."""
    if code >= 0:
        return f"exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"killed by {name}{_HINTS.get(-code, '')}"
