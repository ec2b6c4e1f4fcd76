"""Templates: files with placeholders, read and checked once, filled for each pset.

Used by `preparing` for job directories and by `command`. What has no value is an error that names
the file and the line; see `languages` for what a placeholder is.
"""

import contextlib
import os
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from hashlib import sha1
from typing import Any, Protocol

from psweep_nb.batch.languages import Dollar, Jinja, Language, Placeholder, Problem
from psweep_nb.errors import OptionError, TemplateError

MODES = ("dollar", "jinja")
#: What templates can use besides the parameters.
FIELDS = (
    "_run_id", "_run_seq", "_calc_dir", "_pset_id", "_pset_sha1", "_pset_seq", "_time_utc",
    "_exec_host",
)  # fmt: skip
_LEFT_OUT = {"__pycache__", ".ipynb_checkpoints"}  # made by programs beside the user's files
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1a\x1c-\x1f]")
_SHOWN = 10  # problems in one message
_LONG = 100_000  # of a template's text, where it is kept as such
_LANGUAGES: dict[str, type[Dollar] | type[Jinja]] = {"dollar": Dollar, "jinja": Jinja}


def check_mode(mode: object) -> None:
    """Raise `OptionError` if there is no such language."""
    if mode not in MODES:
        raise OptionError(f"template_mode is {mode!r}; it should be one of {MODES}")


class Template:
    """One file.

    Parameters
    ----------
    name : str
        Where the filled one goes, below the pset's directory, with ``/`` between its parts.
    path : str
        Where the template is, for messages.
    data : bytes
        Its content. What is no text is copied as it is.
    executable : bool
        Whether the filled one may be executed.
    mode : str
        One of `MODES`.
    """

    def __init__(self, name: str, path: str, data: bytes, executable: bool, mode: str) -> None:
        self.name, self.path, self.data = name, path, data
        self.executable, self._mode = executable, mode

    def __getstate__(self) -> dict[str, Any]:
        return {k: v for k, v in vars(self).items() if k != "_language"}  # it does not pickle

    @property
    def is_binary(self) -> bool:
        """Whether it is no text."""
        return self._language is None

    @property
    def placeholders(self) -> list[Placeholder]:
        """What it wants filled in, in the order of the text (Jinja: of its parts)."""
        return [] if self._language is None else self._language.placeholders

    @cached_property
    def _language(self) -> Language | None:
        if _is_binary(self.data):
            return None
        try:
            return _LANGUAGES[self._mode](_decoded(self.data))
        except Problem as problem:
            raise self._error(problem) from problem

    def missing(self, names: Iterable[str]) -> list[Placeholder]:
        """The placeholders that are known to fail if there are only these names.

        Raises
        ------
        TemplateError
            If it is no template.
        """
        return [] if self._language is None else self._language.missing(names)

    def fill(self, values: Mapping[str, Any]) -> bytes:
        """Return the content with values in it.

        Raises
        ------
        TemplateError
            If there is no value for a placeholder.
        """
        if self._language is None:
            return self.data
        try:
            return self._language.fill(values).encode(errors="surrogateescape")
        except Problem as problem:
            raise self._error(problem) from problem
        except UnicodeEncodeError as exc:  # a lone surrogate among the values
            raise TemplateError(f"{self.path}: the filled text cannot be written: {exc}") from exc

    def write(self, folder: str, values: Mapping[str, Any], again: bool = False) -> None:
        """Write the filled one below a directory; only `again` it may be there already."""
        path = os.path.join(folder, self.name)
        if again:
            _make_way(folder, path)
        write_new(path, self.fill(values), self.executable)

    def _error(self, problem: Problem) -> TemplateError:
        where = f"{self.path}, line {problem.line}" if problem.line else self.path
        return TemplateError(f"{where}: {problem.what}")


