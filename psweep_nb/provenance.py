"""Where results come from: the commit, the changes since, Python and packages, of each session.

`keep` is called by whoever starts a session. What it finds is written beside `session.json`, by a
thread: git may take seconds in a large tree, and no run is to wait for it. Of the environment only
names of packages and their versions are kept.
"""

import atexit
import contextlib
import json
import os
import platform
import sys
import threading
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from time import monotonic
from typing import Any

from psweep_nb.errors import JournalError
from psweep_nb.files import replace_file
from psweep_nb.functions.imports import imported_by
from psweep_nb.functions.whose import file_of_local
from psweep_nb.gitstate import Git, look
from psweep_nb.rundir import Session, read_json
from psweep_nb.wording import counted

NAME = "provenance.json"
_DELAY_S = 0.1
_SLOW_S = 0.2
PATIENCE_S = 0.2  # who waited for a run waits so long for this, too
_OPTIONS = (
    "mode", "workers", "on_error", "timeout", "retries", "order", "order_seed", "fresh",
    "capture_logs", "setup",
)  # fmt: skip


@dataclass(frozen=True, repr=False)
class Provenance:
    """What is known of one session of a run: a submission, a resume or a retry.

    Attributes
    ----------
    kind : str
        ``submit``, ``resume`` or ``retry``.
    start, end : datetime
        UTC; no end while it goes on, and where it was cut off.
    host, label, function : str
        Where it ran, what the run is called, what it executed.
    workers : int
        Psets executed at a time.
    options : dict
        How they were executed.
    python, platform : str
        Versions, of the process that submitted; empty where not known.
    packages : dict of str
        Versions of the packages that the function's own code imports, and of psweep_nb.
    git : Git or None
        None outside of a git work tree.
    """

    kind: str
    start: datetime
    end: datetime | None
    host: str
    label: str
    function: str
    workers: int
    options: dict[str, Any]
    python: str
    platform: str
    packages: dict[str, str]
    git: Git | None

    def __str__(self) -> str:
        end = f" to {self.end:%Y-%m-%d %H:%M:%S}" if self.end else ""
        versions = [f"Python {self.python}"] if self.python else []
        versions += [f"{name} {version}" for name, version in self.packages.items()]
        made = [*versions, *([str(self.git)] if self.git else [])]
        return (
            f"{self.kind} of {self.function}, {counted(self.workers, 'worker')} on {self.host}, "
            f"{self.start:%Y-%m-%d %H:%M:%S}{end} UTC" + (f"\n  {', '.join(made)}" if made else "")
        )

    __repr__ = __str__


def keep(
    session: Session,
    func: Callable[..., Any],
    setup: Callable[..., Any] | None,
    study: Path,
    locked: Callable[[], AbstractContextManager[None]],
) -> None:
    """Write down what a session's results will come from; returns at once, and never raises.

    Parameters
    ----------
    session : Session
        It has just begun.
    func, setup : callable
        What it executes.
    study : Path
        Left out of what git tells.
    locked : callable
        Gives the study's lock, without which its files do not change.
    """
    with contextlib.suppress(Exception):  # nothing odd in a function may stop a run
        tree = _tree_of(func, study)
        _writer.add(_Job(session.path, imported_by(func, setup), tree, study, locked))


def of_session(session: Session, label: str, end: datetime | None) -> Provenance:
    """Return what is known of a session; what cannot be read or is not there yet is empty."""
    spec = session.spec
    try:
        kept = read_json(session.path / NAME)
    except (JournalError, OSError):
        kept = {}
    packages, found = kept.get("packages"), kept.get("git")
    return Provenance(
        kind=spec.kind,
        start=datetime.fromtimestamp(spec.time_ns / 1e9, UTC),
        end=end,
        host=spec.host,
        label=label,
        function=spec.function,
        workers=spec.workers,
        options={name: getattr(spec, name) for name in _OPTIONS},
        python=str(kept.get("python", "")),
        platform=str(kept.get("platform", "")),
        packages=packages if isinstance(packages, dict) else {},
        git=_as_git(found),
    )


def _as_git(found: object) -> Git | None:
    if not isinstance(found, dict):
        return None
    known = Git.__dataclass_fields__
    try:
        return Git(**{name: value for name, value in found.items() if name in known})
    except TypeError:
        return None


