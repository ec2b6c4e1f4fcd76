"""The results explorer: a figure of a study or a table, its controls, and its code.

``choice`` says what can be chosen, ``drawing`` draws and writes the code; here is how it gets to
the page, and when it is drawn: on the kernel's main thread, between cells.
"""

from __future__ import annotations

import base64
import contextlib
import io
import json
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from html import escape
from typing import TYPE_CHECKING, Any

import anywidget
import IPython
import pandas as pd
import traitlets

from psweep_nb import runlist
from psweep_nb.errors import OptionError, PsweepError
from psweep_nb.ui import begun, drawing, follower, header, picture, report, show, texts, turns
from psweep_nb.ui import choice as choices
from psweep_nb.ui.choice import Choice
from psweep_nb.ui.lines import quoted
from psweep_nb.ui.panel import PORTION, keep_answering
from psweep_nb.ui.plots import table_of
from psweep_nb.ui.slot import Slot, display
from psweep_nb.ui.widgetfiles import joined

if TYPE_CHECKING:
    from psweep_nb.runs import Run
    from psweep_nb.study import Study

get_ipython: Callable[[], Any] = IPython.get_ipython  # has no types

EVERY = 1.0  # seconds between figures, as rows arrive
_LOOK = 2.0  # seconds between looks for new runs
_SHARP = 1.5  # pixels of the picture for one of the page


class ExplorerWidget(anywidget.AnyWidget):
    """The widget: texts and a picture that the page shows; they survive a reload of the page."""

    _esm = joined("page.js", "link.js", "explorer.js")
    _css = joined("base.css", "explorer.css")

    menu = traitlets.Unicode("{}").tag(sync=True)
    chosen = traitlets.Unicode("{}").tag(sync=True)
    said = traitlets.Unicode("{}").tag(sync=True)
    figure = traitlets.Bytes(b"").tag(sync=True)

    def __repr__(self) -> str:
        return "(explorer; its last figure is also below)"


