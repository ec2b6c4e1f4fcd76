"""What a study does where jobs execute its psets: prepare them. `Study` inherits it."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psweep_nb import simulating
from psweep_nb.batch.command import Command
from psweep_nb.batch.preparing import Batch, Jobs, publish_batch, simulate_directories
from psweep_nb.database import Database
from psweep_nb.errors import OptionError, StudyError
from psweep_nb.gitrepo import Commits
from psweep_nb.launching import Notes, tell
from psweep_nb.planning import Plan

if TYPE_CHECKING:
    import pandas as pd

    from psweep_nb.judging import Judgement
    from psweep_nb.rundir import RunDir
    from psweep_nb.runs import Run
    from psweep_nb.submission import Submission

CALC_TEMPLATES, MACHINE_TEMPLATES = "templates/calc", "templates/machines"

PathLike = str | os.PathLike[str]


class BatchMethods:
    """The part of a `Study` that is about batch runs."""

    calc_dir: str
    calc_path: Path
    database: Database

    if TYPE_CHECKING:
        backup: Callable[[], Path | None]
        _make: Callable[[], None]
        _vanished: Callable[[], list[str]]

        def _judge(self, submission: Submission) -> Judgement: ...
        def _run(self, run: RunDir) -> Run: ...

    def prep_batch(
        self,
        params: Any,
        calc_templ_dir: PathLike = CALC_TEMPLATES,
        machine_templ_dir: PathLike = MACHINE_TEMPLATES,
        *,
        command: Command | Callable[..., Any] | None = None,
        git: bool = False,
        backup: bool = False,
        write_pset: bool = False,
        template_mode: str = "dollar",
        skip: str | None = None,
        label: str = "",
        notes: Notes | None = None,
    ) -> "Run":
        """Make psets ready for jobs: for each a directory with filled templates, and a row.

        In ``<calc_dir>/<pset_id>/`` is what `calc_templ_dir` has, ``jobscript_<machine>`` for each
        machine, and ``pset.json``. ``<calc_dir>/run_<machine>.sh`` submits the jobs, a line each;
        lines of earlier runs stay in it as comments.

        Parameters
        ----------
        params : iterable of dict
            The psets.
        calc_templ_dir : path
            The templates: files, in directories or not, in which ``$name`` stands for a parameter
            or for one of psweep_nb's own fields, such as ``$_pset_id``.
        machine_templ_dir : path
            A directory for each machine, with a template ``jobscript`` and ``info.yaml``, which
            says by what command (`subcmd`) it is submitted.
        command : Command or function, optional
            What ``$_cmd`` in a job script stands for. A command has the templates, instead of
            `calc_templ_dir`. A function, as `submit` takes it, has none; its pickle goes with the
            jobs, which must run the same version of Python.
        git : bool
            Only where everything in the git repository is committed, but for the study; commit
            that before and after.
        backup : bool
            First copy the study, see :meth:`backup`.
        write_pset : bool
            Write the pset to ``pset.pk``, too; with a function that is always so.
        template_mode : "dollar" or "jinja"
            The language of the templates; with `command`, of the job scripts.
        skip : None, "done" or "done+failed"
            Pass over psets that are done, or have failed, in rows from before.
        label : str
            A name for the run.
        notes : callable, optional
            Gets what the user should know, a sentence a call; warnings are given by default.

        Returns
        -------
        Run
            Its rows are there; they are neither done nor failed until jobs were collected. If every
            pset was passed over, the newest run that holds any of them.

        Raises
        ------
        ParamsError, TemplateError, OptionError, StudyError, FunctionError
            Naming file, line and placeholder, or what of the function is in the way; nothing was
            written.
        """
        batch = batch_of(calc_templ_dir, machine_templ_dir, command, template_mode, write_pset)
        submission = batch.prepare(params, skip, label)
        found = self._prep(batch, submission, git, backup, notes)
        if isinstance(found, Plan):
            if found.latest is None:
                raise StudyError(f"there is nothing to prepare: {found.text}")
            tell([f"nothing is new: {found.text}"], notes)
            return found.latest
        return found

    def _prep(
        self, batch: Batch, submission: "Submission", git: bool, backup: bool, notes: Notes | None
    ) -> "Run | Plan":
        """Prepare what was checked; the plan where nothing was to be prepared."""
        if not submission.params:
            raise StudyError("there is nothing to prepare: params is empty")
        commits = self._commits() if git else None
        if backup:
            self.backup()
        if commits is not None:
            tell(commits.make(f"psweep_nb: {self.calc_dir} before prep_batch"), notes)
        tell(submission.notes + self._vanished(), notes)
        found = self._publish_batch(batch, submission)
        if commits is not None and not isinstance(found, Plan):
            tell(commits.make(f"psweep: run_id={found.run_id}"), notes)
        return found

    def _commits(self) -> Commits:
        commits = Commits(self.database, self.calc_path)
        commits.check_rest()
        return commits

    def _publish_batch(self, batch: Batch, submission: "Submission") -> "Run | Plan":
        self._make()
        with self.database.locked():
            judgement = self._judge(submission)
            if not judgement.todo:
                return Plan(self.database, submission, judgement, self._run)
            calc = self.calc_dir, self.calc_path
            return self._run(publish_batch(self.database, batch, submission, judgement.todo, *calc))

    def simulate_batch(
        self,
        params: Any,
        calc_templ_dir: PathLike = CALC_TEMPLATES,
        machine_templ_dir: PathLike = MACHINE_TEMPLATES,
        *,
        command: Command | Callable[..., Any] | None = None,
        write_pset: bool = False,
        template_mode: str = "dollar",
        skip: str | None = None,
    ) -> "pd.DataFrame":
        """Do as :meth:`prep_batch`, but in ``<calc_dir>.simulate/``; the study stays as it is.

        Parameters as there.

        Returns
        -------
        DataFrame
            The table with the rows that preparation would bring.

        Raises
        ------
        ParamsError, TemplateError, OptionError
            As :meth:`prep_batch` would.
        """
        batch = batch_of(calc_templ_dir, machine_templ_dir, command, template_mode, write_pset)
        return self._simulate(batch, batch.prepare(params, skip, ""))

    def _simulate(self, batch: Batch, submission: "Submission") -> "pd.DataFrame":
        numbers = self._judge(submission).todo
        calc_dir = simulating.folder_of(self.calc_dir)
        table, before = self.database.frame(), len(self.database.frame())
        table = simulating.simulated(self.database, table, submission, numbers, calc_dir)
        folder = Path(simulating.folder_of(self.calc_path))
        simulating.save(table, folder, self.database.path.name)
        psets = [submission.params[number] for number in numbers]
        simulate_directories(batch, psets, table.iloc[before:], folder)
        return table


def batch_of(
    calc_templ_dir: PathLike,
    machine_templ_dir: PathLike,
    command: Command | Callable[..., Any] | None,
    template_mode: str,
    write_pset: bool,
) -> Batch:
    """Read templates and machines; see `BatchMethods.prep_batch`."""
    if command is not None and not callable(command):
        raise OptionError(f"command is {command!r}; it should be a Command or a function")
    if command is not None and os.fspath(calc_templ_dir) != CALC_TEMPLATES:
        if not isinstance(command, Command):
            raise OptionError("a function has no templates: leave calc_templ_dir out")
        raise OptionError(
            f"the templates are those of the command, or those in {os.fspath(calc_templ_dir)!r}: "
            "give Command(..., templates=...), and leave calc_templ_dir out"
        )
    work = Jobs(calc_templ_dir, template_mode) if command is None else command
    return Batch(work, machine_templ_dir, template_mode, write_pset)
