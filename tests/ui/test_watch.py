"""A watched cell: when it runs, what is shown of it, when it ends."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from jupyter_client.blocking.client import BlockingKernelClient
from jupyter_client.manager import KernelManager, start_new_kernel

from psweep_nb.ui import follower, watch
from psweep_nb.ui.cellruns import Cell
from psweep_nb.ui.follower import Follower
from tests.ui.conftest import Notebook, Shell, usage_error
from tests.ui.fakes import FakeRun
from tests.ui.test_turns import Loop


class Watched:
    """A watch on a fake run, with the follower and the loop in the test's hands."""

    def __init__(self, ip: InteractiveShell, source: str, every: float = 0.5) -> None:
        self.ip = ip
        self.loop = Loop()
        self.run = FakeRun(seq=3)
        self.follower = Follower(lambda: self.loop.now, threaded=False)
        cell = Cell(ip, source)
        run: Any = self.run
        self.watch = watch.Watch(self.loop.turns, run, cell, every)
        self.sent: list[Any] = []
        self.watch.widget.send = lambda message, *_: self.sent.append(message)

    def start(self) -> list[dict[str, Any]]:
        with capture_output() as captured:
            self.watch.start()
        return [output.data for output in captured.outputs]

    def after(self, seconds: float) -> None:
        """Let time pass, follower and loop at work."""
        end = self.loop.now + seconds
        while self.loop.now < end:
            self.follower.step()
            self.loop.run(self.loop.now + 0.05)

    @property
    def state(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.watch.widget.state)
        return found

    def shown(self) -> str:
        return str(self.watch._output.latest()["data"].get("text/plain"))

    def row(self, index: int) -> None:
        self.run.done(index, {"a": index}, e=1)

    def end(self) -> None:
        self.run.set(state="finished", pending=0)


@pytest.fixture
def watched(ipython: InteractiveShell, monkeypatch: pytest.MonkeyPatch) -> Watched:
    made = Watched(ipython, "runs = globals().get('runs', 0) + 1\nprint(runs)")
    monkeypatch.setattr(follower, "shared", lambda: made.follower)
    return made


def test_it_runs_as_rows_arrive_and_once_at_the_end(watched: Watched) -> None:
    outputs = watched.start()
    assert outputs[0] == {"text/plain": "1"}
    assert "application/vnd.jupyter.widget-view+json" in outputs[1]
    assert "watching run 3: 0 of 4 done" in outputs[2]["text/html"]
    watched.after(20)
    assert watched.shown() == "1"  # nothing arrived
    watched.row(0)
    watched.after(1)
    assert watched.shown() == "2"
    watched.row(1)
    watched.row(2)
    watched.after(1)
    assert watched.shown() == "3"
    watched.end()
    watched.after(10)
    assert watched.shown() == "4"
    assert not watched.state["live"]
    assert watched.state["words"] == "run 3 finished: 3 of 4 done"
    watched.after(60)
    assert watched.shown() == "4"


def test_it_goes_on_after_a_resume_or_a_retry(watched: Watched) -> None:
    watched.start()
    watched.end()
    watched.after(10)
    assert watched.shown() == "2"
    watched.run.set(state="running", pending=1)
    watched.after(10)
    assert watched.state["live"]
    assert watched.state["words"] == "watching run 3: 0 of 4 done"
    watched.row(0)
    watched.after(1)
    watched.end()
    watched.after(10)
    assert not watched.state["live"]
    assert watched.state["words"] == "run 3 finished: 1 of 4 done"


def test_what_was_drawn_stays_when_the_rows_are_gone(watched: Watched) -> None:
    watched.start()
    watched.row(0)
    watched.after(1)
    watched.run.set(state="gone")
    watched.after(10)
    assert watched.shown() == "2"
    assert watched.state["words"].startswith("run 3 gone: its directory was deleted")


def test_a_run_that_has_ended_is_shown_once(watched: Watched) -> None:
    watched.row(0)
    watched.end()
    outputs = watched.start()
    assert [sorted(output) for output in outputs] == [["text/plain"], ["text/html", "text/plain"]]
    assert outputs[1]["text/plain"] == "run 3 finished: 1 of 4 done"
    watched.after(5)
    assert watched.shown() == "1"


