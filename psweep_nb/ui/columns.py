"""The columns of a run's table: found in its psets and results as they come, each with an id.

A page names a column by its id, since a name may be anything, and a megabyte of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from psweep_nb.ui import texts

MOST_SHOWN = 30
MOST_KNOWN = 500
OWN = ("pset", "state", "runtime", "error")  # ids of those every run has


class Columns:
    """Parameters and results that have been seen.

    Parameters
    ----------
    params : iterable of str
        Names of the parameters, in the order of their columns.

    Examples
    --------
    >>> columns = Columns(["a", "b"])
    >>> columns.know({"a": 1}, {"a": 2, "loss": 0.5})
    >>> columns.shown(), columns.id_of("loss"), columns.name_of("c2")
    (['a', 'b', 'loss'], 'c2', 'loss')
    """

    def __init__(self, params: Iterable[str] = ()) -> None:
        self._ids: dict[str, str] = {}
        self._names: dict[str, str] = {}
        self._kinds: dict[str, str] = {}
        self._numeric: dict[str, bool] = {}
        self._seen: tuple[object, object] = (None, None)
        for name in params:
            self._add(name, "param")

    def know(self, pset: Mapping[str, Any], results: Mapping[str, Any]) -> None:
        """Take the names of a row; results that are parameters changed in place stay those."""
        if self._seen == (pset.keys(), results.keys()):
            return
        self._seen = (pset.keys(), results.keys())
        for name in pset:
            self._add(name, "param")
        for name in results:
            self._add(name, "result")

    def _add(self, name: str, kind: str) -> None:
        if name not in self._ids and len(self._ids) < MOST_KNOWN:
            column = f"c{len(self._ids)}"
            self._ids[name], self._names[column], self._kinds[name] = column, name, kind

    def note_number(self, name: str, is_number: bool) -> None:
        """Remember whether all values seen so far are numbers."""
        self._numeric[name] = self._numeric.get(name, True) and is_number

    def is_numeric(self, name: str) -> bool:
        """Whether all values seen so far are numbers, and there are some."""
        return self._numeric.get(name, False)

    def id_of(self, name: str) -> str:
        """The id of a name that is known."""
        return self._ids[name]

    def name_of(self, column: object) -> str | None:
        """The name behind an id; None where it is none of ours."""
        return self._names.get(column) if isinstance(column, str) else None

    def is_param(self, name: str) -> bool:
        """Whether it is a parameter."""
        return self._kinds.get(name) == "param"

    def names(self, kind: str = "") -> list[str]:
        """Parameters, then results, each in the order in which they were found."""
        kinds = [kind] if kind else ["param", "result"]
        return [name for k in kinds for name in self._ids if self._kinds[name] == k]

    def shown(self, chosen: Sequence[str] | None = None) -> list[str]:
        """Names to show: those chosen (ids), else as many as fit, a third kept for results."""
        if chosen is not None:
            wanted = set(chosen)
            return [n for n in self.names() if self._ids[n] in wanted][:MOST_SHOWN]
        params, results = self.names("param"), self.names("result")
        params = params[: max(MOST_SHOWN - len(results), MOST_SHOWN * 2 // 3)]
        return [*params, *results[: MOST_SHOWN - len(params)]]

    def describe(self, names: Iterable[str]) -> list[dict[str, Any]]:
        """Columns as the page shows them."""
        return [
            {
                "id": self._ids[name],
                "name": texts.line(name, 80),
                "kind": self._kinds[name],
                "numeric": self.is_numeric(name),
            }
            for name in names
        ]

    def by_shown_name(self) -> dict[str, str]:
        """What a person calls a column, to its id; a column of the user's wins."""
        found = {name: name for name in OWN}
        for name in reversed(self.names()):
            found[texts.line(name, 80)] = self._ids[name]
        return found
