"""The journal: what happened to a run's psets, as files that only grow.

Owns the record format, its writer (one a file: a worker or an engine) and its reader (anyone,
at any time, also while the file grows). Pure: it knows nothing of studies or processes.

A record is a fixed head, two checksums, a body and an end mark::

    head (HEAD, 52 bytes) | crc32 of head | crc32 of head and body | body | b"\\n"

The checksums start from a random salt in the file's first bytes, so that a journal which
travels as data inside another journal is never taken for records of that one. The end mark
is not zero, so that a tail which a crash left zero-filled can be told from a flipped byte.
"""

import errno
import os
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from zlib import crc32

from psweep_nb.errors import JournalError

MAGIC = b"psweepj\x01"
_FILE_HEAD = struct.Struct("<8sI")
MARK = b"\xf7psw"
HEAD = struct.Struct("<4sBxHIqqQQQ")  # mark kind attempt pset start runtime log0 log1 size
_CRCS = struct.Struct("<II")
_WHOLE_HEAD = struct.Struct(HEAD.format + _CRCS.format[1:])
_END = b"\n"
HEAD_SIZE = _WHOLE_HEAD.size
_PEEK = struct.Struct(f"<4s{HEAD.size - 12}xQ{_CRCS.format[1:]}")  # mark size and the checksums

# What a record says: the first two end a pset, END the engine's session, LOADFAIL a worker that
# could not begin; PREPARED gives a pset of a batch run its row, in attempt 0.
DONE, FAILED, END, LOADFAIL, PREPARED = range(1, 6)

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_RETRY_FULL_S = 0.5
_NO_LIMIT = 1 << 62
_ORDINARY = 512  # bytes of a record: who wants few need not have a megabyte copied


class Record(NamedTuple):
    """One record as read back. Times in ns since the epoch (start) and ns (runtime)."""

    kind: int
    attempt: int
    pset: int  # its number in the run
    start_ns: int
    runtime_ns: int
    log_start: int
    log_end: int
    body: bytes
    offset: int  # of the body in the file: bodies are big, readers may keep only this


@dataclass
class Bulk:
    """Many records at once, for who makes columns of them: no object for each.

    Attributes
    ----------
    heads : bytearray
        As `HEAD` packs them, one behind the other.
    bodies : list of bytes or dict
        A dict stands for its pickle.
    """

    heads: bytearray = field(default_factory=bytearray)
    bodies: list[bytes | dict[str, Any]] = field(default_factory=list)

    def has(self, kind: int) -> bool:
        """Whether a record of this kind is among them."""
        return kind in self.heads[_KIND_AT :: HEAD.size]

    def take(self, n: int) -> "Bulk":
        """Return the first `n`, which are then no longer in this one."""
        size = n * HEAD.size
        taken = Bulk(self.heads[:size], self.bodies[:n])
        del self.heads[:size], self.bodies[:n]
        return taken


_KIND_AT = len(MARK)


@dataclass(frozen=True)
class Written:
    """A stretch of a journal that this very process wrote, so that it need not be read again."""

    path: Path
    start: int
    stop: int
    records: Bulk


