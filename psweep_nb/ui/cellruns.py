"""Running a cell again and again behind the notebook's back, and what it put out as one output.

``watch`` calls it between cells, on the main thread. `InteractiveShell.run_cell` is no use there:
it publishes by itself, counts a cell, and calls the hooks of every extension.
"""

from __future__ import annotations

import ast
import base64
import contextlib
import io
import signal
import sys
import threading
import time
import traceback
from collections import OrderedDict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from html import escape
from types import CodeType
from typing import Any

import IPython.core.displayhook
from IPython.core.error import UsageError

from psweep_nb.ui import texts

_hooks: Any = IPython.core.displayhook  # has no types

_STREAM = "psweep/stream"  # what was printed, among the outputs
_LINES = 30  # of a traceback


@dataclass
class Ran:
    """What one run of the cell brought."""

    outputs: list[dict[str, Any]] = field(default_factory=list)
    error: str = ""  # in one line
    traceback: str = ""
    interrupted: bool = False
    seconds: float = 0.0


class Cell:
    """A cell, compiled once.

    Parameters
    ----------
    ip : IPython.InteractiveShell
    source : str
        The cell below its magic line; may hold magics itself.

    Raises
    ------
    UsageError
        When it is empty, no Python, or awaits something.
    """

    def __init__(self, ip: Any, source: str) -> None:
        self._ip = ip
        plain = ip.transform_cell(source)
        # Registered with its source, for tracebacks; numbered like the cell it stands in.
        self._filename: str = ip.compile.cache(plain, ip.execution_count, raw_code=source)
        try:
            tree = ast.parse(plain, self._filename)
            self._parts = self._compile(tree, plain)
        except SyntaxError as error:
            raise UsageError(_syntax(error)) from None
        if not self._parts:
            raise UsageError(
                "the cell is empty: below the %%psweep line goes what to run again, a plot say"
            )

    def _compile(self, tree: ast.Module, plain: str) -> list[CodeType]:
        body, parts = tree.body, []
        last: list[ast.stmt] = []
        shown = body and isinstance(body[-1], ast.Expr)
        if shown and not _hooks.DisplayHook.semicolon_at_end_of_expression(plain):
            body, last = body[:-1], body[-1:]
        if body:
            parts.append(compile(ast.Module(body, []), self._filename, "exec"))
        if last:
            parts.append(compile(ast.Interactive(last), self._filename, "single"))
        return parts

    def run(self, captured: bool = True) -> Ran:
        """Run it in the notebook's namespace; whatever it raises is in what is returned.

        Parameters
        ----------
        captured : bool
            Gather what it puts out, and keep its figures apart, instead of letting it through.
        """
        ran = Ran()
        began = time.perf_counter()
        try:
            with contextlib.ExitStack() as stack:
                if captured:
                    ran.outputs = stack.enter_context(_captured(self._ip))
                    stack.enter_context(_own_figures(self._ip, ran.outputs))
                for part in self._parts:
                    exec(part, self._ip.user_ns)
        except KeyboardInterrupt:
            ran.interrupted = True
            ran.error = "interrupted"
        except BaseException as error:  # SystemExit too: it must not end the kernel
            ran.error = texts.line(f"{type(error).__name__}: {_message(error)}", 300)
            ran.traceback = self._traceback(error)
        ran.seconds = time.perf_counter() - began
        return ran

    def _traceback(self, error: BaseException) -> str:
        """The traceback from the cell's own line on."""
        frame = error.__traceback__
        while frame is not None and frame.tb_frame.f_code.co_filename != self._filename:
            frame = frame.tb_next
        try:
            lines = traceback.format_exception(type(error), error, frame or error.__traceback__)
        except Exception:  # a message of the user's own that raises
            lines = [f"{type(error).__name__}\n"]
        text = "".join(lines).replace(self._filename, "the watched cell")
        return texts.block("\n".join(text.splitlines()[-_LINES:]), 8000)


