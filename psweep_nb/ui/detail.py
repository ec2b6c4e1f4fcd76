"""Everything about one pset, for the row a person opened."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psweep_nb.ui import rerun, texts

if TYPE_CHECKING:
    from psweep_nb.records import PsetRecord, RunningPset
    from psweep_nb.runs import Run

_PAIRS = 300


def of(run: Run, index: int) -> dict[str, Any]:
    """What is known of a pset.

    Parameters
    ----------
    run : Run
    index : int
        Number of the pset in its run.

    Returns
    -------
    dict
        JSON-able, bounded: ``title``, ``params``, ``results``, ``reports`` (pairs of texts),
        ``traceback``, ``log``, ``facts`` (sentences), ``live`` (still running), ``code`` (runs this
        pset here; empty where there is none).
    """
    found = _of_ended_or_running(run, index)
    try:
        error = found.pop("error", "")
        found["code"] = texts.block(rerun.code(run, index, error))
    except Exception as exc:  # a folder that is damaged, a repr of the user's
        found["code"] = ""
        found["facts"].append(f"no code to run it again: {texts.line(str(exc), 100)}")
    return found


def _of_ended_or_running(run: Run, index: int) -> dict[str, Any]:
    if not 0 <= index < run.view.total:
        return {**_empty(), "title": f"this run has no pset {index}"}
    for running in run.view.running():
        if running.index == index:
            return _of_running(running)
    record = run.view.record(index)
    if record is not None:
        return _of_record(record)
    pset = run.view.pset(index)
    return {**_empty(), "title": f"pset {index}, pending", "params": _pairs(pset)}


def _of_running(running: RunningPset) -> dict[str, Any]:
    where = [f"worker {running.worker}"] if running.worker >= 0 else []
    return {
        **_empty(),
        "title": f"pset {running.index}, running for {texts.duration(running.seconds)}",
        "params": _pairs(running.pset),
        "reports": _pairs(running.report),
        "log": texts.block(running.log_tail()),
        "facts": where,
        "live": True,
    }


def _of_record(record: PsetRecord) -> dict[str, Any]:
    failed = record.state == "failed"
    attempt = f", attempt {record.attempt}" if record.attempt > 1 else ""
    results = {k: v for k, v in record.results.items() if k not in record.pset}
    changed = {k: v for k, v in record.results.items() if k in record.pset}
    started = texts.date(record.started) + texts.clock(record.started)[5:]
    return {
        **_empty(),
        "title": f"pset {record.index}, {record.state} after"
        f" {texts.duration(record.runtime)}{attempt}",
        "params": _pairs({**record.pset, **changed}),
        "results": _pairs(results),
        "reports": _pairs(record.reported),
        "traceback": texts.block(record.traceback or record.error) if failed else "",
        "error": record.error,
        "log": texts.block(record.log()),
        "facts": [f"started {started}", f"on {texts.line(record.host, 60)}", record.pset_id],
    }


def _empty() -> dict[str, Any]:
    return {
        "params": [],
        "results": [],
        "reports": [],
        "traceback": "",
        "log": "",
        "facts": [],
        "live": False,
    }


def _pairs(values: dict[str, Any]) -> list[list[str]]:
    pairs = [[texts.line(str(k), 100), texts.full(v)] for k, v in list(values.items())[:_PAIRS]]
    if len(values) > _PAIRS:
        pairs.append(["…", f"and {len(values) - _PAIRS} more"])
    return pairs
