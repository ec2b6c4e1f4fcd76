"""What a person sees of the panel, and what the page does: the ES module on a stub page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect

from psweep_nb.ui import rows
from tests.ui.fakes import FakeRun, FakeRunning
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
    shot("running")
    page.page.locator("tr.psw-failed").first.click()
    page.detail(run, int(page.sent()[-1]["index"]))
    expect(page.page.get_by_text("Traceback (most recent")).to_be_visible()
    shot("detail")
    page.page.get_by_role("button", name="3 failed").click()
    shot("failed")
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
    run = FakeRun(label=HOSTILE, total=3)
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
    assert stub.page.locator(".psw img, .psw script").count() == 0
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
    stub.answer({"kind": "detail", "index": 84, "detail": rows_detail(run, 84), "view": "other"})
    expect(stub.page.locator(".psw-detail")).to_be_hidden()
    stub.detail(run, 84)
    expect(stub.page.locator(".psw-detail")).to_be_visible()


def rows_detail(run: FakeRun, index: int) -> object:
    return rows.detail(run.view, index)  # type: ignore[arg-type]


def test_keyboard_reaches_everything(stub: StubPage) -> None:
    run = shown(stub, shading())
    keyboard = stub.page.keyboard
    reached = []
    for _ in range(12):
        keyboard.press("Tab")
        reached.append(stub.page.evaluate("document.activeElement.textContent.slice(0, 14)"))
    for name in ("Pause", "Stop", "82 of 300 done", "3 failed", "2 running"):
        assert name in reached, (name, reached)
    row(stub, 85).focus()  # the one row in the tab order
    keyboard.press("ArrowDown")
    keyboard.press("ArrowDown")
    assert stub.page.evaluate("document.activeElement.dataset.index") == "84"
    keyboard.press("End")
    keyboard.press("Home")
    keyboard.press("PageDown")
    keyboard.press("Enter")
    index = int(stub.page.evaluate("document.activeElement.dataset.index"))
    assert stub.sent()[-1]["index"] == index
    stub.detail(run, index)
    expect(stub.page.locator(".psw-detail")).to_be_visible()
    expect(row(stub, index)).to_have_attribute("aria-selected", "true")
    keyboard.press("Escape")
    expect(stub.page.locator(".psw-detail")).to_be_hidden()


def test_the_focus_stays_while_rows_come(stub: StubPage) -> None:
    run = shown(stub, shading(ended=20))
    row(stub, 15).focus()
    for i in range(20, 25):
        run.done(i, {"azimuth": i}, contrast=1)
        stub.push(run)
    assert stub.page.evaluate("document.activeElement.dataset.index") == "15"


def test_rows_hold_still_while_somebody_points_at_them(stub: StubPage) -> None:
    run = shown(stub, shading(ended=20))
    row(stub, 19).hover()
    run.done(50, {"azimuth": 1}, contrast=1)
    stub.push(run)
    expect(stub.page.get_by_text("1 newer; the rows hold still")).to_be_visible()
    assert row(stub, 50).count() == 0
    stub.page.mouse.move(5, 5)
    expect(row(stub, 50)).to_be_visible()


def test_failed_rows_show_their_error_first(stub: StubPage) -> None:
    shown(stub, shading())
    stub.page.get_by_role("button", name="3 failed").click()
    heads = stub.page.locator("thead th").all_inner_texts()
    assert heads[3] == "error"
    assert "contrast" not in heads
    assert stub.page.locator("tbody tr").count() == 3
    expect(row(stub, 65)).to_contain_text("ValueError: radius must be")
    stub.page.get_by_role("button", name="82 of 300 done").click()
    assert "contrast" in stub.page.locator("thead th").all_inner_texts()


def test_without_rows_it_says_what_will_come(stub: StubPage) -> None:
    run = shown(stub, FakeRun(total=12))
    expect(stub.page.get_by_text("Starting: rows appear here")).to_be_visible()
    height = stub.page.locator(".psw").bounding_box()
    for i in range(12):
        run.done(i, {"a": i}, b=1)
    run.set(state="finished", pending=0)
    stub.push(run)
    after = stub.page.locator(".psw").bounding_box()
    assert height and after
    assert abs(height["height"] - after["height"]) < 4  # cells below do not move


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
    stub.page.evaluate("model.gone = true")
    stub.page.get_by_role("button", name="Pause").click()
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
    assert grid.get_by_role("row").count() == 43
    assert grid.get_by_role("columnheader").count() == 9
    assert stub.page.get_by_role("progressbar", name="Progress").count() == 1
    for button in stub.page.get_by_role("button").all():
        box = button.bounding_box()
        assert box and box["height"] >= 24
