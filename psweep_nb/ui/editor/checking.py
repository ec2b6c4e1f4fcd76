"""What a draft means: its psets, how many and why so many, and what is wrong at which field.

Called by the editor after each edit, so nothing is built that only needs to be counted.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from psweep_nb.errors import ParamsError, PsweepError
from psweep_nb.params import grid, pgrid
from psweep_nb.patterns import repeat, stargrid, where
from psweep_nb.psets import Pset
from psweep_nb.spaces import sample
from psweep_nb.ui import texts
from psweep_nb.ui.editor import entries, typed
from psweep_nb.ui.editor.draft import Axis, Draft
from psweep_nb.ui.editor.entries import Entry
from psweep_nb.ui.editor.psetlists import Combinations, Repeats

MOST = 1_000_000  # psets
MOST_BUILT = 50_000  # of what has to be built to be counted: conditions, samples, stars


class NotComputed(ParamsError):
    """An expression that the user has not asked for yet."""


class Reader:
    """Reads rows, and remembers what expressions gave: they are computed when asked only.

    Parameters
    ----------
    names : mapping
        The notebook's names.
    """

    def __init__(self, names: Mapping[str, Any]) -> None:
        self._names = names
        self._computed: dict[str, Any] = {}

    def compute(self, axis: Axis) -> None:
        """Evaluate a row's expression with the notebook's names as they are now."""
        if axis.kind != "expression":
            return
        try:
            found: Any = entries.read("expression", axis.name, axis.text, self._names)
        except ParamsError as error:
            found = error
        self._computed[axis.text] = found

    def read(self, axis: Axis) -> Entry:
        """The values of a row.

        Raises
        ------
        NotComputed
            If it is an expression that was never computed.
        ParamsError
            What is wrong with it.
        """
        if axis.kind == "given":
            return Entry(axis.given, "", list(axis.given))
        if axis.kind != "expression":
            return entries.read(axis.kind, axis.name, axis.text, {})
        if axis.text not in self._computed:
            raise NotComputed("press Enter to compute it")
        found = self._computed[axis.text]
        if isinstance(found, ParamsError):
            raise found
        assert isinstance(found, Entry)
        return found

    def forget_others(self, draft: Draft) -> None:
        """Keep what belongs to a draft: values may be large."""
        texts_in_use = {axis.text for axis in draft.axes}
        self._computed = {t: v for t, v in self._computed.items() if t in texts_in_use}


@dataclass
class Checked:
    """What a draft means.

    Attributes
    ----------
    psets : sequence of dict, or None
        None while something is wrong; made one at a time where that can be.
    count : int
        How many; 0 while something is wrong.
    arithmetic : str
        Why so many: ``3 x 4 x (5 tied) = 60``; empty where there is nothing to say.
    problems : dict
        What is wrong and what would be right, by field: ``3.text``, ``settings.seed``.
    waiting : set of int
        Rows whose expression was not computed yet.
    lengths : dict
        How many values each row has.
    entries : dict
        What was read, by row, in their order.
    """

    psets: Sequence[Pset] | None = None
    count: int = 0
    arithmetic: str = ""
    problems: dict[str, str] = field(default_factory=dict)
    waiting: set[int] = field(default_factory=set)
    lengths: dict[int, int] = field(default_factory=dict)
    entries: dict[int, Entry] = field(default_factory=dict)

    def built(self) -> list[Pset]:
        """The psets as a list.

        Raises
        ------
        ParamsError
            If something is wrong, naming the first.
        """
        if self.psets is None:
            raise ParamsError(f"the editor has an entry to correct: {self.first_problem()}")
        return list(self.psets)

    def first_problem(self) -> str:
        """What is wrong first, in one sentence."""
        return next(iter(self.problems.values()), "")


def check(draft: Draft, reader: Reader) -> Checked:
    """Read a draft.

    Parameters
    ----------
    draft : Draft
    reader : Reader
    """
    found = Checked()
    rows = [axis for axis in draft.axes if axis.on and not axis.blank]
    _read_rows(rows, reader, found)
    if draft.settings.pattern != "sample":
        for axis in rows:
            if axis.kind == "between":
                found.problems[f"{axis.key}.kind"] = (
                    "between is for samples: choose linspace, or the pattern sample"
                )
    _check_ties(draft, found)
    numbers = _numbers(draft, found)
    if found.problems:
        # The others wait for the psets; what is no expression is wrong with any.
        _check_condition(draft, found)
        return found
    with warnings.catch_warnings(action="ignore"):  # given where the code is run
        try:
            _combine(draft, rows, numbers, found)
        except _WrongSetting as wrong:
            found.problems[f"settings.{wrong.name}"] = str(wrong)
            found.psets, found.count = None, 0
    return found


class _WrongSetting(Exception):
    def __init__(self, name: str, error: object) -> None:
        text = str(error)
        for prefix in ("where: ", "repeat: ", "sample: ", "stargrid: "):
            text = text.removeprefix(prefix)
        super().__init__(text)
        self.name = name


def _read_rows(rows: Sequence[Axis], reader: Reader, found: Checked) -> None:
    seen: set[str] = set()
    for axis in rows:
        if problem := _name_problem(axis.name, seen):
            found.problems[f"{axis.key}.name"] = problem
            axis = replace(axis, name="values")  # what is wrong with these is another matter
        seen.add(axis.name)
        try:
            entry = found.entries[axis.key] = reader.read(axis)
        except ParamsError as error:
            found.problems[f"{axis.key}.text"] = str(error)
            if isinstance(error, NotComputed):
                found.waiting.add(axis.key)
        else:
            if axis.kind != "between":
                found.lengths[axis.key] = len(entry.values)


def _name_problem(name: str, seen: set[str]) -> str:
    if name in seen:
        return f"{texts.line(name, 60)!r} is the name of another row"
    try:
        grid(**{name: [0]})
    except ParamsError as error:
        return str(error).removeprefix("grid: ")
    return ""


def _check_ties(draft: Draft, found: Checked) -> None:
    if draft.settings.pattern == "sample":
        return
    for axes in draft.ties().values():
        known = [axis for axis in axes if axis.key in found.lengths]
        for axis in known[1:]:
            first, length = known[0], found.lengths[axis.key]
            if length != (wanted := found.lengths[first.key]):
                found.problems.setdefault(
                    f"{axis.key}.text",
                    f"tied rows have as many values: {texts.line(first.name, 40)} has {wanted},"
                    f" this has {length}",
                )


@dataclass(frozen=True)
class _Numbers:
    points: int
    seed: int
    repeats: int


def _numbers(draft: Draft, found: Checked) -> _Numbers:
    settings, sampled = draft.settings, draft.settings.pattern == "sample"
    values = {"points": 1, "seed": 0, "repeats": 1}
    wanted = {"points": 1, "seed": 0} if sampled else {}
    for name, least in {**wanted, "repeats": 1}.items():
        text = getattr(settings, name).strip()
        # isdecimal knows other scripts' digits, as int does
        number = int(text) if text.isdecimal() and len(text) < 19 else -1
        if number < least:
            found.problems[f"settings.{name}"] = f"a whole number from {least} on, such as 10"
        values[name] = number
    return _Numbers(**values)


def _combine(draft: Draft, rows: list[Axis], numbers: _Numbers, found: Checked) -> None:
    """Fill in psets, count and arithmetic."""
    settings = draft.settings
    if not rows:
        found.psets = []
        return
    make = {"grid": _grid, "star": _star, "sample": _sample}[settings.pattern]
    psets, why = make(draft, rows, numbers, found)
    if found.problems:
        return
    count = len(psets)
    condition = settings.condition.strip()
    if condition:
        psets = _where(psets, condition)
        why = f"{why or texts.count(count)}, {texts.count(len(psets))} with {condition}"
    if numbers.repeats > 1:
        joint = f", each {numbers.repeats} times" if condition else f" x {numbers.repeats} repeats"
        why = f"{why.partition(' = ')[0] if not condition else why}{joint}"
        _check_count(len(psets) * numbers.repeats, "repeats")
        psets = _repeated(psets, numbers.repeats)
        why = f"{why} = {texts.count(len(psets))}"
    found.psets, found.count, found.arithmetic = psets, len(psets), why


def _grid(
    draft: Draft, rows: list[Axis], _numbers: _Numbers, found: Checked
) -> tuple[Sequence[Pset], str]:
    loops = [
        {axis.name: found.entries[axis.key].values for axis in loop} for loop in loops_of(draft)
    ]
    lengths = [len(next(iter(loop.values()))) for loop in loops]
    count = math.prod(lengths)
    _check_count(count, "pattern")
    factors = [
        f"({length} tied)" if len(loop) > 1 else str(length)
        for loop, axes, length in zip(loops, loops_of(draft), lengths, strict=True)
        if axes[0].kind != "constant"
    ]
    why = f"{' x '.join(factors)} = {texts.count(count)}" if len(factors) > 1 else ""
    return Combinations(loops), why or (factors[0] if factors else "1")


def loops_of(draft: Draft) -> list[list[Axis]]:
    """The rows that count, those that vary together in one list, in the order of their first."""
    ties = draft.ties()
    loops: list[list[Axis]] = []
    for axis in draft.axes:
        if not axis.on or axis.blank:
            continue
        group = ties.get(axis.tie, [axis])
        if group[0] is axis:
            loops.append(group)
    return loops


def _star(
    draft: Draft, rows: list[Axis], _numbers: _Numbers, found: Checked
) -> tuple[Sequence[Pset], str]:
    arms = [
        pgrid([zip(*(grid(**{a.name: found.entries[a.key].raw}) for a in arm), strict=False)])
        for arm in arms_of(draft)
    ]
    if not arms:
        raise _WrongSetting("pattern", "a star varies rows, and all are constants")
    _check_count(sum(map(len, arms)), "pattern", MOST_BUILT)
    middle = middle_of(rows, found)
    if found.problems:
        return [], ""
    psets = stargrid(middle, arms)
    twice = sum(map(len, arms)) - len(psets)
    why = " + ".join(str(len(arm)) for arm in arms)
    why += f" - {twice} (there already)" if twice else ""
    return psets, f"{why} = {texts.count(len(psets))}" if len(arms) > 1 or twice else why


def arms_of(draft: Draft) -> list[list[Axis]]:
    """The loops that a star varies, one after the other."""
    return [loop for loop in loops_of(draft) if any(axis.kind != "constant" for axis in loop)]


def middle_of(rows: Sequence[Axis], found: Checked) -> Pset:
    """The middle of the star: what was typed for it, else the first value."""
    middle = {}
    for axis in rows:
        if axis.kind == "constant" or not axis.middle.strip():
            middle[axis.name] = found.entries[axis.key].values[0]
            continue
        try:
            middle[axis.name] = typed.read(axis.middle)
        except ParamsError as error:
            found.problems[f"{axis.key}.middle"] = str(error)
    return middle


def _sample(
    draft: Draft, rows: list[Axis], numbers: _Numbers, found: Checked
) -> tuple[Sequence[Pset], str]:
    axes = {axis.name: sampled(axis, found.entries[axis.key])[0] for axis in rows}
    _check_count(numbers.points, "points", MOST_BUILT)
    method = draft.settings.method
    try:
        psets = sample(axes, numbers.points, method, numbers.seed)
    except PsweepError as error:
        raise _WrongSetting("method", error) from None
    except ValueError as error:  # scipy's: a Sobol sequence has its limits
        raise _WrongSetting("points", error) from None
    return psets, f"{texts.count(len(psets))} points"


def sampled(axis: Axis, entry: Entry) -> tuple[Any, bool]:
    """What `psweep_nb.sample` gets for a row, and whether that is a list made of it.

    There a pair is an interval, and an iterable that is neither list nor array a constant.
    """
    raw = entry.raw
    dimensions = getattr(raw, "ndim", None)
    choices = isinstance(raw, list | range) or dimensions == 1
    constant = isinstance(raw, str | bytes) or not hasattr(raw, "__iter__") or dimensions == 0
    if axis.kind != "expression" or choices or constant:
        return raw, False
    return list(raw), True


def _where(psets: Sequence[Pset], condition: str) -> Sequence[Pset]:
    _check_count(len(psets), "condition", MOST_BUILT)
    try:
        kept = where(psets, condition)
    except ParamsError as error:
        raise _WrongSetting("condition", error) from None
    if not kept:
        raise _WrongSetting("condition", f"it holds for none of {texts.psets(len(psets))}")
    return kept


def _check_condition(draft: Draft, found: Checked) -> None:
    if condition := draft.settings.condition.strip():
        try:
            where([], condition)
        except ParamsError as error:
            found.problems["settings.condition"] = str(error).removeprefix("where: ")


def _repeated(psets: Sequence[Pset], n: int) -> Sequence[Pset]:
    try:
        repeat([psets[0], psets[-1]], 1)
    except ParamsError as error:
        raise _WrongSetting("repeats", error) from None
    return Repeats(psets, n)


def _check_count(count: int, field_name: str, most: int = MOST) -> None:
    if count > most:
        raise _WrongSetting(
            field_name,
            f"{texts.count(count)} psets; here at most {texts.count(most)}, more in code",
        )
