"""The languages of templates: ``$name``, as `string.Template` of Python has it, and Jinja.

Used by `templates` for files and by `cmdline` for commands. Both are strict: what has no value is
an error that names the line.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from psweep_nb.wording import printable

if TYPE_CHECKING:
    from jinja2 import Environment

_DOLLAR = re.compile(r"\$(?:(\$)|([^\W\d]\w*)|\{([^\W\d]\w*)\})?")


class Placeholder(NamedTuple):
    """A name that a template uses, and the line it stands in, counted from 1."""

    name: str
    line: int


class Problem(Exception):
    """What is wrong in a line of a template."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(what)
        self.line, self.what = line, what


class Language(Protocol):
    """A text with placeholders."""

    placeholders: list[Placeholder]

    def fill(self, values: Mapping[str, Any]) -> str:
        """Return the text with values in it, or raise `Problem`."""

    def missing(self, names: Iterable[str]) -> list[Placeholder]:
        """Return the placeholders that are known to fail if there are only these names."""


class Dollar:
    """``$name`` and ``${name}``; ``$$`` is a dollar sign. `Problem` where a ``$`` is none of these.

    Names are those of Python, so any letters may be in them.

    Examples
    --------
    >>> Dollar("cost: $$$price, ${n}x").fill({"price": 2.5, "n": 3})
    'cost: $2.5, 3x'
    """

    def __init__(self, text: str) -> None:
        self.placeholders: list[Placeholder] = []
        self.pieces: list[str] = []  # text, name, text, name, ..., text
        at, piece = 0, ""
        for found in _DOLLAR.finditer(text):
            piece += text[at : found.start()]
            at = found.end()
            name = found[2] or found[3]
            if found[1]:
                piece += "$"
            elif name is None:
                shown = text[found.start() :].split("\n")[0][:20]
                raise Problem(
                    _line(text, found.start()),
                    f"`{printable(shown)}` is no placeholder; a dollar sign itself is written $$",
                )
            else:
                self.pieces += [piece, name]
                self.placeholders.append(Placeholder(name, _line(text, found.start())))
                piece = ""
        self.pieces.append(piece + text[at:])

    def fill(self, values: Mapping[str, Any]) -> str:
        """See `Language`."""
        filled = self.pieces.copy()
        for place in range(1, len(filled), 2):
            try:
                filled[place] = str(values[filled[place]])
            except Exception as exc:
                name, line = self.placeholders[place // 2]
                raise Problem(line, _unfilled(name, exc)) from exc
        return "".join(filled)

    def missing(self, names: Iterable[str]) -> list[Placeholder]:
        """See `Language`."""
        known = set(names)
        return [found for found in self.placeholders if found.name not in known]


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


def _unfilled(name: str, exc: Exception) -> str:
    if isinstance(exc, KeyError):
        return f"`{name}` has no value"
    return f"`{name}` cannot be written as text ({type(exc).__name__}: {exc})"


class Jinja:
    """Jinja, in which a name without a value is an error. `Problem` where the syntax is wrong.

    Examples
    --------
    >>> Jinja("{% for x in xs %}{{ x }};{% endfor %}").fill({"xs": [1, 2]})
    '1;2;'
    """

    def __init__(self, text: str, finalize: Callable[[Any], str] | None = None) -> None:
        import jinja2
        from jinja2 import meta, nodes

        environment = self._environment(finalize)
        try:
            tree = environment.parse(text)
            names = meta.find_undeclared_variables(tree)
            self._template = environment.from_string(text)
        except jinja2.TemplateSyntaxError as exc:
            raise Problem(exc.lineno, f"this is not Jinja: {exc.message}") from exc
        self.placeholders = [
            Placeholder(node.name, node.lineno)
            for node in tree.find_all(nodes.Name)
            if node.ctx == "load" and node.name in names
        ]

    @staticmethod
    def _environment(finalize: Callable[[Any], str] | None = None) -> "Environment":
        import jinja2

        return jinja2.Environment(
            undefined=jinja2.StrictUndefined,
            keep_trailing_newline=True,
            autoescape=False,
            finalize=finalize,
        )

    @classmethod
    def texts(cls, text: str) -> list[str]:
        """What stands between placeholders, where it is no statement; `Problem` as above.

        >>> Jinja.texts("a {{ b }}{% if c %} d{% endif %}{{ e }}")
        ['a ', ' d', '']
        """
        import jinja2

        found = [""]
        try:
            for _, kind, value in cls._environment().lex(text):
                if kind == "variable_begin":
                    found.append("")
                elif kind == "data":
                    found[-1] += value
        except jinja2.TemplateSyntaxError as exc:
            raise Problem(exc.lineno, f"this is not Jinja: {exc.message}") from exc
        return found

    def fill(self, values: Mapping[str, Any]) -> str:
        """See `Language`."""
        try:
            return self._template.render(values)
        except Exception as exc:
            raise Problem(_line_in_jinja(exc), f"{type(exc).__name__}: {exc}") from exc

    def missing(self, names: Iterable[str]) -> list[Placeholder]:
        """See `Language`: which are needed only filling tells, for there are conditions."""
        return []


def _line_in_jinja(exc: Exception) -> int:
    line, frames = 0, exc.__traceback__
    while frames is not None:  # Jinja has put the template's own lines into the traceback
        if frames.tb_frame.f_code.co_filename == "<template>":
            line = frames.tb_lineno
        frames = frames.tb_next
    return line
