"""What has become of templates and machines since a run was prepared from them.

Used by `preparing`, which notes what it was, and by `Study.submit_batch`: what ``info.yaml`` says
counts as it is when jobs are submitted, files are as they were prepared, and that is said.
"""

import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from hashlib import sha1
from pathlib import Path
from typing import Any

from psweep_nb.batch.machines import Machine, read_info
from psweep_nb.batch.places import Place, machine_of
from psweep_nb.batch.templates import Template
from psweep_nb.database import Database
from psweep_nb.errors import StudyError
from psweep_nb.rundir import RunDir, read_json, write_json
from psweep_nb.runview import RunView
from psweep_nb.wording import counted

_SHOWN = 3  # names in one sentence


def made_from(
    files: Iterable[Template], machines: Iterable[Machine], calc_path: Path
) -> dict[str, dict[str, str]]:
    """Return what a run notes of its templates; paths are relative, studies are moved with them."""
    machines = list(machines)
    templates = [*files, *(machine.jobscript for machine in machines)]
    return {
        "templates": {_relative(t.path, calc_path): sha1(t.data).hexdigest() for t in templates},
        "machines": {machine.name: _relative(machine.path, calc_path) for machine in machines},
    }


def _relative(path: str, calc_path: Path) -> str:
    return os.path.relpath(os.path.abspath(path), calc_path)


def changed_files(run: RunDir) -> str:
    """Which templates are not any more what the run was prepared from, in a sentence, or ""."""
    changed = []
    for name, digest in run.info.get("made_from", {}).get("templates", {}).items():
        path = os.path.normpath(run.calc_path / name)
        with suppress(OSError):  # gone: the study may have been moved
            if os.path.isfile(path) and sha1(Path(path).read_bytes()).hexdigest() != digest:
                changed.append(os.path.relpath(path))
    if not changed:
        return ""
    more = f" and {len(changed) - _SHOWN} more" if len(changed) > _SHOWN else ""
    return (
        f"changed since run {run.info['run_seq']} was prepared: "
        f"{', '.join(changed[:_SHOWN])}{more}; its jobs have what was there then (prepare again "
        "for what is there now, or change the files in the directories of the psets)"
    )


def renew(database: Database, view: RunView, name: str, force: bool) -> str:
    """Have what ``info.yaml`` of a machine says now count for a run; say what is new, or "".

    Parameters
    ----------
    database : Database
        The study's.
    view : RunView
        Of the run.
    name : str
        Of the machine.
    force : bool
        Also where jobs are at work that would be looked for at another place then.

    Raises
    ------
    OptionError
        If the run has no such machine.
    TemplateError
        If the file is wrong now.
    StudyError
        If jobs are at work elsewhere.
    """
    run = view.run
    old = machine_of(run, name)
    file = run.info.get("made_from", {}).get("machines", {}).get(name)
    path = os.path.normpath(run.calc_path / file) if file else ""
    if not os.path.isfile(path):
        return ""
    # Job scripts have the Python in them already.
    kept = {"python": old["python"]} if "python" in old else {}
    new = {**{key: value for key, value in read_info(path).items() if key != "python"}, **kept}
    if new == old:
        return ""
    said = _differences(old, new)
    view.poll()
    at_work = sum(job.machine == name for job in view.open_jobs().values())
    if at_work and not force and _whereabouts(run, name, old) != _whereabouts(run, name, new):
        raise StudyError(
            f"{os.path.relpath(path)} names another place ({said}), but jobs of "
            f"{counted(at_work, 'pset')} are at work at the old one: change it back until they "
            "have ended, or cancel_batch() and sync(); force=True forgets them"
        )
    with database.locked():
        file_now = run.path / "run.json"
        info = read_json(file_now)
        info["machines"][name] = new
        write_json(file_now, info)
    return (
        f"{os.path.relpath(path)} has changed since run {run.info['run_seq']} was prepared: {said}"
    )


def _whereabouts(run: RunDir, name: str, info: Mapping[str, Any]) -> tuple[str, object]:
    return Place(name, info, run.calc_path).key, info.get("path")


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    names = [key for key in {**old, **new} if old.get(key) != new.get(key)]
    return ", ".join(f"{key} is {_word(new.get(key))}, was {_word(old.get(key))}" for key in names)


def _word(value: object) -> str:
    return "not there" if value is None else str(value)
