"""From a list of psets to the short Python that makes it: grids, ties, constants, repeats.

`params_to_code` is for people and for what writes scripts. Values become text first (`literals`);
which loops make the list is found on these texts (`factors`), so nothing is taken for
the same that differs in value or type.
"""

import keyword
import unicodedata
import warnings
from bisect import bisect_right
from collections.abc import Callable, Hashable, Sequence
from itertools import groupby
from typing import Any, NamedTuple

from psweep_nb.errors import ParamsError
from psweep_nb.factors import loops_of
from psweep_nb.hashing import pset_keys, sha1_digests
from psweep_nb.layout import WIDTH, Code, Group, flat, length, rendered
from psweep_nb.literals import CannotWrite, Writer, text_literal
from psweep_nb.patterns import repeat
from psweep_nb.psets import Pset, check_params
from psweep_nb.spaces import intspace, logspace

# A single one of these is a constant for `grid`; others go into a list of one.
_CONSTANTS = (bool, int, float, complex, str, bytes, type(None))


def params_to_code(params: Any) -> str:
    """The Python that makes these psets, as short as it can be found.

    Grids, parameters that vary together (ties), constants, repeats, and axes that are a
    ``range``, ``linspace``, ``logspace`` or ``intspace`` to the last bit are recognised; what has
    no such form is written out.

    Parameters
    ----------
    params : iterable of dict, DataFrame, path of a CSV file, Study, Run
        The psets; of a study each one once, however often it was run.

    Returns
    -------
    str
        Imports, and an assignment to ``params``. Executing it gives equal psets in the same order,
        with values of the same types. Classes and functions of the notebook itself are named in a
        comment: they have to be there.

    Raises
    ------
    ParamsError
        Naming the pset and the parameter, if there is no code for a value (an open file, a
        lambda).

    Examples
    --------
    >>> from psweep_nb import grid
    >>> print(params_to_code(grid(a=range(20), b=[0.5, 2.5], c="const")))
    import psweep_nb as ps
    <BLANKLINE>
    params = ps.grid(a=range(20), b=[0.5, 2.5], c="const")
    """
    psets = check_params(params)
    if hasattr(type(params), "runs"):  # a study, which has a row for each time
        psets = _each_once(psets)
    code = code_of_params(psets, around=len("params = "))
    head = list(code.imports)
    if code.own:
        head.append(f"# yours, to be defined before: {', '.join(code.own)}")
    return "\n".join([*head, "", ""] if head else []) + f"params = {code.expression}"


def _each_once(psets: Sequence[Pset]) -> list[Pset]:
    with warnings.catch_warnings(action="ignore"):  # of psets without a hash: they stay
        keys = pset_keys(psets, sha1_digests(psets))
    first: dict[Hashable, Pset] = {}
    for number, (key, pset) in enumerate(zip(keys, psets, strict=True)):
        first.setdefault(number if key is None else key, pset)
    return list(first.values())


class ParamsCode(NamedTuple):
    """The expression that makes psets, what it imports, and names of the notebook it uses."""

    imports: list[str]
    own: list[str]
    expression: str


def code_of_params(
    params: Any, indent: int = 0, around: int = 0, cuts: Sequence[int] = ()
) -> ParamsCode:
    """What `params_to_code` is made of.

    Parameters
    ----------
    params
        The psets.
    indent, around : int
        As for `layout.rendered`.
    cuts : sequence of int
        Numbers of psets with which something new begins: what is before is code of its own.
    """
    psets = check_params(params)
    writer = Writer()
    tables = [
        _Table(list(keys), _columns(psets, start, stop, keys, writer))
        for keys, start, stop in _stretches(psets, cuts)
    ]
    literal = Group("[", [row for table in tables for row in table.rows()], "]")
    imports = set(writer.imports)
    code = [_code(table, writer) for table in tables]
    if code and sum(map(length, code)) < length(literal):
        expression = _sum(code, indent, around)
        imports = {*writer.imports, "import psweep_nb as ps"}
    else:
        expression = rendered(literal, indent, around)
    return ParamsCode(sorted(imports), sorted(writer.own), expression)


def _sum(parts: list[Code], indent: int, around: int) -> str:
    if len(parts) == 1:
        return rendered(parts[0], indent, around)
    if indent + around + sum(map(length, parts)) + 3 * (len(parts) - 1) <= WIDTH:
        return " + ".join(map(flat, parts))
    inner = " " * (indent + 4)
    lines = f"\n{inner}+ ".join(rendered(part, indent + 4, 2) for part in parts)
    return f"(\n{inner}{lines}\n{' ' * indent})"


