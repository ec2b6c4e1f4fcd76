"""``%psweep`` and ``%%psweep``: what each subcommand does.

Each is a few lines over :class:`~psweep_nb.study.Study` and :class:`~psweep_nb.study.Run`; what
a person may type is in ``commands``, how it is read in ``arguments``.
"""

from __future__ import annotations

import keyword
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand

from psweep_nb.errors import PsweepError
from psweep_nb.functions import name_of
from psweep_nb.running import workers_of
from psweep_nb.ui import arguments, cells, commands, header, paramcells, show, text, texts
from psweep_nb.ui.arguments import Words
from psweep_nb.ui.jobmagics import JobMagics
from psweep_nb.ui.session import Session
from psweep_nb.ui.slot import display
from psweep_nb.wording import printable

if TYPE_CHECKING:
    from psweep_nb.planning import Plan
    from psweep_nb.runs import Run
    from psweep_nb.study import Study

SKIP = "done+failed"  # so that Run All computes nothing twice
_OF_THE_NOTEBOOK = ("--dir", "--out", "--wait", "--stale")  # what a run that goes on is not told


@magics_class
class PsweepMagics(JobMagics, Magics):
    """The magics of one notebook; its state is in :class:`Session`."""

    def __init__(self, shell: Any, session: Session | None = None) -> None:
        super().__init__(shell)
        self._ip = shell
        self.session = session or Session(shell.user_ns)

    @no_var_expand
    @line_cell_magic
    def psweep(self, line: str, cell: str | None = None) -> None:
        """Parameter studies: ``%psweep -h`` lists the subcommands."""
        name, _, rest = line.strip().partition(" ")
        if name in ("", "-h", "--help", "help"):
            print(commands.help_of_all())
            return
        if any(word in ("-h", "--help") for word in arguments.split(rest)):
            print(commands.help_of(commands.find(name, cell is not None, for_help=True)))
            return
        command = commands.find(name, cell is not None)
        words = arguments.parse(command, rest)
        with _plain_errors():
            if cell is not None:
                getattr(self, f"_{name}_cell")(words, cell)
            else:
                getattr(self, f"_{name}")(words)

    # -- run ---------------------------------------------------------------------------------

    def _run(self, words: Words) -> None:
        self._start(words, *self._asked(words, commands.RUN.usage))

    def _plan(self, words: Words) -> None:
        function, params = self._asked(words, commands.PLAN.usage)
        study = self.session.study(words.options.get("--dir"), create=True, quiet=True)
        with _said_plainly():
            print(self._plan_of(study, words, function, params))

    def _asked(self, words: Words, usage: str) -> tuple[Any, Any]:
        """The function and the psets."""
        if not words.plain:
            raise UsageError(f"which function? {usage}")
        word = words.plain.pop(0)
        if arguments.axis_of(word):
            raise UsageError(f"the function comes first: {usage}")
        function = arguments.evaluate(word, self.session.names, "FUNC")
        if not callable(function):
            raise UsageError(
                f"FUNC: {word} is a {type(function).__name__}, not a function: {usage}"
            )
        return function, self._params(words.plain, usage)

    def _run_cell(self, words: Words, cell: str) -> None:
        params = self._params(words.plain, commands.CELL_RUN.usage)
        results = words.options.pop("--results", None)
        names = self.session.names
        function = cells.build(
            cell,
            params,
            names,
            cells.result_names(results) if results is not None else None,
            setup="--setup" in words.options,
        )
        # Where `%psweep retry` looks for the workload as it is now.
        names[function.__name__] = function
        self._ip.user_ns_hidden[function.__name__] = function
        self._start(words, function, params)

    def _params_cell(self, words: Words, cell: str) -> None:
        usage = commands.find("params", cell=True).usage
        name = " ".join(words.plain)
        if not name.isidentifier() or keyword.iskeyword(name):
            raise UsageError(f"one name expected, found {name or 'none'}: {usage}")
        found = paramcells.build(cell, self.session.names)
        self.session.names[name] = found.params
        print(f"{name}: {texts.psets(len(found.params))}: {found.text}")

    def _params(self, plain: list[str], usage: str) -> Any:
        """The psets: one expression, or axes given in place."""
        from psweep_nb.params import check_params, grid

        axes = [arguments.axis_of(word) for word in plain]
        names = self.session.names
        if not plain:
            raise UsageError(f"which parameters? {usage}")
        for name, value in filter(None, axes):
            if not value:
                raise UsageError(f"the axis {name} has no values: {name}=[1, 2], without spaces")
            if value.endswith(","):
                raise UsageError(f"no commas between axes: the one after {name}={value[:60]}")
        if all(axes):
            found: dict[str, Any] = {}
            for name, value in filter(None, axes):
                if name in found:
                    raise UsageError(f"the axis {name} is given twice")
                found[name] = arguments.evaluate(value, names, name)
            return grid(**found)
        if any(axes):
            raise UsageError(f"either PARAMS or axes, not both: {usage}")
        if len(plain) > 1:
            if "=" in plain:
                raise UsageError("an axis has no spaces around its =: a=[1, 2]")
            raise UsageError(
                f"one expression expected for PARAMS, found {len(plain)}: {' '.join(plain)[:60]}"
                " (one with spaces needs brackets around it)"
            )
        value = arguments.evaluate(plain[0], names, "PARAMS")
        params = check_params(value)
        if not params:
            raise UsageError(f"PARAMS: {plain[0]} is empty, so there is nothing to run")
        return params

    def _start(self, words: Words, function: Any, params: Any) -> None:
        names, options = self.session.names, words.options
        workers = arguments.number(words, "--workers", names, whole=True)
        timeout = arguments.number(words, "--timeout", names)
        if words.flag("--in-kernel") and workers not in (None, 1):
            raise UsageError(
                f"the kernel's own thread runs one pset at a time, not {workers}: "
                "leave out --in-kernel, or -w"
            )
        label = options.get("--label", "")
        label = str(arguments.text_value(label, names, "--label"))
        study = self.session.study(options.get("--dir"), create=True, quiet=True)
        if words.flag("--simulate"):
            self._simulate(study, words, function, params)
            return
        with _said_plainly():
            run = self._instead(study, words, function, params)
            new = run is None
            if new:
                run = study.submit(
                    function,
                    params,
                    workers=workers,
                    **_skipping(words),
                    on_error=options.get("--on-error", "record"),
                    timeout=timeout,
                    label=label,
                    in_kernel=words.flag("--in-kernel"),
                    backup=words.flag("--backup"),
                    git=words.flag("--git"),
                    **_running(words, names),
                    notes=print,
                )
                print(repr(run))
        if run is not None and run is not _NOTHING:
            self._present(run, options.get("--out"), new=new)
            if _waits(words):
                self._wait_for(run, None)

    def _simulate(self, study: Study, words: Words, function: Any, params: Any) -> None:
        from psweep_nb.simulating import folder_of

        setup = _running(words, self.session.names).get("setup")
        with _said_plainly():
            plan = self._plan_of(study, words, function, params)
            df = study.simulate(function, params, **_skipping(words), setup=setup)
        if plan.new != len(params):
            print(plan.text)
        where = f"Study({folder_of(study.calc_dir)!r}).df"
        rows = f"{texts.count(len(df))} rows, {texts.count(len(plan.todo))} new"
        print(f"nothing was run: {where} has {rows}")

    def _plan_of(self, study: Study, words: Words, function: Any, params: Any) -> Plan:
        names = self.session.names
        options = _running(words, names)
        workers = arguments.number(words, "--workers", names, whole=True)
        return study.plan(
            function,
            params,
            **_skipping(words),
            workers=workers_of(workers, options.get("slots")),
            setup=options.get("setup"),
        )

    def _instead(self, study: Study, words: Words, function: Any, params: Any) -> Any:
        """The run to show in place of a new one; None when there is something to compute."""
        if words.flag("--again"):
            return None
        plan = self._plan_of(study, words, function, params)
        same = plan.running_same
        if same is not None:
            print(f"{same!r}: at work on these psets already, attached")
            if same.spec.function != name_of(function):
                print(f"it does them with `{same.spec.function}`: --again starts a run of its own")
            if unheeded := [name for name in words.options if name not in _OF_THE_NOTEBOOK]:
                print(f"it keeps its own options: {', '.join(unheeded)} not heeded")
            return same
        if plan.new != len(params):
            print(plan.text)
        for remark in plan.remarks:
            print(remark)
        if plan.todo:
            return None
        return plan.latest or _NOTHING

    def _present(self, run: Run, name: str | None, *, new: bool = False) -> None:
        self.session.bind(run, name)
        show.show_run(self._ip, run, new=new)

    # -- looking -----------------------------------------------------------------------------

    def _status(self, words: Words) -> None:
        run = self._one_run(words)
        print("\n".join(text.status_lines(run)))

    def _runs(self, words: Words) -> None:
        self._nothing_left(words.plain, "runs")
        if "--all" in words.options:
            given = arguments.text_value(words.options["--all"], self.session.names, "-a")
            show.show_studies(self._ip, Path(given).expanduser())
            return
        show.show_runs(self._ip, self._study(words))

    def _attach(self, words: Words) -> None:
        run = self._one_run(words, quiet=True)
        print(repr(run))
        self._present(run, words.options.get("--out"))

    def _explore(self, words: Words) -> None:
        from psweep_nb.ui.explorer import explore

        self._nothing_left(words.plain[1:], words.plain[0] if words.plain else "")
        if words.plain:
            explorer = explore(arguments.evaluate(words.plain[0], self.session.names, "TABLE"))
            explorer.source = words.plain[0]
        else:
            explorer = explore(self._study(words, quiet=True))
        display(explorer)

    def _use(self, words: Words) -> None:
        if len(words.plain) != 1:
            raise UsageError("one directory expected: %psweep use calc")
        study = self.session.study(words.plain[0], create=True)
        self.session.bind_study(study)
        runs = len(study.runs)
        where = header.directory(study.path)
        print(f"study {where}: {runs} run{'' if runs == 1 else 's'}")

    def _watch_cell(self, words: Words, cell: str) -> None:
        from psweep_nb.ui import watch

        every = arguments.number(words, "--every", self.session.names)
        run = self._one_run(words, quiet=True)
        self._note_watched(run, cell)
        if not show.has_page(self._ip):
            watch.follow_here(self._ip, run, cell, every)
            return
        if _waits(words):
            run.wait()
        watch.start(self._ip, run, cell, every)

    def _note_watched(self, run: Run, cell: str) -> None:
        """Keep the cell with its run, for an export; a full disk is no reason not to watch."""
        from psweep_nb.script.watched import note
        from psweep_nb.ui import begun

        with suppress(OSError):
            key = begun.cell_id(self._ip) or cell
            note(run.folder, key, self._ip.transform_cell(cell), self.session.names)

    def _export(self, words: Words) -> None:
        if not words.plain:
            raise UsageError(f"which file? {commands.find('export', cell=False).usage}")
        names = self.session.names
        path = arguments.text_value(words.plain.pop(0), names, "FILE")
        study = self._study(words, quiet=True)
        source = self._one_run(words, quiet=True) if words.plain else study
        try:
            files = source.export(
                path, force=words.flag("--force"), pickles=words.flag("--pickles"), notes=print
            )
        except PsweepError as error:
            text = str(error).replace("pickles=True", "--pickles").replace("force=True", "--force")
            raise UsageError(text) from error
        print(f"written: {', '.join(printable(os.path.relpath(file)) for file in files)}")

    def _edit(self, words: Words) -> None:
        name = " ".join(words.plain)
        if not name.isidentifier() or keyword.iskeyword(name):
            raise UsageError("the name of one variable expected: %psweep edit params")
        from psweep_nb.ui.editor import gridedit

        given = words.options.get("--dir")
        study = self.session.study(given, create=True) if given is not None else None
        display(gridedit.edit(self.session, name, study))

    def _batch(self, words: Words) -> None:
        from psweep_nb.batch.command import Command
        from psweep_nb.ui.batch.prep import BatchPrep

        self._nothing_left(words.plain[1:], words.plain[0] if words.plain else "")
        names, given = self.session.names, words.options
        params = arguments.evaluate(words.plain[0], names, "PARAMS") if words.plain else None
        command = None
        if "--command" in given:
            command = arguments.evaluate(given["--command"], names, "--command")
            if not isinstance(command, Command):
                raise UsageError(f"--command: {given['--command']} is no ps.Command")
        study = self.session.study(given["--dir"], create=True) if "--dir" in given else None
        display(BatchPrep._of(self.session, params, command, study))

    # -- commands ----------------------------------------------------------------------------

    def _stop(self, words: Words) -> None:
        now = words.flag("--now")
        run = self._one_run(words)
        run.stop(now=now)
        self._done(run, "stopping now" if now else "stopping; running psets finish first")

    def _pause(self, words: Words) -> None:
        run = self._one_run(words)
        run.pause()
        self._done(run, "pausing; %psweep resume goes on")

    def _resume(self, words: Words) -> None:
        workers = arguments.number(words, "--workers", self.session.names, whole=True)
        run = self._one_run(words)
        with _said_plainly():
            run.resume(workers)
        self._done(run, "goes on")
        if _waits(words):
            self._wait_for(run, None)

    def _retry(self, words: Words) -> None:
        run = self._one_run(words)
        failed = run.status().failed
        if not failed:
            print(f"run {run.run_seq}: nothing failed, so there is nothing to retry")
            return
        match = words.options.get("--match")
        if match is not None:
            match = str(arguments.text_value(match, self.session.names, "--match"))
        with _said_plainly():
            run.retry(notes=print, match=match)
        which = texts.psets(failed) if match is None else f"what failed with {match}"
        self._done(run, f"running {which} again")
        if _waits(words):
            self._wait_for(run, None)

    def _wait(self, words: Words) -> None:
        timeout = arguments.number(words, "--timeout", self.session.names)
        self._wait_for(self._one_run(words), timeout)

    # -- shared ------------------------------------------------------------------------------

    def _study(self, words: Words, *, quiet: bool = False) -> Study:
        return self.session.study(words.options.get("--dir"), create=False, quiet=quiet)

    def _one_run(self, words: Words, *, quiet: bool = False) -> Run:
        """The run that the words name; more than one word is an error."""
        self._nothing_left(words.plain[1:], words.plain[0] if words.plain else "")
        word = words.plain[0] if words.plain else None
        return self.session.run(word, self._study(words, quiet=quiet))

    def _nothing_left(self, plain: list[str], before: str) -> None:
        if plain:
            raise UsageError(f"nothing expected after {before}, found {plain[0]}")

    def _done(self, run: Run, said: str) -> None:
        print(f"run {run.run_seq}: {said}")
        show.wake(run)

    def _wait_for(self, run: Run, timeout: float | None) -> None:
        """Return when the run has ended; an interrupt ends the waiting, never the run."""
        if run.status().state == "paused":
            print(f"run {run.run_seq} is paused; waiting until it is resumed")
        try:
            status = run.wait(timeout)
        except KeyboardInterrupt:
            print(f"stopped waiting; run {run.run_seq} goes on (%psweep stop ends it)")
            return
        if not status.ended:
            print(f"run {run.run_seq} goes on; waited {texts.duration(timeout)}")
            return
        show.finish(run)
        print("\n".join(text.status_lines(run)))


