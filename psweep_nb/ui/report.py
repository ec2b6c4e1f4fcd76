"""What a run left, as plain HTML: it stays in the saved notebook.

Readable with no kernel, no JavaScript and no network, in light and dark, and still when a
front-end strips the style sheet. Everything from a user is escaped here and nowhere else.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from html import escape
from typing import TYPE_CHECKING, Any

from psweep_nb.errorkinds import kind_of
from psweep_nb.ui import header, rows, texts

if TYPE_CHECKING:
    from psweep_nb.records import PsetRecord
    from psweep_nb.runs import Run

SHOWN = 20
_GROUPS = 5
_SCANNED = 300  # failures looked at to group them
_TAIL = 12  # lines of a traceback

# Colours come from the page around it where it has Jupyter's variables, else stay readable on
# both grounds. The rule for text is as particular as Jupyter's own, which puts all to the right.
# The last rule hides "Loading widget..." and "Error displaying widget: model not
# found" above a report: panels of JupyterLab that hold bare text.
_STYLE = """<style>
.psw-report{font-size:13px;line-height:1.5;max-width:100%;overflow-x:auto}
.psw-report table{border-collapse:collapse;font-variant-numeric:tabular-nums;margin:.4em 0}
.psw-report th,.psw-report td{border-bottom:1px solid rgba(128,128,128,.3);padding:1px 10px 1px 0;
white-space:nowrap;font-size:12px}
.psw-report .num{text-align:right}
.psw-report td:not(.num),.psw-report th:not(.num){text-align:left}
.psw-report .bad{color:var(--jp-error-color1,#d32f2f)}
.psw-report .dim{opacity:.75}
.psw-report pre{font-size:12px;line-height:1.35;margin:.2em 0 .6em;white-space:pre-wrap;
background:none;color:inherit}
.jp-OutputArea-child:has(+ .jp-OutputArea-child .psw-report)>.lm-Panel:not(:has(*)){display:none}
</style>"""


@dataclass
class Gathered:
    """What the report says; gathered piece by piece, then written at once."""

    head: dict[str, Any]
    function: str
    started: float | None
    records: Sequence[PsetRecord]
    groups: list[tuple[str, int, PsetRecord]] = field(default_factory=list)
    scanned: int = 0
    params: Sequence[str] = ()


def gather(run: Run, breathe: Callable[[], None] = lambda: None) -> Gathered:
    """Look at the run; calls ``breathe`` between pieces of about a millisecond."""
    status = run.view.status()
    gathered = Gathered(
        header.build(run, status),
        function_name(run),
        started(run),
        rows.newest_first(run.view, SHOWN),
        params=run.info.get("params", ()),
    )
    breathe()
    groups: dict[str, tuple[int, PsetRecord]] = {}  # the newest of each kind
    failed = run.view.failed_indices()[-_SCANNED:] if status.failed else []
    for index in reversed(failed):
        record = run.view.record(index)
        if record is None or record.state != "failed":
            continue
        kind = kind_of(texts.line(record.error))
        known = groups.get(kind)
        groups[kind] = (known[0] + 1, known[1]) if known else (1, record)
        gathered.scanned += 1
        if gathered.scanned % 50 == 0:
            breathe()
    gathered.groups = [(texts.line(r.error), n, r) for n, r in groups.values()]
    return gathered


def function_name(run: Run) -> str:
    """The name of what was run."""
    return texts.line(str(run.info.get("function") or ""), 80)


def started(run: Run) -> float | None:
    """When the run was submitted (epoch, s)."""
    try:
        return datetime.fromisoformat(run.info["time_utc"]).timestamp()
    except (KeyError, TypeError, ValueError):
        return None


def html(gathered: Gathered) -> str:
    """The report.

    Returns
    -------
    str
        One element of class ``psw-report`` and its style, below 100 KB.
    """
    head = gathered.head
    label = f" {escape(head['label'])}" if head["label"] else ""
    name = f"<code>{escape(gathered.function)}</code>, " if gathered.function else ""
    when = f", started {texts.date(gathered.started)}" if gathered.started else ""
    wrong = head["state"] in ("lost", "gone") or (head["ended"] and head["failed"])
    bad = ' class="bad"' if wrong else ""
    state = f"<span{bad}>{escape(head['words'])}</span>"
    pace = escape("".join(f", {part}" for part in head["pace"]))
    parts = [
        f"<div><b>{escape(head['name'])}{label}</b>: {state}</div>",
        f"<div>{name}{escape(_counts(head))}</div>",
        f'<div class="dim">{escape(head["dir"])}{when}{pace}; as of {head["clock"]}</div>',
    ]
    if head["message"]:
        parts.append(f"<div>{escape(head['message'])}</div>")
    parts += _failures(gathered)
    parts += _table(gathered)
    return wrap("\n".join(parts))


def wrap(inside: str) -> str:
    """HTML of ours as one element with the report's looks."""
    return f'{_STYLE}\n<div class="psw-report">\n{inside}\n</div>'


def _counts(head: dict[str, Any]) -> str:
    wanted = [head["counts"]["done"]]
    wanted += [head["counts"][kind] for kind in ("failed", "running") if head[kind]]
    wanted += [head["counts"]["pending"]] if "pending" in head["counts"] else []
    return ", ".join(wanted)


def _failures(gathered: Gathered) -> Iterable[str]:
    for error, number, record in gathered.groups[:_GROUPS]:
        which = f"pset {record.index}" + (f" and {number - 1} more" if number > 1 else "")
        tail = texts.block("\n".join(record.traceback.rstrip().splitlines()[-_TAIL:]), 3000)
        yield (
            f'<details><summary><span class="bad">{escape(error)}</span>'
            f' <span class="dim">({escape(which)})</span></summary>'
            f"<div>{escape(_pset_line(record))}</div><pre>{escape(tail)}</pre></details>"
        )
    more = len(gathered.groups) - _GROUPS
    if more > 0:
        yield f'<div class="dim">and {texts.count(more)} more kinds of failure: run.failures</div>'
    unseen = gathered.head["failed"] - gathered.scanned
    if unseen > 0 and gathered.scanned:
        yield f'<div class="dim">among the newest {gathered.scanned} failures</div>'


def _pset_line(record: PsetRecord) -> str:
    pairs = [f"{texts.line(str(k), 40)}={texts.cell(v)}" for k, v in list(record.pset.items())[:12]]
    return texts.cut(", ".join(pairs), 400)


def _table(gathered: Gathered) -> Iterable[str]:
    if not gathered.records:
        yield f'<div class="dim">{escape(gathered.head["empty"])}</div>'
        return
    table = rows.of_records(gathered.records, gathered.params)
    columns, shown = table["columns"][:16], table["rows"]
    left_out = len(table["columns"]) - len(columns) + table["hidden"]
    yield "<table><thead><tr>" + html_cell("th", "pset", True)
    for column in columns:
        yield html_cell("th", column["name"], column["numeric"])
    yield html_cell("th", "state") + html_cell("th", "runtime", True) + "</tr></thead><tbody>"
    results = sum(column["kind"] == "result" for column in columns)
    for row in shown:
        cells = [html_cell("td", str(row["index"]), True)]
        for column, text in zip(columns, row["cells"], strict=False):
            if column["kind"] == "param" or not row["error"]:
                cells.append(html_cell("td", text, column["numeric"]))
        if row["error"] and results:
            error = escape(texts.cut(row["error"], 80))
            cells.append(f'<td class="bad" colspan="{results}">{error}</td>')
        state = html_cell("td", row["state"], bad=row["state"] == "failed")
        yield "<tr>" + "".join(cells) + state + html_cell("td", row["runtime"], True) + "</tr>"
    yield "</tbody></table>"
    ended = gathered.head["done"] + gathered.head["failed"]
    notes = []
    if ended > len(shown):
        notes.append(f"the newest {len(shown)} of {texts.count(ended)} rows")
    if left_out:
        notes.append(f"{left_out} more columns")
    if notes:
        yield f'<div class="dim">{escape(", ".join(notes))}; all: run.df</div>'


def html_cell(tag: str, text: str, numeric: bool = False, bad: bool = False) -> str:
    """One table cell, escaped."""
    kinds = " ".join(name for name, on in (("num", numeric), ("bad", bad)) if on)
    return (
        f'<{tag} class="{kinds}">{escape(text)}</{tag}>'
        if kinds
        else (f"<{tag}>{escape(text)}</{tag}>")
    )


@dataclass
class Schedule:
    """When the report in the notebook is brought up to date: each time dirties the document.

    At 1, 2, 5, 10 and 30 s, then every 30 s, and at the end.
    """

    began: float = field(default_factory=time.monotonic)
    last: float = -1.0
    ended: bool = False

    def due(self, now: float, ended: bool) -> bool:
        """Whether to write now; remembers that it was."""
        if ended:
            was, self.ended = self.ended, True
            return not was
        if self.ended:  # resumed or retried
            self.began, self.last, self.ended = now, -1.0, False
        age = now - self.began
        moments = [m for m in (1, 2, 5, 10, 30) if m <= age]
        passed = age // 30 * 30 if age >= 30 else (moments[-1] if moments else 0.0)
        if passed > max(self.last, 0.0):
            self.last = passed
            return True
        return False
