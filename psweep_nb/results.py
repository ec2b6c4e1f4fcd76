"""What a study does with psets that have ended: look at one, read what they left. `Study` inherits.

What it means is in `artifacts`, `gridarrays` and `records`.
"""

from collections.abc import Callable, Mapping, Sequence
from operator import index
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psweep_nb.artifacts import directories, one_directory, read_artifacts
from psweep_nb.database import Database
from psweep_nb.errors import OptionError, StudyError
from psweep_nb.exact import params_of_rows
from psweep_nb.foreign import failed_flags
from psweep_nb.gridarrays import to_dataset
from psweep_nb.tidy import chosen

if TYPE_CHECKING:
    import pandas as pd
    import xarray

    from psweep_nb.records import PsetRecord
    from psweep_nb.runlist import Runs


class ResultMethods:
    """The part of a `Study` that is about results and files of psets."""

    calc_dir: str
    calc_path: Path
    database: Database

    if TYPE_CHECKING:

        @property
        def runs(self) -> Runs: ...

    def pset(self, key: int | str = -1) -> "PsetRecord":
        """Return a pset with all that is known of it: directory, log, state, results, error.

        Parameters
        ----------
        key : int or str
            Its `_pset_seq`; -1 for the newest, -2 ...; its `_pset_id`, of which the first 8
            characters will do.

        Returns
        -------
        PsetRecord
            Its last attempt; if it is running or waiting, that. Its method ``debug()`` executes it
            here, under a debugger.

        Raises
        ------
        StudyError
            If no run of the study has it.

        Examples
        --------
        >>> from psweep_nb import Study
        >>> study = Study()
        >>> df = study.run(lambda a: {"b": 1 / a}, [{"a": 1}, {"a": 0}], on_error="record")
        >>> study.pset(-1)
        <pset 1 {'a': 0} failed: ZeroDivisionError: division by zero>
        >>> study.pset(0).results
        {'b': 1.0}
        """
        runs = self.runs
        if isinstance(key, str):
            for run in reversed(runs):
                number = run.folder.psets.find(key) if len(key) >= 8 else None
                if number is not None:
                    return run.view.at(number)
            raise StudyError(f"no run of {self.calc_dir}/ has a pset {key!r}")
        try:
            number = index(key)
        except TypeError:
            raise OptionError(
                f"key is {key!r:.60}; it should be a _pset_seq, -1 for the newest, or a _pset_id"
            ) from None
        for run in reversed(runs) if number < 0 else runs:
            first, n = int(run.info["pset_seq"]), int(run.info["n"])
            if number < 0 and -number > n:
                number += n
            elif number < 0 or first <= number < first + n:
                return run.view.at(number + n if number < 0 else number - first)
        raise StudyError(f"no run of {self.calc_dir}/ has the pset {key}: {_seqs(runs)}")

    def dir(self, *, latest: bool = False, **where: Any) -> Path:
        """Return the directory of one pset, chosen by its values: ``study.dir(T=0.3, N=16)``.

        Parameters
        ----------
        latest : bool
            Of equal parameters take the newest row.
        **where
            As in `table`; exactly one row must have these values.

        Raises
        ------
        OptionError
            If no row has, or several have; the message says in what these differ.
        StudyError
            If the pset has no directory: it wrote no files.
        """
        return one_directory(self.database, self.calc_path, latest, where)

    def map(
        self,
        reader: Callable[[Path], Any],
        where: Mapping[str, Any] | None = None,
        *,
        latest: bool = False,
        workers: int | None = None,
    ) -> "pd.DataFrame":
        """Read what psets have left in their directories: a table of parameters and what was read.

        Several are read at a time, by threads, with a progress bar on a terminal.

        Parameters
        ----------
        reader : callable
            Gets a directory, returns a dict or one value (column ``result``).
        where : dict, optional
            Only rows with these values, as in `table`.
        latest : bool
            Of equal parameters only the newest row.
        workers : int, optional
            How many are read at a time (8); 1 for a reader, or its library, that must not be
            called in threads: then it is called in this one.

        Returns
        -------
        DataFrame
            A row for each of ``study.table(latest=latest, **where)``, in the same order. Psets that
            are not done, or have no directory, are not read: their values are absent.

        Raises
        ------
        StudyError
            If no pset has a directory.
        OptionError
            If `where` is no dict of columns.
        Exception
            What the reader raised, with a note that says for which directory.

        Examples
        --------
        >>> from psweep_nb import Study, workdir
        >>> def simulate(a):
        ...     (workdir() / "out.txt").write_text(str(a * a))
        ...     return {}
        >>> study = Study()
        >>> df = study.run(simulate, [{"a": 2}, {"a": 3}])
        >>> read = study.map(lambda path: {"b": int((path / "out.txt").read_text())})
        >>> read.reset_index(drop=True)
           a  b
        0  2  4
        1  3  9
        """
        if where is not None and not isinstance(where, Mapping):
            raise OptionError(
                f"where is {where!r:.60}; it should be a dict of columns and values: dict(T=0.3)"
            )
        rows = chosen(self.database.frame(), latest, where or {})
        paths = directories(self.database, self.calc_path, rows)
        return read_artifacts(reader, rows, params_of_rows(self.database, rows), paths, workers)

    def to_xarray(
        self,
        cols: Sequence[str] | None = None,
        dims: Sequence[str] | None = None,
        **where: Any,
    ) -> "xarray.Dataset":
        """Return results as arrays over the axes of the grid, an `xarray.Dataset`.

        Needs ``pip install "psweep_nb[xarray]"``.

        Parameters
        ----------
        cols : sequence of str, optional
            Only these results.
        dims : sequence of str, optional
            The axes; else all parameters that vary (``_repeat`` among them), except those that
            another one fixes, as in ``zip(a, b)``: these become coordinates along it.
        **where
            Only rows with these values, as in `table`.

        Returns
        -------
        xarray.Dataset
            Of psets that are done; of equal ones the newest. Where the grid has none, numbers are
            NaN. Parameters with one value are attributes. A result that is an array, of one shape
            throughout, has dimensions of its own, ``<result>_dim_0`` and so on.

        Raises
        ------
        OptionError
            If there is no such column, xarray is not there, no pset is done, or the rows are no
            grid.

        Examples
        --------
        >>> from psweep_nb import Study, grid
        >>> study = Study()
        >>> df = study.run(lambda a, b: {"c": a * b}, grid(a=[1, 2], b=[10, 20, 30]))
        >>> study.to_xarray()["c"].sel(a=2).values.tolist()
        [20, 40, 60]
        """
        rows = chosen(self.database.frame(), False, where)
        rows = rows[[failed is False for failed in failed_flags(rows)]]
        if not len(rows):
            asked = ", ".join(f"{name}={value!r:.40}" for name, value in where.items())
            raise OptionError(
                f"no pset of {self.calc_dir}/{f' with {asked}' if asked else ''} is done: there is "
                "nothing to make arrays of"
            )
        return to_dataset(rows, params_of_rows(self.database, rows), cols, dims)


def _seqs(runs: "Runs") -> str:
    parts = [(run.info["pset_seq"], run.info["pset_seq"] + run.info["n"] - 1) for run in runs]
    return f"there are {', '.join(f'{a} to {b}' for a, b in parts)}" if parts else "there is none"
