"""What a function can reach while a run executes it: `report` and `workdir`.

An executor enters a `Place` around the psets that it executes in a thread; the two public functions
find it by the thread they are called in.
"""

import contextlib
import threading
from collections.abc import Callable
from pathlib import Path
from time import monotonic_ns, time_ns
from typing import Any

from psweep_nb.errors import StudyError
from psweep_nb.livecells import POSITION, STARTED
from psweep_nb.logs import LOGS
from psweep_nb.printing import Printed
from psweep_nb.rundir import Session
from psweep_nb.slates import Note, Slate, of_worker
from psweep_nb.trust import loader
from psweep_nb.worker import Brought, are_plain, encode, forks

At = tuple[int, int, int]  # pset number, attempt, start (ns since the epoch)

_load: Callable[[bytes], Any] = loader(trusted=True)  # what this very process has pickled
_here = threading.local()
# In a worker: for threads that the function starts, too. One that it leaves behind is taken for the
# next pset's, since it cannot be told from a thread of a pool that is meant to stay.
_everywhere: "Place | None" = None


def report(**values: Any) -> None:
    """Show intermediate values of the pset that is being computed.

    Called by a function while a run executes it. The newest values are shown at once, by
    `Run.status` and the panel (``progress=0.5`` as 50 %), and become columns of the row when the
    pset ends, also by a timeout or a crash; a result of the same name wins. It costs a few
    microseconds. Outside of a run nothing happens, so that the function can be called plainly; so
    too in processes that the function starts itself. Threads that it starts must end with it: one
    left behind in a worker would report into the next pset.

    Parameters
    ----------
    **values
        Whatever can be a result, by name.

    Raises
    ------
    ValueError
        If a name begins with an underscore.
    TypeError
        If a value cannot be stored.

    Examples
    --------
    >>> def descend(steps):
    ...     x = 8.0
    ...     for step in range(steps):
    ...         x /= 2
    ...         report(x=x, progress=(step + 1) / steps)
    ...     return {"steps_done": steps}
    >>> from psweep_nb import run_local
    >>> df = run_local(descend, [{"steps": 3}], save=False)
    >>> df[["x", "progress", "steps_done"]].values.tolist()
    [[1.0, 1.0, 3.0]]
    """
    for name in values:
        if name.startswith("_"):
            raise ValueError(
                f"report() was given a value named {name!r}; names that begin with an underscore "
                "are psweep_nb's own book-keeping"
            )
    place = _current()
    if place is not None:
        place.report(values)


def workdir() -> Path:
    """Return the directory of the pset that is being computed, an absolute path.

    Called by a function while a run executes it. The directory ``<calc_dir>/<_pset_id>/`` is made
    when it is first asked for; it is the same when the pset is tried again. With ``save=False`` it
    is a temporary one.

    Raises
    ------
    StudyError
        If no run is executing the caller.

    Examples
    --------
    >>> def simulate(a):
    ...     (workdir() / "out.txt").write_text(f"{a}\\n")
    ...     return {"file": (workdir() / "out.txt").name}
    >>> from psweep_nb import run_local
    >>> run_local(simulate, [{"a": 1}], save=False)["file"].tolist()
    ['out.txt']
    """
    place = _current()
    if place is None:
        raise StudyError(
            "workdir() is the directory of a pset, and no run is executing one here; to try the "
            "function, run it on one pset: run_local(func, [pset], save=False). (Processes and, "
            "without workers=, threads that it starts itself do not know the pset: give them the "
            "directory.)"
        )
    return place.workdir()


def _current() -> "Place | None":
    place: Place | None = getattr(_here, "place", None)
    return place or _everywhere


