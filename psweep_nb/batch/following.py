"""What a study does with jobs: submit, follow, collect, copy. `Study` inherits it."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psweep_nb.batch.collecting import EVERY_S, Collector, Synced
from psweep_nb.batch.places import Place, alone, machine_of
from psweep_nb.batch.preparing import finish_cut_off
from psweep_nb.batch.since import changed_files, renew
from psweep_nb.batch.submitting import open_jobs_at, submit
from psweep_nb.batch.transfer import Away, pull, push
from psweep_nb.database import Database
from psweep_nb.errors import OptionError, StudyError, TrustError
from psweep_nb.wording import counted

if TYPE_CHECKING:
    from psweep_nb.rundir import RunDir
    from psweep_nb.runs import Run


class JobMethods:
    """The part of a `Study` that is about jobs."""

    path: Path
    calc_path: Path
    trusted: bool
    database: Database

    if TYPE_CHECKING:

        @property
        def runs(self) -> list[Run]: ...
        def run_of(self, key: int | str) -> Run: ...
        def _run(self, run: RunDir) -> Run: ...

    def submit_batch(
        self,
        machine: str | None = None,
        run: int | str | None = None,
        *,
        retry: bool = False,
        force: bool = False,
        notes: Callable[[str], object] | None = None,
    ) -> "Run":
        """Submit the jobs of a batch run: here, or on the machine's host over ssh.

        The psets' directories are copied there first. What is submitted is noted, so that to call
        this again, also after a kill in the middle, submits the rest and nothing twice.

        Parameters
        ----------
        machine : str, optional
            A machine that the run was prepared for; may be left out where there is one only.
        run : int or str, optional
            Which batch run, as in `run_of`; the newest by default.
        retry : bool
            Submit failed psets again, too, as their next attempt.
        force : bool
            Submit all psets, also those that are done or that have a job already.
        notes : callable, optional
            Gets what the user should know, a sentence a call; printed by default.

        Returns
        -------
        Run
            The run. :meth:`sync` follows its jobs.

        Raises
        ------
        OptionError, StudyError
            If there is no such run or machine; nothing was submitted.
        TrustError
            If somebody else has made the study: its jobs would run what they have put there.
        RemoteError
            If the machine, or its scheduler, does not do what is asked: its words, what they mean.
            If its Python cannot load the function that was prepared: both versions, what to do.
        """
        tell = notes or print
        finish_cut_off(self.database, self.calc_path)
        found = self._own_run(run)
        name = machine or _only(found)
        with alone(self.database):
            if said := renew(self.database, found.view, name, force):
                tell(said)
            place = Place.of(found.folder, name)
            n, choice = submit(found.view, place, retry, force)
        left_out = f"; {choice.left_out}" if choice.left_out else ""
        if n:
            psets = counted(len(choice.attempts), "pset")
            tell(f"{psets} submitted to {place.name} in {counted(n, 'job')}{left_out}")
            for said in filter(None, (choice.note, changed_files(found.folder))):
                tell(said)
        else:
            tell(f"nothing to submit{left_out}")
        return found

    def sync(
        self,
        run: int | str | None = None,
        *,
        read: Callable[[Path], Any] | None = None,
        every: float = EVERY_S,
    ) -> Synced:
        """Follow jobs, and bring what they have left into their rows.

        Fetches the directories of psets at work from machines with a host, asks the scheduler once
        for all jobs, and collects: ``result.json``, else ``result.pk``, else nothing. A job that
        has failed, was killed, or vanished, makes a failed row that says so. Call it as often as
        you like; nothing is collected twice.

        Parameters
        ----------
        run : int or str, optional
            Only this batch run, as in `run_of`; all of them by default.
        read : callable, optional
            Gets a pset's directory, returns its results (a dict, or one value), instead of the
            files above or the `reader` of the `Command` that was prepared. Of jobs that were
            submitted by hand nothing is known: what it returns for those is what they have done,
            an error means that they have not.
        every : float
            A machine that was asked less than so many seconds ago is left alone; 0 asks now.

        Returns
        -------
        Synced
            How many psets are done and failed now, running and waiting.

        Raises
        ------
        RemoteError
            If no machine that there is to ask answers, and nothing was collected.
        FunctionError
            If a `reader` cannot be loaded any more, and nothing was collected.
        """
        runs = [self._batch_run(run)] if run is not None else self._batch_runs()
        if not runs:
            return Synced()
        with alone(self.database):
            collector = Collector(self.database, read, every, self.trusted)
            return collector.collect([found.view for found in runs])

    def cancel_batch(self, run: int | str | None = None) -> int:
        """End the jobs of a batch run that wait or run; return how many psets that concerns.

        Their rows say so after the next :meth:`sync`. Parameters and errors as there.
        """
        found = self._own_run(run)
        with alone(self.database):
            found.view.poll()
            at = open_jobs_at(found.view)
            for name, mine in at.items():
                place = Place.of(found.folder, name)
                place.scheduler.cancel(place.shell, sorted(set(mine.values())))
        return sum(map(len, at.values()))

    def push(self, host: str, path: str | None = None, *, dry_run: bool = False) -> list[str]:
        """Copy the study's directory to another machine, by rsync over ssh.

        Nothing is deleted there, and the runs' records (``.psweep/``) stay here. What the file
        ``excl_push`` beside the directory lists, patterns a line each, stays here, too.

        Parameters
        ----------
        host : str
            As after ``ssh``; or a machine that the newest batch run was prepared for.
        path : str, optional
            The directory there in which the study's is to be; the same as here, relative to the
            home, by default.
        dry_run : bool
            Only say what would be copied.

        Returns
        -------
        list of str
            The files that were copied.

        Raises
        ------
        OptionError
            If host or path are not safe.
        RemoteError
            If it did not work.
        """
        away, info = self._away(host, path)
        return push(self.calc_path, away, info.get("excl_push", ()), dry_run=dry_run)

    def pull(self, host: str, path: str | None = None, *, dry_run: bool = False) -> list[str]:
        """Copy what is new on another machine back; as :meth:`push`, the other way round.

        The table, ``.psweep/`` and ``run_*.sh`` are never touched, and nothing is deleted here.
        ``excl_pull`` lists what stays there.
        """
        away, info = self._away(host, path)
        exclude = info.get("excl_pull", ())
        name = self.database.path.name
        return pull(self.calc_path, away, exclude, dry_run=dry_run, basename=name)

    def _away(self, host: str, path: str | None) -> tuple[Away, dict[str, Any]]:
        runs = self._batch_runs()
        is_ours = bool(runs) and host in runs[-1].info["machines"]
        info = machine_of(runs[-1].folder, host) if is_ours else {}
        if info.get("host"):
            return Away.of(self.calc_path, info["host"], path or info.get("path")), info
        return Away.of(self.calc_path, host, path), {}

    def _own_run(self, key: int | str | None) -> "Run":
        if not self.trusted:
            raise TrustError(
                f"jobs of {self.path} would run what somebody else may have put there: open it "
                "with Study(..., trust=True) if you do"
            )
        return self._batch_run(key)

    def _batch_runs(self) -> "list[Run]":
        return [run for run in self.runs if run.folder.is_batch]

    def _batch_run(self, key: int | str | None) -> "Run":
        if key is not None:
            found = self.run_of(key)
            if not found.folder.is_batch:
                raise StudyError(f"run {found.run_seq} is no batch run: it has no jobs")
            return found
        runs = self._batch_runs()
        if not runs:
            raise StudyError("there is no batch run yet: prep_batch(...) makes one")
        return runs[-1]


def _only(run: "Run") -> str:
    names = list(run.info["machines"])
    if len(names) > 1:
        raise OptionError(
            f"run {run.run_seq} was prepared for several machines: say which, {', '.join(names)}"
        )
    return str(names[0])
