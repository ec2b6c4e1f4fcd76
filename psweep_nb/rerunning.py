"""A run once more: the very psets, as a new run. `Study.rerun` is this."""

from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any

from psweep_nb import again
from psweep_nb.errors import StudyError
from psweep_nb.runs import Run
from psweep_nb.stored import Notes, Stored
from psweep_nb.submission import Submission, prepare


def repeated(
    run: Run,
    func: Callable[..., Any] | None,
    recorded: bool,
    workers: int | None,
    label: str,
    notes: Notes | None,
    executor: Executor | None,
) -> Submission:
    """Return the submission that repeats a run; see `Study.rerun`."""
    if run.folder.is_batch:
        raise StudyError(
            f"run {run.run_seq} is a batch run: prepare its psets again, with "
            f"prep_batch(study.run_of({run.run_seq}))"
        )
    stored = Stored(run.folder.sessions()[-1], run.study.trusted)
    chosen = stored.chosen(func, recorded, notes)
    options = again.options_of(run.spec, workers, stored.setup(recorded), label, executor)
    submission = prepare(chosen, run.params(), options)
    submission.known = run.spec if func is None and recorded else None
    submission.rerun_of = run.run_id
    return submission
