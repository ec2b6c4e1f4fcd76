"""A slate: what the pset that a worker is at has reported last; a small file, written over.

It is no journal: of values that come a thousand times a second only the newest count. As a file it
survives whatever ends its writer. Written by `within`, read by the engine (for the row of a pset
that took its worker along) and by views.
"""

import os
import struct
from pathlib import Path
from typing import NamedTuple
from uuid import uuid4
from zlib import crc32

_SUFFIX, _POOL = ".report", "pool-"
_TRIES = 5  # it may just be written
_CRC = struct.Struct("<I")
_HEAD = struct.Struct("<IQqI")  # attempt, pset, started (ns since the epoch), size of the body


def of_worker(session: Path, number: int) -> Path:
    """Return where the worker of that number writes what is reported."""
    return session / f"w{number}{_SUFFIX}"


def of_new_thread(session: Path) -> Path:
    """Return where one thread of a pool writes what is reported."""
    return session / f"{_POOL}{uuid4().hex}{_SUFFIX}"


def of_pools(session: Path) -> list[Path]:
    """Return the slates of pools' threads."""
    return sorted(session.glob(f"{_POOL}*{_SUFFIX}"))


class Note(NamedTuple):
    """What stands on a slate: a pickled dict, and whose it is."""

    pset: int  # its number in the run
    attempt: int
    started_ns: int
    body: bytes


class Slate:
    """The writing side: one worker, or one thread of it.

    Parameters
    ----------
    path : Path
        Made when first written to.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._fd = -1

    def write(self, note: Note) -> None:
        """Put this in the place of what stood there; `OSError` where there is no room for it."""
        if self._fd < 0:
            self._fd = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
        head = _HEAD.pack(note.attempt, note.pset, note.started_ns, len(note.body))
        data = b"".join((head, note.body))
        os.pwrite(self._fd, _CRC.pack(crc32(data)) + data, 0)

    def close(self) -> None:
        """Give the file descriptor back."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def __del__(self) -> None:
        self.close()


def read(path: Path) -> Note | None:
    """Return what stands on a slate; None if nothing."""
    at = _CRC.size + _HEAD.size
    for _ in range(_TRIES):
        try:
            data = path.read_bytes()
        except OSError:
            return None
        if len(data) < at:
            return None
        attempt, pset, started, size = _HEAD.unpack_from(data, _CRC.size)
        if _CRC.unpack_from(data)[0] == crc32(data[_CRC.size : at + size]):
            return Note(pset, attempt, started, data[at : at + size])
    return None


def read_all(folder: Path) -> list[Note]:
    """Return what stands on all slates in a session's folder."""
    notes = map(read, sorted(folder.glob(f"*{_SUFFIX}")))
    return [note for note in notes if note is not None]


def read_for(path: Path, pset: int, attempt: int) -> bytes:
    """Return what one attempt at a pset has reported, pickled; empty if nothing."""
    note = read(path)
    return note.body if note is not None and note[:2] == (pset, attempt) else b""
