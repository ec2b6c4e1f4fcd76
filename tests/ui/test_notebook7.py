"""Notebook 7: editor, run, panel and report, as in JupyterLab."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.ui.lab import LabPage, Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
LONG = 60_000
CELLS = {
    "load": "%load_ext psweep_nb",
    "function": (
        "def light(azimuth, altitude):\n"
        "    if altitude == 3: raise ValueError('no sun')\n"
        "    return {'lux': azimuth * altitude}"
    ),
    "edit": "%psweep edit params",
    "run": "%psweep run light params",
}


@pytest.fixture
def classic(
    browser: Browser, tmp_path_factory: pytest.TempPathFactory, shots: Path
) -> Iterator[LabPage]:
    server = Server(tmp_path_factory.mktemp("notebook"), "notebook")
    page = LabPage(browser, server, server.write(CELLS, "seven"))
    yield page
    page.page.screenshot(path=shots / "notebook7-last.png")
    page.close()
    server.close()


def test_edit_run_look_and_leave_a_report(classic: LabPage, shots: Path) -> None:
    errors: list[str] = []
    classic.page.on("pageerror", lambda error: errors.append(str(error)))
    page, keyboard = classic.page, classic.page.keyboard
    classic.run("load", "function", "edit")
    editor = page.locator(".pse").first
    editor.get_by_label("Name of row 1").click()
    for text in ("azimuth\n", "0, 90, 180\n"):
        keyboard.type(text)
    expect(editor.get_by_label("Name of row 2")).to_be_focused()
    for text in ("altitude\n", "1, 2, 3, 4"):
        keyboard.type(text)
    expect(editor.locator(".pse-counted")).to_have_text("12 psets", timeout=LONG)
    editor.get_by_role("tab", name="Code").click()
    editor.get_by_role("button", name="Write it into a cell above").click()
    source = "jupyterapp.shell.currentWidget.context.model.cells.get(2).sharedModel.getSource()"
    page.wait_for_function(f"() => {source}.includes('azimuth')")
    classic.run("run")

    panel = page.locator('.psw[data-state="finished"]').first
    expect(panel.get_by_text("9 of 12 done")).to_be_visible(timeout=LONG)
    panel.get_by_role("button", name="3 failed").click()
    panel.locator("tr.psw-failed").first.click()
    expect(panel.locator(".psw-traceback")).to_contain_text("no sun", timeout=LONG)
    panel.get_by_text("Run just this pset here").click()
    expect(panel.get_by_role("button", name="Open in a cell")).to_be_visible()
    panel.scroll_into_view_if_needed()
    page.screenshot(path=shots / "notebook7-panel.png")
    assert errors == []

    # A reload brings both back; without its kernel the notebook has the report.
    classic.wait_for_output("run", "9 of 12 done")
    classic.save()
    classic.open()
    expect(panel.get_by_role("button", name="3 failed")).to_be_visible(timeout=LONG)
    expect(editor.locator(".pse-counted")).to_have_text("12 psets", timeout=LONG)
    classic.shutdown()
    classic.open(kernel=False)
    classic.dismiss()
    report = page.locator(".psw-report", has_text="9 of 12 done")
    expect(report).to_be_visible(timeout=LONG)
    for leftover in ("model not found", "Loading widget"):
        expect(page.get_by_text(leftover).first).to_be_hidden()
