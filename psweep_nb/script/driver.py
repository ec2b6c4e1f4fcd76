"""The text of a driver script: what it says of itself, the code, the psets, `main`.

Pure: `gathering` says what goes in.
"""

import ast
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from psweep_nb.functions.bindings import imports_of
from psweep_nb.functions.needed import Needed
from psweep_nb.layout import WIDTH, Code, Group, rendered
from psweep_nb.literals import text_literal
from psweep_nb.paramscode import ParamsCode, code_of_params
from psweep_nb.script.pieces import (
    Entry,
    Names,
    docstring,
    entry_of,
    import_lines,
    is_settled,
    part,
    statements,
)


@dataclass(frozen=True)
class Driver:
    """What goes into a driver script.

    Attributes
    ----------
    title : str
        The first line of what it says of itself.
    notes : sequence of str
        Further paragraphs.
    needed : Needed
        The function's code.
    psets : list of dict
    cuts : sequence of int
        Where among them something new begins.
    calc_dir : str
        What ``--calc-dir`` is if it is not given.
    workers : int or None
        The same of ``--workers``.
    options : dict
        Further arguments of `run_local`, as code.
    pickles : str
        Name of the file beside the script with values that have no source; "" for none.
    """

    title: str
    notes: Sequence[str]
    needed: Needed
    psets: list[dict[str, Any]]
    cuts: Sequence[int] = ()
    calc_dir: str = "calc"
    workers: int | None = None
    options: dict[str, str] = field(default_factory=dict)
    pickles: str = ""


def driver_text(driver: Driver) -> str:
    """The script."""
    needed = driver.needed
    stored = [missing["name"] for missing in needed.missing]
    names = Names({*needed.names, *stored})
    imports = _Imports(needed)
    psweep = imports.ours("psweep_nb", "ps", names)
    parser = imports.ours("argparse", "argparse", names)
    code = list(needed.code)
    if stored:
        code.insert(0, _unpickled(driver, stored, imports, names))
    params = names.free("PARAMS")
    code += _psets(driver, imports, names, params)
    body = _main(driver, names.free("main"), psweep, parser, params, names)
    head = [docstring(driver.title, *driver.notes) + "\n"]
    if needed.annotations:
        head.append("from __future__ import annotations\n")
    head.append(import_lines(imports.entries, needed.homes))
    space = "\n\n\n" if code[0]["block"] else "\n\n"
    return "\n".join(head) + space + statements(code) + "\n\n\n" + body + "\n"


class _Imports:
    """The imports of a script: what the code needs, what the psets need, and ours."""

    def __init__(self, needed: Needed) -> None:
        self.entries: list[Entry] = [(m, n, a) for m, n, a in needed.imports]
        self._bound = needed.names

    def ours(self, module: str, alias: str, names: Names) -> str:
        """Import a module for the driver; return what it is called."""
        for found, name, known in self.entries:
            if found == module and not name:
                return known or module
        free = names.free(alias)
        self.entries.append((module, "", free if free != module else ""))
        return free

    def add(self, lines: Sequence[str]) -> bool:
        """Add imports that psets need; False if the notebook uses one of their names otherwise."""
        found = [i for line in lines for i in imports_of(ast.parse(line).body[0])]
        if any(i.binds in self._bound and entry_of(i) not in self.entries for i in found):
            return False
        self.entries += [e for e in map(entry_of, found) if e not in self.entries]
        return True


def _unpickled(
    driver: Driver, stored: Sequence[str], imports: _Imports, names: Names
) -> dict[str, Any]:
    pickle = imports.ours("pickle", "pickle", names)
    path = names.free("Path")
    imports.entries.append(("pathlib", "Path", path if path != "Path" else ""))
    held = names.free("stored")
    file = f"{path}(__file__).with_name({text_literal(driver.pickles)})"
    lines = ["# What has no source code, as it was."]
    lines.append(f"{held} = {pickle}.loads({file}.read_bytes())")
    lines += [f'{name} = {held}["{name}"]' for name in stored]
    return part("\n".join(lines))


