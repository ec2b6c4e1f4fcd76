"""Psets in worker processes of this machine: one process a slot, nothing shared between them.

The engine's side of it. Rules that random kills have taught: sockets carry fixed-size numbers,
never data; a death is learned from the process, its victim from the shared cell, what is done
from the worker's journal; the group is killed before its leader is waited for.
"""

import contextlib
import os
import selectors
import socket
import subprocess
import sys
from collections import deque
from dataclasses import dataclass, field
from time import monotonic, monotonic_ns, time_ns
from typing import Any

from psweep_nb.executors import Progress
from psweep_nb.executors.local_worker import BATCH, ENDED, QUIT, READY, REPLY
from psweep_nb.executors.processes import (
    MARK,
    bootstrap,
    cpu_count,
    describe_exit,
    kill_orphans,
    kill_tree,
    reap_orphans,
)
from psweep_nb.journal import DONE, FAILED, LOADFAIL, Reader, Record, Writer
from psweep_nb.livecells import FAILED as FAILED_COUNT
from psweep_nb.livecells import FULL, LIMIT, LOG_START, NO_LIMIT, OK, POSITION, STARTED, STEP
from psweep_nb.rundir import Session
from psweep_nb.trust import loads
from psweep_nb.worker import failure

QUICK_S = 0.05  # psets quicker than this come in batches, and two batches are sent at a time,
IN_FLIGHT = 2  # so that the second waits in the worker's socket when the first ends
SETTLE_S = 0.02  # between writing LIMIT and reading STEP; see `livecells`
BLOCKED_S = 0.2  # a pset this slow gives what waits behind it to other workers
MAX_DEATHS_UNREADY = 3
_BLAS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "VECLIB_MAXIMUM_THREADS",
)


@dataclass
class _Batch:
    start: int
    stop: int  # what the worker may still do of it; the rest was given back
    step: int  # the worker's step number of its first position


@dataclass
class _Slot:
    """One place for a worker, and the worker that is in it now."""

    slot: int
    number: int  # of the worker: names its journal and log
    process: subprocess.Popen[bytes]
    sock: socket.socket
    pidfd: int
    ready: bool = False
    batches: deque[_Batch] = field(default_factory=deque)
    next_step: int = 0
    journal_size: int = 0  # at its last reply (bytes)
    counted: tuple[int, int] = (0, 0)  # of its OK and FAILED counters
    revoked_at: float = 0.0  # monotonic; 0: nothing is revoked
    settled: bool = False  # what was revoked has been given back
    kill_reason: str = ""
    too_slow: int = -1  # the position it was killed for


