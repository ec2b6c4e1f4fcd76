"""A watched plot in a real JupyterLab: live, saved, reloaded, without its kernel."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.ui.lab import LabPage, Server
from tests.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
LONG = 60_000
CELLS = {
    "setup": (
        "%load_ext psweep_nb\n"
        "import os, time\n"
        "import matplotlib.pyplot as plt\n"
        "def f(a, b):\n"
        "    while not os.path.exists(f'go{a}'): time.sleep(0.01)\n"
        "    return {'energy': (a - 4) ** 2 + b}"
    ),
    "run": "%psweep run f a=range(8) b=[0, 3, 6]",
    "watch": (
        "%%psweep watch --every 0.1\n"
        "fig, ax = plt.subplots(figsize=(5, 2.6))\n"
        "for b, rows in study.df.groupby('b') if len(study.df) else []:\n"
        "    ax.plot(rows['a'], rows['energy'], 'o-', label=f'b = {b}')\n"
        "ax.set(xlabel='a', ylabel='energy', xlim=(-0.5, 7.5), ylim=(-1, 24));"
    ),
    "fails": "%%psweep watch --every 0.1\nif 3 < len(run.df) < 20: {}['<b>lost</b>']\nlen(run.df)",
}


@pytest.fixture
def lab(
    browser: Browser, server: Server, shots: Path, request: pytest.FixtureRequest
) -> Iterator[LabPage]:
    lab = LabPage(browser, server, server.write(CELLS, request.node.name))
    yield lab
    lab.page.screenshot(path=shots / f"watch-last-{request.node.name}.png")
    lab.close()


def go(lab: LabPage, *numbers: int) -> None:
    for number in numbers:
        (lab.server.folder / lab.path).with_name(f"go{number}").touch()


def strip(lab: LabPage, at: int = 0) -> Locator:
    return lab.page.locator(".psw-watch").nth(at)


def output(lab: LabPage) -> Locator:
    """What the watched cell itself shows."""
    return lab.page.locator(".jp-OutputArea-child:has(+ * .psw-watch) pre")


def saved(lab: LabPage, cell: str) -> dict[str, Any]:
    """The first output of a cell, as it is in the file."""
    lab.save()
    notebook = json.loads((lab.server.folder / lab.path).read_text())
    found: dict[str, Any] = next(c for c in notebook["cells"] if c["id"] == cell)["outputs"][0]
    return found


def ink(output: dict[str, Any]) -> int:
    """How much is drawn in a picture: its size once compressed tells curves from none."""
    return len(base64.b64decode(output["data"]["image/png"]))


def test_a_plot_is_live_lasts_and_is_completed_after_a_reload(lab: LabPage, shots: Path) -> None:
    lab.run("setup", "run", "watch")
    expect(strip(lab)).to_contain_text("watching run 0: 0 of 24 done")
    empty = ink(saved(lab, "watch"))
    go(lab, 0, 1, 2, 3)
    expect(strip(lab)).to_contain_text("12 of 24 done", timeout=LONG)
    picture = lab.page.locator(".jp-OutputArea-child:has(+ * .psw-watch) img")
    expect(picture).to_be_visible()
    strip(lab).scroll_into_view_if_needed()
    lab.page.screenshot(path=shots / "watch-live.png")
    half = saved(lab, "watch")
    assert half["data"].keys() == {"image/png", "text/plain"}
    assert ink(half) > empty + 500

    # Another page: what arrives from now on reaches its notebook too.
    lab.open()
    go(lab, 4, 5)
    expect(strip(lab)).to_contain_text("18 of 24 done", timeout=LONG)
    lab.wait_for_output("watch", "18 of 24 done")
    until(lambda: ink(saved(lab, "watch")) > ink(half))  # an output comes piece by piece
    go(lab, 6, 7)
    lab.wait_for_output("watch", "run 0 finished: 24 of 24 done")
    expect(strip(lab)).to_be_hidden()
    line = lab.page.locator(".psw-report", has_text="run 0 finished: 24 of 24 done").last
    expect(line).to_be_visible()
    lab.theme("Dark")
    line.scroll_into_view_if_needed()
    lab.page.screenshot(path=shots / "watch-finished-dark.png")

    # The saved notebook, with no kernel.
    whole = ink(saved(lab, "watch"))
    lab.shutdown()
    lab.open(kernel=False)
    lab.dismiss()
    picture = lab.page.locator(".jp-OutputArea-output img").last
    expect(picture).to_be_visible()
    for leftover in ("model not found", "Loading widget"):
        expect(lab.page.get_by_text(leftover).first).to_be_hidden()
    picture.scroll_into_view_if_needed()
    lab.page.screenshot(path=shots / "watch-no-kernel.png")
    assert ink(saved(lab, "watch")) == whole


def test_an_exception_shows_once_and_a_restart_leaves_what_was_drawn(
    lab: LabPage, shots: Path
) -> None:
    lab.run("setup", "run", "fails")
    go(lab, 0)
    expect(output(lab)).to_have_text("3", timeout=LONG)
    go(lab, 1, 2)
    error = strip(lab).locator("summary")
    expect(error).to_have_text("KeyError: '<b>lost</b>'", timeout=LONG)
    error.focus()
    lab.page.keyboard.press("Enter")
    expect(strip(lab).locator("pre")).to_contain_text("{}['<b>lost</b>']")
    lab.page.screenshot(path=shots / "watch-error.png")
    expect(output(lab)).to_have_text("3")
    go(lab, 3, 4, 5, 6)
    expect(error).to_be_hidden(timeout=LONG)  # it works again
    expect(output(lab)).to_have_text("21", timeout=LONG)
    lab.restart()
    expect(strip(lab)).to_be_hidden()
    line = lab.page.locator(".psw-report", has_text="watching run 0: 21 of 24 done").last
    expect(line).to_be_visible()
    assert saved(lab, "fails")["data"]["text/plain"] == ["21"]


def test_stop_watching_by_keyboard(lab: LabPage) -> None:
    lab.run("setup", "run", "fails")
    cells = lab.page.evaluate("() => jupyterapp.shell.currentWidget.context.model.cells.length")
    button = strip(lab).get_by_role("button", name="Stop watching")
    button.focus()
    lab.page.keyboard.press("b")  # inserts a cell in Lab, elsewhere
    lab.page.keyboard.press("Enter")
    expect(strip(lab)).to_be_hidden()
    expect(lab.page.get_by_text("no longer watching run 0 (stopped)").last).to_be_visible()
    assert cells == lab.page.evaluate(
        "() => jupyterapp.shell.currentWidget.context.model.cells.length"
    )
    go(lab, *range(8))
