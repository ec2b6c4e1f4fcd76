"""The statements that were run, of all cells or of a script, and which gave a name its value.

Used by `search`, which follows the names.
"""

import ast
import linecache
from collections.abc import Sequence
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from psweep_nb.functions.bindings import made, unwrapped
from psweep_nb.functions.members import functions_in
from psweep_nb.functions.statements import Statement, statements_in

CODE = FunctionType | type | ModuleType | BuiltinFunctionType


class Notebook:
    """What was run in a notebook, or a script, statement by statement.

    Parameters
    ----------
    names : dict
        The notebook's names.

    Attributes
    ----------
    stars : list of str
        The modules of which all names were imported.
    """

    def __init__(self, names: dict[str, Any]) -> None:
        self.stars: list[str] = []
        self._names = names
        self._statements: list[Statement] = []
        self._bound: dict[str, list[int]] = {}
        self._changed: dict[str, list[int]] = {}
        self._texts: set[str] = set()
        for text in _cells(names):
            self._add(text)

    def __len__(self) -> int:
        return len(self._statements)

    def __getitem__(self, at: int) -> Statement:
        return self._statements[at]

    def _add(self, text: str) -> None:
        self._texts.add(text.strip())
        for statement in statements_in(text):
            if _is_main_guard(statement.node):
                continue
            at = len(self._statements)
            self._statements.append(statement)
            for name in statement.binds:
                self._bound.setdefault(name, []).append(at)
            for name in statement.changes:
                self._changed.setdefault(name, []).append(at)
            node = statement.node
            if isinstance(node, ast.ImportFrom) and node.names[0].name == "*" and node.module:
                self.stars.append(node.module)

    def add_file_of(self, value: Any) -> bool:
        """Add the text that a function or class comes from, where that is no cell that was run."""
        functions = [*unwrapped(value)]
        if isinstance(value, type):
            functions += [f for member in vars(value).values() for f in functions_in(member)]
        before = len(self._statements)
        for func in functions:
            text = "".join(linecache.getlines(func.__code__.co_filename))
            if func.__globals__ is self._names and text and text.strip() not in self._texts:
                self._add(text)
        return len(self._statements) > before

    def binding(self, name: str) -> Sequence[int]:
        """The statements that bind a name."""
        return self._bound.get(name, ())

    def for_annotations(self, name: str) -> Sequence[int]:
        """What gives a name to type checkers only: ``if TYPE_CHECKING: import ...``."""
        return [at for at in self.binding(name) if _is_for_checkers(self[at].node)][-1:]

    def chain(self, name: str) -> list[int]:
        """The statement that made a value, and those behind it that changed it."""
        value = self._names[name]
        bound = self._bound.get(name, [])
        full = [at for at in bound if name not in self._statements[at].now]
        for at in reversed(full):
            if made(self._statements[at], name, value, self._names) is not False:
                break
        else:
            # Changed since, by a loop say; how it began is known nevertheless.
            at = -1
            for place in reversed(full):
                if isinstance(self._statements[place].node, ast.Assign | ast.AnnAssign):
                    at = place
                    break
            if at < 0 or isinstance(value, CODE):
                return []
        others = {*bound, *self._changed.get(name, ())} - set(full)
        return [at, *sorted(place for place in others if place > at)]

    def is_stale(self, at: int) -> bool:
        """Whether something that a statement reads was given another value later."""
        for name in self._statements[at].now:
            if name in self._names and not isinstance(self._names[name], CODE):
                chain = self.chain(name)
                if chain and chain[-1] > at and not self._was_so(name, at):
                    return True
        return False

    def _was_so(self, name: str, at: int) -> bool:
        """Whether a variable had the value before a statement that it has now."""
        before = [place for place in self._bound.get(name, ()) if place < at]
        value = self._names[name]
        return bool(before) and bool(made(self._statements[before[-1]], name, value, self._names))

    def place(self, at: int) -> int:
        """Where in the notebook a statement stands: where its names were first bound.

        A cell that was edited and run again is still the same cell.
        """
        statement = self._statements[at]
        bound = [self._bound[name][0] for name in statement.binds - statement.now]
        return min(bound, default=at)


def _cells(names: dict[str, Any]) -> list[str]:
    """What was run, in this order: IPython keeps it; of a script its file."""
    entered = names.get("In")
    if isinstance(entered, list):
        return [text for text in entered if isinstance(text, str)]
    file = names.get("__file__")
    return ["".join(linecache.getlines(file))] if isinstance(file, str) else []


def _is_main_guard(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and "__name__" in ast.unparse(node.test)


def _is_for_checkers(node: ast.stmt) -> bool:
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)
