"""The explorer in a real JupyterLab, by mouse and keyboard; and its page with hostile data."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pandas as pd
import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.ui.explorerpage import ExplorerPage
from tests.ui.lab import LabPage, Server
from tests.ui.test_drawing import table

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
LONG = 60_000
CELLS = {
    "setup": (
        "%load_ext psweep_nb\n"
        "import os, time\n"
        "import psweep_nb as ps\n"
        "def simulate(a, b, method, _repeat):\n"
        "    while not os.path.exists(f'go{a}'): time.sleep(0.01)\n"
        "    noise = (7 * a + 3 * _repeat + 5 * b) % 4 - 1.5\n"
        "    return {'energy': (a - 4) ** 2 * b + noise + (method == 'sgd'), 'loss': noise}\n"
        "params = ps.repeat(ps.grid(a=range(8), b=[0.2, 0.5, 1.0], method=['sgd', 'adam']), 3)"
    ),
    "run": "%psweep run simulate params -w 2 --label first",
    "explore": "%psweep explore",
    "paste": "",
}


@pytest.fixture
def lab(
    browser: Browser, server: Server, shots: Path, request: pytest.FixtureRequest
) -> Iterator[LabPage]:
    lab = LabPage(browser, server, server.write(CELLS, request.node.name))
    lab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    yield lab
    lab.page.screenshot(path=shots / f"explorer-last-{request.node.name}.png")
    lab.close()


def go(lab: LabPage, *numbers: int) -> None:
    for number in numbers:
        (lab.server.folder / lab.path).with_name(f"go{number}").touch()


def explorer(lab: LabPage) -> Locator:
    return lab.page.locator(".psx")


def code(lab: LabPage) -> str:
    return explorer(lab).locator(".psx-code pre").text_content() or ""


def show(lab: LabPage, path: Path) -> None:
    explorer(lab).evaluate("(node) => node.scrollIntoView({block: 'start'})")
    lab.page.screenshot(path=path)


def test_explore_while_rows_arrive_filter_plot_a_heat_map_copy_the_code_and_run_it(
    lab: LabPage, shots: Path
) -> None:
    errors: list[str] = []
    lab.page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    lab.run("setup", "run", "explore")
    it = explorer(lab)
    expect(it).to_contain_text("There are no rows yet; the figure appears with the first.")
    show(lab, shots / "explorer-empty.png")
    go(lab, *range(6))
    expect(it).to_contain_text("108 rows", timeout=LONG)
    expect(it.get_by_label("x", exact=True)).to_have_value("a")
    expect(it.get_by_label("y", exact=True)).to_have_value("energy")
    expect(it.get_by_label("colour", exact=True)).to_have_value("b")
    expect(it.locator("img")).to_have_attribute("alt", "Lines of energy against a, coloured by b")
    go(lab, 6, 7)
    expect(it).to_contain_text("144 rows", timeout=LONG)
    show(lab, shots / "explorer-line.png")

    it.get_by_label("colour", exact=True).select_option("method")
    it.get_by_label("filter by", exact=True).select_option("b")
    it.get_by_role("button", name="0.5", exact=True).click()
    expect(it).to_contain_text("48 rows")
    it.get_by_label("band", exact=True).select_option("quartiles")
    expect(it).to_contain_text("median and quartiles of up to 3 rows a point")
    it.get_by_role("button", name="Code").click()
    expect(it.locator(".psx-code pre")).to_contain_text('data["b"].isin([0.5])')
    show(lab, shots / "explorer-code.png")
    it.get_by_role("button", name="Remove the filter by b").click()
    it.get_by_role("button", name="Heat map").click()
    expect(it.locator("img")).to_have_attribute("alt", "Heat map of energy over a and method")
    it.get_by_label("y", exact=True).select_option("b")
    expect(it.locator("img")).to_have_attribute("alt", "Heat map of energy over a and b")

    # Copy the code, put it in a cell, run it: the same figure.
    it.get_by_role("button", name="Copy").click()
    expect(it.get_by_text("copied")).to_be_visible()
    pasted = lab.page.evaluate("() => navigator.clipboard.readText()")
    assert pasted == code(lab)
    lab.page.evaluate(
        """([i, text]) => { jupyterapp.shell.currentWidget.context.model.cells.get(i)
             .sharedModel.setSource(text); }""",
        [lab.cell("paste"), pasted],
    )
    lab.run("paste")
    assert "image/png" in lab.outputs("paste")[-1]["data"]
    (lab.server.folder / lab.path).with_name("pasted.py").write_text(pasted)
    same = lab.execute(
        "import gc, io\n"
        "from psweep_nb.ui.explorer import Explorer\n"
        "(found,) = [o for o in gc.get_objects() if type(o) is Explorer]\n"
        "names, buffer = {}, io.BytesIO()\n"
        "exec(open('pasted.py').read(), names)\n"
        "names['fig'].savefig(buffer, format='png', dpi=150)\n"
        "names['plt'].close(names['fig'])\n"
        "print(buffer.getvalue() == found.widget.figure, found.code == open('pasted.py').read())"
    )
    assert same == "True True\n"
    lab.theme("Dark")
    show(lab, shots / "explorer-heatmap-dark.png")
    assert errors == []

    # A reloaded page is as it was left, and goes on; the last figure is in the notebook.
    lab.save()
    lab.open()
    expect(it.get_by_label("value", exact=True)).to_have_value("energy", timeout=LONG)
    it.get_by_role("button", name="Scatter").click()
    expect(it.locator("img")).to_have_attribute("alt", "Points of energy against a, coloured by b")
    lab.wait_for_output("explore", "Points of energy against a, coloured by b")
    lab.save()
    lab.restart()
    expect(it).to_contain_text("The kernel was restarted; run the cell again")
    last = lab.page.locator(".psw-report img[alt^='Points of energy']")
    expect(last).to_be_visible()
    last.scroll_into_view_if_needed()
    lab.page.screenshot(path=shots / "explorer-restarted.png")


def test_by_keyboard_and_beside_a_busy_kernel(lab: LabPage) -> None:
    lab.run("setup")
    go(lab, *range(8))
    lab.run("run")
    lab.execute("run.wait()")
    lab.run("explore")
    it = explorer(lab)
    expect(it).to_contain_text("144 rows", timeout=LONG)
    count = "() => jupyterapp.shell.currentWidget.context.model.cells.length"
    cells = lab.page.evaluate(count)
    kind = it.get_by_role("button", name="Scatter")
    kind.focus()
    lab.page.keyboard.press("b")  # Lab's shortcut for a new cell
    lab.page.keyboard.press("Enter")
    expect(kind).to_have_attribute("aria-pressed", "true")
    lab.page.keyboard.press("Tab")  # Heat map
    lab.page.keyboard.press("Tab")  # x
    lab.page.keyboard.press("m")  # a list takes letters: method
    expect(it.get_by_label("x", exact=True)).to_have_value("method")
    expect(it.locator("img")).to_have_attribute(
        "alt", "Points of energy against method, coloured by b"
    )
    lab.keep_busy()
    it.get_by_role("button", name="Line").click()
    expect(it).to_contain_text("The kernel is busy; the figure follows when the cell has ended.")
    assert lab.busy()
    lab.release()
    expect(it.locator("img")).to_have_attribute(
        "alt", "Lines of energy against method, coloured by b"
    )
    expect(it).not_to_contain_text("The kernel is busy")
    assert lab.page.evaluate(count) == cells


# -- the module on a page without Jupyter ----------------------------------------------------


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_looks(browser: Browser, shots: Path, theme: str) -> None:
    stub = ExplorerPage(browser, table(), theme, x="a", y="energy", color="b")
    for column in ("fine", "many", "method"):
        stub.page.get_by_label("filter by", exact=True).select_option(column)
        stub.answer()
    stub.page.get_by_role("button", name="Code").click()
    stub.page.wait_for_function("document.querySelector('img').complete")
    stub.page.screenshot(path=shots / f"explorer-stub-{theme}.png", full_page=True)
    stub.close()


def test_hostile_names_and_values_stay_texts(browser: Browser) -> None:
    bad = "<img src=x onerror='window.hacked=1'><script>window.hacked=1</script>"
    df = pd.DataFrame({bad: [1, 2, 3], "y": [1.0, 2.0, 3.0], "\u202ez\u200b": [bad, "b", "\n"]})
    stub = ExplorerPage(browser, df, x=bad, y="y")
    page = stub.page
    page.get_by_label("filter by", exact=True).select_option("\u202ez\u200b")
    stub.answer()
    page.get_by_label("colour", exact=True).select_option("\u202ez\u200b")
    stub.answer()
    page.get_by_role("button", name="<img").click()
    stub.answer()
    page.get_by_role("button", name="Code").click()
    assert bad in (page.locator(".psx-code pre").text_content() or "").replace("\\'", "'")
    assert page.locator(".psx img").count() == 1
    assert page.locator(".psx script").count() == 0
    assert page.evaluate("window.hacked") is None
    assert json.loads(stub.explorer.widget.said)["error"] == ""
    stub.close()


def test_names_roles_and_what_is_typed(browser: Browser) -> None:
    stub = ExplorerPage(browser, table(), x="a", y="energy")
    page = stub.page
    page.get_by_label("filter by", exact=True).select_option("fine")
    stub.answer()
    low = page.get_by_label("fine from")
    low.fill("0.5")
    page.wait_for_function("model.sent.at(-1).changes?.filters?.[0]?.low === '0.5'")
    low.fill("0.55")
    stub.answer()  # of what was typed before: the field is somebody's who types
    expect(low).to_have_value("0.55")
    low.press("Enter")
    page.wait_for_function("model.sent.at(-1).changes.filters[0].low === '0.55'")
    stub.answer()
    expect(page.locator(".psx-note")).to_contain_text("rows")
    for control in page.locator("select:visible, button:visible, input:visible").all():
        box = control.bounding_box()
        assert box and box["height"] >= 24
        assert control.evaluate("(n) => n.getAttribute('aria-label') || n.textContent")
    page.evaluate("model.gone = true")
    page.get_by_role("button", name="Scatter").click()
    expect(page.get_by_text("The kernel is gone; run the cell again")).to_be_visible()
    expect(page.locator(".psx-bar").first).to_be_hidden()
    page.evaluate("end()")
    assert page.evaluate("Object.values(model.heard).every((list) => list.length === 0)")
    stub.close()
