"""Which code is the user's own: of cells and of modules that are not installed.

Used by `identity`, which looks into the user's code and takes all other by its name.
"""

import linecache
import os
import sys
from importlib.machinery import PathFinder
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from psweep_nb.functions.edited import is_installed
from psweep_nb.functions.members import functions_in

_OURS = str(Path(__file__).parents[1]) + os.sep


def is_users(value: Any) -> bool:
    """Whether a function or class is the user's own: not installed, not Python's, not ours."""
    if isinstance(value, FunctionType):
        file, module = value.__code__.co_filename, value.__globals__.get("__name__")
        if file.endswith(".py"):
            return _is_users_file(file)
        if linecache.getlines(file):  # a cell, a doctest
            return True
    elif isinstance(value, type):
        module = getattr(value, "__module__", None)
    else:
        return False
    if module == "__main__" or module not in sys.modules:
        return module != "builtins"
    own = (
        any(is_users(f) for v in vars(value).values() for f in functions_in(v))
        if isinstance(value, type)
        else False
    )
    return file_of_local(sys.modules[module]) is not None or own


def _is_users_file(file: str) -> bool:
    return not (is_installed(file) or file.startswith((_OURS, "<frozen")))


def file_of_local(module: ModuleType) -> str | None:
    file = vars(module).get("__file__")
    if module.__name__ == "__main__" or not isinstance(file, str) or not file.endswith(".py"):
        return None
    return file if _is_users_file(file) else None


def find_local(name: str) -> str | None:
    """The file of a local module, found without importing anything."""
    path: Any = None
    file: str | None = None
    try:
        for at in range(1, name.count(".") + 2):
            spec = PathFinder.find_spec(".".join(name.split(".")[:at]), path)
            if spec is None:
                return None
            file, path = spec.origin, spec.submodule_search_locations
    except Exception:  # finders may raise anything
        return None
    return file if file and file.endswith(".py") and _is_users_file(file) else None


def dots(name: str) -> int:
    return len(name) - len(name.lstrip("."))


def absolute(name: str, level: int, package: str) -> str:
    if not level:
        return name
    base = package.split(".")[: len(package.split(".")) - level + 1]
    return ".".join([*base, name] if name else base)
