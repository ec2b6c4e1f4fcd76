"""What a person sees of the grid editor, and what the page does: the ES module on a stub page."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from playwright.sync_api import Browser, Locator, expect

import psweep_nb as ps
from psweep_nb.ui.editor.draft import Draft
from psweep_nb.ui.editor.editing import Content
from psweep_nb.ui.editor.gridedit import GridEditor
from psweep_nb.ui.editor.opening import content_of
from psweep_nb.ui.session import Session
from tests.ui.editorpage import EditorPage
from tests.ui.hostile import HOSTILE

pytestmark = pytest.mark.browser


def simulate(a: Any, b: Any) -> dict[str, Any]:
    return {"energy": a}


class PlanningStudy:
    """Stands for a study: psets with an odd `a` are done."""

    path = Path("calc")
    calc_dir = "calc"

    def __init__(self) -> None:
        self.asked: list[Any] = []

    def plan(self, func: Any, params: list[Any], **options: Any) -> Any:
        self.asked.append((func, params, options))
        states = ["done" if p.get("a") in (1, 3) else "new" for p in params]
        todo = [i for i, state in enumerate(states) if state == "new"]
        text = f"{len(todo)} new, {states.count('done')} done {HOSTILE}"
        return SimpleNamespace(
            text=text, basis="about 3 min", todo=todo, running=0, running_same=None, remarks=(),
            latest=None, table=pd.DataFrame({"state": states}),
        )  # fmt: skip


def editor_of(content: Content | None = None, **names: Any) -> GridEditor:
    editor = GridEditor.__new__(GridEditor)
    names = {"simulate": simulate, "np": np, **names}
    study: Any = PlanningStudy()
    editor._start(content or Content(Draft().add()), "params", simulate, study, Session(names))
    return editor


@pytest.fixture
def pages(browser: Browser) -> Iterator[Any]:
    opened: list[EditorPage] = []

    def open_page(content: Content | None = None, theme: str = "light", **names: Any) -> EditorPage:
        page = EditorPage(browser, editor_of(content, **names), theme)
        page.draw()
        opened.append(page)
        return page

    yield open_page
    for page in opened:
        assert page.errors == []
        assert page.page.evaluate("window.hacked") is None
        page.close()


def grid_content(**axes: Any) -> Content:
    return content_of(ps.grid(**axes))


def fail(text: str) -> None:
    raise ps.ParamsError(text)


def field(page: EditorPage, label: str) -> Locator:
    return page.page.get_by_label(label, exact=True)


def counted(page: EditorPage) -> Locator:
    return page.page.locator(".pse-counted")


def view(page: EditorPage, name: str) -> None:
    page.page.get_by_role("tab", name=name).click()


def cell(page: EditorPage, row: int, column: int) -> Locator:
    return page.page.locator(f'[data-row="{row}"][data-column="{column}"]')


def focused(page: EditorPage) -> str:
    return str(page.page.evaluate("document.activeElement.getAttribute('aria-label')"))


# -- rows ------------------------------------------------------------------------------------


def test_a_grid_with_a_tie_by_mouse(pages: Any) -> None:
    page = pages()
    field(page, "Name of row 1").fill("a")
    field(page, "Values of a").fill("1, 2, 3")
    expect(counted(page)).to_have_text("3 psets")
    page.page.get_by_role("button", name="Add row").click()
    field(page, "Name of row 2").fill("b")
    field(page, "Kind of b").select_option("linspace")
    field(page, "Values of b").fill("0, 1, 3")
    expect(counted(page)).to_have_text("9 psets")
    expect(page.page.locator(".pse-why")).to_have_text("3 x 3 = 9")
    field(page, "Tie of a").select_option("A")
    field(page, "Tie of b").select_option("A")
    expect(counted(page)).to_have_text("3 psets")
    page.page.get_by_role("button", name="Duplicate b").click()
    field(page, "Tie of b_2").select_option("")
    expect(page.page.locator(".pse-why")).to_have_text("(3 tied) x 3 = 9")
    field(page, "Repeats").fill("2")
    field(page, "Only where").fill("a < 3")
    expect(counted(page)).to_have_text("12 psets")
    field(page, "Use b_2").uncheck()
    expect(counted(page)).to_have_text("4 psets")
    expect(page.page.locator(".pse-ends")).to_contain_text("first")
    assert [p["b"] for p in page.editor.params] == [0.0, 0.0, 0.5, 0.5]
    page.page.get_by_role("button", name="Undo").click()
    expect(counted(page)).to_have_text("12 psets")
    assert page.editor._editing.names["params"] == page.editor.params


def test_a_grid_by_keyboard_alone(pages: Any) -> None:
    page = pages()
    keyboard = page.page.keyboard
    field(page, "Name of row 1").focus()
    keyboard.type("a")
    keyboard.press("Enter")
    assert focused(page) == "Values of a"
    keyboard.type("1, 2")
    keyboard.press("Enter")  # in the last row: a new one
    expect(field(page, "Name of row 2")).to_be_focused()
    keyboard.type("b")
    keyboard.press("Enter")
    keyboard.type("5, 6, 7")
    expect(counted(page)).to_have_text("6 psets")
    keyboard.press("Alt+ArrowUp")
    expect(field(page, "Values of b")).to_be_focused()
    expect(page.page.locator(".pse-rows .pse-name").first).to_have_value("b")
    assert list(page.editor.params[0]) == ["b", "a"]
    keyboard.press("ArrowDown")
    assert focused(page) == "Values of a"
    field(page, "Remove a").focus()
    keyboard.press("Enter")
    expect(counted(page)).to_have_text("3 psets")
    assert focused(page) == "Remove b"
    page.page.get_by_role("tab", name="Rows").focus()
    keyboard.press("ArrowRight")
    keyboard.press("ArrowRight")
    expect(page.page.locator(".pse-pre").first).to_contain_text("ps.grid(b=[5, 6, 7])")


def test_what_is_typed_after_enter_is_the_new_row_s_before_the_kernel_answers(pages: Any) -> None:
    page = pages()
    field(page, "Name of row 1").fill("a")
    field(page, "Values of a").fill("1, 2")
    expect(counted(page)).to_have_text("2 psets")
    page.page.evaluate("model.deaf = true; window.before = model.sent.length; undefined")
    keyboard = page.page.keyboard
    field(page, "Values of a").focus()
    for name, values in (("b", "3, 4"), ("c", "5, 6")):
        keyboard.press("Enter")
        keyboard.type(name)
        keyboard.press("Enter")
        keyboard.type(values)
    assert field(page, "Values of a").input_value() == "1, 2"
    # An answer to something earlier does not take the new rows away.
    page.page.evaluate("model.emit('change:state')")
    keyboard.type(", 7")
    page.page.wait_for_function("model.sent.at(-1).value === '5, 6, 7'")
    page.page.evaluate(
        "model.deaf = false; (async () => { for (const m of model.sent.slice(before))"
        " await kernel(m); })()"
    )
    expect(counted(page)).to_have_text("12 psets")
    assert page.editor.params == ps.grid(a=[1, 2], b=[3, 4], c=[5, 6, 7])
    assert focused(page) == "Values of c"
    expect(page.page.locator(".pse-row .pse-name")).to_have_count(3)


def test_a_row_that_the_kernel_refuses_goes_again(pages: Any) -> None:
    page = pages()
    page.editor._editing.do = lambda message: fail("no more rows")
    page.page.get_by_role("button", name="Add row").click()
    expect(page.page.locator(".pse-said")).to_contain_text("no more rows")
    expect(page.page.locator(".pse-row .pse-name")).to_have_count(1)


def test_every_control_is_reached_named_and_large_enough(pages: Any) -> None:
    page = pages(grid_content(a=[1, 2], b=[3, 4]))
    nameless = page.page.evaluate(
        """() => [...document.querySelectorAll('.pse button, .pse input, .pse select')]
          .filter((n) => n.checkVisibility() && !(n.ariaLabel || n.labels?.length || n.innerText))
          .map((n) => n.outerHTML)"""
    )
    assert nameless == []
    reached = set()
    for _ in range(40):
        page.page.keyboard.press("Tab")
        reached.add(page.page.evaluate(
            "document.activeElement.ariaLabel || document.activeElement.innerText"))  # fmt: skip
    for name in ("Use a", "Kind of a", "Values of b", "Tie of b", "Down a", "Duplicate b", "Run 2"):
        assert name in reached, (name, reached)
    for node in page.page.locator(".pse button:visible, .pse label.pse-use").all():
        box = node.bounding_box()
        assert box and box["height"] >= 24


def test_a_wrong_entry_is_marked_at_its_field_and_nothing_else_is_lost(pages: Any) -> None:
    page = pages(grid_content(a=[1, 2], b=[3, 4]))
    values = field(page, "Values of b")
    values.fill("3, red")
    expect(values).to_have_attribute("aria-invalid", "true")
    described = page.page.locator("#" + str(values.get_attribute("aria-describedby")))
    expect(described).to_contain_text("text needs quotes")
    expect(counted(page)).to_have_text("1 entry to correct")
    expect(page.page.get_by_text("`params` still has the 4 psets from before")).to_be_visible()
    expect(page.page.get_by_role("button", name="Run")).to_be_disabled()
    expect(field(page, "Values of a")).not_to_have_attribute("aria-invalid", "true")
    values.fill("3, 'red'")
    expect(values).not_to_have_attribute("aria-invalid", "true")
    expect(counted(page)).to_have_text("4 psets")
    field(page, "Only where").fill("a <")
    expect(field(page, "Only where")).to_have_attribute("aria-invalid", "true")


def test_an_expression_waits_for_enter(pages: Any) -> None:
    page = pages(grid_content(a=[1, 2]), sizes=[5, 6, 7])
    field(page, "Kind of a").select_option("expression")
    field(page, "Values of a").fill("2 * np.array(sizes)")
    expect(counted(page)).to_have_text("1 expression to compute: press Enter")
    expect(field(page, "Values of a")).not_to_have_attribute("aria-invalid", "true")
    field(page, "Values of a").press("Enter")
    expect(counted(page)).to_have_text("3 psets")
    expect(page.page.locator(".pse-given").first).to_have_text("10, 12, 14")


def test_star_and_sample(pages: Any) -> None:
    page = pages(grid_content(a=[1, 2, 3], b=[3, 4]))
    field(page, "Combine").select_option("star")
    field(page, "Middle of a").fill("2")
    expect(page.page.locator(".pse-why")).to_have_text("3 + 2 - 1 (there already) = 4")
    expect(field(page, "Points")).to_be_hidden()
    field(page, "Combine").select_option("sample")
    expect(field(page, "Middle of a")).to_be_hidden()
    field(page, "Kind of a").select_option("between")
    field(page, "Values of a").fill("0.0, 1.0")
    field(page, "Points").fill("7")
    expect(counted(page)).to_have_text("7 psets")


# -- psets as a table ------------------------------------------------------------------------


def test_cells_rows_and_columns_are_edited(pages: Any) -> None:
    page = pages(grid_content(a=[1, 2], b=["x"]))
    keyboard = page.page.keyboard
    view(page, "Psets")
    expect(page.page.get_by_role("columnheader", name="state")).to_be_visible()
    expect(page.page.locator(".pse-state").first).to_have_text("done")
    cell(page, 1, 0).dblclick()
    keyboard.press("Control+a")
    keyboard.type("2.5")
    keyboard.press("Enter")
    expect(cell(page, 1, 0)).to_have_text("2.5")
    expect(page.page.get_by_text("The psets were edited by hand")).to_be_visible()
    cell(page, 0, 1).click()
    keyboard.type("red")  # typing replaces the cell
    keyboard.press("Tab")
    expect(cell(page, 0, 1)).to_have_attribute("aria-invalid", "true")
    cell(page, 0, 1).click()
    expect(page.page.locator(".pse-said")).to_contain_text("text needs quotes: 'red'")
    keyboard.press("F2")
    keyboard.press("Home")
    keyboard.type("'")
    keyboard.press("End")
    keyboard.type("'")
    keyboard.press("Enter")
    expect(counted(page)).to_have_text("2 psets")
    keyboard.press("Delete")  # the cell below: absent
    page.page.get_by_role("button", name="Add row").click()
    expect(counted(page)).to_have_text("3 psets")
    field(page, "Name of the new column").fill("c")
    field(page, "Value of the new column in all rows").fill("None")
    page.page.get_by_role("button", name="Add column").click()
    expect(page.page.get_by_role("columnheader", name="c", exact=True)).to_be_visible()
    assert page.editor.params == [
        {"a": 1, "b": "red", "c": None},
        {"a": 2.5, "c": None},
        {"a": 2.5, "c": None},
    ]
    cell(page, 2, 0).click()
    page.page.get_by_role("button", name="Delete row").click()
    page.page.get_by_role("button", name="Delete column").click()
    expect(page.page.get_by_role("columnheader", name="a", exact=True)).to_have_count(0)
    page.page.get_by_role("button", name="Use the rows").click()
    expect(cell(page, 1, 0)).to_have_text("2")


def test_escape_leaves_a_cell_as_it_was(pages: Any) -> None:
    page = pages(grid_content(a=[1, 2]))
    view(page, "Psets")
    cell(page, 0, 0).click()
    page.page.keyboard.type("99")
    page.page.keyboard.press("Escape")
    expect(cell(page, 0, 0)).to_have_text("1")
    expect(cell(page, 0, 0)).to_be_focused()
    assert page.editor.params == [{"a": 1}, {"a": 2}]


def test_the_page_holds_a_window_of_many_rows(pages: Any) -> None:
    page = pages(grid_content(a=range(1000), b=range(1000)))
    view(page, "Psets")
    expect(cell(page, 0, 0)).to_have_text("0")
    assert page.page.locator(".pse-table tbody tr").count() < 120
    cell(page, 0, 0).click()
    page.page.keyboard.press("Control+End")
    last = 300_000 - 1
    expect(cell(page, last, 1)).to_have_text(str(last % 1000))
    expect(cell(page, last, 0)).to_be_focused()
    assert page.page.locator(".pse-table tbody tr").count() < 120
    assert page.page.get_by_text("the first 300\u202f000 of 1\u202f000\u202f000").is_visible()
    cell(page, last, 0).dblclick()
    page.page.keyboard.type("5")
    page.page.keyboard.press("Enter")
    expect(page.page.get_by_text("too many to edit by hand")).to_be_visible()
    assert all(len(json.dumps(answer)) < 50_000 for answer in page.answers)


def test_a_long_value_is_edited_whole(pages: Any) -> None:
    value = "word " * 100
    page = pages(content_of([{"a": value}, {"b": 1}]))
    view(page, "Psets")
    cell(page, 0, 0).dblclick()
    expect(cell(page, 0, 0).get_by_role("textbox")).to_have_value(f'"{value}"')
    page.page.keyboard.press("End")
    page.page.keyboard.press("ArrowLeft")
    page.page.keyboard.type("!")
    page.page.keyboard.press("Enter")
    expect(page.page.get_by_text("The psets were edited by hand")).to_be_visible()
    page.page.wait_for_function("() => model.sent.some((m) => m.kind === 'cell')")
    assert page.editor.params[0] == {"a": value + "!"}


# -- code, plan, run -------------------------------------------------------------------------


def test_the_code_is_copied(pages: Any) -> None:
    page = pages(grid_content(a=[1, 2]))
    page.page.evaluate("navigator.clipboard ??= {}; copied = ''")
    page.page.evaluate(
        "document.addEventListener('copy', () => { copied = String(getSelection()); })"
    )
    view(page, "Code")
    page.page.get_by_role("button", name="Copy").click()
    expect(page.page.get_by_text("Copied.")).to_be_visible()
    assert page.page.evaluate("copied").strip() == page.editor.code
    expect(page.page.get_by_role("button", name="Write it into a cell above")).to_be_hidden()


NOTEBOOK = """() => {
  const made = [{getMetadata: () => undefined}, {mine: true}];
  const shared = {
    cells: made,
    insertCell: (at, cell) => {
      made.splice(at, 0, {source: cell.source, getMetadata: () => cell.metadata.psweep,
                          setSource(source) { this.source = source; }});
    },
  };
  const view = {"application/vnd.jupyter.widget-view+json": {model_id: "box"}};
  const cells = {
    get length() { return made.length; },
    get: (i) => ({ outputs: made[i].mine ? {length: 1, get: () => ({data: view})} : undefined }),
  };
  model.widget_manager = { context: { model: { cells, sharedModel: shared } } };
  model.state.ids = ["editor", "box"];
  window.made = made;
}"""


def test_the_code_is_written_into_a_cell_above_and_kept_up_to_date(pages: Any) -> None:
    page = pages(grid_content(a=[1, 2]))
    page.page.evaluate(NOTEBOOK)
    field(page, "Values of a").fill("1, 2, 3")
    view(page, "Code")
    insert = page.page.get_by_role("button", name="Write it into a cell above")
    insert.click()
    expect(page.page.get_by_text("Written into a cell above.")).to_be_visible()
    assert page.page.evaluate("made.map((c) => c.source ?? null)") == [
        None,
        page.editor.code,
        None,
    ]
    view(page, "Rows")
    field(page, "Values of a").fill("7")
    view(page, "Code")
    expect(page.page.locator(".pse-codeview")).to_contain_text("[7]")
    insert.click()
    expect(page.page.get_by_text("The cell above was brought up to date.")).to_be_visible()
    assert page.page.evaluate("made[1].source") == page.editor.code
    assert page.page.evaluate("made.length") == 3


def test_what_is_done_and_how_long_it_takes_is_said(pages: Any) -> None:
    page = pages(grid_content(a=[1, 2, 3, 4], b=[1, 2]))
    expect(page.page.locator(".pse-planned")).to_contain_text("4 new, 4 done")
    expect(page.page.locator(".pse-planned")).to_contain_text("about 3 min")
    expect(page.page.get_by_role("button", name="Run 4")).to_be_enabled()
    field(page, "Workers").fill("many")
    expect(page.page.locator(".pse-planned")).to_contain_text("a whole number from 1 on")
    field(page, "Workers").fill("3")
    expect(page.page.locator(".pse-planned")).to_contain_text("4 new")
    study: Any = page.editor._runner.study()
    func, _, options = study.asked[-1]
    assert (func, options["workers"], options["skip"]) == (simulate, 3, "done+failed")
    page.page.get_by_role("button", name="Plan").click()
    expect(page.page.get_by_label("Plan", exact=True).last).to_be_visible()
    page.page.get_by_role("button", name="Close the plan").click()
    expect(page.page.get_by_role("button", name="Plan")).to_be_focused()
    expect(page.page.get_by_role("button", name="Simulate")).to_be_hidden()  # it has no such thing


def test_functions_are_the_notebooks_own(pages: Any) -> None:
    def other(a: int) -> int:
        return a

    page = pages(grid_content(a=[1, 2]), other=other, _hidden=other, load=json.loads, n=3)
    names = page.page.locator(".pse-run select option").all_inner_texts()
    assert sorted(names) == ["other", "simulate"]
    field(page, "Function").select_option("other")
    page.page.wait_for_function("() => model.sent.some((m) => m.kind === 'function')")
    page.editor._editing.names["third"] = other
    field(page, "Function").focus()
    expect(page.page.locator(".pse-run select option")).to_have_count(3)
    expect(field(page, "Function")).to_have_value("other")


# -- what can go wrong -----------------------------------------------------------------------


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_hostile_data_is_text(pages: Any, theme: str) -> None:
    class Odd:
        def __repr__(self) -> str:
            raise RuntimeError(HOSTILE)

    psets = [
        {HOSTILE: value, "n": float("nan"), "constructor": 1, "__proto__x": Odd()}
        for value in (HOSTILE, "y" * 1_000_000, [HOSTILE], Odd())
    ]
    page = pages(content_of(psets), theme)
    for name in ("Psets", "Code", "Rows"):
        view(page, name)
        assert page.page.locator(".pse img, .pse script").count() == 0
    view(page, "Psets")
    expect(cell(page, 0, 0)).to_contain_text("<img src=x")
    assert "\u202e" not in page.page.inner_text(".pse")
    view(page, "Rows")
    page.page.get_by_role("button", name="Add row").click()
    name = page.page.locator(".pse-rows .pse-name").last
    name.fill(HOSTILE)
    page.page.locator(".pse-rows .pse-text").last.fill(f'"{HOSTILE}", nan')
    expect(page.page.locator(".pse-planned")).to_contain_text("<script>")
    assert page.page.locator(".pse img, .pse script").count() == 0


def test_what_is_typed_is_kept_while_the_kernel_is_busy(pages: Any) -> None:
    page = pages(grid_content(a=[1, 2]))
    page.page.evaluate("model.deaf = true")
    values = field(page, "Values of a")
    values.fill("1, 2, 3, 4")
    expect(page.page.get_by_text("The kernel is busy")).to_be_visible()
    page.page.evaluate("model.emit('change:state')")  # news of before, from another view
    expect(values).to_have_value("1, 2, 3, 4")
    missed = page.page.evaluate("model.deaf = false, model.sent.filter((m) => m.seq)")
    for message in missed:
        page.page.evaluate("(m) => kernel(m)", message)
    expect(page.page.get_by_text("The kernel is busy")).to_be_hidden()
    expect(counted(page)).to_have_text("4 psets")


def test_quick_typing_is_few_messages(pages: Any) -> None:
    page = pages(grid_content(a=[1, 2]))
    page.page.evaluate("model.sent.length = 0")
    field(page, "Values of a").focus()
    page.page.keyboard.type(", 3" * 40, delay=5)
    expect(counted(page)).to_have_text("42 psets")
    assert page.page.evaluate("model.sent.length") < 40


def test_an_edit_that_cannot_be_is_said(pages: Any) -> None:
    page = pages(grid_content(a=[1, 2]))
    field(page, "Values of a").fill("1, " * 20_000)
    expect(page.page.get_by_text("characters are too many to type")).to_be_visible()
    expect(counted(page)).to_have_text("2 psets")


def test_without_its_kernel_the_code_is_kept(pages: Any) -> None:
    page = pages(grid_content(a=[1, 2]))
    page.page.evaluate("model.gone = true")
    field(page, "Values of a").fill("5")
    said = "The kernel is gone. Put this code into a cell above and run that first"
    expect(page.page.get_by_text(said)).to_be_visible()
    expect(page.page.locator(".pse-pre").first).to_contain_text("ps.grid")
    assert page.page.locator(".pse button:visible:enabled").all_inner_texts() == ["Copy"]


def test_a_second_view_shows_the_same(pages: Any) -> None:
    page = pages(grid_content(a=[1, 2]))
    page.page.evaluate("draw('second')")
    page.page.locator("#root .pse-text").fill("1, 2, 3")
    expect(page.page.locator("#second .pse-counted")).to_have_text("3 psets")
    expect(page.page.locator("#second .pse-text")).to_have_value("1, 2, 3")


def test_ending_stops_listening(pages: Any) -> None:
    page = pages(grid_content(a=[1, 2]))
    page.page.evaluate("end()")
    assert page.page.evaluate("Object.values(model.heard).every((list) => list.length === 0)")


def test_shortcuts_of_the_front_end_are_kept_off_but_not_saving(pages: Any) -> None:
    page = pages()
    root = page.page.locator(".pse")
    attribute = "data-lm-suppress-shortcuts"
    expect(root).to_have_attribute(attribute, "true")
    page.page.keyboard.down("Control")
    assert root.get_attribute(attribute) is None
    page.page.keyboard.up("Control")
    assert root.get_attribute(attribute) is not None


def looks() -> Content:
    rows = [
        ("azimuth", "list", "0, 90, 180", ""),
        ("altitude", "linspace", "0, 1, 4", ""),
        ("radius", "range", "1, 6", "A"),
        ("depth", "expression", "2.0 * np.arange(5)", "A"),
        ("mode", "constant", "'fast'", ""),
    ]
    draft = Draft()
    for name, kind, text, tie in rows:
        draft = draft.add(name=name, kind=kind, text=text, tie=tie)
    return Content(draft)


@pytest.mark.parametrize(("theme", "width"), [("light", 940), ("dark", 940), ("light", 420)])
def test_looks(browser: Browser, shots: Path, theme: str, width: int) -> None:
    page = EditorPage(browser, editor_of(looks()), theme, width)
    page.draw()
    field(page, "Values of depth").press("Enter")
    for at, kind in enumerate(("Rows", "Psets", "Code")):
        view(page, kind)
        expect(counted(page)).to_have_text("60 psets")
        page.page.wait_for_function("() => model.sent.some((m) => m.kind === 'settle')")
        page.page.screenshot(path=shots / f"editor-{at}-{kind.lower()}-{theme}-{width}.png")
        assert page.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    view(page, "Rows")
    field(page, "Values of azimuth").fill("0, 90, [180")
    field(page, "Name of radius").fill("altitude")
    field(page, "Only where").fill("azimuth <")
    expect(counted(page)).to_contain_text("to correct")
    page.page.screenshot(path=shots / f"editor-3-wrong-{theme}-{width}.png")
    assert page.errors == []
    page.close()
