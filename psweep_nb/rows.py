"""From journal records to rows of the table.

Used by the database alone. Many records are turned at once: columns are made of whole lists,
since a frame from single rows costs a hundred times as much.
"""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import pandas as pd

from psweep_nb import frames
from psweep_nb.frames import ABSENT
from psweep_nb.journal import DONE, FAILED, Record
from psweep_nb.rundir import RunDir

Load = Callable[[bytes], Any]


def frame_of(run: RunDir, records: Iterable[Record], host: str, load: Load) -> pd.DataFrame:
    """Return one row for each pset that ended, of its last attempt.

    Parameters
    ----------
    run : RunDir
        Gives psets, ids and hashes.
    records : iterable of Record
        In any order; what is not the end of a pset is passed over.
    host : str
        Where they were executed.
    load : callable
        Unpickles, see `trust.loader`.
    """
    chosen = _last_attempts(records, run.info["n"])
    psets = run.psets
    numbers = [r.pset for r in chosen]
    bodies, errors = _read_bodies(chosen, load)
    params = [load(psets.blob(i)) for i in numbers]
    n = len(chosen)
    index = np.array(numbers, dtype=np.int64)
    starts = np.array([r.start_ns for r in chosen], dtype="datetime64[ns]")
    digests = [psets.digest(i) for i in numbers]
    columns: dict[str, Any] = {
        "_run_id": _repeated(run.info["run_id"], n),
        "_pset_id": [psets.id(i) for i in numbers],
        "_run_seq": np.full(n, run.info["run_seq"], dtype=np.int64),
        "_pset_seq": run.info["pset_seq"] + index,
        "_pset_sha1": [ABSENT if d is None else d.hex() for d in digests],
        "_calc_dir": _repeated(run.info["calc_dir"], n),
        "_pset_runtime": np.array([r.runtime_ns for r in chosen], dtype=np.float64) / 1e9,
        "_exec_host": _repeated(host, n),
        "_failed": np.array([error is not ABSENT for error in errors], dtype=bool),
        "_exc_txt": errors,
        "_attempt": np.array([r.attempt for r in chosen], dtype=np.int64),
    }
    columns.update(frames.columns_of([{**p, **b} for p, b in zip(params, bodies, strict=True)]))
    return frames.build(columns, starts)


def _last_attempts(records: Iterable[Record], n: int) -> list[Record]:
    best: dict[int, Record] = {}
    for r in records:
        if r.kind not in (DONE, FAILED) or r.pset >= n:
            continue
        old = best.get(r.pset)
        if old is None or (r.attempt, r.kind == DONE) > (old.attempt, old.kind == DONE):
            best[r.pset] = r
    return [best[number] for number in sorted(best)]


def _repeated(value: str, n: int) -> np.ndarray:
    column = np.empty(n, dtype=object)
    column[:] = value
    return column


def _read_bodies(records: list[Record], load: Load) -> tuple[list[dict[str, Any]], list[Any]]:
    """Return results and tracebacks (ABSENT for a done pset) of each record."""
    bodies: list[dict[str, Any]] = []
    errors: list[Any] = []
    for r in records:
        try:
            body = load(r.body)
            error = ABSENT if r.kind == DONE else body["traceback"]
            bodies.append(body if r.kind == DONE else {})
        except Exception as exc:  # a class of the user's that has changed or is gone
            bodies.append({})
            error = f"its results cannot be read back: {type(exc).__name__}: {exc}"
        errors.append(error)
    return bodies, errors
