"""The worker process: takes ranges from its socket, executes psets, writes its own journal.

Started by `executors.local`, one process a slot, sharing nothing with its siblings. Only numbers
of fixed size travel on the socket, so no write to it can block.
"""

import contextlib
import ctypes
import os
import resource
import signal
import socket
import struct
import sys
from collections.abc import Callable
from pathlib import Path
from time import monotonic_ns

from psweep_nb.executors.processes import die_with_parent
from psweep_nb.functions import Call
from psweep_nb.journal import DONE, LOADFAIL, Writer
from psweep_nb.livecells import (
    FAILED,
    FULL,
    LIMIT,
    LOG_START,
    OK,
    POSITION,
    STARTED,
    STEP,
    WORKER,
    Cells,
)
from psweep_nb.locks import FileLock
from psweep_nb.logs import KEPT, read_log, trim
from psweep_nb.rundir import Session
from psweep_nb.trust import load_function
from psweep_nb.within import Place
from psweep_nb.worker import Caller, failure, fields_of, forks, stored_psets, with_setup

BATCH = struct.Struct("<qqq")  # to the worker: first position, end, step of the first
REPLY = struct.Struct("<qqqq")  # to the engine: READY or ENDED, reached, busy ns, journal bytes
READY, ENDED = 1, 2
QUIT = (0, -1, 0)  # a batch of less than nothing; a plain hang-up kills, see `die_with_parent`
_LINE_BUFFERED = 1  # C's _IOLBF


def main() -> None:
    """Be the worker that the arguments describe; never returns."""
    folder, slot, number, parent, fd, capture = sys.argv[1:7]
    sock = socket.socket(fileno=int(fd))
    die_with_parent(int(parent), sock.fileno())
    session = Session(Path(folder))
    alive = FileLock(session.run.alive)
    alive.acquire(shared=True)
    worker = Worker(session, int(slot), int(number), sock, capture=capture == "1")
    worker.serve()
    _flush()
    # Threads the user's function left running would keep a normal exit waiting.
    os._exit(0)


