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
import os
import shutil
from array import array
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

from psweep_nb.errors import JournalError, StudyError
from psweep_nb.files import replace_file, write_new
from psweep_nb.livecells import Cells
from psweep_nb.storedpsets import Psets

SCHEMA = 1
ENGINE_JOURNAL = "engine.journal"
_INFO = {
    "run_id": str, "run_seq": int, "pset_seq": int, "n": int, "label": str, "params": list,
    "calc_dir": str,
}  # fmt: skip


def _names(folder: Path) -> list[str]:
    """What is in a folder, sorted: looked at a hundred times a second, where `glob` is slow."""
    try:
        return sorted(os.listdir(folder))
    except FileNotFoundError:
        return []


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
    python: str = ""  # such as "3.12", which pickled the function

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
        """Append a command for the engine at work; raise `StudyError` if that cannot be done."""
        path = self.path / "commands"
        try:
            with open(path, "ab", buffering=0) as file:
                file.write(json.dumps({"command": name}).encode() + b"\n")
        except OSError as exc:
            raise StudyError(
                f"the run cannot be told to {name}: {exc.strerror} ({path}); when that is mended, "
                "say it again"
            ) from exc

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