def write_new(path: str, data: bytes, executable: bool = False) -> None:
    """Write a file that is not there yet."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    fd = os.open(path, flags, 0o777 if executable else 0o666)
    with open(fd, "wb", buffering=0) as file:
        rest = memoryview(data)
        while rest:
            rest = rest[file.write(rest) :]


def _make_way(folder: str, path: str) -> None:
    """Remove a file of an earlier attempt; programs may have put anything in its place."""
    parent = os.path.realpath(os.path.dirname(path))
    inside = os.path.realpath(folder)
    if os.path.commonpath((parent, inside)) != inside:
        raise TemplateError(f"{path} is not in {folder} but, by a link, in {parent}")
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)


def _is_binary(data: bytes) -> bool:
    if b"\0" in data:
        return True
    try:
        data.decode()
    except UnicodeDecodeError:  # text in another encoding, unless text would not look so
        return _CONTROL.search(data) is not None
    return False


def _decoded(data: bytes) -> str:
    return data.decode(errors="surrogateescape")  # each byte of another encoding comes back


class Templates:
    """The files that each pset's directory gets.

    Parameters
    ----------
    folder : path or None
        Where they are; also those in directories below. None for no templates.
    mode : str
        One of `MODES`.

    Raises
    ------
    TemplateError
        Naming what cannot be a template.
    OptionError
        If there is no such directory, or language.
    """

    def __init__(self, folder: str | os.PathLike[str] | None, mode: str) -> None:
        check_mode(mode)
        self.files: list[Template] = []
        if folder is not None:
            folder = os.fspath(folder)
            if not os.path.isdir(folder):
                raise OptionError(
                    f"there is no directory {folder!r} of templates; new_templates('slurm') or "
                    "new_templates('local') writes some to begin with"
                )
            self.files = list(_read(folder, "", mode))
        self._mode = mode
        self._folders = sorted({d for file in self.files for d in _parents(file.name)})

    def code(self) -> dict[str, str]:
        """What they say, by name: whoever compares what psets were done with asks."""
        texts = {"template_mode": self._mode} if self.files else {}
        for file in self.files:
            text = _decoded(file.data)
            if file.is_binary or len(text) > _LONG:
                text = f"{len(file.data)} bytes, sha1 {sha1(file.data).hexdigest()}"
            texts[f"template {file.name}"] = text
        return texts

    def check_names(self, ours: Collection[str]) -> None:
        """Raise `TemplateError` if a template, or its directory, has one of these names."""
        for file in self.files:
            name = file.name.partition("/")[0]
            if name in ours:
                raise TemplateError(f"{file.path}: {name} is no name for a template, it is ours")

    def write(self, folder: str, values: Mapping[str, Any], again: bool = False) -> None:
        """Write the filled files into a directory; only `again` they may be there already."""
        for name in self._folders:
            os.makedirs(os.path.join(folder, name), exist_ok=again)
        for file in self.files:
            file.write(folder, values, again)


def _parents(name: str) -> Iterator[str]:
    parts = name.split("/")
    return ("/".join(parts[:i]) for i in range(1, len(parts)))


def _read(folder: str, below: str, mode: str) -> Iterator[Template]:
    with os.scandir(os.path.join(folder, below)) as entries:
        found = sorted(entries, key=lambda entry: entry.name)
    for entry in found:
        name = below + entry.name
        if entry.name in _LEFT_OUT or entry.name.endswith("~"):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _read(folder, f"{name}/", mode)
        elif os.path.isfile(entry.path):
            yield read_template(entry.path, name, mode)
        else:
            is_dir = os.path.isdir(entry.path)
            kind = "a link to a directory" if is_dir else "no file that can be read"
            raise TemplateError(f"{entry.path} is {kind}; templates are files and directories")


def read_template(path: str, name: str, mode: str) -> Template:
    """Read one file.

    Raises
    ------
    TemplateError
        If it cannot be read.
    """
    try:
        with open(path, "rb") as file:
            data, bits = file.read(), os.fstat(file.fileno()).st_mode
    except OSError as exc:
        raise TemplateError(f"{path} cannot be read: {exc.strerror}") from exc
    return Template(name, path, data, bool(bits & 0o111), mode)


class Fillable(Protocol):
    """A template, or anything else with placeholders."""

    @property
    def path(self) -> str:
        """Where it is, for messages."""

    def missing(self, names: Sequence[str]) -> list[Placeholder]:
        """Return the placeholders that are known to fail if there are only these names."""


def check(
    templates: Iterable[Fillable], psets: Sequence[Mapping[str, Any]], fields: Iterable[str]
) -> None:
    """Check that templates can be filled for psets, as far as that can be told beforehand.

    Parameters
    ----------
    templates : iterable of Template, CommandLine
    psets : sequence of dict
    fields : iterable of str
        What there is besides the parameters.

    Raises
    ------
    TemplateError
        Naming each file, line and placeholder.
    """
    shapes: dict[tuple[str, ...], int] = {}
    for number, pset in enumerate(psets):
        shapes.setdefault(tuple(pset), number)
    given, problems = tuple(fields), dict[tuple[str, Placeholder], int]()
    for template in templates:
        wanted = template.missing(given)
        for shape, number in shapes.items():
            for found in wanted:
                if found.name not in shape:
                    problems.setdefault((template.path, found), number)
    if not problems:
        return
    lines = [
        f"{path}, line {found.line}: `{found.name}` is no parameter of pset {number}"
        for (path, found), number in problems.items()
    ]
    more = [f"and {len(lines) - _SHOWN} more"] if len(lines) > _SHOWN else []
    names = ", ".join(f"`{name}`" for name in dict.fromkeys(n for shape in shapes for n in shape))
    hint = (
        f"the psets have {names or 'no parameters'}, psweep_nb adds "
        f"{', '.join(f'`{name}`' for name in given)}; a dollar sign itself is written $$"
    )
    raise TemplateError("\n".join([*lines[:_SHOWN], *more, hint]))
