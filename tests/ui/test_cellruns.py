"""A cell run again and again: what it puts out, and what it leaves alone."""

from __future__ import annotations

import sys
import threading
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
import pytest
from IPython.core.error import UsageError
from IPython.core.interactiveshell import InteractiveShell

from psweep_nb.ui.cellruns import Cell, Ran, bundle, size


def run(ip: InteractiveShell, source: str) -> Ran:
    return Cell(ip, source).run()


def shown(ip: InteractiveShell, source: str) -> dict[str, Any]:
    ran = run(ip, source)
    assert ran.error == ""
    return bundle(ran.outputs)[0]


def test_it_runs_in_the_notebooks_namespace(ipython: InteractiveShell) -> None:
    ipython.user_ns["n"] = 2
    cell = Cell(ipython, "n = n + 1\nn")
    assert bundle(cell.run().outputs)[0] == {"text/plain": "3"}
    assert bundle(cell.run().outputs)[0] == {"text/plain": "4"}
    assert ipython.user_ns["n"] == 4
    assert ipython.user_ns["Out"] == {}


@pytest.mark.parametrize("source", ["1;", "1; # quiet", "x = 1", "None", "pass"])
def test_nothing_to_show(ipython: InteractiveShell, source: str) -> None:
    assert run(ipython, source).outputs == []
    assert bundle([]) == ({"text/plain": ""}, {})


def test_one_output_is_itself(ipython: InteractiveShell) -> None:
    data = shown(ipython, "import pandas as pd\npd.DataFrame({'a': [1]})")
    assert "<table" in data["text/html"]
    assert "text/plain" in data
    assert shown(ipython, "print('a')\nprint('b')") == {"text/plain": "a\nb"}


def test_several_are_one_in_their_order(ipython: InteractiveShell) -> None:
    data = shown(
        ipython,
        "from IPython.display import display, HTML\n"
        "print('<first>')\ndisplay(HTML('<b>second</b>'))\nprint('third')\n'fourth'",
    )
    html = data["text/html"]
    places = [html.index(text) for text in ("&lt;first&gt;", "<b>second</b>", "third", "fourth")]
    assert places == sorted(places)


def test_figures_are_shown_and_closed_and_the_notebooks_own_are_not_touched(
    ipython: InteractiveShell,
) -> None:
    mine = plt.figure()
    plt.plot([1, 2])
    source = (
        "import matplotlib.pyplot as plt\nfig, ax = plt.subplots()\nax.plot([3, 4])\nplt.figure();"
    )
    ran = run(ipython, source)
    assert len(ran.outputs) == 2
    assert all("image/png" in output["data"] for output in ran.outputs)
    data = bundle(ran.outputs)[0]
    assert data["text/html"].count('src="data:image/png;base64,') == 2
    assert size(data) > 1000
    assert plt.get_fignums() == [mine.number]
    assert plt.gcf() is mine
    assert list(np.asarray(plt.gca().lines[0].get_ydata())) == [1, 2]
    plt.close(mine)
    # One alone is a picture, as any cell's.
    alone = bundle(ran.outputs[:1])[0]
    assert isinstance(alone["image/png"], str)


def test_an_exception_is_told_with_the_cells_own_lines(ipython: InteractiveShell) -> None:
    fig = plt.figure()
    ran = run(ipython, "import matplotlib.pyplot as plt\nplt.figure()\nx = {}\nx['lost']")
    assert ran.error == "KeyError: 'lost'"
    assert "x['lost']" in ran.traceback
    assert "line 4" in ran.traceback
    assert "cellruns.py" not in ran.traceback
    assert plt.get_fignums() == [fig.number]
    plt.close(fig)


@pytest.mark.parametrize("source", ["raise SystemExit(3)", "import sys\nsys.exit()"])
def test_leaving_is_an_error_and_not_the_end(ipython: InteractiveShell, source: str) -> None:
    assert run(ipython, source).error.startswith("SystemExit")


def test_an_exception_whose_message_raises(ipython: InteractiveShell) -> None:
    source = "class E(Exception):\n    def __str__(self): raise ValueError('no')\nraise E()"
    ran = run(ipython, source)
    assert ran.error == "E: (its message cannot be shown)"
    assert ran.traceback


def test_an_interrupt_is_told(ipython: InteractiveShell) -> None:
    ran = run(ipython, "import signal\nsignal.raise_signal(signal.SIGINT)\nwhile True: pass")
    assert ran.interrupted


def test_what_others_put_out_meanwhile_is_not_ours(
    ipython: InteractiveShell, capsys: pytest.CaptureFixture[str]
) -> None:
    def other() -> None:
        print("from another thread")
        ipython.display_pub.publish({"text/plain": "displayed elsewhere"})

    def meanwhile() -> None:
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()

    ipython.user_ns["meanwhile"] = meanwhile
    before = sys.stdout, sys.displayhook, ipython.display_pub
    assert shown(ipython, "print('mine')\nmeanwhile()") == {"text/plain": "mine"}
    assert (sys.stdout, sys.displayhook, ipython.display_pub) == before
    out = capsys.readouterr().out
    assert "from another thread" in out
    assert "displayed elsewhere" in out


def test_clear_output_clears(ipython: InteractiveShell) -> None:
    source = "from IPython.display import clear_output\nprint('old')\nclear_output()\nprint('new')"
    assert shown(ipython, source) == {"text/plain": "new"}


def test_magics_work_in_it(ipython: InteractiveShell) -> None:
    assert "x" in shown(ipython, "x = 1\n%who")["text/plain"]


def test_what_is_printed_is_cut(ipython: InteractiveShell) -> None:
    data = shown(ipython, "print('x' * 10**6)")
    assert len(data["text/plain"]) < 30_000
    assert "left out" in data["text/plain"]


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("", "the cell is empty"),
        ("# only a comment\n", "the cell is empty"),
        ("x = = 1", "line 2 of the cell: "),
        ("import asyncio\nawait asyncio.sleep(0)", "line 3 of the cell: "),
        ("return 1", "outside function"),
    ],
)
def test_what_cannot_be_run(ipython: InteractiveShell, source: str, said: str) -> None:
    with pytest.raises(UsageError, match=said) as caught:
        Cell(ipython, source)
    assert "\n" not in str(caught.value)


def test_hostile_output_is_escaped(ipython: InteractiveShell) -> None:
    html = shown(ipython, "print('<script>1</script>')\n'<img src=x onerror=1>'")["text/html"]
    assert "<script>" not in html
    assert "<img src=x" not in html


def test_no_other_thread_gets_to_its_figures(ipython: InteractiveShell) -> None:
    import matplotlib.pyplot as plt

    theirs = plt.figure()
    found: list[Any] = []

    def look() -> None:
        from matplotlib._pylab_helpers import Gcf

        found.append((list(Gcf.get_all_fig_managers()), Gcf.get_active()))
        plt.draw_all(force=True)

    def elsewhere() -> None:
        thread = threading.Thread(target=look)
        thread.start()
        thread.join()

    ipython.user_ns["elsewhere"] = elsewhere
    ran = run(ipython, "import matplotlib.pyplot as plt\nplt.plot([1, 2])\nelsewhere();")
    assert found == [([], None)]
    assert [kind for output in ran.outputs for kind in output["data"]].count("image/png") == 1
    elsewhere()
    assert found[1][1].canvas.figure is theirs
    plt.close(theirs)
