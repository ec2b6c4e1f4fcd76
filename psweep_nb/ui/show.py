"""Showing a run or a study: the panel and its report in a notebook, text in a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psweep_nb.plaintables import html_table, text_table
from psweep_nb.runlist import MOST, NUMERIC, row_of
from psweep_nb.ui import follower, header, report, text
from psweep_nb.ui.slot import display

if TYPE_CHECKING:
    from psweep_nb.runs import Run
    from psweep_nb.study import Study
    from psweep_nb.ui.panel import RunPanel

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
    rows = [row_of(run) for run in runs[-MOST:]]
    plain = _plain_table(study, rows)
    if has_page(ip):
        data = {"text/html": _html_table(study, rows), "text/plain": plain}
        display(data, raw=True)
    else:
        print(plain)


def show_studies(ip: Any, folder: Path) -> None:
    """Show the studies under a directory as a table."""
    from psweep_nb.studies import NUMERIC as COUNTS  # with pandas: not before it is needed
    from psweep_nb.studies import studies_under

    found = studies_under(folder)
    where = header.directory(folder)
    said = ["" if found.rows else f"no studies under {where}", *found.notes]
    said = [line for line in said if line]
    table = [text_table(found.rows, COUNTS)] if found.rows else []
    plain = "\n".join([*table, *said])
    if not has_page(ip):
        print(plain)
        return
    parts = [f'<div class="dim">studies under <code>{escape(where)}</code></div>']
    parts += [html_table(found.rows, COUNTS)] if found.rows else []
    parts += [f'<div class="dim">{escape(line)}</div>' for line in said]
    display({"text/html": report.wrap("".join(parts)), "text/plain": plain}, raw=True)


def _plain_table(study: Study, rows: Sequence[dict[str, str]]) -> str:
    where = header.directory(study.path)
    return f"{where}\n{text_table(rows, NUMERIC)}" if rows else f"{where} has no runs yet"


def _html_table(study: Study, rows: Sequence[dict[str, str]]) -> str:
    where = f'<div class="dim">study <code>{escape(header.directory(study.path))}</code>'
    if not rows:
        return report.wrap(f"{where}: no runs yet</div>")
    return report.wrap(f"{where}</div>{html_table(rows, NUMERIC)}")
