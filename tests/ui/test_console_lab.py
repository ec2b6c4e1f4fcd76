"""The widgets in JupyterLab's console: a front-end that has no notebook to insert cells into."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.ui.lab import LabPage, Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
LONG = 60_000
_OPEN = """async () => {
  window.psweepConsole = await jupyterapp.commands.execute('console:create',
    {path: 'console', kernelPreference: {name: 'python3'}, activate: true});
  await window.psweepConsole.console.sessionContext.ready;
  return null;
}"""
FUNCTION = (
    "%load_ext psweep_nb\n"
    "def light(azimuth, altitude):\n"
    "    if altitude == 3: raise ValueError('no sun')\n"
    "    return {'lux': azimuth + altitude}"
)


@pytest.fixture
def page(browser: Browser, server: Server) -> Iterator[Page]:
    """Lab with a console in front."""
    lab = LabPage(browser, server, server.write({"empty": ""}, "console"))
    lab.page.evaluate(_OPEN)
    yield lab.page
    lab.close()


def enter(page: Page, code: str) -> None:
    page.evaluate("(code) => psweepConsole.console.inject(code).then(() => null)", code)


def test_all_of_it_works_and_what_needs_a_notebook_is_not_there(page: Page, shots: Path) -> None:
    enter(page, FUNCTION)
    enter(page, "%psweep run light azimuth=[10, 20] altitude=[1, 2, 3]")
    panel = page.locator(".psw[data-state=finished]")
    expect(panel).to_be_visible(timeout=LONG)
    panel.get_by_role("button", name="2 failed").click()
    panel.locator("tr.psw-failed").first.click()
    panel.get_by_text("Run just this pset here").click()
    expect(panel.get_by_role("button", name="Copy")).to_be_visible(timeout=LONG)
    expect(panel.get_by_role("button", name="Open in a cell")).to_have_count(0)

    enter(page, "%psweep edit params")
    editor = page.locator(".pse")
    editor.get_by_label("Name of row 1").click(timeout=LONG)
    for text in ("azimuth\n", "1, 2, 3"):
        page.keyboard.type(text)
    expect(editor.locator(".pse-counted")).to_have_text("3 psets", timeout=LONG)
    editor.get_by_role("tab", name="Code").click()
    expect(editor.get_by_role("button", name="Copy")).to_be_visible(timeout=LONG)
    expect(editor.get_by_role("button", name="Write it into a cell above")).to_have_count(0)

    enter(page, "%psweep explore")
    figure = page.locator(".psx img")
    expect(figure).to_have_attribute(
        "alt", "Lines of lux against azimuth, coloured by altitude", timeout=LONG
    )
    page.screenshot(path=shots / "console.png")
