"""Batch preparation: a directory with filled templates for each pset, rows, scripts to submit.

Used by the study's `prep_batch`. A batch run is a run like any other, whose psets jobs execute and
no engine of ours; see docs/architecture.md for how it is written, and what a kill leaves.
"""

import os
import pickle
import platform
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from psweep_nb import provenance
from psweep_nb.batch import ending
from psweep_nb.batch.machines import Machine, jobscript_name, read_machines
from psweep_nb.batch.runscripts import add_run, script_of
from psweep_nb.batch.templates import FIELDS, Template, Templates, check, write_new
from psweep_nb.database import Database
from psweep_nb.errors import TemplateError
from psweep_nb.functions import Call
from psweep_nb.functions.identity import Code
from psweep_nb.hashing import sha1_digests
from psweep_nb.locks import is_held
from psweep_nb.params import check_params
from psweep_nb.rundir import RunDir, Session
from psweep_nb.submission import Options, Submission, publish_run

_STAGE = ".prep-"


@dataclass(frozen=True)
class Batch:
    """Everything that makes job directories, read and checked.

    Parameters
    ----------
    templates : Templates
    machines : list of Machine
    write_pset : bool
        Whether each directory gets the pset as ``pset.pk``, too.
    """

    templates: Templates
    machines: list[Machine]
    write_pset: bool = False

    @classmethod
    def read(
        cls,
        calc_templ_dir: str | os.PathLike[str],
        machine_templ_dir: str | os.PathLike[str],
        template_mode: str,
        write_pset: bool,
    ) -> "Batch":
        """Read templates and machines.

        Raises
        ------
        OptionError, TemplateError
            Naming what is missing or wrong.
        """
        templates = Templates(calc_templ_dir, template_mode)
        machines = read_machines(machine_templ_dir, template_mode)
        batch = cls(templates, machines, write_pset)
        ours = {jobscript_name(machine.name) for machine in machines}
        ours |= {"pset.pk"} if write_pset else set()
        for file in templates.files:
            if file.name in ours:
                raise TemplateError(f"{file.path}: psweep_nb writes a file of that name itself")
        return batch

    def _files(self) -> Iterator[Template]:
        yield from self.templates.files
        yield from (machine.jobscript for machine in self.machines)

    def check(self, psets: Sequence[Mapping[str, Any]]) -> None:
        """Raise `TemplateError` if it is known that these psets do not fill the templates."""
        check(self._files(), psets, FIELDS)

    def write(self, folder: str, pset: Mapping[str, Any], fields: Mapping[str, Any]) -> None:
        """Make a pset's directory."""
        os.mkdir(folder)
        values = {**pset, **fields}
        self.templates.write(folder, values)
        for machine in self.machines:
            machine.jobscript.write(folder, values)
        if self.write_pset:
            write_new(os.path.join(folder, "pset.pk"), pickle.dumps(values, 5))


def prepare_batch(batch: Batch, params: Any, skip: str | None, label: str) -> Submission:
    """Check psets and whether they fill the templates; nothing is written.

    Raises
    ------
    ParamsError, TemplateError, OptionError
        Naming what is wrong.
    """
    options = Options("batch", skip=skip, label=label)
    psets = check_params(params)
    batch.check(psets)
    code = Code("", {})
    return Submission(_jobs, psets, options, Call("pset"), None, sha1_digests(psets), code)


def _jobs(pset: dict[str, Any]) -> None:
    """What stands for the jobs where a run has its function."""


def publish_batch(
    database: Database,
    batch: Batch,
    submission: Submission,
    numbers: Sequence[int],
    calc_dir: str,
    calc_path: Path,
) -> RunDir:
    """Write a run with its directories, rows and scripts; whoever calls holds the study's lock."""
    finish(database, calc_path)
    calc_path.mkdir(parents=True, exist_ok=True)
    psets = [submission.params[number] for number in numbers]

    def before(session: Session, info: dict[str, Any]) -> None:
        info["kind"] = "batch"
        info["machines"] = {machine.name: machine.info for machine in batch.machines}
        _stage(batch, session.run, psets, info, calc_path / f"{_STAGE}{info['run_id']}")
        ending.prepared(session, len(psets))

    found = publish_run(database, submission, numbers, calc_dir, calc_path, before)
    found.lock.release()
    provenance.keep(found.session, submission.func, None, calc_path, database.locked)
    finish(database, calc_path)
    database.fold()
    return found.session.run


def _stage(
    batch: Batch, run: RunDir, psets: list[dict[str, Any]], info: dict[str, Any], stage: Path
) -> None:
    """Make all directories, at a place where nobody looks for them."""
    fields = {
        "_run_id": info["run_id"],
        "_run_seq": info["run_seq"],
        "_calc_dir": info["calc_dir"],
        "_time_utc": datetime.now(UTC).replace(tzinfo=None).isoformat(sep=" "),
        "_exec_host": platform.node(),
    }
    stage.mkdir(mode=0o700)
    try:
        for number, pset in enumerate(psets):
            pset_id = run.psets.id(number)
            fields["_pset_id"], fields["_pset_sha1"] = pset_id, run.psets.sha1(number)
            fields["_pset_seq"] = info["pset_seq"] + number
            try:
                batch.write(os.path.join(stage, pset_id), pset, fields)
            except TemplateError as exc:
                raise TemplateError(f"{exc} (pset {number})") from exc
    except BaseException:
        shutil.rmtree(stage, ignore_errors=True)
        raise


def finish(database: Database, calc_path: Path) -> None:
    """Put directories and scripts of published runs in place, and remove what became no run.

    Done at the end of each preparation, and again by whoever comes after one that was killed. The
    study's lock is held.
    """
    for stage in sorted(calc_path.glob(f"{_STAGE}*")):
        run_id = stage.name.removeprefix(_STAGE)
        run = RunDir(database.hidden / run_id)
        if run.path.is_dir():
            _put_in_place(run, stage, calc_path)
        elif _is_ours(database, calc_path, run_id):
            shutil.rmtree(stage, ignore_errors=True)


def _is_ours(database: Database, calc_path: Path, run_id: str) -> bool:
    """Whether a run that does not exist was to be one of this study: calc_path may have several."""
    hidden = database.hidden / f".new-{run_id}"
    return calc_path == database.calc_dir or (hidden.is_dir() and not is_held(hidden / "lock"))


def _put_in_place(run: RunDir, stage: Path, calc_path: Path) -> None:
    for folder in stage.iterdir():
        os.rename(folder, calc_path / folder.name)
    for machine, info in run.info["machines"].items():
        add_run(script_of(calc_path, machine), run, machine, info)
    stage.rmdir()
