"""The study's table: loading it, keeping it current, and folding the journals into it.

Owns `database.pk` and the study's lock. Used by the study in every process, and by the engine to
fold.
"""

import contextlib
import os
import threading
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import numpy as np
import pandas as pd

from psweep_nb import deletions, frames
from psweep_nb.bulk import in_bulk, release_memory
from psweep_nb.errors import JournalError, OptionError, StudyError
from psweep_nb.files import replace_file
from psweep_nb.journal import Bulk, Written
from psweep_nb.locks import FileLock, is_held
from psweep_nb.rows import frame_of
from psweep_nb.rundir import RunDir, Session, read_json
from psweep_nb.trust import loader, read_table
from psweep_nb.unfolded import FOLDED, Unfolded

BASENAME = "database.pk"
HIDDEN = ".psweep"
_TRIES = 5
_UNSEEN = (-1,)  # the signature of a table that is to be loaded, whatever is there
LOCK_S = 60.0
_ROWS_AT_ONCE = 50_000  # made at a time: what they are made of is given back in between
_LOCK_POLL_S = 0.01


class Database:
    """One study's table and lock.

    Parameters
    ----------
    calc_dir : Path
        The study's directory; need not exist yet.
    trusted : bool
        Whether to unpickle any type.
    basename : str
        The table's file name. Each run belongs to one table: of those of other tables in the same
        directory this object knows nothing.
    """

    def __init__(self, calc_dir: Path, trusted: bool, basename: str = BASENAME) -> None:
        self.calc_dir = calc_dir
        self.path = calc_dir / basename
        self.hidden = calc_dir / HIDDEN
        self.trusted = trusted
        self._guard = threading.RLock()
        self._lock = FileLock(self.hidden / "lock")
        self._frame = pd.DataFrame()
        self._signature: tuple[int, ...] | None = _UNSEEN
        self._reported: set[str] = set()  # damaged runs that were warned of
        self._vanished: dict[str, int] | None = None
        self._dirty = False  # rows were merged that the file does not have
        self._runs: dict[str, Unfolded] = {}
        self._tables: dict[Path, str] = {}  # by run: the table its rows go to
        self._psets: dict[str, Sequence[dict[str, Any]]] = {}  # by run, see `knowing`

    @classmethod
    def of_run(cls, run: RunDir, trusted: bool) -> "Database":
        """The database that a run's rows go to."""
        return cls(run.path.parent.parent, trusted, _table_of(run.path))

    @contextlib.contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the study's lock, against other processes and other threads.

        Raises
        ------
        StudyError
            If somebody else keeps it for more than a minute.
        """
        with self._guard:
            if self._lock.held:  # by this very thread: the guard is reentrant, the lock is not
                yield
                return
        self.hidden.mkdir(mode=0o700, exist_ok=True)  # of a table that psweep wrote, say
        self._acquire_both()
        try:
            yield
        finally:
            self._lock.release()
            self._guard.release()

    def _acquire_both(self) -> None:
        # Reading must go on in other threads while this one waits for another process.
        end = monotonic() + LOCK_S
        while True:
            self._guard.acquire()
            if self._lock.try_acquire():
                return
            self._guard.release()
            if monotonic() > end:
                raise StudyError(
                    f"another process has held the lock of {self.calc_dir} for {LOCK_S:.0f} s; "
                    "try again when it is done"
                )
            sleep(_LOCK_POLL_S)

    def runs(self) -> list[RunDir]:
        """All runs that can be read, oldest first."""
        found = []
        for path in self._run_paths():
            try:
                run = RunDir(path)
                found.append((run.info["run_seq"], run))
            except JournalError as exc:
                self._report(path.name, exc)
        return [run for _, run in sorted(found, key=lambda pair: pair[0])]

    def _report(self, run_id: str, exc: JournalError) -> None:
        """Warn once of a damaged run; the others are none the worse for it."""
        if run_id not in self._reported:
            self._reported.add(run_id)
            warnings.warn(f"run {run_id} is left out: {exc}", stacklevel=2)

    def frame(self) -> pd.DataFrame:
        """Return the table and what no run has folded yet; not to be modified.

        Raises
        ------
        StudyError
            If there is a `database.pk` that is no table.
        """
        with self._guard, in_bulk():
            for _ in range(_TRIES):
                self._load_if_changed()
                for entry in self._run_paths():
                    try:
                        self._merge(self._unfolded(entry))
                    except JournalError as exc:
                        self._report(entry.name, exc)
                # Somebody folded meanwhile: what they took from the journals is in the new table.
                if _signature(self.path) == self._signature:
                    break
            return self._frame

    def _unfolded(self, folder: Path) -> Unfolded:
        if folder.name not in self._runs:
            self._runs[folder.name] = Unfolded(RunDir(folder), anew=self._signature is None)
        return self._runs[folder.name]

    def _run_paths(self) -> list[Path]:
        try:
            names = os.listdir(self.hidden)
        except FileNotFoundError:
            return []
        paths = [self.hidden / name for name in names if not name.startswith(".")]
        return [path for path in paths if path.is_dir() and self._is_of_this_table(path)]

    def _is_of_this_table(self, path: Path) -> bool:
        if path not in self._tables:
            try:
                self._tables[path] = _table_of(path)
            except JournalError:  # whose it was nobody can tell: it is reported
                return True
        return self._tables[path] == self.path.name

    def is_active(self) -> bool:
        """Whether anything is at work on a run of any table in this directory."""
        folders = self.hidden.glob("*/")
        return any(is_held(folder / name) for folder in folders for name in ("lock", "alive"))

    def _load_if_changed(self) -> None:
        signature = _signature(self.path)
        if signature == self._signature and not self._lacks_runs():
            return
        self._signature = _UNSEEN  # should what follows fail
        # How far the runs are folded is read before the table: a fold in between is then merged
        # twice, which is harmless, and never missed.
        anew = signature is None
        self._runs = {}
        for path in self._run_paths():
            with contextlib.suppress(JournalError):  # it is met again, and reported, in `frame`
                self._runs[path.name] = Unfolded(RunDir(path), anew)
        self._frame = pd.DataFrame() if anew else self._load()
        self._signature, self._dirty, self._vanished = signature, False, None

    def _lacks_runs(self) -> bool:
        """Whether runs are gone whose rows we may have: what is not on disk is not done."""
        return not all((self.hidden / run_id).is_dir() for run_id in self._runs)

    def _load(self) -> pd.DataFrame:
        try:
            return read_table(self.path, self.trusted)
        except (JournalError, OSError) as exc:
            raise StudyError(
                f"{self.path} cannot be loaded ({exc}); it is left as it is. Put a good copy "
                "back, or move it away: results are then taken from the journals"
            ) from exc

    def _merge(self, unfolded: Unfolded) -> None:
        with self._all_or_again(unfolded):
            for session, records in unfolded.read():
                self._add(unfolded, session, records)

    @contextlib.contextmanager
    def _all_or_again(self, unfolded: Unfolded) -> Iterator[None]:
        """Should merging fail, forget what was read: it must not count as folded."""
        try:
            yield
        except BaseException:
            self._runs.pop(unfolded.run.run_id, None)
            raise

    def _add(self, unfolded: Unfolded, session: Session, records: Bulk) -> None:
        load, psets = loader(self.trusted), self._psets.get(unfolded.run.run_id)
        while records.bodies:
            some = records.take(_ROWS_AT_ONCE)
            new = frame_of(unfolded.run, some, session.spec.host, load, psets, unfolded.replaced)
            del some  # before the merge, which needs the most memory
            self._merge_rows(unfolded, deletions.without(new, unfolded.run, unfolded.deleted))

    def _merge_rows(self, unfolded: Unfolded, new: pd.DataFrame) -> None:
        release_memory(len(new))
        if not len(new):
            return
        names = set(new.columns) - set(unfolded.run.info["params"]) - set(frames.BOOKKEEPING)
        unfolded.results |= {str(name) for name in names}
        before, self._dirty = len(self._frame), True
        held, self._frame = [self._frame], pd.DataFrame()
        try:
            self._frame = frames.absorb(held, new, unfolded.results)
        except BaseException:
            self._signature = _UNSEEN  # it is gone
            raise
        release_memory(len(new))
        unfolded.count(new, len(self._frame) - before)

    def _take(self, written: Written) -> None:
        self._load_if_changed()
        folder = written.path.parent
        unfolded = self._unfolded(folder.parent)
        with self._all_or_again(unfolded):
            if unfolded.take(written):
                self._add(unfolded, Session(folder), written.records)

    @contextlib.contextmanager
    def knowing(self, run: RunDir, psets: Sequence[dict[str, Any]] | None) -> Iterator[None]:
        """For a while, take a run's psets from here: they need not be read again."""
        if psets is not None:
            self._psets[run.run_id] = psets
        try:
            yield
        finally:
            self._psets.pop(run.run_id, None)

    def fold(self, written: Written | None = None) -> None:
        """Merge what is not in `database.pk` yet, and replace the file if there was anything.

        Parameters
        ----------
        written : Written, optional
            What the caller itself has just journaled.

        Raises
        ------
        StudyError
            If the table cannot be loaded or the lock is not to be had.
        OSError
            If there is no room for the new table; the old one is then untouched.
        """
        with self.locked(), in_bulk():
            if written is not None and written.records.bodies:
                self._take(written)
            frame = self.frame()
            changed = [u for u in self._runs.values() if u.changed]
            if not changed:
                return
            if self._dirty:
                self._write(frame)
            for unfolded in changed:
                unfolded.save()

    def remark(self, run: RunDir) -> str:
        """Return what the user should know of a run's rows; empty if nothing."""
        with self._guard:
            names = sorted(self._unfolded(run.path).replaced)
        if not names:
            return ""
        return (
            f"in the table results have replaced the parameters of the same names: "
            f"{', '.join(names)}; Study.params gives the psets as they were"
        )

    def take(self, table: pd.DataFrame) -> None:
        """Make `table` the study's table; rows of the file that it lacks are kept."""
        frames.check_frame(table)
        self.calc_dir.mkdir(parents=True, exist_ok=True)
        self.rewrite(lambda own: frames.joined(table, own))

    def rewrite(self, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
        """Replace the table, with all there is in it, by what `change` makes of it."""
        with self.locked():
            self.fold()
            self._write(change(self._frame))

    def delete(self, choose: Callable[[pd.DataFrame], np.ndarray]) -> int:
        """Take the rows for which `choose` is True out of the table; return how many.

        No fold or rebuild puts them back, see `deletions`.
        """
        with self.locked():
            self.keep_what_is_there()
            self.fold()
            chosen = choose(self._frame)
            if not chosen.any():
                return 0
            kept = self._frame[~chosen]
            # Before the table: who reads meanwhile must not miss these rows.
            self._note_deleted(self._frame[chosen], kept)
            self._write(kept)
            return int(chosen.sum())

    def _note_deleted(self, rows: pd.DataFrame, kept: pd.DataFrame) -> None:
        ids, there = _attempts(rows), _rows_by_run(kept)
        for name, unfolded in self._runs.items():
            run = unfolded.run
            numbers = {n: i for n, i in enumerate(run.psets.ids(0, run.info["n"])) if i in ids}
            if not numbers:
                continue
            # A row whose attempt the user has edited away: of any attempt so far.
            psets = {
                n: a if isinstance(a := ids[i], int) else deletions.ANY for n, i in numbers.items()
            }
            deletions.mark(run, psets)
            unfolded.uncount(psets, there[name])
            unfolded.save()

    def keep_what_is_there(self) -> None:
        """Let rows that are in the table count as not deleted; the next fold notes it.

        Whoever calls it holds the lock: so nobody is deleting them just now.
        """
        self._load_if_changed()
        ids, there = _attempts(self._frame), _rows_by_run(self._frame)
        for name, unfolded in self._runs.items():
            if psets := deletions.unfinished(unfolded.run, ids):
                deletions.forget(unfolded.run, psets)
                unfolded.recount(psets, there[name])

    def rebuild(self, deleted: bool = False) -> None:
        """Put rows that vanished from the table back, from the journals; `deleted` ones too."""
        if not self._run_paths():
            return
        with self.locked():
            self.keep_what_is_there()
            for unfolded in self._runs.values():
                if deleted:
                    deletions.forget(unfolded.run)
                (unfolded.run.path / FOLDED).unlink(missing_ok=True)
            self._signature = _UNSEEN
            self.fold()

    def _write(self, frame: pd.DataFrame) -> None:
        release_memory(len(frame))
        replace_file(self.path, lambda file: frames.dump(frame, file), locked=True)
        self._frame, self._signature, self._dirty = frame, _signature(self.path), False

    def vanished(self) -> dict[str, int]:
        """Return how many rows each run lost in the table by other hands."""
        with self._guard:
            frame = self.frame()
            if self._vanished is None:  # only a table that was read anew can have lost any
                there = _rows_by_run(frame)
                lost = {name: u.rows - there[name] for name, u in self._runs.items()}
                self._vanished = {name: n for name, n in lost.items() if n > 0}
            return self._vanished


def _rows_by_run(table: pd.DataFrame) -> Counter[Any]:
    return Counter(table["_run_id"].tolist() if "_run_id" in table else ())


def _attempts(rows: pd.DataFrame) -> dict[Any, Any]:
    """Return the attempts of rows, as far as they have any, by `_pset_id`."""
    if "_pset_id" not in rows:
        return {}
    attempts = rows["_attempt"].tolist() if "_attempt" in rows else [None] * len(rows)
    pairs = zip(rows["_pset_id"].tolist(), attempts, strict=True)
    return {pset_id: attempt for pset_id, attempt in pairs if isinstance(pset_id, str)}


def _table_of(run: Path) -> str:
    """Return the file name of the table that a run's rows go to."""
    return str(read_json(run / "run.json").get("database_basename", BASENAME))


def check_basename(name: object) -> None:
    """Raise `OptionError` if this cannot be the file name of a table."""
    if not isinstance(name, str) or name != os.path.basename(name) or name[:1] in ("", "."):
        raise OptionError(
            f"database_basename is {name!r}; it should be the name of a file in the study's "
            "directory, such as 'database.pk'"
        )


def _signature(path: Path) -> tuple[int, ...] | None:
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return (stat.st_ino, stat.st_mtime_ns, stat.st_size)
