"""The grid editor in a real JupyterLab: build a grid with a tie, look, copy, run, restart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.ui.lab import LabPage, Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
LONG = 60_000
CELLS = {
    "load": "%load_ext psweep_nb",
    "function": "def shade(azimuth, altitude, radius):\n    return {'light': azimuth * altitude}",
    "edit": "%psweep edit params",
    "use": "print(len(params), params[-1])",
}


@pytest.fixture
def lab(browser: Browser, server: Server, shots: Path) -> Iterator[LabPage]:
    """A notebook with a function and an editor, in a folder of its own."""
    lab = LabPage(browser, server, server.write(CELLS, "edit"))
    lab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    yield lab
    lab.page.screenshot(path=shots / "editor-lab-last.png")
    lab.close()


def editor(lab: LabPage) -> Locator:
    return lab.page.locator(".pse:not(.pse-dead)").first


def press(lab: LabPage, name: str) -> None:
    editor(lab).get_by_role("button", name=name, exact=True).click()


def test_from_an_empty_editor_to_rows_that_a_restart_finds_again(lab: LabPage, shots: Path) -> None:
    errors: list[str] = []
    lab.page.on("pageerror", lambda error: errors.append(error.stack or str(error)))
    lab.run("load", "function", "edit")
    page, keyboard = lab.page, lab.page.keyboard
    expect(editor(lab)).to_be_visible(timeout=LONG)
    editor(lab).scroll_into_view_if_needed()

    # By keyboard: two rows. "b" would insert a cell if Lab heard it.
    editor(lab).get_by_label("Name of row 1").click()
    keyboard.type("azimuth")
    keyboard.press("Enter")
    keyboard.type("0, 90, 180")
    keyboard.press("Enter")
    expect(editor(lab).get_by_label("Name of row 2")).to_be_focused()
    keyboard.type("altitude")
    keyboard.press("Enter")
    keyboard.type("1, 2, 3, 4")
    expect(editor(lab).locator(".pse-counted")).to_have_text("12 psets", timeout=LONG)
    # By mouse: a third one, tied to the first.
    press(lab, "Add row")
    editor(lab).get_by_label("Name of row 3").fill("radius")
    editor(lab).get_by_label("Kind of radius").select_option("linspace")
    editor(lab).get_by_label("Values of radius").fill("0, 1, 3")
    editor(lab).get_by_label("Tie of azimuth").select_option("A")
    editor(lab).get_by_label("Tie of radius").select_option("A")
    expect(editor(lab).locator(".pse-why")).to_have_text("(3 tied) x 4 = 12")
    editor(lab).get_by_role("button", name="Undo").focus()
    keyboard.press("b")
    keyboard.press("a")
    assert page.evaluate("jupyterapp.shell.currentWidget.context.model.cells.length") == 4
    lab.run("use")
    assert lab.text("use").startswith("12 {'azimuth': 180")

    # It answers while a cell is at work.
    lab.keep_busy()
    editor(lab).get_by_label("Values of altitude").fill("1, 2, 3, 4, 5")
    expect(editor(lab).locator(".pse-counted")).to_have_text("15 psets")
    assert lab.busy()
    lab.release()
    for name in ("Light", "Dark"):
        lab.theme(name)
        editor(lab).screenshot(path=shots / f"editor-rows-{name.lower()}.png")
    lab.theme("Light")

    # The code makes the same psets.
    editor(lab).get_by_role("tab", name="Code").click()
    press(lab, "Copy")
    copied = page.evaluate("navigator.clipboard.readText()")
    same = lab.execute(f"before = params\n{copied}\nprint(params == before, len(params))")
    assert same.strip() == "True 15"
    lab.execute("params = before")
    press(lab, "Write it into a cell above")
    expect(editor(lab).get_by_text("Written into a cell above.")).to_be_visible()

    # Run: rows arrive below the editor; what is done is said.
    editor(lab).get_by_role("tab", name="Psets").click()
    expect(editor(lab).get_by_role("button", name="Run 15")).to_be_enabled(timeout=LONG)
    press(lab, "Run 15")
    panel = page.locator(".psw[data-state]").first
    expect(panel).to_contain_text("15 of 15 done", timeout=LONG)
    expect(editor(lab).locator(".pse-state-done")).to_have_count(15, timeout=LONG)
    editor(lab).screenshot(path=shots / "editor-psets-light.png")
    page.screenshot(path=shots / "editor-lab-ran.png")
    assert lab.execute("print(len(run.df), study.path.name)").strip() == "15 calc"

    lab.wait_for_output("edit", "15 of 15 done")  # the report, in the notebook

    # Lab's own: it shows a picture at each change of the theme, and may remove it twice.
    assert [error for error in errors if "/static/lab/jlab_core" not in error] == []

    # A reload: everything is as it was.
    lab.save()
    lab.open()
    expect(editor(lab).locator(".pse-counted")).to_have_text("15 psets", timeout=LONG)
    expect(editor(lab).get_by_label("Values of radius")).to_have_value("0, 1, 3")

    # Another kernel: the code stays in sight; Run All opens what the cell above makes.
    lab.restart()
    dead = page.locator(".pse-dead").first
    expect(dead).to_contain_text(
        "The kernel was restarted. Put this code into a cell above", timeout=LONG
    )
    expect(dead).to_contain_text("ps.grid")
    lab.run_all()
    expect(editor(lab).locator(".pse-why")).to_have_text("(3 tied) x 5 = 15", timeout=LONG)
    expect(editor(lab).locator(".pse-planned")).to_contain_text("15 done", timeout=LONG)

    # Without a kernel the code is still there to be read.
    lab.wait_for_output("edit", "pse-left")
    lab.save()
    lab.shutdown()
    lab.open(kernel=False)
    left = page.locator(".pse-left")
    expect(left).to_contain_text("ps.pgrid", timeout=LONG)
    lab.dismiss()
    expect(left).to_be_visible()
    for leftover in ("model not found", "Loading widget"):
        expect(page.get_by_text(leftover).first).to_be_hidden()
