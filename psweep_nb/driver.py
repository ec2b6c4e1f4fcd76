"""The engine in a process of its own: it goes on when the kernel, or the browser, is gone.

Started by `hosts.start_process`; told what to do by the session's folder alone.
"""

import importlib
import signal
import sys
import threading
from pathlib import Path
from types import FrameType

from psweep_nb.engine import Engine, open_notes, wait_for_old_workers
from psweep_nb.executors.local import LocalExecutor
from psweep_nb.executors.processes import adopt_orphans
from psweep_nb.locks import FileLock
from psweep_nb.rundir import Session


def main() -> None:
    """Run the session that the arguments name, to its end."""
    folder, lock_fd, trusted = sys.argv[1:4]
    session = Session(Path(folder))
    lock = FileLock.inherit(int(lock_fd), session.run.lock)
    adopt_orphans()
    wait_for_old_workers(session.run)
    notes = open_notes(session)
    executor = LocalExecutor(session, notes, capture=True, adopts=True)

    def fold() -> str:
        # pandas takes longer to load than most psets: not before something is to be folded.
        from psweep_nb.database import Database

        # Only now, behind pandas: psets and results may be of classes from the user's modules,
        # and a `json.py` of the user's must not get into what pandas imports.
        more = session.spec.sys_path
        sys.path[:] = [*more, *(p for p in sys.path if p not in more)]
        database = Database.of_run(session.run, trusted == "1")
        database.fold()
        return database.remark(session.run)

    engine = Engine(session, executor, notes, fold, in_background=True, on_progress=Preload())

    def terminate(_signal: int, _frame: FrameType | None) -> None:
        engine.stop("terminated by a signal", now=True)

    signal.signal(signal.SIGTERM, terminate)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    engine.run()
    lock.release()


class Preload:
    """Loads what the fold needs while the first psets run, so that the end comes sooner."""

    def __init__(self) -> None:
        self._begun = False

    def __call__(self, _ended: int) -> None:
        if not self._begun:
            self._begun = True
            load = threading.Thread(
                target=importlib.import_module, args=("psweep_nb.database",), daemon=True
            )
            load.start()
