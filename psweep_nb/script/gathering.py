"""What goes into a script: the psets of the runs, the newest code, and what older code did."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psweep_nb.database import Database
from psweep_nb.deletions import deleted
from psweep_nb.errors import StudyError
from psweep_nb.functions.identity import changed
from psweep_nb.functions.needed import Needed
from psweep_nb.hashing import pset_keys
from psweep_nb.judging import Known
from psweep_nb.paramscode import code_of_params
from psweep_nb.psets import Pset
from psweep_nb.rundir import RunDir, SessionSpec
from psweep_nb.trust import loader
from psweep_nb.wording import counted, printable


@dataclass(frozen=True)
class Gathered:
    """The psets and the code of a study, or of one run.

    Attributes
    ----------
    run : RunDir
        The run whose code it is.
    spec : SessionSpec
        What its last session was told to do.
    needed : Needed
        The function's code.
    psets : list of dict
    cuts : list of int
        Where among them the psets of another run begin, if that is the shorter way to write them.
    runs : list of RunDir
        All runs that it is about.
    notes : list of str
        What a reader of the script should know: rows by older code, other functions' runs.
    """

    run: RunDir
    spec: SessionSpec
    needed: Needed
    psets: list[Pset]
    cuts: list[int]
    runs: list[RunDir]
    notes: list[str]


def gather(database: Database, only: RunDir | None = None) -> Gathered:
    """Gather what a script needs, of all runs of the newest one's function or of one run.

    Raises
    ------
    StudyError
        If there is no run, or nothing is left of its psets.
    FunctionError
        If the run's code was not recorded.
    """
    runs = sorted(database.runs(), key=lambda run: int(run.info["run_seq"]))
    if not runs:
        raise StudyError(f"{database.calc_dir} has no runs yet: there is nothing to export")
    called = [run for run in runs if not run.is_batch]
    if not called or (only is not None and only.is_batch):
        raise StudyError(
            f"run {(only or runs[-1]).info['run_seq']} is a batch run, of jobs: a script makes it "
            "with prep_batch(params); print(params_to_code(run)) writes its params"
        )
    newest = only or called[-1]
    spec = _spec(newest)
    needed = _needed(newest, spec)
    kin = [run for run in runs if _is_of(run, spec)] if only is None else [newest]
    psets, cuts = _psets(database, kin)
    if not psets:
        raise StudyError("no psets are left to export: their rows were deleted")
    notes = _by_older_code(database, psets, spec)
    if only is None and len(kin) < len(runs):
        notes.append(_of_others([run for run in runs if run not in kin]))
    return Gathered(newest, spec, needed, psets, cuts, kin, notes)


def _spec(run: RunDir) -> SessionSpec:
    sessions = run.sessions()
    if not sessions:
        raise StudyError(f"run {run.info['run_seq']} has no sessions: {run.path} is damaged")
    return sessions[-1].spec


def _needed(run: RunDir, spec: SessionSpec) -> Needed:
    try:
        return Needed.from_json(spec.script)
    except TypeError:
        raise StudyError(f"run {run.info['run_seq']}: the record of its code is damaged") from None


def _is_of(run: RunDir, spec: SessionSpec) -> bool:
    """Whether a run is of the same function."""
    other = _spec(run)
    return (other.function, other.module) == (spec.function, spec.module)


# -- psets -----------------------------------------------------------------------------------


def _psets(database: Database, runs: Sequence[RunDir]) -> tuple[list[Pset], list[int]]:
    """The psets of runs: each once, but for what one run has several times.

    Oldest or newest first, all together or run by run: as they are the shortest to write.
    """
    load = loader(database.trusted)
    frame = database.frame()
    rows = set(frame["_pset_id"]) if "_pset_id" in frame else set()
    parts = [_of_run(run, rows, load) for run in runs]
    if len(parts) == 1:
        return _union(parts)[0], []
    forwards, backwards = _union(parts), _union(parts[::-1])
    ways = [(psets, cuts) for psets, ends in (forwards, backwards) for cuts in ([], ends)]
    return min(ways, key=lambda way: len(code_of_params(way[0], cuts=way[1]).expression))


def _of_run(run: RunDir, rows: set[Any], load: Any) -> list[tuple[bytes | None, Pset]]:
    stored, gone = run.psets, deleted(run)
    numbers = [n for n in range(len(stored)) if n not in gone or stored.id(n) in rows]
    psets = [dict(pset) for pset in stored.psets(numbers, load)]
    digests = stored.digests()
    keys = pset_keys(psets, [digests[n] for n in numbers])
    return list(zip(keys, psets, strict=True))


def _union(parts: Sequence[list[tuple[bytes | None, Pset]]]) -> tuple[list[Pset], list[int]]:
    """All psets, and where each part ends."""
    found: list[Pset] = []
    seen: set[bytes | None] = set()
    ends = []
    for part in parts:
        found += [pset for key, pset in part if key is None or key not in seen]
        seen.update(key for key, _ in part)
        ends.append(len(found))
    return found, ends


# -- what a reader should know ---------------------------------------------------------------


def _by_older_code(database: Database, psets: Sequence[Pset], spec: SessionSpec) -> list[str]:
    from psweep_nb.hashing import sha1_digests

    known, code = Known(database), str(spec.code.get("sha1", ""))
    counts: dict[tuple[int, tuple[str, ...]], int] = {}
    for key in pset_keys(psets, sha1_digests(psets)):
        row = known.done.get(key) if key is not None else None
        if row is None or not known.is_stale(row, code):
            continue
        session = known.session(row)
        if session is not None:
            names = tuple(changed(session.spec.code.get("parts", {}), spec.code.get("parts", {})))
            about = int(session.run.info["run_seq"]), names
            counts[about] = counts.get(about, 0) + 1
    said = [
        f"{counted(n, 'pset')} of run {run} ({_listed(names)} changed since)"
        for (run, names), n in sorted(counts.items())
    ]
    return [f"The study has results of older code: {'; '.join(said)}."] if said else []


def _listed(names: Sequence[str]) -> str:
    shown = [f"`{printable(name)}`" for name in names[:4]]
    if len(names) > 4:
        shown.append("more")
    return ", ".join(shown) + (" has" if len(names) == 1 else " have")


def _of_others(runs: Sequence[RunDir]) -> str:
    said = [
        f"run {run.info['run_seq']} (`{printable(_spec(run).function)}`,"
        f" {counted(run.info['n'], 'pset')})"
        for run in runs
    ]
    return f"Runs of other functions are not in it: {', '.join(said)}."
