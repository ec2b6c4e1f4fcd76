"""What a study does with its table: give it, add to it, take rows out and put them back.

`Study` inherits it; what it means is in `tidy`, `exact`, `upkeep` and `compaction`.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from psweep_nb import compaction, frames, upkeep
from psweep_nb.database import Database
from psweep_nb.errors import OptionError
from psweep_nb.exact import psets_of_rows
from psweep_nb.tidy import chosen, tidy_table

if TYPE_CHECKING:
    from psweep_nb.runs import Run


class TableMethods:
    """The part of a `Study` that is about its table."""

    database: Database
    _runs: "dict[str, Run]"

    @property
    def df(self) -> pd.DataFrame:
        """A fresh snapshot: the table, and all that runs have brought since it was written."""
        return frames.snapshot(self.database.frame())

    def table(
        self, cols: Sequence[str] | None = None, *, latest: bool = False, **where: Any
    ) -> pd.DataFrame:
        """Return the tidy view: parameters, results, `state` (`_state` where you have a `state`).

        Of the columns of `df` that begin with an underscore it has `_repeat`, where there is one.

        Parameters
        ----------
        cols : sequence of str, optional
            Only these columns, in this order; any of `df`, too.
        latest : bool
            Of each set of equal parameters only the newest row; of `repeat`, of each of its
            repeats.
        **where
            Only rows in which these columns have these values. A list means any of its values,
            unless a row has the very list: ``lr=[0.1, 0.3]``, ``state="done"``.

        Raises
        ------
        OptionError
            If there is no such column.
        """
        return tidy_table(self.database.frame(), cols, latest, where)

    def params(self, *, latest: bool = False, **where: Any) -> list[dict[str, Any]]:
        """Return the psets of the rows, exactly as they were given.

        They come from the runs' records, so types are kept, too. What has no row yet is in
        `Run.params`.

        Parameters
        ----------
        latest, **where
            Which rows, see :meth:`table`.

        Returns
        -------
        list of dict
            One a row, in the table's order. A study given as params stands for these.

        Raises
        ------
        OptionError
            If there is no such column.
        """
        rows = chosen(self.database.frame(), latest, where)
        return psets_of_rows(self.database, rows)

    def rebuild(self, deleted: bool = False) -> pd.DataFrame:
        """Put rows that vanished from the table back, from the journals; return the table.

        Rows that are there stay as they are, the user's changes too.

        Parameters
        ----------
        deleted : bool
            Put back what `delete` took, too, unless `compact` has removed it from the disk.
        """
        self.database.rebuild(deleted)
        return self.df

    def delete(self, rows: Any = None, /, **where: Any) -> int:
        """Delete rows from the table; their psets are then new again.

        Nothing but ``rebuild(deleted=True)``, or running the psets again, brings them back.

        Parameters
        ----------
        rows : DataFrame, ids, mask or callable
            Rows of `df`, such as ``df[df.loss > 3]``; one or several `_pset_id`; a truth value a
            row; or a function that makes one from the table.
        **where
            Only rows in which these columns have these values, as in `table`.

        Returns
        -------
        int
            How many rows were deleted.

        Raises
        ------
        OptionError
            If it is not clear which rows, or one of them is not there; then none is deleted.
        """
        return upkeep.delete(self.database, rows, where)

    def compact(self) -> int:
        """Remove from the disk what nothing needs any more; return how many bytes that saved.

        These are attempts that later ones have replaced, the results of deleted rows (for good
        now), and stored functions of which nothing is left to do. All that finished stays in the
        journals, and psets, logs, and what `resume` and `retry` need.

        Raises
        ------
        StudyError
            If a run is at work.
        """
        saved = compaction.compact(self.database)
        for run in self._runs.values():  # they know where records were
            vars(run).pop("view", None)
        return saved

    def update(self, columns: Any = None, /, **named: Any) -> pd.DataFrame:
        """Add derived columns to the table, or change results; return the table.

        Rows that arrive while it computes are kept, without a value in the new columns. Nor
        have rows that arrive later one, until it is called again.

        Parameters
        ----------
        columns : dict or callable
            Columns by name; or a function that gets a copy of the table and returns such a dict,
            or the table with columns added or changed.
        **named
            Columns, as in ``df.assign``: values, one for all rows, or a function of the table.

        Raises
        ------
        OptionError
            If a column is book-keeping or a parameter, or has other rows than the table.

        Examples
        --------
        >>> from psweep_nb import Study
        >>> study = Study()
        >>> df = study.run(lambda a: {"loss": a / 2}, [{"a": 1}, {"a": 2}])
        >>> study.update(ratio=lambda df: df.loss / df.a)["ratio"].tolist()
        [0.5, 0.5]
        """
        if (columns is None) == (not named):
            raise OptionError("update() takes a dict or function, or columns by name")
        params = {name for run in self.database.runs() for name in run.info["params"]}
        upkeep.update(self.database, named if columns is None else columns, params)
        return self.df
