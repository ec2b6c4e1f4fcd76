"""What the page shows of a `Desk`: texts and lists, JSON-able and bounded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from psweep_nb.batch.preview import ABSENT, COMMAND, MISSING, SOME_ID, Preview, Sheet, Want
from psweep_nb.batch.preview import fields_of as fields_of_pset
from psweep_nb.batch.psetfile import NAME as PSET_FILE
from psweep_nb.errors import PsweepError
from psweep_nb.ui import header, texts
from psweep_nb.ui.batch import sources
from psweep_nb.ui.batch.desk import STARTERS, Desk, starter_code
from psweep_nb.ui.editor.actions import reason
from psweep_nb.wording import printable

_MOST_SHEETS = 200
_MOST_WANTS = 60
_MOST_PROBLEMS = 10
_LONG = 20_000  # characters of a file that are shown
_MODES = [["dollar", "$name"], ["jinja", "Jinja"]]
_WRITE = [["new", "what is new"], ["all", "all psets"]]


def state_of(desk: Desk) -> dict[str, Any]:
    """Everything."""
    seen, missing = desk.seen, desk.without_templates()
    count = len(seen.psets)
    state = {
        "counted": texts.psets(count) if count else "no psets chosen",
        "where": header.directory(desk.study().path),
        "choices": vars(desk.choices),
        "options": _options(desk),
        "starters": _starters(missing) if missing is not None else [],
        "problems": [],
        "sheets": [],
        "more": 0,
        "shown": {},
        "plan": [],
        "write": _write_words(desk),
        "canWrite": desk.can_write,
        "run": _run_words(desk),
        "next": desk.next,
        "canSubmit": seen.run is not None,
        "canRetry": seen.run is not None and seen.run.view.counts[1] > 0,
        "code": "",
    }
    if missing is not None:
        return state
    found: dict[str, Any] = {"problems": _problems(desk), "plan": _plan(desk), "code": desk.code()}
    if seen.preview is not None:
        sheets, fields = seen.preview.sheets, _fields(desk)
        values = {**seen.psets[desk.choices.number], **fields} if count else {}
        found["sheets"] = [_sheet(sheet, values) for sheet in sheets[:_MOST_SHEETS]]
        found["more"] = max(0, len(sheets) - _MOST_SHEETS)
        found["shown"] = _shown(desk, seen.preview, fields) if count else {}
    return state | found


def text_of(desk: Desk) -> str:
    """The same for a terminal, in short."""
    state = state_of(desk)
    lines = [f"{state['counted']}, {state['where']}", *state["problems"], *state["plan"]]
    lines += [f"no templates yet: {starter['code']}" for starter in state["starters"]]
    return "batch: " + "\n  ".join(lines)


def _options(desk: Desk) -> dict[str, list[Any]]:
    names, chosen = desk.session.names, desk.choices
    psets = sources.names_with_psets(names)
    if chosen.psets and chosen.psets not in psets:
        psets.insert(0, chosen.psets)
    commands = sources.names_of_commands(names)
    first = [["", "as given" if desk.given is not None else "choose"]] if not chosen.psets else []
    none = "none" if desk.command is None else "as given"
    calcs, machines = sources.folders_beside(chosen.calc, chosen.machines)
    return {
        "psets": [*first, *([name, name] for name in psets)],
        "command": [["", none], *([name, name] for name in commands)] if commands else [],
        "calc": calcs,
        "machines": machines,
        "mode": _MODES,
        "write": _WRITE,
        "machine": [[name, name] for name in desk.machines()],
    }


def _starters(folder: str) -> list[dict[str, str]]:
    return [
        {"kind": kind, "text": f"New templates {words}", "code": starter_code(kind, folder)}
        for kind, words in STARTERS.items()
    ]


def _problems(desk: Desk) -> list[str]:
    found = list(dict.fromkeys(printable(problem, "\n") for problem in desk.seen.problems))
    more = len(found) - _MOST_PROBLEMS
    shown = [texts.cut(problem, 2000) for problem in found[:_MOST_PROBLEMS]]
    return [*shown, f"and {more} more"] if more > 0 else shown


# -- templates -------------------------------------------------------------------------------


def _sheet(sheet: Sheet, values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "key": sheet.name,
        "name": texts.cut(printable(sheet.name), 120),
        "path": texts.cut(printable(sheet.path), 200),
        "note": _note(sheet),
        "bad": bool(sheet.problem) or any(want.state == MISSING for want in sheet.wants),
        "wants": [_want(want, values) for want in sheet.wants[:_MOST_WANTS]],
        "more": max(0, len(sheet.wants) - _MOST_WANTS),
    }


def _note(sheet: Sheet) -> str:
    if sheet.problem:
        return "cannot be filled" if sheet.wants else "is no template"
    if sheet.is_binary:
        return "no text, copied as it is"
    if sheet.name == PSET_FILE and not sheet.path:
        return "all parameters and fields"
    return "" if sheet.wants else "no placeholders"


def _want(want: Want, values: Mapping[str, Any]) -> dict[str, str]:
    lines = ", ".join(map(str, want.lines[:8])) + ", …" * (len(want.lines) > 8)
    value = texts.cell(values[want.name], 24) if want.name in values else ""
    if want.state == MISSING:
        value = f"missing in pset {want.lacks}" if want.lacks else "missing"
    elif want.state == ABSENT:
        value = value or "not given"
    elif values.get(want.name) == SOME_ID:
        value = "drawn on Write"
    return {
        "name": texts.cut(printable(want.name), 60),
        "state": want.state,
        "value": value,
        "where": f"line{'s' * (len(want.lines) > 1)} {lines}",
    }


# -- the files of one pset -------------------------------------------------------------------


def _fields(desk: Desk) -> dict[str, Any]:
    study, number, todo = desk.study(), desk.choices.number, desk.seen.writing.todo
    if not desk.seen.psets:
        return {}
    place = todo.index(number) if number in todo else number
    try:
        return fields_of_pset(study.database, study.calc_dir, desk.seen.psets[number], place)
    except PsweepError:  # of the table: said where psets are judged
        return {}


def _shown(desk: Desk, preview: Preview, fields: Mapping[str, Any]) -> dict[str, Any]:
    chosen = desk.choices
    pset = desk.seen.psets[chosen.number]
    words = ", ".join(f"{texts.cell(k, 24)}={texts.cell(v, 24)}" for k, v in pset.items())
    shown = {"total": len(desk.seen.psets), "pset": texts.cut(words, 300)}
    shown |= {"text": "", "problem": "", "note": ""}
    if chosen.file not in desk.files():
        return shown
    try:
        data = preview.filled(chosen.file, chosen.number, fields)
    except Exception as exc:  # values may be the user's own objects
        problem = texts.cut(printable(reason(exc), "\n"), 2000)
        source = _text(preview.source(chosen.file))
        return shown | source | {"problem": problem, "note": "the template itself, not filled"}
    return shown | _text(data)


def _text(data: bytes) -> dict[str, str]:
    """A file's text, cut, and what is to be said of it."""
    if b"\0" in data:
        return {"text": "", "note": f"{texts.count(len(data))} bytes, no text"}
    text = printable(data[: 4 * _LONG].decode(errors="replace"), keep="\n\t")
    note = "ids are drawn on Write" if SOME_ID in text else ""
    if len(text) > _LONG or len(data) > 4 * _LONG:
        note = f"cut: the file has {texts.count(len(data))} bytes"
    return {"text": text[:_LONG], "note": note}


