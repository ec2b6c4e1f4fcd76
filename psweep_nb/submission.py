"""From psets and a function to a run that exists on disk: checked, numbered, published.

Used by the study for every new run. Everything is checked before anything is written; the run
appears whole or not at all.
"""

import os
import platform
import shutil
import sys
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from hashlib import sha1
from itertools import chain, repeat
from pathlib import Path
from pickle import dumps
from time import time_ns
from typing import TYPE_CHECKING, Any

from psweep_nb.bulk import in_bulk, release_memory
from psweep_nb.database import Database
from psweep_nb.errors import ParamsError
from psweep_nb.functions import (
    THIS_PYTHON,
    Call,
    decide_call,
    dump_function,
    module_of,
    name_of,
    notes_on_edited,
    source_of,
)
from psweep_nb.functions.cellsources import cell_sources
from psweep_nb.functions.identity import Code, code_of
from psweep_nb.functions.needed import needed_by
from psweep_nb.hashing import sha1_digests
from psweep_nb.locks import FileLock, is_held
from psweep_nb.psets import check_params
from psweep_nb.rundir import Session, SessionSpec, new_run, publish
from psweep_nb.running import Options, arrange
from psweep_nb.storedpsets import BIG_BLOB, PSETS_AT_ONCE
from psweep_nb.worker import are_plain, encode

if TYPE_CHECKING:
    import pandas as pd


@dataclass
class Submission:
    """A checked request for a run: what :func:`prepare` found out about it.

    `known` is what is known of a function that was read from a pickle, which has no source of its
    own; `rerun_of` is the id of the run that this one repeats.
    """

    func: Callable[..., Any]
    params: list[dict[str, Any]]
    options: Options
    call: Call
    function: bytes | None  # None: it stays in this process
    digests: list[bytes | None]
    code: Code
    notes: list[str] = field(default_factory=list)
    setup: bytes | None = None
    known: SessionSpec | None = None
    rerun_of: str = ""


@dataclass(frozen=True)
class Published:
    """A run that exists on disk, to be handed to an engine.

    `lock` is the run's, held. `psets` are its psets by number where their values are immutable.
    """

    session: Session
    lock: FileLock
    psets: list[dict[str, Any]] | None


def prepare(func: Callable[..., Any], params: Any, options: Options) -> Submission:
    """Check everything that can be checked without looking at the study.

    Raises
    ------
    ParamsError, FunctionError
        Naming the pset, parameter or variable; nothing was written.
    """
    with in_bulk():
        psets = check_params(params)
        digests = sha1_digests(psets)
    call, notes = decide_call(func, psets, options.setup is not None)
    function, setup = None, None
    if options.travels:
        function, more = dump_function(func)
        notes += more
        if options.setup is not None:
            setup, more = dump_function(options.setup)
            notes += more
    else:
        function, setup = _dump_if_possible(func), _dump_if_possible(options.setup)
        notes += _notes_on_edited(func)
    code = code_of(func, options.setup)
    return Submission(func, psets, options, call, function, digests, code, notes, setup)


def _notes_on_edited(func: Callable[..., Any]) -> list[str]:
    try:
        return notes_on_edited(
            func,
            "this process runs it as it was then, and the code noted with the run is the file's; "
            "reload the module, or restart the kernel, first.",
        )
    except Exception:  # nothing odd in a function may stop a run
        return []


def _dump_if_possible(func: Callable[..., Any] | None) -> bytes | None:
    # Where the function stays in this process it need not travel: closures over anything are
    # welcome. It is stored if it can be, for `resume`.
    try:
        return None if func is None else dump_function(func)[0]
    except Exception:
        return None


