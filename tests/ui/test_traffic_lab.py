"""What ten thousand quick psets cost the page and the saved notebook, in a real JupyterLab."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from playwright.sync_api import Browser, WebSocket, expect

from tests.ui.lab import LabPage, Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
LONG = 60_000
CELLS = {
    "setup": (
        "%load_ext psweep_nb\n"
        "import time\n"
        "def quick(a, b):\n"
        "    time.sleep(0.0005)\n"
        "    if a % 50 == 49: raise ValueError(f'{a} is too much, ' + 1000 * 'by far ')\n"
        "    return {'energy': a * b, 'text': 'x' * a}"
    ),
    "run": "%psweep run quick a=range(5000) b=[0.5, 2.0] -w 2",
}


class Frames:
    """What a page's web sockets receive: when, and how many bytes."""

    def __init__(self) -> None:
        self.seen: list[tuple[float, int]] = []

    def listen(self, socket: WebSocket) -> None:
        socket.on("framereceived", self._note)

    def _note(self, payload: str | bytes) -> None:
        self.seen.append((time.monotonic(), len(payload)))

    def most(self, seconds: float) -> tuple[int, int]:
        """The most frames, and the most bytes, in any so many seconds."""
        windows = [
            [size for at, size in self.seen[i:] if at < began + seconds]
            for i, (began, _) in enumerate(self.seen)
        ]
        return max(map(len, windows)), max(map(sum, windows))


def test_ten_thousand_psets_are_few_messages_and_a_small_notebook(
    browser: Browser, server: Server, shots: Path
) -> None:
    frames = Frames()
    lab = LabPage(browser, server, server.write(CELLS, "traffic"), frames.listen)
    lab.run("setup")
    began, frames.seen = time.monotonic(), []
    lab.run("run")
    panel = lab.page.locator(".psw").first
    panel.get_by_role("button", name="Plot", exact=True).click()  # it costs most with a plot
    expect(panel.get_by_text("9 800 of 10 000 done")).to_be_visible(timeout=LONG)
    took = time.monotonic() - began
    # Five updates a second, each of five texts at most and mostly fewer; and none is long.
    count, size = frames.most(seconds=3)
    assert count <= 3 * 40
    assert size <= 3 * 200_000
    assert took <= len(frames.seen) <= 30 * max(took, 3)
    lab.page.screenshot(path=shots / "lab-ten-thousand.png")

    # The file has the report, and is small.
    lab.wait_for_output("run", "9\u202f800 of 10\u202f000 done")
    lab.save()
    file = server.folder / lab.path
    assert "psw-report" in file.read_text()
    assert file.stat().st_size < 300_000
    lab.close()
