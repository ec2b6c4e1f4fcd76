"""Advisory locks that tell who is at work on a file: taken, handed on, asked for.

A lock belongs to the open file, not to the process: it can be handed to a child without a gap,
and the kernel frees it however the last holder ends. The database and the engine take them;
followers only ask.
"""

import errno
import os
import struct
import sys
import threading
import time

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

# The open-file-description locks of Linux are the only ones that can be asked for without
# being taken. POSIX locks (lockf) would not do: they are lost as soon as anything in the process
# closes the same file.
_OFD = sys.platform == "linux"
_FLOCK = struct.Struct("hhqqi4x")  # struct flock: l_type, l_whence, l_start, l_len, l_pid
_TAKEN = (errno.EAGAIN, errno.EACCES, errno.EDEADLK)
_POLL_MIN, _POLL_MAX = 0.005, 0.05  # s

_open_locks: "dict[int, FileLock]" = {}
# Held across open and registration, and across a fork: a child forked between the two by another
# thread would keep the lock alive unnoticed.
_guard = threading.RLock()


class FileLock:
    """A lock on a file, exclusive or shared, between processes and between threads.

    Like `threading.Lock` it is not reentrant. It is held until `release`, or until this process
    and every process that was handed the descriptor have ended. Children forked from this process
    do not hold it.

    Parameters
    ----------
    path
        The file; made empty if it does not exist. Its content is never touched.

    Examples
    --------
    >>> import tempfile
    >>> path = os.path.join(tempfile.mkdtemp(), "lock")
    >>> lock = FileLock(path)
    >>> lock.try_acquire(), FileLock(path).try_acquire(), is_held(path)
    (True, False, True)
    >>> lock.release()
    >>> is_held(path)
    False
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = os.fspath(path)
        self._fd: int | None = None
        self._handed_on = False

    @classmethod
    def inherit(cls, fd: int, path: str | os.PathLike[str] = "") -> "FileLock":
        """The lock behind a descriptor that was handed to this process (`pass_fds`).

        From here on the descriptor is closed in this process's own children.
        """
        os.set_inheritable(fd, False)
        lock = cls(path)
        with _guard:
            lock._fd = fd
            lock._handed_on = True
            _open_locks[fd] = lock
        return lock

    @property
    def held(self) -> bool:
        """Whether this object holds the lock."""
        return self._fd is not None

    def try_acquire(self, shared: bool = False) -> bool:
        """Take the lock if it is free now; False if anybody has it, this object included."""
        while self._fd is None:
            with _guard:
                fd = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
                _open_locks[fd] = self
            taken = False
            try:
                if not _lock(fd, shared):
                    return False
                # Somebody may have removed or replaced the file meanwhile: then the lock is on a
                # file that nobody else will find.
                if _is_file_at(fd, self.path):
                    taken = True
                    self._fd, self._handed_on = fd, False
                    return True
            finally:
                if not taken:
                    _close(fd)
        return False

    def acquire(self, timeout: float | None = None, shared: bool = False) -> bool:
        """Wait for the lock at most `timeout` seconds (None: without end); whether it was taken."""
        end = None if timeout is None else time.monotonic() + timeout
        pause = _POLL_MIN
        while not self.try_acquire(shared):
            left = pause if end is None else end - time.monotonic()
            if left <= 0:
                return False
            time.sleep(min(pause, left))
            pause = min(2 * pause, _POLL_MAX)
        return True

    def fileno(self) -> int:
        """The descriptor to hand on: ``Popen(..., pass_fds=[lock.fileno()])``, then `release`."""
        if self._fd is None:
            raise ValueError(f"the lock on {self.path} is not held: acquire it first")
        self._handed_on = True
        return self._fd

    def release(self) -> None:
        """Let go of the lock; a process that was handed the descriptor keeps it."""
        fd, self._fd = self._fd, None
        if fd is not None:
            # An unlock would also take it from whom it was handed to; without one it stays held
            # until a child that is being forked just now gets to closing it (milliseconds).
            _close(fd, unlock=not self._handed_on)

    def __repr__(self) -> str:
        return f"<FileLock {self.path!r} {'held' if self.held else 'not held'}>"


def is_held(path: str | os.PathLike[str]) -> bool:
    """Whether any process, this one included, holds a lock on the file, shared or exclusive.

    Only asks, never takes (on Linux; elsewhere see the comment): no acquire fails because of it.
    A file that does not exist is not locked.
    """
    try:
        with _guard:
            fd = os.open(path, os.O_RDONLY if _OFD else os.O_RDWR)
            _open_locks[fd] = FileLock(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    try:
        if sys.platform == "linux" and _OFD:
            found = fcntl.fcntl(fd, fcntl.F_OFD_GETLK, _FLOCK.pack(fcntl.F_WRLCK, 0, 0, 0, 0))
            return bool(_FLOCK.unpack(found)[0] != fcntl.F_UNLCK)
        # No way to ask: take it for a moment. A try_acquire of that moment fails, so callers
        # there do well to acquire with a short timeout.
        taken = _lock(fd, shared=False)
        if taken:
            _unlock(fd)
        return not taken
    finally:
        _close(fd)


def _lock(fd: int, shared: bool) -> bool:
    try:
        if sys.platform == "win32":
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)  # knows no shared locks: exclusive then
        elif sys.platform == "linux" and _OFD:
            kind = fcntl.F_RDLCK if shared else fcntl.F_WRLCK
            fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _FLOCK.pack(kind, 0, 0, 0, 0))
        else:
            fcntl.flock(fd, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in _TAKEN:
            return False
        raise
    return True


def _is_file_at(fd: int, path: str) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), os.stat(path))
    except FileNotFoundError:
        return False


def _unlock(fd: int) -> None:
    if sys.platform == "win32":
        msvcrt.locking(fd, msvcrt.LK_UNLCK, 1)
    elif sys.platform == "linux" and _OFD:
        fcntl.fcntl(fd, fcntl.F_OFD_SETLK, _FLOCK.pack(fcntl.F_UNLCK, 0, 0, 0, 0))
    else:
        fcntl.flock(fd, fcntl.LOCK_UN)


def _close(fd: int, unlock: bool = False) -> None:
    with _guard:
        _open_locks.pop(fd, None)
        try:
            if unlock:
                _unlock(fd)
        finally:
            os.close(fd)


def _drop_in_child() -> None:
    for fd, lock in _open_locks.items():
        lock._fd = None
        os.close(fd)
    _open_locks.clear()
    _guard.release()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=_guard.acquire, after_in_parent=_guard.release, after_in_child=_drop_in_child
    )
