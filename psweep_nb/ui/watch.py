"""``%%psweep watch``: a cell that runs again in place as rows of a run arrive.

The follower tells that rows came, ``turns`` says when the cell may run, ``cellruns`` runs it;
here is what is shown of it, and when it ends: with its run, when its cell is run anew, on demand.
"""

from __future__ import annotations

import itertools
import json
import os
import time
from collections.abc import Iterator
from html import escape
from typing import TYPE_CHECKING, Any

import anywidget
import traitlets

from psweep_nb.ui import begun, follower, header, report, texts, turns
from psweep_nb.ui.cellruns import Cell, Ran, bundle, size
from psweep_nb.ui.panel import PORTION, keep_answering
from psweep_nb.ui.slot import Slot, display
from psweep_nb.ui.widgetfiles import joined

if TYPE_CHECKING:
    from psweep_nb.runs import Run

EVERY = 0.5  # seconds
_GIVE_UP = 5  # times the very same error in a row
_CARRIED = 5e6  # characters a second that a page is sent
_SLOW = 1.0  # seconds between its runs that are worth a word
_IDLE = 0.1  # seconds between looks at the run, where the cell waits for it

_number = itertools.count()


class Strip(anywidget.AnyWidget):
    """The line below the output; survives a reload of the page."""

    _esm = joined("page.js", "link.js", "watch.js")
    _css = joined("base.css", "watch.css")

    state = traitlets.Unicode("{}").tag(sync=True)

    def __repr__(self) -> str:
        return "(kept up to date while its run goes on)"


