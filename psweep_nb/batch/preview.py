"""What a preparation would write, looked at before it does: templates, their placeholders, files.

Nothing is written. Used by the notebook's `BatchPrep`; what is said here is what `preparing` does.
"""

import contextlib
import os
import platform
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

from psweep_nb.batch import psetfile
from psweep_nb.batch.cmdline import CommandLine
from psweep_nb.batch.command import Command
from psweep_nb.batch.machines import Machine, jobscript_name, read_machines
from psweep_nb.batch.preparing import CMD, Batch, Jobs
from psweep_nb.batch.runscripts import lines_in, script_of
from psweep_nb.batch.templates import FIELDS, Template, Templates
from psweep_nb.database import Database
from psweep_nb.errors import OptionError, ParamsError, TemplateError
from psweep_nb.hashing import pset_sha1
from psweep_nb.judging import DONE, FAILED, NEW, RUNNING, STALE, judge
from psweep_nb.submission import next_numbers

FILLED, MISSING, ABSENT = "filled", "missing", "absent"
COMMAND = "the command"
MOST_FILES, MOST_BYTES = 1000, 100_000_000  # of templates that are looked at
#: Stands for ids, which are drawn when the run is written.
SOME_ID = "00000000-0000-4000-8000-000000000000"
_WORDS = {NEW: "new", DONE: "done", STALE: "done with other templates", FAILED: "failed"}
_WORDS[RUNNING] = "at work in another run"


class Want(NamedTuple):
    """A name that a template uses: where, and whether there is a value for it.

    `state` is FILLED, MISSING (`lacks` is then the first pset without it), or ABSENT: some pset
    does not have it, and the template can do without; or there are no psets.
    """

    name: str
    lines: tuple[int, ...]
    state: str
    lacks: int = -1


@dataclass(frozen=True)
class Sheet:
    """A file that each pset's directory gets, or the command."""

    name: str
    path: str = ""  # of its template
    wants: tuple[Want, ...] = ()
    problem: str = ""
    is_binary: bool = False


@dataclass(frozen=True)
class Writing:
    """What would be written.

    Attributes
    ----------
    todo : sequence of int
        Numbers of the psets that would get a directory.
    counts : dict
        How many psets are new, done, ..., in words.
    prepared : dict
        How many of `todo` wait in an earlier batch run already, by its `_run_seq`.
    scripts : dict
        How many older lines each script to submit has, which become comments.
    """

    todo: Sequence[int] = ()
    counts: dict[str, int] = field(default_factory=dict)
    prepared: dict[int, int] = field(default_factory=dict)
    scripts: dict[str, int] = field(default_factory=dict)


