"""The editor's own module on a page without Jupyter, with the real editor behind it.

A stub model takes the page's messages to a `GridEditor` in this process and brings the answers.
"""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import Browser

from psweep_nb.ui.editor.gridedit import EditorWidget, GridEditor
from tests.ui.stubpage import WidgetPage


class EditorPage(WidgetPage):
    """The page, and the editor it shows."""

    def __init__(
        self, browser: Browser, editor: GridEditor, theme: str = "light", width: int = 940
    ) -> None:
        self.editor = editor
        editor._made()
        assert editor.widget is not None
        super().__init__(
            browser, EditorWidget, {"state": "{}", "plan": "{}", "ids": []}, theme, width
        )
        editor.widget.send = self._answer
        self.answers: list[Any] = []
        self.page.expose_function("kernel", self._hear)
        self._bring()

    def draw(self) -> None:
        super().draw()
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
