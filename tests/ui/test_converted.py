"""A notebook that was run without a page, and converted: what is left of a run on a web page."""

from __future__ import annotations

from pathlib import Path

import nbclient
import nbformat
import pytest
from nbconvert import HTMLExporter
from nbformat.v4 import new_code_cell, new_notebook
from playwright.sync_api import Browser, expect

from tests.ui import hostile

pytestmark = pytest.mark.browser
RUN = "%psweep run hostile nasty -w 2 --wait --label '<b>first</b>'"


@pytest.fixture(scope="module")
def converted(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The HTML of a notebook with hostile data, executed from top to bottom."""
    place = tmp_path_factory.mktemp("converted")
    cells = [new_code_cell(source) for source in ("%load_ext psweep_nb", hostile.CELL, RUN)]
    notebook = new_notebook(cells=cells)
    nbclient.NotebookClient(notebook, resources={"metadata": {"path": str(place)}}).execute()
    nbformat.write(notebook, place / "nb.ipynb")
    html, _ = HTMLExporter().from_filename(str(place / "nb.ipynb"))
    return str(html)


@pytest.mark.parametrize("scripts", [True, False])
def test_the_report_is_there_without_scripts_and_network_and_runs_none(
    browser: Browser, shots: Path, converted: str, scripts: bool
) -> None:
    context = browser.new_context(
        java_script_enabled=scripts, viewport={"width": 1000, "height": 900}
    )
    page = context.new_page()
    page.route("**/*", lambda route: route.abort())
    page.set_content(converted, wait_until="domcontentloaded")
    report = page.locator(".psw-report")
    expect(report).to_contain_text("11 of 12 done")
    expect(report.locator("table")).to_be_visible()
    expect(report).to_contain_text("<img src=x")
    expect(report).to_contain_text("ValueError")
    report.scroll_into_view_if_needed()
    page.screenshot(path=shots / f"converted-{scripts}.png", full_page=True)
    assert report.locator("img, script").count() == 0
    expect(report.locator("td").nth(1)).to_have_css(
        "text-align", "left"
    )  # a page has its own ideas
    if scripts:
        assert page.evaluate("window.hacked") is None
    context.close()