def _running(words: Words, names: dict[str, Any]) -> dict[str, Any]:
    """The options that only the engine acts on, as `Study.submit` takes them."""
    found: dict[str, Any] = {"fresh": True} if words.flag("--fresh") else {}
    for option in ("--setup", "--retries", "--slots"):
        if option in words.options:
            value = arguments.evaluate(words.options[option], names, option)
            found[option.removeprefix("--")] = value
    for option in ("--order", "--capture-logs"):
        if option in words.options:
            found[option.removeprefix("--").replace("-", "_")] = words.options[option]
    return found


def _skipping(words: Words) -> dict[str, Any]:
    """What is passed over, as `Study.submit` and `Study.plan` take it."""
    again, stale = words.flag("--again"), words.flag("--stale")
    if again and stale:
        raise UsageError("--again runs all, --stale what is new or done with other code: which?")
    return {"skip": None if again else SKIP, "stale": stale}


_NOTHING: Any = object()  # psets known only from a table: no run to show


def _waits(words: Words) -> bool:
    return words.flag("--wait") or os.environ.get("PSWEEP_WAIT", "") not in ("", "0")


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Errors made for people are shown as their one message, without our frames."""
    try:
        yield
    except PsweepError as error:
        raise UsageError(printable(" ".join(str(error).split()))) from error
    except OSError as error:  # a disk that is full, a directory of somebody else
        where = f"{error.filename}: " if error.filename else ""
        raise UsageError(f"{where}{error.strerror or error}") from error


@contextmanager
def _said_plainly() -> Iterator[None]:
    """Warnings as lines of the cell, without the path of our source."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", UserWarning)
        try:
            yield
        finally:
            for warning in caught:
                print(f"note: {warning.message}")
