"""The quickstart in a real JupyterLab: what a newcomer does, and what must survive."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.ui.lab import LabPage, Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
PREPARE = ("load", "function", "params")
ROWS = "print(len(study.df))"
# All records ever written, each attempt counted: what computes twice shows here.
RECORDS = "print([run.view.count for run in study.runs if run.view.poll() >= 0])"
LONG = 60_000


@pytest.fixture
def lab(
    browser: Browser, server: Server, shots: Path, request: pytest.FixtureRequest
) -> Iterator[LabPage]:
    """The quickstart, opened in a folder of its own."""
    lab = LabPage(browser, server, server.add("quickstart.ipynb", request.node.name))
    yield lab
    lab.page.screenshot(path=shots / f"lab-last-{request.node.name}.png")
    lab.close()


def panel(lab: LabPage, state: str = "") -> Locator:
    return lab.page.locator(f'.psw[data-state="{state}"]' if state else ".psw").first


def press(lab: LabPage, name: str) -> None:
    panel(lab).get_by_role("button", name=name, exact=True).click()


def numbers(text: str) -> list[int]:
    return [int(word) for word in text.replace(",", " ").strip("[]\n ").split()]


def test_a_newcomer_runs_looks_stops_and_reloads(lab: LabPage, shots: Path) -> None:
    errors: list[str] = []
    lab.page.on("console", lambda m: errors.append(m.text) if m.type == "error" else None)
    lab.run(*PREPARE, "run")
    assert lab.text("run").startswith("run 0: 384 psets, 2 workers, calc/\n")
    expect(panel(lab, "running")).to_be_visible(timeout=LONG)
    expect(panel(lab).locator("tr.psw-done").first).to_be_visible(timeout=LONG)
    panel(lab).scroll_into_view_if_needed()
    lab.page.screenshot(path=shots / "lab-running.png")

    # The notebook is the user's while rows arrive.
    lab.run("look")
    before = numbers(lab.execute(ROWS))[0]
    lab.page.wait_for_function(
        "(n) => Number(document.querySelector('.psw-bar').getAttribute('aria-valuenow')) > n",
        arg=before + 10,
    )
    assert numbers(lab.execute(ROWS))[0] > before

    press(lab, "Pause")
    expect(panel(lab, "paused")).to_be_visible(timeout=LONG)
    press(lab, "Resume")
    expect(panel(lab, "running")).to_be_visible(timeout=LONG)

    # A click is answered while a cell is busy.
    lab.keep_busy()
    panel(lab).get_by_role("button", name=re.compile(r"^\d+ failed$")).click()
    panel(lab).locator("tr.psw-failed").first.click()
    expect(panel(lab).locator(".psw-traceback")).to_contain_text("ValueError", timeout=3000)
    assert lab.busy()
    lab.page.screenshot(path=shots / "lab-detail.png")
    press(lab, "Stop")
    expect(panel(lab, "stopped")).to_be_visible(timeout=LONG)
    assert lab.busy()
    lab.release()
    done = numbers(lab.execute(ROWS))[0]
    assert done < 384
    assert errors == []

    # The page reloaded: the panel is alive, and answers.
    lab.save()
    lab.open()
    expect(panel(lab, "stopped")).to_be_visible(timeout=LONG)
    panel(lab).get_by_role("button", name=re.compile(r"^\d+ failed$")).click()
    panel(lab).locator("tr.psw-failed").first.click()
    expect(panel(lab).locator(".psw-traceback")).to_contain_text("ValueError", timeout=LONG)
    press(lab, "Resume")
    expect(panel(lab, "finished")).to_be_visible(timeout=LONG)
    # What the run left is completed in the notebook, although the page is another one.
    lab.wait_for_output("run", "finished")
    lab.theme("Dark")
    panel(lab).scroll_into_view_if_needed()
    lab.page.screenshot(path=shots / "lab-finished-dark.png")

    lab.run("fix")
    press(lab, "Retry failed")
    expect(panel(lab).get_by_text("384 of 384 done")).to_be_visible(timeout=LONG)
    assert numbers(lab.execute("print(int(study.df._failed.sum()))")) == [0]


def test_failures_are_looked_at_debugged_and_tried_again(lab: LabPage, shots: Path) -> None:
    lab.run(*PREPARE, "run")
    expect(panel(lab, "finished")).to_be_visible(timeout=LONG)
    # A second tab on the same notebook shows the same panel.
    lab.save()
    other = lab.context.new_page()
    other.goto(lab.page.url)
    expect(other.locator(".psw tr.psw-row").first).to_be_visible(timeout=LONG)
    panel(lab).get_by_role("button", name="96 failed").click()
    expect(panel(lab).get_by_role("listitem")).to_have_count(1, timeout=LONG)
    expect(other.locator(".psw").get_by_role("listitem")).to_have_count(1, timeout=LONG)
    other.close()
    panel(lab).locator("tr.psw-failed").first.click()
    panel(lab).get_by_text("Run just this pset here").click()
    lab.page.screenshot(path=shots / "lab-failures.png")
    cells = lab.page.evaluate("jupyterapp.shell.currentWidget.context.model.cells.length")
    press(lab, "Open in a cell")
    source = lab.page.evaluate(
        "(i) => jupyterapp.shell.currentWidget.context.model.cells.get(i).sharedModel.getSource()",
        lab.cell("run") + 1,
    )
    assert "of run 0: ValueError" in source
    assert "v cannot be empty" in lab.execute(source)
    assert (
        lab.page.evaluate("jupyterapp.shell.currentWidget.context.model.cells.length") == cells + 1
    )
    lab.run("fix")
    lab.execute(source)  # the notebook's function is another now
    panel(lab).get_by_role("button", name=re.compile("^Retry this group")).click()
    expect(panel(lab).get_by_text("run.retry(match=r")).to_be_visible(timeout=LONG)
    expect(panel(lab).get_by_text("384 of 384 done")).to_be_visible(timeout=LONG)
    panel(lab).get_by_role("button", name="All", exact=True).click()
    panel(lab).get_by_role("button", name="Plot", exact=True).click()
    expect(panel(lab).locator(".psw-plot-dots")).to_be_visible(timeout=LONG)
    head = panel(lab).get_by_role("columnheader", name="entropy")
    head.get_by_role("button").click()
    expect(head).to_have_attribute("aria-sort", "ascending", timeout=LONG)
    # A reload brings it back as it was left.
    lab.save()
    lab.open()
    expect(head).to_have_attribute("aria-sort", "ascending", timeout=LONG)
    expect(panel(lab).locator(".psw-plot-dots")).to_be_visible(timeout=LONG)
    panel(lab).scroll_into_view_if_needed()
    lab.page.screenshot(path=shots / "lab-plot.png")


def test_restart_and_run_all_compute_nothing_twice(lab: LabPage, shots: Path) -> None:
    lab.run(*PREPARE, "run")
    expect(panel(lab).locator("tr.psw-done").first).to_be_visible(timeout=LONG)
    press(lab, "Pause")  # it must not end before the new kernel finds it
    expect(panel(lab, "paused")).to_be_visible(timeout=LONG)
    lab.restart()
    expect(panel(lab).get_by_text("The kernel was restarted")).to_be_visible(timeout=LONG)
    panel(lab).scroll_into_view_if_needed()
    lab.page.screenshot(path=shots / "lab-restarted.png")
    lab.start_all()
    expect(lab.page.locator(".psw:not(.psw-dead)[data-state=paused]")).to_be_visible(timeout=LONG)
    press(lab, "Resume")  # while a cell waits for the run
    lab.finish_all()
    assert "at work on these psets already, attached" in lab.text("run")
    records = lab.execute(RECORDS)
    # 384 psets and 96 retried ones, then 96 of which 64 are new: each once.
    assert numbers(records) == [384 + 96, 64]
    lab.restart()
    lab.run_all()
    assert lab.text("run").startswith("0 new, 384 done (96 with other code: `--stale`")
    assert lab.execute(RECORDS) == records
    lab.page.screenshot(path=shots / "lab-run-all.png")
    lab.save()
    lab.shutdown()

    # The saved notebook with a new kernel that knows nothing of it, and without one.
    for kernel in (True, False):
        lab.open(kernel=kernel)
        report = lab.page.locator(".psw-report").first
        expect(report).to_contain_text("384 of 384 done", timeout=LONG)
        report.scroll_into_view_if_needed()
        expect(report.locator("table")).to_be_visible()
        for leftover in ("model not found", "Loading widget"):
            expect(lab.page.get_by_text(leftover).first).to_be_hidden()
        if not kernel:
            lab.dismiss()
        lab.page.screenshot(path=shots / f"lab-saved-{'new' if kernel else 'no'}-kernel.png")
        if kernel:
            lab.shutdown()
