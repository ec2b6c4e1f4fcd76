"""The studies under a directory: a look at each, without unpickling anything.

Used by ``%psweep runs -a`` and ``psweep-nb runs -a``. The walk is bounded: a study's own directory
is not gone into, links are not followed, and after so many directories it ends.
"""

import os
import re
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from psweep_nb.database import BASENAME, HIDDEN
from psweep_nb.errors import PsweepError, StudyError
from psweep_nb.rundir import RunDir
from psweep_nb.runview import RunView
from psweep_nb.wording import counted, local_time, short_line

MOST_FOLDERS = 20_000
DEPTH = 8
NUMERIC = frozenset({"runs", "psets", "done", "failed"})
_PASSED_OVER = re.compile(
    r"\.|__pycache__$|node_modules$"  # hidden ones and such
    r"|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"  # of psets
    r"|.*\.bak_.*_run_id_|.*\.simulate$"  # copies
)


@dataclass(frozen=True)
class Found:
    """What :func:`studies_under` found.

    Attributes
    ----------
    rows : list of dict of str
        What is said of each study, by column.
    notes : list of str
        What was left out, a sentence each.
    """

    rows: list[dict[str, str]]
    notes: list[str]


def studies_under(folder: Path) -> Found:
    """Look at all studies in a directory and below it.

    Raises
    ------
    StudyError
        If there is no such directory.
    """
    if not folder.is_dir():
        raise StudyError(f"there is no directory {folder}")
    found, looked_at, notes = list[Path](), 0, list[str]()
    waiting = deque([(folder, 0)])
    while waiting and looked_at < MOST_FOLDERS:
        path, depth = waiting.popleft()
        looked_at += 1
        if (path / HIDDEN).is_dir() or (path / BASENAME).is_file():
            found.append(path)
            if depth:  # others may lie in the directory that was asked for
                continue
        if depth < DEPTH:
            waiting.extend((below, depth + 1) for below in _below(path))
    if waiting:
        notes.append(f"only the first {MOST_FOLDERS} directories were looked into")
    return Found([_row(path, folder) for path in sorted(found)], notes)


def _below(path: Path) -> list[Path]:
    with suppress(OSError), os.scandir(path) as entries:  # not everything may be read
        return [
            path / entry.name
            for entry in entries
            if not _PASSED_OVER.match(entry.name) and entry.is_dir(follow_symlinks=False)
        ]
    return []


def _row(path: Path, folder: Path) -> dict[str, str]:
    runs, damaged = _runs_in(path)
    row = {
        "study": short_line(str(path.relative_to(folder)), 60),
        "runs": str(len(runs)),
        "psets": str(sum(run.info["n"] for run in runs)),
        "newest run": "",
        "state": "",
        "done": "",
        "failed": "",
        "started": "",
        "note": f"{counted(damaged, 'run')} damaged" if damaged else "",
    }
    if not runs:
        return row
    newest = runs[-1]
    name = newest.info["label"] or newest.info.get("function") or ""
    row["newest run"] = short_line(f"{newest.info['run_seq']} {name}")
    row["started"] = local_time(newest.info.get("time_utc"))
    try:
        view = RunView(newest, trusted=False)
        view.poll()
        row["state"], _ = view.state()
        row["done"], row["failed"] = map(str, view.counts)
    except (PsweepError, OSError, ValueError):
        row["state"] = "damaged"
    return row


def _runs_in(path: Path) -> tuple[list[RunDir], int]:
    """Runs, oldest first, and how many cannot be read."""
    runs, damaged = [], 0
    for place in (path / HIDDEN).glob("[!.]*/"):
        try:
            run = RunDir(place)
            runs.append((run.info["run_seq"], place.name, run))
        except (PsweepError, OSError):
            damaged += 1
    return [run for _, _, run in sorted(runs)], damaged
