"""The psets of a session as rows, as they end.

Used by the study for those who want to see, or keep, each row at once (`run_local`'s `verbose`
and `tmpsave`). It follows the journals beside the database, whose own reading stays as it is.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from psweep_nb.journal import HEAD, Bulk, Reader
from psweep_nb.rows import frame_of
from psweep_nb.rundir import Session


class EndedRows:
    """Gives each row once, a table by itself; an attempt that failed and is tried again, too.

    Parameters
    ----------
    session : Session
        The session.
    load : callable
        Unpickles, see `trust.loader`.
    psets : sequence of dict, optional
        The run's psets by number, where they are at hand.
    """

    def __init__(
        self,
        session: Session,
        load: Callable[[bytes], Any],
        psets: Sequence[dict[str, Any]] | None = None,
    ) -> None:
        self._session = session
        self._load = load
        self._psets = psets
        self._readers: dict[Path, Reader] = {}

    def hand_out(self, to: Callable[[pd.DataFrame], object]) -> None:
        """Call `to` with each row that came since the last call."""
        for row in self._new():
            to(row)

    def _new(self) -> Iterator[pd.DataFrame]:
        session = self._session
        for path in session.journals():
            records = self._readers.setdefault(path, Reader(path)).read_bulk()
            for place, body in enumerate(records.bodies):
                # By itself: its columns then have the types, and the names, of this row alone.
                head = records.heads[HEAD.size * place : HEAD.size * (place + 1)]
                row = frame_of(
                    session.run, Bulk(head, [body]), session.spec.host, self._load, self._psets
                )
                if len(row):
                    yield row
