"""What a script needs before it can call a function: imports, helpers and constants as written.

Found when a run is submitted, while the notebook is there, and kept with the run; `script` writes
it out. A name is followed to the statement that gave it its value, and to all that this reads.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from psweep_nb.functions.bindings import Imported
from psweep_nb.functions.search import Search, names_around
from psweep_nb.functions.source import name_of
from psweep_nb.functions.workload import Workload


@dataclass(frozen=True)
class Needed:
    """What a script needs; stored as JSON.

    Attributes
    ----------
    function, setup
        Expressions for the function and for what makes its keyword `setup` ("" for none).
    imports
        Module, name in it ("" for the module itself), and alias ("" for none) of each.
    code
        Statements in order: ``names`` they bind, ``text``, whether they stand ``apart`` and are a
        ``block`` (a function or class).
    missing
        What has no source: its ``name``, ``where`` it is read, and ``why``.
    anew
        Variables that are made again by calls whose result may be another.
    homes
        Of local modules the directory from which they are imported.
    templates
        Directory of a command's templates, "" for none.
    annotations
        Whether ``from __future__ import annotations`` was in force.
    """

    function: str = ""
    setup: str = ""
    imports: list[list[str]] = field(default_factory=list)
    code: list[dict[str, Any]] = field(default_factory=list)
    missing: list[dict[str, str]] = field(default_factory=list)
    anew: list[str] = field(default_factory=list)
    homes: dict[str, str] = field(default_factory=dict)
    annotations: bool = False
    templates: str = ""

    def to_json(self) -> dict[str, Any]:
        """This as JSON can hold it."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> "Needed":
        """What `to_json` wrote; raises `TypeError` for what it did not."""
        return cls(**data)

    @property
    def names(self) -> set[str]:
        """All names it binds."""
        bound = {name for part in self.code for name in part["names"]}
        return bound | {Imported(*entry).binds for entry in self.imports}


def needed_by(func: Callable[..., Any], setup: Callable[..., Any] | None = None) -> Needed:
    """What a script needs to call a function; never raises.

    Examples
    --------
    >>> import math
    >>> needed_by(math.sqrt).imports
    [['math', 'sqrt', '']]
    """
    try:
        search = Search(names_around(func))
        expression = search.function(func, "the function")
        made_by = "" if setup is None else search.function(setup, "setup")
        found = _found(search, expression, made_by)
        if isinstance(func, Workload):
            return replace(found, templates=str(func.written().get("templates", "")))
        return found
    except Exception as error:  # nothing odd in a function may stop a run
        why = f"its code cannot be followed ({type(error).__name__}: {error})"
        return Needed(missing=[{"name": name_of(func), "where": "", "why": why}])


def needed_for(text: str, names: dict[str, Any], given: Iterable[str]) -> Needed:
    """What a cell needs to run in a script; names that are `given` are not followed."""
    try:
        search = Search(names)
        search.cell(text, set(given))
        return _found(search)
    except Exception as error:
        why = f"its code cannot be followed ({type(error).__name__}: {error})"
        return Needed(missing=[{"name": "the cell", "where": "", "why": why}])


def _found(search: Search, function: str = "", setup: str = "") -> Needed:
    code = [part._asdict() for part in search.ordered()]
    return Needed(
        function,
        setup,
        search.imports(),
        code,
        search.missing,
        search.anew,
        search.homes,
        search.has_future_annotations(),
    )
