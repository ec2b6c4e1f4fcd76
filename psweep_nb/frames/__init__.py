"""Tables of rows with exact types, as published in ``database.pk``.

Owns column types (`columns`), how rows make and join a table (`tables`), and its file (`dump`);
`database` and `study` call it.
"""

from psweep_nb.frames.columns import ABSENT, columns_of, typed
from psweep_nb.frames.dump import dump
from psweep_nb.frames.tables import BOOKKEEPING, build, changed, merge, retyped, snapshot

__all__ = [
    "ABSENT",
    "BOOKKEEPING",
    "build",
    "changed",
    "columns_of",
    "dump",
    "merge",
    "retyped",
    "snapshot",
    "typed",
]
