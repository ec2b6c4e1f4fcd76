"""Psets in worker processes of this machine: one process a slot, nothing shared between them.

The engine's side of it. Rules that random kills have taught: sockets carry fixed-size numbers,
never data; a death is learned from the process, its victim from the shared cell, what is done
from the worker's journal; the group is killed before its leader is waited for.
"""

import contextlib
import os
import selectors
import socket
from time import monotonic, monotonic_ns, time_ns
from typing import Any

from psweep_nb.executors import Progress
from psweep_nb.executors.local_slots import Batch, Failures, Slot, Workers
from psweep_nb.executors.local_worker import BATCH, ENDED, QUIT, READY, REPLY
from psweep_nb.executors.processes import describe_exit, kill_tree, reap_orphans
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
        self._adopts = adopts
        self._slots: list[Slot] = []
        self._selector = selectors.DefaultSelector()
        self._deaths_unready = 0
        self._killing = False
        self._in_flight = 1
        self._fresh = session.spec.fresh  # a worker ends with its pset; then
        self._vacant: dict[int, int | None] = {}  # places without a worker, whose files go on
        self._progress = Progress()
        self._staff = Workers(session, capture=capture, adopts=adopts)
        self._failures = Failures(session) if session.spec.retries else None

    def start(self) -> None:
        """Start the workers; they are given work once they have loaded the function."""
        if self._fresh:
            self._vacant = dict.fromkeys(range(self._workers))
            return
        for slot in range(min(self._workers, self._session.n)):  # more would only be in the way
            self._slots.append(self._spawn(slot))

    def _spawn(self, slot: int, number: int | None = None) -> Slot:
        worker = self._staff.spawn(slot, number)
        self._selector.register(worker.sock, selectors.EVENT_READ, worker)
        if worker.pidfd >= 0:
            self._selector.register(worker.pidfd, selectors.EVENT_READ, worker)
        return worker

    # -- giving work -------------------------------------------------------------------------

    def room(self) -> int:
        """How many more batches the workers take now."""
        if self._fresh:
            return len(self._vacant)
        return sum(self._in_flight - len(s.batches) for s in self._slots if self._takes(s))

    def _takes(self, slot: Slot) -> bool:
        return slot.ready and not slot.revoked_at and len(slot.batches) < self._in_flight

    def submit(self, start: int, stop: int) -> None:
        """Give the batch to the worker with the fewest batches waiting, or to a new one."""
        if self._fresh:
            slot = self._spawn(*self._vacant.popitem())
            self._slots.append(slot)
        else:
            slot = min(filter(self._takes, self._slots), key=lambda s: len(s.batches))
        slot.batches.append(Batch(start, stop, slot.next_step))
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

    def _revoke(self, slot: Slot) -> None:
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
            if slot.is_dead():
                self._bury(slot)
                continue
            self._count(slot)
            self._check_time(slot)
            self._settle(slot)
            self._staff.watch_log(slot)
        if self._adopts:
            reap_orphans([slot.process.pid for slot in self._slots])
        progress.disk_full = any(self._cells[s.slot, FULL] for s in self._slots)
        return progress

    def _read_replies(self, slot: Slot) -> None:
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

    def _end_batch(self, slot: Slot, reached: int, seconds: float) -> None:
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

    def _count(self, slot: Slot) -> None:
        ok, failed = self._cells[slot.slot, OK], self._cells[slot.slot, FAILED_COUNT]
        self._progress.done += ok - slot.counted[0]
        if failed != slot.counted[1]:
            self._progress.failed += failed - slot.counted[1]
            if self._failures is not None:
                more = self._failures.of(slot.number, failed - slot.counted[1])
                self._progress.failed_at += more
        slot.counted = (ok, failed)

    def _check_time(self, slot: Slot) -> None:
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

    def _blocks(self, slot: Slot) -> bool:
        return len(slot.batches) > 1 or slot.batches[0].stop > self._position(slot) + 1

    def _position(self, slot: Slot) -> int:
        return self._cells[slot.slot, POSITION]

    def _settle(self, slot: Slot) -> None:
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

    def _bury(self, slot: Slot) -> None:
        """Clear up after a dead worker: blame its pset, return the rest, put a new one there."""
        code = self._end_process(slot)
        self._read_replies(slot)
        slot.sock.close()
        self._count(slot)
        reader = Reader(self._staff.journal(slot.number), slot.journal_size)
        records = reader.read()
        if slot.batches:
            ended = sum(r.kind in (DONE, FAILED) for r in records)
            self._clear_batches(slot, slot.batches[0].start + ended, code)
        if not slot.ready:
            self._judge_unready(slot, code, records)
        self._slots.remove(slot)
        if self._fresh:
            # What a crash may have left torn is not gone on with.
            self._vacant[slot.slot] = slot.number if code == 0 and not reader.tail else None
        elif not self._killing and not self._progress.broken:
            self._slots.append(self._spawn(slot.slot))

    def _end_process(self, slot: Slot) -> int:
        code = self._staff.end(slot)
        with contextlib.suppress(KeyError):
            self._selector.unregister(slot.sock)
        if slot.pidfd >= 0:
            self._selector.unregister(slot.pidfd)
            os.close(slot.pidfd)
            slot.pidfd = -1
        return code

    def _clear_batches(self, slot: Slot, reached: int, code: int) -> None:
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

    def _record_victim(self, slot: Slot, position: int, code: int) -> None:
        todo = self._session.todo
        now, running_ns = time_ns(), monotonic_ns() - self._cells[slot.slot, STARTED]
        text = slot.kill_reason or f"WorkerDied: its process ended: {describe_exit(code)}"
        pset, attempt = todo[2 * position : 2 * position + 2]
        left = self._staff.left_by(slot, pset, attempt)
        self._notes.append(
            FAILED,
            failure(text, **left),
            attempt=attempt,
            pset=pset,
            start_ns=now - running_ns,
            runtime_ns=running_ns,
            log_start=self._cells[slot.slot, LOG_START],
            log_end=self._staff.log_size(slot),
        )
        self._progress.failed += 1
        self._progress.failed_at.append(position)

    def _judge_unready(self, slot: Slot, code: int, records: list[Record]) -> None:
        self._deaths_unready += 1
        for record in records:
            if record.kind == LOADFAIL:
                body: Any = loads(record.body, trusted=False)
                what = body.get("what", "the workers cannot load the function")
                self._progress.broken = f"{what}: {body['error']}\n{body['traceback']}"
        if self._deaths_unready >= MAX_DEATHS_UNREADY and not self._progress.broken:
            why = self._staff.why_unready(slot, code, self._deaths_unready)
            self._progress.broken = why

    def close(self) -> None:
        """Let the workers go, wait for them a moment, kill who is left."""
        for slot in self._slots:
            with contextlib.suppress(OSError):
                slot.sock.sendall(BATCH.pack(*QUIT))
            self._selector.unregister(slot.sock)
        deadline = monotonic() + 2
        while monotonic() < deadline and not all(slot.is_dead() for slot in self._slots):
            self._selector.select(0.01)
        for slot in self._slots:
            self._end_process(slot)
            slot.sock.close()
        self._slots = []
        self._selector.close()
