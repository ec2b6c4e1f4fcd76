"""Text run as a notebook runs a cell: its lines are in linecache, its names in `__main__`."""

import itertools
import linecache
import textwrap
from typing import Any

_numbers = itertools.count()


def cell(names: dict[str, Any], text: str) -> dict[str, Any]:
    """Run a cell of a notebook with these names; return them."""
    text = textwrap.dedent(text)
    file = f"/tmp/ipykernel_1/{next(_numbers)}.py"
    linecache.cache[file] = (len(text), None, text.splitlines(keepends=True), file)
    names.setdefault("__name__", "__main__")
    exec(compile(text, file, "exec", dont_inherit=True), names)
    return names
