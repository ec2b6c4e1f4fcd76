"""Troubles around open widgets in a real JupyterLab: folders, kernels, strangers' messages."""

from __future__ import annotations

import os
import re
import shutil
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, expect

from tests.ui.lab import LabPage, Server

pytestmark = [pytest.mark.browser, pytest.mark.timeout(240)]
LONG = 60_000
CELLS = {
    "load": (
        "%load_ext psweep_nb\n"
        "import os, time\n"
        "def f(a, b):\n"
        "    while not os.path.exists(f'go{a}'): time.sleep(0.01)\n"
        "    return {'energy': (a - 4) ** 2 + b}"
    ),
    "run": "%psweep run f a=range(3) b=[0, 3]",
    "edit": "import psweep_nb as ps\nparams = ps.grid(a=range(3), b=[0, 3])\n%psweep edit params",
    "explore": "%psweep explore",
    "watch": "%%psweep watch --every 0.1\nprint(len(run.df), 'rows are there')",
    "again": "%psweep run f a=range(3) b=[0, 3]",
    "quick": (
        "def g(a):\n"
        "    return {'r': -a, 's': f't{a % 13}'}\n"
        "%psweep run g a=range(200_000) -w 2 -d quick"
    ),
}
# As any page of that server can: a message to a widget, by the kernel's own channel.
_SEND = """([comm_id, data]) => {
  const { kernel } = jupyterapp.shell.currentWidget.context.sessionContext.session;
  const header = { msg_id: crypto.randomUUID(), msg_type: 'comm_msg', version: '5.3',
    session: kernel.clientId, username: '', date: new Date().toISOString() };
  kernel.sendShellMessage({ channel: 'shell', header, parent_header: {}, metadata: {},
    content: { comm_id, data }, buffers: [] }, false, false);
  return null;
}"""
NONSENSE: list[Any] = [
    {},
    {"method": "custom"},
    *(
        {"method": "custom", "content": content}
        for content in (
            None,
            "stop",
            ["stop"],
            {"kind": ["stop"]},
            {"kind": "stop\u202e"},
            {"kind": "x" * 100_000},
            {"kind": "execute", "code": "open('owned', 'w')"},
            {"kind": "edit", "edits": "open('owned', 'w')"},
            {"kind": "choose", "changes": {"kind": "open('owned', 'w')"}},
        )
    ),
    {"method": "update", "state": {"state": {"words": 1}}},
    {"method": "update", "state": {"no_such_trait": 1}},
    {"method": "update", "state": None},
    {"method": "update"},
    {"method": "open('owned', 'w')"},
]


@pytest.fixture
def lab(
    browser: Browser, server: Server, shots: Path, request: pytest.FixtureRequest
) -> Iterator[LabPage]:
    folder = request.node.name.translate(str.maketrans("[]", "--"))
    lab = LabPage(browser, server, server.write(CELLS, folder))
    yield lab
    lab.page.screenshot(path=shots / f"troubles-last-{folder}.png")
    lab.close()


def folder_of(lab: LabPage) -> Path:
    return (lab.server.folder / lab.path).parent


def go(lab: LabPage, *numbers: int) -> None:
    for number in numbers:
        (folder_of(lab) / f"go{number}").touch()


def panels(lab: LabPage, state: str) -> Locator:
    return lab.page.locator(f".psw[data-state={state}]")