class Place:
    """Where a thread executes one pset after another.

    Parameters
    ----------
    calc_path : Path
        Where psets have their directories.
    at : callable
        Says which pset it is at.
    id_of : callable
        Gives a pset's id by its number.
    slate : Slate
        Takes what is reported.
    capture : str
        The option `capture_logs`, empty for None.
    log : callable, optional
        Gives what the pset has printed; without, what Python code prints in this thread is caught.
    """

    def __init__(
        self,
        calc_path: Path,
        at: Callable[[], At],
        id_of: Callable[[int], str],
        slate: Slate,
        capture: str = "",
        log: Callable[[], str] | None = None,
    ) -> None:
        self._calc_path = calc_path
        self._at = at
        self._id_of = id_of
        self._slate = slate
        self._capture = capture
        self._log = log
        self._printed: Printed | None = None
        if capture and log is None:
            self._printed = Printed()
            self._log = self._printed.take
        self.used = bool(capture)
        self._values: dict[str, Any] = {}
        self._forks = forks()
        self._lock = threading.Lock()  # the function may have threads that report

    @classmethod
    def of_worker(
        cls, session: Session, slot: int, number: int, log: Callable[[], str] | None = None
    ) -> "Place":
        """Return the place of a worker whose cell says what it is at."""
        todo, cell = session.todo, session.cells.cell(slot)

        def at() -> At:
            position = cell[POSITION]
            started = time_ns() - (monotonic_ns() - cell[STARTED])
            return todo[2 * position], todo[2 * position + 1], started

        return cls(
            session.run.calc_path,
            at,
            session.run.psets.id,
            Slate(of_worker(session.path, number)),
            session.spec.capture_logs,
            log,
        )

    def __enter__(self) -> "Place":
        self._before: Place | None = getattr(_here, "place", None)
        _here.place = self
        if self._printed is not None:
            self._printed.__enter__()
        return self

    def __exit__(self, *exc: Any) -> None:
        _here.place = self._before
        if self._printed is not None:
            self._printed.__exit__(*exc)

    def settle(self) -> None:
        """Be the place of all threads of this process: it executes nothing else."""
        global _everywhere
        _everywhere = self

    def report(self, values: dict[str, Any]) -> None:
        """Add to what the pset has reported."""
        if forks() != self._forks:
            return  # a process that the function forked; a slate has one writer
        if not are_plain((values,)):  # what can be changed in place is kept as it is now
            values = _copied(values)
        with self._lock:
            self._values.update(values)
            self.used = True
            note = Note(*self._at(), encode(self._values))
            with contextlib.suppress(OSError):  # no room: it is shown later, and joins the row
                self._slate.write(note)

    def workdir(self) -> Path:
        """Return the pset's directory, made if it is not there."""
        if not self._slate.path.parent.exists():  # nobody would look for files here
            raise StudyError(
                f"the run's directory {self._slate.path.parent} is not there; if this runs on "
                "another machine, the study must be on a disk that both see"
            )
        path = self._calc_path / self._id_of(self._at()[0])
        path.mkdir(parents=True, exist_ok=True)
        return path

    def take(self) -> Brought:
        """Give what the pset has brought, once it has ended; the next one begins anew."""
        with self._lock:
            values, self._values = self._values, {}
            self.used = bool(self._capture)
        if self._log is None or not self._capture:
            return Brought(values, None)
        text = self._log()
        if "file" in self._capture:
            with contextlib.suppress(OSError, StudyError):  # the results matter more
                write_logs(self.workdir(), text)
        return Brought(values, text if "db" in self._capture else None)

    def close(self) -> None:
        """Give the file descriptor back."""
        self._slate.close()


def write_logs(folder: Path, text: str) -> None:
    """Write what a pset printed into its directory."""
    (folder / LOGS).write_text(text, encoding="utf-8", errors="replace")


def keep_logs(session: Session, pset: int, text: str) -> str | None:
    """Put what a pset printed where `capture_logs` says; return what goes into the table."""
    capture = session.spec.capture_logs
    if "file" in capture:
        folder = session.run.calc_path / session.run.psets.id(pset)
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            write_logs(folder, text)
    return text if "db" in capture else None


def _copied(values: dict[str, Any]) -> dict[str, Any]:
    try:
        copy: dict[str, Any] = _load(encode(values))
        return copy
    except Exception as exc:
        kinds = ", ".join(f"{name} (a {type(value).__name__})" for name, value in values.items())
        raise TypeError(
            f"report() cannot store {kinds}: {exc}; report numbers, texts and such"
        ) from exc
