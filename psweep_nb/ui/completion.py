"""Tab after ``%psweep``: subcommands, options, names of the notebook, runs, directories."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from typing import Any

from IPython.core.error import TryNext, UsageError

from psweep_nb.ui import arguments, commands
from psweep_nb.ui.arguments import Command
from psweep_nb.ui.session import Session

_WITH_RUN = (
    "export",
    "status",
    "stop",
    "pause",
    "resume",
    "retry",
    "submit",
    "sync",
    "wait",
    "attach",
    "watch",
)


def completer(session: Session) -> Callable[[Any, Any], list[str]]:
    """The function for IPython's hook ``complete_command``."""

    def complete(_shell: Any, event: Any) -> list[str]:
        found = completions(event.text_until_cursor or event.line, session)
        if not found:
            raise TryNext  # IPython completes attributes and the like
        return found

    return complete


def completions(line: str, session: Session) -> list[str]:
    """What may stand at the end of ``line``, a line that begins with ``%psweep``.

    Parameters
    ----------
    line : str
        The line up to the cursor.
    session : Session

    Returns
    -------
    list of str
        Whole words that begin as the last one does; empty where IPython knows better.
    """
    magic, _, rest = line.lstrip().partition(" ")
    cell = magic.startswith("%%")
    try:
        words = arguments.split(rest)
    except UsageError:
        return []  # inside brackets: Python
    begun = words.pop() if words and not rest[-1:].isspace() else ""
    known = commands.CELL_COMMANDS if cell else commands.COMMANDS
    if not words:
        return _matching(known, begun)
    command = known.get(words[0])
    if command is None:
        return []
    return _argument(command, words[1:], begun, session)


def _argument(command: Command, before: list[str], begun: str, session: Session) -> list[str]:
    previous = before[-1] if before else ""
    option = next((o for o in command.options if previous in (o.name, o.short) and previous), None)
    if option is not None and option.value is not None:
        if option.name == "--dir":
            return _directories(begun)
        if option.choices:
            return _matching(option.choices, begun)
        return _names(begun, session) if option.kind == "expression" else []
    if begun.startswith("-"):
        options = [part for o in command.options for part in (o.short, o.name) if part]
        return _matching([*options, "-h", "--help"], begun)
    if command.name == "use":
        return _directories(begun)
    if command.name == "export" and not _plain(before):
        return _matching(["run.py"], begun) + _directories(begun)
    if command.name in _WITH_RUN:
        return _matching(_runs(session), begun) + _names(begun, session, runs_only=True)
    return _names(begun, session)


def _plain(words: list[str]) -> list[str]:
    return [word for word in words if not word.startswith("-")]


def _names(begun: str, session: Session, *, runs_only: bool = False) -> list[str]:
    axis, equals, tail = begun.rpartition("=")
    prefix = axis + equals
    if tail and not tail.isidentifier():
        return []
    hidden = "_" if not tail.startswith("_") else "\0"
    found = [
        name
        for name, value in session.names.items()
        if name.startswith(tail)
        and not name.startswith(hidden)
        and (not runs_only or hasattr(value, "run_seq"))
    ]
    return [prefix + name for name in sorted(found)]


def _runs(session: Session) -> list[str]:
    if session.last is None:
        return []
    runs = session.last.runs
    return ["-1", *(str(run.run_seq) for run in runs), *(run.label for run in runs if run.label)]


def _directories(begun: str) -> list[str]:
    folder, slash, _ = begun.rpartition("/")
    try:
        inside = os.scandir((folder + slash) or ".")
    except OSError:
        return []
    with inside:
        found = [folder + slash + e.name + "/" for e in inside if e.is_dir()]
    return _matching((f for f in found if not f.rsplit("/", 2)[-2].startswith(".")), begun)


def _matching(words: Iterable[str], begun: str) -> list[str]:
    return sorted(word for word in words if word.startswith(begun))
