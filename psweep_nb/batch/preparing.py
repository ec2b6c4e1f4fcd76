"""Batch preparation: a directory with filled templates for each pset, rows, scripts to submit.

Used by the study's `prep_batch`. A batch run is a run like any other, whose psets jobs execute and
no engine of ours; see docs/architecture.md for how it is written, and what a kill leaves.
"""

import os
import platform
import shutil
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha1
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cloudpickle

from psweep_nb import provenance
from psweep_nb.batch import ending, psetfile, shipping, since
from psweep_nb.batch.command import Command
from psweep_nb.batch.machines import jobscript_name, read_machines
from psweep_nb.batch.packing import MARKS
from psweep_nb.batch.resultfiles import RESULTS
from psweep_nb.batch.runscripts import add_run
from psweep_nb.batch.templates import FIELDS, Templates, check, check_mode, write_new
from psweep_nb.database import Database
from psweep_nb.errors import StudyError, TemplateError
from psweep_nb.files import sync_file_system
from psweep_nb.functions import Workload
from psweep_nb.rundir import RunDir, Session
from psweep_nb.running import Options
from psweep_nb.submission import Submission, prepare, publish_run

if TYPE_CHECKING:
    import pandas as pd

_STAGE = ".prep-"
_ID = 36  # characters of a run's id
#: What stands for the command in job scripts.
CMD = "_cmd"
_NO_TEMPLATES = Templates(None, "dollar")
JOBS = "batch"  # what a run without a command has for the name of its function


class Batch:
    """What jobs are made of: the workload, and the machines it goes to.

    Parameters
    ----------
    work : Command, Jobs or function
        Has the templates, and perhaps the command for the job scripts; or is called by them.
    machine_templ_dir : path
        See `machines`.
    template_mode : str
        The language of the job scripts.
    write_pset : bool
        Whether each directory gets the pset as ``pset.pk``, too; with a function it always does.

    Raises
    ------
    OptionError, TemplateError
        Naming what is missing or wrong.
    """

    def __init__(
        self,
        work: "Command | Jobs | Callable[..., Any]",
        machine_templ_dir: str | os.PathLike[str],
        template_mode: str,
        write_pset: bool,
    ) -> None:
        check_mode(template_mode)
        calls = not isinstance(work, Workload)
        self.work, self.write_pset = work, write_pset or calls
        self.shipment: shipping.Shipment | None = None
        self.machines = read_machines(machine_templ_dir, template_mode)
        self._command = work if isinstance(work, Command) else None
        for machine in self.machines:
            if calls:  # the same one later, whoever submits
                machine.info["python"] = shipping.python_of(machine.info)
            script = machine.jobscript
            if (self._command or calls) and all(found.name != CMD for found in script.placeholders):
                place = f"${CMD}" if template_mode == "dollar" else f"{{{{ {CMD} }}}}"
                raise TemplateError(f"{script.path}: nothing runs the command; a line {place} does")

    def prepare(self, params: Any, skip: str | None, label: str) -> Submission:
        """Check psets and whether they fill all templates; nothing is written.

        Raises
        ------
        ParamsError, TemplateError, OptionError
            Naming what is wrong.
        """
        options = Options("batch", travels=True, skip=skip, label=label)
        submission = prepare(self.work, params, options)
        if not isinstance(self.work, Workload):
            assert submission.function is not None
            self.shipment = shipping.Shipment(submission.function, submission.call)
        self._check_names()
        fields = FIELDS if isinstance(self.work, Jobs) else (*FIELDS, CMD)
        check([machine.jobscript for machine in self.machines], submission.params, fields)
        return submission

    @property
    def files(self) -> Templates:
        """The templates: none for a function."""
        if isinstance(self.work, Command | Jobs):
            return self.work.files
        return _NO_TEMPLATES

    def _check_names(self) -> None:
        ours = {jobscript_name(machine.name) for machine in self.machines}
        ours |= {psetfile.NAME, MARKS, *RESULTS, *(["pset.pk"] if self.write_pset else [])}
        self.files.check_names(ours)

    def write(self, folder: str, values: Mapping[str, Any]) -> None:
        """Make a pset's directory."""
        os.mkdir(folder)
        self.files.write(folder, values)
        write_new(os.path.join(folder, psetfile.NAME), psetfile.dumps(values))
        if self.write_pset:
            write_new(os.path.join(folder, "pset.pk"), cloudpickle.dumps(dict(values), 5))
        if self._command is not None:
            values = {**values, CMD: self._command.line.line(values)}
        for machine in self.machines:
            if self.shipment is not None:
                values = {**values, CMD: shipping.line(machine.info, str(values["_run_id"]))}
            machine.jobscript.write(folder, values)