@pytest.mark.parametrize(
    "gone", [shutil.rmtree, lambda path: os.rename(path, f"{path}_old")], ids=["deleted", "renamed"]
)
def test_the_study_is_gone_under_open_widgets(
    lab: LabPage, shots: Path, gone: Callable[[Path], object]
) -> None:
    errors: list[str] = []
    lab.page.on("pageerror", lambda error: errors.append(str(error)))
    lab.run("load", "run", "edit", "explore", "watch")
    go(lab, 0)
    lab.wait_for_output("watch", "2 rows are there")
    gone(folder_of(lab) / "calc")
    panel = panels(lab, "gone")
    expect(panel).to_contain_text("its directory was deleted, moved or renamed", timeout=LONG)
    expect(panel.get_by_role("button", name="Stop")).to_have_count(0)
    panel.locator("tr.psw-done").first.click()
    expect(panel.get_by_text("nothing more can be read of this pset")).to_be_visible(timeout=LONG)
    lab.wait_for_output("watch", "run 0 gone: its directory was deleted, moved or renamed")
    assert lab.text("watch").startswith("2 rows are there")  # which were all drawn then
    panel.scroll_into_view_if_needed()
    lab.page.screenshot(path=shots / "gone.png")

    # What was done there is not done: it is plain to see, and computed anew.
    editor, explorer = lab.page.locator(".pse"), lab.page.locator(".psx")
    editor.get_by_role("button", name="Plan").click()
    expect(editor).to_contain_text("6 new", timeout=LONG)
    explorer.get_by_role("button", name="Scatter").click()
    expect(explorer).to_contain_text("There are no rows yet", timeout=LONG)
    go(lab, 1, 2)
    lab.run("again")
    assert lab.text("again").startswith("run 0: 6 psets")
    expect(panels(lab, "finished")).to_contain_text("6 of 6 done", timeout=LONG)
    expect(explorer.locator("img")).to_have_attribute(
        "alt", re.compile("Points of energy against"), timeout=LONG
    )
    assert errors == []


def test_nonsense_sent_to_widgets_does_nothing(lab: LabPage) -> None:
    lab.run("load", "run", "edit", "explore", "watch")
    listed = "from ipywidgets.widgets import widget\nprint(*widget._instances)"
    comms = lab.execute(listed).split()
    assert len(comms) >= 4
    for comm in comms:
        for data in NONSENSE:
            lab.page.evaluate(_SEND, [comm, data])
    lab.execute("pass")
    go(lab, 0, 1)
    expect(lab.page.locator(".psw-watch")).to_contain_text("4 of 6 done", timeout=LONG)
    lab.wait_for_output("watch", "4 rows are there")
    expect(panels(lab, "running")).to_contain_text("4 of 6 done", timeout=LONG)
    expect(lab.page.locator(".pse-counted")).to_have_text("6 psets")
    lab.page.locator(".psx").get_by_role("button", name="Scatter").click()
    expect(lab.page.locator(".psx img")).to_have_attribute(
        "alt", re.compile("Points of energy against"), timeout=LONG
    )
    lab.page.get_by_role("button", name="Stop watching").click()
    expect(lab.page.locator(".psw-watch")).to_be_hidden(timeout=LONG)
    assert not (folder_of(lab) / "owned").exists()
    go(lab, 2)
    expect(panels(lab, "finished")).to_be_visible(timeout=LONG)


def sort_by(panel: Locator, column: str) -> None:
    panel.get_by_title(f"{column}: sort by it", exact=True).click()


def test_two_sortings_at_once_and_a_kernel_that_dies_in_one(lab: LabPage) -> None:
    lab.run("load", "quick")
    panel = panels(lab, "finished")
    expect(panel).to_contain_text("of 200", timeout=2 * LONG)
    first = panel.locator("tr.psw-row").first
    sort_by(panel, "s")
    sort_by(panel, "r")
    expect(panel.locator("th[aria-sort=ascending]")).to_have_text("r ↑", timeout=LONG)
    expect(first).to_contain_text("-199999", timeout=LONG)
    pid = int(lab.execute("import os\nprint(os.getpid())"))
    sort_by(panel, "state")
    sort_by(panel, "a")
    os.kill(pid, signal.SIGKILL)
    expect(panel.get_by_text("this panel stands still")).to_be_visible(timeout=LONG)
    expect(lab.page.locator(".psw-report").last).to_contain_text("finished", timeout=LONG)
    lab.dismiss()
    lab.ready()
    lab.run("load")
    assert lab.execute("print(6 * 7)") == "42\n"
