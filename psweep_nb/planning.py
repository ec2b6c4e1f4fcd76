"""What a run would do, before it does it: `Study.plan`, and what a run says of itself at its start.

Words and tables over a `judging.Judgement`; what costs time (a table, the search for psets that
differ by rounding) is done when it is asked for.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from functools import cached_property
from itertools import chain
from typing import TYPE_CHECKING, Any

import pandas as pd

from psweep_nb import frames
from psweep_nb.database import Database
from psweep_nb.errors import JournalError
from psweep_nb.exact import psets_of_rows
from psweep_nb.foreign import foreign_psets
from psweep_nb.functions import name_of
from psweep_nb.functions.identity import changed, diff
from psweep_nb.judging import DONE, FAILED, NEW, RUNNING, STALE, Judgement
from psweep_nb.rounding import Near, near_duplicates
from psweep_nb.rundir import RunDir, Session
from psweep_nb.submission import Submission
from psweep_nb.tidy import error_line
from psweep_nb.wording import counted, printable

if TYPE_CHECKING:
    from psweep_nb.runs import Run

_SHOWN = 5  # of errors, near duplicates, names
_DIFF_LINES = 40
_UNITS = ((86400.0, "days"), (3600.0, "h"), (60.0, "min"), (1.0, "s"), (1e-3, "ms"), (1e-6, "µs"))


class Plan:
    """What a run would do now, pset by pset; made by `Study.plan`. Nothing was written for it.

    Its text (``print(plan)``) says it all for a person.

    Attributes
    ----------
    new, done, stale, failed, running : int
        Psets of which nothing is known, that are done, that are done with other code (counted in
        `done`, too), that failed before, and that are at work in an active run.
    todo : list of int
        Numbers of the psets that would run.
    latest : Run or None
        The newest run that holds any of the psets.
    running_same : Run or None
        The active run that is at work on all that is left.
    """

    def __init__(
        self,
        database: Database,
        submission: Submission,
        judgement: Judgement,
        run_of: Callable[[RunDir], Run],
    ) -> None:
        self._database, self._submission, self._judged = database, submission, judgement
        counts = Counter(judgement.states)
        self.new, self.stale, self.failed = counts[NEW], counts[STALE], counts[FAILED]
        self.done, self.running = counts[DONE] + self.stale, counts[RUNNING]
        self.todo = judgement.todo
        folder = _latest_with(database, submission.digests)
        self.latest = run_of(folder) if folder is not None else None
        at_work = list(judgement.at_work.values())
        self.running_same = run_of(at_work[-1]) if at_work and not self.todo else None

    # -- in words ----------------------------------------------------------------------------

    @property
    def text(self) -> str:
        """The counts in one line."""
        parts = [f"{self.new} new"]
        if self.done:
            parts.append(f"{self.done} done{self._of_done()}")
        if self.running:
            parts.append(f"{self.running} at work in another run")
        if self.failed:
            parts.append(f"{self.failed} failed{self._of_failed()}")
        return ", ".join(parts)

    def _of_done(self) -> str:
        options = self._submission.options
        if options.skip is None:
            return " (run again)"
        if other := self._done_by_another:
            name = name_of(self._submission.func)
            return (
                f" by `{other}`, not `{name}`: `--again` runs `{name}`, "
                "or give it a study of its own with `-d`"
            )
        if self.stale and options.stale:
            return f" ({self.stale} with other code: run again)"
        if self.stale:
            return f" ({self.stale} with other code: `--stale` runs them again, `--again` all)"
        return "" if self.todo else " (`--again` computes them anew)"

    @cached_property
    def _done_by_another(self) -> str:
        """The function of another name that did all that is done, and so passed over."""
        judged, known, options = self._judged, self._judged.known, self._submission.options
        if not self.stale or self.stale < self.done or options.skip is None or options.stale:
            return ""
        rows = [r for r, s in zip(judged.rows, judged.states, strict=True) if s == STALE]
        sessions = [known.session(row) for row in rows]
        name, *more = {s.spec.function if s is not None else "" for s in sessions}
        return name if not more and name != name_of(self._submission.func) else ""

    def _of_failed(self) -> str:
        if self._submission.options.skip != "done+failed":
            return " (run again)"
        session = self._newest(FAILED)
        if session is None or (
            not self.todo and self.latest and self.latest.folder.path == session.run.path
        ):
            return " (`%psweep retry`)"  # it addresses the run that is then shown
        return f" (`%psweep retry {session.run.info['run_seq']}`)"

    @property
    def remarks(self) -> tuple[str, ...]:
        """What the user may not expect: other code did psets, a run was lost."""
        remarks = []
        session, name = self._newest(STALE), name_of(self._submission.func)
        if session is not None and not self._done_by_another:
            seq = session.run.info["run_seq"]
            if session.spec.function != name:
                remarks.append(f"run {seq} did them with `{session.spec.function}`, not `{name}`")
            else:
                names = changed(session.spec.code["parts"], self._submission.code.parts)
                remarks.append(f"changed since run {seq}: {_some(f'`{n}`' for n in names)}")
        latest = self.latest
        if self.todo and latest is not None and latest.view.state()[0] == "lost":
            seq = latest.run_seq
            remarks.append(
                f"run {seq} was lost before its end; `%psweep resume {seq}` would go on with it "
                "under the same ids"
            )
        return tuple(remarks)

    def __str__(self) -> str:
        n, name = len(self._judged.states), name_of(self._submission.func)
        lines = [f"{counted(n, 'pset')}, `{name}`: {self.text}"]
        lines.append(
            f"{len(self.todo)} would run: {self.basis}" if self.todo else "nothing would run"
        )
        lines += [f"failed: {error} ({count})" for error, count in self._errors()]
        lines += self.remarks
        if self.near:
            lines.append("the same but for rounding (their hashes differ, so they are new):")
            lines += [f"  {near}" for near in self.near[:_SHOWN]]
            if len(self.near) > _SHOWN:
                lines.append(f"  and {len(self.near) - _SHOWN} more: plan.near")
        shown = self.diff.splitlines()
        lines += shown[:_DIFF_LINES]
        if len(shown) > _DIFF_LINES:
            lines.append(f"... {len(shown) - _DIFF_LINES} more lines: print(plan.diff)")
        return "\n".join(map(printable, lines))

    __repr__ = __str__

    def _errors(self) -> list[tuple[str, int]]:
        table, error = self.table, self._name("error")
        return Counter(table[error].dropna().tolist()).most_common(_SHOWN)

    # -- time --------------------------------------------------------------------------------

    @cached_property
    def _earlier(self) -> tuple[int, int, float] | None:
        """The newest run of the same function: its number, how many it has done, seconds each."""
        frame, name = self._judged.known.frame, name_of(self._submission.func)
        for run in reversed(self._database.runs()):
            with contextlib.suppress(JournalError):
                if all(session.spec.function != name for session in run.sessions()):
                    continue
                rows = frame.loc[frame["_run_id"] == run.run_id, ["_failed", "_pset_runtime"]]
                took = rows.loc[
                    rows["_failed"].eq(False).fillna(False).astype(bool), "_pset_runtime"
                ]
                if len(took):
                    seconds = pd.to_numeric(took, errors="coerce")
                    return run.info["run_seq"], len(took), float(seconds.mean())
        return None

    @property
    def seconds(self) -> float | None:
        """How long it will take, by what earlier psets took; None where nothing tells."""
        if not self.todo:
            return 0.0
        if self._earlier is None:
            return None
        rounds = len(self.todo) / min(self._submission.options.workers, len(self.todo))
        return self._earlier[2] * rounds

    @property
    def basis(self) -> str:
        """The predicted time, and by what it is told."""
        if self._earlier is None or self.seconds is None:
            return f"no run of `{name_of(self._submission.func)}` tells yet how long"
        seq, n, each = self._earlier
        workers = self._submission.options.workers
        # Beginning a run takes longer than psets that are quick.
        total = f"about {_duration(self.seconds)}" if self.seconds >= 1 else "less than a second"
        return (
            f"{total} of computing: {counted(n, 'pset')} took {_duration(each)} each "
            f"in run {seq}, {counted(workers, 'worker')}"
        )

    # -- pset by pset ------------------------------------------------------------------------

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row a pset: its parameters, then

        `state` (``new``, ``done``, ``stale``: done with other code, ``running``, ``failed``),
        `to_run`, `run` (`_run_seq` of the run that did it, or is at work on it) and `error` (the
        last line of a failed one's traceback). Where a parameter has such a name, it is `_state`
        and so on.
        """
        judged, frame = self._judged, self._judged.known.frame
        errors = frame["_exc_txt"].tolist() if "_exc_txt" in frame else []
        runs = frame["_run_seq"].tolist() if "_run_seq" in frame else []
        todo = set(self.todo)
        columns: dict[str, Any] = frames.columns_of(self._submission.params)
        found = {
            "state": judged.states,
            "to_run": [number in todo for number in range(len(judged.states))],
            "run": [self._run_seq(n, row, runs) for n, row in enumerate(judged.rows)],
            "error": [
                error_line(errors[row])
                if state == FAILED and 0 <= row < len(errors) and isinstance(errors[row], str)
                else frames.ABSENT
                for state, row in zip(judged.states, judged.rows, strict=True)
            ],
        }
        columns.update({self._name(name): values for name, values in found.items()})
        arrays = {name: frames.typed(values) for name, values in columns.items()}
        # As Series, or pandas 3 turns text into its own type, in which absent is NaN.
        return pd.DataFrame({name: pd.Series(a, dtype=a.dtype) for name, a in arrays.items()})

    def _name(self, name: str) -> str:
        return f"_{name}" if any(name in pset for pset in self._submission.params) else name

    def _run_seq(self, number: int, row: int, runs: Sequence[Any]) -> Any:
        if number in self._judged.at_work:
            return self._judged.at_work[number].info["run_seq"]
        if 0 <= row < len(runs):
            return runs[row]
        session = self._judged.known.session(row) if row >= 0 else None
        return frames.ABSENT if session is None else session.run.info["run_seq"]

    # -- what changed ------------------------------------------------------------------------

    def _newest(self, state: str) -> Session | None:
        """The session that did the newest of the psets in a state."""
        judged, known = self._judged, self._judged.known
        rows = [r for r, s in zip(judged.rows, judged.states, strict=True) if s == state and r >= 0]
        sessions = [known.session(row) for row in sorted(set(rows))]
        return next((s for s in reversed(sessions) if s is not None), None)

    @property
    def diff(self) -> str:
        """What changed of the function, or a helper, since the newest stale pset was done.

        A unified diff; empty where nothing is stale.
        """
        session = self._newest(STALE)
        if session is None:
            return ""
        return diff(session.spec.code["parts"], self._submission.code.parts)

    @cached_property
    def near(self) -> list[Near]:
        """New psets that equal one with a row, or an earlier one of the list, but for rounding."""
        judged, params = self._judged, self._submission.params
        new = [number for number, state in enumerate(judged.states) if state == NEW]
        if not new:
            return []
        known = self._judged.known
        frame, rows = known.frame, {*known.done.values(), *known.failed.values()}
        psweeps = foreign_psets(frame)
        ours = [row for row in rows if row < len(frame) and row not in psweeps]
        others = chain(psets_of_rows(self._database, frame.iloc[ours]), psweeps.values())
        return near_duplicates(params, new, others)


def _latest_with(database: Database, digests: Sequence[bytes | None]) -> RunDir | None:
    wanted = {digest for digest in digests if digest is not None}
    for run in reversed(database.runs()):
        with contextlib.suppress(JournalError):  # a damaged run: others may hold them
            if not wanted.isdisjoint(run.psets.digests()):
                return run
    return None


def _some(names: Iterable[str]) -> str:
    listed = list(names)
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return ", ".join(listed[:_SHOWN]) + more


def _duration(seconds: float) -> str:
    """A rough figure: two digits.

    >>> [_duration(s) for s in (754, 2.13, 0.00031, 5e5)]
    ['13 min', '2.1 s', '310 µs', '5.8 days']
    """
    size, unit = next((u for u in _UNITS if seconds >= u[0]), _UNITS[-1])
    number = float(f"{seconds / size:.2g}")
    return f"{number:g} {unit}"
