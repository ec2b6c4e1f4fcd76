"""What a panel is asked to show: which psets, in which order, which columns, which plot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from psweep_nb.errors import OptionError
from psweep_nb.ui import filters
from psweep_nb.ui.columns import OWN, Columns
from psweep_nb.ui.listing import STATES


@dataclass(frozen=True)
class Query:
    """Columns are given by their ids.

    Attributes
    ----------
    state : str
        One of `listing.STATES`.
    sort : str
        A column; empty for the newest first.
    descending : bool
    filter : str
        As it was typed, see `filters.parse`.
    kind : str
        Only failures of this kind, see `errorkinds.kind_of`.
    columns : tuple of str or None
        Those to show; None for as many as fit.
    colour : str
        A column of numbers whose cells are coloured.
    plot : bool
        Whether there is a plot, of the columns `x` and `y` (empty: what suggests itself).
    """

    state: str = "all"
    sort: str = ""
    descending: bool = False
    filter: str = ""
    kind: str = ""
    columns: tuple[str, ...] | None = None
    colour: str = ""
    plot: bool = False
    x: str = ""
    y: str = ""

    def as_dict(self) -> dict[str, Any]:
        """JSON-able; `parse` reads it back."""
        return asdict(self)


def parse(asked: object, known: Columns) -> Query:
    """The query in a message from the page.

    Raises
    ------
    OptionError
        If it is none, or its filter cannot be understood.

    Examples
    --------
    >>> parse({"state": "failed"}, Columns()).state
    'failed'
    """
    if not isinstance(asked, Mapping):
        raise OptionError(f"a query should be an object, not {type(asked).__name__}")
    unknown = set(asked) - set(Query.__dataclass_fields__)
    if unknown:
        raise OptionError(f"a query has no {sorted(map(str, unknown))[0][:40]!r}")
    for name, value in asked.items():
        if name == "columns":
            _check_columns(value)
        elif type(value) is not type(getattr(Query, name)):
            raise OptionError(f"{name} of a query is {value!r:.40}")
    fields: dict[str, Any] = {k: _plain(v) for k, v in asked.items()}
    query = Query(**fields)
    if query.state not in STATES:
        raise OptionError(f"state is {query.state[:40]!r}; it should be one of {', '.join(STATES)}")
    for name in ("sort", "colour", "x", "y"):
        column = getattr(query, name)
        if column and column not in OWN and known.name_of(column) is None:
            raise OptionError(f"{name}: there is no column {column[:40]!r}")
    filters.parse(query.filter, known.by_shown_name())
    return query


def _plain(value: Any) -> Any:
    """A value that can be sent to the page again: without halves of characters."""
    if isinstance(value, list):
        return tuple(map(_plain, value))
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def _check_columns(value: object) -> None:
    if value is not None and not (
        isinstance(value, list) and len(value) < 1000 and all(isinstance(c, str) for c in value)
    ):
        raise OptionError(f"columns of a query are {value!r:.40}; a list of ids is expected")
