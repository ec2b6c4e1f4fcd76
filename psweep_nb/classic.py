"""psweep's own call, for scripts: psets in, run here, the table out."""

import os
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any

import pandas as pd

from psweep_nb.batch.command import Command
from psweep_nb.batch.methods import CALC_TEMPLATES, MACHINE_TEMPLATES, batch_of
from psweep_nb.database import BASENAME
from psweep_nb.eachrow import OnRow, check_verbose, print_rows, save_rows
from psweep_nb.errors import OptionError
from psweep_nb.study import Study


def run_local(
    func: Callable[..., Any],
    params: Any,
    df: pd.DataFrame | None = None,
    poolsize: int | None = None,
    save: bool = True,
    tmpsave: bool = False,
    verbose: bool | Sequence[str] = False,
    calc_dir: str | os.PathLike[str] = "calc",
    simulate: bool = False,
    database_dir: str | os.PathLike[str] | None = None,
    database_basename: str = BASENAME,
    backup: bool = False,
    *,
    git: bool = False,
    skip_dups: bool = False,
    skip: str | None = None,
    on_error: str = "raise",
    timeout: float | None = None,
    executor: Executor | None = None,
    dask_client: Any = None,
    stale: bool = False,
    workers: int | None = None,
    label: str = "",
    setup: Callable[[], Any] | None = None,
    retries: int = 0,
    order: str = "given",
    fresh: bool = False,
    slots: Sequence[Mapping[str, str]] | None = None,
    capture_logs: str | None = None,
) -> pd.DataFrame:
    """Run `func` on each pset, here, and return the whole table.

    Parameters
    ----------
    func : callable
        Gets a pset (``def f(pset)``) or its parameters by name (``def f(a, b)``), returns a dict
        of results or one value.
    params : iterable of dict
        The psets, see `pgrid` and `grid`; also a DataFrame, the path of a CSV file, a study.
    df : DataFrame, optional
        Used instead of the table in `calc_dir`. Rows of the file that it lacks are kept there.
    poolsize, workers : int, optional
        Worker processes (two names of one thing); without, the function is called right here.
    save : bool
        With False nothing is written that lasts, but for `tmpsave` and `backup`.
    tmpsave : bool
        Also write each row, as its pset ends, to ``<calc_dir>/tmpsave/<run_id>/<pset_id>.pk``, a
        table of one row. No result depends on it: what has ended is kept anyway.
    verbose : bool or list of str
        Print a line for each pset that ends, with all columns or with these.
    calc_dir : path
        The study's directory.
    simulate : bool
        Call nothing: write the table, with rows for what would run, to ``<calc_dir>.simulate/``.
    database_dir, database_basename
        Where the table is, see `Study`; `calc_dir` and ``database.pk`` by default.
    backup : bool
        First copy `calc_dir` to ``<calc_dir>.bak_<time>_run_id_<id>``, see `Study.backup`.
    git : bool
        Commit `calc_dir`, and nothing else, to the git repository it is in: before and after.
    skip_dups : bool
        The same as ``skip="done+failed"``.
    skip : None, "done" or "done+failed"
        Pass over psets that are done, or have failed, in rows from before.
    stale : bool
        With `skip`: run those again that are done, but by other code than this.
    on_error : "raise", "record" or "stop"
        What a failed pset leads to, after everything that finished was saved.
    timeout : float, optional
        Seconds a pset may take; needs worker processes.
    executor : concurrent.futures.Executor, optional
        Run there.
    dask_client : distributed.Client, optional
        Run on its workers.
    label : str
        A name for the run.
    setup, retries, order, fresh, slots, capture_logs
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
    _check_flags(
        save=save, tmpsave=tmpsave, simulate=simulate, backup=backup, git=git, skip_dups=skip_dups
    )
    check_verbose(verbose)
    if poolsize is not None and workers is not None and poolsize != workers:
        raise OptionError(f"poolsize={poolsize} and workers={workers}: they mean the same")
    skip = _skip(skip_dups, skip)
    study = Study(calc_dir, database_dir=database_dir, database_basename=database_basename)
    if simulate:
        return study.simulate(func, params, skip=skip, stale=stale, setup=setup, df=df, save=save)
    options: dict[str, Any] = {
        "workers": poolsize if workers is None else workers,
        "skip": skip,
        "stale": stale,
        "on_error": on_error,
        "timeout": timeout,
        "label": label,
        "executor": executor,
        "dask_client": dask_client,
        "setup": setup,
        "retries": retries,
        "order": order,
        "fresh": fresh,
        "slots": slots,
        "on_row": _on_row(study, tmpsave, verbose),
        "capture_logs": capture_logs,
    }
    if save:
        return study.run(func, params, df=df, backup=backup, git=git, **options)
    if backup:
        study.backup()
    with _temporary(calc_dir) as temporary:
        return temporary.run(func, params, df=study.df if df is None else df, **options)


@contextmanager
def _temporary(calc_dir: str | os.PathLike[str]) -> Iterator[Study]:
    """Give a study that calls itself `calc_dir` and of which nothing lasts."""
    with tempfile.TemporaryDirectory(prefix="psweep_nb-") as folder:
        study = Study(calc_dir, database_dir=folder)
        study.calc_path = study.path  # what functions write does not last either
        study.lasting = False
        yield study


def prep_batch(
    params: Any,
    calc_templ_dir: str | os.PathLike[str] = CALC_TEMPLATES,
    machine_templ_dir: str | os.PathLike[str] = MACHINE_TEMPLATES,
    git: bool = False,
    backup: bool = False,
    simulate: bool = False,
    write_pset: bool = False,
    template_mode: str = "dollar",
    *,
    calc_dir: str | os.PathLike[str] = "calc",
    database_dir: str | os.PathLike[str] | None = None,
    database_basename: str = BASENAME,
    command: Command | Callable[..., Any] | None = None,
    skip_dups: bool = False,
    skip: str | None = None,
    label: str = "",
) -> pd.DataFrame:
    """Make psets ready for jobs, and return the whole table; see `Study.prep_batch`.

    Parameters
    ----------
    params, calc_templ_dir, machine_templ_dir, git, backup, write_pset, template_mode
        As there.
    simulate : bool
        Do it in ``<calc_dir>.simulate/``; the study stays as it is.
    calc_dir, database_dir, database_basename
        Where the study is, see `Study`.
    command, skip, label
        See `Study.prep_batch`.
    skip_dups : bool
        The same as ``skip="done+failed"``.

    Returns
    -------
    DataFrame
        All rows of the study, these and earlier ones.

    Raises
    ------
    ParamsError, TemplateError, OptionError, StudyError
        Naming file, line and placeholder; nothing was written.
    """
    _check_flags(
        git=git, backup=backup, simulate=simulate, write_pset=write_pset, skip_dups=skip_dups
    )
    study = Study(calc_dir, database_dir=database_dir, database_basename=database_basename)
    batch = batch_of(calc_templ_dir, machine_templ_dir, command, template_mode, write_pset)
    submission = batch.prepare(params, _skip(skip_dups, skip), label)
    if simulate:
        return study._simulate(batch, submission)
    study._prep(batch, submission, git, backup, None)
    return study.df


def _skip(skip_dups: bool, skip: str | None) -> str | None:
    if skip_dups and skip not in (None, "done+failed"):
        raise OptionError(f'skip_dups=True and skip={skip!r}: skip_dups means skip="done+failed"')
    return "done+failed" if skip_dups else skip


def _on_row(study: Study, tmpsave: bool, verbose: bool | Sequence[str]) -> OnRow | None:
    """Return what is to be done with each row as its pset ends."""
    todo: list[OnRow] = []
    if tmpsave:
        todo.append(save_rows(study.calc_path / "tmpsave"))
    if verbose is not False:
        todo.append(print_rows(None if verbose is True else verbose))

    def on_row(row: pd.DataFrame) -> None:
        for do in todo:
            do(row)

    return on_row if todo else None


def _check_flags(**flags: object) -> None:
    for name, value in flags.items():
        if not isinstance(value, bool):
            raise OptionError(f"{name} is {value!r}; it should be True or False")


run = run_local