# -- what is written -------------------------------------------------------------------------


def _plan(desk: Desk) -> list[str]:
    """What Write would do, in lines."""
    seen, writing = desk.seen, desk.seen.writing
    if seen.problems:
        return ["Nothing can be written until that is corrected."]
    if not seen.psets:
        return ["Choose psets: a name of the notebook, or ps.BatchPrep(params)."]
    if not seen.is_judged:
        return [f"up to {texts.count(len(seen.psets))} directories; Write says how many"]
    lines = []
    if set(writing.counts) != {"new"}:
        counts = [f"{texts.count(n)} {word}" for word, n in writing.counts.items()]
        lines.append(", ".join(counts))
    if not writing.todo:
        return [*lines, "nothing would be written"]
    names = [name for name in desk.files() if name != COMMAND]
    n = len(writing.todo)
    folders = "1 directory" if n == 1 else f"{texts.count(n)} directories"
    files = f"{len(names)} files: {texts.cut(', '.join(map(printable, names)), 200)}"
    each = "in it" if n == 1 else "in each"
    lines.append(f"{folders} in {header.directory(desk.study().calc_path)}, {each} {files}")
    for name, older in writing.scripts.items():
        more = f"; {texts.count(older)} of earlier runs become comments" if older else ""
        lines.append(f"{name}: {texts.count(n)} line{'s' * (n > 1)} to submit by hand{more}")
    for seq, count in writing.prepared.items():
        one = "1 of these is" if count == 1 else f"{texts.count(count)} of these are"
        lines.append(f"{one} prepared in run {seq} already; Write makes another run")
    return lines


def _write_words(desk: Desk) -> str:
    todo = desk.seen.writing.todo
    return f"Write {texts.count(len(todo))}" if todo else "Write"


def _run_words(desk: Desk) -> str:
    run = desk.seen.run
    if run is None:
        return "Nothing is written yet."
    status = run.status()
    counts = header.counts(status)
    parts = [f"run {run.run_seq}: {status.state}", counts["done"]]
    parts += [counts["failed"]] if status.failed else []
    parts += [status.message] if status.message else []
    return texts.cut(printable(", ".join(parts)), 400)
