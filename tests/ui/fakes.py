"""A study without a disk or a process: what the tests of the notebook layer drive by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from psweep_nb.arrivals import HEAD
from psweep_nb.journal import DONE, FAILED


@dataclass(frozen=True)
class FakeStatus:
    state: str = "running"
    total: int = 4
    done: int = 0
    failed: int = 0
    running: int = 0
    pending: int = 4
    rate: float | None = None
    elapsed: float = 1.0
    time_left: float | None = None
    message: str = ""
    workers: int = 1
    reports: dict[int, dict[str, Any]] = field(default_factory=dict)

    @property
    def ended(self) -> bool:
        return self.state in ("stopped", "finished", "lost", "gone", "unknown")


@dataclass
class FakeRecord:
    index: int
    pset: dict[str, Any]
    results: dict[str, Any] = field(default_factory=dict)
    state: str = "done"
    error: str = ""
    traceback: str = ""
    attempt: int = 1
    runtime: float = 0.02
    started: float = 1_900_000_000.0
    pset_seq: int = 0
    pset_id: str = "00000000-0000-4000-8000-000000000000"
    text: str = ""
    reported: dict[str, Any] = field(default_factory=dict)
    host: str = "host-1"

    @property
    def kind(self) -> int:
        return DONE if self.state == "done" else FAILED

    def log(self) -> str:
        return self.text


@dataclass
class FakeRunning:
    index: int
    pset: dict[str, Any]
    seconds: float = 1.5
    worker: int = 0
    report: dict[str, Any] = field(default_factory=dict)

    def log_tail(self) -> str:
        return "still at it"


@dataclass
class FakeSpec:
    function: str = "shade"
    module: str = "__main__"
    source: str = ""
    code: dict[str, Any] = field(default_factory=dict)
    setup: str = ""
    setup_module: str = ""
    call: dict[str, Any] = field(default_factory=lambda: {"style": "names", "names": None})


class FakeView:
    def __init__(self, run: FakeRun) -> None:
        self.run = run
        self.records: list[FakeRecord] = []
        self.polled = 0
        self.psets: dict[int, dict[str, Any]] = {}  # those without a record
        self.at_work: list[FakeRunning] = []
        self.reported_at = 0
        self._by_index: dict[int, FakeRecord] = {}
        self._indexed = 0

    @property
    def total(self) -> int:
        return self.run.state.total

    def pset(self, index: int) -> dict[str, Any]:
        record = self.record(index)
        return record.pset if record is not None else self.psets.get(index, {})

    def heads(self, start: int, stop: int) -> bytes:
        return b"".join(
            HEAD.pack(r.kind, r.attempt, r.index, 0, int(r.runtime * 1e9), 0, 0, 0, 0, 0)
            for r in self.records[start:stop]
        )

    def results(self, start: int, stop: int) -> list[tuple[int, dict[str, Any]]]:
        return [(r.index, r.results) for r in self.records[start:stop]]

    def poll(self, limit: int = 0) -> int:
        new, self.polled = len(self.records) - self.polled, len(self.records)
        return new

    def status(self) -> FakeStatus:
        return self.run.state

    def state(self) -> tuple[str, str]:
        return self.run.state.state, self.run.state.message

    @property
    def count(self) -> int:
        return len(self.records)

    def arrived(self, start: int, stop: int) -> list[FakeRecord]:
        return self.records[max(0, start) : stop]

    def newest(self, n: int) -> list[FakeRecord]:
        return self.records[-n:][::-1]

    def record(self, index: int) -> FakeRecord | None:
        for record in self.records[self._indexed :]:
            self._by_index[record.index] = record
        self._indexed = len(self.records)
        return self._by_index.get(index)

    def failed_indices(self) -> list[int]:
        self.record(0)
        return [i for i, r in self._by_index.items() if r.state == "failed"]

    def last_report(self) -> int:
        return self.reported_at

    def running(self) -> list[FakeRunning]:
        return self.at_work


class FakeRun:
    def __init__(self, study: Any = None, seq: int = 0, label: str = "", total: int = 4) -> None:
        self.study = study or FakeStudy()
        self.run_id = f"run-{seq}"
        self.folder = SimpleNamespace(path=Path("nowhere"))
        self.run_seq = seq
        self.label = label
        self.info: dict[str, Any] = {
            "function": "shade",
            "time_utc": "2031-02-03T04:05:06+00:00",
            "n": total,
        }
        self.view = FakeView(self)
        self.state = FakeStatus(total=total, pending=total)
        self.calls: list[Any] = []
        self.spec = FakeSpec()
        self.on_wait: Any = None

    def __repr__(self) -> str:
        return f"run {self.run_seq}: {self.state.total} psets, 1 worker, {self.study.path}/"

    def done(self, index: int, pset: dict[str, Any], **results: Any) -> None:
        self.view.records.append(FakeRecord(index, pset, results))
        self.set(done=self.state.done + 1, pending=self.state.pending - 1)

    def failed(self, index: int, pset: dict[str, Any], error: str, traceback: str = "") -> None:
        record = FakeRecord(index, pset, {}, "failed", error, traceback or error)
        self.view.records.append(record)
        self.set(failed=self.state.failed + 1, pending=self.state.pending - 1)

    def set(self, **changes: Any) -> None:
        self.state = replace(self.state, **changes)

    def status(self) -> FakeStatus:
        return self.state

    def stop(self, now: bool = False) -> None:
        self.calls.append(("stop", now))
        self.set(state="stopped" if now else "stopping")

    def pause(self) -> None:
        self.calls.append("pause")
        self.set(state="paused")

    def resume(self, workers: int | None = None) -> None:
        self.calls.append(("resume", workers))
        self.set(state="running")

    def retry(
        self, func: Any = None, recorded: bool = False, notes: Any = print, match: Any = None
    ) -> None:
        self.calls.append("retry" if match is None else ("retry", match))
        notes("shade has changed since run 3")
        self.set(state="running", failed=0)

    def wait(self, timeout: float | None = None) -> FakeStatus:
        self.calls.append(("wait", timeout))
        if self.on_wait is not None:
            self.on_wait()
        return self.state


@dataclass
class FakePlan:
    new: int
    text: str = ""
    todo: Sequence[int] = ()
    running_same: Any = None
    latest: Any = None
    remarks: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"the plan: {self.text}"


class FakeStudy:
    def __init__(self, path: str | Path = "calc") -> None:
        self.path = Path(path)
        self.calc_dir = str(path)
        self.runs: list[FakeRun] = []
        self.next_plan: FakePlan | None = None
        self.planned: list[dict[str, Any]] = []
        self.submitted: list[dict[str, Any]] = []

    def plan(self, func: Any, params: Any, **options: Any) -> FakePlan:
        self.planned.append(options)
        return self.next_plan or FakePlan(len(params), todo=range(len(params)))

    def submit(self, func: Any, params: Any, *, label: str = "", **options: Any) -> FakeRun:
        self.submitted.append({"func": func, "params": params, "label": label, **options})
        run = FakeRun(self, len(self.runs), label, len(params))
        run.spec.function = func.__name__
        self.path.mkdir(parents=True, exist_ok=True)
        self.runs.append(run)
        return run

    def active_runs(self) -> list[FakeRun]:
        return [run for run in self.runs if not run.state.ended]
