"""An output of a cell that is kept up to date from a thread, and lasts.

``update_display`` alone is saved only while the page that ran the cell stays open; so each
output carries a slot name and a revision, the same data goes to the page through a widget,
and the page replaces outputs of that slot that are older in the notebook it saves.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from IPython.display import display as _untyped_display

# IPython has no types for it.
display: Callable[..., Any] = _untyped_display


class Slot:
    """One report in the notebook.

    Parameters
    ----------
    name : str
        Its display id.
    send : callable
        Takes a dict to the page.
    """

    def __init__(self, name: str, send: Callable[[dict[str, Any]], None]) -> None:
        self.name = name
        self._send = send
        self._rev = 0
        self._shown = False
        self._data: dict[str, Any] = {}
        self._metadata: dict[str, Any] = {}

    def show(self, html: str, plain: str) -> None:
        """Make it an output of the cell that is running."""
        self.show_data({"text/html": html, "text/plain": plain})

    def update(self, html: str, plain: str) -> None:
        """Replace it, wherever it is shown; safe from any thread."""
        self.update_data({"text/html": html, "text/plain": plain})

    def show_data(self, data: dict[str, Any], metadata: dict[str, Any] | None = None) -> None:
        """As :meth:`show`, for data of any kinds."""
        self._set(data, metadata)
        self._publish(update=False)
        self._shown = True

    def update_data(self, data: dict[str, Any], metadata: dict[str, Any] | None = None) -> None:
        """As :meth:`update`, for data of any kinds."""
        self._set(data, metadata)
        if self._shown:
            self._publish(update=True)
            self._send({"kind": "report", "slot": self.latest()})

    def latest(self) -> dict[str, Any]:
        """What the page needs to bring an older output up to date."""
        return {
            "slot": self.name,
            "rev": self._rev,
            "data": self._data,
            "metadata": self._metadata,
        }

    def _set(self, data: dict[str, Any], metadata: dict[str, Any] | None) -> None:
        self._rev += 1
        mark = {"slot": self.name, "rev": self._rev}
        self._data, self._metadata = data, {**(metadata or {}), "psweep": mark}

    def _publish(self, *, update: bool) -> None:
        display(
            self._data,
            raw=True,
            metadata=self._metadata,
            display_id=self.name,
            update=update,
        )
