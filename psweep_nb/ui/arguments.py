"""What a person typed after ``%psweep``: words, options, and the values they stand for.

Words are Python expressions of the notebook, split at white space outside brackets and
quotes. Owns no command: ``commands`` says which options there are, ``magics`` what they do.
"""

from __future__ import annotations

import ast
import difflib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from IPython.core.error import UsageError

from psweep_nb.errors import PsweepError

_CLOSERS = {"(": ")", "[": "]", "{": "}"}
_OPTION = re.compile(r"--?[A-Za-z]")
_AXIS = re.compile(r"([^\W\d]\w*)=(?!=)(.*)", re.DOTALL)
_STRING_START = re.compile(r"[rRbBfFuU]{0,2}[\"']")


@dataclass(frozen=True)
class Option:
    """One option of a subcommand; ``value`` names what follows it, None marks a flag."""

    name: str
    help: str
    short: str = ""
    value: str | None = None
    kind: str = "text"  # "text", "expression", "name" or "choice"
    choices: tuple[str, ...] = ()

    @property
    def spelled(self) -> str:
        """How the help writes it: ``-w, --workers N``."""
        both = ", ".join(part for part in (self.short, self.name) if part)
        return f"{both} {self.value}" if self.value else both


@dataclass(frozen=True)
class Command:
    """One subcommand: its usage line, its one-line summary and its options."""

    name: str
    usage: str
    summary: str
    options: tuple[Option, ...] = ()
    example: str = ""


@dataclass
class Words:
    """A line after parsing: plain words in order, and the options that were given."""

    plain: list[str] = field(default_factory=list)
    options: dict[str, str] = field(default_factory=dict)

    def flag(self, name: str) -> bool:
        """Whether a flag such as ``--again`` was given."""
        return name in self.options


def split(line: str) -> list[str]:
    """Split a line at white space outside brackets and quotes; ``#`` starts a comment.

    Raises
    ------
    UsageError
        For a bracket or quote that is never closed.

    Examples
    --------
    >>> split("f a=[1, 2] -d 'my dir'  # six psets")
    ['f', 'a=[1, 2]', '-d', "'my dir'"]
    """
    words: list[str] = []
    open_brackets: list[str] = []
    start: int | None = None
    at = 0
    while at < len(line):
        char = line[at]
        if char in "\"'":
            start = at if start is None else start
            at = _end_of_string(line, at)
            continue
        if char.isspace() and not open_brackets:
            if start is not None:
                words.append(line[start:at])
                start = None
        elif char == "#" and start is None:
            break
        else:
            start = at if start is None else start
            _note_bracket(char, open_brackets, line[start:])
        at += 1
    if open_brackets:
        raise UsageError(f"{open_brackets[-1]!r} is never closed in: {_cut(line)}")
    if start is not None:
        words.append(line[start:at])
    return words


def _end_of_string(line: str, at: int) -> int:
    """Index behind the string literal that begins at ``at``."""
    quote = line[at : at + 3] if line[at : at + 3] in ('"""', "'''") else line[at]
    at += len(quote)
    while at < len(line):
        if line[at] == "\\":
            at += 2
        elif line.startswith(quote, at):
            return at + len(quote)
        else:
            at += 1
    raise UsageError(f"the quote {quote} is never closed in: {_cut(line)}")


def _note_bracket(char: str, open_brackets: list[str], text: str) -> None:
    if char in _CLOSERS:
        open_brackets.append(char)
    elif char in _CLOSERS.values():
        if not open_brackets or _CLOSERS[open_brackets[-1]] != char:
            raise UsageError(f"{char!r} closes nothing in: {_cut(text)}")
        open_brackets.pop()


def parse(command: Command, line: str) -> Words:
    """Sort the words of ``line`` into plain ones and the options ``command`` knows.

    Raises
    ------
    UsageError
        For an unknown option, a value that is missing, an option given twice.
    """
    words = Words()
    rest = split(line)
    while rest:
        word = rest.pop(0)
        if not _OPTION.match(word):
            words.plain.append(word)
            continue
        name, glued, value = word.partition("=")
        option = _find_option(command, name)
        if option.name in words.options:
            raise UsageError(f"{name} is given twice")
        if option.value is None:
            if glued:
                raise UsageError(f"{option.name} takes no value: write {option.name} alone")
            value = ""
        elif not glued:
            if not rest or (_OPTION.match(rest[0])):
                raise UsageError(f"{name} wants a value: {option.spelled}")
            value = rest.pop(0)
        if option.kind == "choice" and value not in option.choices:
            raise UsageError(f"{name} is one of {', '.join(option.choices)}, not {value}")
        if option.kind == "name" and not value.isidentifier():
            raise UsageError(f"{name} wants a variable name, not {value}")
        words.options[option.name] = value
    return words


