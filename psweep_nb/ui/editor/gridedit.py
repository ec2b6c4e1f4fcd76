"""`GridEditor`: the widget, its conversation with the page, and the panel of what it runs below it.

What is edited is in `editing`, what is done with it in `actions`; here is only how that gets to the
page and what the page may ask for.
"""

from __future__ import annotations

import json
import threading
import uuid
from collections.abc import Callable, Iterable, Mapping
from html import escape
from typing import TYPE_CHECKING, Any

import anywidget
import IPython
import ipywidgets
import traitlets

from psweep_nb.errors import ParamsError
from psweep_nb.psets import Pset, check_params
from psweep_nb.ui import follower, show, texts
from psweep_nb.ui.editor import draft, opening, table
from psweep_nb.ui.editor.actions import (
    MOST_PLANNED_UNASKED,
    Done,
    Runner,
    reason,
    said_of,
    states_of,
)
from psweep_nb.ui.editor.editing import Content, Editing
from psweep_nb.ui.panel import keep_answering
from psweep_nb.ui.session import Session, of_notebook
from psweep_nb.ui.slot import Slot, display
from psweep_nb.ui.widgetfiles import joined

if TYPE_CHECKING:
    from psweep_nb.study import Study
    from psweep_nb.ui.panel import RunPanel

get_ipython: Callable[[], Any] = IPython.get_ipython  # has no types

# The last rule hides "model not found" above the code in a notebook that is opened later.
_STYLE = """<style>
.pse-left p{margin:0;font-weight:600}
.pse-left pre{font-size:12px;line-height:1.4;margin:.2em 0;white-space:pre-wrap;background:none;
color:inherit}
.jp-OutputArea-child:has(+ .jp-OutputArea-child .pse-left)>.lm-Panel:not(:has(*)){display:none}
</style>"""
_PARTS = ("page.js", "link.js", "editor_dom.js", "editor_rows.js", "editor_table.js", "editor.js")


class EditorWidget(anywidget.AnyWidget):
    """The widget itself. Its texts survive a reload of the page."""

    _esm = joined(*_PARTS)
    _css = joined("base.css", "editor.css")

    state = traitlets.Unicode("{}").tag(sync=True)
    plan = traitlets.Unicode("{}").tag(sync=True)
    ids = traitlets.List(traitlets.Unicode()).tag(sync=True)  # by which the page finds its cell

    def __repr__(self) -> str:
        return "(grid editor)"


