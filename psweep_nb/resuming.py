"""How a run goes on: with what is not done, or with what failed. `Run` inherits it.

Which psets these are is in `again`, which function in `stored`.
"""

import contextlib
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING, Any, Protocol, Self

from psweep_nb import again, hosts, provenance
from psweep_nb.database import Database
from psweep_nb.engine import wait_for_old_workers
from psweep_nb.errors import StudyError
from psweep_nb.executors.pools import pool_of
from psweep_nb.judging import taken_over
from psweep_nb.livecells import STOPPING
from psweep_nb.locks import FileLock
from psweep_nb.rundir import RunDir, Session, SessionSpec
from psweep_nb.running import arrange
from psweep_nb.runview import RunView
from psweep_nb.status import Status
from psweep_nb.stored import Stored
from psweep_nb.submission import prepare, session_spec

Notes = Callable[[str], object]
_LET_GO_S = 10.0
_POLL_S = 0.01


class Owner(Protocol):
    """What going on with a run needs of its study."""

    path: Path
    trusted: bool
    database: Database


class ResumeMethods:
    """The part of a `Run` that executes psets again."""

    study: Owner
    folder: RunDir

    if TYPE_CHECKING:

        @property
        def run_seq(self) -> int: ...
        @property
        def view(self) -> RunView: ...
        @property
        def spec(self) -> SessionSpec: ...
        def status(self) -> Status: ...
        def _require_engine(self, what: str) -> None: ...
        def _last_session(self) -> Session: ...

    def resume(
        self,
        workers: int | None = None,
        executor: Executor | None = None,
        dask_client: Any = None,
    ) -> Self:
        """Go on: a paused run, or one that was stopped or lost, with what has no record yet.

        The stored function is used, under the same ids. What a later run has done meanwhile, or
        another one is at work on, is passed over.

        Parameters
        ----------
        workers : int, optional
            Worker processes, else as many as before.
        executor, dask_client
            As in `Study.submit`. A run in a pool goes on in worker processes of this machine where
            none is given.

        Raises
        ------
        StudyError
            If there is nothing to go on with, or the run was started on another host.
        """
        self._require_engine("resumed")
        pool = pool_of(executor, dask_client)
        if not self.status().ended:
            self.folder.command("resume")
            if not self._was_told_to_stop() or self._goes_on():
                return self
        status = self.status()
        state = status.state
        if state == "finished" and not status.pending:  # else records were lost to a bad disk
            return self
        if state == "unknown":
            host = self.spec.host
            raise StudyError(f"run {self.run_seq} was started on {host}: resume it there")
        with self._locked_to("resume") as lock:
            todo = again.undone(self.view, self._last_session(), self._taken_over())
            if not todo and state == "finished":  # a later run did the rest
                return self
            if not todo and state != "lost":  # a lost one still wants its fold and its end mark
                raise StudyError(
                    f"run {self.run_seq} is {state}: every pset has its record, or another run has "
                    "it"
                )
            func, setup = self._stored.function(), self._stored.setup(recorded=True)
            self._start(lock, "resume", func, setup, todo, workers, pool, stored=True)
        return self

    def retry(
        self,
        func: Callable[..., Any] | None = None,
        recorded: bool = False,
        workers: int | None = None,
        notes: Notes | None = None,
        match: str | None = None,
        executor: Executor | None = None,
        dask_client: Any = None,
    ) -> Self:
        """Execute the failed psets of an ended run again, under their own ids.

        What a later run has done meanwhile, or another one is at work on, is passed over.

        Parameters
        ----------
        func : callable, optional
            The function; else the one of that name, as it is now, in `__main__` or its module.
        recorded : bool
            Use the stored function, as `resume` does.
        workers : int, optional
            Worker processes, else as many as before.
        notes : callable, optional
            Gets a sentence when the function has changed.
        match : str, optional
            Only those whose traceback contains this text, or matches it as a regular expression.
        executor, dask_client
            As in `resume`.

        Raises
        ------
        StudyError
            If the run is still active, nothing failed, or nothing with such an error: the message
            lists what errors there are.
        FunctionError
            If there is no function of that name any more.
        """
        self._require_engine("retried here")
        pool = pool_of(executor, dask_client)
        with self._locked_to("retry") as lock:
            todo = again.failed(self.view, match, self._taken_over())
            stored = func is None and recorded
            func, setup = self._stored.chosen(func, recorded, notes), self._stored.setup(recorded)
            self._start(lock, "retry", func, setup, todo, workers, pool, stored=stored)
        return self

    def _was_told_to_stop(self) -> bool:
        commands, _ = self.folder.commands(self.spec.commands_offset)
        return any(command.startswith("stop") for command in commands)

    def _goes_on(self) -> bool:
        """Wait until the engine has obeyed our last command, or has ended; True if it goes on.

        One that was told to stop may be folding, or too far gone to read commands.
        """
        end, cells = self.folder.commands_size(), self._last_session().cells
        while not self.status().ended:
            if cells.obeyed >= end and cells.engine != STOPPING:
                return True
            sleep(_POLL_S)
        return False

    def _taken_over(self) -> set[bytes]:
        return taken_over(self.study.database, self.folder)

    @contextlib.contextmanager
    def _locked_to(self, what: str) -> Iterator["_Held"]:
        """Hold the run's lock, to be handed on, and the study's: what is to be done is decided."""
        status = self.status()
        if status.state == "gone":
            raise StudyError(
                f"there is nothing to {what}: run {self.run_seq} is gone: {status.message}"
            )
        lock = FileLock(self.folder.lock)
        # An engine lets go of the lock a moment after it has written its end mark.
        if not lock.try_acquire() and not (self.status().ended and lock.acquire(_LET_GO_S)):
            raise StudyError(
                f"run {self.run_seq} is {self.status().state}; stop it or wait before you {what} it"
            )
        with _Held(lock) as held:
            # Workers die with their engine, but an instant later: what they still record is done.
            wait_for_old_workers(self.folder)
            with self.study.database.locked():
                self.view.poll()
                yield held

    @property
    def _stored(self) -> Stored:
        return Stored(self._last_session(), self.study.trusted)

    def _start(
        self,
        lock: "_Held",
        kind: str,
        func: Callable[..., Any],
        setup: Callable[[], Any] | None,
        todo: list[tuple[int, int]],
        workers: int | None,
        executor: Executor | None,
        stored: bool,
    ) -> None:
        options = again.options_of(self.spec, workers, setup, executor=executor)
        params = [self.folder.psets.pset(number, self.view.load) for number, _ in todo]
        submission = prepare(func, params, options)
        submission.known = self.spec if stored else None
        order, seed = arrange(options.order, params)
        spec = session_spec(kind, submission, self.folder.commands_size(), seed)
        todo = [todo[place] for place in order]
        session = self.folder.add_session(spec, submission.function, todo, submission.setup)
        provenance.keep(session, func, setup, self.study.path, self.study.database.locked)
        handed = lock.hand_on()
        if options.processes:
            hosts.start_process(session, handed, self.study.trusted)
        else:
            hosts.start_thread(session, handed, self.study.database, func, executor, setup)


class _Held:
    """A lock that is given back at the end of a block, unless it was handed on in it."""

    def __init__(self, lock: FileLock) -> None:
        self._lock: FileLock | None = lock

    def __enter__(self) -> "_Held":
        return self

    def __exit__(self, *_exc: object) -> None:
        if self._lock is not None:
            self._lock.release()

    def hand_on(self) -> FileLock:
        """Return the lock; whoever gets it gives it back."""
        lock, self._lock = self._lock, None
        assert lock is not None
        return lock