class Writer:
    """Appends records to a new file; a record is whole or torn, never mixed with another.

    Parameters
    ----------
    path : Path
        Must not exist: after a torn tail a new file is started, since truncating one could
        pull it from under a reader.
    goes_on : bool
        If it exists, go on where it ends: known to be whole, and its writer gone.
    on_full : callable, optional
        Called with True when the disk is full (the write is then repeated every half second
        until there is room) and with False when it went on. Without it the error is raised.
    """

    def __init__(
        self,
        path: Path,
        on_full: Callable[[bool], None] | None = None,
        *,
        goes_on: bool = False,
    ) -> None:
        self._on_full = on_full
        if goes_on and path.exists():
            self._fd = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC)
            _, self._salt = _FILE_HEAD.unpack(os.pread(self._fd, _FILE_HEAD.size, 0))
            self.size = os.fstat(self._fd).st_size
            return
        self._salt = int.from_bytes(os.urandom(4), "little")
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC
        self._fd = os.open(path, flags, 0o600)
        self._write_rest(memoryview(_FILE_HEAD.pack(MAGIC, self._salt)))
        self.size = _FILE_HEAD.size

    def append(
        self,
        kind: int,
        body: bytes = b"",
        attempt: int = 0,
        pset: int = 0,
        start_ns: int = 0,
        runtime_ns: int = 0,
        log_start: int = 0,
        log_end: int = 0,
    ) -> bytes:
        """Write one record; when this returns, it survives the death of this process.

        Returns its head, as `HEAD` packs it.
        """
        head = HEAD.pack(
            MARK, kind, attempt, pset, start_ns, runtime_ns, log_start, log_end, len(body)
        )
        crc = crc32(head, self._salt)
        data = b"".join((head, _CRCS.pack(crc, crc32(body, crc)), body, _END))
        try:
            done = os.write(self._fd, data)
        except OSError:  # most likely a full disk; if it is another trouble, it comes again
            done = 0
        if done != len(data):
            self._write_rest(memoryview(data)[done:])
        self.size += len(data)
        return head

    def _write_rest(self, rest: memoryview) -> None:
        # A short write leaves a torn record; going on where it stopped makes it whole again.
        waiting = False
        while rest:
            try:
                rest = rest[os.write(self._fd, rest) :]
            except OSError as exc:
                if exc.errno not in _FULL or self._on_full is None:
                    raise
                if not waiting:
                    self._on_full(True)
                waiting = True
                time.sleep(_RETRY_FULL_S)
        if waiting and self._on_full is not None:
            self._on_full(False)

    def is_deleted(self) -> bool:
        """Whether somebody has deleted the file: nobody can read what is appended from now on."""
        return os.fstat(self._fd).st_nlink == 0

    def sync(self) -> None:
        """Force what was written to the disk itself."""
        os.fsync(self._fd)

    def close(self) -> None:
        """Close the file; appending afterwards is an error."""
        os.close(self._fd)


