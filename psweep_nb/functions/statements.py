"""The statements of notebook cells: what each binds, changes and reads, and its text as written.

Pure reading of source text; `needed` asks it which statements a function is made of.
"""

import ast
import dis
import re
from collections.abc import Iterator, Set
from functools import cached_property, lru_cache
from itertools import chain
from types import CodeType

from psweep_nb.functions.changes import MUTATORS, Change, changes_in
from psweep_nb.functions.reads import reads_of

DEFINITIONS = ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef
_NAMED = DEFINITIONS | ast.MatchAs | ast.MatchStar | ast.ExceptHandler
IMPORTS = ast.Import | ast.ImportFrom

_LOADS = {"LOAD_NAME", "LOAD_GLOBAL", "LOAD_FROM_DICT_OR_GLOBALS"}
_OPTIMIZED = 0x1  # co_flags of functions, which classes do not have
_AT_ONCE = {"<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"}
_RUN_A_CELL = ("time", "capture")  # magics whose cell, or line, binds names of the notebook
_NO_COMMENT = re.compile(r"# ?%%|#!")
_ITS_OWN = {"__module__", "__name__", "__qualname__"}  # read by the body of any class


class Statement:
    """A statement at the top level of a cell.

    Attributes
    ----------
    node : ast.stmt
    text : str
        With the comments above it and behind it.
    apart : bool
        Whether a blank line, or the begin of the cell, is above it.
    binds : frozenset of str
    changes : frozenset of str
        What it only changes: ``x[0] = 1``, ``x += 1``, ``x.append(2)``.
    """

    def __init__(self, node: ast.stmt, text: str, apart: bool) -> None:
        self.node, self.text, self.apart = node, text, apart
        parts = list(_executed(node))
        self.binds = frozenset(chain.from_iterable(map(_binds, parts)))
        self.changes = frozenset(chain.from_iterable(map(_changes, parts)))
        # What a magic gives, no script has.
        self.is_magic = any(isinstance(p, ast.Name) and p.id == "get_ipython" for p in parts)

    @cached_property
    def code(self) -> CodeType:
        """It compiled; without ``from __future__ import ...`` of its cell."""
        flags = ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
        code: CodeType = compile(
            ast.Module([self.node], []), "<statement>", "exec", flags, dont_inherit=True
        )
        return code

    @cached_property
    def _names(self) -> tuple[frozenset[str], frozenset[str]]:
        now: set[str] = set()
        later: set[str] = set()
        for inner, is_later in _codes(self.code):
            own = _names_in(inner, {"STORE_NAME"}) | _ITS_OWN if inner is not self.code else set()
            (later if is_later else now).update(_names_in(inner, _LOADS) - own)
        return frozenset(now), frozenset(later)

    @property
    def now(self) -> frozenset[str]:
        """Names it reads when it is executed."""
        return self._names[0]

    @property
    def later(self) -> frozenset[str]:
        """Names that its functions read when they are called."""
        return self._names[1]

    @property
    def reads(self) -> frozenset[str]:
        """All names it reads."""
        return self.now | self.later

    @property
    def state(self) -> tuple[Change, ...]:
        """What its functions change, as far as that can be told from the text."""
        if not isinstance(self.node, DEFINITIONS):
            return ()
        bound = (name for scope, name in reads_of(self.code).bound if scope == "global")
        outside = (change for change in changes_in(self.node) if change.names[0] in self.reads)
        return (*outside, *(Change((name,), False, "") for name in bound))

    @property
    def is_simple(self) -> bool:
        """Whether it has no block that may run several times, or not at all."""
        kinds = ast.Assign | ast.AugAssign | ast.AnnAssign | ast.Expr | DEFINITIONS
        return isinstance(self.node, kinds)

    @property
    def is_named_lambda(self) -> bool:
        """Whether it is ``f = lambda ...``, which linters would have otherwise."""
        return isinstance(getattr(self.node, "value", None), ast.Lambda)


@lru_cache(maxsize=4096)
def statements_in(text: str) -> tuple[Statement, ...]:
    """The statements of a cell, as IPython gives it to Python; none where it is no Python.

    Of cells under ``%%time`` and the like, what is below that line.

    Examples
    --------
    >>> [s.text for s in statements_in("x = 1; y = 2  # mm")]
    ['x = 1', 'y = 2  # mm']
    """
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    try:
        tree: ast.Module = compile(text, "<cell>", "exec", flags, dont_inherit=True)
        return tuple(_statements(text, tree))
    except (SyntaxError, ValueError, RecursionError):
        return ()


