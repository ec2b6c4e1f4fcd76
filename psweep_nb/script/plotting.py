"""The text of ``plot.py``: watched cells as a script that only reads the study's table."""

import ast
import re
from collections.abc import Sequence
from typing import Any

from psweep_nb.functions.bindings import imports_of
from psweep_nb.functions.statements import IMPORTS, Statement, statements_in
from psweep_nb.literals import text_literal
from psweep_nb.script.pieces import Entry, docstring, entry_of, import_lines, part, statements
from psweep_nb.script.watched import Watched

_PYPLOT = "matplotlib.pyplot"


def plot_text(cells: Sequence[Watched], calc_dir: str, homes: dict[str, str]) -> str:
    """The script.

    Parameters
    ----------
    cells : sequence of Watched
    calc_dir : str
        The study's directory.
    homes : dict
        As `pieces.import_lines` takes them.
    """
    entries: list[Entry] = [("psweep_nb", "", "ps")]
    before: list[dict[str, Any]] = []
    body: list[dict[str, Any]] = []
    roles: dict[str, int | None] = {}
    is_drawn = False
    for cell in cells:
        own = statements_in(cell.source)
        read = {name for s in own for name in s.reads} | _read(cell.needed.code)
        imports = [*map(_entry, cell.needed.imports), *_imported(own, read)]
        draws = _draws(cell.source, imports)
        is_drawn = is_drawn or draws
        entries += imports
        before += [p for p in cell.needed.code if p not in before]
        body += _body(own, draws)
        roles |= {name: seq for name, seq in cell.roles.items() if name in read}
        if "display" in {name for s in own for name in s.later}:
            before.insert(0, part("display = print"))
    if is_drawn:
        plt = next((alias or module for module, _, alias in entries if module == _PYPLOT), "plt")
        entries.append((_PYPLOT, "", plt if plt != _PYPLOT else ""))
        body.append(part(f"{plt}.show()", apart=False))
    before[:1] = [{**p, "apart": True} for p in before[:1]]
    code = [*_opened(roles, calc_dir), *before, *body]
    head = docstring(f"Plots of the study in {calc_dir}/, which only read its table.")
    return f"{head}\n\n{import_lines(entries, homes)}\n\n{statements(code)}\n"


def _entry(imported: Sequence[str]) -> Entry:
    module, name, alias = imported
    return module, name, alias


def _read(code: Sequence[dict[str, Any]]) -> set[str]:
    return {name for p in code for s in statements_in(p["text"]) for name in s.reads}


def _imported(own: Sequence[Statement], read: set[str]) -> list[Entry]:
    return [
        entry_of(imported)
        for statement in own
        for imported in imports_of(statement.node)
        if imported.binds in read
    ]


def _opened(roles: dict[str, int | None], calc_dir: str) -> list[dict[str, Any]]:
    """The study and its runs under the names that the cells have for them."""
    studies = [name for name, seq in roles.items() if seq is None]
    runs = [(name, seq) for name, seq in roles.items() if seq is not None]
    study = studies[0] if studies else "study"
    lines = [f"{study} = ps.Study({text_literal(calc_dir)})"]
    lines += [f"{name} = {study}" for name in studies[1:]]
    lines += [f"{name} = {study}.run_of({seq})" for name, seq in runs]
    return [part("\n".join(lines))]


def _body(own: Sequence[Statement], draws: bool) -> list[dict[str, Any]]:
    parts: list[dict[str, Any]] = []
    for number, statement in enumerate(own):
        node, text = statement.node, statement.text
        if isinstance(node, IMPORTS):
            continue
        if isinstance(node, ast.Expr):
            text = re.sub(r"^display\(", "print(", text, flags=re.MULTILINE)
            if number == len(own) - 1 and not draws and not re.search("^print\\(", text, re.M):
                text = _printed(node, text)
        block = isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef)
        parts.append(part(text, block, statement.apart or not parts))
    return parts


def _printed(node: ast.Expr, text: str) -> str:
    """What a notebook shows of a cell, a script prints."""
    *comments, last = text.split("\n") if "\n" not in ast.unparse(node) else [text]
    return "\n".join([*comments, f"print({last})"])


def _draws(source: str, entries: Sequence[Entry]) -> bool:
    """Whether a cell draws with matplotlib, by what it says."""
    has_pyplot = any(module.startswith("matplotlib") for module, _, _ in entries)
    return has_pyplot or any(word in source for word in (".plot", ".hist", "ps.plot_"))
