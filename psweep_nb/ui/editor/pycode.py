"""The Python that makes the psets of the editor, and runs as it is.

Called by the editor; property tests hold that executing it gives the psets that were shown.
"""

from __future__ import annotations

import keyword
import re
import unicodedata
from collections.abc import Mapping, Sequence
from types import ModuleType
from typing import Any

from psweep_nb.errors import ParamsError
from psweep_nb.literals import CannotWrite, Writer, text_literal
from psweep_nb.paramscode import params_to_code
from psweep_nb.psets import Pset
from psweep_nb.ui import texts
from psweep_nb.ui.editor import checking, typed
from psweep_nb.ui.editor.checking import Checked
from psweep_nb.ui.editor.draft import Axis, Draft

_WIDTH = 80
_MODULES = {"ps": "psweep_nb", "np": "numpy"}


def of_draft(draft: Draft, found: Checked, target: str, names: Mapping[str, Any]) -> str:
    """The code of a draft.

    Parameters
    ----------
    draft : Draft
    found : Checked
        What `checking.check` made of it.
    target : str
        The variable that the code binds.
    names : mapping
        The notebook's names, none of which the code's imports may change.

    Raises
    ------
    ParamsError
        While something in the draft is wrong, or a value cannot be written.
    """
    if found.psets is None:
        raise ParamsError(f"the editor has an entry to correct: {found.first_problem()}")
    if not found.entries:
        return f"{target} = []\n"
    writer = _Writer(draft, found, target, names)
    settings = draft.settings
    make = {"grid": writer.grid, "star": writer.star, "sample": writer.sample}
    lines = [f"{target} = {make[settings.pattern]()}"]
    ps = writer.module("ps")
    if condition := settings.condition.strip():
        lines.append(f"{target} = {_call(f'{ps}.where', [target, text_literal(condition)])}")
    if (repeats := int(settings.repeats)) > 1:
        lines.append(f"{target} = {ps}.repeat({target}, {repeats})")
    return "\n".join([*writer.imports(), "", *lines, ""])


def of_psets(psets: Sequence[Pset], target: str) -> str:
    """The code of psets that were edited by hand.

    Raises
    ------
    ParamsError
        If a value cannot be written.
    """
    return re.sub("^params = ", f"{target} = ", params_to_code(psets), flags=re.M) + "\n"


class _Writer:
    def __init__(self, draft: Draft, found: Checked, target: str, names: Mapping[str, Any]) -> None:
        self._draft = draft
        self._found = found
        self._target = target
        self._names = names
        self._used: dict[str, None] = {}
        self._others = Writer()  # of values that cannot be typed, which may need imports

    def module(self, short: str) -> str:
        """What a module is called in the code: its short name, unless the user has that."""
        self._used[short] = None
        value = self._names.get(short)
        mine = isinstance(value, ModuleType) and value.__name__ == _MODULES[short]
        free = (short not in self._names or mine) and short != self._target
        return short if free else _MODULES[short]

    def imports(self) -> list[str]:
        lines = []
        for short in ("np", "ps"):
            if short in self._used:
                name, module = self.module(short), _MODULES[short]
                lines.append(f"import {module}" + ("" if name == module else f" as {name}"))
        return sorted({*lines, *self._others.imports})

    def grid(self) -> str:
        loops = checking.loops_of(self._draft)
        ps = self.module("ps")
        parts: list[str] = []
        alone: list[Axis] = []
        for loop in [*loops, []]:
            if len(loop) == 1:
                alone += loop
                continue
            if alone:
                parts.append(self._grid_of(alone))
                alone = []
            if loop:
                parts.append(self._tied(loop))
        if len(loops) == len(parts) == 1 and len(loops[0]) > 1:
            return _call(f"{ps}.pgrid", [f"[{parts[0]}]"])
        return parts[0] if len(parts) == 1 else _call(f"{ps}.pgrid", parts)

    def star(self) -> str:
        rows = [axis for axis in self._draft.axes if axis.key in self._found.entries]
        ps = self.module("ps")
        middle = checking.middle_of(rows, self._found)
        arms = [
            self._grid_of(arm) if len(arm) == 1 else _call(f"{ps}.pgrid", [f"[{self._tied(arm)}]"])
            for arm in checking.arms_of(self._draft)
        ]
        pairs = [(axis.name, self._middle(axis, middle[axis.name])) for axis in rows]
        return _call(f"{ps}.stargrid", [_dict(pairs), _call("", arms, "[", "]")])

    def _middle(self, axis: Axis, value: Any) -> str:
        try:
            return typed.write(value)
        except ParamsError:
            return f"{self._grid_of([axis])}[0][{text_literal(axis.name)}]"

    def sample(self) -> str:
        settings = self._draft.settings
        pairs = []
        for axis in self._draft.axes:
            if axis.key in self._found.entries:
                code, entry = self._code(axis), self._found.entries[axis.key]
                made_list = checking.sampled(axis, entry)[1]
                pairs.append((axis.name, f"list({code})" if made_list else code))
        args = [_dict(pairs), f"n={int(settings.points)}"]
        args += [f"method={text_literal(settings.method)}"] if settings.method != "random" else []
        args += [f"seed={int(settings.seed)}"] if int(settings.seed) else []
        return _call(f"{self.module('ps')}.sample", args)

    def _tied(self, axes: Sequence[Axis]) -> str:
        return _call("zip", [self._grid_of([axis]) for axis in axes])

    def _grid_of(self, axes: Sequence[Axis]) -> str:
        pairs = [(axis.name, self._code(axis)) for axis in axes]
        if all(_is_keyword_argument(name) for name, _ in pairs):
            args = [f"{name}={code}" for name, code in pairs]
        else:
            args = ["**" + _dict(pairs)]
        return _call(f"{self.module('ps')}.grid", args)

    def _code(self, axis: Axis) -> str:
        entry = self._found.entries[axis.key]
        if axis.kind == "given":
            return self._values(axis)
        if entry.module:
            return entry.code.format(**{entry.module: self.module(entry.module)})
        return entry.code

    def _values(self, axis: Axis) -> str:
        try:
            return f"[{self._others.several(axis.given)}]"
        except CannotWrite as error:
            name = texts.line(axis.name, 40)
            raise ParamsError(f"{name} has {error}, for which there is no code") from None


def _is_keyword_argument(name: str) -> bool:
    # Python normalizes names in its source: such a one would name another parameter.
    same = unicodedata.normalize("NFKC", name) == name
    return name.isidentifier() and same and not keyword.iskeyword(name)


def _dict(pairs: Sequence[tuple[str, str]]) -> str:
    return _call("", [f"{text_literal(name)}: {code}" for name, code in pairs], "{", "}")


def _call(function: str, args: Sequence[str], first: str = "(", last: str = ")") -> str:
    """A call in one line, or with an argument a line where that is too long."""
    line = f"{function}{first}{', '.join(args)}{last}"
    if len(line) <= _WIDTH and "\n" not in line:
        return line
    inner = "".join("    " + arg.replace("\n", "\n    ") + ",\n" for arg in args)
    return f"{function}{first}\n{inner}{last}"
