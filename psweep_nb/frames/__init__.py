"""Tables of rows with exact types, as published in ``database.pk``.

Owns column types (`columns`), how rows make and join a table (`tables`), its file (`dump`), and
what is asked of tables that users give (`given`); `database` and `study` call it.
"""

from psweep_nb.frames.columns import ABSENT, columns_of, typed
from psweep_nb.frames.dump import dump
from psweep_nb.frames.given import check_column, check_frame, columns_given, joined
from psweep_nb.frames.tables import BOOKKEEPING, absorb, build, changed, merge, retyped, snapshot

__all__ = [
    "ABSENT",
    "BOOKKEEPING",
    "absorb",
    "build",
    "changed",
    "check_column",
    "check_frame",
    "columns_given",
    "columns_of",
    "dump",
    "joined",
    "merge",
    "retyped",
    "snapshot",
    "typed",
]
