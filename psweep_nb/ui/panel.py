"""The live panel of a run: one widget, its conversation with the page, and the report below it.

``header`` and ``rows`` say what is shown; here is only how it gets to the page and what the
page may ask for. Nothing here computes psets.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import anywidget
import traitlets

from psweep_nb.errors import PsweepError
from psweep_nb.ui import header, report, rows, texts
from psweep_nb.ui.slot import Slot

if TYPE_CHECKING:
    from psweep_nb.runs import Run

PORTION = 128  # records read at once: half a millisecond
_STATIC = Path(__file__).parent / "static"


class PanelWidget(anywidget.AnyWidget):
    """The widget itself: two texts that the page shows. They survive a reload of the page."""

    _esm = (_STATIC / "panel.js").read_text(encoding="utf-8")
    _css = (_STATIC / "panel.css").read_text(encoding="utf-8")

    header = traitlets.Unicode("{}").tag(sync=True)
    rows = traitlets.Unicode("{}").tag(sync=True)
    name: ClassVar[str] = "a run"

    def __repr__(self) -> str:
        # What a front-end without widgets, and a saved notebook without a kernel, show.
        return "(live panel; what it shows is also in the report below)"


class RunPanel:
    """One run on show: followed, pushed to the page, asked by it.

    Parameters
    ----------
    run : Run
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.widget = PanelWidget()
        self.slot = Slot(f"psweep-{run.run_id}", self.widget.send)
        self._rows = rows.Rows(run.view, run.info.get("params", ()))
        self._schedule = report.Schedule()
        self._seen = self._last_report = 0
        # The follower pushes, and so does a cell that waited for the run's end.
        self._pushing = threading.Lock()
        # Messages from the page are handled on whatever thread the kernel chooses.
        self._commanding = threading.Lock()
        self.widget.on_msg(lambda _widget, content, _buffers: self.answer(content))
        keep_answering(self.widget)

    def poll(self) -> int:
        """Read what is new in the journal, a portion at most; see whether psets have reported."""
        self.run.view.poll(PORTION)
        # Not what poll says: others read the same view, a watched cell say.
        new, self._seen = self.run.view.count - self._seen, self.run.view.count
        last = self.run.view.last_report()
        reported, self._last_report = last != self._last_report, last
        return new or int(reported)

    def ended(self) -> bool:
        """Whether the run has ended."""
        return self.run.view.state()[0] in header.ENDED

    def push(self) -> Iterator[None]:
        """Bring the page, and when it is due the report, up to date; yields in between."""
        with self._pushing:
            status = self.run.view.status()
            head = json.dumps(header.build(self.run, status), ensure_ascii=False)
            yield
            table = self._rows.build(status.failed)
            yield
            self.widget.rows = json.dumps(table, ensure_ascii=False)
            yield
            self.widget.header = head
            yield
            if self._schedule.due(time.monotonic(), status.ended):
                yield from self._write_report()

    def _write_report(self) -> Iterator[None]:
        """Write the report into the notebook."""
        gathered = report.gather(self.run, lambda: time.sleep(0.0005))
        yield
        self.slot.update(report.html(gathered), _plain(gathered))

    def fail(self, error: Exception) -> None:
        """Say on the page that the run cannot be read."""
        head = json.loads(self.widget.header) or {"name": f"run {self.run.run_seq}"}
        head["message"] = texts.line(f"cannot be followed: {error}", 300)
        head["clock"] = texts.clock()
        self.widget.header = json.dumps(head, ensure_ascii=False)

    def answer(self, message: Any) -> None:
        """Do what the page asked for, and say so to the view that asked."""
        if not isinstance(message, dict):
            return
        reply = {"kind": message.get("kind"), "view": message.get("view")}
        try:
            reply |= self._answer(message)
        except Exception as error:
            reply |= {"kind": "said", "bad": True, "text": texts.line(_reason(error), 400)}
        self.widget.send(reply)

    def _answer(self, message: dict[str, Any]) -> dict[str, Any]:
        kind = message.get("kind")
        if kind == "hello":
            return {"slot": self.slot.latest()}
        if kind == "detail":
            index = int(message["index"])
            self.run.view.poll()
            return {"index": index, "detail": rows.detail(self.run.view, index)}
        if kind == "command":
            return {"kind": "said", "bad": False, "text": self._command(message.get("command"))}
        return {}

    def _command(self, name: Any) -> str:
        from psweep_nb.ui.follower import shared

        run = self.run
        said: list[str] = []
        actions: dict[Any, tuple[Callable[[], object], str]] = {
            "pause": (run.pause, "pausing"),
            "stop": (run.stop, "stopping: running psets finish first"),
            "stop_now": (lambda: run.stop(now=True), "stopping now"),
            "resume": (run.resume, "resuming"),
            "retry": (lambda: run.retry(notes=said.append), "running the failed psets again"),
        }
        if name not in actions:
            raise PsweepError(f"the panel knows no command {name!r}")
        action, what = actions[name]
        with self._commanding:  # two clicks may arrive on two threads
            action()
        shared().follow(self)
        return "; ".join([what, *said])


def keep_answering(widget: anywidget.AnyWidget) -> None:
    """Let clicks be handled while a cell runs.

    ipykernel 7 sends a comm's messages to the thread that last published on the comm, which
    for ours is behind the running cell. Private, so only where it is present; without it
    clicks are handled after the cell.
    """
    comm = widget.comm
    if comm is not None and hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = lambda data, default: default


def _reason(error: Exception) -> str:
    if isinstance(error, PsweepError):
        return str(error)
    return f"{type(error).__name__}: {error}"


def _plain(gathered: report.Gathered) -> str:
    head = gathered.head
    return f"{head['name']}: {head['words']}; {head['counts']['done']} (as of {head['clock']})"
