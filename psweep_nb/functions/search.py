"""The search from a function to the statements it is made of, through the cells that were run.

A name is followed to the statement that gave it its value (`bindings` tells), and to all names
that this statement reads. Used by `needed`, which says what the result means.
"""

import __future__

import ast
import builtins
import inspect
import linecache
import sys
from collections.abc import Callable, Iterable, Iterator
from types import BuiltinFunctionType, FunctionType, ModuleType
from typing import Any

from psweep_nb.functions.bindings import (
    Imported,
    imports_of,
    is_reliable,
    is_used_up,
    made,
    unwrapped,
    vars_of,
)
from psweep_nb.functions.changes import Change, really_changes
from psweep_nb.functions.earlier import home_of, is_in, origins
from psweep_nb.functions.inorder import Item, Part, in_order
from psweep_nb.functions.lacking import (
    ONLY_HERE,
    a_value,
    an_earlier,
    last_line,
    no_statement,
    right_side,
    where_read,
)
from psweep_nb.functions.members import cells
from psweep_nb.functions.notebook import CODE, Notebook
from psweep_nb.functions.source import module_of, name_of
from psweep_nb.functions.statements import DEFINITIONS, IMPORTS, Statement, statements_in
from psweep_nb.functions.travel import size_of
from psweep_nb.functions.whose import file_of_local
from psweep_nb.functions.workload import Workload
from psweep_nb.layout import Code, Group, rendered
from psweep_nb.literals import CannotWrite, Writer

_LINE = 88
_LONG = 20_000  # characters that are written out where no statement makes a value
_FUTURE = __future__.annotations.compiler_flag
_OF_MODULES = {
    "__annotations__", "__builtins__", "__doc__", "__file__", "__loader__", "__name__",
    "__package__", "__spec__",
}  # fmt: skip


def names_around(func: Any) -> dict[str, Any]:
    """The names of the notebook or script in which a function was defined."""
    for inner in unwrapped(func):
        if inner.__globals__.get("__name__") == "__main__":
            return inner.__globals__
    return vars(sys.modules["__main__"])