def _psets(driver: Driver, imports: _Imports, names: Names, params: str) -> list[dict[str, Any]]:
    code = code_of_params(driver.psets, around=len(params) + 3, cuts=driver.cuts)
    if imports.add(code.imports):
        skip = "" if is_settled(f"{params} = {code.expression}") else "  # fmt: skip"
        return [part(f"{params} = {code.expression}{skip}")]
    # A name it needs is the notebook's for something else: inside a function it has its own.
    make = names.free(f"make_{params.lower()}")
    code = code_of_params(driver.psets, 4, len("return "), driver.cuts)
    lines = import_lines(_entries(code)).replace("\n", "\n    ").replace("    \n", "\n")
    skip = "" if is_settled(f"    return {code.expression}") else "  # fmt: skip"
    body = f"    {lines}\n\n    return {code.expression}{skip}"
    return [part(f"def {make}():\n{body}", True), part(f"{params} = {make}()")]


def _entries(code: ParamsCode) -> list[Entry]:
    return [entry_of(i) for line in code.imports for i in imports_of(ast.parse(line).body[0])]


def _main(driver: Driver, main: str, psweep: str, argparse: str, params: str, names: Names) -> str:
    default = [] if driver.workers is None else [f"default={driver.workers}"]
    flag = 'action="store_true"'
    choices = 'choices=["none", "done", "done+failed"]'
    arguments = [
        ['"--calc-dir"', f"default={text_literal(driver.calc_dir)}", _CALC_DIR],
        ['"--workers"', "type=int", *default, 'help="processes to use"'],
        ['"--simulate"', flag, 'help="compute nothing"'],
        ['"--skip"', choices, 'default="done"', _SKIP],
        ['"--stale"', flag, 'help="run again what other code has done"'],
        ['"--backup"', flag, 'help="first copy the study"'],
    ]
    lines = [f"def {main}(argv=None):"]
    lines.append(f"    parser = {argparse}.ArgumentParser(description=__doc__)")
    for items in arguments:
        lines.append("    " + _call("parser.add_argument(", items))
    lines.append("    args = parser.parse_args(argv)")
    call: list[Code] = [
        driver.needed.function,
        params,
        "calc_dir=args.calc_dir",
        "workers=args.workers",
        "simulate=args.simulate",
        'skip=None if args.skip == "none" else args.skip',
        "stale=args.stale",
        "backup=args.backup",
        *(f"{name}={value}" for name, value in driver.options.items()),
    ]
    is_said = not names.hides("print") and not names.hides("len")
    if is_said:
        setup = f", setup={driver.needed.setup}" if driver.needed.setup else ""
        study = f"{psweep}.Study(args.calc_dir)"
        lines += [
            f"    plan = {study}.plan({driver.needed.function}, {params}{setup})",
            "    if plan.stale and not args.stale:",
            '        print(plan.stale, "psets were done by other code: --stale runs them again")',
        ]
    start = f"df = {psweep}.run_local(" if is_said else f"{psweep}.run_local("
    lines.append("    " + rendered(Group(start, call, ")"), 4))
    if is_said:
        lines.append('    print(len(df), "rows in the table,", df["_failed"].sum(), "failed")')
    return "\n".join([*lines, "", "", 'if __name__ == "__main__":', f"    {main}()"])


def _call(start: str, items: list[str]) -> str:
    """A call on one line, its arguments on another, or one a line."""
    inside = ", ".join(items)
    if 5 + len(start) + len(inside) > WIDTH >= 8 + len(inside):
        return f"{start}\n        {inside}\n    )"
    return rendered(Group(start, [*items], ")"), 4)


_CALC_DIR = 'help="directory of the study"'
_SKIP = 'help="what not to run again"'
