"""What can be chosen: psets and commands of the notebook, directories of templates and machines."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from psweep_nb.batch.command import Command
from psweep_nb.psets import Pset, check_params

_MOST = 50  # directories that are offered


def psets_of(value: Any) -> list[Pset]:
    """The psets of anything that has some, an editor's, too.

    Raises
    ------
    ParamsError
        If it has none, or an entry of the editor has to be corrected.
    """
    if isinstance(getattr(type(value), "params", None), property):
        value = value.params
    return check_params(value)


def names_with_psets(names: Mapping[str, Any]) -> list[str]:
    """Names of the notebook that hold psets: lists of dicts, editors, runs, studies."""
    return [
        name
        for name, value in list(names.items())
        if not name.startswith("_") and _holds_psets(value)
    ]


def _holds_psets(value: Any) -> bool:
    if type(value) is list:
        return bool(value) and isinstance(value[0], dict)
    return type(value).__module__.startswith("psweep_nb.") and hasattr(type(value), "params")


def names_of_commands(names: Mapping[str, Any]) -> list[str]:
    """Names of the notebook that hold a `Command`."""
    return [
        name
        for name, value in list(names.items())
        if isinstance(value, Command) and not name.startswith("_")
    ]


def name_of(thing: Any, names: Mapping[str, Any]) -> str:
    """The notebook's name for a thing; empty if it has none."""
    found = (n for n, value in list(names.items()) if value is thing and not n.startswith("_"))
    return next(found, "") if thing is not None else ""


def folders_beside(calc: str, machines: str) -> tuple[list[str], list[str]]:
    """Directories of templates, and of machines, where those that are chosen are."""
    calcs: set[str] = set()
    found: set[str] = set()
    for parent in {Path(calc).parent, Path(machines).parent}:
        with contextlib.suppress(OSError):
            for folder in sorted(parent.iterdir())[:_MOST]:
                if folder.is_dir() and folder.name[0] not in "._":
                    kind = found if any(folder.glob("*/jobscript")) else calcs
                    # Beside templates that are in no directory of their own is anything.
                    if parent != Path(".") or kind is found:
                        kind.add(str(folder))
    return sorted(calcs), sorted(found)
