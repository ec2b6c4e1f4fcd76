"""A run's folder `.psweep/<run_id>/`: what is in it, and how each file is written and read.

Owns names and formats, no behaviour: the study makes a run folder, an engine's life in it is a
session (`000` the submission, later ones resume or retry), everybody else reads::

    run.json        what was asked for, for a person too     psets      the parameter sets, pickled
    lock            held by the engine at work               alive      held, shared, by its workers
    commands        lines of JSON, appended by anybody       folded.json   see `database`
    watched         the cells that watch it, see `script.watched`
    000/            session.json, function.pkl, setup.pkl, todo, cells, *.journal, *.log, *.report
"""

import contextlib
import json
import mmap
import os
import shutil
import struct
from array import array
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from itertools import accumulate, chain
from pathlib import Path
from pickle import dumps
from typing import Any
from zlib import crc32

from psweep_nb.errors import JournalError, StudyError
from psweep_nb.files import replace_file, write_new
from psweep_nb.livecells import Cells

Load = Callable[[bytes], Any]

SCHEMA = 1
ENGINE_JOURNAL = "engine.journal"
_INFO = {
    "run_id": str, "run_seq": int, "pset_seq": int, "n": int, "label": str, "params": list,
    "calc_dir": str,
}  # fmt: skip
_PSETS_MAGIC = b"psweepp\x01"
_PSETS_HEAD = struct.Struct(
    "<8sQII"
)  # magic, number of psets, crc32 of the tables and the next, psets a pickle
PSETS_AT_ONCE = 64
BIG_BLOB = 100_000  # bytes
_MANY = 10_000
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
        tables = self._map[_PSETS_HEAD.size : self._blobs]
        if crc32(tables, at_once) != crc:
            raise JournalError(f"{path} is damaged: its checksum does not match its content")
        self._offsets = array("Q", tables[: 8 * (blobs + 1)])
        self._crcs = array("I", tables[8 * (blobs + 1) :][: 4 * blobs])
        if self._blobs + self._offsets[-1] != len(self._map):
            raise JournalError(f"{path} is damaged: its length does not match its content")
        self._read = -1, list[dict[str, Any]]()  # the pickle that was read last

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
        self._forget(stop - start)
        return [text[i : i + _ID] for i in range(0, len(text), _ID)]

    def sha1s(self, start: int, stop: int) -> list[str | None]:
        """The hashes of psets that follow each other, as :meth:`sha1` gives them."""
        at, width = self._digests, 2 * _DIGEST
        text = self._map[at + _DIGEST * start : at + _DIGEST * min(stop, len(self))].hex()
        self._forget(stop - start)
        found: list[str | None] = [text[i : i + width] for i in range(0, len(text), width)]
        return (
            [None if sha1 == _NO_SHA1 else sha1 for sha1 in found] if _NO_SHA1 in found else found
        )

    def _forget(self, psets: int) -> None:
        """After a long stretch was read, keep no more of the file in this process's memory."""
        if psets >= _MANY and hasattr(mmap, "MADV_DONTNEED"):
            self._map.madvise(mmap.MADV_DONTNEED)

    def digests(self) -> list[bytes | None]:
        """The hashes of all psets."""
        data = self._map[self._digests : self._blobs]
        found = (data[i : i + _DIGEST] for i in range(0, len(data), _DIGEST))
        return [None if digest == _NO_DIGEST else digest for digest in found]


def _names(folder: Path) -> list[str]:
    """What is in a folder, sorted: looked at a hundred times a second, where `glob` is slow."""
    try:
        return sorted(os.listdir(folder))
    except FileNotFoundError:
        return []


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