def _statements(text: str, tree: ast.Module) -> Iterator[Statement]:
    lines = text.split("\n")
    for number, node in enumerate(tree.body):
        inner = _cell_below_magic(node)
        if inner is not None:
            yield from statements_in(inner)
            continue
        before = tree.body[number - 1] if number else None
        behind = tree.body[number + 1] if number + 1 < len(tree.body) else None
        text, first = _text(lines, node, before, behind)
        apart = first == 0 or not lines[first - 1].strip()
        statement = Statement(node, text, apart)
        if not statement.is_magic:
            yield statement


def _names_in(code: CodeType, operations: Set[str]) -> set[str]:
    steps = dis.get_instructions(code)
    return {str(step.argval) for step in steps if step.opname in operations}


def _codes(code: CodeType, later: bool = False) -> Iterator[tuple[CodeType, bool]]:
    yield code, later
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            is_called = inner.co_flags & _OPTIMIZED and inner.co_name not in _AT_ONCE
            yield from _codes(inner, later or bool(is_called))


def _executed(node: ast.stmt) -> Iterator[ast.AST]:
    """The parts of a statement that are executed with it: not what is in functions in it."""
    waiting: list[ast.AST] = [node]
    while waiting:
        part = waiting.pop()
        yield part
        if isinstance(part, DEFINITIONS):
            waiting.extend(part.decorator_list)
        elif isinstance(part, ast.comprehension):  # its variables are its own
            waiting += [part.iter, *part.ifs]
        elif not isinstance(part, ast.Lambda):
            waiting.extend(ast.iter_child_nodes(part))


def _binds(part: ast.AST) -> Iterator[str]:
    if isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
        yield part.id
    elif isinstance(part, ast.alias):
        yield part.asname or part.name.partition(".")[0]
    elif isinstance(part, _NAMED) and part.name:
        yield part.name


def _changes(part: ast.AST) -> Iterator[str]:
    if isinstance(part, DEFINITIONS):
        yield from _registered(part)
    elif isinstance(part, ast.Subscript | ast.Attribute) and not isinstance(part.ctx, ast.Load):
        yield from _root(part)
    elif isinstance(part, ast.AugAssign):
        yield from _root(part.target)
    elif isinstance(part, ast.Call) and getattr(part.func, "attr", "") in MUTATORS:
        yield from _root(part.func)


def _registered(node: ast.AST) -> Iterator[str]:
    """What ``@area.register`` and its like change."""
    for decorator in getattr(node, "decorator_list", ()):
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        if isinstance(called, ast.Attribute):
            yield from _root(called)


def _root(node: ast.AST) -> Iterator[str]:
    while isinstance(node, ast.Subscript | ast.Attribute):
        node = node.value
    if isinstance(node, ast.Name):
        yield node.id


def _cell_below_magic(node: ast.stmt) -> str | None:
    """The cell under ``%%time``, the statement behind ``%time``."""
    match node:
        case ast.Expr(
            ast.Call(
                ast.Attribute(ast.Call(ast.Name("get_ipython")), "run_cell_magic"),
                [ast.Constant(magic), _, ast.Constant(str(inner))],
            )
        ) | ast.Expr(
            ast.Call(
                ast.Attribute(ast.Call(ast.Name("get_ipython")), "run_line_magic"),
                [ast.Constant(magic), ast.Constant(str(inner))],
            )
        ):
            return inner if magic in _RUN_A_CELL else None
    return None


def _text(
    lines: list[str], node: ast.stmt, before: ast.stmt | None, behind: ast.stmt | None
) -> tuple[str, int]:
    """The text of a statement, and the number of its first line, counted from 0."""
    decorators = getattr(node, "decorator_list", ())
    first = min([node.lineno, *(part.lineno for part in decorators)])
    last = node.end_lineno or first
    taken = lines[first - 1 : last]
    if behind is not None and behind.lineno == last:  # x = 1; y = 2
        taken[-1] = _before(taken[-1], node.end_col_offset or 0)
    elif "#" not in taken[-1]:
        taken[-1] = taken[-1].rstrip().rstrip(";")
    end_before = before.end_lineno or 0 if before is not None else 0
    if end_before == first:
        taken[0] = taken[0].encode()[node.col_offset :].decode()
    above = first - 1
    while above > end_before and lines[above - 1].startswith("#"):
        above -= 1
    comments = [line for line in lines[above : first - 1] if not _NO_COMMENT.match(line)]
    return "\n".join(line.rstrip() for line in (*comments, *taken)), above


def _before(line: str, column: int) -> str:
    """A line up to a column, which `ast` counts in UTF-8 bytes."""
    return line.encode()[:column].decode()
