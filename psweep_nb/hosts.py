"""The three hosts of an engine: the caller's thread, a thread of the kernel, its own process.

Each takes a session and the run's lock, which whoever submits holds from before the run exists, so
that at no moment the run looks as if nobody cared for it. Used by the study; `driver` is the
other side of :func:`start_process`.
"""

import subprocess
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from functools import partial
from typing import Any

from psweep_nb.database import Database
from psweep_nb.engine import Ended, Engine, open_notes, wait_for_old_workers
from psweep_nb.executors import SessionExecutor
from psweep_nb.executors.futures import FuturesExecutor
from psweep_nb.executors.local import LocalExecutor
from psweep_nb.executors.processes import bootstrap
from psweep_nb.executors.serial import SerialExecutor
from psweep_nb.functions import Call
from psweep_nb.locks import FileLock
from psweep_nb.rundir import Session
from psweep_nb.within import Place
from psweep_nb.worker import Caller, fields_of, stored_psets, with_setup


def run_inline(
    session: Session,
    lock: FileLock,
    database: Database,
    func: Callable[..., Any],
    executor: Executor | None = None,
    *,
    psets: Sequence[dict[str, Any]] | None = None,
    setup: Callable[[], Any] | None = None,
    on_progress: Callable[[int], object] | None = None,
    on_failure: Callable[[BaseException], None] | None = None,
) -> Ended:
    """Run a session here and now, and return how it ended.

    Parameters
    ----------
    session : Session
        Worker processes are used if its `can` says so; they end with this process.
    lock : FileLock
        The run's, held; given back at the end.
    database : Database
        The study's; its table is current when this returns.
    func : callable
        The function itself.
    executor : concurrent.futures.Executor, optional
        The user's pool.
    psets : sequence of dict, optional
        The run's psets by number, if their values are immutable: they need not be read again.
    setup : callable, optional
        Makes the function's keyword `setup`.
    on_progress, on_failure : callable, optional
        See `Engine` and `SerialExecutor`.
    """
    try:
        wait_for_old_workers(session.run)
        notes = open_notes(session)
        in_thread = session.spec.mode == "thread"
        chosen: SessionExecutor
        if executor is not None:
            chosen = FuturesExecutor(session, executor, session.spec.workers, func, setup)
        elif "kill" in session.spec.can:
            chosen = LocalExecutor(session, notes, capture=bool(session.spec.capture_logs))
        else:
            chosen = SerialExecutor(
                session,
                partial(_caller, session, func, psets, setup, interrupts=not in_thread),
                restore_cwd=not in_thread,
                on_failure=on_failure,
            )

        def fold() -> str:
            database.fold(chosen.take_written() if isinstance(chosen, SerialExecutor) else None)
            return database.remark(session.run)

        # With a serial executor a thread would only take turns with the function.
        in_background = not isinstance(chosen, SerialExecutor)
        engine = Engine(
            session, chosen, notes, fold, in_background=in_background, on_progress=on_progress
        )
        with database.knowing(session.run, psets):
            return engine.run()
    finally:
        lock.release()


def _caller(
    session: Session,
    func: Callable[..., Any],
    psets: Sequence[dict[str, Any]] | None,
    setup: Callable[[], Any] | None,
    place: Place,
    *,
    interrupts: bool,
) -> Caller:
    load = stored_psets(session) if psets is None else psets.__getitem__
    call = Call.from_json(session.spec.call)
    plain = psets is not None
    func = with_setup(func, setup)
    return Caller(func, call, load, fields_of(session), place, plain=plain, interrupts=interrupts)


def start_thread(
    session: Session,
    lock: FileLock,
    database: Database,
    func: Callable[..., Any],
    executor: Executor | None,
    setup: Callable[[], Any] | None = None,
) -> None:
    """Run a session in a thread of this process: for functions that use what is alive here."""
    # A daemon: a kernel that is shut down does not wait for days. What finished is journaled.
    threading.Thread(
        target=run_inline,
        args=(session, lock, database, func, executor),
        kwargs={"setup": setup},
        name=f"psweep run {session.run.info['run_seq']}",
        daemon=True,
    ).start()


def start_process(session: Session, lock: FileLock, trusted: bool) -> None:
    """Run a session in a process of its own, which survives this one."""
    arguments = [str(session.path), str(lock.fileno()), str(int(trusted))]
    try:
        with open(session.path / "driver.log", "ab") as log:
            process = subprocess.Popen(
                [*bootstrap("psweep_nb.driver"), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=[lock.fileno()],
                # Its own session: Jupyter's interrupt and a closed terminal reach groups.
                start_new_session=True,
            )
    finally:
        lock.release()  # also where no process could be started: the run is lost, not stuck
    # Somebody has to wait for it while this process lives, or it stays a zombie.
    threading.Thread(target=process.wait, daemon=True).start()
