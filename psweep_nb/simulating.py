"""A dry run: a copy of the table, with a row for each pset that would run, and nothing computed.

Used by the study. The copy is in ``<calc_dir>.simulate/``; the study itself is only read.
"""

import os
import platform
import uuid
from collections.abc import Sequence
from pathlib import Path
from pickle import loads
from time import time_ns
from typing import Any

import numpy as np
import pandas as pd

from psweep_nb import frames, identity
from psweep_nb.database import Database
from psweep_nb.errors import StudyError
from psweep_nb.files import replace_file
from psweep_nb.submission import Submission, encode_psets, next_numbers
from psweep_nb.worker import are_plain


def simulated(
    database: Database,
    table: pd.DataFrame,
    submission: Submission,
    numbers: Sequence[int],
    calc_dir: str,
) -> pd.DataFrame:
    """Return `table` with the rows that a run of these psets would bring, without results.

    Parameters
    ----------
    database : Database
        Of the study; not changed.
    table : DataFrame
        What the run would begin with.
    submission : Submission
        What was asked for.
    numbers : sequence of int
        Which of its psets would run.
    calc_dir : str
        For the column ``_calc_dir``.

    Raises
    ------
    ParamsError
        If a pset cannot be stored: the run would say so, too.
    """
    psets = [submission.params[number] for number in numbers]
    if not are_plain(psets):
        # There and back: rows must not change when the user's own objects do.
        psets = [loads(blob) for blob in encode_psets(psets, numbers)]
    digests = [submission.digests[number] for number in numbers]
    run_seq, pset_seq = next_numbers(database, table)
    n = len(psets)
    columns: dict[str, Any] = {
        "_run_id": [str(uuid.uuid4())] * n,
        "_pset_id": [str(uuid.uuid4()) for _ in psets],
        "_run_seq": [run_seq] * n,
        "_pset_seq": list(range(pset_seq, pset_seq + n)),
        "_pset_sha1": [digest.hex() if digest else frames.ABSENT for digest in digests],
        "_calc_dir": [calc_dir] * n,
        "_exec_host": [platform.node()] * n,
        "_failed": pd.array([pd.NA] * n, dtype="boolean"),  # neither: it has not run
        **frames.columns_of(psets),
    }
    return frames.merge(table, frames.build(columns, np.full(n, time_ns())))


def save(table: pd.DataFrame, folder: Path, basename: str) -> None:
    """Make `table` the one in `folder`, a study without runs; what else is there stays.

    Raises
    ------
    StudyError
        If somebody has run psets there.
    """
    if folder.exists() and not folder.is_dir():
        raise StudyError(f"{folder} is a file; a simulated study goes into a directory there")
    if Database(folder, trusted=False, basename=basename).runs():
        raise StudyError(
            f"{folder} has runs of its own, which a simulated table would hide: move it away"
        )
    identity.make(folder, basename)
    replace_file(folder / basename, lambda file: frames.dump(table, file))


def folder_of(calc_dir: str | os.PathLike[str]) -> str:
    """Return where a study's dry runs are.

    Examples
    --------
    >>> folder_of("calc/")
    'calc.simulate'
    """
    return f"{os.fspath(calc_dir).rstrip(os.sep)}.simulate"
