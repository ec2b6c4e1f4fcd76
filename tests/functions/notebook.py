"""Text run as a notebook runs a cell: its lines are in linecache, its names in `__main__`."""

import itertools
import linecache
import re
import textwrap
from typing import Any

import pytest

_numbers = itertools.count()


def cell(names: dict[str, Any], text: str) -> dict[str, Any]:
    """Run a cell of a notebook with these names; return them."""
    text = textwrap.dedent(text)
    file = f"/tmp/ipykernel_1/{next(_numbers)}.py"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    names.setdefault("__name__", "__main__")
    exec(compile(text, file, "exec", dont_inherit=True), names)
    return names


def programs(text: str) -> list[Any]:
    """The programs in a text, parameters of a test: each begins with a comment, its name."""
    found = []
    for program in re.split(r"\n\n+(?=# )", text.strip()):
        name, _, code = program.removeprefix("# ").partition("\n")
        found.append(pytest.param(code, id=name))
    return found


def versions(program: str) -> tuple[str, str]:
    """The two programs that one in which «this|that» is marked stands for."""
    before, marked, after = re.split("[«»]", program)
    old, _, new = marked.partition("|")
    return before + old + after, before + new + after
