"""`BatchPrep`: the widget, its conversation with the page, and the panel of the run below it.

What is chosen, and what the buttons do, is in `desk`; here is only how that gets to the page. What
may take long (writing, a machine far away) happens in a thread, so neither cells nor clicks wait.
"""

from __future__ import annotations

import json
import os
import threading
import uuid
from collections.abc import Callable
from html import escape
from typing import TYPE_CHECKING, Any

import anywidget
import IPython
import ipywidgets
import traitlets

from psweep_nb.batch.command import Command
from psweep_nb.batch.methods import CALC_TEMPLATES, MACHINE_TEMPLATES
from psweep_nb.errors import OptionError
from psweep_nb.ui import follower, report, show, texts
from psweep_nb.ui.batch.code import Call
from psweep_nb.ui.batch.desk import SKIP, Desk, Done
from psweep_nb.ui.batch.shown import state_of, text_of
from psweep_nb.ui.editor.actions import reason
from psweep_nb.ui.panel import keep_answering
from psweep_nb.ui.session import Session, of_notebook
from psweep_nb.ui.slot import Slot, display
from psweep_nb.ui.widgetfiles import joined

if TYPE_CHECKING:
    from psweep_nb.runs import Run
    from psweep_nb.study import Study

get_ipython: Callable[[], Any] = IPython.get_ipython  # has no types

_AT_WORK = {
    "write": "Writing …",
    "submit": "Submitting …",
    "retry": "Submitting …",
    "sync": "Asking …",
    "start": "Writing …",
}


class BatchWidget(anywidget.AnyWidget):
    """The widget itself. Its text (JSON) survives a reload of the page."""

    _esm = joined("page.js", "link.js", "batch.js")
    _css = joined("base.css", "batch.css")

    state = traitlets.Unicode("{}").tag(sync=True)

    def __repr__(self) -> str:
        return "(batch preparation; its code is also below)"


