"""The face of the core: a study is a directory, a run is a journal in it.

Used by people, the notebook layer and the command line. Small classes: what things mean is in the
modules below (submission, engine, database, runview).
"""

import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from pathlib import Path
from typing import Any

import pandas as pd

from psweep_nb import hosts, identity, provenance
from psweep_nb.batch.following import JobMethods
from psweep_nb.batch.methods import BatchMethods
from psweep_nb.database import BASENAME, Database, check_basename
from psweep_nb.errors import StudyError
from psweep_nb.executors.pools import pool_of
from psweep_nb.files import path_of
from psweep_nb.judging import active_runs
from psweep_nb.launching import Notes, OnRow, here, in_background, said_at_end, tell, work_here
from psweep_nb.planmethods import PlanMethods
from psweep_nb.planning import Plan
from psweep_nb.rerunning import repeated
from psweep_nb.results import ResultMethods
from psweep_nb.rundir import RunDir
from psweep_nb.runlist import Runs
from psweep_nb.runs import Run
from psweep_nb.script import export
from psweep_nb.submission import Published, Submission, prepare, publish_run
from psweep_nb.tablemethods import TableMethods


class Study(TableMethods, ResultMethods, PlanMethods, BatchMethods, JobMethods):
    """A study: one directory with its table and its runs.

    Parameters
    ----------
    calc_dir : path
        The directory; made by the first run.
    trust : bool
        Open a study that somebody else made as if it were one's own: reading it may then run code
        that it contains. Asked once a study.
    database_dir : path, optional
        The directory of the table and of the runs, where it is another one: that is the study then,
        and `calc_dir` only what the column ``_calc_dir`` says.
    database_basename : str
        The table's file name. Several tables in one directory are studies of their own: each has
        its runs and its numbers.

    Examples
    --------
    >>> import tempfile
    >>> study = Study(tempfile.mkdtemp())
    >>> df = study.run(lambda a: {"square": a**2}, [{"a": 1}, {"a": 2}])
    >>> df[["a", "square"]].values.tolist()
    [[1, 1], [2, 4]]
    """

    def __init__(
        self,
        calc_dir: str | os.PathLike[str] = "calc",
        trust: bool = False,
        *,
        database_dir: str | os.PathLike[str] | None = None,
        database_basename: str = BASENAME,
    ) -> None:
        check_basename(database_basename)
        calc = path_of(calc_dir, "calc_dir")
        folder = calc if database_dir is None else path_of(database_dir, "database_dir")
        self.calc_dir = os.fspath(calc_dir)
        self.calc_path, self.path = Path(os.path.abspath(calc)), Path(os.path.abspath(folder))
        for path in (self.calc_path, self.path):
            nearest = next(p for p in (path, *path.parents) if os.path.lexists(p))
            if not nearest.is_dir():
                raise StudyError(f"{nearest} is a file; a study is a directory")
        try:
            self.trusted = identity.is_trusted(self.path, trust, database_basename)
        except OSError as exc:
            raise StudyError(
                f"the study {self.path} cannot be opened: {exc.strerror} (it is somebody else's?); "
                f"its table may be read by itself: df_read({str(self.path / database_basename)!r})"
            ) from exc
        self.database = Database(self.path, self.trusted, database_basename)
        self.lasting = True  # False: removed with its directory when a run has ended
        self._runs: dict[str, Run] = {}

    def __repr__(self) -> str:
        return f"study {self.calc_dir}/: {len(self.runs)} runs"

    # -- reading -----------------------------------------------------------------------------

    @property
    def runs(self) -> Runs:
        """All runs, oldest first: a list that shows itself as a table."""
        return Runs(self._run(run) for run in self.database.runs())

    def _run(self, run: RunDir) -> "Run":
        if run.run_id not in self._runs:
            self._runs[run.run_id] = Run(self, run)
        return self._runs[run.run_id]

    def run_of(self, key: int | str) -> "Run":
        """Return a run by its `_run_seq`, its label, its id, or -1 for the newest, -2 ...

        Of an id the first 8 characters will do.

        Raises
        ------
        StudyError
            If there is none; the message lists what there is.
        JournalError
            If its record is damaged.
        """
        found = self.runs.find(key)
        if found is None:
            for path in self.database.hidden.glob("*/"):
                if path.name == str(key):
                    _ = RunDir(path).info  # says what is wrong with it
            raise StudyError(f"{self.calc_dir}/ has no run {key!r:.100}; it has {self.runs.names}")
        return found

    def active_runs(self) -> "list[Run]":
        """Return the runs that an engine is at work on, here or in another process."""
        return [self._run(run) for run in active_runs(self.database)]

    # -- running -----------------------------------------------------------------------------

    def submit(
        self,
        func: Callable[..., Any],
        params: Any,
        *,
        workers: int | None = None,
        skip: str | None = None,
        stale: bool = False,
        on_error: str = "record",
        timeout: float | None = None,
        label: str = "",
        executor: Executor | None = None,
        dask_client: Any = None,
        in_kernel: bool = False,
        setup: Callable[[], Any] | None = None,
        retries: int = 0,
        order: str = "given",
        fresh: bool = False,
        slots: Sequence[Mapping[str, str]] | None = None,
        capture_logs: str | None = None,
        backup: bool = False,
        git: bool = False,
        notes: Notes | None = None,
    ) -> "Run":
        """Start a run in the background and return at once.

        It goes on in a process of its own when this one ends.

        Parameters
        ----------
        func : callable
            Gets a pset (``def f(pset)``) or its parameters by name (``def f(a, b)``), returns a
            dict of results or one value.
        params : iterable of dict
            The psets; also a DataFrame, the path of a CSV file, a study or a run that has them.
        workers : int, optional
            Worker processes (1, or one for each of `slots`).
        skip : None, "done" or "done+failed"
            Pass over psets that are done, or have failed, in rows from before, and those that an
            active run is at work on.
        stale : bool
            With `skip`: run those again that are done, but by other code than this.
        on_error : "record" or "stop"
            Go on after a failed pset, or end there.
        timeout : float, optional
            Seconds a pset may take.
        label : str
            A name for the run.
        executor : concurrent.futures.Executor, optional
            Run there, looked after by a thread of this process.
        dask_client : distributed.Client, optional
            Run on its workers; the same as ``executor=client.get_executor(pure=False)``.
        in_kernel : bool
            Run in a thread of this process: for functions that need what lives in it.
        setup : callable, optional
            Called once in each worker, without arguments; the function gets what it returns as the
            keyword ``setup``: for what is large, or lives in one process.
        retries : int
            How often a pset that failed, by an exception, a crash or a timeout, is tried again,
            after all others; the row shows the last attempt.
        order : "given", "shuffle" or "repeats-last"
            In which order psets begin: as given, at random, or the first of all repeats first.
        fresh : bool
            A new process for each pset: for what leaks memory.
        slots : sequence of dict, optional
            Environment variables (texts), one dict a worker, such as
            ``[{"CUDA_VISIBLE_DEVICES": "0"}, {"CUDA_VISIBLE_DEVICES": "1"}]``.
        capture_logs : None, "db", "file" or "db+file"
            Put what a pset prints into the column `_logs`, into ``logs.txt`` in its directory. (In
            the background it is kept in the run's folder anyway, see `PsetRecord.log`.)
        backup : bool
            First copy the study, see :meth:`backup`.
        git : bool
            First commit what earlier runs have left in the study's directory, and nothing else, to
            the git repository that it is in.
        notes : callable, optional
            Gets what the user should know, a sentence a call; warnings are given by default.

        Returns
        -------
        Run
            The new run; if every pset was passed over, the newest run that holds any of them.

        Raises
        ------
        ParamsError, FunctionError, OptionError
            Before anything is written.
        """
        executor = pool_of(executor, dask_client)
        options = in_background(
            workers,
            slots,
            executor,
            in_kernel,
            on_error=on_error,
            timeout=timeout,
            skip=skip,
            stale=stale,
            label=label,
            setup=setup,
            retries=retries,
            order=order,
            fresh=fresh,
            capture_logs=capture_logs,
        )
        submission = prepare(func, params, options)
        if not submission.params:
            raise StudyError("there is nothing to run: params is empty")
        self._keep(func, backup, git, notes)
        tell(submission.notes + self._vanished(), notes)
        found = self._publish(submission)
        if isinstance(found, Plan):
            if found.latest is None:
                raise StudyError(f"there is nothing to run: {found.text}")
            kept = "; the run at work keeps its own options" if found.running_same else ""
            tell([f"nothing is new: {found.text}{kept}"], notes)
            return found.running_same or found.latest
        return self._start(found, submission, executor)

    def rerun(
        self,
        run: "Run | int | str" = -1,
        func: Callable[..., Any] | None = None,
        recorded: bool = True,
        *,
        workers: int | None = None,
        label: str = "",
        executor: Executor | None = None,
        dask_client: Any = None,
        notes: Notes | None = None,
    ) -> "Run":
        """Repeat a run in the background: its very psets and options, as a new run.

        Parameters
        ----------
        run : Run, int or str
            The run, or its number, label or id (as in :meth:`run_of`).
        func : callable, optional
            The function; else the stored one, as :meth:`Run.resume` uses it.
        recorded : bool
            False: the function of that name, as it is now, as :meth:`Run.retry` takes it.
        workers, label, executor, dask_client, notes
            As in :meth:`submit`; as many workers as before by default. A run in a pool is repeated
            in worker processes of this machine where none is given.

        Returns
        -------
        Run
            The new run; ``run.diff(earlier)`` says what is another.

        Raises
        ------
        StudyError
            If there is no such run, or its record is damaged.
        FunctionError
            If there is no such function, or it cannot be brought back.
        """
        before = run if isinstance(run, Run) else self.run_of(run)
        pool = pool_of(executor, dask_client)
        submission = repeated(before, func, recorded, workers, label, notes, pool)
        tell(submission.notes + self._vanished(), notes)
        found = self._publish(submission)
        assert isinstance(found, Published)  # nothing is passed over
        return self._start(found, submission, pool)

    def _start(self, found: Published, submission: Submission, executor: Executor | None) -> "Run":
        session, setup = found.session, submission.options.setup
        if submission.options.mode == "process":
            hosts.start_process(session, found.lock, self.trusted)
        else:
            func = submission.func
            hosts.start_thread(session, found.lock, self.database, func, executor, setup)
        return self._run(session.run)

    def _publish(self, submission: Submission) -> Published | Plan:
        """Judge and publish under the lock; the plan if there was nothing to publish."""
        self._make()
        with self.database.locked():
            todo: Sequence[int] = range(len(submission.params))
            if submission.options.skip is not None or not todo:
                judgement = self._judge(submission)
                todo = judgement.todo
                if not todo:
                    return Plan(self.database, submission, judgement, self._run)
            found = publish_run(self.database, submission, todo, self.calc_dir, self.calc_path)
        if self.lasting:
            func, setup = submission.func, submission.options.setup
            provenance.keep(found.session, func, setup, self.path, self.database.locked)
        return found

    def _vanished(self) -> list[str]:
        lost = sum(self.database.vanished().values())
        if not lost:
            return []
        return [
            f"{lost} rows that runs have brought are gone from {self.database.path} (an older copy "
            "was put back, or they were deleted by hand); rebuild() puts them back"
        ]

    def _make(self) -> None:
        self.database.frame()  # what cannot be read is said before anything is written
        try:
            is_new = identity.make(self.path, self.database.path.name)
        except OSError as exc:
            raise StudyError(f"the directory {self.path} cannot be made: {exc.strerror}") from exc
        if is_new:
            self.trusted = self.database.trusted = True

    def run(
        self,
        func: Callable[..., Any],
        params: Any,
        *,
        workers: int | None = None,
        skip: str | None = None,
        stale: bool = False,
        on_error: str = "raise",
        timeout: float | None = None,
        label: str = "",
        executor: Executor | None = None,
        dask_client: Any = None,
        setup: Callable[[], Any] | None = None,
        retries: int = 0,
        order: str = "given",
        fresh: bool = False,
        slots: Sequence[Mapping[str, str]] | None = None,
        capture_logs: str | None = None,
        backup: bool = False,
        git: bool = False,
        df: pd.DataFrame | None = None,
        on_row: OnRow | None = None,
        notes: Notes | None = None,
    ) -> pd.DataFrame:
        """Run psets here and return the table when they are done.

        Without `workers`, `slots` and a pool the function is called in this very thread.
        Parameters as in :meth:`submit`, and:

        Parameters
        ----------
        workers : int, optional
            Worker processes; they end with this one.
        on_error : "raise", "record" or "stop"
            ``"raise"`` saves everything that finished, and the failing row, and raises the
            function's exception.
        git : bool
            As in :meth:`submit`, and commit what the run has brought at its end.
        df : DataFrame, optional
            Becomes the study's table; rows of the file that it lacks are kept.
        on_row : callable, optional
            Gets each row, a table by itself, as its pset ends.

        Raises
        ------
        Exception
            What the function raised; `PsetError` with its traceback where the exception could
            not be brought here from a worker.
        """
        executor = pool_of(executor, dask_client)
        options = here(
            workers,
            slots,
            executor,
            on_error=on_error,
            timeout=timeout,
            skip=skip,
            stale=stale,
            label=label,
            setup=setup,
            retries=retries,
            order=order,
            fresh=fresh,
            capture_logs=capture_logs,
        )
        submission = prepare(func, params, options)
        commits = self._keep(func, backup, git, notes)
        if df is not None:
            self.database.take(df)
        tell(submission.notes + self._vanished(), notes)
        found = self._publish(submission)
        del submission  # its hashes: 60 bytes a pset
        if isinstance(found, Plan):
            return self.df
        try:
            ended, errors = work_here(found, self.database, func, executor, setup, on_row)
        finally:
            provenance.settle(provenance.PATIENCE_S)
            if commits is not None:
                run = self._run(found.session.run)
                tell(
                    commits.make(f"psweep_nb: {self.calc_dir}, run {run.run_seq} {run.status()}"),
                    notes,
                )
        tell(said_at_end(self._run(found.session.run), ended, errors, on_error), notes)
        return self.df

    # -- leaving the notebook ----------------------------------------------------------------

    def export(
        self,
        path: str | os.PathLike[str] = "run.py",
        *,
        force: bool = False,
        pickles: bool = False,
        notes: Notes | None = None,
    ) -> list[Path]:
        """Write a script that runs the study: imports, helpers, function, psets and `main`.

        It has all psets of the newest run's function, with the code of that run as it was written
        in the notebook, and says which results are of older code.

        Parameters
        ----------
        path : path
            The script, ``*.py``.
        force : bool
            Write over files that are there.
        pickles : bool
            Put values that have no source code into a pickle beside the script.
        notes : callable, optional
            Gets what the user should know, a sentence a call; warnings are given by default.

        Returns
        -------
        list of Path
            The files that were written, the script first.

        Raises
        ------
        StudyError, OptionError
            If there is nothing to export, or a file is there already.
        FunctionError
            If something has no source code: the message names it, and the line that uses it.

        Examples
        --------
        >>> import calendar, pathlib, tempfile
        >>> study = Study(tempfile.mkdtemp())
        >>> df = study.run(calendar.isleap, [{"year": 1900}, {"year": 2000}])
        >>> script, *_ = study.export(pathlib.Path(tempfile.mkdtemp()) / "run.py")
        >>> print(script.read_text().partition("argparse\\n")[2].partition("def")[0])
        from calendar import isleap
        <BLANKLINE>
        import psweep_nb as ps
        <BLANKLINE>
        PARAMS = ps.grid(year=[1900, 2000])
        """
        where = self.database, self.calc_dir
        return export(*where, path, force=force, pickles=pickles, notes=notes)
