"""Following a run in a terminal: a bar there, lines in a pipe. It only reads."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING

from psweep_nb.cli.common import INTERRUPTED, NO, OK
from psweep_nb.progress import progress_bar
from psweep_nb.ui.text import status_lines
from psweep_nb.wording import printable

if TYPE_CHECKING:
    from psweep_nb.runs import Run
    from psweep_nb.status import Status

_BAR_S, _LINES_S = 0.2, 1.0


def follow(run: "Run") -> int:
    """Show a run's progress until it has ended; 0 if all its psets are done."""
    status = run.status()
    try:
        if not status.ended:
            ended = status.done + status.failed
            with progress_bar(status.total, ended) as advance:
                status = _in_lines(run) if advance is None else _on_bar(run, ended, advance)
    except KeyboardInterrupt:
        print(f"no longer followed; run {run.run_seq} goes on", file=sys.stderr)
        return INTERRUPTED
    print("\n".join(status_lines(run)))
    return OK if status.state == "finished" and not status.failed else NO


def _on_bar(run: "Run", shown: int, advance: Callable[[int], object]) -> "Status":
    while True:
        status = run.wait(_BAR_S)
        advance(status.done + status.failed - shown)
        shown = status.done + status.failed
        if status.ended:
            return status


def _in_lines(run: "Run") -> "Status":
    shown = None
    while True:
        status = run.wait(_LINES_S)
        if status.ended:
            return status
        counts = (status.state, status.done, status.failed, status.running)
        if counts != shown:
            print(printable(str(status)), flush=True)
            shown = counts
