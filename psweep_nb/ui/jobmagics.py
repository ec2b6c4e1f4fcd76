"""``%psweep submit`` and ``%psweep sync``: the jobs of batch runs. `PsweepMagics` inherits them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from psweep_nb.ui import arguments, show

if TYPE_CHECKING:
    from psweep_nb.runs import Run
    from psweep_nb.study import Study
    from psweep_nb.ui.arguments import Words
    from psweep_nb.ui.session import Session


class JobMagics:
    """What the magics do with jobs."""

    session: Session

    if TYPE_CHECKING:

        def _study(self, words: Words) -> Study: ...
        def _one_run(self, words: Words) -> Run: ...
        def _present(self, run: Run, name: str | None) -> None: ...

    def _submit(self, words: Words) -> None:
        machine: Any = words.options.get("--machine")
        if machine is not None:
            machine = str(arguments.text_value(machine, self.session.names, "--machine"))
        run = self._study(words).submit_batch(
            machine,
            self._number(words),
            retry="--retry" in words.options,
            force="--force" in words.options,
            notes=print,
        )
        self._present(run, words.options.get("--out"))

    def _sync(self, words: Words) -> None:
        study, number = self._study(words), self._number(words)
        print(study.sync(number, every=0) if "--now" in words.options else study.sync(number))
        for run in study.runs:
            if run.folder.is_batch and number in (None, run.run_seq):
                show.wake(run)

    def _number(self, words: Words) -> int | None:
        """The run that the words name; None if they name none."""
        return self._one_run(words).run_seq if words.plain else None
