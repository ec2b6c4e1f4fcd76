"""What `run_local` does with each row as its pset ends: a line on the screen, a file of its own."""

import reprlib
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from psweep_nb import frames
from psweep_nb.errors import OptionError
from psweep_nb.files import replace_file
from psweep_nb.tidy import error_line

OnRow = Callable[[pd.DataFrame], object]

_repr = reprlib.Repr()
_repr.maxstring = _repr.maxother = 60


def check_verbose(verbose: object) -> None:
    """Raise `OptionError` if this is neither a bool nor a list of columns."""
    if isinstance(verbose, bool):
        return
    is_list = isinstance(verbose, Sequence) and not isinstance(verbose, str | bytes)
    if not is_list or not all(isinstance(name, str) for name in verbose):  # type: ignore[attr-defined]
        raise OptionError(
            f"verbose is {verbose!r}; it should be True, False, or a list of columns, such as "
            "['a', 'b']"
        )


def line_of(row: pd.DataFrame, columns: Sequence[str] | None = None) -> str:
    """Return a row as a line: these columns, else all that are no book-keeping, and the end.

    Examples
    --------
    >>> line_of(pd.DataFrame({"_pset_seq": [3], "_failed": [False], "a": [1], "b": ["x"]}))
    "pset 3: a=1, b='x', done"
    """
    values: dict[Any, Any] = {name: column.iloc[0] for name, column in row.items()}
    if columns is None:
        shown = [name for name in values if not str(name).startswith("_")]
    else:
        shown = list(columns)
    parts = [f"{name}={_shortly(values.get(name, pd.NA))}" for name in shown]
    if columns is None:
        parts.append(_end_of(values))
    return f"pset {values['_pset_seq']}: {', '.join(parts)}"


def _end_of(values: dict[Any, Any]) -> str:
    runtime = values.get("_pset_runtime")
    seconds = "" if runtime is None else f" in {runtime:.3g} s"
    if not values["_failed"]:
        return f"done{seconds}"
    return f"failed{seconds}: {error_line(str(values.get('_exc_txt', '')))[:200]}"


def _shortly(value: Any) -> str:
    value = value.item() if type(value).__module__ == "numpy" and value.ndim == 0 else value
    return " ".join(_repr.repr(value).split())


def print_rows(columns: Sequence[str] | None) -> OnRow:
    """Return what prints a line for each row."""
    return lambda row: print(line_of(row, columns))


def save_rows(folder: Path) -> OnRow:
    """Return what writes each row to ``<folder>/<run_id>/<pset_id>.pk``, a table of one row.

    The journal has the row already: a file that cannot be written is said, once, and costs no run.
    """
    failed = False

    def save(row: pd.DataFrame) -> None:
        nonlocal failed
        path = folder / row["_run_id"].iloc[0] / f"{row['_pset_id'].iloc[0]}.pk"
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            replace_file(path, lambda file: frames.dump(row, file), lasting=False)
        except Exception as exc:
            if not failed:
                warnings.warn(
                    f"tmpsave: {path} is not written ({exc}); the table has its row all the same",
                    stacklevel=2,
                )
            failed = True

    return save
