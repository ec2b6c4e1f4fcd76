"""A run in a few lines of plain text: ``%psweep status``, and all there is in a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from psweep_nb.ui import header, texts

if TYPE_CHECKING:
    from psweep_nb.runs import Run
    from psweep_nb.status import Status

_FAILURES = _REPORTS = 3


def status_lines(run: Run) -> list[str]:
    """State, counts, pace, and the newest failures.

    Returns
    -------
    list of str
        At most eleven lines.
    """
    status = run.status()
    label = f" {texts.line(run.label, 80)}" if run.label else ""
    lines = [f"run {run.run_seq}{label}: {header.words(status)}; {count_line(status)}"]
    pace = header.pace(status)
    if pace:
        lines.append("  " + ", ".join(pace))
    if status.message:
        lines.append("  " + texts.line(status.message, 300))
    lines += report_lines(status)
    if status.failed:
        lines += failure_lines(run)
    return lines


def count_line(status: Status) -> str:
    """``85 of 300 done, 3 failed, 2 running, 210 pending``; what is zero is left out."""
    counts = header.counts(status)
    shown = [counts["done"]]
    shown += [counts["failed"]] if status.failed else []
    shown += [counts["running"]] if status.running else []
    shown += [counts["pending"]] if status.pending else []
    return ", ".join(shown)


def report_lines(status: Status) -> list[str]:
    """What running psets have reported, a line each, and how many more there are."""
    lines = []
    for index, values in list(status.reports.items())[:_REPORTS]:
        shown = (f"{texts.line(name, 40)}={texts.cell(value)}" for name, value in values.items())
        lines.append(texts.cut(f"  pset {index}: {', '.join(shown)}", 120))
    if len(status.reports) > _REPORTS:
        lines.append(f"  and {texts.count(len(status.reports) - _REPORTS)} more: run.reports")
    return lines


def failure_lines(run: Run) -> list[str]:
    """The newest failures, a line each, and how many more there are."""
    failed = run.view.failed_indices()
    lines = []
    for index in reversed(failed[-_FAILURES:]):
        record = run.view.record(index)
        if record is not None:
            lines.append(f"  pset {index} failed: {texts.line(record.error, 120)}")
    if len(failed) > _FAILURES:
        lines.append(f"  and {texts.count(len(failed) - _FAILURES)} more: run.failures")
    return lines
