"""The explorer's own module on a page without Jupyter, with a real explorer behind it."""

from __future__ import annotations

import base64
from typing import Any

from playwright.sync_api import Browser

import psweep_nb as ps
from psweep_nb.ui.explorer import Explorer, ExplorerWidget
from tests.ui.stubpage import WidgetPage

_PUT = """([state, figure]) => {
  const bytes = Uint8Array.from(atob(figure), (c) => c.charCodeAt(0));
  Object.assign(model.state, state, { figure: new DataView(bytes.buffer) });
  for (const name of ["figure", "menu", "chosen", "said"]) model.emit("change:" + name);
}"""


class ExplorerPage(WidgetPage):
    """The page, and the explorer it shows."""

    def __init__(self, browser: Browser, data: Any, theme: str = "light", **first: str) -> None:
        super().__init__(browser, ExplorerWidget, {}, theme)
        self.explorer: Explorer = ps.explore(data, **first)
        self.explorer.draw()
        self.put()
        self.draw()

    def put(self) -> None:
        """Bring the page what the explorer shows now."""
        widget = self.explorer.widget
        state = {"menu": widget.menu, "chosen": widget.chosen, "said": widget.said}
        self.page.evaluate(_PUT, [state, base64.b64encode(widget.figure).decode()])

    def answer(self) -> None:
        """Have the explorer answer what the page asked last."""
        self.explorer.answer(self.page.evaluate("model.sent.at(-1)"))
        self.put()

    def close(self) -> None:
        assert self.errors == []
        super().close()
