"""Following jobs and collecting what they leave: from other machines, into the same rows.

Used by `Study.sync`, again and again: what has its record is not looked at any more, and a record
that is made twice is harmless.
"""

import contextlib
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from time import time

from psweep_nb import jobs
from psweep_nb.batch.ending import End, record
from psweep_nb.batch.places import Place
from psweep_nb.batch.results import Look, Marks, ReadDir, left_by_hand, reader_of
from psweep_nb.batch.scheduler import Found
from psweep_nb.batch.submitting import session_of, settle
from psweep_nb.batch.transfer import pull
from psweep_nb.database import Database
from psweep_nb.deletions import deleted
from psweep_nb.errors import FunctionError, JournalError, RemoteError, StudyError, TrustError
from psweep_nb.rundir import read_json, write_json
from psweep_nb.runview import RunView
from psweep_nb.wording import counted

EVERY_S = 30.0  # a scheduler is everybody's: it is not asked more often, unless that is wanted
# A job may be over a moment before other machines see the files that it has written.
LATE_S = 10.0
_ASKED = "asked.json"  # when each machine was asked last


@dataclass
class Synced:
    """What `Study.sync` found.

    Attributes
    ----------
    done, failed : int
        Psets whose rows have come to that now.
    running, waiting : int
        Psets whose jobs are at work, or wait for their turn, by the last answer.
    notes : list of str
        What did not work, and what was left for later.
    """

    done: int = 0
    failed: int = 0
    running: int = 0
    waiting: int = 0
    notes: list[str] = field(default_factory=list)

    def __repr__(self) -> str:
        names = ("done", "failed", "running", "waiting")
        counts = [f"{n} {name}" for name in names if (n := getattr(self, name))]
        return "\n".join([", ".join(counts) or "nothing new", *self.notes])


