"""What a person edits in the grid editor: rows, one a parameter, and how they are combined.

A draft is a value: each edit gives another one, so nothing is half done and a former one can be
taken up again. What it means, and what is wrong with it, `checking` says.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from psweep_nb.errors import ParamsError
from psweep_nb.ui.editor.entries import KINDS

PATTERNS = ("grid", "star", "sample")
METHODS = ("random", "lhs", "sobol")
MOST_AXES = 200
MOST_TEXT = 200_000  # characters of all rows: the page gets them with each answer
_GIVEN = "given"  # the kind of a row whose values came from code and cannot be typed


@dataclass(frozen=True)
class Axis:
    """One row.

    Attributes
    ----------
    key : int
        By which the page knows the row, whatever its place and name.
    name : str
        Of the parameter.
    kind, text : str
        How its values are written, see `entries`.
    tie : str
        Rows of the same group vary together; empty for none.
    middle : str
        The value around which a star varies the others; empty for the first.
    on : bool
        Whether the row counts.
    given : tuple, optional
        Values that came from code, of the kind ``given``.
    """

    key: int
    name: str = ""
    kind: str = "list"
    text: str = ""
    tie: str = ""
    middle: str = ""
    on: bool = True
    given: tuple[Any, ...] = field(default=(), compare=False)

    @property
    def blank(self) -> bool:
        """Whether nothing is written in it."""
        return not self.name and not self.text.strip() and not self.given


@dataclass(frozen=True)
class Settings:
    """How the rows are combined, each as typed.

    Attributes
    ----------
    pattern : str
        ``grid`` (every combination), ``star`` (one after the other) or ``sample`` (points).
    points, method, seed : str
        Of a sample.
    condition : str
        Only psets for which it holds; empty for all.
    repeats : str
        How often each.
    """

    pattern: str = "grid"
    points: str = "100"
    method: str = "random"
    seed: str = "0"
    condition: str = ""
    repeats: str = "1"


@dataclass(frozen=True)
class Draft:
    """Rows and settings."""

    axes: tuple[Axis, ...] = ()
    settings: Settings = field(default_factory=Settings)

    def axis(self, key: int) -> Axis:
        """The row of that key.

        Raises
        ------
        ParamsError
            If there is none (any more).
        """
        for axis in self.axes:
            if axis.key == key:
                return axis
        raise ParamsError("this row is gone")

    def add(self, after: int | None = None, key: int | None = None, **fields: Any) -> Draft:
        """With one more row, below the one of the key `after`, else at the end.

        Its key is `key`, if the page has made one up.
        """
        if len(self.axes) >= MOST_AXES:
            raise ParamsError(f"no more than {MOST_AXES} rows; make such grids in code")
        at = len(self.axes) if after is None else self.axes.index(self.axis(after)) + 1
        if any(axis.key == key for axis in self.axes):
            raise ParamsError(f"there is a row {key} already")
        made = Axis(self._free_key() if key is None else key, **fields)
        return self._with((*self.axes[:at], made, *self.axes[at:]))

    def duplicate(self, key: int) -> Draft:
        """With a copy of a row below it, under a free name."""
        axis = self.axis(key)
        taken = {other.name for other in self.axes}
        number = next(n for n in range(2, len(taken) + 3) if f"{axis.name}_{n}" not in taken)
        name = f"{axis.name}_{number}" if axis.name else ""
        fields = {f: getattr(axis, f) for f in ("kind", "text", "tie", "middle", "on", "given")}
        return self.add(key, name=name, **fields)

    def remove(self, key: int) -> Draft:
        """Without a row."""
        gone = self.axis(key)
        return replace(self, axes=tuple(axis for axis in self.axes if axis is not gone))

    def move(self, key: int, by: int) -> Draft:
        """With a row some places further down (or up); at the ends it stays."""
        axes = list(self.axes)
        at = axes.index(self.axis(key))
        to = max(0, min(len(axes) - 1, at + by))
        axes.insert(to, axes.pop(at))
        return replace(self, axes=tuple(axes))

    def change(self, key: int, **fields: Any) -> Draft:
        """With some fields of a row changed.

        Raises
        ------
        ParamsError
            If a value is none that the field can have.
        """
        axis = self.axis(key)
        if fields.get("kind", _GIVEN) not in (*KINDS, _GIVEN):
            raise ParamsError(f"a row has no kind {fields['kind']!r}; it has {', '.join(KINDS)}")
        if fields.get("kind", axis.kind) != _GIVEN:
            fields["given"] = ()
        changed = replace(axis, **fields)
        return replace(self, axes=tuple(changed if other is axis else other for other in self.axes))

    def set(self, **fields: str) -> Draft:
        """With some settings changed.

        Raises
        ------
        ParamsError
            If there is no such pattern or method.
        """
        for name, known in (("pattern", PATTERNS), ("method", METHODS)):
            if fields.get(name, known[0]) not in known:
                raise ParamsError(f"{name} is {fields[name]!r}; it is one of {', '.join(known)}")
        return replace(self, settings=replace(self.settings, **fields))

    def ties(self) -> dict[str, list[Axis]]:
        """The groups of rows that vary together; those alone in a group are in none."""
        groups: dict[str, list[Axis]] = {}
        for axis in self.axes:
            if axis.tie and axis.on and not axis.blank:
                groups.setdefault(axis.tie, []).append(axis)
        return {name: axes for name, axes in groups.items() if len(axes) > 1}

    def _with(self, axes: tuple[Axis, ...]) -> Draft:
        if sum(len(axis.name) + len(axis.text) + len(axis.middle) for axis in axes) > MOST_TEXT:
            raise ParamsError(
                f"more than {MOST_TEXT} characters in all rows: put values into variables and"
                " choose the kind expression"
            )
        return replace(self, axes=axes)

    def _free_key(self) -> int:
        return max((axis.key for axis in self.axes), default=0) + 1


def of_axes(axes: Mapping[str, Any]) -> Draft:
    """The draft of what `psweep_nb.grid` is given: values of each parameter, or a constant."""
    from psweep_nb.ui.editor import entries

    draft = Draft()
    for name, value in axes.items():
        entry = entries.Entry((), "", value)
        values = entries.as_grid_does(name, entry)
        several = not isinstance(value, str | bytes) and hasattr(value, "__iter__")
        draft = draft.add(name=name, **fields_of(values, constant=not several))
    return draft


def fields_of(values: Any, *, constant: bool = False) -> dict[str, Any]:
    """Kind and text of a row that has these values."""
    from psweep_nb.ui.editor import typed

    if isinstance(values, range):
        parts = [values.start, values.stop, *([values.step] if values.step != 1 else [])]
        return {"kind": "range", "text": ", ".join(map(str, parts))}
    try:
        if constant:
            return {"kind": "constant", "text": typed.write(values[0])}
        return {"kind": "list", "text": typed.write_several(list(values))}
    except ParamsError:
        return {"kind": _GIVEN, "given": tuple(values)}
