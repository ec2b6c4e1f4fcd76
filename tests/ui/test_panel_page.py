"""What a person sees of the panel, and what the page does: the ES module on a stub page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect

from psweep_nb.ui import detail
from tests.ui.fakes import FakeRecord, FakeRun, FakeRunning
from tests.ui.stubpage import StubPage

pytestmark = pytest.mark.browser
HOSTILE = "<img src=x onerror='window.hacked=1'><script>window.hacked=1</script>"


@pytest.fixture
def stub(browser: Browser) -> Iterator[StubPage]:
    page = StubPage(browser)
    yield page
    assert page.errors == []
    page.close()


def shading(total: int = 300, ended: int = 85, label: str = "") -> FakeRun:
    """A run as in the quickstart, at work."""
    run = FakeRun(seq=3, label=label, total=total)
    for i in range(ended):
        pset = {"azimuth": 45 * (i % 8), "altitude": 15 + 5 * (i % 7), "radius": i % 5, "z": 0.05}
        if i % 29 == 7:
            tail = 'Traceback (most recent call last):\n  File "<cell>", line 9, in shade\n'
            error = "ValueError: radius must be at least 1, not 0"
            run.failed(i, pset, error, tail + error)
        else:
            run.done(i, pset, contrast=0.1234567 * (i % 7 + 1), entropy=6.5 + 0.01 * i)
    run.view.at_work = [
        FakeRunning(ended + k, {"azimuth": 90, "altitude": 35, "radius": k, "z": 0.05}, 0.4 + k)
        for k in range(2)
    ]
    run.set(running=2, pending=total - ended - 2, rate=12.3, elapsed=7.1, time_left=17.6, workers=2)
    return run


@pytest.mark.parametrize(("theme", "width"), [("light", 900), ("dark", 900), ("light", 420)])
def test_looks(browser: Browser, shots: Path, theme: str, width: int) -> None:
    page = StubPage(browser, theme, width)

    def shot(name: str) -> None:
        page.shot(shots / f"panel-{name}-{theme}-{width}.png")

    run = shading(label="first")
    page.push(run)
    page.draw()
    page.serve(run)
    shot("running")
    page.page.get_by_role("button", name="3 failed").click()
    page.serve(run)
    shot("failed")
    page.page.locator("tr.psw-failed").first.click()
    page.serve(run)
    expect(page.page.get_by_text("Traceback (most recent")).to_be_visible()
    shot("detail")
    page.page.keyboard.press("Escape")
    page.page.get_by_role("button", name="All", exact=True).click()
    page.page.get_by_role("button", name="Columns").click()
    page.page.get_by_label("Colour").select_option(label="contrast")
    page.page.get_by_role("button", name="Plot").click()
    page.serve(run)
    page.page.get_by_role("columnheader", name="entropy").get_by_role("button").click()
    page.serve(run)
    shot("plot")
    assert page.errors == []
    assert page.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.close()
    for name, run in {
        "empty": FakeRun(seq=0, total=12),
        "three": shading(total=3, ended=3),
        "many": shading(total=100_000, ended=2000),
        "long": long_names(),
        "lost": shading(),
    }.items():
        if name == "lost":
            run.set(state="lost", running=0)
            run.view.at_work = []
        if name == "three":
            run.set(state="finished", running=0, pending=0)
            run.view.at_work = []
        page = StubPage(browser, theme, width)
        page.push(run)
        page.draw()
        shot(name)
        assert page.errors == []
        assert page.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        page.close()


def long_names() -> FakeRun:
    run = FakeRun(seq=12, label="a label that somebody wrote with great care " * 2, total=5)
    for i in range(4):
        pset = {f"a_rather_long_parameter_name_{k}": "x" * (9 * k) for k in range(12)}
        run.done(i, {**pset, "a": [1, 2, 3], "b": None, "c": i}, result="y" * 300, n=10**30)
    run.failed(4, {"a": 1}, "RuntimeError: " + "the reason is a long story " * 12)
    return run


def shown(stub: StubPage, run: FakeRun) -> FakeRun:
    stub.push(run)
    stub.draw()
    return run


def row(stub: StubPage, index: int) -> Locator:
    return stub.page.locator(f'tr[data-index="{index}"]')


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_hostile_data_is_text(browser: Browser, theme: str) -> None:
    stub = StubPage(browser, theme)
    run = FakeRun(label=HOSTILE, total=4)
    run.view.psets[3] = {HOSTILE: HOSTILE}
    run.done(0, {HOSTILE: HOSTILE, "__proto__": 1, "constructor": 2}, **{"r" + HOSTILE: HOSTILE})
    run.failed(1, {HOSTILE: 1}, HOSTILE, HOSTILE)
    run.view.at_work = [FakeRunning(2, {HOSTILE: HOSTILE})]
    run.set(message=HOSTILE, running=1)
    shown(stub, run)
    row(stub, 1).click()
    stub.detail(run, 1)
    stub.answer({"kind": "said", "bad": True, "text": HOSTILE})
    expect(stub.page.locator(".psw-traceback")).to_have_text(HOSTILE)
    expect(stub.page.locator(".psw-said")).to_have_text(HOSTILE)
    expect(stub.page.locator(".psw-rerun")).to_contain_text("<img src=x")
    for name in ("1 failed", "Columns", "Plot"):
        stub.page.get_by_role("button", name=name, exact=True).click()
        stub.serve(run)
    expect(stub.page.locator(".psw-groups")).to_contain_text("<img src=x")
    stub.page.get_by_label("Filter").fill(f"{HOSTILE} < 3")
    stub.page.keyboard.press("Enter")
    stub.serve(run)
    stub.page.get_by_label("Filter").fill("<b>x</b> < 3")
    stub.page.keyboard.press("Enter")
    stub.serve(run)
    expect(stub.page.locator(".psw-wrong")).to_contain_text("`<b>x</b> < 3` is no condition")
    assert stub.page.locator(".psw img, .psw script, .psw b").count() == 0
    assert stub.page.evaluate("window.hacked") is None
    assert stub.errors == []
    stub.close()


def test_updates_come_in_and_rows_that_stay_are_the_same_elements(stub: StubPage) -> None:
    run = shown(stub, shading(total=20, ended=3))
    stub.page.evaluate("document.querySelector('tr[data-index=\"1\"]').mark = 1")
    run.done(9, {"azimuth": 1}, contrast=2)
    stub.push(run)
    expect(row(stub, 9)).to_contain_text("done")
    assert stub.page.evaluate("document.querySelector('tr[data-index=\"1\"]').mark") == 1
    bar = stub.page.get_by_role("progressbar")
    expect(bar).to_have_attribute("aria-valuenow", "4")
    expect(bar).to_have_attribute("aria-valuemax", "20")


def test_what_running_psets_report_moves(stub: StubPage) -> None:
    run = shading()
    (pset, _) = run.view.at_work
    pset.report = {"progress": 0.25, "contrast": 0.125, "epoch": HOSTILE}
    shown(stub, run)
    at_work = row(stub, pset.index)
    expect(at_work).to_contain_text("running 25 %")
    expect(at_work).to_contain_text("0.125")
    expect(stub.page.get_by_role("columnheader", name="epoch")).to_be_visible()
    assert stub.page.evaluate("window.hacked") is None
    pset.report = {"progress": 0.75, "contrast": 0.0625}
    stub.push(run)
    expect(at_work).to_contain_text("running 75 %")
    expect(at_work).to_contain_text("0.0625")


@pytest.mark.parametrize(
    ("state", "buttons"),
    [
        ("running", ["Pause", "Stop"]),
        ("paused", ["Resume", "Stop"]),
        ("stopping", ["Stop now"]),
        ("stopped", ["Resume", "Retry failed"]),
        ("unknown", []),
    ],
)
def test_buttons_are_what_can_be_done(stub: StubPage, state: str, buttons: list[str]) -> None:
    run = shading()
    run.set(state=state)
    shown(stub, run)
    found = stub.page.locator(".psw-buttons button")
    assert found.all_inner_texts() == buttons
    for name in buttons:
        stub.page.get_by_role("button", name=name, exact=True).click()
        sent = stub.sent()[-1]
        assert (sent["kind"], sent["command"]) == (
            "command",
            {"Stop now": "stop_now", "Retry failed": "retry"}.get(name, name.lower()),
        )


def test_a_command_that_fails_is_said_and_can_be_tried_again(stub: StubPage) -> None:
    shown(stub, shading())
    stub.page.get_by_role("button", name="Pause").click()
    expect(stub.page.get_by_role("button", name="Pause")).to_be_disabled()
    stub.answer({"kind": "said", "bad": True, "text": "the run has ended"})
    expect(stub.page.get_by_text("the run has ended")).to_be_visible()
    expect(stub.page.get_by_role("button", name="Pause")).to_be_enabled()


def test_a_kernel_that_does_not_answer_is_said_to_be_busy(stub: StubPage) -> None:
    shown(stub, shading())
    stub.page.get_by_role("button", name="Pause").click()
    expect(stub.page.get_by_text("The kernel is busy")).to_be_visible(timeout=2000)
    stub.answer({"kind": "said", "bad": False, "text": "pausing"})
    expect(stub.page.get_by_text("The kernel is busy")).to_be_hidden()


def test_answers_for_another_view_are_not_ours(stub: StubPage) -> None:
    run = shown(stub, shading())
    row(stub, 84).click()
    stub.answer({"kind": "detail", "index": 84, "detail": detail_of(run, 84), "view": "other"})
    expect(stub.page.locator(".psw-detail")).to_be_hidden()
    stub.detail(run, 84)
    expect(stub.page.locator(".psw-detail")).to_be_visible()


def detail_of(run: FakeRun, index: int) -> object:
    return detail.of(run, index)  # type: ignore[arg-type]


def active(stub: StubPage) -> str:
    """Number of the pset the cursor is on."""
    return stub.page.evaluate(
        """() => { const id = document.activeElement.getAttribute("aria-activedescendant");
          return document.getElementById(id)?.dataset.index ?? ""; }"""
    )


def test_keyboard_reaches_everything(stub: StubPage) -> None:
    run = shown(stub, shading())
    keyboard = stub.page.keyboard
    reached = []
    for _ in range(14):
        keyboard.press("Tab")
        reached.append(
            stub.page.evaluate(
                "document.activeElement.getAttribute('aria-label')"
                " ?? document.activeElement.textContent.slice(0, 14)"
            )
        )
        if reached[-1] == "Psets":
            break
    wanted = ("Pause", "Stop", "All", "82 of 300 done", "3 failed", "2 running", "Filter")
    for name in (*wanted, "Columns", "Plot", "Psets"):
        assert name in reached, (name, reached)
    keyboard.press("ArrowDown")
    keyboard.press("ArrowDown")
    assert active(stub) == "84"
    keyboard.press("PageDown")
    index = int(active(stub))
    assert index == 84 - 11
    keyboard.press("Enter")
    assert stub.sent()[-1]["index"] == index
    stub.serve(run)
    expect(stub.page.locator(".psw-detail")).to_be_visible()
    expect(row(stub, index)).to_have_attribute("aria-selected", "true")
    keyboard.press("Escape")
    expect(stub.page.locator(".psw-detail")).to_be_hidden()
    keyboard.press("End")
    stub.serve(run)
    stub.serve(run)
    assert active(stub) == "299"
    keyboard.press("Home")
    stub.serve(run)
    assert active(stub) == "85"
    keyboard.press("Tab")  # into the heads
    keyboard.press("ArrowRight")
    keyboard.press("ArrowRight")
    keyboard.press("Enter")
    assert stub.sent()[-1]["query"]["sort"] == "runtime"


def test_the_cursor_stays_on_its_row_while_others_come(stub: StubPage) -> None:
    run = shown(stub, shading(ended=20))
    stub.page.locator("table").focus()
    for _ in range(4):
        stub.page.keyboard.press("ArrowDown")
    assert active(stub) == "17"
    for i in range(30, 35):
        run.done(i, {"azimuth": i}, contrast=1)
        stub.push(run)
    stub.page.wait_for_timeout(3200)  # rows hold still for a while after a key
    expect(row(stub, 34)).to_be_visible()
    assert active(stub) == "17"


def test_rows_hold_still_while_somebody_points_at_them(stub: StubPage) -> None:
    run = shown(stub, shading(ended=20))
    row(stub, 19).hover()
    run.done(50, {"azimuth": 1}, contrast=1)
    stub.push(run)
    expect(stub.page.get_by_text("1 newer; the rows hold still")).to_be_visible()
    assert row(stub, 50).count() == 0
    stub.page.mouse.move(5, 5)
    expect(row(stub, 50)).to_be_visible()


def test_failed_rows_show_their_error_first_and_are_grouped(stub: StubPage) -> None:
    run = shown(stub, shading())
    stub.page.get_by_role("button", name="3 failed").click()
    stub.serve(run)
    heads = stub.page.locator("thead th").all_inner_texts()
    assert heads[3] == "error"
    assert "contrast" not in heads
    assert stub.page.locator("tbody tr.psw-row").count() == 3
    expect(row(stub, 65)).to_contain_text("ValueError: radius must be")
    group = stub.page.get_by_role("listitem")
    expect(group).to_contain_text("ValueError: radius must be at least #, not #")
    again = group.get_by_role("button", name="Retry this group")
    expect(again).to_be_disabled()  # it is at work
    run.set(state="stopped")
    stub.push(run)
    again.click()
    sent = stub.sent()[-1]
    assert (sent["command"], sent["group"]) == (
        "retry_group",
        "ValueError: radius must be at least #, not #",
    )
    group.get_by_role("button", name="Only these").click()
    stub.serve(run)
    assert stub.sent()[-1]["query"]["kind"] == sent["group"]
    assert stub.page.locator("tbody tr.psw-row").count() == 3
    stub.page.get_by_role("button", name="82 of 300 done").click()
    stub.serve(run)
    assert "contrast" in stub.page.locator("thead th").all_inner_texts()
    expect(stub.page.locator(".psw-groups")).to_be_hidden()


def test_psets_are_listed_before_they_begin(stub: StubPage) -> None:
    run = FakeRun(total=12)
    run.view.psets = {i: {"a": i} for i in range(12)}
    shown(stub, run)
    assert stub.page.locator("tr.psw-pending").count() == 12
    height = stub.page.locator(".psw").bounding_box()
    for i in range(12):
        run.done(i, {"a": i}, b=1)
    run.set(state="finished", pending=0)
    stub.push(run)
    after = stub.page.locator(".psw").bounding_box()
    assert height and after
    assert abs(height["height"] - after["height"]) < 4  # cells below do not move
    stub.page.get_by_label("Filter").fill("a = 99")
    stub.page.keyboard.press("Enter")
    stub.serve(run)
    expect(stub.page.get_by_text("No pset fits the filter.")).to_be_visible()


def test_shortcuts_of_the_front_end_are_kept_off_but_not_with_a_modifier(stub: StubPage) -> None:
    shown(stub, shading())
    attribute = "data-lm-suppress-shortcuts"
    root = stub.page.locator(".psw")
    expect(root).to_have_attribute(attribute, "true")
    stub.page.keyboard.down("Control")
    assert root.get_attribute(attribute) is None
    stub.page.keyboard.up("Control")
    assert root.get_attribute(attribute) is not None


def test_a_kernel_that_is_gone_is_said(stub: StubPage) -> None:
    shown(stub, shading())
    # At once: the panel asks by itself, too, and has no buttons when it has found out.
    pause = stub.page.get_by_role("button", name="Pause")
    pause.evaluate("button => { model.gone = true; button.click(); }")
    expect(stub.page.get_by_text("The kernel is gone; this panel stands still")).to_be_visible()
    expect(stub.page.locator(".psw-scroller")).to_be_hidden()
    assert stub.page.locator("button:enabled").count() == 0


def test_ending_stops_listening(stub: StubPage) -> None:
    run = shown(stub, shading(ended=5))
    stub.page.evaluate("end()")
    assert stub.page.evaluate("Object.values(model.heard).every((list) => list.length === 0)")
    stub.push(run)


def test_names_and_roles(stub: StubPage) -> None:
    shown(stub, shading())
    grid = stub.page.get_by_role("grid", name="Psets")
    assert 13 <= grid.get_by_role("row").count() <= 20
    expect(grid).to_have_attribute("aria-rowcount", "301")
    assert grid.get_by_role("columnheader").count() == 9
    assert stub.page.get_by_role("progressbar", name="Progress").count() == 1
    for button in stub.page.get_by_role("button").all():
        box = button.bounding_box()
        least = 22 if button.get_attribute("data-column") else 24  # heads are as high as rows
        assert box and box["height"] >= least


# -- the window on many rows --------------------------------------------------------------------


def million(stub: StubPage) -> FakeRun:
    """A run of a million psets of which some ended."""
    run = FakeRun(total=10**6)
    for i in range(200):
        run.done(i, {"a": i}, loss=float(i))
    run.set(pending=10**6 - 200)
    return shown(stub, run)


def first_row(stub: StubPage) -> str:
    """Number of the pset in the first row in sight."""
    return stub.page.evaluate(
        """() => { const box = document.querySelector("thead th").getBoundingClientRect();
          return [...document.querySelectorAll("tr[data-index]")].find(
            (row) => row.getBoundingClientRect().top > box.bottom - 12)?.dataset.index ?? ""; }"""
    )


def test_a_million_rows_are_a_window_of_a_few(stub: StubPage) -> None:
    run = million(stub)
    assert first_row(stub) == "199"
    stub.page.locator(".psw-scroller").hover(position={"x": 20, "y": 60})
    for _ in range(5):
        stub.page.mouse.wheel(0, 220)
        stub.serve(run)
    stub.serve(run)
    assert first_row(stub) == "149"  # ten rows a turn, although the scrollbar is scaled
    stub.page.evaluate("document.querySelector('.psw-scroller').scrollTop = 4e6")
    stub.serve(run)
    stub.serve(run)
    assert abs(int(first_row(stub)) - 500_000) < 1000
    stub.page.locator("table").focus()
    stub.page.keyboard.press("End")
    stub.serve(run)
    stub.serve(run)
    assert active(stub) == "999999"
    expect(row(stub, 999_999)).to_be_in_viewport()
    assert stub.page.locator("tbody tr").count() < 40
    windows = [m["stop"] - m["start"] for m in stub.sent() if m["kind"] == "window"]
    assert 0 < len(windows) < 20
    assert max(windows) < 120


def test_who_scrolled_away_keeps_the_same_rows_in_sight(stub: StubPage) -> None:
    run = shown(stub, shading(total=2000, ended=600))
    stub.page.evaluate("document.querySelector('.psw-scroller').scrollTop = 22 * 100")
    stub.serve(run)
    stub.serve(run)
    before = first_row(stub)
    for i in range(700, 720):
        run.done(i, {"azimuth": i}, contrast=1)
        stub.push(run)
        stub.serve(run)
    stub.serve(run)
    assert first_row(stub) == before


def test_sorting_by_a_click_and_taking_it_back(stub: StubPage) -> None:
    run = shown(stub, shading())
    head = stub.page.get_by_role("columnheader", name="entropy")
    for direction, first in (("ascending", "0"), ("descending", "84"), ("none", "85")):
        head.get_by_role("button").click()
        stub.serve(run)
        expect(head).to_have_attribute("aria-sort", direction)
        assert first_row(stub) == first


def test_a_filter_that_is_wrong_is_said_at_its_field(stub: StubPage) -> None:
    run = shown(stub, shading())
    box = stub.page.get_by_label("Filter")
    box.fill("contrst > 0.5")
    box.press("Enter")
    stub.serve(run)
    expect(box).to_have_attribute("aria-invalid", "true")
    expect(stub.page.get_by_text("did you mean contrast?")).to_be_visible()
    box.fill("contrast > 0.5, azimuth = 45")
    box.press("Enter")
    stub.serve(run)
    assert box.get_attribute("aria-invalid") is None
    expect(stub.page.locator(".psw-note")).to_contain_text("of 300 psets")
    box.press("Escape")
    stub.serve(run)
    assert stub.sent()[-1]["query"]["filter"] == ""


def test_a_filter_is_applied_when_typing_pauses(stub: StubPage) -> None:
    run = shown(stub, shading())
    stub.page.get_by_label("Filter").press_sequentially("contrast > 0.5")
    stub.page.wait_for_function("model.sent.some((m) => m.query?.filter === 'contrast > 0.5')")
    asked = [m["query"]["filter"] for m in stub.sent() if m["kind"] == "query"]
    assert len(asked) == 1, "not with each key"
    stub.serve(run)
    expect(stub.page.locator(".psw-note")).to_contain_text("of 300 psets")


def test_an_open_pset_is_shown_anew_when_it_was_tried_again(stub: StubPage) -> None:
    run = FakeRun(total=1)
    run.failed(0, {"a": 1}, "ValueError: no", "Traceback: no")
    run.set(state="finished", failed=1, pending=0)
    shown(stub, run)
    row(stub, 0).click()
    stub.serve(run)
    expect(stub.page.locator(".psw-traceback")).to_be_visible()
    run.set(state="running", failed=0, pending=1)
    stub.push(run)
    run.view.records.append(FakeRecord(0, {"a": 1}, {"loss": 0.25}, attempt=2))
    run.set(state="finished", done=1, pending=0)
    stub.push(run)
    stub.page.wait_for_function("model.sent.filter((m) => m.kind === 'detail').length > 1")
    stub.serve(run)
    expect(stub.page.locator(".psw-detail-title")).to_contain_text("done after")
    expect(stub.page.locator(".psw-traceback")).to_have_count(0)


def test_what_a_click_said_goes_when_the_run_has_stopped(stub: StubPage) -> None:
    run = shown(stub, shading())
    stub.page.get_by_role("button", name="Stop").click()
    stub.answer({"kind": "said", "bad": False, "text": "stopping: running psets finish first"})
    said = stub.page.locator(".psw-said")
    expect(said).to_have_text("stopping: running psets finish first")
    run.set(state="stopped", running=0)
    stub.push(run)
    expect(said).to_have_text("", timeout=1000)


def test_columns_are_chosen_and_one_is_coloured(stub: StubPage) -> None:
    run = shown(stub, shading())
    stub.page.get_by_role("button", name="Columns").click()
    stub.page.get_by_role("checkbox", name="azimuth").uncheck()
    stub.serve(run)
    assert "azimuth" not in stub.page.locator("thead th").all_inner_texts()
    stub.page.get_by_label("Colour").select_option(label="contrast")
    stub.serve(run)
    stub.serve(run)
    assert stub.page.locator("td.psw-coloured").count() > 5
    stub.page.get_by_role("button", name="As many as fit").click()
    stub.serve(run)
    assert "azimuth" in stub.page.locator("thead th").all_inner_texts()


def test_a_plot_is_drawn_and_a_point_opens_its_pset(stub: StubPage) -> None:
    run = shown(stub, shading())
    stub.page.get_by_role("button", name="Plot").click()
    stub.serve(run)
    figure = stub.page.get_by_role("img", name="contrast against azimuth: 82 points")
    expect(figure).to_be_visible()
    dots = figure.locator(".psw-plot-dots").get_attribute("d") or ""
    assert dots.count("M") == 82
    stub.page.get_by_label("y", exact=True).select_option(label="entropy")
    stub.serve(run)
    stub.serve(run)
    figure = stub.page.get_by_role("img", name="entropy against azimuth")
    stub.page.get_by_label("Logarithmic y axis").check()
    expect(figure).to_be_visible()
    place = stub.page.evaluate(
        """() => { const path = document.querySelector(".psw-plot-dots");
          const [, x, y] = path.getAttribute("d").match(/M([\\d.]+) ([\\d.]+)/);
          const at = new DOMPoint(x, y).matrixTransform(path.getScreenCTM());
          return [at.x, at.y]; }"""
    )
    stub.page.mouse.move(*place)
    expect(figure.locator(".psw-plot-here")).to_contain_text("pset 0: 0, 6.5")
    stub.page.mouse.click(*place)
    assert (stub.sent()[-1]["kind"], stub.sent()[-1]["index"]) == ("detail", 0)


def test_another_view_shows_what_was_asked_for_here(stub: StubPage) -> None:
    run = shown(stub, shading())
    stub.page.evaluate("draw('second')")
    first, second = (stub.page.locator(".psw").nth(n) for n in (0, 1))
    first.get_by_role("button", name="3 failed").click()
    stub.serve(run)
    expect(second.get_by_role("button", name="3 failed")).to_have_attribute("aria-pressed", "true")
    expect(second.locator("tr.psw-failed")).to_have_count(3)


def test_code_that_runs_one_pset_is_inserted_where_that_is_possible(stub: StubPage) -> None:
    run = shading()
    stub.page.evaluate("""() => {
      window.inserted = [];
      const output = { metadata: { psweep: { slot: "s" } } };
      const cells = [{ outputs: { length: 1, get: () => output } }, {}];
      model.widget_manager = { context: { model: {
        cells: { length: 2, get: (i) => cells[i] },
        sharedModel: { insertCell: (at, cell) => inserted.push([at, cell.source]) } } } };
    }""")
    shown(stub, run)
    stub.answer({"kind": "hello", "slot": {"slot": "s", "rev": 0}})
    row(stub, 84).click()
    stub.serve(run)
    stub.page.get_by_text("Run just this pset here").click()
    stub.page.get_by_role("button", name="Open in a cell").click()
    at, source = stub.page.evaluate("inserted[0]")
    assert at == 1
    assert source.startswith("# pset 84 of run 3")
    assert source.endswith("shade(**pset)")


def test_where_cells_cannot_be_inserted_there_is_no_button(stub: StubPage) -> None:
    run = shown(stub, shading())
    row(stub, 84).click()
    stub.serve(run)
    stub.page.get_by_text("Run just this pset here").click()
    expect(stub.page.get_by_role("button", name="Copy")).to_be_visible()
    assert stub.page.get_by_role("button", name="Open in a cell").count() == 0
