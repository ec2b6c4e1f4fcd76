"""What psets have left in their directories: found by their parameters, read by many threads.

Used by the study's `dir` and `map`.
"""

import os
import uuid
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd

from psweep_nb import frames
from psweep_nb.database import Database
from psweep_nb.errors import JournalError, OptionError, StudyError
from psweep_nb.foreign import failed_flags
from psweep_nb.progress import progress_bar
from psweep_nb.rundir import RunDir
from psweep_nb.tidy import chosen

_TRIES = 5
_THREADS = 8
_LISTED = 8  # values in a message


def one_directory(
    database: Database, calc_path: Path, latest: bool, where: Mapping[str, Any]
) -> Path:
    """Return the directory of the one row that is meant; see `Study.dir`."""
    frame = database.frame()
    rows = chosen(frame, latest, where)
    asked = ", ".join(f"{name}={value!r:.40}" for name, value in where.items())
    if not len(rows):
        known = "; ".join(f"{name} is {_values_of(frame[name])}" for name in where)
        raise OptionError(f"no row has {asked or 'anything'}{f': {known}' if known else ''}")
    if len(rows) > 1:
        differ = [name for name in _shown(rows) if name not in where and _varies(rows[name])]
        hint = f"give {', '.join(differ[:_LISTED])}, too" if differ else "they are repeats"
        newest = "" if latest else ", or latest=True for the newest of equal ones"
        raise OptionError(f"{len(rows)} rows have {asked or 'no condition'}: {hint}{newest}")
    [found] = directories(database, calc_path, rows)
    if found is None or not found.is_dir():
        raise StudyError(
            f"the pset with {asked or 'one row'} has no directory: it wrote no files "
            "(psweep_nb.workdir() makes the directory), or they were removed"
        )
    return found


def directories(database: Database, calc_path: Path, rows: pd.DataFrame) -> list[Path | None]:
    """Return the directory that belongs to each row, there or not; None where none can."""
    places: dict[object, Path] = {}
    for run_id in dict.fromkeys(rows["_run_id"].tolist() if "_run_id" in rows else ()):
        places[run_id] = calc_path
        with suppress(JournalError, OSError):  # psweep's rows know of no run
            if _is_id(run_id):
                places[run_id] = RunDir(database.hidden / str(run_id)).calc_path
    runs = rows["_run_id"].tolist() if "_run_id" in rows else [None] * len(rows)
    ids = rows["_pset_id"].tolist() if "_pset_id" in rows else [None] * len(rows)
    # The table is the user's: what is no id must not become part of a path.
    return [
        places.get(run_id, calc_path) / pset_id if _is_id(pset_id) else None
        for run_id, pset_id in zip(runs, ids, strict=True)
    ]


def _is_id(text: object) -> bool:
    try:
        return isinstance(text, str) and str(uuid.UUID(text)) == text
    except ValueError:
        return False


def _shown(rows: pd.DataFrame) -> list[str]:
    names = [name for name in rows.columns if not name.startswith("_")]
    return [*names, *(name for name in ("_repeat", "_run_seq") if name in rows)]


def _varies(column: "pd.Series[Any]") -> bool:
    return len({repr(value) for value in column.tolist()}) > 1


def _values_of(column: "pd.Series[Any]") -> str:
    found = dict.fromkeys(f"{value!r:.40}" for value in column.tolist())
    more = f", ... ({len(found)} values)" if len(found) > _LISTED else ""
    return ", ".join(list(found)[:_LISTED]) + more if found else "in no row"


# -- reading ---------------------------------------------------------------------------------


def read_artifacts(
    reader: Callable[[Path], Any],
    rows: pd.DataFrame,
    params: Sequence[str],
    paths: Sequence[Path | None],
    workers: int | None,
) -> pd.DataFrame:
    """Return parameters and what a function reads from directories; see `Study.map`."""
    if not callable(reader):
        raise OptionError(f"reader is {reader!r:.60}; it should be a function of a directory")
    if workers is not None and (type(workers) is not int or workers < 1):
        raise OptionError(f"workers is {workers!r}; it should be a number from 1 on")
    done = [failed is False for failed in failed_flags(rows)]
    there = [
        place
        for place, path in enumerate(paths)
        if done[place] and path is not None and path.is_dir()
    ]
    if any(done) and not there:
        raise StudyError(
            f"none of the {sum(done)} psets has a directory: they wrote no files "
            "(psweep_nb.workdir() makes a pset's directory), or they were removed"
        )
    values = dict(zip(there, _read_all(reader, [paths[p] for p in there], workers), strict=True))
    cells = [_as_cells(values.get(place)) for place in range(len(rows))]
    taken = {name for row in cells for name in row}.intersection(params)
    if taken:
        raise OptionError(
            f"the reader gives {', '.join(map(repr, sorted(taken)))}, which parameters are called, "
            "too: give it another name"
        )
    columns: dict[str, Any] = {name: rows[name] for name in params if name in rows}
    for name, found in frames.columns_of(cells).items():
        array = frames.typed(found)
        columns[name] = pd.Series(array, rows.index, dtype=array.dtype)
    return pd.DataFrame(columns, rows.index)


def _read_all(
    reader: Callable[[Path], Any], paths: Sequence[Path | None], workers: int | None
) -> list[Any]:
    threads = min(_THREADS, (os.cpu_count() or 1) + 4) if workers is None else workers
    with progress_bar(len(paths)) as advance:
        if threads == 1:
            return [_read(reader, path, advance) for path in paths]
        with ThreadPoolExecutor(threads, "psweep map") as pool:
            futures: list[Future[Any]] = [pool.submit(_read, reader, path, None) for path in paths]
            try:
                for future in as_completed(futures):
                    future.result()
                    if advance is not None:
                        advance(1)
            except BaseException:  # of one, or Ctrl-C: the rest need not begin
                pool.shutdown(wait=False, cancel_futures=True)
                raise
            return [future.result() for future in futures]


def _read(
    reader: Callable[[Path], Any], path: Path | None, advance: Callable[[int], object] | None
) -> Any:
    assert path is not None
    try:
        value = _despite_other_threads(reader, path)
    except Exception as exc:
        exc.add_note(f"when reading {path}")
        raise
    if advance is not None:
        advance(1)
    return value


def _despite_other_threads(reader: Callable[[Path], Any], path: Path) -> Any:
    # Python before 3.11.9 and 3.12.2 counts the depth of syntax trees for all threads together
    # (python/cpython#106905), and `numpy.load` parses each file's header: now and then one of two
    # that do it at once fails for no reason of its own. Reading again is right.
    for left in reversed(range(_TRIES)):
        try:
            return reader(path)
        except SystemError as exc:
            if not left or "AST constructor recursion depth" not in str(exc):
                raise


def _as_cells(value: Any) -> dict[str, Any]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        return {"result": value}
    for name in value:
        if not isinstance(name, str):
            raise OptionError(f"the reader gives a dict with the key {name!r}; names are texts")
    return dict(value)