# -- writing ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Job:
    folder: Path
    packages: list[str]
    tree: Path | None
    study: Path
    locked: Callable[[], AbstractContextManager[None]]


class _Writer:
    """A thread that lives while there is something to write.

    It waits a moment first: what has just begun is not to share the interpreter with it. And what
    comes in the meantime shares its look at a tree: short runs, one after the other in a large one,
    must not pile up work.
    """

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._hurry = threading.Event()
        self._waiting: list[_Job] = []
        self._slow = False
        self._thread: threading.Thread | None = None

    def add(self, job: _Job) -> None:
        with self._guard:
            self._waiting.append(job)
            if self._thread is None:
                work = self._work
                self._thread = threading.Thread(target=work, name="psweep provenance", daemon=True)
                self._thread.start()

    def settle(self, timeout: float | None = None) -> None:
        """Return when all is written, or after so many seconds.

        A script that submits and ends leaves a whole record, and when a run has returned nothing
        is at work in its directory any more. Where git was slow the last time nobody waits for it
        but at the end of the process: not each of many short runs.
        """
        thread = self._thread
        if thread is not None and not (timeout is not None and self._slow):
            self._hurry.set()
            thread.join(timeout)
            self._hurry.clear()

    def forget(self) -> None:
        """In a process that was forked off there is no such thread."""
        self.__init__()  # type: ignore[misc]

    def _work(self) -> None:
        while True:
            self._hurry.wait(_DELAY_S)
            with self._guard:
                jobs, self._waiting = self._waiting, []
                if not jobs:
                    self._thread = None
                    return
            begin = monotonic()
            seen: dict[tuple[Path, Path], Git | None] = {}
            for job in jobs:
                with contextlib.suppress(Exception):  # a courtesy to whoever reads it later
                    _write(job, seen)
            self._slow = monotonic() - begin > _SLOW_S


_writer = _Writer()
settle = _writer.settle
atexit.register(settle)
os.register_at_fork(after_in_child=_writer.forget)


def _write(job: _Job, seen: dict[tuple[Path, Path], Git | None]) -> None:
    found = None
    if job.tree is not None:
        key = job.tree, job.study
        found = seen[key] if key in seen else seen.setdefault(key, look(*key))
    data = {
        "schema": 1,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": versions(["psweep_nb", *job.packages]),
        "git": None if found is None else vars(found),
    }
    text = json.dumps(data, indent=1).encode() + b"\n"
    with job.locked():  # a backup copies what is there, and nothing may vanish from under it
        if job.folder.is_dir():
            replace_file(job.folder / NAME, lambda file: file.write(text), lasting=False)


# -- looking ---------------------------------------------------------------------------------


def _tree_of(func: Callable[..., Any], study: Path) -> Path | None:
    """The top of a work tree: of the code's module, else where the caller or the study is."""
    module = sys.modules.get(getattr(func, "__module__", None) or "")
    file = file_of_local(module) if module is not None else None
    for place in (*([Path(file).parent] if file else []), Path.cwd(), study):
        for folder in (place, *place.parents):
            if (folder / ".git").exists():
                return folder
    return None


def versions(packages: Iterable[str]) -> dict[str, str]:
    """Return the versions of installed packages, by the names they are imported by.

    >>> import numpy
    >>> versions(["numpy", "no_such_package"]) == {"numpy": numpy.__version__}
    True
    """
    found = {name: _version(name) for name in packages}
    return {name: version for name, version in found.items() if version}


def _version(name: str) -> str:
    from importlib import metadata  # 50 ms; the package must load without it

    from psweep_nb import __version__

    if name == "psweep_nb":
        return __version__
    with contextlib.suppress(metadata.PackageNotFoundError):
        return metadata.version(name)
    # Imported by another name than it is installed by. To look that up takes 100 ms.
    said = getattr(sys.modules.get(name), "__version__", None)
    if isinstance(said, str):
        return said
    for distribution in _distributions().get(name, [])[:1]:
        return metadata.version(distribution)
    return ""


@cache
def _distributions() -> Mapping[str, list[str]]:
    from importlib import metadata

    return metadata.packages_distributions()
