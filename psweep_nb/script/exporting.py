"""An export from begin to end: gather, check everything, write."""

import os
import shutil
import site
import sys
import warnings
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from keyword import iskeyword
from pathlib import Path
from typing import Any

from psweep_nb.database import Database
from psweep_nb.errors import FunctionError, OptionError, StudyError, TrustError
from psweep_nb.functions.bindings import unwrapped
from psweep_nb.functions.needed import Needed, needed_for
from psweep_nb.literals import Writer, text_literal
from psweep_nb.paramscode import code_of_params
from psweep_nb.rundir import RunDir, SessionSpec
from psweep_nb.script.driver import Driver, driver_text
from psweep_nb.script.gathering import Gathered, gather
from psweep_nb.script.plotting import plot_text
from psweep_nb.script.watched import watched_cells
from psweep_nb.script.workload import is_cell, written_out
from psweep_nb.script.writing import check_free, check_path, write_all
from psweep_nb.stored import Stored
from psweep_nb.wording import counted, printable


def export(
    database: Database,
    calc_dir: str,
    path: str | os.PathLike[str],
    *,
    run: RunDir | None = None,
    force: bool = False,
    pickles: bool = False,
    notes: Callable[[str], object] | None = None,
) -> list[Path]:
    """Write the driver script of a study, or of one run; return the files.

    For the parameters see `Study.export`, which calls it.

    Raises
    ------
    OptionError, StudyError, FunctionError, ParamsError, TrustError
        Before anything is written.
    """
    for name, value in (("force", force), ("pickles", pickles)):
        if not isinstance(value, bool):
            raise OptionError(f"{name} is {value!r}; it should be True or False")
    script = check_path(path)
    gathered = gather(database, run)
    needed = _with_the_psets_own(_as_written(database, gathered), gathered)
    files: dict[Path, bytes] = {}
    stored = script.with_suffix(".pkl")
    if needed.missing:
        _check_missing(needed, gathered, pickles)
        needed = _named(needed, gathered)
        values = _values(database, gathered, needed)
        files[stored] = _dumped(values)
    needed = replace(needed, homes=_homes(needed, script))
    driver = Driver(
        _title(needed, gathered),
        [_origin(gathered, calc_dir), *gathered.notes],
        needed,
        gathered.psets,
        gathered.cuts,
        calc_dir,
        gathered.spec.workers if "isolate" in gathered.spec.can else None,
        _options(gathered.spec, needed),
        stored.name if needed.missing else "",
    )
    files = {script: driver_text(driver).encode(), **files}
    cells = watched_cells(gathered.runs)
    if cells:
        homes = {top: home for cell in cells for top, home in _homes(cell.needed, script).items()}
        files[_plot_path(script)] = plot_text(cells, calc_dir, homes).encode()
    templates = _templates(needed, gathered.spec, script, database.trusted)
    files |= {path: source.read_bytes() for path, source in templates.items()}
    check_free(files, force)
    write_all(files)
    for path, source in templates.items():
        shutil.copymode(source, path)
    say = notes or partial(warnings.warn, stacklevel=3)
    for sentence in _notes(needed):
        say(sentence)
    return list(files)


def _plot_path(script: Path) -> Path:
    """`plot.py` beside `run.py`, `other_plot.py` beside `other.py`."""
    return script.with_name("plot.py" if script.stem == "run" else f"{script.stem}_plot.py")


# -- the code --------------------------------------------------------------------------------


def _as_written(database: Database, gathered: Gathered) -> Needed:
    needed = gathered.needed
    if not (needed.function or needed.missing):
        raise FunctionError(
            f"run {gathered.run.info['run_seq']} has no record of its code (an older psweep_nb"
            " made it); run its psets again, which computes nothing that is done, with --stale"
        )
    if not is_cell(needed):
        return needed
    frame = database.frame()
    rows = frame[frame["_run_id"] == gathered.run.run_id] if "_run_id" in frame else frame
    there = rows.columns[rows.notna().any()] if len(rows) else rows.columns
    params = set(gathered.run.info["params"])
    results = [str(c) for c in there if not str(c).startswith("_") and c not in params]
    return written_out(needed, results)


def _with_the_psets_own(needed: Needed, gathered: Gathered) -> Needed:
    """Add the code of the notebook's classes and functions that are values of psets."""
    own = [n for n in code_of_params(gathered.psets).own if n not in needed.names]
    if not own:
        return needed
    more = needed_for("\n".join(own), vars(sys.modules["__main__"]), needed.names)
    known = [part["text"] for part in needed.code]
    return replace(
        needed,
        imports=[*needed.imports, *(i for i in more.imports if i not in needed.imports)],
        code=[*needed.code, *(part for part in more.code if part["text"] not in known)],
        missing=[*needed.missing, *more.missing],
        homes={**needed.homes, **more.homes},
    )


def _check_missing(needed: Needed, gathered: Gathered, pickles: bool) -> None:
    has_setup = not gathered.spec.setup or needed.setup
    if pickles and has_setup:
        return
    said = [
        f"`{m['name']}`" + (f" ({printable(m['where'])})" if m["where"] else "") + f": {m['why']}"
        for m in needed.missing
    ]
    text = f"run {gathered.run.info['run_seq']} uses what has no source code: {'; '.join(said)}"
    if has_setup:
        text += "; or pickles=True, to have it as it was then in a file beside the script"
    raise FunctionError(text)


