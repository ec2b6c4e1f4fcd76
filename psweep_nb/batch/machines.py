"""Machines: directories ``<name>/`` with a ``jobscript`` (a template) and an ``info.yaml``.

Read by `preparing`; what ``info.yaml`` says is kept in the run's record, where whoever submits and
collects finds it.
"""

import os
import re
import shlex
from collections.abc import Callable
from dataclasses import dataclass
from reprlib import Repr
from typing import Any

from psweep_nb.batch.remote import check_host, check_path
from psweep_nb.batch.templates import Template, read_template
from psweep_nb.errors import OptionError, TemplateError

_NAME = re.compile(r"\w[\w.+-]*", re.ASCII)  # it becomes part of file names, and of shell scripts

# With anchors a short file can say endlessly much.
_SHORT = Repr()
_SHORT.maxlevel, _SHORT.maxstring, _SHORT.maxother = 2, 200, 200


def _is_text(value: object) -> bool:
    return isinstance(value, str) and value.strip() != "" and value.isprintable()


def _is_command(value: object) -> bool:
    try:
        return isinstance(value, str) and _is_text(value) and bool(shlex.split(value))
    except ValueError:  # a quote that is not closed
        return False


def _passes(check: Callable[[object], object]) -> Callable[[object], bool]:
    def passes(value: object) -> bool:
        try:
            return isinstance(value, str) and bool(check(value))
        except OptionError:
            return False

    return passes


def _is_count(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value > 0


def _are_texts(value: object) -> bool:
    return isinstance(value, list) and all(map(_is_text, value))


#: What ``info.yaml`` may say: what a value has to be, and in words.
KEYS: dict[str, tuple[Callable[[object], bool], str]] = {
    "subcmd": (_is_command, "the command that submits a job script, such as `sbatch` or `sh`"),
    "host": (_passes(check_host), "a host as after `ssh`: letters, digits, . _ - and one @"),
    "path": (_passes(check_path), "a directory there, without variables, blanks or quotes"),
    "python": (
        _is_command,
        "the Python that calls functions, such as `/opt/python3.12/bin/python`",
    ),
    "array": (lambda value: isinstance(value, bool), "true or false"),
    "psets_per_job": (_is_count, "a number from 1 on"),
    "throttle": (_is_count, "a number from 1 on"),
    "excl_push": (_are_texts, "a list of patterns"),
    "excl_pull": (_are_texts, "a list of patterns"),
}


@dataclass(frozen=True)
class Machine:
    """A place where jobs run: its name, `path` of ``info.yaml``, what that says, its job script."""

    name: str
    path: str
    info: dict[str, Any]
    jobscript: Template


def jobscript_name(machine: str) -> str:
    """The file name of a machine's job script in a pset's directory."""
    return f"jobscript_{machine}"


def read_machines(folder: str | os.PathLike[str], mode: str) -> list[Machine]:
    """Read all machines in a directory, in the order of their names.

    Raises
    ------
    OptionError
        If there is none.
    TemplateError
        Naming the file that is missing, or what is wrong in it.
    """
    folder = os.fspath(folder)
    if not os.path.isdir(folder):
        raise OptionError(
            f"there is no directory {folder!r} of machines; it should have one for each, such as "
            "cluster/ with the files jobscript and info.yaml (see new_templates)"
        )
    names = sorted(
        name
        for name in os.listdir(folder)
        if name[0] != "." and os.path.isdir(os.path.join(folder, name))
    )
    if not names:
        raise OptionError(
            f"{folder!r} has no machine; it should have a directory for each, such as cluster/ "
            "with the files jobscript and info.yaml"
        )
    return [_read_machine(os.path.join(folder, name), name, mode) for name in names]


def _read_machine(folder: str, name: str, mode: str) -> Machine:
    if not _NAME.fullmatch(name):
        raise TemplateError(
            f"{folder}: the name of a machine should be made of letters, digits and . _ + -"
        )
    script, info = (os.path.join(folder, file) for file in ("jobscript", "info.yaml"))
    for path in (script, info):
        if not os.path.isfile(path):
            raise TemplateError(f"{path} is missing; each machine has a jobscript and an info.yaml")
    template = read_template(script, jobscript_name(name), mode)
    return Machine(name, info, read_info(info), template)


def read_info(path: str) -> dict[str, Any]:
    """Read what an ``info.yaml`` says.

    Raises
    ------
    TemplateError
        Naming what is wrong in it, and where.
    """
    import yaml

    try:
        with open(path, encoding="utf-8") as file:
            text = file.read()
        found = yaml.safe_load(text)
    # Others than its own come from values that look like a date or number and are none.
    except (yaml.YAMLError, ValueError, RecursionError) as exc:
        mark = getattr(exc, "problem_mark", None)
        where = f"{path}, line {mark.line + 1}" if mark else path
        said = getattr(exc, "problem", None) or exc
        raise TemplateError(f"{where}: this is not YAML: {said}") from exc
    except OSError as exc:
        raise TemplateError(f"{path} cannot be read: {exc.strerror}") from exc
    if not isinstance(found, dict) or "subcmd" not in found:
        raise TemplateError(f"{path}: `subcmd` is missing; it should be {KEYS['subcmd'][1]}")
    node = yaml.compose(text, yaml.SafeLoader)
    assert isinstance(node, yaml.MappingNode)
    lines: dict[object, list[int]] = {}
    for key, _ in node.value:
        lines.setdefault(key.value, []).append(key.start_mark.line + 1)
    for key, value in found.items():
        at = lines.get(key, [0])  # a key that is no text has another name there
        where = f"{path}, line {at[-1]}" if at[-1] else path
        if key not in KEYS:
            raise TemplateError(f"{where}: there is no {key!r}; there are {', '.join(KEYS)}")
        is_right, words = KEYS[key]
        if not is_right(value):
            raise TemplateError(f"{where}: `{key}` is {_SHORT.repr(value)}; it should be {words}")
        if len(at) > 1:
            raise TemplateError(f"{where}: `{key}` is there more than once")
    return found