@dataclass(frozen=True)
class SessionSpec:
    """What one engine was asked to do; `session.json`.

    `call` is `functions.Call` as JSON; `can` what the executor declares; `commands_offset` where in
    the commands file its own commands begin (bytes); `code` is `functions.identity.Code` as JSON.
    """

    kind: str  # "submit", "resume" or "retry"
    host: str
    mode: str  # "process", "inline", "thread", or "batch": no engine
    workers: int
    on_error: str
    call: dict[str, Any]
    function: str
    module: str
    source: str
    time_ns: int
    timeout: float | None = None
    can: tuple[str, ...] = ()
    commands_offset: int = 0
    cwd: str = ""
    sys_path: tuple[str, ...] = ()
    sources: dict[str, str] = field(default_factory=dict)  # of notebook cells, for tracebacks
    retries: int = 0  # further blocks in `todo`, see `Session.n`
    order: str = "given"
    order_seed: int = 0  # of a shuffled order
    fresh: bool = False
    slots: list[dict[str, str]] = field(default_factory=list)  # environment variables, by worker
    capture_logs: str = ""
    setup: str = ""  # name and module of what makes the keyword `setup`
    setup_module: str = ""
    code: dict[str, Any] = field(default_factory=dict)  # empty: not known
    script: dict[str, Any] = field(default_factory=dict)  # `functions.needed.Needed` as JSON

    def again(self, new: "SessionSpec") -> "SessionSpec":
        """Return `new`, a session of the same stored function, with what this one knew of it."""
        return replace(
            new,
            function=self.function,
            module=self.module,
            source=self.source,
            sources=self.sources,
            setup=self.setup,
            setup_module=self.setup_module,
            code=self.code,
            script=self.script,
            cwd=self.cwd if os.path.isdir(self.cwd) else new.cwd,
            sys_path=self.sys_path,
        )


class Session:
    """One engine's life in a run: its folder, in which it and its workers write."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def number(self) -> int:
        """0 for the submission, counting up."""
        return int(self.path.name)

    @cached_property
    def run(self) -> "RunDir":
        """The run it belongs to."""
        return RunDir(self.path.parent)

    @cached_property
    def spec(self) -> SessionSpec:
        """What was asked for."""
        known = SessionSpec.__dataclass_fields__
        path = self.path / "session.json"
        data = {k: v for k, v in read_json(path).items() if k in known}
        try:
            return SessionSpec(**data)
        except TypeError as exc:
            raise JournalError(f"{path} is damaged: {exc}") from None

    @cached_property
    def cells(self) -> Cells:
        """What its workers do at this moment."""
        return Cells(self.path / "cells")

    @property
    def function(self) -> Path:
        """The pickled function."""
        return self.path / "function.pkl"

    @property
    def setup(self) -> Path:
        """The pickled function that makes the keyword `setup`, where there is one."""
        return self.path / "setup.pkl"

    @cached_property
    def todo(self) -> "array[int]":
        """Pairs of pset number and attempt, flat: ``[i0, attempt0, i1, attempt1, ...]``.

        In the order of execution; behind the `n` that are to be done, a block of the same for
        each time that a failed one is tried again: position p, failed, goes on at p + `n`.
        """
        return array("I", (self.path / "todo").read_bytes())

    @cached_property
    def n(self) -> int:
        """How many psets are to be done."""
        return len(self.todo) // 2 // (1 + self.spec.retries)

    def journals(self) -> list[Path]:
        """The journals written so far."""
        return [self.path / name for name in _names(self.path) if name.endswith(".journal")]


class RunDir:
    """One run's folder.

    Parameters
    ----------
    path : Path
        The folder, named by the run's id.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def run_id(self) -> str:
        """The run's id, a UUID; the folder's name."""
        return self.path.name

    @cached_property
    def info(self) -> dict[str, Any]:
        """`run.json`: schema, run_seq, first pset_seq, n, label, time, host, params, ..."""
        path = self.path / "run.json"
        info = read_json(path)
        if info.get("schema", 0) > SCHEMA:
            raise StudyError(
                f"run {self.run_id} was written by a newer psweep_nb (schema {info['schema']}, "
                f"this one reads up to {SCHEMA}): update psweep_nb to open this study"
            )
        for name, kind in _INFO.items():
            if not isinstance(info.get(name), kind):
                raise JournalError(f"{path} is damaged: {name!r} is {info.get(name)!r}")
        return info

    @cached_property
    def psets(self) -> Psets:
        """The stored psets."""
        return Psets(self.path / "psets")

    @property
    def is_batch(self) -> bool:
        """Whether jobs of a scheduler, or of a person, do its psets, and no engine of ours."""
        return self.info.get("kind") == "batch"

    @property
    def calc_path(self) -> Path:
        """Where functions put their files: the study's directory, unless it was to be another."""
        other = self.info.get("calc_path")
        return Path(other) if other else self.path.parents[1]

    @property
    def lock(self) -> Path:
        """Held by the engine at work on this run."""
        return self.path / "lock"

    @property
    def alive(self) -> Path:
        """Held, shared, by each worker: a new engine waits until the old ones are gone."""
        return self.path / "alive"

    def sessions(self) -> list[Session]:
        """All sessions, oldest first."""
        return [Session(self.path / name) for name in _names(self.path) if name[:3].isdigit()]

    def add_session(
        self,
        spec: SessionSpec,
        function: bytes | None,
        todo: Iterable[tuple[int, int]],
        setup: bytes | None = None,
    ) -> Session:
        """Make the next session's folder; whoever calls it holds the engine's lock.

        `function` and `setup` are None where they never leave this process. `todo` is what is to
        be done, without the blocks of further attempts.
        """
        number = len(self.sessions())
        hidden = self.path / f".{number:03d}"
        shutil.rmtree(hidden, ignore_errors=True)  # left over by a caller that was killed
        hidden.mkdir(mode=0o700)
        write_new(hidden / "session.json", [_json(asdict(spec))])
        if function is not None:
            write_new(hidden / "function.pkl", [function])
        if setup is not None:
            write_new(hidden / "setup.pkl", [setup])
        write_new(hidden / "todo", _blocks(array("I", chain.from_iterable(todo)), spec.retries))
        Cells(hidden / "cells", spec.workers)
        final = self.path / f"{number:03d}"
        os.rename(hidden, final)
        return Session(final)

    def command(self, name: str) -> None:
        """Append a command for the engine at work."""
        with open(self.path / "commands", "ab", buffering=0) as file:
            file.write(json.dumps({"command": name}).encode() + b"\n")

    def commands(self, offset: int) -> tuple[list[str], int]:
        """Return the commands behind `offset`, and the new offset (bytes)."""
        try:
            with open(self.path / "commands", "rb") as file:
                file.seek(offset)
                data = file.read()
        except FileNotFoundError:
            return [], offset
        whole = data[: data.rfind(b"\n") + 1]
        names = []
        for line in whole.splitlines():
            # Anybody may append: what is no command must not end the run.
            with contextlib.suppress(ValueError, KeyError, TypeError):
                names.append(str(json.loads(line)["command"]))
        return names, offset + len(whole)

    def commands_size(self) -> int:
        """Where the commands file ends now (bytes)."""
        try:
            return (self.path / "commands").stat().st_size
        except FileNotFoundError:
            return 0


