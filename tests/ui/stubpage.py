"""Widgets' own modules on a page without Jupyter: a stub model that tests write to and read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anywidget
from playwright.sync_api import Browser, Page

from psweep_nb.errors import PsweepError
from psweep_nb.ui import detail, header
from psweep_nb.ui.board import Board
from psweep_nb.ui.panel import PanelWidget
from tests.ui.fakes import FakeRun

THEMES = {
    "light": {
        "--jp-layout-color1": "white",
        "--jp-ui-font-color1": "rgba(0, 0, 0, 0.87)",
        "--jp-border-color1": "#bdbdbd",
        "--jp-border-color2": "#e0e0e0",
        "--jp-brand-color1": "#1976d2",
        "--jp-error-color1": "#d32f2f",
    },
    "dark": {
        "--jp-layout-color1": "#111",
        "--jp-ui-font-color1": "rgba(255, 255, 255, 1)",
        "--jp-border-color1": "#616161",
        "--jp-border-color2": "#424242",
        "--jp-brand-color1": "#2196f3",
        "--jp-error-color1": "#d32f2f",
    },
}
#: A widget's module on a page, given this in the place of a model that a kernel answers.
_PAGE = """<!doctype html><html lang="en"><meta charset="utf-8"><title>stub</title>
<link rel="stylesheet" href="widget.css">
<style>:root{%s} body{background:var(--jp-layout-color1);margin:12px;font-family:sans-serif}</style>
<div id="root"></div>
<script type="module">
import widget from "./widget.js";
class Model {
  constructor(state) { this.state = state; this.heard = {}; this.sent = []; }
  get(name) { return this.state[name]; }
  set(name, value) { this.state[name] = value; this.emit("change:" + name); }
  on(name, handler) { (this.heard[name] ??= []).push(handler); }
  off(name, handler) { this.heard[name] = (this.heard[name] ?? []).filter((h) => h !== handler); }
  emit(name, value) { for (const handler of this.heard[name] ?? []) handler(value); }
  save_changes() {}
  send(message) {
    if (this.gone) throw new Error("no comm");
    this.sent.push(message);
    if (!this.deaf) window.kernel?.(message);
  }
}
window.model = new Model(%s);
window.draw = (id = "root") => {
  const el = document.getElementById(id) ?? Object.assign(document.createElement("div"), { id });
  document.body.append(el);
  window.end = widget.render({ model, el });
};
window.ready = true;
</script>"""


class WidgetPage:
    """A page with one widget's module on a stub model, `model`; `draw` shows it."""

    def __init__(
        self,
        browser: Browser,
        widget: type[anywidget.AnyWidget],
        state: dict[str, Any],
        theme: str = "light",
        width: int = 900,
        height: int = 760,
    ) -> None:
        self.context = browser.new_context(viewport={"width": width, "height": height})
        self.page: Page = self.context.new_page()
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)
        style = "".join(f"{name}:{value};" for name, value in THEMES[theme].items())
        files = {
            "widget.js": ("text/javascript", str(widget._esm)),
            "widget.css": ("text/css", str(widget._css)),
            "": ("text/html", _PAGE % (style, json.dumps(state))),
        }

        def serve(route: Any) -> None:
            kind, body = files.get(route.request.url.rsplit("/", 1)[1], ("", None))
            if body is None:
                route.fulfill(status=404)
            else:
                route.fulfill(body=body, content_type=kind)

        self.page.route("http://stub.test/**", serve)
        self.page.goto("http://stub.test/")
        self.page.wait_for_function("window.ready")

    def draw(self) -> None:
        self.page.evaluate("draw()")

    def shot(self, path: Path) -> None:
        self.page.screenshot(path=path)

    def close(self) -> None:
        self.context.close()


class StubPage(WidgetPage):
    """A panel's page, and a stand-in for the kernel behind it."""

    def __init__(self, browser: Browser, theme: str = "light", width: int = 900) -> None:
        state = {"header": "{}", "known": "{}", "rows": "{}", "groups": "[]", "plot": "{}"}
        super().__init__(browser, PanelWidget, state, theme, width, 700)
        self._boards: dict[FakeRun, Board] = {}
        self._served = 0

    def push(self, run: FakeRun) -> None:
        """What the kernel's follower does."""
        board = self.board(run)
        for _ in board.update():
            pass
        head = header.build(run, run.status())  # type: ignore[arg-type]
        state = {
            "known": board.known(),
            "rows": board.table(),
            "groups": board.groups(),
            "header": head,
            "plot": board.plot(),
        }
        self.page.evaluate(
            "(state) => { for (const [k, v] of Object.entries(state)) model.set(k, v); }",
            {name: json.dumps(value) for name, value in state.items()},
        )

    def board(self, run: FakeRun) -> Board:
        """The board of a run, one as long as the page is."""
        if run not in self._boards:
            view: Any = run.view
            self._boards[run] = Board(view, run.info.get("params", ()))
        return self._boards[run]

    def serve(self, run: FakeRun) -> None:
        """Answer what the page has asked since, as the kernel would."""
        self.page.wait_for_timeout(30)
        sent = self.sent()
        new, self._served = sent[self._served :], len(sent)
        for message in new:
            self._answer(run, message)
        if new:
            self.push(run)

    def _answer(self, run: FakeRun, message: dict[str, Any]) -> None:
        board = self.board(run)
        if message["kind"] == "window":
            table = board.table(message["start"], message["stop"])
            self.answer({"kind": "window", "table": table})
        elif message["kind"] == "detail":
            self.detail(run, message["index"])
        elif message["kind"] == "query":
            try:
                board.ask(message["query"])
            except PsweepError as error:
                said = {"kind": "said", "bad": True, "text": str(error), "about": "query"}
                self.answer(said)
            else:
                self.answer({"kind": "query"})

    def sent(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.page.evaluate("model.sent")
        return found

    def answer(self, message: dict[str, Any]) -> None:
        """Emit what the kernel would send to the view that spoke last."""
        self.page.evaluate(
            "(m) => model.emit('msg:custom', {view: model.sent.at(-1).view, ...m})", message
        )

    def detail(self, run: FakeRun, index: int) -> None:
        """Answer the request for a row's detail."""
        found = detail.of(run, index)  # type: ignore[arg-type]
        self.answer({"kind": "detail", "index": index, "detail": found})
