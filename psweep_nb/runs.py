"""One run: looking at it, commanding it, going on with it.

A `Run` holds no state of its own; it reads the run's journals and appends commands, so any number
of them, in any number of processes, may stand for one run.
"""

import os
from collections.abc import Callable, Generator
from functools import cached_property
from pathlib import Path
from time import monotonic, sleep
from typing import Any, Protocol

import pandas as pd

from psweep_nb import frames, provenance
from psweep_nb.errors import OptionError, PsweepError, RemoteError, StudyError
from psweep_nb.exact import psets_of_run
from psweep_nb.provenance import Provenance, of_session
from psweep_nb.records import PsetRecord
from psweep_nb.resuming import Owner, ResumeMethods
from psweep_nb.rundiff import RunDiff, diff_runs
from psweep_nb.rundir import RunDir, Session, SessionSpec
from psweep_nb.runview import RunView
from psweep_nb.script import export
from psweep_nb.status import Status
from psweep_nb.wording import counted

Notes = Callable[[str], object]
_POLL_S = (0.01, 0.1)  # a wait looks often at first, then less
_SYNC_S = (0.5, 5.0)  # for jobs; machines that are not this one are asked less often
_AWAY_S = 600.0  # so long whoever waits bears with a machine that does not answer any more


class Home(Owner, Protocol):
    """What a run needs of its study."""

    calc_dir: str

    def run_of(self, key: int | str) -> "Run":
        """Return one of its runs."""

    def sync(self, run: int | str | None = None) -> object:
        """Follow the jobs of a batch run."""


