"""The live cells of a session: what each worker does at this moment, in shared memory.

A cell is 128 bytes of a file that is mapped by its worker (who writes), by the engine (who
notices timeouts and names the victim of a crash) and by any follower (who shows what runs). It
costs no system call and survives the death of everybody. The journal, not the cell, says
what is done.
"""

import mmap
import os
from pathlib import Path

_Q = 16  # fields of 8 bytes in a cell; two cache lines, shared with no other worker

# A worker's fields. STEP counts the psets it began and is written before LIMIT is read; the engine
# writes LIMIT and reads STEP later: so both agree which queued psets were revoked.
STEP, POSITION, STARTED, OK, FAILED, LIMIT, FULL, WORKER, LOG_START = range(9)
NO_LIMIT = 1 << 62

# The engine's own fields, in the first cell.
ENGINE_STATE, ENGINE_PID, ENGINE_OBEYED = range(3)
RUNNING, PAUSED, STOPPING, DISK_FULL = range(1, 5)


class Cells:
    """The cells of one session; `cells[slot, FIELD]` reads and writes one.

    Parameters
    ----------
    path : Path
        The file.
    slots : int
        Workers, if the file is to be made; 0 opens an existing one for reading and writing.
    """

    def __init__(self, path: Path, slots: int = 0) -> None:
        if slots:
            # Written out, not only sized: touching a hole of a full disk would be a SIGBUS.
            path.write_bytes(bytes(8 * _Q * (slots + 1)))
        with open(path, "r+b") as file:
            self._map = mmap.mmap(file.fileno(), 0)
        self.view = memoryview(self._map).cast("q")
        self.slots = len(self.view) // _Q - 1

    def __getitem__(self, key: tuple[int, int]) -> int:
        slot, field = key
        return self.view[(slot + 1) * _Q + field]

    def __setitem__(self, key: tuple[int, int], value: int) -> None:
        slot, field = key
        self.view[(slot + 1) * _Q + field] = value

    def cell(self, slot: int) -> "memoryview[int]":
        """One worker's cell, for who writes it a million times."""
        return self.view[(slot + 1) * _Q : (slot + 2) * _Q]

    @property
    def engine(self) -> int:
        """The engine's state: RUNNING, PAUSED, STOPPING or DISK_FULL (0 before it began)."""
        return self.view[ENGINE_STATE]

    @engine.setter
    def engine(self, state: int) -> None:
        self.view[ENGINE_STATE] = state
        self.view[ENGINE_PID] = os.getpid()

    @property
    def obeyed(self) -> int:
        """How far the engine has read the commands, and done them (bytes of the file)."""
        return self.view[ENGINE_OBEYED]

    @obeyed.setter
    def obeyed(self, offset: int) -> None:
        self.view[ENGINE_OBEYED] = offset