def _message(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:
        return "(its message cannot be shown)"


def _syntax(error: SyntaxError) -> str:
    where = f"line {(error.lineno or 1) + 1} of the cell: {error.msg}"
    text = (error.text or "").strip()
    return where + (f": {text[:60]}" if text else "")


# -- capturing -------------------------------------------------------------------------------


@contextlib.contextmanager
def _captured(ip: Any) -> Iterator[list[dict[str, Any]]]:
    """Gather what is displayed and printed here; SIGINT interrupts, as in a cell."""
    outputs: list[dict[str, Any]] = []
    kept = ip.display_pub, sys.displayhook, sys.stdout, sys.stderr
    ip.display_pub = _Publisher(outputs, kept[0])
    sys.displayhook = _hooks.CapturingDisplayHook(ip, outputs)
    sys.stdout = _Stream(outputs, kept[2])
    sys.stderr = _Stream(outputs, kept[3])
    try:
        with _interruptible(), ip.builtin_trap:
            yield outputs
    finally:
        ip.display_pub, sys.displayhook, sys.stdout, sys.stderr = kept


class _Here:
    """Gathers what this thread puts out; other threads', the panel's say, goes on as before."""

    def __init__(self, outputs: list[dict[str, Any]], before: Any) -> None:
        self._outputs = outputs
        self._before = before
        self._thread = threading.get_ident()

    def _is_mine(self) -> bool:
        return threading.get_ident() == self._thread

    def __getattr__(self, name: str) -> Any:
        return getattr(self._before, name)


class _Stream(_Here):
    def write(self, text: str) -> int:
        if not self._is_mine():
            return int(self._before.write(text) or 0)
        if not (self._outputs and _STREAM in self._outputs[-1]["data"]):
            self._outputs.append({"data": {_STREAM: ""}, "metadata": {}})
        self._outputs[-1]["data"][_STREAM] += text
        return len(text)

    def writelines(self, lines: Iterable[str]) -> None:
        for line in lines:
            self.write(line)


class _Publisher(_Here):
    def publish(self, data: Any, metadata: Any = None, *more: Any, **options: Any) -> None:
        if self._is_mine():
            self._outputs.append({"data": data, "metadata": metadata})
        else:
            self._before.publish(data, metadata, *more, **options)

    def clear_output(self, wait: bool = False) -> None:
        if self._is_mine():
            self._outputs.clear()
        else:
            self._before.clear_output(wait)


@contextlib.contextmanager
def _interruptible() -> Iterator[None]:
    # ipykernel ignores SIGINT between cells.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class _OfThisThread(OrderedDict[int, Any]):
    """Figures that only the thread which makes them gets to see.

    matplotlib draws all figures after each message that a widget gets, and those have a thread of
    their own: two threads that draw one figure make a blank picture of it, or half of one.
    """

    def __init__(self) -> None:
        super().__init__()
        self._owner = threading.get_ident()

    def __bool__(self) -> bool:
        return len(self.values()) > 0

    def values(self) -> Any:
        return super().values() if threading.get_ident() == self._owner else ()


@contextlib.contextmanager
def _own_figures(ip: Any, outputs: list[dict[str, Any]]) -> Iterator[None]:
    """Keep pyplot's figures of the notebook apart from ours; ours are displayed and closed."""
    from matplotlib._pylab_helpers import Gcf  # before the cell does, which may import pyplot

    managers: Any = Gcf
    theirs, managers.figs = managers.figs, _OfThisThread()
    try:
        yield
        for manager in list(managers.figs.values()):
            outputs.append(_figure(ip, manager.canvas.figure))
    finally:
        for number in list(managers.figs):
            managers.destroy(number)
        managers.figs = theirs
        _nothing_left_to_draw()


def _nothing_left_to_draw() -> None:
    # The inline backend would show our closed figures after the next cell.
    inline = sys.modules.get("matplotlib_inline.backend_inline")
    if inline is not None:
        inline.show._to_draw = []
        inline.show._draw_called = False


def _figure(ip: Any, figure: Any) -> dict[str, Any]:
    """A figure as the notebook would show it; as PNG where it has no way to."""
    data, metadata = ip.display_formatter.format(figure)
    if not any(kind.startswith("image/") for kind in data):
        buffer = io.BytesIO()
        figure.savefig(buffer, format="png", bbox_inches="tight")
        data["image/png"] = buffer.getvalue()
    return {"data": data, "metadata": metadata}


# -- one output of many ----------------------------------------------------------------------


def bundle(outputs: list[dict[str, Any]]) -> tuple[dict[str, Any], dict[str, Any]]:
    """All outputs as one, with its metadata.

    One is itself, whatever its kind; several become HTML, in which pictures, tables and text
    keep their looks, and others are shown as their text.

    Examples
    --------
    >>> bundle([{"data": {"text/plain": "1"}, "metadata": {}}])
    ({'text/plain': '1'}, {})
    """
    if len(outputs) == 1 and _STREAM not in outputs[0]["data"]:
        data = {kind: _text(content) for kind, content in outputs[0]["data"].items()}
        return data, outputs[0]["metadata"] or {}
    plain = "\n".join(_plain(output["data"]).rstrip("\n") for output in outputs)
    if all(_STREAM in output["data"] for output in outputs):
        return {"text/plain": plain}, {}
    return {"text/html": "\n".join(map(_html, outputs)), "text/plain": plain}, {}


def size(data: dict[str, Any]) -> int:
    """How much a page has to be sent, in characters."""
    return sum(len(content) for content in data.values() if isinstance(content, str))


def _text(content: Any) -> Any:
    """Pictures come as bytes."""
    return base64.b64encode(content).decode() if isinstance(content, bytes) else content


def _plain(data: dict[str, Any]) -> str:
    return texts.block(str(data.get(_STREAM) or data.get("text/plain", "")))


def _html(output: dict[str, Any]) -> str:
    data, metadata = output["data"], output["metadata"] or {}
    for kind in ("text/html", "image/svg+xml"):
        if kind in data:
            return f"<div>{data[kind]}</div>"
    for kind in ("image/png", "image/jpeg"):
        if kind in data:
            shape = metadata.get(kind, {}) if isinstance(metadata.get(kind), dict) else {}
            sizes = "".join(f' {k}="{int(shape[k])}"' for k in ("width", "height") if k in shape)
            text = escape(_plain(data), quote=True)
            return (
                f'<div><img alt="{text}" src="data:{kind};base64,{_text(data[kind])}"{sizes}></div>'
            )
    return f"<pre>{escape(_plain(data))}</pre>"