class GridEditor:
    """Build psets with the mouse and the keyboard, and read the code that does the same.

    Shown by a notebook as rows, one a parameter. What is typed are Python's literals, which stay
    what they are (``1``, ``1.0``, ``"1"``); rows of the kind ``expression`` are computed with the
    notebook's names when Enter is pressed.

    Parameters
    ----------
    axes : mapping, optional
        What to begin with, as `grid` takes it: values, or a constant, of each parameter.
    name : str, optional
        A variable of the notebook that is bound to the list of psets as one edits; ``%psweep edit
        NAME`` says it. By default none is.
    func : callable, optional
        What Run runs, as long as no other function of the notebook is chosen.
    study : Study, optional
        Where it runs; by default in the study that the notebook uses.

    Examples
    --------
    >>> editor = GridEditor({"a": [1, 2], "b": 0.5})
    >>> editor.params
    [{'a': 1, 'b': 0.5}, {'a': 2, 'b': 0.5}]
    >>> print(editor.code)
    import psweep_nb as ps
    <BLANKLINE>
    params = ps.grid(a=[1, 2], b=0.5)
    """

    def __init__(
        self,
        axes: Mapping[str, Any] | None = None,
        *,
        name: str | None = None,
        func: Callable[..., Any] | None = None,
        study: Study | None = None,
    ) -> None:
        if axes is not None and not isinstance(axes, Mapping):
            raise ParamsError(
                "GridEditor takes a dict of axes: GridEditor({'a': [1, 2]}); a list of psets is"
                " opened by GridEditor.from_params(params)"
            )
        begun = draft.of_axes(axes or {})
        self._start(Content(begun if begun.axes else begun.add()), name, func, study)

    @classmethod
    def from_params(
        cls,
        params: Iterable[Pset],
        *,
        name: str | None = None,
        func: Callable[..., Any] | None = None,
        study: Study | None = None,
    ) -> GridEditor:
        """Open psets that code has made: as rows where they are a grid, else as a table.

        Parameters
        ----------
        params : iterable of dict
            The psets; whatever is accepted as params.
        name, func, study
            As for :class:`GridEditor`.

        Examples
        --------
        >>> from psweep_nb import pgrid, plist
        >>> a, b, c = plist("a", [1, 2]), plist("b", [3, 4]), plist("c", range(5))
        >>> print(GridEditor.from_params(pgrid(zip(a, b), c)).code)
        import psweep_nb as ps
        <BLANKLINE>
        params = ps.pgrid(zip(ps.grid(a=[1, 2]), ps.grid(b=[3, 4])), ps.grid(c=range(5)))
        """
        editor = cls.__new__(cls)
        content = opening.content_of(check_params(params))
        editor._start(content, name, func, study, opened=params)
        return editor

    def _start(
        self,
        content: Content,
        name: str | None,
        func: Callable[..., Any] | None,
        study: Study | None,
        session: Session | None = None,
        opened: object = None,
    ) -> None:
        if name is not None and not name.isidentifier():
            raise ParamsError(f"name is {name!r}; it should be the name of a variable")
        session = session or of_notebook()
        # Messages of the page are handled on whatever thread the kernel chooses.
        self._lock = threading.RLock()
        self._editing = Editing(content, session.names, name, opened)
        self._runner = Runner(session, func, study, name)
        self._plan: Any = None
        self._planned = -1  # the revision it is of
        self._plans = 0
        self.widget: EditorWidget | None = None
        self._box: Any = None
        self._slot: Slot | None = None
        self._report: Slot | None = None  # of the run that was begun here, below the code
        self._panel: RunPanel | None = None
        self._kept: tuple[str, str] | None = None

    # -- for code ----------------------------------------------------------------------------

    @property
    def params(self) -> list[Pset]:
        """The psets.

        Raises
        ------
        ParamsError
            While an entry has to be corrected; says which and how.
        """
        with self._lock:
            return self._editing.params()

    @property
    def code(self) -> str:
        """The Python that makes these psets and runs as it is.

        Raises
        ------
        ParamsError
            While an entry has to be corrected, or if a value cannot be written.
        """
        with self._lock:
            return self._editing.code().rstrip("\n")

    def is_bound_to(self, value: object) -> bool:
        """Whether `value` is the list that this editor has bound to its variable."""
        return self._editing.is_bound_to(value)

    def __repr__(self) -> str:
        with self._lock:
            state = self._editing.state()
        why = f", {state['why']}" if " = " in state["why"] else ""
        return f"grid editor: {state['counted']}{why}"

    # -- the page ----------------------------------------------------------------------------

    def _ipython_display_(self) -> None:
        if not show.has_page(get_ipython()):
            print(f"{self!r}; it is edited in a notebook, this is its code:\n{self._left()[1]}")
            return
        display(self._made())
        assert self._slot is not None and self._report is not None
        self._slot.show(*self._left())
        # Only a running cell can make an output: the report of a run to come needs its place now.
        self._report.show("", "")
        if self._panel is not None:
            self._panel.report_in(self._report)

    def _left(self) -> tuple[str, str]:
        """What stays in the saved notebook, as HTML and as text: the code, where there is some."""
        with self._lock:
            state = self._editing.state()
        code = state["code"].strip() or state["codeProblem"]
        said = " · ".join(filter(None, (state["name"], state["counted"], state["why"])))
        html = f'{_STYLE}<div class="pse-left"><p>{escape(said)}</p><pre>{escape(code)}</pre></div>'
        return html, code

    def _made(self) -> Any:
        """The box with the editor, made when it is first shown."""
        if self._box is None:
            self.widget = EditorWidget()
            self.widget.on_msg(lambda _widget, content, _buffers: self.answer(content))
            keep_answering(self.widget)
            name = f"psweep-edit-{uuid.uuid4()}"
            self._slot = Slot(name, self.widget.send)
            self._report = Slot(f"{name}-run", self.widget.send)
            self._box = ipywidgets.VBox([self.widget])
            self.widget.ids = [self.widget.model_id, self._box.model_id]
            self._push()
            self._settle()
        return self._box

    def _push(self) -> None:
        if self.widget is None:
            return
        state = self._editing.state() | self._runner.state()
        self.widget.state = json.dumps(state, ensure_ascii=True)

    def _settle(self) -> None:
        """What takes longer than a key press: the variable, and what is done already."""
        self._editing.bind()
        self._keep()
        count = self._editing.count
        if self.widget is None or not count or not self._runner.chosen:
            self._say_of_plan({})
        elif count > MOST_PLANNED_UNASKED:
            text = "Plan says how many are done already, and how long the others take."
            self._say_of_plan({"text": text})
        else:
            self._look_ahead(self._editing.params())

    def _keep(self) -> None:
        """Bring what stays in the notebook up to date; each time makes the document unsaved."""
        left = self._left()
        if self._slot is not None and left != self._kept:
            self._kept = left
            self._slot.update(*left)

    def _look_ahead(self, psets: list[Pset]) -> None:
        """Plan, and tell the page."""
        try:
            self._plan = self._runner.plan(psets)
        except Exception as error:  # the user's function may be anything
            self._say_of_plan({"text": texts.line(reason(error), 400), "bad": True})
        else:
            self._planned = self._editing.revision
            self._say_of_plan(said_of(self._plan))

    def _say_of_plan(self, said: dict[str, Any]) -> None:
        if self.widget is not None:
            self._plans += 1
            said = said | {"revision": self._editing.revision, "number": self._plans}
            self.widget.plan = json.dumps(said)

    def answer(self, message: Any) -> None:
        """Do what the page asked for, and tell the view that asked."""
        if not isinstance(message, dict) or self.widget is None:
            return
        reply = {"kind": "said", "view": message.get("view"), "of": message.get("kind")}
        reply["seq"] = message.get("seq")
        try:
            with self._lock:
                reply |= self._answer(message)
        except Exception as error:  # a wrong edit, the user's function, a file of the study
            reply |= {"bad": True, "text": texts.line(reason(error), 600)}
        self.widget.send(reply)

    def _answer(self, message: dict[str, Any]) -> dict[str, Any]:
        kind = message.get("kind")
        if kind == "hello":
            return self._hello()
        if kind == "window":
            return self._window(int(message["start"]), int(message["count"]))
        if kind == "cell_text":
            row, column = int(message["row"]), int(message["column"])
            shown = self._editing.table
            text = shown.cell_text(row, shown.column(column))
            return {"kind": "cell_text", "row": row, "column": column, "text": text}
        if kind in ("plan", "simulate", "run"):
            return self._command(kind)
        if kind == "settle":
            self._settle()
        elif kind == "functions":
            pass
        elif kind == "function":
            self._runner.choose(str(message["name"]))
        elif kind == "workers":
            self._runner.workers = str(message["value"])[:20]
        else:
            self._editing.do(message)
        self._push()
        return {}

    def _hello(self) -> dict[str, Any]:
        """What is to stand in the notebook, for a page that was loaded later."""
        assert self.widget is not None and self._slot is not None and self._report is not None
        self.widget.send({"kind": "report", "slot": self._report.latest()})
        return {"slot": self._slot.latest()}

    def _window(self, start: int, count: int) -> dict[str, Any]:
        found = table.window(self._editing.table, start, count)
        if self._planned == self._editing.revision and found["total"]:
            states = states_of(self._plan)  # the plan keeps its table
            found["states"] = states[found["start"] :][: len(found["rows"])]
        return {"kind": "window", **found}

    def _command(self, kind: str) -> dict[str, Any]:
        psets = self._editing.params()
        commands: dict[str, Callable[[list[Pset]], Done]] = {
            "plan": self._runner.say_plan,
            "simulate": self._runner.simulate,
            "run": self._runner.run,
        }
        self._editing.bind()
        done = commands[kind](psets)
        if done.run is not None:
            self._show(done.run)
        self._look_ahead(psets)
        return {"text": done.text, "details": done.details, "bad": False}

    def _show(self, run: Any) -> None:
        """The panel of a run, below the editor, and its report in the saved notebook."""
        assert self._report is not None
        panel = show.panel_of(run)
        for _ in panel.push():
            pass
        self._box.children = (self.widget, panel.widget)
        if self._panel is not None:
            self._panel.report_no_more_in(self._report)
        self._panel = panel
        panel.report_in(self._report)
        follower.shared().follow(panel)


def edit(session: Session, name: str, study: Study | None = None) -> GridEditor:
    """The editor of a variable: the one at work on it, else a new one of what it holds.

    Raises
    ------
    ParamsError
        If the variable holds something that is no psets.
    """
    known = _editors.get(name)
    names = session.names
    if known is not None and name in names and known.is_bound_to(names[name]):
        return known
    there = names.get(name, [])
    content = opening.content_of(check_params(there))
    editor = GridEditor.__new__(GridEditor)
    editor._start(content, name, None, study, session, opened=there)
    _editors[name] = editor
    return editor


_editors: dict[str, GridEditor] = {}  # by the variable; a kernel has one notebook
