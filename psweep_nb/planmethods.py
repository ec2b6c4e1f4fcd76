"""What a study does before a run: plan it, simulate it, copy and commit what is there.

`Study` inherits it; what it means is in `planning`, `judging`, `simulating`, `backup` and
`gitrepo`.
"""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psweep_nb import frames, simulating
from psweep_nb.backup import back_up
from psweep_nb.database import Database
from psweep_nb.functions import name_of
from psweep_nb.gitrepo import Commits
from psweep_nb.judging import Judgement, judge
from psweep_nb.launching import Notes, tell
from psweep_nb.planning import Plan
from psweep_nb.running import Options
from psweep_nb.submission import Submission, prepare

if TYPE_CHECKING:
    import pandas as pd

    from psweep_nb.rundir import RunDir
    from psweep_nb.runs import Run


class PlanMethods:
    """The part of a `Study` that is about runs to come."""

    calc_dir: str
    calc_path: Path
    database: Database

    if TYPE_CHECKING:

        def _run(self, run: RunDir) -> Run: ...

    def plan(
        self,
        func: Callable[..., Any],
        params: Any,
        *,
        skip: str | None = "done+failed",
        stale: bool = False,
        workers: int = 1,
        setup: Callable[[], Any] | None = None,
    ) -> Plan:
        """Return what a run would do now, pset by pset, and how long it would take.

        Nothing is written. Parameters as in :meth:`submit`.

        Raises
        ------
        ParamsError, FunctionError, OptionError
            As :meth:`submit` would.

        Examples
        --------
        >>> from psweep_nb import Study
        >>> study = Study()
        >>> df = study.run(lambda a: 2 * a, [{"a": 0.3}])
        >>> plan = study.plan(lambda a: 2 * a, [{"a": 0.3}, {"a": 0.1 + 0.2}])
        >>> plan.new, plan.done
        (1, 1)
        >>> print(plan.near[0])
        pset 1 and one with a row: a=0.30000000000000004, there 0.3
        """
        options = Options("inline", workers, skip=skip, stale=stale, setup=setup)
        with warnings.catch_warnings(action="ignore"):  # given when the psets are submitted
            submission = prepare(func, params, options)
        return Plan(self.database, submission, self._judge(submission), self._run)

    def _judge(self, submission: Submission) -> Judgement:
        options, code = submission.options, submission.code.sha1
        return judge(
            self.database,
            submission.params,
            submission.digests,
            code,
            options.skip,
            options.stale,
        )

    def simulate(
        self,
        func: Callable[..., Any],
        params: Any,
        *,
        skip: str | None = None,
        stale: bool = False,
        setup: Callable[[], Any] | None = None,
        df: "pd.DataFrame | None" = None,
        save: bool = True,
    ) -> "pd.DataFrame":
        """Return the table with the rows that a run would bring, without results.

        Nothing is called, and the study itself stays as it is.

        Parameters
        ----------
        func, params, skip, stale, setup
            As in :meth:`submit`.
        df : DataFrame, optional
            Used with the table, as in :meth:`run`.
        save : bool
            Whether to make it the table of ``<calc_dir>.simulate/``.

        Raises
        ------
        ParamsError, FunctionError, OptionError
            As :meth:`submit` would.
        """
        options = Options("inline", skip=skip, stale=stale, setup=setup)
        submission = prepare(func, params, options)
        numbers = self._judge(submission).todo
        table = self.database.frame()
        table = table if df is None else frames.joined(df, table)
        calc_dir = simulating.folder_of(self.calc_dir)
        table = simulating.simulated(self.database, table, submission, numbers, calc_dir)
        if save:
            folder = Path(simulating.folder_of(self.calc_path))
            simulating.save(table, folder, self.database.path.name)
        return table

    def backup(self) -> Path | None:
        """Copy the whole study to ``<calc_dir>.bak_<time>_run_id_<id>``; return where that is.

        The id is that of the newest run, the time is UTC. A study that does not exist yet has no
        backup: then None.

        Raises
        ------
        StudyError
            If a run is at work on the study, or a file cannot be copied; then there is no backup.
        """
        return back_up(self.calc_path, self.database)

    def _keep(
        self, func: Callable[..., Any], backup: bool, git: bool, notes: Notes | None
    ) -> Commits | None:
        """Copy and commit the study as it is before a run."""
        commits = Commits(self.database, self.calc_path) if git else None
        if backup:
            self.backup()
        if commits is not None:
            tell(commits.make(f"psweep_nb: {self.calc_dir} before a run of {name_of(func)}"), notes)
        return commits
