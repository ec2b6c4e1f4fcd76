"""Hostile names, values and errors in every widget of a real JupyterLab stay text."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.ui import hostile
from tests.ui.lab import LabPage, Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
LONG = 60_000
CELLS = {
    "load": "%load_ext psweep_nb",
    "data": hostile.CELL,
    "run": "%psweep run hostile nasty -w 2 --label '<b>first</b>'",
    "watch": "%%psweep watch --every 0.1\nraise KeyError(BAD)",
    "explore": "%psweep explore",
    "edit": "%psweep edit nasty",
}
# What turns writing round, or hides in it.
INVISIBLE = re.compile("[\u202a-\u202e\u2066-\u2069\u200b-\u200f]")


def test_hostile_data_is_text_in_every_widget(
    browser: Browser, server: Server, shots: Path
) -> None:
    lab = LabPage(browser, server, server.write(CELLS, "hostile"))
    page = lab.page
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    lab.run(*CELLS)
    for cell in CELLS:
        assert "Traceback" not in lab.text(cell), lab.text(cell)

    panel = page.locator(".psw[data-state=finished]")
    expect(panel.get_by_text("11 of 12 done")).to_be_visible(timeout=LONG)
    for name in ("Columns", "Plot"):
        panel.get_by_role("button", name=name, exact=True).click()
    heads = panel.locator("thead th button")
    expect(heads.filter(has_text="<img src=x").first).to_be_visible(timeout=LONG)
    for index in range(heads.count()):
        heads.nth(index).click()
        expect(panel.locator("[aria-sort=ascending]")).to_have_count(1, timeout=LONG)
    for index in (1, 7, 9, 0):
        panel.locator(f'tr[data-index="{index}"]').click()
        expect(panel.locator(".psw-detail-title")).to_contain_text(f"pset {index}, done")
    panel.get_by_text("Run just this pset here").click()
    panel.get_by_role("button", name="1 failed").click()
    expect(panel.get_by_role("listitem")).to_contain_text("<img src=x", timeout=LONG)
    panel.locator('tr[data-index="3"]').click()
    expect(panel.locator(".psw-traceback")).to_contain_text("ValueError: <img src=x", timeout=LONG)
    panel.scroll_into_view_if_needed()
    page.screenshot(path=shots / "hostile-panel.png")

    watched = page.locator(".psw-report summary", has_text="KeyError").last
    watched.click()
    expect(watched).to_contain_text("<img src=x")

    explorer = page.locator(".psx")
    explorer.scroll_into_view_if_needed()
    assert page.locator(".psx .psw-said").inner_text() == ""
    for label in ("y", "colour", "filter by"):
        option = explorer.get_by_label(label, exact=True).locator("option", has_text="<img").first
        explorer.get_by_label(label, exact=True).select_option(option.get_attribute("value"))
    explorer.locator(".psx-filter button", has_text="<img").click()
    explorer.get_by_role("button", name="Code").click()
    expect(explorer.locator(".psx-code pre")).to_contain_text("<img src=x", timeout=LONG)
    page.screenshot(path=shots / "hostile-explorer.png")

    editor = page.locator(".pse")
    for name in ("Code", "Psets"):
        editor.get_by_role("tab", name=name).click()
    expect(editor.locator("td").filter(has_text="<img src=x").first).to_be_visible(timeout=LONG)
    editor.scroll_into_view_if_needed()
    page.screenshot(path=shots / "hostile-editor.png")

    shown = page.locator(".psw, .pse, .psw-report")
    for inside in ("script", 'img:not(.psx-image, [src^="data:"])'):
        assert shown.locator(inside).count() == 0
    hidden = [line for text in shown.all_inner_texts() for line in text.splitlines()]
    assert [line for line in hidden if INVISIBLE.search(line)] == []
    # The file and another page's reading of it are no more dangerous.
    lab.wait_for_output("run", "11 of 12 done")
    lab.save()
    assert (server.folder / lab.path).stat().st_size < 300_000
    assert page.evaluate("window.hacked") is None
    assert errors == []
    lab.shutdown()
    lab.open(kernel=False)
    lab.dismiss()
    expect(page.locator(".psw-report").first).to_contain_text("<img src=x")
    assert page.evaluate("window.hacked") is None
    lab.close()
