"""The batch widget's own module on a page without Jupyter, with a real one behind it."""

from __future__ import annotations

import json
from typing import Any

from playwright.sync_api import Browser

from psweep_nb.ui.batch.prep import BatchPrep, BatchWidget
from tests.ui.stubpage import WidgetPage


class BatchPage(WidgetPage):
    """The page, and the widget it shows; jobs are carried out before the page goes on."""

    def __init__(
        self, browser: Browser, prep: BatchPrep, theme: str = "light", width: int = 940
    ) -> None:
        self.prep = prep
        prep._made()
        super().__init__(browser, BatchWidget, {"state": "{}"}, theme, width)
        assert prep.widget is not None
        prep.widget.send = self._answer
        self.answers: list[Any] = []
        self.page.expose_function("kernel", self._hear)
        self._bring()
        self.draw()
        self.page.locator(".psb").wait_for()

    def _hear(self, message: dict[str, Any]) -> None:
        self.answers = []
        self.prep.answer(message)
        if self.prep._thread is not None:
            self.prep._thread.join(60)
        self._bring()
        for answer in self.answers:
            self.page.evaluate("(m) => model.emit('msg:custom', m)", answer)

    def _answer(self, content: Any, buffers: Any = None) -> None:
        self.answers.append(json.loads(json.dumps(content)))

    def _bring(self) -> None:
        assert self.prep.widget is not None
        self.page.evaluate(
            "(state) => { if (model.state.state !== state) model.set('state', state); }",
            self.prep.widget.state,
        )

    def close(self) -> None:
        assert self.errors == []
        super().close()
