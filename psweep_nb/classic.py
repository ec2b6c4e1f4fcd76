"""psweep's own call, for scripts: psets in, run here, the table out."""

import os
import tempfile
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Executor
from typing import Any

import pandas as pd

from psweep_nb.errors import OptionError
from psweep_nb.study import Study


def run_local(
    func: Callable[..., Any],
    params: Any,
    df: pd.DataFrame | None = None,
    poolsize: int | None = None,
    save: bool = True,
    calc_dir: str | os.PathLike[str] = "calc",
    on_error: str = "raise",
    timeout: float | None = None,
    skip: str | None = None,
    executor: Executor | None = None,
    *,
    workers: int | None = None,
    label: str = "",
    setup: Callable[[], Any] | None = None,
    retries: int = 0,
    order: str = "given",
    slots: Sequence[Mapping[str, str]] | None = None,
) -> pd.DataFrame:
    """Run `func` on each pset, here, and return the whole table.

    Parameters
    ----------
    func : callable
        Gets a pset (``def f(pset)``) or its parameters by name (``def f(a, b)``), returns a dict
        of results or one value.
    params : iterable of dict
        The psets, see `pgrid` and `grid`.
    df : DataFrame, optional
        Used instead of the table in `calc_dir`. Rows of the file that it lacks are kept there.
    poolsize, workers : int, optional
        Worker processes (two names of one thing); without, the function is called right here.
    save : bool
        With False nothing is written that lasts.
    calc_dir : path
        The study's directory.
    on_error : "raise", "record" or "stop"
        What a failed pset leads to, after everything that finished was saved.
    timeout : float, optional
        Seconds a pset may take; needs worker processes.
    skip : None, "done" or "done+failed"
        Pass over psets that are done, or have failed, in rows from before.
    executor : concurrent.futures.Executor, optional
        Run there.
    label : str
        A name for the run.
    setup, retries, order, slots
        See `Study.submit`.

    Returns
    -------
    DataFrame
        All rows of the study, these and earlier ones.

    Examples
    --------
    >>> df = run_local(lambda a: {"twice": 2 * a}, [{"a": 1}, {"a": 2}], save=False)
    >>> df["twice"].tolist()
    [2, 4]
    """
    if poolsize is not None and workers is not None and poolsize != workers:
        raise OptionError(f"poolsize={poolsize} and workers={workers}: they mean the same")
    options: dict[str, Any] = {
        "workers": poolsize if workers is None else workers,
        "skip": skip,
        "on_error": on_error,
        "timeout": timeout,
        "label": label,
        "executor": executor,
        "setup": setup,
        "retries": retries,
        "order": order,
        "slots": slots,
    }
    if save:
        return Study(calc_dir).run(func, params, df=df, **options)
    df = Study(calc_dir).df if df is None else df
    with tempfile.TemporaryDirectory(prefix="psweep_nb-") as folder:
        study = Study(folder)
        study.calc_dir = os.fspath(calc_dir)
        return study.run(func, params, df=df, **options)


run = run_local
