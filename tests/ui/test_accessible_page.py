"""axe-core finds nothing to object to in what the widgets show, in either theme."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, expect

import psweep_nb as ps
from psweep_nb.ui.watch import Strip
from tests.ui.batchpage import BatchPage
from tests.ui.editorpage import EditorPage
from tests.ui.explorerpage import ExplorerPage
from tests.ui.stubpage import StubPage, WidgetPage
from tests.ui.test_batch_page import prep_of
from tests.ui.test_drawing import table
from tests.ui.test_editor_page import editor_of, looks
from tests.ui.test_panel_page import shading

pytestmark = [pytest.mark.browser, pytest.mark.parametrize("theme", ["light", "dark"])]


def panel(browser: Browser, theme: str) -> Iterator[WidgetPage]:
    page, run = StubPage(browser, theme), shading(label="first")
    page.push(run)
    page.draw()
    yield page
    for name in ("Columns", "Plot", "3 failed"):
        page.page.get_by_role("button", name=name, exact=True).click()
        page.serve(run)
    page.page.locator("tr.psw-failed").first.click()
    page.serve(run)
    page.page.get_by_label("Filter").fill("radius <")
    page.page.keyboard.press("Enter")
    page.serve(run)
    expect(page.page.locator(".psw-wrong")).not_to_be_empty()
    yield page
    # At once: the panel asks by itself, too, and has no buttons when it has found out.
    pause = page.page.get_by_role("button", name="Pause")
    pause.evaluate("button => { model.gone = true; button.click(); }")
    expect(page.page.locator(".psw-dead")).to_be_visible()
    yield page


def editor(browser: Browser, theme: str) -> Iterator[WidgetPage]:
    page = EditorPage(browser, editor_of(looks()), theme)
    page.draw()
    find = page.page
    find.get_by_label("Values of depth").press("Enter")
    expect(find.locator(".pse-counted")).to_have_text("60 psets")
    for name in ("Psets", "Code", "Rows"):
        find.get_by_role("tab", name=name).click()
        yield page
    find.get_by_label("Values of azimuth").fill("0, [")
    find.get_by_label("Use mode").uncheck()
    expect(find.locator(".pse-counted")).to_contain_text("to correct")
    yield page


def explorer(browser: Browser, theme: str) -> Iterator[WidgetPage]:
    page = ExplorerPage(browser, table(), theme, x="a", y="energy", color="b")
    for column in ("fine", "many", "method"):
        page.page.get_by_label("filter by", exact=True).select_option(column)
        page.answer()
    page.page.get_by_role("button", name="Code").click()
    yield page


def watched(browser: Browser, theme: str) -> Iterator[WidgetPage]:
    words = {"words": "watching run 0: 3 of 24 done", "pace": "as of 12:00:00", "live": True}
    state = {**words, "error": "KeyError: 'loss'", "traceback": "Traceback\n  line 1"}
    page = WidgetPage(browser, Strip, {"state": json.dumps(state)}, theme)
    page.draw()
    page.page.locator("summary").click()
    yield page


def batch(browser: Browser, theme: str) -> Iterator[WidgetPage]:
    page = BatchPage(browser, ps.BatchPrep([{"a": 1}], study=ps.Study("calc")), theme)
    yield page
    page.close()
    page = BatchPage(browser, prep_of(), theme)
    page.page.get_by_role("button", name="input.toml").click()
    page.page.get_by_role("button", name="Code", exact=True).click()
    yield page
    page.close()
    page = BatchPage(browser, prep_of(missing=False), theme)
    page.page.get_by_role("button", name="Write 12").click()
    expect(page.page.locator(".psb-said")).to_contain_text("in a cell: ")
    yield page


@pytest.mark.parametrize("show", [panel, editor, explorer, watched, batch])
def test_axe_finds_nothing(
    browser: Browser, shots: Path, theme: str, show: Callable[..., Iterator[WidgetPage]]
) -> None:
    for step, page in enumerate(show(browser, theme)):
        found = Axe().run(page.page, "#root")
        page.shot(shots / f"axe-{show.__name__}-{step}-{theme}.png")
        assert found.violations_count == 0, found.generate_report()
    page.close()
