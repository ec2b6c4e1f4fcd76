"""``%psweep`` and ``%%psweep``: what each subcommand does.

Each is a few lines over :class:`~psweep_nb.study.Study` and :class:`~psweep_nb.study.Run`; what
a person may type is in ``commands``, how it is read in ``arguments``.
"""

from __future__ import annotations

import keyword
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError
from IPython.core.magic import Magics, line_cell_magic, magics_class, no_var_expand

from psweep_nb.errors import PsweepError
from psweep_nb.ui import arguments, commands, header, show, text, texts
from psweep_nb.ui.arguments import Words
from psweep_nb.ui.jobmagics import JobMagics
from psweep_nb.ui.runmagics import RunMagics, waits
from psweep_nb.ui.saying import plain_errors, said_plainly
from psweep_nb.ui.session import Session
from psweep_nb.ui.slot import display
from psweep_nb.wording import printable

if TYPE_CHECKING:
    from psweep_nb.runs import Run
    from psweep_nb.study import Study


@magics_class
class PsweepMagics(RunMagics, JobMagics, Magics):
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
        with plain_errors():
            if cell is not None:
                getattr(self, f"_{name}_cell")(words, cell)
            else:
                getattr(self, f"_{name}")(words)

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
        if waits(words):
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
        with said_plainly():
            run.resume(workers)
        self._done(run, "goes on")
        if waits(words):
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
        with said_plainly():
            run.retry(notes=print, match=match)
        which = texts.psets(failed) if match is None else f"what failed with {match}"
        self._done(run, f"running {which} again")
        if waits(words):
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

    def _present(self, run: Run, name: str | None, *, new: bool = False) -> None:
        self.session.bind(run, name)
        show.show_run(self._ip, run, new=new)

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