class Watch:
    """One watched cell.

    Parameters
    ----------
    turns_ : Turns
    run : Run
    cell : Cell
    every : float
        Seconds between the begins of two runs of the cell, at least.
    """

    def __init__(self, turns_: turns.Turns, run: Run, cell: Cell, every: float = EVERY) -> None:
        self.run = run
        self.every = every
        self.over = ""  # why, once it is
        self._rests = False  # its run has ended; a resume or a retry goes on with it
        self._turns = turns_
        self._cell = cell
        self._seen = self._shown = 0  # records that arrived; that the cell has seen
        self._ran = Ran()
        self._times = self._alike = 0
        self._when = ""
        self._pages = 0
        self._status = run.view.status()
        self.widget = Strip()
        keep_answering(self.widget)
        self.widget.on_msg(lambda _widget, content, _buffers: self.answer(content))
        name = f"psweep-watch-{os.getpid()}-{time.time_ns()}-{next(_number)}"
        self._output = Slot(name, self._to_later_pages)
        self._line = Slot(f"{name}-line", self._to_later_pages)

    def start(self) -> None:
        """Run the cell for the first time and show it, as outputs of the cell that is running."""
        last = self.ended()  # if it ends while the cell runs, what came last is yet to be drawn
        self._poll_all()
        self._turns.join(self)
        self._run_cell()
        self._turns.spent(self, self._ran.seconds)
        if last and not self.over:
            self._end("")
        good = not self._ran.error
        self._output.show_data(*(bundle(self._ran.outputs) if good else ({"text/plain": ""}, {})))
        self._show_state()
        if not self.over:
            display(self.widget)
        self._line.show(self._html(), self._words())
        if not self.over:
            follower.shared().follow(self)

    def stop(self, why: str) -> None:
        """Run the cell no more; from any thread."""
        if not self.over:
            self._end(why)
            self._show_state()
            self._line.update(self._html(), self._words())

    # -- followed ----------------------------------------------------------------------------

    def poll(self) -> int:
        """Read what is new in the journals, a portion at most."""
        self.run.view.poll(PORTION)
        before, self._seen = self._seen, self.run.view.count
        return self._seen - before

    def push(self) -> Iterator[None]:
        """Ask for a turn if something arrived, or the run has ended or goes on."""
        if not self.over and (self._seen > self._shown or self.ended() != self._rests):
            self._turns.come_back(self)
            self._turns.ask(self)
        yield

    def ended(self) -> bool:
        """Whether the run has ended."""
        return self.run.view.state()[0] in header.ENDED

    def fail(self, error: Exception) -> None:
        """Stop: the run cannot be read."""
        self.stop(texts.line(f"the run cannot be followed: {error}", 300))

    # -- turns -------------------------------------------------------------------------------

    def turn(self) -> float:
        """Run the cell and show what it brought; the last time if the run has ended."""
        try:
            return self._turn()
        except Exception as error:  # the run's folder is gone, say
            self.fail(error)
            return 0.0

    def _turn(self) -> float:
        last = self.ended()
        self._poll_all()
        cost = 0.0
        # Of a run whose directory is gone there are no rows: what was drawn of them stays.
        if self._status.state != "gone" and (last or self._alike < _GIVE_UP):
            self._run_cell()
            if not self._ran.error and self.run.view.state()[0] != "gone":
                data, metadata = bundle(self._ran.outputs)
                self._output.update_data(data, metadata)
                cost = size(data) / _CARRIED
        self._rests = last
        if last:
            self._turns.leave(self)
        self._show_state()
        self._line.update(self._html(), self._words())
        return cost

    def _poll_all(self) -> None:
        """Read all that is new, so that what the cell sees is what we say it has seen."""
        self.run.view.poll()
        self._seen = self._shown = self.run.view.count
        self._status = self.run.view.status()

    def _run_cell(self) -> None:
        before, self._ran = self._ran, self._cell.run()
        self._alike = self._alike + 1 if self._ran.error and self._ran.error == before.error else 0
        self._times += 1
        self._when = texts.clock()
        if self._ran.interrupted:
            self._end("interrupted")

    def _end(self, why: str) -> None:
        self.over = why or "its run has ended"
        self._turns.leave(self)
        follower.shared().drop(self)

    # -- what is said ------------------------------------------------------------------------

    def answer(self, message: Any) -> None:
        """Do what the page asked for."""
        kind = message.get("kind") if isinstance(message, dict) else None
        if kind == "stop":
            self.stop("stopped")
        elif kind == "hello":
            self._pages += 1
            for slot in (self._output, self._line):
                self.widget.send({"kind": "report", "slot": slot.latest()})

    def _to_later_pages(self, message: dict[str, Any]) -> None:
        # The page that ran the cell has it already, by the kernel's own update.
        if self._pages > 1:
            self.widget.send(message)

    def _show_state(self) -> None:
        self.widget.state = json.dumps(
            {
                "live": not (self.over or self._rests),
                "words": self._words(),
                "pace": self._pace(),
                "error": self._error(),
                "traceback": self._ran.traceback,
            },
            ensure_ascii=False,
        )

    def _words(self) -> str:
        status, run = self._status, f"run {self.run.run_seq}"
        if not (self.over or self._rests):
            return f"watching {run}: {header.counts(status)['done']}"
        if status.ended:
            return f"{run} {header.words(status)}: {header.counts(status)['done']}"
        return f"no longer watching {run} ({self.over}): {header.counts(status)['done']}"

    def _pace(self) -> str:
        said = [f"as of {self._when}"]
        rest = self._turns.rest(self, self._ran.seconds)
        if not (self.over or self._rests) and rest > max(self.every, _SLOW):
            took = texts.duration(self._ran.seconds)
            said.append(f"takes {took}, so it runs at most every {texts.duration(rest)}")
        return ", ".join(said)

    def _error(self) -> str:
        if not self._ran.error or self._ran.interrupted:
            return ""
        if self._alike >= _GIVE_UP and not (self.over or self._rests):
            return f"{self._ran.error} (always the same: it runs again at the end of the run only)"
        if not self._shown and not (self.over or self._rests):
            return f"{self._ran.error} (no row has arrived yet)"
        return self._ran.error

    def _html(self) -> str:
        """The line that stays in the saved notebook."""
        words = f"{escape(self._words())}, {escape(self._pace())}"
        parts = [f'<div class="dim">{words}</div>']
        if self._error():
            parts.append(
                f'<details><summary class="bad">{escape(self._error())}</summary>'
                f"<pre>{escape(self._ran.traceback)}</pre></details>"
            )
        return report.wrap("".join(parts))


def start(ip: Any, run: Run, source: str, every: float | None) -> Watch:
    """Watch a run with the cell that is running now; one that its cell began before ends.

    Raises
    ------
    UsageError
        When the cell cannot be run.
    """
    watch = Watch(turns.shared(ip), run, Cell(ip, source), every or EVERY)
    begun.begin(ip, watch, source)
    watch.start()
    return watch


def follow_here(ip: Any, run: Run, source: str, every: float | None) -> None:
    """Run the cell as rows arrive and return when the run has ended: in a terminal.

    Interrupting ends the watching, never the run.
    """
    cell = Cell(ip, source)
    seen, ended, error = -1, False, ""
    try:
        while not ended:
            ended = run.view.state()[0] in header.ENDED
            run.view.poll()
            rest = _IDLE
            if run.view.count > seen or ended:
                seen = run.view.count
                print(f"run {run.run_seq}: {header.counts(run.view.status())['done']}")
                ran = cell.run(captured=False)
                if ran.interrupted:
                    raise KeyboardInterrupt
                if ran.error and (ran.error != error or ended):
                    print(ran.traceback)
                error = ran.error
                rest = max(every or EVERY, ran.seconds * (1 / turns.SHARE - 1))
            time.sleep(0 if ended else rest)
    except KeyboardInterrupt:
        print(f"stopped watching; run {run.run_seq} goes on (%psweep stop ends it)")
