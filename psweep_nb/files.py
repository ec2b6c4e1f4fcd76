"""Replacing a file so that at any moment it is the old one or the new one, whole.

Used wherever something on disk must last: run records, folded offsets, the table.
"""

import contextlib
import ctypes
import errno
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, BinaryIO

from psweep_nb.errors import OptionError


def path_of(value: Any, what: str) -> Path:
    """A path as a user has given it.

    Raises
    ------
    OptionError
        If it cannot be one; `what` is what the message calls it.
    """
    try:
        text = os.fspath(value)
    except TypeError:
        text = None
    if not isinstance(text, str) or not text or "\0" in text:
        given = f"{value!r:.100} ({type(value).__name__})"
        raise OptionError(f"{what} is {given}; it should be the path of a file or directory")
    return Path(text)


def replace_file(
    path: Path,
    write: Callable[[BinaryIO], object],
    *,
    lasting: bool = True,
    mode: int = 0o666,
    locked: bool = False,
) -> None:
    """Write a file beside `path`, force it to disk, and rename it over `path`.

    Parameters
    ----------
    path : Path
        The file to replace; it keeps its permissions.
    write : callable
        Gets the open binary file. If it raises, `path` is untouched and nothing is left over.
    lasting : bool
        False for what need not outlive a power cut: then the disk is not waited for.
    mode : int
        Permissions of a new file, of which the user's umask takes some away.
    locked : bool
        Whoever calls it holds a lock, without which nobody writes `path`. The file beside is then
        always of the same name, so that what a killed process left of it goes with the next.
    """
    unique = "new" if locked else f"{os.getpid()}-{os.urandom(4).hex()}"
    beside = path.with_name(f".{path.name}.{unique}")
    if locked:
        beside.unlink(missing_ok=True)
    fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode)
    try:
        with contextlib.suppress(FileNotFoundError):
            os.fchmod(fd, path.stat().st_mode & 0o777)
        with open(fd, "wb") as file:
            write(file)
            if lasting:
                file.flush()
                os.fsync(file.fileno())
        os.replace(beside, path)
    except BaseException:
        with contextlib.suppress(FileNotFoundError):
            beside.unlink()
        raise
    if lasting:
        sync_file(path.parent)


def write_new(path: Path, parts: Iterable[bytes]) -> None:
    """Write a file that nobody else can see yet; :func:`sync_folder` makes it last."""
    with open(path, "xb") as file:
        file.writelines(parts)


def sync_folder(path: Path) -> None:
    """Force the files of a folder, and the list of them, to disk."""
    for entry in path.iterdir():
        with contextlib.suppress(FileNotFoundError):  # replaced by another process, or thread
            if entry.is_file():
                sync_file(entry)
    sync_file(path)


def sync_file_system(path: Path) -> None:
    """Force all files to disk of the file system that `path` is in.

    Of thousands of small files that takes a hundredth of the time that each of them by itself does.
    """
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        libc = ctypes.CDLL(None, use_errno=True)
        if not hasattr(libc, "syncfs"):  # Linux alone has it
            os.sync()
        elif libc.syncfs(fd):
            number = ctypes.get_errno()
            if number != errno.ENOSYS:
                raise OSError(number, os.strerror(number), str(path))
            os.sync()
    finally:
        os.close(fd)


def sync_file(path: Path) -> None:
    """Force a file to disk, or a directory's entries: a rename lasts only then."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