def test_a_run_that_ends_while_the_cell_runs_for_the_first_time_is_drawn_once_more(
    watched: Watched,
) -> None:
    def end() -> None:  # while pyplot is imported, say
        if watched.run.state.state == "running":
            watched.row(0)
            watched.end()

    watched.ip.user_ns |= {"end": end, "records": watched.run.view.records}
    watched.watch._cell = Cell(watched.ip, "seen = len(records)\nend()\nprint(seen)")
    watched.start()
    watched.after(10)
    assert watched.shown() == "1"
    assert watched.state["words"] == "run 3 finished: 1 of 4 done"


def test_an_exception_is_told_beside_the_last_output_and_goes_when_it_works(
    watched: Watched,
) -> None:
    names = watched.ip.user_ns
    watched.watch._cell = Cell(watched.ip, "if bad: raise KeyError(bad)\nprint('fine', n)")
    names.update(bad="energy", n=0)
    watched.start()
    assert watched.shown() == ""
    assert watched.state["error"] == "KeyError: 'energy' (no row has arrived yet)"
    names.update(bad="", n=1)
    watched.row(0)
    watched.after(1)
    assert (watched.shown(), watched.state["error"]) == ("fine 1", "")
    names.update(bad="<b>x</b>", n=2)
    watched.row(1)
    watched.after(1)
    assert watched.shown() == "fine 1"
    assert watched.state["error"] == "KeyError: '<b>x</b>'"
    assert "raise KeyError(bad)" in watched.state["traceback"]
    assert "<b>x" not in watched.watch._line.latest()["data"]["text/html"]
    assert watched.state["live"]
    names.update(bad="", n=3)
    watched.end()
    watched.after(2)
    assert (watched.shown(), watched.state["error"]) == ("fine 3", "")


def test_the_same_exception_again_and_again_waits_for_the_end(watched: Watched) -> None:
    source = "runs = globals().get('runs', 0) + 1\nraise KeyError('lost')"
    watched.watch._cell = Cell(watched.ip, source)
    watched.start()
    for index in range(20):
        watched.row(index)
        watched.after(1)
    assert watched.ip.user_ns["runs"] == 6
    assert "at the end of the run only" in watched.state["error"]
    assert watched.state["words"] == "watching run 3: 20 of 4 done"  # what arrives is still told
    watched.end()
    watched.after(2)
    assert watched.ip.user_ns["runs"] == 7