class Search:
    """A search through the cells of a notebook, or a script, from names to statements.

    Parameters
    ----------
    names : dict
        The notebook's names.
    """

    def __init__(self, names: dict[str, Any]) -> None:
        self._names = names
        self._ran = Notebook(names)
        self._seen: set[str] = set()
        self._waiting: list[tuple[str, int]] = []  # names, and which statement reads them
        self._variables: list[tuple[str, int]] = []
        self._state: list[Change] = []
        self._taken: dict[int, None] = {}
        self._literals: dict[str, tuple[int, str, frozenset[str]]] = {}
        self._imports: dict[tuple[str, str, str], None] = {}
        self.homes: dict[str, str] = {}
        self.missing: list[dict[str, str]] = []
        self.anew: list[str] = []

    # -- where a search begins ---------------------------------------------------------------

    def function(self, func: Callable[..., Any], what: str) -> str:
        """Follow a function; return the expression that gives it, "" where there is none."""
        module, path = module_of(func), name_of(func)
        first, *attributes = path.split(".")
        if _is_same(_followed(self._names.get(first), attributes), func):
            self.name(first)
            return path
        found = _followed(sys.modules.get(module), path.split("."))
        if module != "__main__" and _is_same(found, func):
            if module != "builtins":
                self._import(Imported(module, first, None))
            return path
        if isinstance(func, Workload):
            return self._workload(func)
        self._no_source(path, func, what)
        return ""

    def _workload(self, workload: Workload) -> str:
        """Write down what is in no variable, but can be made anew."""
        kind, writer = type(workload).__name__, Writer()
        given: list[Code] = []
        for name, value in workload.written().items():
            text = self.function(value, name) if callable(value) else writer.text(value)
            given.append(text if not given else f"{name}={text}")
        variable = kind.lower()
        while variable in self._names:
            variable += "_"
        text = f"{variable} = {rendered(Group(f'{kind}(', given, ')'), 0, len(variable) + 3)}"
        self._import(Imported("psweep_nb", kind, None))
        reads = frozenset(self._seen)
        self._literals[variable] = (len(self._ran) - 1, text, reads)
        return variable

    def name(self, name: str) -> None:
        """Follow a name of the notebook."""
        self._waiting.append((name, -1))
        self._run()

    def cell(self, text: str, given: set[str]) -> None:
        """Follow what a cell reads."""
        own: set[str] = set()
        for statement in statements_in(text):
            for name in sorted(statement.reads - own - given):
                self.name(name)
            own |= statement.binds

    def _no_source(self, path: str, func: Any, what: str) -> None:
        code = next((f.__code__ for f in unwrapped(func)), None)
        where = f"line {code.co_firstlineno} of {code.co_filename}" if code is not None else ""
        if getattr(func, "__name__", "") == "<lambda>":
            path, why = "lambda", "it has no name; assign it: f = lambda ..., or define it with def"
        elif code is None or linecache.getlines(code.co_filename):
            why = f"{what} is in no variable of the notebook; assign it to one"
        else:
            why = "nothing keeps its source (it was made by exec, say); define it in a cell"
        self.missing.append({"name": path, "where": where, "why": why})

    # -- following names ---------------------------------------------------------------------

    def _run(self) -> None:
        # Functions first: which variables they change must be known before these are judged.
        while self._waiting or self._variables:
            if self._waiting:
                name, reader = self._waiting.pop(0)
                if name not in self._names:
                    self._take(self._ran.for_annotations(name))
                elif name not in self._seen and name not in _OF_MODULES:
                    self._seen.add(name)
                    self._follow(name, reader)
            else:
                self._variable(*self._variables.pop(0))

    def _follow(self, name: str, reader: int) -> None:
        value = self._names[name]
        chain = self._ran.chain(name)
        if not chain and self._ran.add_file_of(value):
            chain = self._ran.chain(name)
        node = self._ran[chain[0]].node if chain else None
        if isinstance(node, IMPORTS):
            for imported in imports_of(node):
                if imported.binds == name and imported.is_value(value):
                    self._import(imported)
                    return
        if isinstance(node, DEFINITIONS):
            self._check_closure(name, value, reader)
            if self._check_earlier(name, value, reader):
                return
            self._take(at for at in chain if at == chain[0] or self._ran[at].is_simple)
        elif not chain and self._found_elsewhere(name, value):
            return
        else:
            self._variables.append((name, reader))

    def _take(self, places: Iterable[int]) -> None:
        for at in places:
            if at not in self._taken:
                self._taken[at] = None
                statement = self._ran[at]
                self._state += statement.state
                self._waiting += [(name, at) for name in sorted(statement.reads)]

    def _found_elsewhere(self, name: str, value: Any) -> bool:
        """Import what no statement names: of ``from x import *``, or put there by an extension."""
        for module in reversed(self._ran.stars):
            if vars_of(sys.modules.get(module)).get(name, self) is value:
                return self._import(Imported(module, name, None))
        if isinstance(value, ModuleType):
            return self._import(Imported(value.__name__, "", name))
        if isinstance(value, FunctionType | type | BuiltinFunctionType):
            module, path = str(value.__module__), value.__qualname__
            found = _followed(sys.modules.get(module), path.split("."))
            if found is value and module not in ("__main__", "builtins") and "." not in path:
                return self._import(Imported(module, path, name))
        return False

    def _import(self, found: Imported) -> bool:
        alias = found.alias if found.alias not in (found.name or found.module, None) else ""
        self._imports[found.module, found.name, alias or ""] = None
        for module in (f"{found.module}.{found.name}", found.module):
            file = file_of_local(sys.modules[module]) if module in sys.modules else None
            if file:
                top = found.module.partition(".")[0]
                steps = module.count(".") + 1 + file.endswith("__init__.py")
                self.homes[top] = file.rsplit("/", steps)[0] or "/"
                break
        return True

    # -- variables ---------------------------------------------------------------------------

    def _variable(self, name: str, reader: int) -> None:
        value, chain = self._names[name], self._ran.chain(name)
        if is_used_up(value):
            self._lacks(name, reader, f"it is {a_value(value)}{ONLY_HERE}")
            return
        self._check_closure(name, value, reader)
        first = self._ran[chain[0]] if chain else None
        if first is not None and self._is_state(name):  # as it begins, not as it is now
            self._take(chain)
            return
        if self._check_earlier(name, value, reader):
            return
        verdict = made(first, name, value, self._names) if first is not None else False
        plain = verdict is not False and first is not None and first.is_simple
        plain = plain and len(chain) == 1 and not self._ran.is_stale(chain[0])
        gone = self._gone(first) if first is not None else ""
        plain = plain and not gone
        comment = right_side(first) if first is not None and plain else ""
        if first is not None and plain and (verdict or is_reliable(first, self._names)):
            self._take(chain)
        elif self._write(name, chain, _LINE if plain else _LONG, comment):
            return
        elif first is None or (verdict is False and isinstance(value, CODE)):
            self._lacks(name, reader, no_statement(value, bool(self._ran.binding(name))))
        elif gone:
            why = (
                f"it was made from `{gone}`, which was deleted; keep that, and run the study again"
            )
            self._lacks(name, reader, why)
        elif verdict is False:
            self._lacks(name, reader, f"it is no longer what `{last_line(first.text)}` made of it")
        else:
            self._take(chain)
            if not isinstance(value, CODE):
                self.anew.append(name)

    def _is_state(self, name: str) -> bool:
        value = self._names[name]
        return any(c.names[0] == name and really_changes(c, value) for c in self._state)

    def _gone(self, statement: Statement) -> str:
        """A name that a statement has read when it was executed, and that is no more."""
        there = self._names.keys() | vars(builtins).keys() | statement.binds
        return min(statement.now - there, default="")

    def _write(self, name: str, chain: list[int], most: int, comment: str = "") -> bool:
        """Write the value down, if it is short enough."""
        value = self._names[name]
        if isinstance(value, CODE) or size_of(value, set()) > most:
            return False
        writer = Writer()
        try:
            text = f"{name} = {writer.text(value)}"
        except CannotWrite:
            return False
        imports = [i for line in writer.imports for i in imports_of(ast.parse(line).body[0])]
        taken = {i.binds for i in imports if i.binds in self._names}
        if len(text) > most or not all(self._is(i) for i in imports if i.binds in taken):
            return False
        for imported in imports:
            self._import(imported)
        if comment and len(text) + len(comment) + 4 <= _LINE:
            text += f"  # {comment}"
        elif len(text) > _LINE:
            text += "  # fmt: skip"
        self._waiting += [(own, chain[-1] if chain else -1) for own in sorted(writer.own)]
        self._literals[name] = (chain[-1] if chain else -1, text, frozenset(writer.own))
        return True

    def _is(self, imported: Imported) -> bool:
        return imported.is_value(self._names[imported.binds])

    def _check_closure(self, name: str, value: Any, reader: int) -> None:
        for func in unwrapped(value):
            for variable, held in cells(func):
                if is_used_up(held):
                    held_there = f"it holds `{variable}`, {a_value(held)}{ONLY_HERE}"
                    self._lacks(name, reader, held_there)

    def _check_earlier(self, name: str, value: Any, reader: int) -> bool:
        """Whether a value holds code that was edited since: a script would have the new."""
        for code in origins(value, self._names):
            home = home_of(code)
            chain = self._ran.chain(home) if home in self._names else []
            last = self._ran[chain[0]] if chain else None
            if last is None or not isinstance(last.node, DEFINITIONS):
                continue
            if not is_in(last, code, self._names):
                self._lacks(name, reader, an_earlier(home))
                return True
        return False

    def _lacks(self, name: str, reader: int, why: str) -> None:
        where = where_read(self._ran[reader], name) if reader >= 0 else ""
        self.missing.append({"name": name, "where": where, "why": why})

    # -- the result --------------------------------------------------------------------------

    def imports(self) -> list[list[str]]:
        """Module, name and alias of each import that is used."""
        found = dict(self._imports)
        for module, name, alias in self._imports:
            if not name and not alias:  # `import scipy.linalg` binds `scipy`, as others do
                others = self._submodules(module.partition(".")[0])
                if others:
                    del found[module, name, alias]
                    found.update(dict.fromkeys((other, "", "") for other in others))
        return [list(entry) for entry in found]

    def _submodules(self, top: str) -> set[str]:
        used = {c for at in self._taken for c in _dotted(self._ran[at].node)}
        return {
            imported.module
            for at in self._ran.binding(top)
            for imported in imports_of(self._ran[at].node)
            if imported.binds == top and "." in imported.module and imported.module in used
        }

    def has_future_annotations(self) -> bool:
        """Whether annotations in the cells are not evaluated."""
        return any(
            func.__code__.co_flags & _FUTURE
            for name in self._seen
            for func in unwrapped(self._names[name])
            if func.__globals__ is self._names
        )

    def ordered(self) -> list[Part]:
        """The statements, in an order in which they can be executed."""
        items: list[Item] = []
        for at in self._taken:
            s = self._ran[at]
            noqa = "  # noqa: E731" if s.is_named_lambda and "\n" not in s.text else ""
            block = isinstance(s.node, DEFINITIONS)
            part = Part(sorted(s.binds), s.text + noqa, s.apart, block)
            items.append(Item((self._ran.place(at), at), part, s.now, s.later, s.binds | s.changes))
        behind = len(self._ran)
        for number, (name, (at, text, own)) in enumerate(self._literals.items(), behind):
            place = self._ran.place(at) if at >= 0 else -1, number
            part = Part([name], text, False, False)
            items.append(Item(place, part, own, frozenset(), frozenset([name])))
        items.sort(key=lambda item: item.place)
        return [item.part for item in in_order(items)]


def _followed(value: Any, attributes: Iterable[str]) -> Any:
    for name in attributes:
        try:
            value = getattr(value, name)
        except Exception:  # an object's own __getattr__ may raise anything
            return None
    return value


def _is_same(found: Any, func: Any) -> bool:
    return found is func or (inspect.ismethod(func) and found == func)


def _dotted(node: ast.AST) -> Iterator[str]:
    """`a.b` and `a.b.c` of each `a.b.c`."""
    for part in ast.walk(node):
        if isinstance(part, ast.Attribute):
            text = ast.unparse(part)
            if text.replace(".", "").isidentifier():
                yield text
