"""The live panel of a run: one widget, its conversation with the page, and the report below it.

``header``, ``board`` and ``detail`` say what is shown; here is only how it gets to the page and
what the page may ask for. Nothing here computes psets.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, ClassVar

import anywidget
import traitlets

from psweep_nb.errorkinds import pattern_of
from psweep_nb.errors import PsweepError
from psweep_nb.literals import text_literal
from psweep_nb.ui import detail, header, report, texts
from psweep_nb.ui.board import Board
from psweep_nb.ui.slot import Slot
from psweep_nb.ui.widgetfiles import joined

if TYPE_CHECKING:
    from psweep_nb.runs import Run

PORTION = 500  # records read at once: a millisecond
PLOT_EVERY = 1.0  # seconds between two updates of a plot of many points
_FEW_POINTS = 200
MODULES = (
    "page.js",
    "link.js",
    "panel_head.js",
    "panel_grid.js",
    "panel_tools.js",
    "panel_detail.js",
    "panel_plot.js",
    "panel.js",
)


class PanelWidget(anywidget.AnyWidget):
    """The widget itself: texts (JSON) that the page shows. They survive a reload of the page."""

    _esm = joined(*MODULES)
    _css = joined("base.css", "panel.css")

    header = traitlets.Unicode("{}").tag(sync=True)
    known = traitlets.Unicode("{}").tag(sync=True)  # what is asked for, and can be
    rows = traitlets.Unicode("{}").tag(sync=True)  # the first of the table
    groups = traitlets.Unicode("[]").tag(sync=True)
    plot = traitlets.Unicode("{}").tag(sync=True)
    name: ClassVar[str] = "a run"

    def __repr__(self) -> str:
        # What a front-end without widgets, and a saved notebook without a kernel, show.
        return "(live panel; what it shows is also in the report below)"


class RunPanel:
    """One run on show: followed, pushed to the page, asked by it.

    All views of it, in one page or several, show what was asked for last.

    Parameters
    ----------
    run : Run
    """

    def __init__(self, run: Run) -> None:
        self.run = run
        self.widget = PanelWidget()
        self.slot = Slot(f"psweep-{run.run_id}", self.widget.send)
        self._others: tuple[Slot, ...] = ()  # where else the report is kept
        self.board = Board(run.view, run.info.get("params", ()))
        self._schedule = report.Schedule()
        self._seen = self._last_report = 0
        self._last_state = ""
        self._plotted = -1e9
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
        # An ended run too may change, from lost to gone while its directory is deleted, say.
        state = self.run.view.state()[0]
        changed, self._last_state = state != self._last_state, state
        return new or int(reported or changed or self.board.behind)

    def ended(self) -> bool:
        """Whether the run has ended."""
        return self.run.view.state()[0] in header.ENDED

    def push(self) -> Iterator[None]:
        """Bring the page, and when it is due the report, up to date; yields in between."""
        with self._pushing:
            status = self.run.view.status()
            head = _json(header.build(self.run, status))
            yield
            yield from self.board.update()
            self.widget.known = _json(self.board.known())
            yield
            self.widget.rows = _json(self.board.table())
            yield
            self.widget.groups = _json(self.board.groups())
            self.widget.header = head
            yield
            yield from self._push_plot(status.ended)
            if self._schedule.due(time.monotonic(), status.ended):
                yield from self._write_report()

    def _push_plot(self, ended: bool) -> Iterator[None]:
        plot, now = self.board.plot(), time.monotonic()
        few = len(plot.get("points", ())) <= _FEW_POINTS
        if few or ended or now - self._plotted >= PLOT_EVERY:
            self._plotted = now
            self.widget.plot = _json(plot)
        yield

    def _write_report(self) -> Iterator[None]:
        """Write the report into the notebook."""
        gathered = report.gather(self.run, lambda: time.sleep(0.0005))
        yield
        for slot in (self.slot, *self._others):
            slot.update(report.html(gathered), _plain(gathered))

    def report_in(self, slot: Slot) -> None:
        """Keep the report in an output of somebody else's as well: at once, and from now on."""
        with self._pushing:
            self._others = (*(other for other in self._others if other is not slot), slot)
            gathered = report.gather(self.run)
            slot.update(report.html(gathered), _plain(gathered))

    def report_no_more_in(self, slot: Slot) -> None:
        """Leave that output as it is."""
        with self._pushing:
            self._others = tuple(other for other in self._others if other is not slot)

    def fail(self, error: Exception) -> None:
        """Say on the page that the run cannot be read."""
        head = json.loads(self.widget.header) or {"name": f"run {self.run.run_seq}"}
        head["message"] = texts.line(f"cannot be followed: {error}", 300)
        head["clock"] = texts.clock()
        self.widget.header = _json(head)

    # -- what the page asks for --------------------------------------------------------------

    def answer(self, message: Any) -> None:
        """Do what the page asked for, and say so to the view that asked."""
        if not isinstance(message, dict):
            return
        reply = {"kind": message.get("kind"), "view": message.get("view")}
        try:
            reply |= self._answer(message)
        except Exception as error:
            reply |= {"kind": "said", "bad": True, "text": texts.line(_reason(error), 400)}
            reply["about"] = message.get("kind")
        self.widget.send(reply)

    def _answer(self, message: dict[str, Any]) -> dict[str, Any]:
        kind = message.get("kind")
        if kind == "hello":
            return {"slot": self.slot.latest()}
        if kind == "window":
            start, stop = int(message["start"]), int(message["stop"])
            return {"table": self.board.table(start, stop)}
        if kind == "query":
            self.board.ask(message.get("query"))
            self._wake()
            return {}
        if kind == "detail":
            index = int(message["index"])
            self.run.view.poll()
            self._require_folder()
            return {"index": index, "detail": detail.of(self.run, index)}
        if kind == "command":
            said = self._command(message.get("command"), message.get("group"))
            return {"kind": "said", "bad": False, "text": said}
        return {}

    def _require_folder(self) -> None:
        if self.run.view.state()[0] == "gone":
            self._wake()  # the page may show how it ended: its head says why
            raise PsweepError("nothing more can be read of this pset")

    def _command(self, name: Any, group: Any) -> str:
        run = self.run
        said: list[str] = []
        actions: dict[Any, tuple[Callable[[], object], str]] = {
            "pause": (run.pause, "pausing"),
            "stop": (run.stop, "stopping: running psets finish first"),
            "stop_now": (lambda: run.stop(now=True), "stopping now"),
            "resume": (run.resume, "resuming"),
            "retry": (lambda: run.retry(notes=said.append), "running the failed psets again"),
            "retry_group": (lambda: self._retry_group(group, said), "running this group again"),
        }
        if name not in actions:
            raise PsweepError(f"the panel knows no command {name!r}")
        action, what = actions[name]
        with self._commanding:  # two clicks may arrive on two threads
            action()
        self._wake()
        return "; ".join([what, *said])

    def _retry_group(self, group: Any, said: list[str]) -> None:
        error = self.board.example(group) if isinstance(group, str) else None
        if error is None:
            raise PsweepError("there is no such group of failures any more")
        match = pattern_of(error)
        self.run.retry(notes=said.append, match=match)
        said.append(f"the same in code: run.retry(match={_raw(match)})")

    def _wake(self) -> None:
        from psweep_nb.ui.follower import shared

        shared().follow(self)


def keep_answering(widget: anywidget.AnyWidget) -> None:
    """Let clicks be handled while a cell runs.

    ipykernel 7 sends a comm's messages to the thread that last published on the comm, which
    for ours is behind the running cell. Private, so only where it is present; without it
    clicks are handled after the cell.
    """
    comm = widget.comm
    if comm is not None and hasattr(comm, "_reply_subshell_for"):
        comm._reply_subshell_for = lambda data, default: default


def _raw(pattern: str) -> str:
    """A pattern as a person would write it."""
    simple = '"' not in pattern and not pattern.endswith("\\") and pattern.isprintable()
    return f'r"{pattern}"' if simple else text_literal(pattern)


def _json(data: object) -> str:
    return json.dumps(data, ensure_ascii=False, allow_nan=False)


def _reason(error: Exception) -> str:
    if isinstance(error, PsweepError):
        return str(error)
    return f"{type(error).__name__}: {error}"


def _plain(gathered: report.Gathered) -> str:
    head = gathered.head
    return f"{head['name']}: {head['words']}; {head['counts']['done']} (as of {head['clock']})"
