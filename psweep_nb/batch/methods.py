"""What a study does where jobs execute its psets: prepare them. `Study` inherits it."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psweep_nb.batch.preparing import Batch, prepare_batch, publish_batch
from psweep_nb.database import Database
from psweep_nb.errors import StudyError

if TYPE_CHECKING:
    from psweep_nb.judging import Judgement
    from psweep_nb.rundir import RunDir
    from psweep_nb.runs import Run
    from psweep_nb.submission import Submission


class BatchMethods:
    """The part of a `Study` that is about batch runs."""

    calc_dir: str
    calc_path: Path
    database: Database

    if TYPE_CHECKING:

        def _make(self) -> None: ...
        def _judge(self, submission: Submission) -> Judgement: ...
        def _run(self, run: RunDir) -> Run: ...

    def prep_batch(
        self,
        params: Any,
        calc_templ_dir: str | os.PathLike[str] = "templates/calc",
        machine_templ_dir: str | os.PathLike[str] = "templates/machines",
        *,
        write_pset: bool = False,
        template_mode: str = "dollar",
        label: str = "",
    ) -> "Run":
        """Write a directory for each pset, rows, and for each machine a script that submits.

        Parameters
        ----------
        params : iterable of dict
            The psets.
        calc_templ_dir : path
            Files, in directories or not, that each pset's directory gets, filled.
        machine_templ_dir : path
            A directory for each machine, with ``jobscript`` (a template) and ``info.yaml``.
        write_pset : bool
            Write the pset to ``pset.pk``, too.
        template_mode : "dollar" or "jinja"
            The language of the templates.
        label : str
            A name for the run.

        Returns
        -------
        Run
            Its rows exist from now on; they are neither done nor failed.

        Raises
        ------
        ParamsError, TemplateError, OptionError
            Naming what is wrong; nothing was written.
        """
        batch = Batch.read(calc_templ_dir, machine_templ_dir, template_mode, write_pset)
        submission = prepare_batch(batch, params, None, label)
        if not submission.params:
            raise StudyError("there is nothing to prepare: params is empty")
        self._make()
        with self.database.locked():
            todo = range(len(submission.params))
            run = publish_batch(
                self.database, batch, submission, todo, self.calc_dir, self.calc_path
            )
        return self._run(run)