def _find_option(command: Command, name: str) -> Option:
    for option in command.options:
        if name in (option.name, option.short):
            return option
    known = [part for o in command.options for part in (o.name, o.short) if part]
    for option in command.options:
        if option.short and option.value and name.startswith(option.short) and name[1] != "-":
            glued = name[len(option.short) :]
            raise UsageError(f"unknown option {name}; did you mean {option.short} {glued}?")
    raise UsageError(
        f"unknown option {name} of %psweep {command.name}"
        + suggest(name, known)
        + f"; options: {' '.join(o.name for o in command.options) or 'none'}"
    )


def suggest(word: str, known: Iterable[str]) -> str:
    """``; did you mean ...?`` for the closest known word, else nothing."""
    close = difflib.get_close_matches(word, list(known), n=1)
    return f"; did you mean {close[0]}?" if close else ""


def axis_of(word: str) -> tuple[str, str] | None:
    """``a=[1, 2]`` as ``("a", "[1, 2]")``; None for any other word."""
    match = _AXIS.fullmatch(word)
    return (match[1], match[2]) if match else None


def evaluate(text: str, names: dict[str, Any], what: str) -> Any:
    """The value of one expression of the notebook.

    Parameters
    ----------
    text : str
        The expression.
    names : dict
        The notebook's names; never changed.
    what : str
        What the value is for (``PARAMS``), named in errors.

    Raises
    ------
    UsageError
        When it is no expression, or computing it raises; says what and why in one line.
    """
    try:
        return _value(text, names, what)
    except UsageError as error:
        if text.lower().endswith(".csv"):
            raise UsageError(f"{what}: the path of a file is a text: {text!r}") from error
        raise


def _value(text: str, names: dict[str, Any], what: str) -> Any:
    try:
        code = compile(text.strip(), f"<%psweep {what}>", "eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError) as error:
        reason = getattr(error, "msg", None) or str(error)
        raise UsageError(
            f"{what} is not a Python expression ({reason}): {_cut(text)}"
            " (one with spaces needs brackets around it)"
        ) from None
    try:
        return eval(code, dict(names))
    except NameError as error:
        name = getattr(error, "name", None) or ""
        hint = suggest(name, (key for key in names if not key.startswith("_")))
        raise UsageError(f"{what}: {error}".split(". Did you")[0] + hint) from None
    except PsweepError as error:  # made for people, and says who raised it
        raise UsageError(f"{what}: {error}") from error
    except Exception as error:
        raise UsageError(f"{what}: {_cut(text)} raises {type(error).__name__}: {error}") from error


def text_value(text: str, names: dict[str, Any], what: str) -> Any:
    """The value of an option that is usually bare text: ``calc``, but also ``f"calc{i}"``.

    Quoted or bracketed words are expressions, everything else stands for itself.
    """
    if _STRING_START.match(text) or text[:1] in _CLOSERS:
        return evaluate(text, names, what)
    return text


def number(words: Words, option: str, names: dict[str, Any], *, whole: bool = False) -> Any:
    """The number given with an option, or None.

    Raises
    ------
    UsageError
        When the value is no number, not positive, or not whole where it has to be.
    """
    if option not in words.options:
        return None
    value = evaluate(words.options[option], names, option)
    kind = "a whole number" if whole else "a number"
    try:
        good = value == (int(value) if whole else float(value)) and value > 0
    except (TypeError, ValueError, OverflowError):
        good = False
    if not good:
        raise UsageError(f"{option} wants {kind} above 0, not {_cut(repr(value))}")
    return int(value) if whole else float(value)


def address(text: str, names: Mapping[str, Any]) -> Any:
    """What a word that names a run stands for.

    ``-1`` and ``3`` are numbers, a variable of the notebook is its value when that looks
    like a run, everything else is a label.
    """
    try:
        literal = ast.literal_eval(text)
    except (SyntaxError, ValueError):
        value = names.get(text)
        return value if hasattr(value, "run_seq") else text
    return literal if isinstance(literal, (int, str)) else text


def _cut(text: str, width: int = 60) -> str:
    text = " ".join(text.split())
    return text if len(text) <= width else text[: width - 1] + "…"