class BatchPrep:
    """Prepare psets for jobs with the mouse and the keyboard, and read the code that does it.

    Shown by a notebook: templates and machines to choose, each template's placeholders with their
    values or as missing, the files that any pset would get, what will be written; and buttons to
    write, submit, and collect.

    Parameters
    ----------
    params : optional
        The psets: a list, an editor, a study, or whatever else has some. By default the
        notebook's, if only one of its names holds psets; another can be chosen.
    calc_templ_dir, machine_templ_dir : path
        As `Study.prep_batch` takes them; others can be chosen.
    command : Command, optional
        As there.
    template_mode : "dollar" or "jinja"
        As there.
    study : Study, optional
        By default the study that the notebook uses.

    Examples
    --------
    >>> import tempfile
    >>> from psweep_nb import Study, new_templates
    >>> folder = tempfile.mkdtemp()
    >>> files = new_templates("local", folder)
    >>> prep = BatchPrep(
    ...     [{"a": 1}], f"{folder}/calc", f"{folder}/machines", study=Study(f"{folder}/study")
    ... )
    >>> "1 directory" in repr(prep), "study.prep_batch(" in prep.code
    (True, True)
    """

    def __init__(
        self,
        params: Any = None,
        calc_templ_dir: str | os.PathLike[str] = CALC_TEMPLATES,
        machine_templ_dir: str | os.PathLike[str] = MACHINE_TEMPLATES,
        *,
        command: Command | None = None,
        template_mode: str = "dollar",
        study: Study | None = None,
    ) -> None:
        if command is not None and not isinstance(command, Command):
            raise OptionError(f"command is {command!r}; it should be a Command")
        folders = os.fspath(calc_templ_dir), os.fspath(machine_templ_dir)
        call = Call(*folders, command, mode=template_mode, skip=SKIP)
        self._start(Desk(of_notebook(), params, call, study))

    @classmethod
    def _of(cls, session: Session, params: Any, command: Any, study: Study | None) -> BatchPrep:
        """For the magic."""
        prep = cls.__new__(cls)
        prep._start(Desk(session, params, Call(command=command, skip=SKIP), study))
        return prep

    def _start(self, desk: Desk) -> None:
        # Messages of the page are handled on whatever thread the kernel chooses.
        self._lock = threading.RLock()
        self._desk = desk
        self._working = ""
        self._thread: threading.Thread | None = None
        self.widget: BatchWidget | None = None
        self._box: Any = None
        self._slot: Slot | None = None
        self._kept: tuple[str, str] | None = None

    @property
    def code(self) -> str:
        """The lines from the psets to their results; they run as they are."""
        with self._lock:
            self._desk.look()
            return self._desk.code().rstrip("\n")

    def __repr__(self) -> str:
        with self._lock:
            self._desk.look()
            return text_of(self._desk)

    # -- the page ----------------------------------------------------------------------------

    def _ipython_display_(self) -> None:
        if not show.has_page(get_ipython()):
            print(f"{self!r}\nit is used in a notebook, this is its code:\n\n{self.code}")
            return
        display(self._made())
        assert self._slot is not None and self._kept is not None
        self._slot.show(*self._kept)

    def _made(self) -> Any:
        """The box with the widget, made when it is first shown."""
        if self._box is None:
            self.widget = BatchWidget()
            self.widget.on_msg(lambda _widget, content, _buffers: self.answer(content))
            keep_answering(self.widget)
            self._slot = Slot(f"psweep-batch-{uuid.uuid4()}", self.widget.send)
            self._box = ipywidgets.VBox([self.widget])
        with self._lock:
            self._desk.look()
            self._push()
        return self._box

    def _push(self) -> None:
        """Bring the page up to date, and what stays in the saved notebook."""
        if self.widget is None:
            return
        state = state_of(self._desk)
        self.widget.state = json.dumps(state | {"working": _AT_WORK.get(self._working, "")})
        left, self._kept = self._kept, self._left(state)
        if self._slot is not None and left is not None and left != self._kept:
            self._slot.update(*self._kept)

    @staticmethod
    def _left(state: dict[str, Any]) -> tuple[str, str]:
        """What stays in the saved notebook, as HTML and as text."""
        said = f"batch: {state['counted']}, {state['where']} {state['run']}"
        html = report.wrap(f"<div>{escape(said)}</div><pre>{escape(state['code'])}</pre>")
        return html, f"{said}\n{state['code']}"

    # -- what the page asks for --------------------------------------------------------------

    def answer(self, message: Any) -> None:
        """Do what the page asked for, and tell the view that asked."""
        if not isinstance(message, dict) or self.widget is None:
            return
        reply = {"kind": "said", "view": message.get("view"), "of": message.get("kind")}
        try:
            with self._lock:
                reply |= self._answer(message)
        except Exception as error:  # a wrong choice, the user's own objects, a file of the study
            reply |= {"bad": True, "text": texts.line(reason(error), 600)}
        self.widget.send(reply)

    def _answer(self, message: dict[str, Any]) -> dict[str, Any]:
        kind = message.get("kind")
        if kind == "hello":
            return {"slot": self._slot.latest()} if self._slot is not None else {}
        if kind == "look":
            self._desk.look()
        elif kind == "choose":
            self._desk.choose(message["changes"])
        elif kind in _AT_WORK:
            self._begin(str(kind), message)
        self._push()
        return {}

    def _begin(self, kind: str, message: dict[str, Any]) -> None:
        """Carry out a button's job in a thread of its own, one at a time."""
        if self._working:
            raise OptionError("one thing at a time: the last one is not done yet")
        job = self._desk.job(kind, str(message.get("about", "")))
        self._working = kind
        self._thread = threading.Thread(
            target=self._carry_out, args=(job, message), name=f"psweep-batch-{kind}", daemon=True
        )
        self._thread.start()

    def _carry_out(self, job: Callable[[], Done], message: dict[str, Any]) -> None:
        reply = {"kind": "said", "view": message.get("view"), "of": "done", "bad": False}
        try:
            done = job()
            reply["text"] = texts.line(done.text.replace("\n", " "), 600)
        except Exception as error:
            done = None
            reply |= {"bad": True, "text": texts.line(reason(error).replace("\n", " "), 900)}
        try:
            with self._lock:
                self._working = ""
                if done is not None and done.run is not None:
                    self._desk.bind(done.run)
                    self._show(done.run)
                self._desk.look()
                self._push()
        except Exception as error:  # the page must not wait for ever
            reply |= {"bad": True, "text": texts.line(reason(error), 600)}
        if self.widget is not None:
            self.widget.send(reply)

    def _show(self, run: Run) -> None:
        """The panel of a run, below."""
        if self._box is None:
            return
        panel = show.panel_of(run)
        for _ in panel.push():
            pass
        self._box.children = (self.widget, panel.widget)
        follower.shared().follow(panel)
