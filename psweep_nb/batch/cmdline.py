"""A command with placeholders, filled so that no value can be more than one word of it.

Used by `command`. A list of words is filled as it is; in a text for the shell each value is quoted,
and placeholders may only stand where a quoted word can.
"""

import os
import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from psweep_nb.batch.languages import Dollar, Jinja, Language, Placeholder, Problem
from psweep_nb.errors import OptionError, TemplateError
from psweep_nb.wording import printable

Cmd = str | Sequence[str | os.PathLike[str]]


class CommandLine:
    """A command.

    Parameters
    ----------
    cmd : str or sequence of str
        A text for the shell, or the words of one command.
    mode : str
        One of `templates.MODES`.

    Raises
    ------
    OptionError
        If it is neither.
    TemplateError
        If a placeholder is none, or stands where its value could not be quoted.
    """

    def __init__(self, cmd: Cmd, mode: str) -> None:
        self._shell = isinstance(cmd, str)
        self.path = "the command"  # where it is, for messages
        words: list[Any] = [cmd] if isinstance(cmd, str) else _words(cmd)
        if not words or not all(isinstance(word, str) for word in words) or not words[0].strip():
            raise OptionError(
                f"cmd is {cmd!r}; it should be a text for the shell ('python3 run.py > out'), or "
                "the words of a command in a list (['./sim', '-a', '$a'])"
            )
        self.text = cmd if isinstance(cmd, str) else shlex.join(words)
        try:
            self._parts = [_language(word, mode, self._shell) for word in words]
        except Problem as problem:
            raise self._error(problem) from problem

    @property
    def placeholders(self) -> list[Placeholder]:
        """What it wants filled in."""
        return [found for part in self._parts for found in part.placeholders]

    def missing(self, names: Sequence[str]) -> list[Placeholder]:
        """The placeholders that are known to fail if there are only these names."""
        return [found for part in self._parts for found in part.missing(names)]

    def argv(self, values: Mapping[str, Any]) -> list[str]:
        """Return what is to be executed; `TemplateError` if a value cannot be part of it."""
        filled = self._filled(values)
        return ["/bin/sh", "-c", *filled] if self._shell else filled

    def line(self, values: Mapping[str, Any]) -> str:
        """Return it as text for the shell; `TemplateError` if a value cannot be part of it."""
        filled = self._filled(values)
        return filled[0] if self._shell else shlex.join(filled)

    def _filled(self, values: Mapping[str, Any]) -> list[str]:
        given = _Quoted(values) if self._shell and isinstance(self._parts[0], Dollar) else values
        try:
            filled = [part.fill(given) for part in self._parts]
        except Problem as problem:
            raise self._error(problem) from problem
        if any("\0" in word for word in filled):
            raise TemplateError(
                f"the command {self.text!r}: a value holds a NUL character, which none can"
            )
        return filled

    def _error(self, problem: Problem) -> TemplateError:
        return TemplateError(f"the command {printable(self.text)[:200]!r}: {problem.what}")


def _words(cmd: Any) -> list[Any]:
    try:
        return [os.fspath(word) if isinstance(word, os.PathLike) else word for word in cmd]
    except TypeError:
        return []


class _Quoted(Mapping[str, str]):
    """Values as words for the shell."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    def __getitem__(self, name: str) -> str:
        return shlex.quote(str(self._values[name]))

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


def _language(word: str, mode: str, shell: bool) -> Language:
    if mode == "dollar":
        dollar = Dollar(word)
        if shell:
            _check_places(dollar.pieces[::2])
        return dollar
    if shell:
        _check_places(Jinja.texts(word))
        return Jinja(word, lambda value: shlex.quote(str(value)))
    return Jinja(word)


# In the plain text of a shell's line, and between double quotes: what begins something in which
# quotes mean something else.
_TOKEN = {
    "": re.compile(r"""\\.?|'|"|(?<![^\s;&|()])\#|`|<<|\(\(|\$'""", re.DOTALL),
    '"': re.compile(r'\\.?|"|`|\$\(', re.DOTALL),
    "'": re.compile("'"),
    "#": re.compile("\n"),
}
_REFUSED = {
    "`": "backquotes", "<<": "a here-document", "((": "arithmetic", "$'": "$'...'",
    "$(": "$(...) in quotes",
}  # fmt: skip


def _check_places(texts: Sequence[str]) -> None:
    """Raise `Problem` if a placeholder, between these texts, is not where a word can be."""
    if len(texts) < 2:
        return
    inside, before = "", ""
    for number, text in enumerate(texts):
        at = 0
        # What was before counts: a # only begins a comment where a word begins.
        whole = before + text
        at = len(before)
        while found := _TOKEN[inside].search(whole, at):
            token, at = found[0], found.end()
            if token in _REFUSED:
                raise Problem(1, _no_place(f"with {_REFUSED[token]}"))
            if token == "\\" and number < len(texts) - 1:
                raise Problem(1, _no_place("behind a backslash"))
            if token[0] != "\\":
                inside = "" if inside else token
        if inside and number < len(texts) - 1:
            raise Problem(1, _no_place("in a comment" if inside == "#" else "in quotes"))
        before = "x"  # a value


def _no_place(where: str) -> str:
    return (
        f"a placeholder {where} cannot be filled safely; write it outside of quotes (its value is "
        "quoted as one word), give the command as a list, or put the text into a template file"
    )
