"""Watched cells, kept with their run: the notebook notes them, an export makes a script of them.

One line of JSON a cell and run of it in the run's file `watched`, appended like commands are.
"""

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from psweep_nb.functions.needed import Needed, needed_for
from psweep_nb.rundir import RunDir

_FILE = "watched"


@dataclass(frozen=True)
class Watched:
    """A watched cell.

    Attributes
    ----------
    source : str
        As it is given to Python.
    needed : Needed
        What it reads of the notebook.
    roles : dict
        Names that stand for runs (by their numbers) and studies (None).
    """

    source: str
    needed: Needed
    roles: dict[str, int | None]


def note(run: RunDir, key: str, source: str, names: dict[str, Any]) -> None:
    """Note that a run is watched by a cell; the same cell noted before is replaced.

    Parameters
    ----------
    run : RunDir
    key : str
        Stands for the cell.
    source : str
        As it is given to Python.
    names : dict
        The notebook's names.
    """
    roles = {
        name: getattr(value, "run_seq", None)
        for name, value in list(names.items())
        if not name.startswith("_") and type(value).__module__.startswith("psweep_nb.")
        if hasattr(type(value), "run_seq") or hasattr(type(value), "active_runs")
    }
    needed = needed_for(source, names, roles)
    entry = {"key": key, "source": source, "needed": needed.to_json(), "roles": roles}
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC
    fd = os.open(run.path / _FILE, flags, 0o600)
    try:
        os.write(fd, json.dumps(entry).encode() + b"\n")
    finally:
        os.close(fd)


def watched_cells(runs: Iterable[RunDir]) -> list[Watched]:
    """Return the cells that watched these runs, each as it was last."""
    found: dict[str, Watched] = {}
    for run in runs:
        try:
            lines = (run.path / _FILE).read_bytes().splitlines()
        except FileNotFoundError:
            continue
        for line in lines:
            try:
                entry = json.loads(line)
                needed = Needed.from_json(entry["needed"])
                roles = dict(entry["roles"])
                found[str(entry["key"])] = Watched(str(entry["source"]), needed, roles)
            # Half a line, of a full disk say, or a hostile one.
            except (ValueError, KeyError, TypeError, RecursionError):
                continue
    return list(found.values())