# -- psets as texts --------------------------------------------------------------------------


class _Column(NamedTuple):
    values: list[Any]
    texts: list[str]


class _Table(NamedTuple):
    """Psets with the same keys."""

    names: list[str]
    columns: list[_Column]

    def rows(self) -> list[str]:
        keys = [text_literal(name) + ": " for name in self.names]
        if not keys:
            return ["{}"]
        return [
            "{" + ", ".join(k + text for k, text in zip(keys, texts, strict=True)) + "}"
            for texts in zip(*(column.texts for column in self.columns), strict=True)
        ]


def _stretches(
    psets: Sequence[Pset], cuts: Sequence[int]
) -> list[tuple[tuple[str, ...], int, int]]:
    """Psets with the same keys that follow each other; those without keys one by one."""
    found, stop = [], 0
    numbered = ((tuple(pset), bisect_right(cuts, number)) for number, pset in enumerate(psets))
    for (keys, _), group in groupby(numbered):
        start, stop = stop, stop + len(list(group))
        step = stop - start if keys else 1
        found += [(keys, i, i + step) for i in range(start, stop, step)]
    return found


def _columns(
    psets: Sequence[Pset], start: int, stop: int, keys: Sequence[str], writer: Writer
) -> list[_Column]:
    known: dict[int, str] = {}  # an array occurs in many psets: it is written once
    columns = []
    for key in keys:
        column = _Column([pset[key] for pset in psets[start:stop]], [])
        for number, value in enumerate(column.values, start):
            if (text := known.get(id(value))) is None:
                try:
                    text = known[id(value)] = writer.text(value)
                except CannotWrite as exc:
                    raise ParamsError(
                        f"pset {number} (counting from 0): {key!r} has {exc}, for which there is "
                        "no code; use a value that can be written down, or what it is made from"
                    ) from None
            column.texts.append(text)
        columns.append(column)
    return columns


# -- the loops -------------------------------------------------------------------------------


def _code(table: _Table, writer: Writer) -> Code:
    if not table.columns:
        return "[{}]"
    if repeats := _repeats(table):
        base, n = repeats
        return Group("ps.repeat(", [_code(base, writer), str(n)], ")")
    entries = _entries(table)
    parts: list[Code] = []
    for in_grid, group in groupby(entries, lambda e: len(e) == 1 and _suits_grid(*e[0])):
        if in_grid:
            axes = [_keyword(name, column, writer) for [(name, column)] in group]
            parts.append(Group("ps.grid(", axes, ")"))
            continue
        for entry in group:
            plists: list[Code] = [_plist(name, column, writer) for name, column in entry]
            parts.append(plists[0] if len(plists) == 1 else Group("zip(", plists, ")"))
    if len(parts) > 1:
        return Group("ps.pgrid(", parts, ")")
    only = parts[0]
    is_tie = isinstance(only, Group) and only.start == "zip("
    return Group("ps.pgrid([", [only], "])") if is_tie else only


def _entries(table: _Table) -> list[list[tuple[str, _Column]]]:
    """The names that vary together, from the outermost loop on; constants where their key is."""
    codes = []
    for column in table.columns:
        numbers: dict[str, int] = {}
        codes.append([numbers.setdefault(text, len(numbers)) for text in column.texts])
    places = [(loop.columns, loop.rows) for loop in loops_of(codes)]
    varying = {i for columns, _ in places for i in columns}
    for i in range(len(codes)):
        if i not in varying:
            before = [at for at, (columns, _) in enumerate(places, 1) if i - 1 in columns]
            places.insert(before[0] if before else 0, ((i,), range(1)))
    return [[(table.names[i], _at(table.columns[i], rows)) for i in cs] for cs, rows in places]


def _at(column: _Column, rows: range) -> _Column:
    return _Column([column.values[i] for i in rows], [column.texts[i] for i in rows])