class Reader:
    """Reads a journal from a given offset on, again and again while it grows.

    Attributes
    ----------
    offset : int
        Behind the last good record (bytes).
    damage : list of (int, int)
        Byte ranges that are neither records nor a torn tail; their content is skipped.
    tail : str
        What follows `offset`: ``""`` nothing, ``"torn"`` a record that is not complete (it
        may still be on its way), ``"damaged"`` bytes that no crash explains.
    """

    CHUNK = 1 << 20

    def __init__(self, path: Path, offset: int = 0) -> None:
        self.path = path
        self.offset = offset
        self.damage: list[tuple[int, int]] = []
        self.tail = ""
        self._seen = -1  # file size at the last read: nothing to do while it stays
        self._salt = -1
        self._fd = -1

    def __del__(self) -> None:
        self.close()

    def close(self) -> None:
        """Give the file descriptor back; the next read opens the file again."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def read(self, limit: int = 0) -> list[Record]:
        """Return the records that came since the last call.

        Parameters
        ----------
        limit : int
            Stop after about so many records (0: read all there are).
        """
        records: list[Record] = []
        new = tuple.__new__
        for at, heads, bodies in self._stretches(limit or _NO_LIMIT):
            for fields, body in zip(HEAD.iter_unpack(heads), bodies, strict=True):
                at += HEAD_SIZE
                # Half the cost of Record(...).
                records.append(new(Record, (*fields[1:-1], body, at)))
                at += len(body) + 1
        return records

    def read_bulk(self) -> Bulk:
        """Return the records that came since the last call, not made into objects."""
        found = Bulk()
        for _, heads, bodies in self._stretches(_NO_LIMIT):
            found.heads += heads
            found.bodies += bodies
        return found

    def _stretches(self, limit: int) -> Iterator[tuple[int, bytearray, list[bytes]]]:
        """Give where records begin that follow each other, their heads, and their bodies."""
        try:
            size = self.path.stat().st_size
        except FileNotFoundError:
            return
        if size in (self._seen, self.offset) or not self._open():
            return
        while self.offset < size and size != self._seen:
            heads, bodies = bytearray(), list[bytes]()
            data = os.pread(self._fd, min(self.CHUNK, limit * _ORDINARY), self.offset)
            used, need = self._parse(data, heads, bodies, limit)
            while not used and need > len(data) and self.offset + need <= size:
                data = os.pread(self._fd, need, self.offset)  # a record larger than a chunk
                if len(data) < need:
                    break
                used, need = self._parse(data, heads, bodies, limit)
            if bodies:
                start, self.offset = self.offset, self.offset + used
                limit -= len(bodies)
                yield start, heads, bodies
                if limit <= 0:
                    return
            elif not self._skip_damage(size):
                self._seen = size
                break
        else:
            if self.offset >= size:
                self.tail = ""

    def body(self, offset: int, size: int) -> bytes:
        """Return a body that :meth:`read` gave before, by its place in the file."""
        if not self._open():
            raise JournalError(f"journal {self.path} is gone, or was compacted since")
        return os.pread(self._fd, size, offset)

    def _open(self) -> bool:
        if self._fd >= 0 and self._salt >= 0:
            return True
        if self._fd < 0:
            try:
                self._fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC)
            except FileNotFoundError:
                return False
        data = os.pread(self._fd, _FILE_HEAD.size, 0)
        if len(data) < _FILE_HEAD.size or MAGIC.startswith(data.rstrip(b"\0")):
            self.tail = "torn" if data else ""
            return False
        magic, salt = _FILE_HEAD.unpack(data)
        if magic != MAGIC:
            self.tail = "damaged"
            self.damage = [(0, os.fstat(self._fd).st_size)]
            return False
        if self._salt not in (-1, salt):  # compacted: records are no longer where they were
            self.close()
            return False
        self._salt = salt
        self.offset = max(self.offset, _FILE_HEAD.size)
        return True

    def _parse(
        self, data: bytes, heads: bytearray, bodies: list[bytes], limit: int
    ) -> tuple[int, int]:
        """Take whole records off `data`; return (bytes used, bytes the next record needs)."""
        peek, salt, last = _PEEK.unpack_from, self._salt, len(data) - HEAD_SIZE
        at = need = 0
        while at < last and len(bodies) < limit:
            mark, size, head_crc, body_crc = peek(data, at)
            head = data[at : at + HEAD.size]
            if mark != MARK or crc32(head, salt) != head_crc:
                break
            body_at = at + HEAD_SIZE
            stop = body_at + size
            if stop >= len(data):
                need = HEAD_SIZE + size + 1
                break
            body = data[body_at:stop]
            if crc32(body, head_crc) != body_crc or data[stop] != 10:
                break
            heads += head
            bodies.append(body)
            at = stop + 1
        return at, need

    def _skip_damage(self, size: int) -> bool:
        """Judge the bytes behind `offset`, where no record starts; True if one starts later."""
        rest = os.pread(self._fd, size - self.offset, self.offset)
        self.tail = "torn" if self._is_torn(rest) else "damaged"
        if self.tail == "torn" and len(rest) <= HEAD_SIZE:
            return False
        at = rest.find(MARK, 1)
        while at >= 0:
            if self._parse(rest[at:], bytearray(), [], 1)[0]:
                self.damage.append((self.offset, self.offset + at))
                self.offset += at
                return True
            at = rest.find(MARK, at + 1)
        return False

    def _is_torn(self, rest: bytes) -> bool:
        if len(rest) <= HEAD_SIZE or rest[-1] == 0:
            return True
        mark, *_, size, head_crc, _ = _WHOLE_HEAD.unpack_from(rest)
        sound = mark == MARK and crc32(rest[: HEAD.size], self._salt) == head_crc
        return bool(sound and HEAD_SIZE + size + 1 > len(rest))