class Collector:
    """Follows jobs and collects, once; whoever calls it is `alone`.

    Parameters
    ----------
    database : Database
        The study's.
    read : callable, optional
        Gives a pset's results from its directory, instead of the files that have such names.
    every : float
        A machine that was asked less than so many seconds ago is not asked.
    trusted : bool
        Whether to log in to machines and to unpickle results of any type: if the study is this
        user's own.
    """

    def __init__(
        self, database: Database, read: ReadDir | None, every: float, trusted: bool
    ) -> None:
        self._database = database
        self._read = read
        self._every = every
        self._trusted = trusted
        self._found = Synced()

    def collect(self, views: Sequence[RunView]) -> Synced:
        """Follow the jobs of these runs.

        Raises
        ------
        RemoteError, FunctionError
            If machines could not be asked, or results not be read, and nothing else was to be had.
        """
        errors: list[RemoteError | FunctionError] = []
        at: dict[str, list[tuple[RunView, Place]]] = defaultdict(list)
        for view in views:
            view.poll()
            self._record(view, self._left_by_hand(view))
            for name in sorted({job.machine for job in view.open_jobs().values()}):
                place = Place.of(view.run, name)
                at[place.key].append((view, place))
        if at and not self._trusted:
            self._found.notes.append(
                "jobs are not followed: that means logging in where somebody else has written; "
                "open the study with Study(..., trust=True) if you do"
            )
            at.clear()
        for together in at.values():
            try:
                self._follow(together)
            except (RemoteError, FunctionError) as exc:
                errors.append(exc)
        if errors and len(errors) == len(at) and not (self._found.done or self._found.failed):
            raise errors[0]
        self._found.notes += map(str, errors)
        self._count(views)
        return self._found

    def _left_by_hand(self, view: RunView) -> Iterator[End]:
        """Results of jobs that we know nothing of: submitted with the script, by a person."""
        known = {number for number, _, _ in view.states()} | view.open_jobs().keys()
        known |= deleted(view.run).keys()
        unreadable: list[StudyError] = []
        for number in range(view.total):
            if number not in known:
                folder = view.run.calc_path / view.run.psets.id(number)
                try:
                    end = left_by_hand(number, folder, self._read, self._trusted)
                except TrustError as exc:  # it is for the user to decide
                    if str(exc) not in self._found.notes:
                        self._found.notes.append(str(exc))
                    continue
                except StudyError as exc:
                    unreadable.append(exc)
                    continue
                if end is not None:
                    yield end
        if unreadable:
            self._found.notes.append(
                f"results of {counted(len(unreadable), 'pset')} cannot be read, unless they are "
                f"just being written: {unreadable[0]}"
            )

    def _follow(self, together: list[tuple[RunView, Place]]) -> None:
        """Ask one machine, once for the jobs of all runs, fetch what they left, and collect."""
        place = together[0][1]
        since = time() - self._asked().get(place.key, 0.0)
        if place.is_shared and 0 <= since < self._every:
            self._found.notes.append(
                f"{place.name} was asked {since:.0f} s ago; it is asked again after "
                f"{self._every:.0f} s (sync(every=0) asks now)"
            )
            return
        for view, there in together:
            settle(view, there)
        at_work = [(view, there, _jobs_at(view, there)) for view, there in together]
        ids = sorted({job.job for _, _, mine in at_work for job in mine.values()})
        answer = place.scheduler.ask(place.shell, ids) if ids else {}
        broken: list[FunctionError] = []
        for view, there, mine in at_work:
            try:
                self._fetch(view, there, mine, answer)
            except FunctionError as exc:  # other runs have nothing to do with it
                broken.append(exc)
        # Not before: what did not work may be tried again at once.
        write_json(self._database.hidden / _ASKED, {**self._asked(), place.key: time()})
        if broken:
            raise broken[0]

    def _asked(self) -> dict[str, float]:
        with contextlib.suppress(JournalError):
            asked = read_json(self._database.hidden / _ASKED)
            return {name: when for name, when in asked.items() if isinstance(when, float)}
        return {}

    def _fetch(
        self, view: RunView, place: Place, mine: dict[int, jobs.Job], answer: dict[str, Found]
    ) -> None:
        folders = {n: view.run.psets.id(n) for n in mine}
        if place.away is not None:
            # After asking: a job that is over then has written all that it writes.
            exclude = place.info.get("excl_pull", ())
            pull(place.calc, place.away, exclude, list(folders.values()))
        looks = []
        for n, job in mine.items():
            folder = place.calc / folders[n]
            looks.append(Look(n, folder, job, answer.get(job.job), Marks.read(folder, job.token)))
        by_state: dict[str, list[int]] = defaultdict(list)
        for look in looks:
            if look.state != look.job.state:
                by_state[look.state].append(look.pset)
        for state, psets in by_state.items():
            jobs.became(session_of(view), psets, state, time())
        self._record(view, self._ends(view, place, looks))

    def _ends(self, view: RunView, place: Place, looks: list[Look]) -> Iterator[End]:
        now, open_jobs = time(), view.open_jobs()
        over = [look for look in looks if look.state == jobs.OVER]
        read = self._read or (reader_of(session_of(view)) if over else None)
        for look in over:
            end = look.end(now, read)
            over_for = now - open_jobs[look.pset].since
            late = place.is_shared and over_for < LATE_S and not look.has_failed
            if not (late and (end.error or not end.results)):
                yield end

    def _record(self, view: RunView, ends: Iterable[End]) -> None:
        ends = list(ends)
        failed = record(self._database, view.run, ends)
        self._found.failed += failed
        self._found.done += len(ends) - failed

    def _count(self, views: Sequence[RunView]) -> None:
        for view in views:
            view.poll()
            states = Counter(job.state for job in view.open_jobs().values())
            self._found.running += states[jobs.RUNNING]
            self._found.waiting += states.total() - states[jobs.RUNNING]


def _jobs_at(view: RunView, place: Place) -> dict[int, jobs.Job]:
    """The jobs of a machine that have ids, by pset."""
    found = view.open_jobs().items()
    return {n: job for n, job in found if job.machine == place.name and job.job}