class Explorer:
    """Figures of a study or a table, to be chosen by hand; made by :func:`explore`."""

    every = EVERY

    def __init__(self, data: Study | pd.DataFrame, choice: Choice) -> None:
        self.over = ""  # why, once it is
        self.source = ""  # the expression that gave the table, where somebody wrote one
        self._data = data
        self._study: Any = None if isinstance(data, pd.DataFrame) else data
        self._choosing = threading.Lock()  # pages are answered on any thread
        self._chosen = choice  # with what is left to us, until something is chosen
        self._shown = choice
        self._seq = 0  # of the page's last message
        self._code = self._html = self._plain = ""
        self._turns: turns.Turns | None = None  # once it is on show
        self._schedule = report.Schedule()
        self._news = _News(self._study)
        self._drawn = -1
        self._kept: Choice | None = None
        self.widget = ExplorerWidget()
        keep_answering(self.widget)
        self.widget.on_msg(lambda _widget, content, _buffers: self.answer(content))
        self._slot = Slot(f"psweep-explorer-{id(self)}-{time.time_ns()}", self.widget.send)

    def __repr__(self) -> str:
        return f"explorer; the code of its figure:\n\n{self.code}"

    @property
    def code(self) -> str:
        """The lines of pandas and matplotlib that make the figure; they run as they are."""
        if not self._code:
            self.draw()
        return self._code

    def _ipython_display_(self) -> None:
        ip = get_ipython()
        if ip is None or not show.has_page(ip):
            print(repr(self))
            return
        began = time.perf_counter()
        self.draw()
        self._turns = turns.shared(ip)
        self._turns.join(self)
        begun.begin(ip, self)
        self._turns.spent(self, time.perf_counter() - began)
        display(self.widget)
        self._slot.show(self._html, self._plain)
        if self._study is not None:
            follower.shared().follow(self)

    def stop(self, why: str) -> None:
        """Draw no more, nor answer; from any thread."""
        self.over = why
        follower.shared().drop(self)
        if self._turns is not None:
            self._turns.leave(self)

    # -- followed ----------------------------------------------------------------------------

    def poll(self) -> int:
        """Read what is new of the runs at work, a portion at most."""
        return self._news.poll()

    def push(self) -> Iterator[None]:
        """Ask for a turn if rows arrived."""
        if self._turns is not None and self._drawn != self._news.count:
            self._turns.ask(self)
        yield

    def ended(self) -> bool:
        """Whether no run is at work."""
        return not self._news.live

    def fail(self, error: Exception) -> None:
        """Say that the study cannot be followed."""
        said = json.loads(self.widget.said)
        said["error"] = texts.line(f"the study cannot be followed: {error}", 300)
        self.widget.said = json.dumps(said)

    def answer(self, message: Any) -> None:
        """Take what was chosen on a page, and draw it as soon as no cell runs."""
        kind = message.get("kind") if isinstance(message, dict) else None
        if kind == "hello":
            self.widget.send({"kind": "report", "slot": self._slot.latest()})
        elif kind == "choose":
            with self._choosing:
                # A page of an older version, say, may ask for what is no choice.
                with contextlib.suppress(Exception):
                    self._chosen = self._shown = self._shown.changed(message["changes"])
                self._seq = message.get("seq")
            if self._turns is None:
                self.draw()
            else:
                self._turns.ask(self, now=True)

    # -- drawing -----------------------------------------------------------------------------

    def turn(self) -> float:
        """Draw."""
        self.draw()
        return 0.0

    def draw(self) -> None:
        """Draw what is chosen, of the rows as they are now, and send it to the page."""
        self._drawn = self._news.count
        with self._choosing:
            before, seq = self._chosen, self._seq
        said: dict[str, Any] = {"seq": seq, "clock": texts.clock(), "notes": [], "code": ""}
        chosen, menu, png = before, {}, b""
        try:
            df = table_of(self._data)
            columns = choices.columns_of(df, self._params())
            chosen = choices.completed(before, columns)
            menu = choices.menu(chosen, columns, df) | _filters(df, self._study)
            said |= _empty(df, columns, chosen)
            if "error" not in said:
                png = self._draw(chosen, df, said, columns.params)
        except PsweepError as error:
            said["error"] = str(error)
        except Exception as error:  # of values nobody thought of; the controls must go on
            said["error"] = f"this cannot be drawn: {type(error).__name__}: {error}"
        said["error"] = texts.line(said.get("error", ""), 400)
        with self._choosing:
            if self._chosen is before:
                self._shown = chosen
        with self.widget.hold_sync():
            self.widget.figure = png
            self.widget.menu = json.dumps(menu)
            self.widget.chosen = json.dumps(asdict(chosen))
            self.widget.said = json.dumps(said)
        if png:
            self._keep(png, said, anew=chosen != self._kept)
            self._kept = chosen

    def _draw(
        self, chosen: Choice, df: pd.DataFrame, said: dict[str, Any], params: Sequence[str]
    ) -> bytes:
        from matplotlib.figure import Figure  # of no window, and not one of pyplot's

        figure = Figure(layout="constrained")
        params = list(dict.fromkeys([*params, *choices.REPEATS]))
        drawn = drawing.draw(chosen.picture(), df, figure.add_subplot(), params)
        said["code"] = self._code = drawn.code(*self._origin())
        if not drawn.rows:
            said["error"] = "No row is left: " + ("; ".join(drawn.notes) or "all are filtered out")
            return b""
        said["notes"] = [texts.rows(drawn.rows), *drawn.notes]
        said["alt"] = _alt(chosen)
        said["width"] = round(float(figure.get_size_inches()[0]) * figure.dpi)
        buffer = io.BytesIO()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of characters that no font has
            figure.savefig(buffer, format="png", dpi=_SHARP * figure.dpi)
        return buffer.getvalue()

    def _keep(self, png: bytes, said: dict[str, Any], anew: bool) -> None:
        """Bring the figure in the saved notebook up to date: at once for another choice."""
        data = base64.b64encode(png).decode()
        image = f'<img alt="{escape(said["alt"])}" width="{said["width"]}"'
        notes = escape(", ".join([*said["notes"], f"as of {said['clock']}"]))
        self._html = report.wrap(
            f'{image} style="max-width:100%" src="data:image/png;base64,{data}">'
            f'<div class="dim">{notes}</div>'
            f"<details><summary>Code</summary><pre>{escape(said['code'])}</pre></details>"
        )
        self._plain = f"{said['alt']}\n{said['code']}"
        due = self._schedule.due(time.monotonic(), self.ended())
        if anew or due:
            self._slot.update(self._html, self._plain)

    # -- names -------------------------------------------------------------------------------

    def _params(self) -> list[str] | None:
        """The parameters of all runs, in their order; nobody knows those of a table."""
        if self._study is None:
            return None
        return list(dict.fromkeys(p for run in self._study.runs for p in run.info["params"]))

    def _origin(self) -> tuple[list[str], str]:
        """Imports, and the expression that is the table."""
        if self._study is not None:
            where = quoted(str(self._study.calc_dir))
            return ["import psweep_nb as ps"], f"ps.Study({where}).df"
        ip = get_ipython()
        names = ip.user_ns if ip is not None else {}
        mine = [n for n, value in names.items() if value is self._data and not n.startswith("_")]
        if self.source or mine:
            return [], mine[0] if mine else self.source
        return [], "df  # the table that explore() was given" if ip is not None else "df"


