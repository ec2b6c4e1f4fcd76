"""The batch widget in a real JupyterLab: from templates to rows of jobs, and a restart."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.ui.lab import LabPage, Server
from tests.waiting import until

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
LONG = 60_000
INPUT = "# $method, pset $_pset_seq\ngrid      = [$n, $n]\nviscosity = $nu\n"
CELLS = {
    "load": "%load_ext psweep_nb",
    "params": (
        "import psweep_nb as ps\n"
        "params = ps.grid(method=['spectral', 'upwind'], n=[64, 128, 256], nu=[0.001, 0.01])"
    ),
    "batch": "%psweep batch params",
}


@pytest.fixture
def lab(browser: Browser, server: Server, shots: Path) -> Iterator[LabPage]:
    """A notebook with psets and the widget, in a folder of its own."""
    lab = LabPage(browser, server, server.write(CELLS, "batch"))
    lab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    yield lab
    lab.page.screenshot(path=shots / "batch-lab-last.png")
    lab.close()


def batch(lab: LabPage) -> Locator:
    return lab.page.locator(".psb:not(.psw-dead)").first


def press(lab: LabPage, name: str) -> None:
    batch(lab).get_by_role("button", name=name, exact=True).click()


def test_from_nothing_to_rows_of_jobs(lab: LabPage, shots: Path) -> None:
    lab.run("load", "params", "batch")
    said = batch(lab).locator(".psb-said")
    expect(batch(lab)).to_contain_text("There are no templates yet", timeout=LONG)
    press(lab, "New templates for this machine")
    expect(said).to_contain_text("wrote templates/calc/psweep_job.py", timeout=LONG)

    # A template that is changed beside the notebook is seen when one comes back to the widget.
    folder = (lab.server.folder / lab.path).parent
    template = folder / "templates" / "calc" / "input.toml"
    template.write_text(INPUT + "seed      = $seed\n")
    row = batch(lab).locator(".psb-files li", has_text="input.toml")

    def come_back() -> int:
        lab.page.mouse.move(5, 5)
        batch(lab).hover(position={"x": 20, "y": 8})
        return row.count()

    until(come_back, every=0.2)
    expect(row.locator(".psb-missing")).to_have_text("seedmissing, line 4")
    expect(batch(lab).get_by_role("button", name="Write", exact=True)).to_be_disabled()
    batch(lab).screenshot(path=shots / "batch-lab-missing.png")
    template.write_text(INPUT)
    press(lab, "input.toml")
    expect(batch(lab).get_by_label("input.toml of pset 0")).to_contain_text("[64, 64]")

    batch(lab).screenshot(path=shots / "batch-widget.png")

    # While a cell is at work.
    lab.keep_busy()
    press(lab, "Write 12")
    expect(said).to_contain_text('in a cell: run = study.prep_batch(params, skip="done+failed")')
    assert lab.busy()
    lab.release()
    panel = lab.page.locator(".psw:not(.psb)").first
    expect(panel).to_contain_text("0 of 12 done", timeout=LONG)
    assert lab.execute("print(len(study.df), study.df['_failed'].isna().all())") == "12 True\n"
    for name in ("Light", "Dark"):
        lab.theme(name)
        batch(lab).screenshot(path=shots / f"batch-lab-written-{name.lower()}.png")
    lab.theme("Light")

    press(lab, "Submit")
    expect(said).to_contain_text("12 psets submitted to local in 1 job", timeout=LONG)
    press(lab, "Sync")
    expect(said).to_contain_text("study.sync(every=5)", timeout=LONG)
    lab.execute("run.wait(60)")
    press(lab, "Sync")
    expect(batch(lab)).to_contain_text("run 0: finished, 12 of 12 done", timeout=LONG)
    expect(panel).to_contain_text("12 of 12 done", timeout=LONG)
    lab.page.screenshot(path=shots / "batch-lab-finished.png")

    press(lab, "Code")
    press(lab, "Copy")
    copied = lab.page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith("import psweep_nb as ps\n\nparams = ps.grid(")

    # Another kernel: the code is kept; the cell run anew finds the rows.
    lab.save()
    lab.restart()
    dead = lab.page.locator(".psb.psw-dead").first
    expect(dead).to_contain_text("The kernel was restarted; run the cell again", timeout=LONG)
    expect(lab.page.locator(".psw-report").first).to_contain_text("study.prep_batch(params")
    lab.run_all()
    expect(batch(lab)).to_contain_text("run 0: finished, 12 of 12 done", timeout=LONG)
    expect(batch(lab)).to_contain_text("nothing would be written")

    # Without a kernel the code is still there to be read.
    lab.save()
    lab.shutdown()
    lab.open(kernel=False)
    left = lab.page.locator(".psw-report", has_text="study.prep_batch(params")
    expect(left).to_be_visible(timeout=LONG)
    lab.dismiss()
    expect(lab.page.get_by_text("model not found").first).to_be_hidden()