def publish_run(
    database: Database,
    submission: Submission,
    numbers: Sequence[int],
    calc_dir: str,
    calc_path: Path,
    before: Callable[[Session, dict[str, Any]], None] | None = None,
) -> Published:
    """Write the run and its first session; whoever calls holds the study's lock.

    `before` gets the session, still under a hidden name, and what will be `run.json`, to which it
    may add, just before the run begins to exist.
    """
    psets = [submission.params[n] for n in numbers]
    digests = [submission.digests[n] for n in numbers]
    _remove_leftovers(database)
    run_id = str(uuid.uuid4())
    with in_bulk():
        plain = are_plain(psets)
        at_once = PSETS_AT_ONCE if plain else 1
        blobs = _dump_lists(psets, at_once) if plain else encode_psets(psets, numbers)
        if plain and max(map(len, blobs)) > BIG_BLOB:  # whoever wants one pset reads a whole list
            at_once, blobs = 1, [dumps(pset, 5) for pset in psets]
        run = new_run(database.hidden, run_id, blobs, digests, at_once)
    del blobs
    release_memory(len(psets))
    lock = FileLock(run.lock)
    lock.try_acquire()
    try:
        run_seq, pset_seq = next_numbers(database, database.frame())
        order, seed = arrange(submission.options.order, psets)
        spec = session_spec("submit", submission, order_seed=seed)
        todo = zip(order, repeat(1), strict=False)
        session = run.add_session(spec, submission.function, todo, submission.setup)
        names = list(dict.fromkeys(chain.from_iterable(psets)))
        info = {
            "run_id": run_id,
            "run_seq": run_seq,
            "pset_seq": pset_seq,
            "n": len(psets),
            "label": submission.options.label,
            "params": names,
            "repeats": not {"_repeat", "_seed"}.isdisjoint(names),
            "function": spec.function,
            "psets_sha1": sha1(b"".join(d or b"-" for d in digests)).hexdigest(),
            "calc_dir": calc_dir,
            # Where it is the run's own study, which may be moved, nothing is noted.
            "calc_path": "" if calc_path == database.calc_dir else str(calc_path),
            "database_basename": database.path.name,
            "time_utc": datetime.now(UTC).isoformat(),
            "host": spec.host,
            "python": platform.python_version(),
            "rerun_of": submission.rerun_of,
        }
        if before is not None:
            before(session, info)
        session = publish(run, info).sessions()[-1]
    except BaseException:
        lock.release()
        shutil.rmtree(run.path, ignore_errors=True)  # or the next submission does it
        raise
    return Published(session, lock, psets if plain else None)


def session_spec(
    kind: str, submission: Submission, commands_offset: int = 0, order_seed: int = 0
) -> SessionSpec:
    """Return what an engine is told to do."""
    options, func, setup = submission.options, submission.func, submission.options.setup
    spec = SessionSpec(
        kind=kind,
        host=platform.node(),
        mode=options.mode,
        workers=options.workers,
        on_error=options.on_error,
        call=submission.call.to_json(),
        function=name_of(func),
        module=module_of(func),
        source=source_of(func),
        time_ns=time_ns(),
        timeout=options.timeout,
        can=options.can,
        commands_offset=commands_offset,
        cwd=os.getcwd(),
        sys_path=tuple(os.path.abspath(p) for p in sys.path),
        sources={**cell_sources(func), **(cell_sources(setup) if setup else {})},
        retries=options.retries,
        order=options.order,
        order_seed=order_seed,
        fresh=options.fresh,
        slots=[dict(slot) for slot in options.slots or ()],
        capture_logs=options.capture_logs or "",
        setup=name_of(setup) if setup else "",
        setup_module=module_of(setup) if setup else "",
        code=asdict(submission.code),
        script=needed_by(func, setup).to_json(),
        python=THIS_PYTHON,
    )
    return spec if submission.known is None else submission.known.again(spec)


def _remove_leftovers(database: Database) -> None:
    """Remove what callers left that were killed before their run existed."""
    for folder in database.hidden.glob(".new-*"):
        if not is_held(folder / "lock"):
            shutil.rmtree(folder, ignore_errors=True)


def _dump_lists(psets: list[dict[str, Any]], length: int) -> list[bytes]:
    return [dumps(psets[i : i + length], 5) for i in range(0, len(psets), length)]


def encode_psets(psets: list[dict[str, Any]], numbers: Sequence[int]) -> list[bytes]:
    """Return the pickle of each pset, which has a number in what the user gave.

    Raises
    ------
    ParamsError
        Naming the pset and the parameter that cannot be stored.
    """
    try:
        return [encode(pset) for pset in psets]
    except Exception:
        for pset, number in zip(psets, numbers, strict=True):
            for key, value in pset.items():
                _check_travels(number, key, value)
        raise


def _check_travels(number: int, key: str, value: object) -> None:
    try:
        encode({key: value})
    except Exception as exc:
        raise ParamsError(
            f"pset {number}: the value of {key!r}, a {type(value).__name__}, cannot be stored "
            f"({type(exc).__name__}: {exc}); give what it is made from instead"
        ) from exc


def next_numbers(database: Database, frame: "pd.DataFrame") -> tuple[int, int]:
    """Return the next `_run_seq` and the first `_pset_seq` that no row and no run has or had."""
    run_seq = pset_seq = 0
    if "_run_seq" in frame and "_pset_seq" in frame:
        run_seq = _largest(frame["_run_seq"]) + 1
        pset_seq = _largest(frame["_pset_seq"]) + 1
    for run in database.runs():
        run_seq = max(run_seq, run.info["run_seq"] + 1)
        pset_seq = max(pset_seq, run.info["pset_seq"] + run.info["n"])
    return run_seq, pset_seq


def _largest(column: Any) -> int:
    """Return the largest number of a column, -1 for none: the user may have edited it."""
    if column.dtype == object:
        return max((int(x) for x in column if isinstance(x, int | float) and x == x), default=-1)
    known = column.dropna()
    return int(known.max()) if len(known) else -1