def test_slow_cells_run_less_often(watched: Watched, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = watched.loop
    monkeypatch.setattr("psweep_nb.ui.cellruns.time.perf_counter", lambda: clock.now)
    watched.ip.user_ns["sleep"] = lambda s: setattr(clock, "now", clock.now + s)
    watched.watch._cell = Cell(watched.ip, "sleep(1)\nruns = globals().get('runs', 0) + 1")
    watched.start()
    assert "takes 1.0 s, so it runs at most every 4.0 s" in watched.state["pace"]
    for index in range(100):
        watched.row(index)
        watched.after(0.25)
    assert 4 <= watched.ip.user_ns["runs"] <= 7  # 25 to 30 s, a fifth of them


def test_an_interrupt_ends_the_watching_only(watched: Watched) -> None:
    watched.start()
    watched.watch._cell = Cell(watched.ip, "import signal\nsignal.raise_signal(signal.SIGINT)")
    watched.row(0)
    watched.after(1)
    assert watched.watch.over == "interrupted"
    assert watched.state["words"] == "no longer watching run 3 (interrupted): 1 of 4 done"
    assert watched.run.calls == []


def test_the_page_stops_it(watched: Watched) -> None:
    watched.start()
    watched.watch.answer({"kind": "stop"})
    watched.watch.answer("nonsense")
    watched.row(0)
    watched.after(5)
    assert watched.shown() == "1"
    assert "no longer watching run 3 (stopped)" in watched.state["words"]


@pytest.mark.parametrize(
    "message",
    [
        None,
        "stop",
        ["stop"],
        {},
        {"kind": None},
        {"kind": ["stop"]},
        {"kind": {"stop": 1}},
        {"kind": "stop\u202e"},
        {"kind": "run", "source": "raise SystemExit"},
        {"kind": "x" * 1_000_000},
        {"kind": "hello", "slot": {"slot": "other", "rev": 10**9, "data": {}}},
    ],
    ids=lambda message: repr(message)[:30],
)
def test_nonsense_from_a_page_changes_nothing(watched: Watched, message: Any) -> None:
    watched.start()
    watched.watch.answer(message)
    watched.row(0)
    watched.after(1.0)
    assert watched.state["live"]
    assert "1 of 4 done" in watched.state["words"]
    sent = [m["slot"]["slot"] for m in watched.sent]
    assert set(sent) <= {watched.watch._output.name, watched.watch._line.name}


def test_a_later_page_is_brought_up_to_date(watched: Watched) -> None:
    watched.start()
    watched.watch.answer({"kind": "hello"})
    first = [message["slot"]["rev"] for message in watched.sent]
    watched.row(0)
    watched.after(1)
    assert len(watched.sent) == 2  # this page has it by the kernel's own update
    watched.watch.answer({"kind": "hello"})
    assert watched.sent[2]["slot"]["data"] == {"text/plain": "2"}
    assert [message["slot"]["rev"] for message in watched.sent[2:]] > first
    watched.row(1)
    watched.after(1)
    assert watched.sent[4]["slot"]["data"] == {"text/plain": "3"}


def test_a_run_that_cannot_be_read_ends_it(
    watched: Watched, monkeypatch: pytest.MonkeyPatch
) -> None:
    watched.start()

    def broken(limit: int = 0) -> int:
        raise OSError("the folder is gone")

    monkeypatch.setattr(watched.run.view, "poll", broken)
    watched.after(1)
    assert "the folder is gone" in watched.state["words"]


def test_wrong_use(notebook: Notebook) -> None:
    assert "calc/" in usage_error(notebook, "%%psweep watch\n1")
    notebook.run("def f(a): return a\n%psweep run f a=[1]")
    assert "--every wants a number above 0" in usage_error(notebook, "%%psweep watch --every 0\n1")
    assert "no run 7" in usage_error(notebook, "%%psweep watch 7\n1")
    assert "the cell is empty" in usage_error(notebook, "%%psweep watch\n# nothing")
    assert "--every S" in notebook.run("%%psweep watch -h\n1")


def test_in_a_terminal_it_returns_when_the_run_has_ended(
    ipython: InteractiveShell,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    shell = Shell(ipython, capsys)
    shell.run("%load_ext psweep_nb")
    shell.run("def f(a):\n    import time\n    time.sleep(0.05)\n    return {'e': a}")
    shell.run("%psweep run f a=range(20)")
    out = shell.run("%%psweep watch --every 0.1\nn = len(study.df)\nprint('rows', n)")
    assert out.splitlines()[-2:] == ["run 0: 20 of 20 done", "rows 20"]
    counts = [int(line.split()[1]) for line in out.splitlines() if line.startswith("rows")]
    assert counts == sorted(counts)
    assert len(counts) > 2
    assert shell["n"] == 20


# -- in a kernel -----------------------------------------------------------------------------


class Kernel:
    def __init__(self, manager: KernelManager, client: BlockingKernelClient) -> None:
        self.manager, self.client = manager, client
        self.shown: list[dict[str, Any]] = []  # contents of displays and their updates

    def run(self, source: str, cell_id: str | None = None, wait: bool = True) -> str:
        """Run a cell; what it printed."""
        message = self.client.session.msg(
            "execute_request", {"code": source, "silent": False, "store_history": True}
        )
        message["metadata"] = {"cellId": cell_id} if cell_id else {}
        self.client.shell_channel.send(message)
        sent = message["header"]["msg_id"]
        printed = ""
        while wait:
            content, kind, parent = self.next()
            if parent == sent and kind == "stream":
                printed += content["text"]
            if parent == sent and content.get("execution_state") == "idle":
                break
        return printed

    def next(self) -> tuple[dict[str, Any], str, str]:
        message = self.client.get_iopub_msg(timeout=30)
        content, kind = message["content"], message["msg_type"]
        assert kind != "error", "\n".join(content["traceback"])
        if "display_data" in kind:
            self.shown.append(content)
        return content, kind, message["parent_header"].get("msg_id", "")

    def outputs(self, slot: str) -> list[str]:
        return [
            content["data"]["text/plain"]
            for content in self.shown
            if content.get("transient", {}).get("display_id") == slot
        ]

    def slots(self) -> list[str]:
        ids = [content.get("transient", {}).get("display_id", "") for content in self.shown]
        mine = dict.fromkeys(i for i in ids if i.startswith("psweep-watch"))
        return [i for i in mine if not i.endswith("-line")]

    def until(self, slot: str, text: str) -> None:
        """Read on until a display's text contains something."""
        while not any(text in shown for shown in self.outputs(slot)):
            self.next()


@pytest.fixture
def kernel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kernel]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("PSWEEP_WAIT", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    manager, client = start_new_kernel(kernel_name="python3", cwd=str(tmp_path))
    kernel = Kernel(manager, client)
    # Each pset waits for its file, so the test says when rows arrive.
    kernel.run(
        "%load_ext psweep_nb\nimport os, time, asyncio\n"
        "def f(a):\n"
        "    while not os.path.exists(f'go{a}'): time.sleep(0.01)\n"
        "    return {'e': a}\n"
        "log = []\n"
    )
    yield kernel
    client.stop_channels()
    manager.shutdown_kernel(now=True)
    manager.cleanup_resources()


CELL = "%%psweep watch --every 0.05\nlog.append('watch')\nprint('rows', len(run.df))"


def go(*numbers: int) -> None:
    for number in numbers:
        Path(f"go{number}").touch()


def test_between_cells_and_never_in_one(kernel: Kernel) -> None:
    kernel.run("%psweep run f a=range(6)")
    kernel.run(CELL, "watch")
    (slot,) = kernel.slots()
    go(0)
    kernel.until(slot, "rows 1")
    # Neither while a cell computes, nor while one awaits.
    for busy in ("time.sleep(0.05)", "await asyncio.sleep(0.05)"):
        kernel.run(
            "log.append('in')\nn = run.status().done\n"
            f"open(f'go{{n}}', 'w').close()\n"
            f"while run.status().done == n:\n    {busy}\n"
            f"for _ in range(10):\n    {busy}\n"
            "log.append('out')"
        )
    kernel.until(slot, "rows 3")
    log = kernel.run("print(*log)").split()
    assert log.count("in") == log.count("out") == 2
    for at, word in enumerate(log):
        assert word != "in" or log[at + 1] == "out"
    go(3, 4, 5)
    kernel.until(slot, "rows 6")


def test_a_cell_run_anew_watches_once_and_another_one_besides(kernel: Kernel) -> None:
    kernel.run("%psweep run f a=range(4)")
    kernel.run(CELL, "first")
    kernel.run("%%psweep watch --every 0.05\nprint('second', len(run.df))", "second")
    kernel.run(CELL, "first")
    old, second, new = kernel.slots()
    go(0)
    kernel.until(second, "second 1")
    kernel.until(new, "rows 1")
    kernel.run("print('no magic line any more')", "second")
    go(1, 2, 3)
    kernel.until(new, "rows 4")
    assert kernel.outputs(old) == ["rows 0"]
    assert "second 4" not in kernel.outputs(second)


def test_interrupting_an_endless_watched_cell_frees_the_kernel(kernel: Kernel) -> None:
    kernel.run("%psweep run f a=range(4)")
    source = """\
print('rows', len(run.df))
if len(run.df) == 1:
    open('stuck', 'w').close()
    while True:  # and nothing else: Python drops an interrupt that comes in a __del__
        pass
"""
    kernel.run(f"%%psweep watch --every 0.05\n{source}", "watch")
    (slot,) = kernel.slots()
    go(0)
    until = time.monotonic() + 30
    while not Path("stuck").exists():
        assert time.monotonic() < until
        time.sleep(0.01)
    kernel.manager.signal_kernel(signal.SIGINT)
    kernel.until(f"{slot}-line", "no longer watching run 0 (interrupted)")
    assert kernel.run("print(1 + 1)") == "2\n"
    go(1, 2, 3)
    assert "4 of 4 done" in kernel.run("%psweep wait")


def test_with_psweep_wait_the_cell_runs_when_the_run_has_ended(kernel: Kernel) -> None:
    go(*range(4))
    kernel.run("os.environ['PSWEEP_WAIT'] = '1'\n%psweep run f a=range(4)")
    kernel.run(CELL, "watch")
    (slot,) = kernel.slots()
    assert kernel.outputs(slot) == ["rows 4"]
    assert kernel.outputs(f"{slot}-line") == ["run 0 finished: 4 of 4 done"]


def test_an_explorer_ends_when_its_cell_runs_anew(kernel: Kernel) -> None:
    kernel.run("%psweep run f a=range(4)")
    kernel.run("%psweep explore", "explore")
    kernel.run("%psweep explore", "explore")
    kernel.run("%psweep explore", "another")
    go(0, 1, 2, 3)
    said = kernel.run(
        "import gc\nfrom psweep_nb.ui.explorer import Explorer\n"
        "print(sorted(e.over for e in gc.get_objects() if type(e) is Explorer))"
    )
    assert said == "['', '', 'its cell runs anew']\n"