class _News:
    """How many records arrived of the runs of a study that are at work."""

    def __init__(self, study: Any) -> None:
        self._study = study
        self._looked = -1e9
        self._seen: dict[str, int] = {}
        self._sessions: dict[str, int] | None = None
        self.live: list[Run] = []
        self.count = 0

    def poll(self) -> int:
        before = self.count
        now = time.monotonic()
        if now - self._looked > _LOOK:
            self._looked = now
            runs = self._study.runs
            was, self.live = self.live, [run for run in runs if not _has_ended(run)]
            # Its last records may be in the table without our having read them here.
            self.count += sum(run not in self.live for run in was)
            # And one that is quick may begin, or go on, and end between two looks.
            former, self._sessions = self._sessions, _sessions_of(runs)
            self.count += former is not None and former != self._sessions
        for run in self.live:
            run.view.poll(PORTION)
            self.count += run.view.count - self._seen.get(run.run_id, 0)
            self._seen[run.run_id] = run.view.count
        return self.count - before


def _sessions_of(runs: Sequence[Run]) -> dict[str, int]:
    return {run.run_id: len(run.folder.sessions()) for run in runs}


def _has_ended(run: Run) -> bool:
    return run.view.state()[0] in header.ENDED


def _empty(df: pd.DataFrame, columns: choices.Columns, chosen: Choice) -> dict[str, str]:
    if not len(df):
        return {"error": "There are no rows yet; the figure appears with the first."}
    if not columns.kinds:
        why = "no column holds numbers or texts"
        if not all(isinstance(name, str) for name in df.columns):
            why += "; columns whose names are no texts do not count"
        return {"error": f"There is nothing to draw: {why}."}
    if not (chosen.x and chosen.y):
        return {"error": "There is no column of numbers to draw yet."}
    return {}


def _filters(df: pd.DataFrame, study: Any) -> dict[str, Any]:
    """What there is to choose of states and runs."""
    if study is not None:
        labels = {run.run_seq: run.label for run in study.runs}
    elif "_run_seq" in df:
        labels = {int(seq): "" for seq in df["_run_seq"].dropna().unique()}
    else:
        labels = {}
    runs: list[list[Any]] = [
        [[seq], f"run {seq}" + (f" {texts.line(label, 40)}" if label else "")]
        for seq, label in sorted(labels.items(), reverse=True)[: runlist.MOST]
    ]
    for label in dict.fromkeys(filter(None, labels.values())):
        same = [seq for seq, other in labels.items() if other == label]
        if len(same) > 1:
            runs.append([same, f"all {len(same)} runs {texts.line(label, 40)}"])
    return {"runs": runs if len(labels) > 1 else [], "states": "_failed" in df}


def _alt(chosen: Choice) -> str:
    x, y, color = (texts.line(name, 40) for name in (chosen.x, chosen.y, chosen.color))
    if chosen.kind == picture.HEATMAP:
        return f"Heat map of {color} over {x} and {y}"
    kind = {picture.LINE: "Lines", picture.SCATTER: "Points"}[chosen.kind]
    return f"{kind} of {y} against {x}" + (f", coloured by {color}" if color else "")


def explore(
    data: Study | pd.DataFrame,
    kind: str = picture.LINE,
    x: str = "",
    y: str = "",
    color: str = "",
) -> Explorer:
    """Choose figures of results by hand: line, scatter plot or heat map, columns, filters.

    In a notebook it shows controls and the figure, which follows the runs of a study as rows
    arrive, and its code on request. Elsewhere it is its code.

    Parameters
    ----------
    data : Study or DataFrame
        The rows.
    kind : {"line", "scatter", "heatmap"}
        What comes up at first, and so:
    x, y, color : str
        Columns; for a heat map `color` is averaged. Chosen for you where left out.

    Returns
    -------
    Explorer
        Its `code` makes the figure that it shows.

    Raises
    ------
    OptionError
        If there is no such column or kind.

    Examples
    --------
    >>> import pandas as pd
    >>> df = pd.DataFrame({"a": [1, 2, 3], "energy": [1.0, 4.0, 9.0]})
    >>> print(explore(df).code)
    import matplotlib.pyplot as plt
    <BLANKLINE>
    data = df
    data = data[["a", "energy"]].dropna()
    <BLANKLINE>
    fig, ax = plt.subplots(layout="constrained")
    part = data.sort_values("a")
    ax.plot(part["a"], part["energy"], marker=".")
    ax.set(xlabel="a", ylabel="energy")
    <BLANKLINE>
    """
    df = table_of(data)
    if kind not in picture.KINDS:
        raise OptionError(f"kind is {kind!r}; it should be one of {', '.join(picture.KINDS)}")
    for name in filter(None, (x, y, color)):
        if len(df) and name not in df:
            listed = ", ".join(str(c) for c in df.columns if not str(c).startswith("_"))
            raise OptionError(f"there is no column {name!r}; there are {texts.cut(listed, 500)}")
    return Explorer(data, Choice(kind, x, y, color))
