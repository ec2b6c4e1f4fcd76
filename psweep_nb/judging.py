"""What of a list of psets is new, done, failed, done with other code, or at work: the judgement.

Whoever is about to execute asks here: `Study.run`, `submit` and `plan`; resume and retry for what
others have taken over. Rows say what is done, runs by which code, so nothing is stored for it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from psweep_nb.database import Database
from psweep_nb.deletions import deleted
from psweep_nb.errors import JournalError
from psweep_nb.foreign import digests_as_foreign, failed_flags, foreign_digests
from psweep_nb.hashing import pset_keys, repeat_key
from psweep_nb.journal import DONE as DONE_RECORD
from psweep_nb.journal import END, Reader
from psweep_nb.locks import is_held
from psweep_nb.rundir import ENGINE_JOURNAL, RunDir, Session
from psweep_nb.runview import RunView
from psweep_nb.trust import loader

if TYPE_CHECKING:
    import pandas as pd

NEW, DONE, STALE, RUNNING, FAILED = "new", "done", "stale", "running", "failed"
_PASSED_OVER = {
    None: (),
    "done": (DONE, STALE, RUNNING),
    "done+failed": (DONE, STALE, RUNNING, FAILED),
}
_NOWHERE = -1


@dataclass
class Judgement:
    """What is known of each pset of a list, and which of them are to run.

    Attributes
    ----------
    known : Known
        The study's rows.
    states : list of str
        ``new``, ``done``, ``stale`` (done with other code), ``running`` (at work in an active
        run) or ``failed``.
    rows : list of int
        For each pset the row in `known` that says so; -1 for none.
    at_work : dict
        The active runs that have them, by number of the pset.
    todo : list of int
        Numbers of the psets to run.
    """

    known: Known
    states: list[str] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    at_work: dict[int, RunDir] = field(default_factory=dict)
    todo: list[int] = field(default_factory=list)


def judge(
    database: Database,
    params: Sequence[Mapping[str, Any]],
    digests: Sequence[bytes | None],
    code: str,
    skip: str | None,
    stale: bool,
) -> Judgement:
    """Judge psets by rows from before and by runs that are active.

    Parameters
    ----------
    database : Database
        The study's.
    params, digests : sequence
        The psets and their hashes. One without a hash, and duplicates within the list, are new.
    code : str
        The identity of the code that would do them, see `functions.identity`; "" if not known.
    skip : None, "done" or "done+failed"
        What not to run again.
    stale : bool
        Run those again that were done by other code.
    """
    known = Known(database)
    done, failed, foreign = known.done, known.failed, known.as_foreign(params)
    active = active_runs(database)
    running = {k: run for run in active for k in stored_keys(run, known.load) if k}
    judged = Judgement(known)
    for number, key in enumerate(pset_keys(params, digests)):
        state, row = NEW, _NOWHERE
        if key is None:
            pass
        elif key in done:
            state, row = DONE, done[key]
            if known.is_stale(row, code):
                state = STALE
                if stale and key not in running and known.failed_since(key, code):
                    state, row = FAILED, failed[key]
                elif stale and key in running:
                    state = RUNNING
        elif foreign and foreign[number] in known.foreign_done:
            state, row = DONE, known.foreign_done[foreign[number]]
        elif key in running:
            state = RUNNING
        elif key in failed:
            state, row = FAILED, failed[key]
        elif foreign and foreign[number] in known.foreign_failed:
            state, row = FAILED, known.foreign_failed[foreign[number]]
        if state is RUNNING and key is not None:
            judged.at_work[number] = running[key]
        judged.states.append(state)
        judged.rows.append(row)
    passed = {*_PASSED_OVER[skip]} - ({STALE} if stale else set())
    judged.todo = [number for number, state in enumerate(judged.states) if state not in passed]
    return judged


class Known:
    """The psets a study has rows of: by what they are known, the newest row done, and failed.

    Parameters
    ----------
    database : Database
        The study's.

    Attributes
    ----------
    frame : DataFrame
        The table.
    done, failed : dict
        Numbers of rows by key (see `hashing.pset_keys`). Rows behind the table's end have vanished
        from it by other hands; what they stood for counts all the same.
    """

    def __init__(self, database: Database) -> None:
        self.frame = database.frame()
        self.load = loader(database.trusted)
        self.done: dict[bytes | None, int] = {}
        self.failed: dict[bytes | None, int] = {}
        self.foreign_done: dict[bytes | None, int] = {}
        self.foreign_failed: dict[bytes | None, int] = {}
        self._sessions = Sessions(database.runs())
        columns = (_column(self.frame, name) for name in ("_run_id", "_pset_seq", "_attempt"))
        self._ids, self._seqs, self._attempts = columns
        flags = failed_flags(self.frame)
        self._note(row_keys(self.frame), flags, self.done, self.failed)
        self._note(foreign_digests(self.frame), flags, self.foreign_done, self.foreign_failed)
        for run_id in database.vanished():
            self._add_vanished(RunView(RunDir(database.hidden / run_id), database.trusted))

    @staticmethod
    def _note(
        keys: Sequence[bytes | None],
        flags: Sequence[bool | None],
        done: dict[bytes | None, int],
        failed: dict[bytes | None, int],
    ) -> None:
        for row, (key, flag) in enumerate(zip(keys, flags, strict=True)):
            if key is not None and flag is not None:
                (failed if flag else done)[key] = row

    def _add_vanished(self, view: RunView) -> None:
        view.poll()
        keys, first = stored_keys(view.run, view.load), view.run.info["pset_seq"]
        gone = deleted(view.run)
        for number, kind, attempt in view.states():
            key, rows = keys[number], self.done if kind == DONE_RECORD else self.failed
            if key is None or attempt <= gone.get(number, 0):
                continue
            if key in rows and self._seq(rows[key]) >= first + number:
                continue
            rows[key] = len(self._ids)
            self._ids.append(view.run.run_id)
            self._seqs.append(first + number)
            self._attempts.append(attempt)

    def as_foreign(self, params: Sequence[Mapping[str, Any]]) -> list[bytes | None]:
        """By what psets are found among the rows that psweep wrote; empty where there are none."""
        if not self.foreign_done and not self.foreign_failed:
            return []
        return digests_as_foreign(params, self.frame.columns)

    def session(self, row: int) -> Session | None:
        """Return the session that did a row; None where no run of ours tells."""
        return self._sessions.of(self._ids[row], self._seqs[row], self._attempts[row])

    def _code(self, row: int) -> str:
        session = self.session(row)
        return "" if session is None else str(session.spec.code.get("sha1", ""))

    def _seq(self, row: int) -> int:
        seq = self._seqs[row]
        return seq if isinstance(seq, int) else -1

    def is_stale(self, row: int, code: str) -> bool:
        """Whether other code than this did a row; False where it is not known."""
        return self._code(row) not in ("", code) and code != ""

    def failed_since(self, key: bytes, code: str) -> bool:
        """Whether a pset that other code did has failed with this one."""
        row = self.failed.get(key)
        if row is None or self._seq(row) < self._seq(self.done[key]):
            return False
        return self._code(row) == code


class Sessions:
    """Which session did a row: asked once a run, and pset by pset only where code differs in it."""

    def __init__(self, runs: Iterable[RunDir]) -> None:
        self._runs = {run.run_id: run for run in runs}
        self._of_run: dict[str, Callable[[int, int], Session | None]] = {}

    def of(self, run_id: Any, pset_seq: Any, attempt: Any) -> Session | None:
        """Return the session; None where there is no such run, or the row was edited."""
        if not isinstance(run_id, str):
            return None
        find = self._of_run.get(run_id)
        if find is None:
            run = self._runs.get(run_id)
            find = self._of_run[run_id] = _nobody if run is None else self._finder(run)
        return find(pset_seq, attempt)

    def _finder(self, run: RunDir) -> Callable[[int, int], Session | None]:
        try:
            sessions, first = run.sessions(), run.info["pset_seq"]
            codes = {session.spec.code.get("sha1", "") for session in sessions}
            if len(codes) == 1:
                return lambda _seq, _attempt: sessions[-1]
            # Of several sessions with the same on their lists the last one did it: what has a
            # record is on no later list.
            found: dict[tuple[int, int], Session] = {}
            for session in sessions:
                flat = session.todo
                pairs = zip(flat[::2], flat[1::2], strict=True)
                found.update(dict.fromkeys(pairs, session))
        except (JournalError, OSError, ValueError):  # damaged: what did it is not known
            return _nobody
        return lambda seq, attempt: (
            found.get((seq - first, attempt)) if isinstance(seq, int) else None
        )


def _nobody(_seq: object, _attempt: object) -> None:
    return None


def _column(frame: pd.DataFrame, name: str) -> list[Any]:
    return frame[name].tolist() if name in frame else [None] * len(frame)


def row_keys(frame: pd.DataFrame) -> list[bytes | None]:
    """Return what each row of a table is known by; None where it has no hash of ours."""
    hashes = _column(frame, "_pset_sha1")
    found = [bytes.fromhex(text) if type(text) is str else None for text in hashes]
    if "_repeat" not in frame and "_seed" not in frame:
        return found
    rows = zip(found, _column(frame, "_repeat"), _column(frame, "_seed"), strict=True)
    return [digest and repeat_key(digest, repeat, seed) for digest, repeat, seed in rows]


def stored_keys(run: RunDir, load: Callable[[bytes], Any]) -> Sequence[bytes | None]:
    """Return what the psets of a run are known by."""
    digests = run.psets.digests()
    if not run.info.get("repeats"):
        return digests
    return pset_keys(run.psets.psets(range(len(digests)), load), digests)


def active_runs(database: Database) -> list[RunDir]:
    """Return the runs an engine is at work on."""
    return [run for run in database.runs() if _is_active(run)]


def _is_active(run: RunDir) -> bool:
    # An engine that has written its end mark keeps the lock for a moment. So does who is about to
    # resume the run: what that is to do is judged, and its session made, under the study's lock.
    return is_held(run.lock) and not _has_ended(run)


def _has_ended(run: RunDir) -> bool:
    sessions = run.sessions()
    journal = Reader(sessions[-1].path / ENGINE_JOURNAL).read() if sessions else []
    return any(record.kind == END for record in journal)


def taken_over(database: Database, run: RunDir) -> set[bytes]:
    """Return the keys of psets that a later run has done, or another one is at work on.

    For who goes on with a run, or tries again what failed in it.
    """
    frame, since, load = database.frame(), run.info["run_seq"], loader(database.trusted)
    rows = zip(row_keys(frame), failed_flags(frame), _column(frame, "_run_seq"), strict=True)
    taken = {key for key, failed, seq in rows if key and failed is False and _after(seq, since)}
    for other in database.runs():  # whoever asks holds the lock of `run` itself
        if other.run_id != run.run_id and _is_active(other):
            taken.update(key for key in stored_keys(other, load) if key)
    return taken


def _after(seq: object, since: int) -> bool:
    return isinstance(seq, int) and seq > since