def _repeats(table: _Table) -> tuple[_Table, int] | None:
    """The psets that `repeat` was given, and how often; None if it did not make this table."""
    if table.names[-2:] != ["_repeat", "_seed"]:
        return None
    *columns, numbers, seeds = table.columns
    n = len(numbers.texts) // max(numbers.texts.count("0"), 1)
    rows = range(0, len(numbers.texts), n)
    base = [_at(column, rows) for column in columns]
    if [[text for text in column.texts for _ in range(n)] for column in base] != [
        column.texts for column in columns
    ]:
        return None
    names = table.names[:-2]
    psets = [
        dict(zip(names, values, strict=True))
        for values in zip(*(column.values for column in base), strict=True)
    ]
    try:
        with warnings.catch_warnings(action="ignore"):
            made = repeat(psets, n)
    except ParamsError:
        return None
    expected = [(str(pset["_repeat"]), str(pset["_seed"])) for pset in made]
    same = expected == list(zip(numbers.texts, seeds.texts, strict=True))
    return (_Table(names, base), n) if same else None


# -- axes ------------------------------------------------------------------------------------


def _suits_grid(name: str, column: _Column) -> bool:
    """Whether `grid` would not take these values for a plist."""
    return not all(isinstance(value, dict) and list(value) == [name] for value in column.values)


def _keyword(name: str, column: _Column, writer: Writer) -> Code:
    is_name = name.isidentifier() and not keyword.iskeyword(name)
    if is_name and unicodedata.normalize("NFKC", name) == name:
        return _before(f"{name}=", _axis(column, writer))
    return _before(f"**{{{text_literal(name)}: ", _axis(column, writer), "}")


def _plist(name: str, column: _Column, writer: Writer) -> Code:
    values = _axis(column, writer, tolist=".tolist()", constant=False)
    return _before(f"ps.plist({text_literal(name)}, ", values, ")")


def _before(start: str, code: Code, end: str = "") -> Code:
    if isinstance(code, str):
        return start + code + end
    return code._replace(start=start + code.start, end=code.end + end)


def _axis(column: _Column, writer: Writer, tolist: str = "", constant: bool = True) -> Code:
    values, texts = column
    if constant and len(values) == 1 and type(values[0]) in _CONSTANTS:
        return texts[0]
    written = Group("[", list(texts), "]", fill=True)
    if len(values) < 3:
        return written
    kinds = set(map(type, values))
    found = ""
    if kinds == {int}:
        found = _range("range", values) or _space("ps.intspace", intspace, values, tolist)
    elif kinds == {float}:
        found = _floats(values, tolist)
    elif len(kinds) == 1 and next(iter(kinds)).__module__ == "numpy":
        found = _of_numpy(values, writer)
    if not found or len(found) >= length(written):
        return written
    if "np." in found:
        writer.imports.add("import numpy as np")
    return found


def _range(name: str, values: Sequence[int]) -> str:
    start, step = values[0], values[1] - values[0]
    if step == 0 or list(range(start, start + step * len(values), step)) != values:
        return ""
    stop = values[-1] + (1 if step > 0 else -1)
    if step != 1:
        return f"{name}({start}, {stop}, {step})"
    return f"{name}({start}, {stop})" if start else f"{name}({stop})"


def _floats(values: Sequence[float], tolist: str) -> str:
    import numpy as np

    linear = _space("np.linspace", np.linspace, values, tolist)
    return linear or _space("ps.logspace", logspace, values, tolist)


def _space(name: str, space: Callable[..., Any], values: Sequence[Any], tolist: str) -> str:
    """The call of `space` that gives just these values; empty if there is none."""
    n = len(values)
    for first, last in dict.fromkeys(
        ((_rounded(values[0]), _rounded(values[-1])), (values[0], values[-1]))
    ):
        try:
            with warnings.catch_warnings(action="ignore"):
                made = space(first, last, n).tolist()
        except (ArithmeticError, TypeError, ValueError):  # infinite, not positive, too large
            return ""
        if len(made) == n and list(map(repr, made)) == list(map(repr, values)):
            return f"{name}({first!r}, {last!r}, {n}){tolist}"
    return ""


def _rounded(value: Any) -> Any:
    """What a person may have written for a number that was computed back and forth."""
    return float(f"{value:.12g}") if isinstance(value, float) else value


def _of_numpy(values: Sequence[Any], writer: Writer) -> str:
    """Numbers of one of NumPy's types."""
    import numpy as np

    if not isinstance(values[0], np.generic) or len({value.dtype.str for value in values}) > 1:
        return ""
    array = np.array(values)
    plain = array.tolist()
    inner = ""
    if array.dtype == np.int64:
        inner = _range("np.arange", plain)
    elif array.dtype == np.float64:
        inner = _floats(plain, "")
    return f"list({inner or writer.text(array)})"
