"""Which names a workload cell reads, assigns and binds, found without running it."""

from __future__ import annotations

import ast
from collections.abc import Sequence


class Names(ast.NodeVisitor):
    """What the cell does with its names, in the order of evaluation."""

    def __init__(self) -> None:
        self._assigned: dict[str, None] = {}
        self._looped: set[str] = set()
        self._bound: set[str] = set()
        self._read: dict[str, None] = {}
        self._depth = 0

    @property
    def assigned(self) -> list[str]:
        """Names newly assigned that may be results."""
        return [n for n in self._assigned if not n.startswith("_") and n not in self._looped]

    @property
    def bound(self) -> list[str]:
        """Names bound otherwise: imports, functions, loop variables."""
        return [*self._bound, *self._looped, *(n for n in self._assigned if n.startswith("_"))]

    @property
    def read_first(self) -> list[str]:
        """Names the cell reads before it assigns them itself."""
        return [n for n in self._read if n in self._assigned]

    def visit_Name(self, node: ast.Name) -> None:
        if isinstance(node.ctx, ast.Store):
            self._assigned[node.id] = None
        elif node.id not in self._assigned and node.id not in self._bound:
            self._read[node.id] = None

    def visit_Assign(self, node: ast.Assign) -> None:
        self.visit(node.value)
        for target in node.targets:
            self.visit(target)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.visit(node.value)
            self.visit(node.target)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        self.visit(node.value)
        if isinstance(node.target, ast.Name) and node.target.id not in self._assigned:
            self._read[node.target.id] = None
        self.visit(node.target)

    def visit_NamedExpr(self, node: ast.NamedExpr) -> None:
        self.visit(node.value)
        self.visit(node.target)

    def visit_For(self, node: ast.For) -> None:
        self.visit(node.iter)
        self._loop(node.target)
        for part in (*node.body, *node.orelse):
            self.visit(part)

    def visit_With(self, node: ast.With) -> None:
        for item in node.items:
            self.visit(item.context_expr)
            if item.optional_vars is not None:
                self._loop(item.optional_vars)
        for part in node.body:
            self.visit(part)

    def visit_ExceptHandler(self, node: ast.ExceptHandler) -> None:
        if node.name:
            self._bound.add(node.name)
        self.generic_visit(node)

    def visit_MatchAs(self, node: ast.MatchAs) -> None:
        self.generic_visit(node)
        if node.name:
            self._assigned[node.name] = None

    def visit_Import(self, node: ast.Import | ast.ImportFrom) -> None:
        for alias in node.names:
            self._bound.add(alias.asname or alias.name.partition(".")[0])

    visit_ImportFrom = visit_Import

    def visit_FunctionDef(self, node: ast.FunctionDef | ast.ClassDef) -> None:
        for part in node.decorator_list:
            self.visit(part)
        self._bound.add(node.name)

    visit_ClassDef = visit_FunctionDef
    visit_AsyncFunctionDef = visit_FunctionDef  # type: ignore[assignment]

    def visit_Lambda(self, node: ast.Lambda) -> None:
        """A scope of its own, run later: its names are not the cell's."""

    def visit_ListComp(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp) -> None:
        self._comprehension(node.generators, node.elt)

    visit_SetComp = visit_ListComp
    visit_GeneratorExp = visit_ListComp

    def visit_DictComp(self, node: ast.DictComp) -> None:
        self._comprehension(node.generators, node.key, node.value)

    def _comprehension(self, generators: Sequence[ast.comprehension], *parts: ast.expr) -> None:
        """Its loop variables are its own; what it reads of the cell and := are the cell's."""
        inner = Names()
        for generator in generators:
            self.visit(generator.iter)
            inner._loop(generator.target)
        for part in (*parts, *(test for g in generators for test in g.ifs)):
            inner.visit(part)
        for name in inner._read:
            if name not in inner._looped and name not in self._assigned:
                self._read[name] = None
        self._assigned.update(dict.fromkeys(inner.assigned))

    def _loop(self, target: ast.expr) -> None:
        for node in ast.walk(target):
            if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
                if node.id not in self._assigned:
                    self._looped.add(node.id)
                self._assigned[node.id] = None
