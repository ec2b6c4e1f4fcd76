"""Replacing a file so that at any moment it is the old one or the new one, whole.

Used wherever something on disk must last: run records, folded offsets, the table.
"""

import contextlib
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO


def replace_file(path: Path, write: Callable[[BinaryIO], object], *, lasting: bool = True) -> None:
    """Write a file beside `path`, force it to disk, and rename it over `path`.

    Parameters
    ----------
    path : Path
        The file to replace; it keeps its permissions, a new one is private to the user.
    write : callable
        Gets the open binary file. If it raises, `path` is untouched and nothing is left over.
    lasting : bool
        False for what need not outlive a power cut: then the disk is not waited for.
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}-{os.urandom(4).hex()}")
    fd = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
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


def sync_file(path: Path) -> None:
    """Force a file to disk, or a directory's entries: a rename lasts only then."""
    fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
