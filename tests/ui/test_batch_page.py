"""The batch widget's page: looks, hostile data, keyboard, buttons; without Jupyter."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

import psweep_nb as ps
from tests.ui import hostile
from tests.ui.batchpage import BatchPage

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]

INPUT = """\
# $method on a grid of $n points, pset $_pset_seq
viscosity = $nu
steps     = $steps
seed      = ${seed}
output    = "$_pset_id.h5"
"""


def prep_of(missing: bool = True) -> ps.BatchPrep:
    """One with something of everything."""
    if not Path("templates").exists():
        ps.new_templates("slurm")
        ps.new_templates("local")
    Path("templates/calc/input.toml").write_text(INPUT)
    more = {} if missing else {"seed": 1}
    params = [
        {"method": method, "n": n, "nu": nu, "steps": 2000, **more}
        for method in ("spectral", "upwind")
        for n in (64, 128, 256)
        for nu in (0.001, 0.01)
    ]
    return ps.BatchPrep(params, study=ps.Study("calc"))


def file(page: Page, name: str) -> None:
    page.get_by_role("button", name=name, exact=True).click()
    expect(page.locator(".psb-shown-name")).to_have_text(name)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_looks(browser: Browser, shots: Path, theme: str) -> None:
    empty = BatchPage(browser, ps.BatchPrep(study=ps.Study("calc")), theme)
    empty.shot(shots / f"batch-empty-{theme}.png")
    empty.close()
    for missing in (True, False):
        stub = BatchPage(browser, prep_of(missing), theme)
        file(stub.page, "input.toml")
        stub.shot(shots / f"batch-{'missing' if missing else 'ready'}-{theme}.png")
        stub.close()
    stub = BatchPage(browser, prep_of(False), theme, width=560)
    stub.page.get_by_role("button", name="Code", exact=True).click()
    stub.page.screenshot(path=shots / f"batch-narrow-{theme}.png", full_page=True)
    stub.close()


def test_from_templates_to_jobs(browser: Browser) -> None:
    stub = BatchPage(browser, ps.BatchPrep([{"a": 1}, {"a": 2}], study=ps.Study("calc")))
    page = stub.page
    expect(page.get_by_role("button", name="Write", exact=True)).to_be_disabled()
    expect(page.get_by_role("button", name="Submit")).to_be_disabled()
    page.get_by_role("button", name="New templates for this machine").click()
    expect(page.locator(".psb-said")).to_contain_text("wrote templates/calc/psweep_job.py")
    page.get_by_role("button", name="Write 2").click()
    expect(page.locator(".psb-said")).to_contain_text("in a cell: run = study.prep_batch(params")
    expect(page.locator(".psb-act").last).to_contain_text("run 0: prepared, 0 of 2 done")
    assert len(ps.Study("calc").df) == 2
    page.get_by_role("button", name="Submit").click()
    expect(page.locator(".psb-said")).to_contain_text("2 psets submitted to local in 1 job")
    ps.Study("calc").run_of(0).wait(30)
    page.get_by_role("button", name="Sync").click()
    expect(page.locator(".psb-act").last).to_contain_text("run 0: finished, 2 of 2 done")
    expect(page.locator(".psb-plan").first).to_contain_text("2 done")
    stub.close()


def test_placeholders_psets_and_code_by_keyboard(browser: Browser) -> None:
    stub = BatchPage(browser, prep_of())
    page, keyboard = stub.page, stub.page.keyboard
    row = page.locator(".psb-files li", has_text="input.toml")
    expect(row.locator(".psb-missing")).to_have_text("seedmissing, line 4")
    expect(row.locator(".psb-filled").first).to_have_text("methodspectral")
    expect(page.locator(".psb-problems")).to_contain_text("`seed` is no parameter of pset 0")
    page.get_by_role("button", name="jobscript_local").focus()
    keyboard.press("Enter")
    expect(page.get_by_label("jobscript_local of pset 0")).to_contain_text('echo "pset 0"')
    expect(page.get_by_role("button", name="jobscript_local")).to_be_focused()
    expect(page.get_by_role("button", name="Previous")).to_be_disabled()
    page.get_by_label("Number of the pset").fill("11")
    keyboard.press("Enter")
    expect(page.get_by_label("jobscript_local of pset 11")).to_contain_text('echo "pset 11"')
    expect(page.get_by_role("button", name="Next")).to_be_disabled()
    page.get_by_role("button", name="Previous").press("Enter")
    expect(page.locator(".psb-pset")).to_have_text("method=upwind, n=256, nu=0.001, steps=2000")
    page.get_by_label("Number of the pset").fill("nonsense")
    keyboard.press("Tab")
    expect(page.get_by_label("Number of the pset")).to_have_value("10")
    page.get_by_label("Placeholders").select_option("jinja")
    expect(row).to_contain_text("no placeholders")
    page.get_by_label("Templates").fill("nowhere")
    keyboard.press("Enter")
    expect(page.locator(".psb-problems")).to_contain_text("no directory 'nowhere' of templates")
    page.get_by_role("button", name="Code", exact=True).press("Enter")
    code = page.get_by_label("Code", exact=True).and_(page.locator("pre"))
    expect(code).to_contain_text('calc_templ_dir="nowhere"')
    expect(code).to_have_text(stub.prep.code + "\n")
    for control in page.locator("select:visible, button:visible, input:visible").all():
        box = control.bounding_box()
        assert box and box["height"] >= 24
    stub.close()


def test_what_comes_from_files_and_psets_stays_text(browser: Browser) -> None:
    made: dict[str, Any] = {}
    exec(hostile.CELL, made)
    bad, psets = made["BAD"], made["nasty"]
    ps.new_templates("local")
    name = "<img src=x onerror=hacked=1>"
    Path("templates/calc", name).write_text(f"{bad}\n$n {{{{ {bad} }}}}")
    stub = BatchPage(browser, ps.BatchPrep(psets))
    page = stub.page
    for shown in (name, "pset.json"):
        file(page, shown)
        for number in range(len(psets)):
            page.get_by_label("Number of the pset").fill(str(number))
            page.keyboard.press("Enter")
            expect(page.locator(".psb-shown")).to_contain_text("='window.hacked=1'><script>")
            expect(page.locator(".psb-pset")).to_contain_text(f"n={number}")
    page.get_by_role("button", name="Code", exact=True).click()
    expect(page.locator(".psb-code pre")).to_contain_text("psets, to be made before")
    assert page.locator(".psb img, .psb script").count() == 0
    text = page.locator(".psb").inner_text()
    assert "\u202e" not in text and "\u200b" not in text
    assert page.evaluate("window.hacked") is None
    stub.close()


def test_a_busy_kernel_and_one_that_is_gone(browser: Browser) -> None:
    stub = BatchPage(browser, prep_of(False))
    page = stub.page
    page.evaluate("model.deaf = true")
    page.get_by_role("button", name="Write 12").click()
    expect(page.get_by_role("button", name="Write 12")).to_be_disabled()
    expect(page.locator(".psb-said")).to_contain_text("The kernel is busy")
    page.evaluate("model.gone = true")
    page.get_by_label("Which").select_option("all")
    expect(page.locator(".psb-said")).to_contain_text("The kernel is gone; run the cell again")
    expect(page.locator(".psb-body")).to_be_hidden()
    page.evaluate("end()")
    assert page.evaluate("Object.values(model.heard).every((list) => list.length === 0)")
    stub.close()