class Worker:
    """Executes what comes in on `sock` until the engine hangs up."""

    def __init__(
        self, session: Session, slot: int, number: int, sock: socket.socket, *, capture: bool
    ) -> None:
        self._session = session
        self._sock = sock
        self._capture = capture
        self._forks = forks()
        self._cell = Cells(session.path / "cells").cell(slot)
        self._cell[WORKER] = number
        self._log = session.path / f"w{number}.log"
        self._output = os.dup(1) if capture else -1  # a function may close its own, or redirect it
        self._file_limit = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        journal = session.path / f"w{number}.journal"
        # Where each pset is executed by a new process, one that ended well hands its files on.
        self._writer = Writer(journal, on_full=self._set_full, goes_on=session.spec.fresh)
        self._todo = session.todo
        self._flush = _flusher()
        self._place = Place.of_worker(session, slot, number, self._printed if capture else None)

    def _set_full(self, full: bool) -> None:
        if full and resource.getrlimit(resource.RLIMIT_FSIZE)[1] != self._file_limit:
            # The function has set a limit that nobody can raise: there will never be room.
            signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
            os.kill(os.getpid(), signal.SIGXFSZ)
        self._cell[FULL] = full

    def serve(self) -> None:
        """Load the function, then work."""
        spec = self._session.spec
        try:
            os.chdir(spec.cwd)
            # The caller's own path, its order kept; ours behind it.
            sys.path[:] = [*spec.sys_path, *(p for p in sys.path if p not in spec.sys_path)]
            _restore_sources(spec.sources)
            func = load_function(self._session.function.read_bytes())
            setup = None
            if self._session.setup.exists():
                setup = load_function(self._session.setup.read_bytes())
        except BaseException as exc:
            self._writer.append(LOADFAIL, failure(exc))
            return
        self._home = os.open(".", os.O_RDONLY | os.O_CLOEXEC)
        try:
            func = with_setup(func, setup)
        except BaseException as exc:
            self._writer.append(LOADFAIL, failure(exc, what="setup failed"))
            return
        self._caller = Caller(
            func,
            Call.from_json(spec.call),
            stored_psets(self._session),
            fields_of(self._session),
            self._place,
            plain=self._session.run.psets.plain,
            keep_error=spec.on_error == "raise",
        )
        self._ended = False
        ends = spec.on_error != "record"
        # Failures from this position on end the session: those before are tried again.
        self._final = self._session.n * spec.retries if ends else len(self._todo)
        self._place.settle()
        self._reply(READY, 0, 0)
        while len(data := self._sock.recv(BATCH.size, socket.MSG_WAITALL)) == BATCH.size:
            batch = BATCH.unpack(data)
            if batch == QUIT:
                return
            begin = monotonic_ns()
            reached = self._execute(*batch)
            self._reply(ENDED, reached, monotonic_ns() - begin)
            if spec.fresh:
                return

    def _reply(self, code: int, reached: int, busy_ns: int) -> None:
        self._sock.sendall(REPLY.pack(code, reached, busy_ns, self._writer.size))

    def _execute(self, start: int, stop: int, step: int) -> int:
        """Execute positions `start` to `stop`; return the first that did not run."""
        cell, todo, call, append = self._cell, self._todo, self._caller, self._writer.append
        home, capture, log_start, log_end = self._home, self._capture, 0, 0
        before = self._forks
        position = start
        while position < stop and not self._ended:
            # In this order, see `livecells`: the engine that sets LIMIT reads STEP later.
            cell[STEP] = step
            if cell[LIMIT] <= step:
                break
            cell[STARTED] = monotonic_ns()
            cell[POSITION] = position
            os.fchdir(home)
            number = todo[2 * position]
            if capture:
                self._reopen_output()
                cell[LOG_START] = log_start = os.lseek(self._output, 0, os.SEEK_END)
            kind, start_ns, runtime, body, *_ = call(number)
            if forks() != before:
                os._exit(0)  # a child that the function forked came back here: not ours to record
            if capture:
                self._flush()
                log_end = os.lseek(self._output, 0, os.SEEK_END)
                if log_end - log_start > KEPT:
                    log_end = trim(self._log, log_start)
            attempt = todo[2 * position + 1]
            append(kind, body, attempt, number, start_ns, runtime, log_start, log_end)
            position += 1
            step += 1
            if kind == DONE:
                cell[OK] += 1
            else:
                cell[FAILED] += 1
                self._ended = position > self._final
        cell[STARTED] = 0
        return position

    def _reopen_output(self) -> None:
        """Let a pset print although an earlier one has closed the descriptors."""
        for fd in (1, 2):
            try:
                os.get_inheritable(fd)
            except OSError:
                os.dup2(self._output, fd)

    def _printed(self) -> str:
        """What the pset has printed."""
        self._flush()
        start = self._cell[LOG_START]
        return read_log(self._log, start, trim(self._log, start))


def _restore_sources(sources: dict[str, str]) -> None:
    """Let tracebacks show the lines of notebook cells, which are in no file."""
    import linecache

    for name, text in sources.items():
        linecache.cache[name] = (len(text), None, text.splitlines(keepends=True), name)


def _flusher() -> Callable[[], None]:
    """Return what brings a pset's output into the log before its slice is closed."""
    with contextlib.suppress(Exception):
        sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    try:
        libc = ctypes.CDLL(None)
        stdout = ctypes.c_void_p.in_dll(libc, "stdout")
        # By lines, as on a terminal: what C code printed before a crash is in the log.
        libc.setvbuf(stdout, None, _LINE_BUFFERED, 0)
        fflush = libc.fflush
    except (OSError, ValueError, AttributeError):  # no such names in this C library
        return _flush

    def flush() -> None:
        fflush(stdout)
        _flush()

    return flush


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):  # the function may have closed or replaced it
            stream.flush()
