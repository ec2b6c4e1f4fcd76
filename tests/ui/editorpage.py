"""The editor's own module on a page without Jupyter, with the real editor behind it.

A stub model takes the page's messages to a `GridEditor` in this process and brings the answers.
"""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import Browser, Page

from psweep_nb.ui.editor.gridedit import EditorWidget, GridEditor
from tests.ui.stubpage import MODEL, THEMES

_PAGE = (
    """<!doctype html><html lang="en"><meta charset="utf-8"><title>editor</title>
<link rel="stylesheet" href="editor.css">
<style>:root{%s} body{background:var(--jp-layout-color1);margin:12px;font-family:sans-serif}</style>
<div id="root"></div>
<script type="module">
import editor from "./editor.js";
"""
    + MODEL
    + """
class Answered extends Model {
  send(message) {
    super.send(message);
    if (!this.deaf) kernel(message);
  }
}
window.model = new Answered({state: "{}", plan: "{}", ids: []});
window.draw = () => { window.end = editor.render({ model, el: document.getElementById("root") }); };
window.ready = true;
</script>"""
)


class EditorPage:
    """The page, and the editor it shows."""

    def __init__(
        self, browser: Browser, editor: GridEditor, theme: str = "light", width: int = 940
    ) -> None:
        self.editor = editor
        editor._made()
        assert editor.widget is not None
        self.context = browser.new_context(viewport={"width": width, "height": 760})
        self.page: Page = self.context.new_page()
        self.errors: list[str] = []
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.on("console", lambda m: self.errors.append(m.text) if m.type == "error" else None)
        style = "".join(f"{name}:{value};" for name, value in THEMES[theme].items())
        served = {
            "editor.js": ("text/javascript", str(EditorWidget._esm)),
            "editor.css": ("text/css", str(EditorWidget._css)),
            "": ("text/html", _PAGE % style),
        }

        def serve(route: Any) -> None:
            name = route.request.url.rsplit("/", 1)[1]
            if name in served:
                kind, body = served[name]
                route.fulfill(body=body, content_type=kind)
            else:
                route.fulfill(status=404)

        editor.widget.send = self._answer
        self.answers: list[Any] = []
        self.page.expose_function("kernel", self._hear)
        self.page.route("http://stub.test/**", serve)
        self.page.goto("http://stub.test/")
        self.page.wait_for_function("window.ready")
        self._bring()

    def draw(self) -> None:
        self.page.evaluate("draw()")
        self.page.locator(".pse").wait_for()

    def _hear(self, message: dict[str, Any]) -> None:
        self.answers = []
        self.editor.answer(message)
        self._bring()
        for answer in self.answers:
            self.page.evaluate("(m) => model.emit('msg:custom', m)", answer)

    def _answer(self, content: Any, buffers: Any = None) -> None:
        self.answers.append(json.loads(json.dumps(content)))

    def _bring(self) -> None:
        widget = self.editor.widget
        assert widget is not None
        self.page.evaluate(
            "([s, p]) => { if (model.state.plan !== p) model.set('plan', p);"
            " if (model.state.state !== s) model.set('state', s); }",
            [widget.state, widget.plan],
        )

    def close(self) -> None:
        self.context.close()
