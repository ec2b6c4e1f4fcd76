"""What a cell keeps up to date after it has ended: watched cells and explorers.

Running the cell anew ends it, whether or not it begins another: its old output is gone.
"""

from __future__ import annotations

from typing import Any, Protocol


class Lasting(Protocol):
    """Something that goes on behind the notebook's back."""

    over: str  # why, once it is

    def stop(self, why: str) -> None:
        """End it."""
        ...


_begun: dict[str, list[Lasting]] = {}  # by the ids of their cells


def begin(ip: Any, thing: Lasting, source: str = "") -> None:
    """Note that the cell that is running now began this.

    Parameters
    ----------
    ip : IPython.InteractiveShell
    thing : Lasting
    source : str
        Stands for the cell where the front-end does not tell its id: then only the same text
        run again ends it.
    """
    key = cell_id(ip)
    if not key:
        if not source:
            return
        key = source
        _end(key)
    for old in [old for old, things in _begun.items() if all(thing.over for thing in things)]:
        del _begun[old]
    _begun.setdefault(key, []).append(thing)


def cell_id(ip: Any) -> str:
    """The id of the cell that is running; "" where the front-end does not tell it."""
    try:
        return str(ip.kernel.get_parent("shell")["metadata"]["cellId"])
    except (AttributeError, KeyError, TypeError):
        return ""


def cell_begins(info: Any) -> None:
    """End what an earlier execution of this cell began: for IPython's ``pre_run_cell``."""
    _end(getattr(info, "cell_id", None) or "")


def _end(key: str) -> None:
    for thing in _begun.pop(key, ()):
        thing.stop("its cell runs anew")
