"""Showing a run or a study: the panel and its report in a notebook, text in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import TYPE_CHECKING, Any

from psweep_nb.ui import follower, header, report, text, texts
from psweep_nb.ui.slot import display

if TYPE_CHECKING:
    from psweep_nb.runs import Run
    from psweep_nb.study import Study
    from psweep_nb.ui.panel import RunPanel

MOST_RUNS = 50  # in a table of runs, the newest; study.runs has all
_panels: dict[str, RunPanel] = {}


def show_run(ip: Any, run: Run, *, new: bool = False) -> None:
    """Show a run as an output of the cell that is running.

    In a terminal that is text, and nothing for a run of which nothing can be told yet (``new``).
    """
    run.view.poll()
    if not has_page(ip):
        if not new:
            print("\n".join(text.status_lines(run)))
        return
    panel = panel_of(run)
    for _ in panel.push():
        pass
    display(panel.widget)
    gathered = report.gather(run)
    panel.slot.show(report.html(gathered), "\n".join(text.status_lines(run)))
    follower.shared().follow(panel)


def has_page(ip: Any) -> bool:
    """Whether outputs go to a page: the shell of a kernel does, a terminal's does not."""
    return getattr(ip, "kernel", None) is not None


def panel_of(run: Run) -> RunPanel:
    """The panel of a run; there is one in a kernel, however often it is shown."""
    from psweep_nb.ui.panel import RunPanel

    panel = _panels.get(run.run_id)
    if panel is None:
        panel = _panels[run.run_id] = RunPanel(run)
    return panel


def wake(run: Run) -> None:
    """Have the panel of a run look at once: something was just asked of the run."""
    panel = _panels.get(run.run_id)
    if panel is not None:
        follower.shared().follow(panel)


def finish(run: Run) -> None:
    """Bring the panel and the report of a run to its end before the cell returns."""
    panel = _panels.get(run.run_id)
    if panel is not None:
        for _ in panel.push():
            pass


def show_study(ip: Any, study: Study) -> None:
    """Show a study: its directory and its runs."""
    show_runs(ip, study)


def show_runs(ip: Any, study: Study) -> None:
    """Show the runs of a study as a table."""
    runs = study.runs
    rows = [_run_row(run) for run in runs[-MOST_RUNS:]]
    plain = _plain_table(study, rows)
    if has_page(ip):
        data = {"text/html": _html_table(study, rows), "text/plain": plain}
        display(data, raw=True)
    else:
        print(plain)


_COLUMNS = ("run", "label", "function", "state", "done", "failed", "total", "started")
_NUMERIC = {"run", "done", "failed", "total"}


def _run_row(run: Run) -> dict[str, str]:
    status = run.status()
    when = report.started(run)
    return {
        "run": str(run.run_seq),
        "label": texts.line(run.label, 40),
        "function": texts.cut(report.function_name(run), 40),
        "state": status.state,
        "done": texts.count(status.done),
        "failed": texts.count(status.failed),
        "total": texts.count(status.total),
        "started": texts.date(when) if when else "",
    }


def _plain_table(study: Study, rows: Sequence[dict[str, str]]) -> str:
    where = header.directory(study.path)
    if not rows:
        return f"{where} has no runs yet"
    columns = [c for c in _COLUMNS if any(row[c] for row in rows)]
    widths = {c: max(len(c), *(len(row[c]) for row in rows)) for c in columns}
    lines = [dict(zip(columns, columns, strict=True)), *rows]
    text_lines = [
        "  ".join(
            row[c].rjust(widths[c]) if c in _NUMERIC else row[c].ljust(widths[c]) for c in columns
        ).rstrip()
        for row in lines
    ]
    return "\n".join([where, *text_lines])


def _html_table(study: Study, rows: Sequence[dict[str, str]]) -> str:
    where = f'<div class="dim">study <code>{escape(header.directory(study.path))}</code>'
    if not rows:
        return report.wrap(f"{where}: no runs yet</div>")
    columns = [c for c in _COLUMNS if any(row[c] for row in rows)]
    head = "".join(report.html_cell("th", c, c in _NUMERIC) for c in columns)
    body = "".join(
        "<tr>"
        + "".join(
            report.html_cell("td", row[c], c in _NUMERIC, c == "failed" and row[c] != "0")
            for c in columns
        )
        + "</tr>"
        for row in rows
    )
    return report.wrap(
        f"{where}</div><table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    )
