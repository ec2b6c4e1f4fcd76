"""What the head of the panel shows: the run's state in words, its counts, what can be done.

Plain functions from a run and its status to texts; the page only sets them.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psweep_nb.status import ENDED as ENDED
from psweep_nb.ui import texts

if TYPE_CHECKING:
    from psweep_nb.runs import Run
    from psweep_nb.status import Status

# command -> (label, what it does)
BUTTONS = {
    "pause": ("Pause", "Start no more psets until Resume"),
    "stop": ("Stop", "Let the running psets finish, then end the run"),
    "stop_now": ("Stop now", "End the running psets too"),
    "resume": ("Resume", "Go on with what is not done"),
    "retry": ("Retry failed", "Run the failed psets again with the function as it is now"),
}


def build(run: Run, status: Status) -> dict[str, Any]:
    """Everything the head of the panel shows, as texts and counts.

    Parameters
    ----------
    run : Run
    status : Status
        Its status now.

    Returns
    -------
    dict
        JSON-able, below 2 KB.
    """
    return {
        "name": f"run {run.run_seq}",
        "label": texts.line(run.label, 80),
        "dir": directory(run.study.path),
        "state": status.state,
        "words": words(status),
        "message": texts.line(status.message, 300),
        "total": status.total,
        "done": status.done,
        "failed": status.failed,
        "running": status.running,
        "pending": status.pending,
        "counts": counts(status),
        "pace": pace(status),
        "buttons": [
            {"command": name, "text": BUTTONS[name][0], "help": BUTTONS[name][1]}
            for name in (commands(status) if run.info.get("kind") != "batch" else ())
        ],
        "ended": status.ended,
        "empty": empty(status),
        "clock": texts.clock(),
    }


def directory(path: Path) -> str:
    """The study's directory as a person would type it: relative where that is shorter."""
    try:
        relative = os.path.relpath(path)
    except ValueError:  # another drive
        relative = str(path)
    shown = relative if len(relative) < len(str(path)) else str(path)
    return texts.line(shown.rstrip("/"), 80) + "/"


def words(status: Status) -> str:
    """The state as a person would say it."""
    if status.state == "stopping":
        if status.running:
            return f"stopping: {texts.psets(status.running)} still running"
        return "stopping"
    if status.state == "lost":
        return "lost: the process that computed it is gone"
    if status.state == "gone":
        return "gone: its directory was deleted, moved or renamed"
    if status.state == "unknown":
        return "unknown: it belongs to another machine"
    if status.state == "finished" and status.failed:
        return f"finished, {texts.count(status.failed)} failed"
    return status.state


def counts(status: Status) -> dict[str, str]:
    """Done, failed, running and pending, each with its word."""
    found = {
        "done": f"{texts.count(status.done)} of {texts.count(status.total)} done",
        "failed": f"{texts.count(status.failed)} failed",
        "running": f"{texts.count(status.running)} running",
    }
    if status.pending:
        found["pending"] = f"{texts.count(status.pending)} pending"
    return found


def pace(status: Status) -> list[str]:
    """Rate, elapsed time and time left; what is not known is said to be unknown."""
    elapsed = texts.duration(status.elapsed)
    if status.state in ("prepared", "submitted", "gone"):
        return []
    if status.ended:
        return [f"took {elapsed}"]
    if status.state != "running":
        return [f"{elapsed} so far"]
    left = status.time_left
    left = round(left) if left is not None and 10 <= left < 1e9 else left
    said = texts.duration(left).replace(".0 s", " s")
    said = "time left unknown" if said == "unknown" else f"about {said} left"
    return [texts.rate(status.rate), f"{elapsed} so far", said]


def commands(status: Status) -> list[str]:
    """The commands that make sense now, in the order of their buttons."""
    ended = ["retry"] if status.failed else []
    unfinished = status.total > status.done + status.failed
    return {
        "running": ["pause", "stop"],
        "paused": ["resume", "stop"],
        "stopping": ["stop_now"],
        "stopped": (["resume"] if unfinished else []) + ended,
        "lost": (["resume"] if unfinished else []) + ended,
        "finished": ended,
    }.get(status.state, [])


def empty(status: Status) -> str:
    """What stands where rows will be."""
    if status.total == 0:
        return "This run has no psets."
    if status.state == "prepared":
        return "Prepared: rows appear here once jobs have run and were collected."
    if status.state == "submitted":
        return "Submitted: rows appear here as jobs end and are collected."
    if status.ended:
        return "No pset of this run has ended."
    if status.state == "paused":
        return "Paused before the first pset ended."
    if status.running:
        return "No pset has ended yet; its row appears here as soon as one has."
    return "Starting: rows appear here as psets end."
