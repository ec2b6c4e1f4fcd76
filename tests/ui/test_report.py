"""The report in the saved notebook: what it says, that it is safe, small, and on time."""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any

from psweep_nb.runlist import row_of
from psweep_nb.ui import report, show
from psweep_nb.ui.slot import Slot
from tests.ui.fakes import FakeRun, FakeStudy

HOSTILE = "<img src=x onerror=alert(1)><script>alert(1)</script>&\"'`"


class Tags(HTMLParser):
    """Tags, attributes and text of some HTML."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes.update(name for name, _ in attrs)

    def handle_data(self, data: str) -> None:
        self.text += data


def written(run: Any) -> str:
    return report.html(report.gather(run))


def test_it_says_what_ran_and_how_it_went() -> None:
    run = FakeRun(seq=3, label="first", total=300)
    for i in range(30):
        run.done(i, {"a": i}, loss=i / 2)
    for i in range(30, 33):
        run.failed(i, {"a": i}, "ValueError: no", "Traceback\n  line\nValueError: no")
    run.failed(33, {"a": 33}, "TypeError: other")
    run.set(state="finished", pending=0)
    text = Tags(written(run)).text
    for said in (
        "run 3 first: finished, 4 failed",
        "shade, 30 of 300 done, 4 failed",
        "calc/",
        "as of ",
        "ValueError: no (pset 32 and 2 more)",
        "TypeError: other (pset 33)",
        "a=32",
        "the newest 20 of 34 rows; all: run.df",
    ):
        assert said in text, said


def test_with_no_rows_yet() -> None:
    assert "Starting: rows appear here" in Tags(written(FakeRun())).text


def test_hostile_data_is_text() -> None:
    run = FakeRun(label=HOSTILE)
    run.info["function"] = HOSTILE
    run.study = FakeStudy("x" + HOSTILE)
    run.set(message=HOSTILE)
    run.done(0, {HOSTILE: HOSTILE}, **{"r" + HOSTILE: [HOSTILE]})
    run.failed(1, {HOSTILE: HOSTILE}, HOSTILE, HOSTILE)
    html = written(run)
    parsed = Tags(html)
    assert parsed.tags <= {
        "style", "div", "b", "span", "code", "table", "thead", "tbody", "tr", "th", "td",
        "details", "summary", "pre",
    }  # fmt: skip
    assert parsed.attributes <= {"class", "colspan"}
    assert "<script>alert(1)</script>" in parsed.text
    study: Any = run.study
    listed: Any = run
    runs = [dict.fromkeys(row_of(listed), HOSTILE)]
    parsed = Tags(show._html_table(study, runs))
    assert "script" not in parsed.tags
    assert parsed.attributes <= {"class"}


def test_it_stays_small_and_loads_nothing() -> None:
    run = FakeRun(total=10**5)
    for i in range(400):
        pset = {f"parameter_with_a_long_name_{k}": "v" * 500 for k in range(100)}
        run.failed(i, pset, f"Error {i}: " + "m" * 5000, "line of a traceback " * 2000)
    html = written(run)
    assert len(html) < 100_000
    for word in ("http", "src=", "href", "@import", "url("):
        assert word not in html


def test_the_schedule() -> None:
    schedule = report.Schedule(began=0.0)
    times = [t / 10 for t in range(1300)]
    assert [t for t in times if schedule.due(t, False)] == [1, 2, 5, 10, 30, 60, 90, 120]
    assert schedule.due(130.0, True)
    assert not schedule.due(131.0, True)
    # Resumed: from the start again.
    assert [t for t in times if schedule.due(140 + t, False)][:3] == [1, 2, 5]
    assert schedule.due(200.0, True)


def test_a_slot_is_published_with_its_revision_and_sent_to_the_page(monkeypatch: Any) -> None:
    published: list[Any] = []
    sent: list[Any] = []
    monkeypatch.setattr(
        "psweep_nb.ui.slot.display", lambda data, **options: published.append((data, options))
    )
    slot = Slot("psweep-1", sent.append)
    slot.update("<p>early</p>", "early")  # nothing shown yet: nothing to update
    assert published == sent == []
    slot.show("<p>1</p>", "1")
    slot.update("<p>2</p>", "2")
    (first, options), (second, again) = published
    assert first["text/html"] == "<p>1</p>"
    assert options["display_id"] == again["display_id"] == "psweep-1"
    assert (options["update"], again["update"]) == (False, True)
    assert options["metadata"]["psweep"]["rev"] < again["metadata"]["psweep"]["rev"]
    assert sent[-1]["slot"]["data"] == second
