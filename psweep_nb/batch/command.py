"""A program as workload: templates filled into the pset's directory, a command run there.

`Command` is called like a function by whatever executes psets; `preparing` puts the same one into
job directories instead.
"""

import codecs
import contextlib
import os
import platform
import selectors
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

from psweep_nb.batch import psetfile
from psweep_nb.batch.cmdline import Cmd, CommandLine
from psweep_nb.batch.resultfiles import RESULTS, results_in
from psweep_nb.batch.templates import FIELDS, Templates, check, check_mode
from psweep_nb.errors import CommandError, OptionError
from psweep_nb.executors.processes import describe_exit, kill_tree
from psweep_nb.functions import Workload
from psweep_nb.within import workdir

_TAIL = 4000  # bytes of stderr that an error has
_IDLE_S = 0.2


class Command(Workload):
    """A program to run for each pset, instead of a function.

    The pset's directory is made, with ``pset.json`` and the filled templates; the command runs in
    it, and what it prints is the pset's log. A non-zero exit makes the pset a failed one, with the
    end of stderr. It can be given wherever a function can, and to `Study.prep_batch`.

    Parameters
    ----------
    cmd : str or list of str
        A line for the shell, or the words of one command. ``$name`` in it is a parameter: one word,
        whatever it holds; a dollar sign itself is ``$$``.
    templates : path, optional
        A directory of files that each pset's directory gets, filled.
    reader : callable, optional
        Gets the pset's directory (a Path), returns a dict of results or one value. Without,
        ``result.json`` or ``result.pk`` there is read (see `write_result`), if there is one.
    template_mode : "dollar" or "jinja"
        The language of templates and `cmd`.

    Raises
    ------
    OptionError, TemplateError
        Naming what is wrong with `cmd`. Templates are read when psets are submitted.

    Examples
    --------
    >>> from psweep_nb import run_local
    >>> command = Command("echo $a > out", reader=lambda folder: (folder / "out").read_text())
    >>> run_local(command, [{"a": 1}, {"a": "it's"}])["result"].tolist()
    ['1\\n', "it's\\n"]
    """

    def __init__(
        self,
        cmd: Cmd,
        templates: str | os.PathLike[str] | None = None,
        reader: Callable[[Path], Any] | None = None,
        template_mode: str = "dollar",
    ) -> None:
        check_mode(template_mode)
        if reader is not None and not callable(reader):
            raise OptionError(f"reader is {reader!r}; it should be a function of a directory")
        self.cmd = cmd
        self.templates = None if templates is None else os.fspath(templates)
        self.reader = reader
        self.template_mode = template_mode
        self.line = CommandLine(cmd, template_mode)
        self._files: Templates | None = None
        self._fixed = False

    def __repr__(self) -> str:
        templates = "" if self.templates is None else f", templates={self.templates!r}"
        mode = "" if self.template_mode == "dollar" else f", template_mode={self.template_mode!r}"
        return f"Command({self.cmd!r}{templates}{mode})"

    def __getstate__(self) -> dict[str, Any]:
        # What travels, or is stored, is what was submitted, whatever becomes of the files.
        return {**vars(self), "line": None, "_files": self.files, "_fixed": True}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self.line = CommandLine(self.cmd, self.template_mode)

    @property
    def files(self) -> Templates:
        """The templates as they were when psets were last submitted."""
        if self._files is None:
            self._files = Templates(self.templates, self.template_mode)
        return self._files

    # -- as workload -------------------------------------------------------------------------

    def check(self, params: Sequence[Mapping[str, Any]]) -> None:
        """Read the templates anew, and check that they and the command can be filled.

        Raises
        ------
        OptionError, TemplateError
            Naming file, line and placeholder.
        """
        if not self._fixed:
            self._files = None
        check([self.line, *self.files.files], params, FIELDS)
        self.files.check_names({psetfile.NAME, *RESULTS})

    def code(self) -> tuple[dict[str, str], Sequence[Callable[..., Any]]]:
        """The command, the templates' content, and the reader."""
        texts = {"the command": self.line.text, **self.files.code()}
        return texts, () if self.reader is None else (self.reader,)

    def title(self) -> str:
        """The command itself."""
        return self.line.text

    def written(self) -> dict[str, Any]:
        """Its arguments, but for those that are as by default."""
        given = {"templates": self.templates, "reader": self.reader}
        mode = {} if self.template_mode == "dollar" else {"template_mode": self.template_mode}
        return {"cmd": self.cmd, **{k: v for k, v in given.items() if v is not None}, **mode}

    # -- executing ---------------------------------------------------------------------------

    def __call__(self, pset: dict[str, Any]) -> Any:
        """Run the command for a pset, in its directory, and return its results."""
        folder = workdir()
        now = datetime.now(UTC).replace(tzinfo=None).isoformat(sep=" ")
        values = {**pset, "_time_utc": now, "_exec_host": platform.node()}
        self.write(folder, values)
        run(self.line.argv(values), folder)
        # What this very user's program has written, just now.
        return results_in(folder, trusted=True) if self.reader is None else self.reader(folder)

    def write(self, folder: Path, values: Mapping[str, Any]) -> None:
        """Write what the program finds; what an earlier attempt has left of it goes."""
        for name in (psetfile.NAME, *RESULTS):
            (folder / name).unlink(missing_ok=True)
        (folder / psetfile.NAME).write_bytes(psetfile.dumps(values))
        self.files.write(str(folder), values, again=True)


