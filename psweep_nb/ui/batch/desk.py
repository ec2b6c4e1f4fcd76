"""What the batch widget holds: what is chosen, what that comes to, and what the buttons do.

Plain Python; `shown` says what the page shows of it, the widget carries out what `job()` gives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psweep_nb.batch.command import Command
from psweep_nb.batch.preview import Preview, Writing
from psweep_nb.batch.starters import new_templates
from psweep_nb.batch.templates import check_mode
from psweep_nb.errors import OptionError, PsweepError
from psweep_nb.literals import text_literal
from psweep_nb.psets import Pset
from psweep_nb.ui.batch import sources
from psweep_nb.ui.batch.code import Call, script
from psweep_nb.ui.session import DEFAULT_DIR, Session, open_study

if TYPE_CHECKING:
    from psweep_nb.runs import Run
    from psweep_nb.study import Study

SKIP = "done+failed"
EVERY_S = 5  # a person asks for it, who is not as quick as a loop
MOST_JUDGED = 20_000  # psets of which is told what is done already
STARTERS = {"local": "for this machine", "slurm": "for a cluster with Slurm"}


@dataclass(frozen=True)
class Choices:
    """What is chosen on the page: names of the notebook, directories, what is looked at."""

    psets: str = ""  # empty: what was given
    calc: str = ""
    machines: str = ""
    command: str = ""  # empty: what was given
    mode: str = "dollar"
    write: str = "new"  # or "all"
    machine: str = ""
    file: str = ""
    number: int = 0

    def changed(self, changes: Mapping[str, Any]) -> Choices:
        """With what a page has sent.

        Raises
        ------
        OptionError
            If that is no choice.
        """
        known = {name: type(value) for name, value in vars(self).items()}
        for name, value in changes.items():
            if known.get(name) is not type(value):
                raise OptionError(f"there is no choice {name} = {value!r:.60}")
        check_mode(changes.get("mode", self.mode))
        return replace(self, **changes)


@dataclass(frozen=True)
class Done:
    """What a button came to: a sentence, and the run to show."""

    text: str
    run: Run | None = None


@dataclass
class Seen:
    """What was found when it was last looked."""

    psets: list[Pset] = field(default_factory=list)
    preview: Preview | None = None
    writing: Writing = field(default_factory=Writing)
    problems: list[str] = field(default_factory=list)
    run: Run | None = None
    is_judged: bool = True


class Desk:
    """Psets, templates and machines, chosen; and what is done with them.

    Parameters
    ----------
    session : Session
        Of the notebook.
    params : object, optional
        Whatever has psets; by default the notebook's, if only one name holds some.
    call : Call
        Directories, command and language to begin with.
    study : Study, optional
        By default the one the notebook uses.

    Raises
    ------
    ParamsError
        If `params` has no psets.
    """

    def __init__(
        self, session: Session, params: Any, call: Call, study: Study | None = None
    ) -> None:
        check_mode(call.mode)
        self.session, self._study = session, study
        self.command = call.command
        psets = None if params is None else sources.psets_of(params)
        # An iterator gives its psets once; of all else they are asked for each time.
        self.given = psets if isinstance(params, Iterator) else params
        names = session.names
        found = sources.names_with_psets(names) if params is None else []
        self.choices = Choices(
            psets=sources.name_of(params, names) or (found[0] if len(found) == 1 else ""),
            calc=call.calc,
            machines=call.machines,
            command=sources.name_of(call.command, names),
            mode=call.mode,
            write="all" if call.skip is None else "new",
        )
        self._looked: Study | None = None
        self.seen = Seen()
        self.look()

    # -- looking -----------------------------------------------------------------------------

    def choose(self, changes: Mapping[str, Any]) -> None:
        """Choose, and look."""
        self.choices = self.choices.changed(changes)
        self.look()

    def look(self) -> None:
        """See what psets, templates and runs are now."""
        seen = self.seen = Seen()
        try:
            seen.run = self._newest_batch()
            given = self._value()
            seen.psets = [] if given is None else sources.psets_of(given)
            call = self.call()
            seen.preview = Preview(
                seen.psets, call.calc, call.machines, call.command, self.choices.mode
            )
            seen.is_judged = len(seen.psets) <= MOST_JUDGED
            if seen.is_judged and self.without_templates() is None:
                study = self.study()
                seen.writing = seen.preview.writing(study.database, study.calc_path, call.skip)
            seen.problems = seen.preview.problems
        except (PsweepError, OSError) as exc:
            seen.problems = [*seen.problems, str(exc)]
        if self.without_templates() is None and self.choices.file not in self.files():
            self.choices = replace(self.choices, file=self._first_file())
        last = max(0, len(seen.psets) - 1)
        self.choices = replace(self.choices, number=min(max(0, self.choices.number), last))
        machines = self.machines()
        if self.choices.machine not in machines:
            self.choices = replace(self.choices, machine=machines[0] if machines else "")

    def study(self) -> Study:
        """The study that is looked at: that does not make it the one the notebook uses."""
        found = self._study or self.session.last
        if found is None:
            found = self._looked = self._looked or open_study(Path(DEFAULT_DIR))
        return found

    def call(self) -> Call:
        """What is chosen, as `Study.prep_batch` takes it."""
        chosen = self.choices
        command: Any = self.command
        if chosen.command:
            command = self.session.names.get(chosen.command)
            if not isinstance(command, Command):
                raise OptionError(f"the notebook has no command {chosen.command!r} any more")
        skip = SKIP if chosen.write == "new" else None
        return Call(chosen.calc, chosen.machines, command, chosen.command, chosen.mode, skip)

    def _value(self) -> Any:
        name = self.choices.psets
        if not name:
            return self.given
        if name not in self.session.names:
            raise OptionError(f"the notebook has no {name!r} any more")
        return self.session.names[name]

    def _newest_batch(self) -> Run | None:
        runs = [run for run in self.study().runs if run.folder.is_batch]
        if runs:
            runs[-1].view.poll()
        return runs[-1] if runs else None

    def machines(self) -> list[str]:
        """Where jobs can be submitted: what the newest run was prepared for."""
        if self.seen.run is not None:
            return list(self.seen.run.info["machines"])
        return [] if self.seen.preview is None else self.seen.preview.machines

    def files(self) -> list[str]:
        """Names of what each pset's directory gets."""
        sheets = self.seen.preview.sheets if self.seen.preview else []
        return [sheet.name for sheet in sheets]

    def _first_file(self) -> str:
        """A file with placeholders, for they are what is of interest."""
        sheets = self.seen.preview.sheets if self.seen.preview else []
        used = (sheet.name for sheet in sheets if sheet.wants and not sheet.problem)
        return next(used, sheets[0].name if sheets else "")

    def without_templates(self) -> str | None:
        """The directory in which there are no templates yet, where `new_templates` would help."""
        calc, machines = Path(self.choices.calc), Path(self.choices.machines)
        if calc.parent != machines.parent or (calc.name, machines.name) != ("calc", "machines"):
            return None
        return None if calc.exists() or machines.exists() else str(calc.parent)

    @property
    def can_write(self) -> bool:
        """Whether there is something to write, and nothing against it."""
        seen = self.seen
        some = bool(seen.writing.todo) or (bool(seen.psets) and not seen.is_judged)
        return some and not seen.problems and self.without_templates() is None

    @property
    def next(self) -> str:
        """The button that is probably pressed next."""
        state = "" if self.seen.run is None else self.seen.run.view.state()[0]
        if self.can_write and not self.seen.writing.prepared:
            return "write"
        return {"prepared": "submit", "submitted": "sync"}.get(state, "write")

    def code(self) -> str:
        """The lines that do all of it."""
        try:
            call = self.call()
        except OptionError:
            return ""
        chosen = self.choices
        return script(self.study(), self.seen.psets, chosen.psets, call, chosen.machine)

    # -- doing -------------------------------------------------------------------------------

    def job(self, kind: str, about: str = "") -> Callable[[], Done]:
        """What a button does, of what is chosen now; to be called in a thread.

        Parameters
        ----------
        kind : {"write", "submit", "retry", "sync", "start"}
        about : str
            Which templates to begin with.

        Raises
        ------
        OptionError
            If that makes no sense now.
        """
        if kind == "write":
            return self._write_job()
        if kind in ("submit", "retry"):
            return self._submit_job(retry=kind == "retry")
        if kind == "sync":
            return self._sync_job()
        folder = self.without_templates()
        if kind != "start" or about not in STARTERS or folder is None:
            raise OptionError(f"there is no {kind} {about}")
        return lambda: _start(about, folder)

    def _write_job(self) -> Callable[[], Done]:
        self.look()
        if not self.can_write:
            raise OptionError("there is nothing that could be written")
        psets, call = self.seen.psets, self.call()
        study = self._study or self.session.study(None, create=True, quiet=True)
        line = call.line(self.choices.psets or "params")

        def write() -> Done:
            notes: list[str] = []
            run = study.prep_batch(psets, **call.options, notes=notes.append)
            code = " ".join(line.split())
            return Done("; ".join([repr(run), *notes, f"in a cell: {code}"]), run)

        return write

    def _sync_job(self) -> Callable[[], Done]:
        run, study = self.seen.run, self.study()

        def sync() -> Done:
            found = repr(study.sync(every=EVERY_S))
            return Done(f"study.sync(every={EVERY_S}): {'; '.join(found.splitlines())}", run)

        return sync

    def _submit_job(self, retry: bool) -> Callable[[], Done]:
        run, machine, study = self.seen.run, self.choices.machine, self.study()
        if run is None:
            raise OptionError("there is nothing to submit yet: Write comes first")

        def submit() -> Done:
            notes: list[str] = []
            study.submit_batch(machine, run.run_seq, retry=retry, notes=notes.append)
            more = ", retry=True" if retry else ""
            code = f"study.submit_batch({text_literal(machine)}, {run.run_seq}{more})"
            return Done("; ".join([*notes, f"in a cell: {code}"]), run)

        return submit

    def bind(self, run: Run) -> None:
        """Have the notebook's `run` and `study` be these."""
        self.session.bind(run)


def starter_code(kind: str, folder: str) -> str:
    """The call that writes templates to begin with."""
    where = "" if folder == "templates" else f", {text_literal(folder)}"
    return f"ps.new_templates({text_literal(kind)}{where})"


def _start(kind: str, folder: str) -> Done:
    written = new_templates(kind, folder)
    names = ", ".join(str(path) for path in written)
    return Done(f"{starter_code(kind, folder)}: wrote {names}")
