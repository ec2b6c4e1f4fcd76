"""The file `psets` of a run's folder: its parameter sets, each with an id and a hash.

Written once, by who submits (`submission`); everybody reads it through the run's folder (`rundir`).
"""

import mmap
import os
import struct
from array import array
from collections.abc import Callable, Sequence
from itertools import accumulate
from pathlib import Path
from pickle import dumps
from typing import Any
from zlib import crc32

from psweep_nb.errors import JournalError
from psweep_nb.files import write_new

Load = Callable[[bytes], Any]

_PSETS_MAGIC = b"psweepp\x01"
_PSETS_HEAD = struct.Struct(
    "<8sQII"
)  # magic, number of psets, crc32 of the tables and the next, psets a pickle
PSETS_AT_ONCE = 64
BIG_BLOB = 100_000  # bytes
_MANY = 10_000
_PART = 1 << 22  # bytes
_DIGEST = 20
_ID = 36  # as text: read far more often than written
_NO_DIGEST = bytes(_DIGEST)
_NO_SHA1 = _NO_DIGEST.hex()


class Psets:
    """A run's psets as stored, each with its id and its hash; read by mmap.

    Plain psets, whose values are immutable, are pickled some at a time, which takes a third of
    the time; any other has a pickle of its own, so that one which cannot be read is alone in that.

    Parameters
    ----------
    path : Path
        A file that :meth:`write` made.

    Raises
    ------
    JournalError
        If the file is cut short or something else.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with open(path, "rb") as file:
            try:
                self._map = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
            except ValueError:
                raise JournalError(f"{path} is empty; it should hold the run's psets") from None
        magic, n, crc, at_once = _PSETS_HEAD.unpack(self._map[: _PSETS_HEAD.size].ljust(24, b"\0"))
        self._n: int = n
        self._at_once: int = max(at_once, 1)
        blobs = -(-n // self._at_once)
        crcs_at = _PSETS_HEAD.size + 8 * (blobs + 1)
        self._ids = crcs_at + 4 * blobs
        self._digests = self._ids + _ID * n
        self._blobs = self._digests + _DIGEST * n
        if magic != _PSETS_MAGIC or len(self._map) < self._blobs:
            raise JournalError(f"{path} is damaged: it is no complete list of psets")
        if self._crc_of_tables(at_once) != crc:
            raise JournalError(f"{path} is damaged: its checksum does not match its content")
        self._offsets = array("Q", self._map[_PSETS_HEAD.size : crcs_at])
        self._crcs = array("I", self._map[crcs_at : self._ids])
        if self._blobs + self._offsets[-1] != len(self._map):
            raise JournalError(f"{path} is damaged: its length does not match its content")
        self._read = -1, list[dict[str, Any]]()  # the pickle that was read last

    def _crc_of_tables(self, crc: int) -> int:
        for start in range(_PSETS_HEAD.size, self._blobs, _PART):
            crc = crc32(self._map[start : min(start + _PART, self._blobs)], crc)
            self._let_go()
        return crc

    @staticmethod
    def write(
        path: Path, blobs: Sequence[bytes], digests: Sequence[bytes | None], at_once: int = 1
    ) -> None:
        """Write the file; ids (random UUIDs, version 4) are made here.

        Parameters
        ----------
        path : Path
            Must not exist.
        blobs : sequence of bytes
            Pickles: of a pset each, or of lists of `at_once` psets that are plain.
        digests : sequence of bytes or None
            The hash of each pset.
        at_once : int
            1, or how many psets a pickle holds (the last one may hold less).
        """
        n = len(digests)
        offsets = array("Q", accumulate(map(len, blobs), initial=0))
        crcs = array("I", map(crc32, blobs))
        hashes = b"".join(digest or _NO_DIGEST for digest in digests)
        tables = b"".join((offsets.tobytes(), crcs.tobytes(), _random_uuids(n), hashes))
        head = _PSETS_HEAD.pack(_PSETS_MAGIC, n, crc32(tables, at_once), at_once)
        write_new(path, (head, tables, *blobs))

    def __len__(self) -> int:
        return self._n

    @property
    def plain(self) -> bool:
        """Whether all values of all psets are known to be immutable."""
        return self._at_once > 1

    def pset(self, i: int, load: Load) -> dict[str, Any]:
        """A new copy of pset `i`.

        Raises
        ------
        JournalError
            If it is not what was written.
        Exception
            Whatever unpickling an object of the user's may raise.
        """
        if not self.plain:
            pset: dict[str, Any] = load(self._blob(i))
            return pset
        return self._some(i // self._at_once, load)[i % self._at_once].copy()

    def blob(self, i: int, load: Load) -> bytes:
        """The pickle of pset `i`, see :meth:`pset`."""
        return dumps(self.pset(i, load), 5) if self.plain else self._blob(i)

    def psets(self, numbers: Sequence[int], load: Load) -> list[dict[str, Any]]:
        """Many psets, see :meth:`pset`; not to be modified."""
        if not self.plain:
            return [load(self._blob(i)) for i in numbers]
        at_once, some = self._at_once, self._some
        return [some(i // at_once, load)[i % at_once] for i in numbers]

    def _some(self, number: int, load: Load) -> list[dict[str, Any]]:
        # Both in one assignment: threads share this object.
        at, psets = self._read
        if at != number:
            psets = load(self._blob(number))
            self._read = number, psets
        return psets

    def _blob(self, i: int) -> bytes:
        found = self._map[self._blobs + self._offsets[i] : self._blobs + self._offsets[i + 1]]
        if crc32(found) != self._crcs[i]:
            psets = f"psets from {i * self._at_once} on are" if self.plain else f"pset {i} is"
            raise JournalError(f"{psets} damaged in {self._path}")
        return found

    def id(self, i: int) -> str:
        """The id of pset `i`, as in the column `_pset_id`."""
        return self._map[self._ids + _ID * i : self._ids + _ID * (i + 1)].decode()

    def find(self, pset_id: str) -> int | None:
        """The number of the pset whose id begins so, None for none."""
        sought = pset_id.encode()
        at: int = self._ids
        while True:
            at = self._map.find(sought, at, self._digests)
            number, rest = divmod(at - self._ids, _ID)
            if at < 0 or not rest:
                return number if at >= 0 else None
            at += 1

    def digest(self, i: int) -> bytes | None:
        """The hash of pset `i` (20 bytes), None where it has none."""
        found = self._map[self._digests + _DIGEST * i : self._digests + _DIGEST * (i + 1)]
        return None if found == _NO_DIGEST else found

    def sha1(self, i: int) -> str | None:
        """The hash of pset `i` as in the column `_pset_sha1`."""
        found = self._map[self._digests + _DIGEST * i : self._digests + _DIGEST * (i + 1)]
        return None if found == _NO_DIGEST else found.hex()

    def ids(self, start: int, stop: int) -> list[str]:
        """The ids of psets that follow each other."""
        text = self._map[self._ids + _ID * start : self._ids + _ID * min(stop, len(self))].decode()
        self._forget(start, stop)
        return [text[i : i + _ID] for i in range(0, len(text), _ID)]

    def sha1s(self, start: int, stop: int) -> list[str | None]:
        """The hashes of psets that follow each other, as :meth:`sha1` gives them."""
        at, width = self._digests, 2 * _DIGEST
        text = self._map[at + _DIGEST * start : at + _DIGEST * min(stop, len(self))].hex()
        self._forget(start, stop)
        found: list[str | None] = [text[i : i + width] for i in range(0, len(text), width)]
        return (
            [None if sha1 == _NO_SHA1 else sha1 for sha1 in found] if _NO_SHA1 in found else found
        )

    def _forget(self, start: int, stop: int) -> None:
        """After a long stretch was read, keep no more of the file in this process's memory."""
        if start // _MANY != stop // _MANY:
            self._let_go()

    def _let_go(self) -> None:
        if hasattr(mmap, "MADV_DONTNEED"):
            self._map.madvise(mmap.MADV_DONTNEED)

    def digests(self) -> list[bytes | None]:
        """The hashes of all psets."""
        data = self._map[self._digests : self._blobs]
        found = (data[i : i + _DIGEST] for i in range(0, len(data), _DIGEST))
        return [None if digest == _NO_DIGEST else digest for digest in found]


def _random_uuids(n: int) -> bytearray:
    """`n` UUIDs of version 4 as text, a column of characters at a time: 0.1 µs each, not 2.3."""
    hexadecimal = os.urandom(16 * n).hex().encode()
    texts = bytearray(b"-") * (_ID * n)
    places = [i for i in range(_ID) if i not in (8, 13, 18, 23)]
    for i, place in enumerate(places):
        texts[place::_ID] = hexadecimal[i::32]
    texts[14::_ID] = b"4" * n
    texts[19::_ID] = texts[19::_ID].translate(_VARIANT)
    return texts


_VARIANT = bytes.maketrans(b"0123456789abcdef", b"89ab" * 4)