def run(argv: Sequence[str], folder: Path) -> None:
    """Run a program to its end; what it prints goes on to this process's own stdout and stderr.

    Raises
    ------
    CommandError
        If it cannot be started, or does not end well.
    """
    process: subprocess.Popen[bytes] | None = None
    try:
        with _interrupts_later():
            process = _started(argv, folder)
        tail = _relay(process)
        process.wait()
    except BaseException:  # Ctrl-C: nothing of it goes on
        if process is not None and process.returncode is None:
            kill_tree(process.pid)
        raise
    finally:
        if process is not None:
            with process:  # closes its pipes, and waits for it
                pass
    if process.returncode:
        lines = tail.strip().splitlines()
        last = f": {lines[-1].strip()}" if lines else ""
        rest = f"\nthe end of its stderr:\n{tail.strip()}" if len(lines) > 1 else ""
        raise CommandError(f"{describe_exit(process.returncode)}{last}{rest}")


def _started(argv: Sequence[str], folder: Path) -> "subprocess.Popen[bytes]":
    pipe = subprocess.PIPE
    try:
        return subprocess.Popen(
            argv, cwd=folder, stdin=subprocess.DEVNULL, stdout=pipe, stderr=pipe
        )
    except (OSError, ValueError) as exc:
        raise CommandError(f"{argv[0]!r} cannot be started: {exc}") from exc


@contextlib.contextmanager
def _interrupts_later() -> Iterator[None]:
    """Let Ctrl-C wait for the end of a block: a program that was just started must be known."""
    before = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield
        return
    seen: list[tuple[int, FrameType | None]] = []
    signal.signal(signal.SIGINT, lambda number, frame: seen.append((number, frame)))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if seen:
        before(*seen[-1])


def _relay(process: "subprocess.Popen[bytes]") -> str:
    """Pass on what a process prints until it has ended; return the end of its stderr."""
    assert process.stdout is not None and process.stderr is not None
    tail = b""
    with selectors.DefaultSelector() as selector:
        for pipe, stream in ((process.stdout, sys.stdout), (process.stderr, sys.stderr)):
            decoder = codecs.getincrementaldecoder("utf-8")("replace")
            selector.register(pipe, selectors.EVENT_READ, (stream, decoder))
        while selector.get_map():
            ready = selector.select(_IDLE_S)
            # What it has left running may keep the pipes open for ever.
            if not ready and process.poll() is not None:
                break
            for key, _ in ready:
                data = os.read(key.fd, 1 << 16)
                stream, decoder = key.data
                stream.write(decoder.decode(data, final=not data))
                stream.flush()
                if not data:
                    selector.unregister(key.fileobj)
                elif key.fileobj is process.stderr:
                    tail = (tail + data)[-_TAIL:]
    return tail.decode(errors="replace")
