"""What one run's journals hold that is not in the table yet: the reading half of folding.

Owns each run's `folded.json`, which says how far its journals are in the table. Used by the
database alone.
"""

import contextlib
from collections.abc import Collection, Iterable, Mapping
from pathlib import Path
from typing import Any

import pandas as pd

from psweep_nb import deletions
from psweep_nb.errors import JournalError
from psweep_nb.journal import END, Bulk, Reader, Written
from psweep_nb.locks import is_held
from psweep_nb.rundir import RunDir, Session, read_json, write_json

FOLDED = "folded.json"


class Unfolded:
    """What one run's journals hold behind a known place: the reading half of folding.

    Parameters
    ----------
    run : RunDir
        The run.
    anew : bool
        Read from the beginning, whatever was folded: there is no table.

    Attributes
    ----------
    rows : int
        Rows of this run that are in the table, by this process's knowledge.
    results : set of str
        Names of results.
    replaced : set of str
        Names of parameters that results of these names have replaced in the table.
    changed : bool
        Whether more was read than `folded.json` says.
    """

    def __init__(self, run: RunDir, anew: bool) -> None:
        self.run = run
        folded: dict[str, Any] = {}
        if not anew:
            # Missing or damaged: then all is merged once more, which is harmless.
            with contextlib.suppress(JournalError):
                folded = read_json(run.path / FOLDED)
        self.rows: int = folded.get("rows", 0)
        # Read from the beginning, some rows may be in the table already: then psets are counted.
        self._seen = None if "rows" in folded else bytearray(run.info["n"])
        self.deleted = deletions.deleted(run)
        self.results: set[str] = set(folded.get("results", ()))
        self.replaced: set[str] = set(folded.get("replaced", ()))
        self.changed = False
        self._complete: int = folded.get("complete", 0)  # sessions, if all they had is folded
        self._offsets: dict[str, int] = folded.get("offsets", {})
        self._readers: dict[str, Reader] = {}
        self._ended: set[int] = set()

    def take(self, written: Written) -> bool:
        """Count a stretch of a journal as read, if it begins where reading stopped."""
        reader = self._reader(written.path)
        if reader.offset != written.start:
            return False
        reader.offset = written.stop
        self._offsets[_name(written.path)] = written.stop
        self.changed = True
        return True

    def count(self, rows: pd.DataFrame, added: int) -> None:
        """Count `rows`, of which `added` were not in the table."""
        if self._seen is None:
            self.rows += added
            return
        self._see((rows["_pset_seq"] - self.run.info["pset_seq"]).tolist(), 1)
        self.rows = self._seen.count(1)

    def uncount(self, psets: Mapping[int, int], there: int) -> None:
        """Take rows off the count that were deleted; so many are `there`."""
        self.deleted.update(psets)
        # Rows that vanished by other hands before still count as vanished.
        self.rows = max(self.rows - len(psets), there)
        self._see(psets, 0)

    def recount(self, psets: Collection[int], there: int) -> None:
        """Count rows again that were to be deleted and were not."""
        for number in psets:
            self.deleted.pop(number, None)
        self.rows = max(self.rows, there)
        self.changed = True
        self._see(psets, 1)

    def _see(self, psets: Iterable[int], seen: int) -> None:
        if self._seen is not None:
            for number in psets:
                self._seen[number] = seen

    def read(self) -> list[tuple[Session, Bulk]]:
        """Return what came since the last call, by session."""
        sessions = self.run.sessions()
        if len(sessions) == self._complete:
            return []
        found = []
        for session in sessions:
            records = Bulk()
            for path in session.journals():
                self._read_journal(path, records)
            if records.has(END):
                self._ended.add(session.number)
            if records.bodies:
                self.changed = True
                found.append((session, records))
        return found

    def _reader(self, path: Path) -> Reader:
        name = _name(path)
        if name not in self._readers:
            self._readers[name] = Reader(path, self._offsets.get(name, 0))
        return self._readers[name]

    def _read_journal(self, path: Path, into: Bulk) -> None:
        reader = self._reader(path)
        records = reader.read_bulk()
        into.heads += records.heads
        into.bodies += records.bodies
        self._offsets[_name(path)] = reader.offset
        reader.close()

    def save(self) -> None:
        """Note in the run's folder that the table has all that was read."""
        sessions = self.run.sessions()
        # The engine's last fold comes before its end mark, so a run is complete only in the
        # first fold by somebody else; until then its journals are looked at again, cheaply.
        complete = len(sessions) if sessions and sessions[-1].number in self._ended else 0
        data = {
            "rows": self.rows,
            "results": sorted(self.results),
            "replaced": sorted(self.replaced),
            "complete": 0 if is_held(self.run.lock) else complete,
            "offsets": self._offsets,
        }
        write_json(self.run.path / FOLDED, data)
        self.changed = False


def _name(journal: Path) -> str:
    return f"{journal.parent.name}/{journal.name}"