def _blocks(flat: "array[int]", retries: int) -> Iterable[bytes]:
    """The todo list, and again with the next attempts."""
    yield flat.tobytes()
    for _ in range(retries):
        flat[1::2] = array("I", [attempt + 1 for attempt in flat[1::2]])
        yield flat.tobytes()


def new_run(
    folder: Path,
    run_id: str,
    blobs: Sequence[bytes],
    digests: Sequence[bytes | None],
    at_once: int = 1,
) -> RunDir:
    """Start a run's folder under a hidden name; :func:`publish` makes it a run."""
    hidden = folder / f".new-{run_id}"
    hidden.mkdir(mode=0o700)
    Psets.write(hidden / "psets", blobs, digests, at_once)
    return RunDir(hidden)


def publish(run: RunDir, info: dict[str, Any]) -> RunDir:
    """Write `run.json` and give the folder its name: from here on the run exists, whole."""
    write_new(run.path / "run.json", [_json({"schema": SCHEMA, **info})])
    final = run.path.with_name(run.path.name.removeprefix(".new-"))
    os.rename(run.path, final)
    return RunDir(final)


def write_json(path: Path, data: dict[str, Any]) -> None:
    """Replace a small JSON file; whoever calls it holds the study's lock."""
    replace_file(path, lambda file: file.write(_json(data)), locked=True)


def _json(data: dict[str, Any]) -> bytes:
    return json.dumps(data, indent=1).encode() + b"\n"


def read_json(path: Path) -> dict[str, Any]:
    """Read a small JSON file that :func:`write_json` made; `JournalError` if it is not one."""
    try:
        data = json.loads(path.read_bytes())
    except FileNotFoundError:
        raise JournalError(f"{path} is missing") from None
    except ValueError:
        raise JournalError(f"{path} is damaged: it is not the JSON that psweep_nb wrote") from None
    if not isinstance(data, dict):
        raise JournalError(f"{path} is damaged: it should hold one JSON object")
    return data