class Jobs(Workload):
    """The workload of a batch run without a command: its templates; what runs is in job scripts.

    Parameters
    ----------
    folder : path
        Of the templates.
    mode : str
        Their language.
    """

    def __init__(self, folder: str | os.PathLike[str], mode: str) -> None:
        self.files = Templates(folder, mode)

    def __getstate__(self) -> dict[str, Any]:
        return {}  # nobody executes it: the files need not be kept with the run

    def check(self, params: Sequence[Mapping[str, Any]]) -> None:
        """See `Workload`."""
        check(self.files.files, params, FIELDS)

    def code(self) -> tuple[dict[str, str], Sequence[Callable[..., Any]]]:
        """See `Workload`."""
        return self.files.code(), ()

    def title(self) -> str:
        """See `Workload`."""
        return JOBS

    def __call__(self, pset: dict[str, Any]) -> None:
        """Only jobs do it."""
        raise StudyError("the jobs of a batch run are run by their job scripts")


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
        info["made_from"] = since.made_from(batch.files.files, batch.machines, calc_path)
        if batch.shipment is not None:
            info["made_with"] = shipping.made_with()
        stage = calc_path / f"{_stages(database)}{info['run_id']}"
        _stage(batch, session.run, psets, info, stage)
        ending.prepared(session, len(psets))

    found = publish_run(database, submission, numbers, calc_dir, calc_path, before)
    found.lock.release()
    provenance.keep(found.session, submission.func, None, calc_path, database.locked)
    finish(database, calc_path, found.session.run.run_id)
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
        if batch.shipment is not None:
            batch.shipment.write(stage, info["run_id"])
        for number, pset in enumerate(psets):
            pset_id = run.psets.id(number)
            fields["_pset_id"], fields["_pset_sha1"] = pset_id, run.psets.sha1(number)
            fields["_pset_seq"] = info["pset_seq"] + number
            try:
                batch.write(os.path.join(stage, pset_id), {**pset, **fields})
            except TemplateError as exc:
                raise TemplateError(f"{exc} (pset {number})") from exc
        sync_file_system(stage)  # no row for files that a power cut leaves empty
    except BaseException:
        shutil.rmtree(stage, ignore_errors=True)
        raise


def finish(database: Database, calc_path: Path, own: str = "") -> None:
    """Put directories and scripts of published runs in place, and remove what became no run.

    Done at the end of each preparation, and again by whoever comes after one that was killed. The
    study's lock is held. In a study that is not trusted only the run `own` is put in place: names
    in others may lead anywhere.
    """
    for stage in sorted(calc_path.glob(f"{_STAGE}*")):
        run = RunDir(database.hidden / stage.name[-_ID:])
        if not database.trusted and run.run_id != own:
            continue
        if run.path.is_dir():
            _put_in_place(run, stage, calc_path)
        elif stage.name.startswith(_stages(database)):
            shutil.rmtree(stage, ignore_errors=True)


def _stages(database: Database) -> str:
    """How names of stages begin that belong to a table: calc_path may be that of several."""
    return f"{_STAGE}{sha1(os.fsencode(database.path)).hexdigest()[:8]}-"


def finish_cut_off(database: Database, calc_path: Path) -> None:
    """Do what a preparation that was killed has left to do, if one was; see :func:`finish`."""
    if any(calc_path.glob(f"{_STAGE}*")):
        with database.locked():
            finish(database, calc_path)


def _put_in_place(run: RunDir, stage: Path, calc_path: Path) -> None:
    for folder in stage.iterdir():
        os.rename(folder, calc_path / folder.name)
    n, *seqs = (run.info[name] for name in ("n", "run_seq", "pset_seq"))
    ids = run.psets.ids(0, n)
    for machine, info in run.info["machines"].items():
        add_run(calc_path, machine, info["subcmd"], ids, *seqs)
    stage.rmdir()


def simulate_directories(
    batch: Batch, psets: Sequence[Mapping[str, Any]], rows: "pd.DataFrame", folder: Path
) -> None:
    """Make what a preparation would, for simulated rows, in the directory of a dry run."""
    ids = rows["_pset_id"].tolist()
    try:
        for number, pset in enumerate(psets):
            fields = {name: rows[name].iloc[number] for name in FIELDS if name in rows}
            batch.write(str(folder / ids[number]), {**pset, **fields})
        if batch.shipment is not None and ids:
            batch.shipment.write(folder, str(rows["_run_id"].iloc[0]))
    except BaseException:
        for pset_id in ids:
            shutil.rmtree(folder / pset_id, ignore_errors=True)
        raise
    if ids:
        seqs = int(rows["_run_seq"].iloc[0]), int(rows["_pset_seq"].iloc[0])
        for machine in batch.machines:
            add_run(folder, machine.name, machine.info["subcmd"], ids, *seqs)