class Preview:
    """Templates and machines as they are now, for some psets.

    Parameters
    ----------
    params : list of dict
        The psets, checked.
    calc_templ_dir, machine_templ_dir, command, template_mode
        As `BatchMethods.prep_batch` takes them.

    Attributes
    ----------
    sheets : list of Sheet
        What each directory gets.
    machines : list of str
        Names.
    problems : list of str
        Why nothing can be prepared.

    Examples
    --------
    >>> from tempfile import mkdtemp
    >>> from psweep_nb import new_templates
    >>> folder = mkdtemp()
    >>> found = new_templates("local", folder)
    >>> preview = Preview([{"a": 1}], f"{folder}/calc", f"{folder}/machines")
    >>> [sheet.name for sheet in preview.sheets]
    ['psweep_job.py', 'run.py', 'jobscript_local', 'pset.json']
    """

    def __init__(
        self,
        params: list[dict[str, Any]],
        calc_templ_dir: str | os.PathLike[str],
        machine_templ_dir: str | os.PathLike[str],
        command: Command | None = None,
        template_mode: str = "dollar",
    ) -> None:
        self.params = params
        self.problems: list[str] = []
        self._command = command
        self._where = os.fspath(calc_templ_dir), os.fspath(machine_templ_dir), template_mode
        self._shapes: dict[tuple[str, ...], int] = {}
        for number, pset in enumerate(params):
            self._shapes.setdefault(tuple(pset), number)
        self._fillable: dict[str, Template | CommandLine] = {}
        self._read()
        self.sheets = [self._sheet(name, found) for name, found in self._fillable.items()]
        self.sheets.append(Sheet(psetfile.NAME))
        self.problems += [sheet.problem for sheet in self.sheets if sheet.problem]

    def _read(self) -> None:
        calc, machines, mode = self._where
        command = self._command
        found: list[Machine] = []
        try:
            _check_size(calc if command is None else command.templates)
            files = (
                Templates(calc, mode)
                if command is None
                else Templates(command.templates, command.template_mode)
            ).files
            self._fillable |= {file.name: file for file in files}
        except (OptionError, TemplateError) as exc:
            self.problems.append(str(exc))
        try:
            found = read_machines(machines, mode)
        except (OptionError, TemplateError) as exc:
            self.problems.append(str(exc))
        self.machines = [machine.name for machine in found]
        self._fillable |= {jobscript_name(machine.name): machine.jobscript for machine in found}
        if command is not None:
            self._fillable[COMMAND] = command.line

    def _known(self, name: str) -> tuple[str, ...]:
        is_script = self._command and name in map(jobscript_name, self.machines)
        return (*FIELDS, CMD) if is_script else FIELDS

    # -- placeholders ------------------------------------------------------------------------

    def _sheet(self, name: str, template: Template | CommandLine) -> Sheet:
        path = template.path if isinstance(template, Template) else ""
        try:
            found, problem = template.placeholders, ""
        except TemplateError as exc:
            return Sheet(name, path, problem=str(exc))
        lines: dict[str, list[int]] = {}
        for placeholder in found:
            lines.setdefault(placeholder.name, []).append(placeholder.line)
        wants, fields = [], self._known(name)
        needed = {placeholder.name for placeholder in template.missing(fields)}
        for wanted, at in lines.items():
            lacks = -1 if wanted in fields else self._first_without(wanted)
            state = FILLED if lacks < 0 else MISSING
            if not self.params and wanted not in fields:
                state = ABSENT
            elif lacks >= 0 and wanted not in needed:  # Jinja: it may do without, filling tells
                why = self._problem(name, lacks)
                problem = problem or why
                state = MISSING if f"'{wanted}'" in why else ABSENT
            wants.append(Want(wanted, tuple(at), state, lacks))
        is_binary = isinstance(template, Template) and template.is_binary
        return Sheet(name, path, tuple(wants), problem, is_binary)

    def _first_without(self, name: str) -> int:
        return next((number for keys, number in self._shapes.items() if name not in keys), -1)

    def _problem(self, name: str, number: int) -> str:
        fields = {field: 0 if field.endswith("_seq") else "" for field in self._known(name)}
        try:
            self._fill(name, {**self.params[number], **fields})
        except TemplateError as exc:
            return f"{exc} (pset {number})"
        return ""

    # -- the files of one pset ---------------------------------------------------------------

    def filled(self, name: str, number: int, fields: Mapping[str, Any]) -> bytes:
        """Return the content of a file in the directory of a pset.

        Parameters
        ----------
        name : str
            Of a sheet.
        number : int
            Of the pset.
        fields : mapping
            See :func:`fields_of`.

        Raises
        ------
        TemplateError
            If there is no value for a placeholder.
        """
        values = {**self.params[number], **fields}
        if self._command is not None and CMD in self._known(name):
            values[CMD] = self._command.line.line(values)
        return self._fill(name, values)

    def source(self, name: str) -> bytes:
        """Return the template itself; empty where there is none."""
        template = self._fillable.get(name)
        return template.data if isinstance(template, Template) else b""

    def _fill(self, name: str, values: Mapping[str, Any]) -> bytes:
        if name == psetfile.NAME:
            return psetfile.dumps(values)
        template = self._fillable[name]
        if isinstance(template, CommandLine):
            return template.line(values).encode(errors="replace")
        return template.fill(values)

    # -- what is written ---------------------------------------------------------------------

    def writing(self, database: Database, calc_path: Path, skip: str | None) -> Writing:
        """Return what would be written; :attr:`problems` gets what is against it.

        Parameters
        ----------
        database : Database
            The study's.
        calc_path : Path
            Where directories and scripts are.
        skip
            As `BatchMethods.prep_batch` takes it.
        """
        if not self.params or self.problems:
            return Writing()
        calc, machines, mode = self._where
        try:
            work = self._command or Jobs(calc, mode)
            batch = Batch(work, machines, mode, write_pset=False)
            with warnings.catch_warnings(action="ignore"):  # given when they are prepared
                submission = batch.prepare(self.params, skip, "")
        except (OptionError, ParamsError, TemplateError) as exc:
            self.problems.append(str(exc))
            return Writing()
        digests, code = submission.digests, submission.code.sha1
        judged = judge(database, submission.params, digests, code, skip, stale=False)
        counts = Counter(_WORDS[state] for state in judged.states)
        scripts = {}
        for machine in self.machines:
            script = script_of(calc_path, machine)
            scripts[script.name] = lines_in(script)
        wanted = {digest.hex() for n in judged.todo if (digest := digests[n]) is not None}
        return Writing(judged.todo, dict(counts), _prepared(judged.known.frame, wanted), scripts)


def _check_size(folder: str | None) -> None:
    """Refuse what nobody means: the directory is typed by hand, and all in it would be read."""
    files = size = 0
    for where, _, names in os.walk(folder or ""):
        files += len(names)
        for name in names:
            with contextlib.suppress(OSError):
                size += os.lstat(os.path.join(where, name)).st_size
        if files > MOST_FILES or size > MOST_BYTES:
            raise OptionError(
                f"{folder!r} has more than {MOST_FILES} files or {MOST_BYTES // 10**6} MB: each "
                "pset's directory would get all of them; are these templates?"
            )


def _prepared(frame: Any, digests: set[str]) -> dict[int, int]:
    """How many rows of these psets wait for their jobs, by run."""
    if "_failed" not in frame or "_pset_sha1" not in frame or "_run_seq" not in frame:
        return {}
    waiting = frame[frame["_failed"].isna() & frame["_pset_sha1"].isin(digests)]
    found = waiting["_run_seq"].value_counts().sort_index()
    return {int(seq): int(count) for seq, count in found.items()}


def fields_of(
    database: Database, calc_dir: str, pset: Mapping[str, Any], place: int
) -> dict[str, Any]:
    """The fields that a pset would have as number `place` of a run that is written now.

    Ids are drawn when it is written; here :data:`SOME_ID` stands for them.
    """
    run_seq, pset_seq = next_numbers(database, database.frame())
    with warnings.catch_warnings(action="ignore"):
        sha1 = pset_sha1(pset)
    return {
        "_run_id": SOME_ID,
        "_run_seq": run_seq,
        "_calc_dir": calc_dir,
        "_time_utc": datetime.now(UTC).replace(tzinfo=None).isoformat(sep=" "),
        "_exec_host": platform.node(),
        "_pset_id": SOME_ID,
        "_pset_sha1": sha1,
        "_pset_seq": pset_seq + place,
    }
