"""Modules of the user whose file has changed since they were imported.

The kernel would compute with the old code, workers with the new: better to say so before.
"""

import ast
import contextlib
import inspect
import os
import sys
import sysconfig
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache, lru_cache
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import CodeType, FunctionType, ModuleType
from typing import Any

_IMMUTABLE = (int, float, complex, str, bytes, tuple, type(None))
_SLACK = 5.0  # s, between the clocks of a file system and of the processes


def edited_modules(values: Iterable[object]) -> list[str]:
    """Names of the local modules behind these functions, classes and modules that were edited.

    Local: not of the standard library, not installed. What those modules import from other local
    ones counts, too.
    """
    since = _process_start() - _SLACK
    return sorted(m.__name__ for m in _local_modules(values) if _is_edited(m, since))


def _local_modules(values: Iterable[object]) -> Iterator[ModuleType]:
    names, seen = [_module_name(value) for value in values], set()
    while names:
        name = names.pop()
        if name in seen or name is None or name == "__main__":
            continue
        seen.add(name)
        module = sys.modules.get(name)
        if module is not None and _is_local(module):
            yield module
            names.extend(_module_name(value) for value in list(vars(module).values()))


def _module_name(value: object) -> str | None:
    try:
        name = getattr(value, "__name__" if isinstance(value, ModuleType) else "__module__", None)
    except Exception:  # lazy objects and mocks may raise anything
        return None
    return name if isinstance(name, str) else None


def _is_local(module: ModuleType) -> bool:
    file = getattr(module, "__file__", None)
    if not isinstance(file, str) or not file.endswith(".py"):
        return False
    # Import hooks (of pytest, typeguard, ...) change the code: it never equals the file's.
    if type(getattr(module.__spec__, "loader", None)) is not SourceFileLoader:
        return False
    return not is_installed(file)


@lru_cache(maxsize=1024)
def is_installed(file: str) -> bool:
    """Whether a file is of the standard library or of an installed package."""
    installed = any(file.startswith(place + os.sep) for place in _installed_places())
    return installed or not {"site-packages", "dist-packages"}.isdisjoint(Path(file).parts)


@cache
def _installed_places() -> set[str]:
    paths = sysconfig.get_paths()
    return {paths[key] for key in ("stdlib", "platstdlib", "purelib", "platlib")}


def _is_edited(module: ModuleType, since: float) -> bool:
    try:
        file = Path(str(module.__file__))
        # A file older than this process was imported as it is; compiling it costs milliseconds.
        if file.stat().st_mtime < since:
            return False
        data = file.read_bytes()
        now = _codes_of(compile(data, str(file), "exec", dont_inherit=True))
        constants = _constants(ast.parse(data))
    except (OSError, SyntaxError, ValueError):
        return True  # workers will not be able to import it
    space = vars(module)
    if any(name in space and not same_code(space[name], constants[name]) for name in constants):
        return True
    return any(
        not any(same_code(code, other) for other in now.get(code.co_qualname, ()))
        for code in _loaded_codes(module)
    )


def _codes_of(code: CodeType) -> dict[str, list[CodeType]]:
    """All functions of a module by qualified name; one name may have several definitions."""
    found: dict[str, list[CodeType]] = {}
    stack = [code]
    while stack:
        for inner in stack.pop().co_consts:
            if isinstance(inner, CodeType):
                found.setdefault(inner.co_qualname, []).append(inner)
                stack.append(inner)
    return found


def _constants(tree: ast.Module) -> dict[str, Any]:
    """The module's variables of which nothing but one literal says what they are."""
    names = (node for node in ast.walk(tree) if isinstance(node, ast.Name))
    stores = Counter(node.id for node in names if isinstance(node.ctx, ast.Store))
    found = {}
    for line in tree.body:
        if isinstance(line, ast.Assign | ast.AnnAssign) and line.value is not None:
            target = line.targets[0] if isinstance(line, ast.Assign) else line.target
            if isinstance(target, ast.Name) and stores[target.id] == 1:
                with contextlib.suppress(ValueError):
                    value = ast.literal_eval(line.value)
                    if isinstance(value, _IMMUTABLE):  # others may have been changed in place
                        found[target.id] = value
    return found


def _loaded_codes(module: ModuleType) -> Iterator[CodeType]:
    for value in list(vars(module).values()):
        members = [value]
        if isinstance(value, type) and value.__module__ == module.__name__:
            for member in vars(value).values():
                inner = getattr(member, "__func__", getattr(member, "fget", member))
                members.append(inner)
        for member in members:
            func = inspect.unwrap(member) if isinstance(member, FunctionType) else None
            code = getattr(func, "__code__", None)
            if isinstance(code, CodeType) and code.co_filename == module.__file__:
                yield code


def same_code(one: object, two: object) -> bool:
    """Whether two constants, code among them, are the same but for where they stand."""
    if isinstance(one, CodeType) and isinstance(two, CodeType):
        names = ("co_code", "co_names", "co_varnames", "co_freevars", "co_cellvars", "co_flags")
        counts = ("co_argcount", "co_kwonlyargcount", "co_posonlyargcount")
        if any(getattr(one, name) != getattr(two, name) for name in names + counts):
            return False
        one, two = one.co_consts, two.co_consts
    if isinstance(one, tuple) and isinstance(two, tuple):
        return len(one) == len(two) and all(map(same_code, one, two))
    if isinstance(one, frozenset) and isinstance(two, frozenset):
        return sorted(map(repr, one)) == sorted(map(repr, two))
    return type(one) is type(two) and repr(one) == repr(two)  # 1, 1.0 and True are not the same


def _process_start() -> float:
    """When this process began, seconds since the epoch; 0 where that cannot be told."""
    try:
        ticks = float(Path("/proc/self/stat").read_text().rpartition(")")[2].split()[19])
        uptime = float(Path("/proc/uptime").read_text().split()[0])
        return min(time.time() - uptime + ticks / os.sysconf("SC_CLK_TCK"), time.time())
    except (OSError, ValueError, IndexError):
        return 0.0
