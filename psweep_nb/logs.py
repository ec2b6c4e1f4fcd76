"""What psets print, kept in bounded space: the first and the last part of it.

Two ways, by who catches it: log files, written by processes that know nothing of this and cut to
size while they grow (`trim`), and `Kept`, text in memory. Used by whoever executes psets or reads
their logs.
"""

import os
import re
from pathlib import Path

HEAD = TAIL = 128 * 1024  # bytes kept of what one pset prints; characters where it is text
KEPT = HEAD + TAIL
LOGS = "logs.txt"  # in a pset's directory, where `capture_logs` asks for it
_LINE = re.compile(rb"\n\.\.\. (\d+) bytes left out \.\.\.\n")


def trim(path: Path, start: int) -> int:
    """Cut what a log has from `start` on to its first and last part, and return the log's size.

    Processes may go on appending meanwhile. A line says how much was left out; what an earlier
    call left out is counted. A log that somebody has deleted is empty, for all that is known.

    Parameters
    ----------
    path : Path
        The log, which everybody else only appends to.
    start : int
        Where the last pset in it begins (bytes).
    """
    try:
        fd = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return start
    try:
        size, at = os.fstat(fd).st_size, start + HEAD
        if size - start <= KEPT:
            return size
        tail = os.pread(fd, TAIL, size - TAIL)
        left_out, before = size - TAIL - at, _LINE.match(os.pread(fd, 80, at))
        if before is not None:
            left_out += int(before[1]) - len(before[0])
        data = b"\n... %d bytes left out ...\n" % left_out + tail
        # In this order: what is appended in between is lost at the end and mixes with nothing.
        os.pwrite(fd, data, at)
        os.ftruncate(fd, at + len(data))
        return at + len(data)
    finally:
        os.close(fd)


def read_log(path: Path, start: int = 0, stop: int | None = None, most: int = 2 * KEPT) -> str:
    """Return a pset's part of a log; of a very long one only the last `most` bytes."""
    try:
        with open(path, "rb") as file:
            stop = os.fstat(file.fileno()).st_size if stop is None else stop
            file.seek(max(start, stop - most))
            return file.read(max(0, min(stop - start, most))).decode(errors="replace")
    except OSError:
        return ""


class Kept:
    """Text that was written, the middle left out once it is long.

    >>> kept = Kept()
    >>> kept.write("one ")
    >>> kept.write("two")
    >>> kept.take(), kept.take()
    ('one two', '')
    """

    def __init__(self) -> None:
        self._clear()

    def _clear(self) -> None:
        self._head: list[str] = []
        self._tail: list[str] = []
        self._room = HEAD
        self._tail_size = self._left_out = 0

    def write(self, text: str) -> None:
        """Add to it."""
        if self._room:
            first, text = text[: self._room], text[self._room :]
            self._head.append(first)
            self._room -= len(first)
        if text:
            self._tail.append(text)
            self._tail_size += len(text)
            if self._tail_size > 2 * TAIL:
                self._cut()

    def _cut(self) -> None:
        self._tail = ["".join(self._tail)[-TAIL:]]
        self._left_out += self._tail_size - len(self._tail[0])
        self._tail_size = len(self._tail[0])

    def take(self) -> str:
        """Return it, and begin anew."""
        if self._tail_size > TAIL:
            self._cut()
        left_out = f"\n... {self._left_out} characters left out ...\n" if self._left_out else ""
        text = "".join((*self._head, left_out, *self._tail))
        self._clear()
        return text