class Run(ResumeMethods):
    """A run of a study; made by `Study.submit`, `Study.runs` and `Study.run_of`."""

    def __init__(self, study: Home, folder: RunDir) -> None:
        self.study: Home = study
        self.folder = folder

    @property
    def run_id(self) -> str:
        """The run's id, a UUID; the column `_run_id`."""
        return self.folder.run_id

    @property
    def run_seq(self) -> int:
        """The run's number in the study; the column `_run_seq`."""
        return int(self.info["run_seq"])

    @property
    def label(self) -> str:
        """The name it was given, empty for none."""
        return str(self.info["label"])

    @property
    def info(self) -> dict[str, Any]:
        """What was asked for: the content of `run.json`."""
        return self.folder.info

    @cached_property
    def view(self) -> RunView:
        """The run's journals, followed; one a run and process."""
        return RunView(self.folder, self.study.trusted)

    def __repr__(self) -> str:
        label = f" {self.label!r}" if self.label else ""
        psets = counted(int(self.info["n"]), "pset")
        try:
            where = counted(self.spec.workers, "worker")
        except (PsweepError, OSError):
            where = "damaged"
        if self.folder.is_batch:
            where = f"jobs for {', '.join(self.info['machines'])}"
        return f"run {self.run_seq}{label}: {psets}, {where}, {self.study.calc_dir}/"

    # -- looking -----------------------------------------------------------------------------

    def status(self) -> Status:
        """Return state, counts, rate and time left at this moment."""
        self.view.poll()
        return self.view.status()

    @property
    def df(self) -> pd.DataFrame:
        """This run's rows, as they are now."""
        frame = self.study.database.frame()
        if "_run_id" not in frame:
            return frames.snapshot(frame)
        return frames.snapshot(frame[frame["_run_id"] == self.run_id])

    def params(self) -> list[dict[str, Any]]:
        """Return the run's psets exactly as they were given, also those not computed yet."""
        return psets_of_run(self.folder, self.study.trusted)

    @property
    def provenance(self) -> list[Provenance]:
        """Where its results come from: of the submission, and of each resume and retry since.

        What a session used is known a moment after it has begun.
        """
        self.view.poll()
        sessions = self.folder.sessions()
        return [of_session(s, self.label, self.view.end_of(s.number)) for s in sessions]

    @property
    def failures(self) -> list[PsetRecord]:
        """The psets whose last attempt failed, with traceback and log."""
        self.view.poll()
        found = (self.view.record(index) for index in sorted(self.view.failed_indices()))
        return [record for record in found if record is not None]

    @property
    def reports(self) -> dict[int, dict[str, Any]]:
        """What psets have reported last that have not ended: they run, or were cut off."""
        return self.view.reports()

    def diff(self, other: "Run | int | str") -> RunDiff:
        """Return what is not the same in another run: code, versions, options, psets, results.

        Parameters
        ----------
        other : Run, int or str
            A run, of this study or another; or of this one its number, label or id.

        Returns
        -------
        RunDiff
            It shows itself as text; its parts are in attributes.

        Examples
        --------
        >>> from psweep_nb import Study
        >>> study = Study()
        >>> df = study.run(lambda a: {"b": 2 * a}, [{"a": 1}, {"a": 2}])
        >>> df = study.run(lambda a: {"b": a * a}, [{"a": 1}, {"a": 2}])
        >>> study.run_of(-2).diff(study.run_of(-1)).results
           a  b  b_other
        0  1  2        1
        """
        return diff_runs(self, other if isinstance(other, Run) else self.study.run_of(other))

    # -- commanding --------------------------------------------------------------------------

    def stop(self, now: bool = False) -> None:
        """End the run; what has not begun stays undone, `resume` does it.

        Parameters
        ----------
        now : bool
            Kill the psets that run, instead of letting them finish. In an `executor` they are let
            go: it computes on, and nothing of that is recorded.

        Raises
        ------
        StudyError
            If the run has ended, or runs where nothing can be killed.
        """
        self._require_engine("stopped")
        self._require_active("stop")
        if now and {"kill", "abandon"}.isdisjoint(self.spec.can):
            raise StudyError(
                "psets in the kernel's own threads cannot be killed; stop() lets those finish that "
                "run"
            )
        self.folder.command("stop now" if now else "stop")

    def pause(self) -> None:
        """Begin no further psets until `resume`; raise `StudyError` if the run has ended."""
        self._require_engine("paused")
        self._require_active("pause")
        self.folder.command("pause")

    def _require_engine(self, what: str) -> None:
        if self.folder.is_batch:
            raise StudyError(
                f"run {self.run_seq} can not be {what}: it is a batch run, whose jobs are the "
                "scheduler's (study.submit_batch, sync and cancel_batch deal with them)"
            )

    def _require_active(self, what: str) -> None:
        status = self.status()
        if status.ended:
            raise StudyError(f"there is nothing to {what}: run {self.run_seq} is {status.state}")

    @property
    def spec(self) -> SessionSpec:
        """What its engine was last asked to do, with the function's name and source."""
        return self._last_session().spec

    def _last_session(self) -> Session:
        sessions = self.folder.sessions()
        if not sessions:
            raise StudyError(f"run {self.run_seq} has no sessions: {self.folder.path} is damaged")
        return sessions[-1]

    # -- leaving the notebook ----------------------------------------------------------------

    def export(
        self,
        path: str | os.PathLike[str] = "run.py",
        *,
        force: bool = False,
        pickles: bool = False,
        notes: Notes | None = None,
    ) -> list[Path]:
        """Write a script that repeats this run, see `Study.export`."""
        return export(
            self.study.database,
            self.study.calc_dir,
            path,
            run=self.folder,
            force=force,
            pickles=pickles,
            notes=notes,
        )

    # -- waiting -----------------------------------------------------------------------------

    def wait(self, timeout: float | None = None) -> Status:
        """Wait until the run has ended, at most `timeout` seconds, and return its status.

        A batch run's jobs are followed meanwhile, see `Study.sync`. Ctrl-C ends the waiting, not
        the run.

        Raises
        ------
        OptionError
            If `timeout` is no number.
        RemoteError
            If a machine with jobs cannot be asked: at once, or, where it could be, for ten minutes.
        """
        try:
            end = None if timeout is None else monotonic() + float(timeout)
        except (TypeError, ValueError, OverflowError):
            raise OptionError(f"timeout is {timeout!r:.50}; it should be seconds") from None
        pause, slowest = _SYNC_S if self.folder.is_batch else _POLL_S
        follow = _Follow(self)
        while True:
            if self.folder.is_batch:
                follow()
            status = self.status()
            if status.ended or (end is not None and monotonic() > end):
                provenance.settle(provenance.PATIENCE_S)
                return status
            sleep(pause)
            pause = min(1.5 * pause, slowest)

    def __await__(self) -> Generator[Any, None, Status]:
        return self._wait().__await__()

    async def _wait(self) -> Status:
        import asyncio  # only who awaits has it loaded anyway

        # In short slices: an interrupt reaches a kernel only between them.
        due, follow = monotonic(), _Follow(self)
        while True:
            if self.folder.is_batch and monotonic() >= due:
                await asyncio.to_thread(follow)
                due = monotonic() + _SYNC_S[1]
            if (status := self.status()).ended:
                return status
            await asyncio.sleep(_POLL_S[1])


class _Follow:
    """Follows the jobs of a run that is waited for, over hours in which networks come and go."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._answered: float | None = None

    def __call__(self) -> None:
        """Follow them now."""
        try:
            self._run.study.sync(self._run.run_seq)
        except RemoteError:
            if self._answered is None or monotonic() - self._answered > _AWAY_S:
                raise
        else:
            self._answered = monotonic()