def _named(needed: Needed, gathered: Gathered) -> Needed:
    """Give a function without source a name of its own."""
    if needed.function:
        return needed
    recorded = gathered.spec.function
    name = recorded if recorded.isidentifier() and not iskeyword(recorded) else "function"
    first, *others = needed.missing
    return replace(needed, function=name, missing=[{**first, "name": name}, *others])


def _homes(needed: Needed, script: Path) -> dict[str, str]:
    """Where the user's modules are, "" for those that are found from the script's place anyway."""
    found = {*_in_pth_files(), os.path.realpath(script.parent)}
    homes = needed.homes.items()
    return {top: "" if os.path.realpath(home) in found else home for top, home in homes}


def _in_pth_files() -> set[str]:
    """Directories that every Python process looks into: packages installed for editing."""
    found: set[str] = set()
    for folder in (*site.getsitepackages(), site.getusersitepackages()):
        for file in Path(folder).glob("*.pth"):
            try:
                lines = file.read_text(encoding="utf-8", errors="replace").splitlines()
            except OSError:
                continue
            found.update(os.path.realpath(line) for line in lines if os.path.isabs(line))
    return found


def _templates(needed: Needed, spec: SessionSpec, script: Path, trusted: bool) -> dict[Path, Path]:
    """The templates of a command that the script would not find: where they go, where they are."""
    there, here = Path(spec.cwd, needed.templates), Path(script.parent, needed.templates)
    if not needed.templates or os.path.isabs(needed.templates) or there == here:
        return {}
    if not trusted and ".." in here.relative_to(script.parent).parts:
        raise TrustError(
            f"the templates of the command are to be copied to {here}, which is not beside the "
            "script: open the study with trust=True if that is right"
        )
    if not there.is_dir():
        raise StudyError(f"the templates of the command are gone: there is no directory {there}")
    found = {here / file.relative_to(there): file for file in there.rglob("*") if file.is_file()}
    return {
        path: file
        for path, file in found.items()
        if not (path.is_file() and path.read_bytes() == file.read_bytes())
    }


# -- pickles ---------------------------------------------------------------------------------


def _values(database: Database, gathered: Gathered, needed: Needed) -> dict[str, Any]:
    """What has no source, taken from the function as it was stored."""
    seq, session = gathered.run.info["run_seq"], gathered.run.sessions()[-1]
    if not database.trusted:
        raise TrustError(
            f"pickles=True unpickles the stored function of run {seq}, which means running code"
            " that somebody else may have put there: open the study with trust=True if you do"
        )
    if not session.function.exists():
        raise FunctionError(
            f"the function of run {seq} could not be stored (it needs what lived in its process):"
            " there is nothing to put into a pickle"
        )
    func = Stored(session, database.trusted).function()
    values: dict[str, Any] = {}
    for inner in unwrapped(func):
        values |= inner.__globals__
    values[needed.function] = func
    names = [missing["name"] for missing in needed.missing]
    lost = [name for name in names if name not in values]
    if lost:
        raise FunctionError(f"`{lost[0]}` is not in the stored function of run {seq}")
    return {name: values[name] for name in names}


def _dumped(values: dict[str, Any]) -> bytes:
    import cloudpickle

    data: bytes = cloudpickle.dumps(values, 5)
    return data


# -- words -----------------------------------------------------------------------------------


def _title(needed: Needed, gathered: Gathered) -> str:
    psets = gathered.psets
    names = list(dict.fromkeys(name for pset in psets for name in pset if name[:1] != "_"))
    shown = ", ".join(names[:6]) + (", ..." if len(names) > 6 else "")
    of = f" of {shown}" if shown else ""
    return f"Parameter study of {needed.function}: {counted(len(psets), 'pset')}{of}."


def _origin(gathered: Gathered, calc_dir: str) -> str:
    from psweep_nb import __version__

    info = gathered.run.info
    day = str(info.get("time_utc", ""))[:10]
    return f"From run {info['run_seq']} of {calc_dir}/ ({day}), by psweep_nb {__version__}."


def _options(spec: SessionSpec, needed: Needed) -> dict[str, str]:
    found: dict[str, str] = {}
    if spec.on_error != "raise":
        found["on_error"] = text_literal(spec.on_error)
    if spec.timeout is not None:
        found["timeout"] = repr(spec.timeout)
    if spec.setup:
        found["setup"] = needed.setup
    if spec.retries:
        found["retries"] = repr(spec.retries)
    if spec.order != "given":
        found["order"] = text_literal(spec.order)
    if spec.fresh:
        found["fresh"] = "True"
    if spec.slots:
        found["slots"] = Writer().text(spec.slots)
    if spec.capture_logs:
        found["capture_logs"] = text_literal(spec.capture_logs)
    return found


def _notes(needed: Needed) -> list[str]:
    notes = []
    if needed.anew:
        listed = ", ".join(f"`{name}`" for name in needed.anew)
        notes.append(f"{listed}: made anew by the script, with the result of a call")
    for top, home in needed.homes.items():
        if home:
            notes.append(f"module `{top}` is imported from {home}, which the script looks into")
    return notes
