"""The directories `<pset_id>/` of a study, compared with the rows of its table, both ways."""

import uuid
from dataclasses import dataclass
from pathlib import Path

from psweep_nb.database import Database
from psweep_nb.runview import RunView


@dataclass(frozen=True)
class Comparison:
    """What :func:`compare` found; directories by name, rows by `_pset_id`.

    Attributes
    ----------
    matching : int
        Directories that have a row.
    strange : list of str
        Directories whose row was deleted or vanished, or of psets that no run knows.
    unfinished : list of str
        Directories of psets that have not ended yet: as it should be.
    missing : list of str
        Rows of batch runs without a directory; of other psets only those have one that ask for it.
    """

    matching: int
    strange: list[str]
    unfinished: list[str]
    missing: list[str]

    @property
    def differs(self) -> bool:
        """Whether something does not match."""
        return bool(self.strange or self.missing)


def compare(database: Database, calc_dir: Path) -> Comparison:
    """Compare the directories in `calc_dir` with the rows of a study's table."""
    frame = database.frame()
    ids = frame["_pset_id"].tolist() if "_pset_id" in frame else []
    rows = [pset_id for pset_id in ids if isinstance(pset_id, str)]
    prepared = _of_batches(database)
    there = sorted(p.name for p in calc_dir.iterdir() if p.is_dir() and _is_id(p.name))
    alone = set(there).difference(rows)
    unfinished = _not_ended(database, alone) if alone else set()
    return Comparison(
        matching=len(there) - len(alone),
        strange=sorted(alone - unfinished),
        unfinished=sorted(unfinished),
        missing=sorted(prepared.intersection(rows).difference(there)),
    )


def _of_batches(database: Database) -> set[str]:
    """The psets whose directories were made with their rows."""
    batches = [run for run in database.runs() if run.is_batch]
    return {pset_id for run in batches for pset_id in run.psets.ids(0, run.info["n"])}


def _not_ended(database: Database, names: set[str]) -> set[str]:
    """Which of these are psets of a run that have no record yet."""
    found: set[str] = set()
    for run in database.runs():
        ids = run.psets.ids(0, run.info["n"])
        if names.isdisjoint(ids):
            continue
        view = RunView(run, database.trusted)
        view.poll()
        ended = {number for number, _, _ in view.states()}
        found |= {name for n, name in enumerate(ids) if name in names and n not in ended}
    return found


def _is_id(name: str) -> bool:
    try:
        return str(uuid.UUID(name)) == name
    except ValueError:
        return False
