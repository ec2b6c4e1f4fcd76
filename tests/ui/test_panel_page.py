"""What a person sees of the panel, and what the page does: the ES module on a stub page."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.ui.fakes import FakeRun, FakeRunning
from tests.ui.stubpage import StubPage

pytestmark = pytest.mark.browser
HOSTILE = "<img src=x onerror='window.hacked=1'><script>window.hacked=1</script>"


@pytest.fixture(scope="module")
def stub(browser: Browser) -> Iterator[StubPage]:
    page = StubPage(browser)
    yield page
    page.close()


@pytest.fixture
def light(browser: Browser) -> Iterator[StubPage]:
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


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [900, 420])
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