class LocalExecutor:
    """Runs a session's psets on worker processes.

    Parameters
    ----------
    session : Session
        What is to be done, by how many workers, with what timeout.
    notes : Writer
        The engine's journal, for psets that took their worker with them.
    capture : bool
        Send output to logs in the session's folder, else where this process's goes.
    adopts : bool
        This process adopts orphans (the driver does), so they can be found and ended.
    """

    can = frozenset({"isolate", "kill", "capture"})

    def __init__(
        self, session: Session, notes: Writer, *, capture: bool = True, adopts: bool = False
    ) -> None:
        self._session = session
        self._workers = session.spec.workers
        self._cells = session.cells
        self._notes = notes
        self._timeout_ns = int((session.spec.timeout or 0) * 1e9)
        self._capture = capture
        self._adopts = adopts
        self._slots: list[_Slot] = []
        self._selector = selectors.DefaultSelector()
        self._started = 0
        self._deaths_unready = 0
        self._killing = False
        self._in_flight = 1
        self._progress = Progress()
        self._environment = self._worker_environment()

    def _worker_environment(self) -> dict[str, str]:
        threads = str(max(1, cpu_count() // self._workers))
        # A notebook's MPLBACKEND would make workers import IPython.
        return {**dict.fromkeys(_BLAS, threads), **os.environ, "MPLBACKEND": "Agg"}

    def start(self) -> None:
        """Start the workers; they are given work once they have loaded the function."""
        for slot in range(self._workers):
            self._slots.append(self._spawn(slot))

    def _spawn(self, slot: int) -> _Slot:
        number, self._started = self._started, self._started + 1
        cell = self._cells.cell(slot)
        for i in range(len(cell)):
            cell[i] = 0
        cell[LIMIT] = NO_LIMIT
        ours, theirs = socket.socketpair()
        arguments = [
            str(self._session.path), str(slot), str(number), str(os.getpid()),
            str(theirs.fileno()), str(int(self._capture)),
        ]  # fmt: skip
        with theirs, contextlib.ExitStack() as stack:
            log = None
            if self._capture:
                log = stack.enter_context(open(self._log(number), "ab", buffering=0))
            process = subprocess.Popen(
                [*bootstrap("psweep_nb.executors.local_worker"), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**self._environment, MARK: f"{os.getpid()}-{number}"},
                pass_fds=[theirs.fileno()],
                start_new_session=True,
            )
        pidfd = os.pidfd_open(process.pid) if sys.platform == "linux" else -1
        worker = _Slot(slot, number, process, ours, pidfd)
        self._selector.register(ours, selectors.EVENT_READ, worker)
        if pidfd >= 0:
            self._selector.register(pidfd, selectors.EVENT_READ, worker)
        return worker

    def _log(self, number: int) -> str:
        return str(self._session.path / f"w{number}.log")

    # -- giving work -------------------------------------------------------------------------

    def room(self) -> int:
        """How many more batches the workers take now."""
        return sum(self._in_flight - len(s.batches) for s in self._slots if self._takes(s))

    def _takes(self, slot: _Slot) -> bool:
        return slot.ready and not slot.revoked_at and len(slot.batches) < self._in_flight

    def submit(self, start: int, stop: int) -> None:
        """Give the batch to the worker with the fewest batches waiting."""
        slot = min(filter(self._takes, self._slots), key=lambda s: len(s.batches))
        slot.batches.append(_Batch(start, stop, slot.next_step))
        # A worker that has just died cannot take it: its funeral gives the batch back.
        with contextlib.suppress(OSError):
            slot.sock.sendall(BATCH.pack(start, stop, slot.next_step))
        slot.next_step += stop - start

    def busy(self) -> bool:
        """Whether any worker has a batch."""
        return any(slot.batches for slot in self._slots)

    def hold(self) -> None:
        """Revoke all that has not begun."""
        for slot in self._slots:
            self._revoke(slot)

    def _revoke(self, slot: _Slot) -> None:
        if slot.batches and not slot.revoked_at:
            self._cells[slot.slot, LIMIT] = 0
            slot.revoked_at, slot.settled = monotonic(), False

    def kill(self) -> None:
        """Kill the workers; what they were at is returned."""
        self._killing = True
        for slot in self._slots:
            kill_tree(slot.process.pid)

    # -- seeing what happened ----------------------------------------------------------------

    def poll(self, timeout: float) -> Progress:
        """Wait for replies and deaths, look at timeouts and at who blocks others."""
        self._progress = progress = Progress()
        self._selector.select(timeout)
        for slot in list(self._slots):
            self._read_replies(slot)
            if self._is_dead(slot):
                self._bury(slot)
                continue
            self._count(slot)
            self._check_time(slot)
            self._settle(slot)
        if self._adopts:
            reap_orphans([slot.process.pid for slot in self._slots])
        progress.disk_full = any(self._cells[s.slot, FULL] for s in self._slots)
        return progress

    def _read_replies(self, slot: _Slot) -> None:
        while True:
            try:
                data = slot.sock.recv(REPLY.size, socket.MSG_DONTWAIT | socket.MSG_WAITALL)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if len(data) < REPLY.size:
                return
            code, reached, busy_ns, slot.journal_size = REPLY.unpack(data)
            if code == READY:
                slot.ready, self._deaths_unready = True, 0
            elif code == ENDED:
                self._end_batch(slot, reached, busy_ns / 1e9)

    def _end_batch(self, slot: _Slot, reached: int, seconds: float) -> None:
        batch = slot.batches.popleft()
        if reached > batch.start:
            self._progress.samples.append((reached - batch.start, seconds))
            # A slow pset has nothing wait behind it that another worker could begin.
            self._in_flight = IN_FLIGHT if seconds < QUICK_S * (reached - batch.start) else 1
        if reached < batch.stop:
            self._progress.returned.append((reached, batch.stop))
        if not slot.batches and slot.revoked_at:
            slot.revoked_at = 0.0
            self._cells[slot.slot, LIMIT] = NO_LIMIT

    def _count(self, slot: _Slot) -> None:
        ok, failed = self._cells[slot.slot, OK], self._cells[slot.slot, FAILED_COUNT]
        self._progress.done += ok - slot.counted[0]
        self._progress.failed += failed - slot.counted[1]
        slot.counted = (ok, failed)

    def _check_time(self, slot: _Slot) -> None:
        position = self._position(slot)  # read first: should it be out of date, so is the time
        started = self._cells[slot.slot, STARTED]
        if not started or not slot.batches:
            return
        running_ns = monotonic_ns() - started
        if self._timeout_ns and running_ns > self._timeout_ns and not slot.kill_reason:
            slot.kill_reason = f"TimeoutError: still running after {self._timeout_ns / 1e9:g} s"
            slot.too_slow = position
            kill_tree(slot.process.pid)
        elif running_ns > BLOCKED_S * 1e9 and len(self._slots) > 1 and self._blocks(slot):
            self._revoke(slot)

    def _blocks(self, slot: _Slot) -> bool:
        return len(slot.batches) > 1 or slot.batches[0].stop > self._position(slot) + 1

    def _position(self, slot: _Slot) -> int:
        return self._cells[slot.slot, POSITION]

    def _settle(self, slot: _Slot) -> None:
        """Give back what a worker told to stop can no longer begin, while it is still busy."""
        if not slot.revoked_at or slot.settled or monotonic() < slot.revoked_at + SETTLE_S:
            return
        slot.settled = True
        step = self._cells[slot.slot, STEP]
        for batch in slot.batches:
            keep = min(max(batch.start, batch.start + step + 1 - batch.step), batch.stop)
            if keep < batch.stop:
                self._progress.returned.append((keep, batch.stop))
                batch.stop = keep

    # -- deaths ------------------------------------------------------------------------------

    @staticmethod
    def _is_dead(slot: _Slot) -> bool:
        # WNOWAIT: it stays a zombie, so that its id is still its own when its group is killed.
        flags = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, slot.process.pid, flags) is not None

    def _bury(self, slot: _Slot) -> None:
        """Clear up after a dead worker: blame its pset, return the rest, put a new one there."""
        code = self._end_process(slot)
        self._read_replies(slot)
        slot.sock.close()
        self._count(slot)
        reader = Reader(self._session.path / f"w{slot.number}.journal", slot.journal_size)
        records = reader.read()
        if slot.batches:
            ended = sum(r.kind in (DONE, FAILED) for r in records)
            self._clear_batches(slot, slot.batches[0].start + ended, code)
        if not slot.ready:
            self._judge_unready(slot, code, records)
        if not self._killing and not self._progress.broken:
            self._slots[self._slots.index(slot)] = self._spawn(slot.slot)
        else:
            self._slots.remove(slot)

    def _end_process(self, slot: _Slot) -> int:
        kill_tree(slot.process.pid)
        code = slot.process.wait()
        if self._adopts:
            kill_orphans(f"{os.getpid()}-{slot.number}")
        with contextlib.suppress(KeyError):
            self._selector.unregister(slot.sock)
        if slot.pidfd >= 0:
            self._selector.unregister(slot.pidfd)
            os.close(slot.pidfd)
            slot.pidfd = -1
        return code

    def _clear_batches(self, slot: _Slot, reached: int, code: int) -> None:
        began = self._cells[slot.slot, STARTED] and self._position(slot) == reached
        # It may have got to the next pset just before it was killed: not that one's fault.
        began = began and slot.too_slow in (-1, reached)
        if began and reached < slot.batches[0].stop and not self._killing:
            self._record_victim(slot, reached, code)
            reached += 1
        slot.batches[0].start = reached
        for batch in slot.batches:
            if batch.start < batch.stop:
                self._progress.returned.append((batch.start, batch.stop))
        slot.batches.clear()

    def _record_victim(self, slot: _Slot, position: int, code: int) -> None:
        todo = self._session.todo
        now, running_ns = time_ns(), monotonic_ns() - self._cells[slot.slot, STARTED]
        text = slot.kill_reason or f"WorkerDied: its process ended: {describe_exit(code)}"
        log = self._log(slot.number) if self._capture else ""
        self._notes.append(
            FAILED,
            failure(text, log=os.path.basename(log)),
            attempt=todo[2 * position + 1],
            pset=todo[2 * position],
            start_ns=now - running_ns,
            runtime_ns=running_ns,
            log_start=self._cells[slot.slot, LOG_START],
            log_end=os.path.getsize(log) if log else 0,
        )
        self._progress.failed += 1

    def _judge_unready(self, slot: _Slot, code: int, records: list[Record]) -> None:
        self._deaths_unready += 1
        for record in records:
            if record.kind == LOADFAIL:
                body: Any = loads(record.body, trusted=False)
                self._progress.broken = (
                    f"the workers cannot load the function: {body['error']}\n{body['traceback']}"
                )
        if self._deaths_unready >= MAX_DEATHS_UNREADY and not self._progress.broken:
            self._progress.broken = (
                f"{self._deaths_unready} workers in a row ended before they were ready "
                f"({describe_exit(code)}); what they printed:\n{self._last_output(slot.number)}"
            )

    def _last_output(self, number: int) -> str:
        with contextlib.suppress(OSError), open(self._log(number), "rb") as file:
            return file.read()[-2000:].decode(errors="replace")
        return ""

    def close(self) -> None:
        """Let the workers go, wait for them a moment, kill who is left."""
        for slot in self._slots:
            with contextlib.suppress(OSError):
                slot.sock.sendall(BATCH.pack(*QUIT))
            self._selector.unregister(slot.sock)
        deadline = monotonic() + 2
        while monotonic() < deadline and not all(map(self._is_dead, self._slots)):
            self._selector.select(0.01)
        for slot in self._slots:
            self._end_process(slot)
            slot.sock.close()
        self._slots = []
        self._selector.close()
