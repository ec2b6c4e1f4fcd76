"""The only place that unpickles, and the list of studies this user trusts.

A pickle can run any program. Files of this user's own studies are loaded as they are, all others
through a list of harmless types.
"""

from psweep_nb.trust.loading import load_function, loader, loads, read_table
from psweep_nb.trust.registry import is_trusted, register

__all__ = ["is_trusted", "load_function", "loader", "loads", "read_table", "register"]
