"""From an empty editor to a figure that its own code draws again, in a real JupyterLab."""

from __future__ import annotations

from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.ui.lab import LabPage, Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
LONG = 60_000
CELLS = {
    "load": "%load_ext psweep_nb\nimport psweep_nb as ps",
    "function": (
        "def light(azimuth, radius, altitude):\n"
        "    if altitude == 3: raise ValueError(f'no sun at {azimuth}')\n"
        "    return {'lux': azimuth * radius + altitude}"
    ),
    "edit": "%psweep edit params",
    "run": "%psweep run light params -w 2",
    "watch": "%%psweep watch --every 0.1\nprint(len(run.df), 'rows are there')",
    "fix": "def light(azimuth, radius, altitude):\n    return {'lux': azimuth * radius + altitude}",
    "explore": "%psweep explore",
    "paste": "",
}
SAME_FIGURE = """
import gc, io
from psweep_nb.ui.explorer import Explorer
(explorer,) = [o for o in gc.get_objects() if type(o) is Explorer]
names, drawn = {}, io.BytesIO()
exec(In[-1], names)
names["fig"].savefig(drawn, format="png", dpi=150)
print(drawn.getvalue() == explorer.widget.figure)
"""


def copied(lab: LabPage) -> str:
    return str(lab.page.evaluate("navigator.clipboard.readText()"))


def test_build_run_watch_mend_plot_and_keep_the_code(
    browser: Browser, server: Server, shots: Path
) -> None:
    lab = LabPage(browser, server, server.write(CELLS, "job"))
    lab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page, keyboard = lab.page, lab.page.keyboard

    # Build, by keyboard and by mouse, and see the count.
    lab.run("load", "function", "edit")
    editor = page.locator(".pse")
    for name, values in (
        ("azimuth", "0, 90, 180"),
        ("radius", "1, 2, 3"),
        ("altitude", "1, 2, 3, 4"),
    ):
        expect(editor.get_by_label("Name of row")).to_be_visible(timeout=LONG)
        editor.get_by_label("Name of row").click()
        keyboard.type(name)
        keyboard.press("Enter")
        expect(editor.get_by_label(f"Values of {name}")).to_be_focused()
        keyboard.type(values)
        if name != "altitude":
            keyboard.press("Enter")
    for name in ("azimuth", "radius"):
        editor.get_by_label(f"Tie of {name}").select_option("A")
    expect(editor.locator(".pse-counted")).to_have_text("12 psets", timeout=LONG)
    expect(editor.locator(".pse-why")).to_have_text("(3 tied) x 4 = 12")
    page.screenshot(path=shots / "job-1-editor.png")
    editor.get_by_role("tab", name="Code").click()
    editor.get_by_role("button", name="Copy").click()
    expect(editor.get_by_text("Copied.")).to_be_visible()
    same = lab.execute(f"built = params\n{copied(lab)}\nprint(params == built, len(params))")
    assert same == "True 12\n"

    # Run and watch; a row that failed tells why; the function is mended, the group tried again.
    lab.run("run", "watch")
    panel = page.locator(".psw[data-state=finished]")
    expect(page.get_by_text("12 rows are there", exact=True)).to_be_visible(timeout=LONG)
    panel.get_by_role("button", name="3 failed").click()
    expect(panel.locator("tr.psw-row")).to_have_count(3, timeout=LONG)
    panel.get_by_role("grid").focus()
    keyboard.press("ArrowDown")
    keyboard.press("Enter")
    expect(panel.locator(".psw-traceback")).to_contain_text("ValueError: no sun at", timeout=LONG)
    page.screenshot(path=shots / "job-2-failed.png")
    lab.run("fix")
    panel.get_by_role("button", name="Retry this group").click()
    expect(panel.get_by_text("12 of 12 done")).to_be_visible(timeout=LONG)

    # A heat map, and its code in a cell: the same figure.
    lab.run("explore")
    explorer = page.locator(".psx")
    explorer.get_by_role("button", name="Heat map").click()
    explorer.get_by_label("y", exact=True).select_option("altitude")
    figure = explorer.locator("img")
    expect(figure).to_have_attribute("alt", "Heat map of lux over azimuth and altitude")
    explorer.get_by_role("button", name="Code").click()
    explorer.get_by_role("button", name="Copy").click()
    expect(explorer.get_by_text("copied")).to_be_visible()
    page.evaluate(
        """([i, text]) => jupyterapp.shell.currentWidget.context.model.cells.get(i)
             .sharedModel.setSource(text)""",
        [lab.cell("paste"), copied(lab)],
    )
    lab.run("paste")
    assert "image/png" in lab.outputs("paste")[-1]["data"]
    assert lab.execute(SAME_FIGURE) == "True\n"
    explorer.scroll_into_view_if_needed()
    page.screenshot(path=shots / "job-3-explorer.png")
    lab.close()
