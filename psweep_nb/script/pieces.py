"""The pieces of a script: its imports in groups, its statements with space between them, its names.

Laid out as formatters do it; used by `driver` and `plotting`.
"""

import builtins
import sys
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from psweep_nb.functions.bindings import Imported
from psweep_nb.layout import WIDTH, Group, rendered
from psweep_nb.literals import text_literal
from psweep_nb.wording import printable

Entry = tuple[str, str, str]  # module, name in it, alias


class Names:
    """Names that are free in a script: the notebook's keep theirs, ours give way.

    Parameters
    ----------
    taken : iterable of str
        Names that the notebook's code binds.
    """

    def __init__(self, taken: Iterable[str]) -> None:
        self._taken = set(taken)

    def free(self, name: str) -> str:
        """This name, or the first like it that is free; it is taken from now on.

        >>> Names(["main"]).free("main")
        'main_'
        """
        while name in self._taken:
            name += "_"
        self._taken.add(name)
        return name

    def hides(self, name: str) -> bool:
        """Whether the notebook uses the name of a builtin for something else."""
        return name in self._taken and hasattr(builtins, name)


def import_lines(entries: Iterable[Entry], homes: Mapping[str, str] | None = None) -> str:
    """Import statements: Python's own modules, installed ones, the user's.

    Parameters
    ----------
    entries : iterable of tuple
        Module, name and alias of each.
    homes : mapping, optional
        Local modules; where one is to be looked for, or "" if it is found anyway.
    """
    groups: dict[int, set[Entry]] = {0: set(), 1: set(), 2: set(), 3: set()}
    homes = homes or {}
    for entry in entries:
        top = entry[0].partition(".")[0]
        at = 2 + bool(homes[top]) if top in homes else top not in sys.stdlib_module_names
        groups[at].add(entry)
    folders = sorted({home for home in homes.values() if home})
    if folders:
        groups[0].add(("sys", "", ""))
    blocks = ["\n".join(_lines(group)) for at, group in groups.items() if group and at < 3]
    if folders:
        blocks.append("\n".join(map(_path_line, folders)))
        blocks.append("\n".join(_lines(groups[3])))
    return "\n\n".join(blocks)


def _path_line(folder: str) -> str:
    return f"sys.path.insert(0, {text_literal(folder)})"


def _lines(entries: Iterable[Entry]) -> list[str]:
    plain: list[str] = []
    together: dict[tuple[str, str], list[str]] = {}  # by module and alias
    for module, name, alias in sorted(entries, key=_key):
        if not name:
            plain.append(f"import {module}{f' as {alias}' if alias else ''}")
        else:
            together.setdefault((module, alias), []).append(name)
    return [*plain, *(_from(*key, names) for key, names in together.items())]


def _key(entry: Entry) -> tuple[Any, ...]:
    module, name, alias = entry
    order = 0 if name.isupper() and len(name) > 1 else 1 if name[:1].isupper() else 2
    return (module.lower(), order, name, alias)


def _from(module: str, alias: str, names: Sequence[str]) -> str:
    start = f"from {module} import "
    if alias:
        return f"{start}{names[0]} as {alias}"
    listed = rendered(Group("(", list(names), ")"), around=len(start) - 2)
    return start + (listed if "\n" in listed else listed[1:-1])


def entry_of(imported: Imported) -> Entry:
    """An import as `import_lines` takes it."""
    return imported.module, imported.name, imported.alias or ""


def statements(parts: Sequence[Mapping[str, Any]]) -> str:
    """Statements as text: two blank lines around functions and classes."""
    text, before = "", None
    for part in parts:
        if before is not None:
            blocks = part["block"] or before["block"]
            text += "\n\n\n" if blocks else "\n\n" if part["apart"] else "\n"
        text += part["text"]
        before = part
    return text


def part(text: str, block: bool = False, apart: bool = True) -> dict[str, Any]:
    """A statement of ours, as those in `Needed.code` are."""
    return {"names": [], "text": text, "apart": apart, "block": block}


def docstring(*paragraphs: str) -> str:
    """What a script says of itself; nothing in it ends it, or has a meaning."""
    text = "\n\n".join(map(_filled, paragraphs))
    return f'"""{text}\n"""' if "\n" in text else f'"""{text}"""'


def _filled(text: str) -> str:
    safe = printable(text).replace("\\", "/").replace('"""', "'''")
    safe = safe[:-1] + "'" if safe.endswith('"') else safe
    return textwrap.fill(safe, WIDTH - 3, break_long_words=False, break_on_hyphens=False)


def is_settled(text: str) -> bool:
    """Whether a formatter leaves an expression of ours as it is.

    Told on the safe side: of quotes, numbers and lists that formatters write in another way.
    """
    wide = 1 if text.isascii() else 2
    lines = text.split("\n")
    return (
        all(wide * len(line) <= WIDTH for line in lines)
        and "'" not in text
        and "\\" not in text
        and "0x" not in text
        and "\n    + " not in text
        and not any(_is_filled(line) for line in lines[1:-1])
    )


def _is_filled(line: str) -> bool:
    """Whether several items share a line, which formatters put below each other."""
    depth = 0
    quoted = False
    for at, char in enumerate(line):
        if char == '"':
            quoted = not quoted
        elif not quoted:
            depth += (char in "([{") - (char in ")]}")
            if char == "," and not depth and line[at + 1 :].strip():
                return True
    return False
