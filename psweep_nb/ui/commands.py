"""The subcommands of ``%psweep``: their options and their help. Data only."""

from __future__ import annotations

from IPython.core.error import UsageError

from psweep_nb.ui.arguments import Command, Option, suggest

_DIR = Option("--dir", "directory of the study (the one used last; at first calc)", "-d", "DIR")
_RUN = "RUN: -1 (the latest), a _run_seq, a label, a variable; left out, the run used last here."

ORDER = ("given", "shuffle", "repeats-last")
CAPTURE_LOGS = ("db", "file", "db+file")


def _choice(name: str, text: str, choices: tuple[str, ...]) -> Option:
    return Option(name, text, "", "|".join(choices), "choice", choices)


_RUN_OPTIONS = (
    _DIR,
    Option("--workers", "processes to compute with (1)", "-w", "N", "expression"),
    Option("--again", "also run what is done or failed already"),
    Option("--stale", "also run what is done with other code"),
    Option("--timeout", "fail a pset after so many seconds", "", "S", "expression"),
    Option(
        "--on-error",
        "record failures and go on (the default), or stop at the first",
        "",
        "record|stop",
        "choice",
        ("record", "stop"),
    ),
    Option("--retries", "try a failed pset again so often", "", "N", "expression"),
    Option(
        "--setup",
        "function to call once in each worker; gives the keyword setup",
        "",
        "NAME",
        "expression",
    ),
    _choice("--order", "in which order psets begin (given)", ORDER),
    Option("--fresh", "a new process for each pset"),
    Option("--slots", "environment variables, one dict a worker", "", "EXPR", "expression"),
    _choice("--capture-logs", "put what psets print into the table, a file each", CAPTURE_LOGS),
    Option("--simulate", "compute nothing: the rows that would come, in DIR.simulate"),
    Option("--backup", "first copy the study's directory"),
    Option("--git", "first commit what is in the study's directory"),
    Option("--wait", "return when the run has ended"),
    Option("--in-kernel", "compute in a thread of this kernel"),
    Option("--label", "a name for the run", "", "TEXT"),
    Option("--out", "name to bind the run to (run)", "-o", "NAME", "name"),
)
_RESULTS = Option("--results", "names of the cell that are results", "-r", "E,loss")

RUN = Command(
    "run",
    "%psweep run FUNC PARAMS   or   %psweep run FUNC a=[1, 2] b=np.linspace(0, 1, 5)",
    "run a function on parameter sets, in the background",
    _RUN_OPTIONS,
    "%psweep run shade params -w 2 --label first",
)
PLAN = Command(
    "plan",
    "%psweep plan FUNC PARAMS   (as run)",
    "what a run would do and how long it would take; nothing is run",
    _RUN_OPTIONS,
    "%psweep plan shade params -w 2",
)
CELL_RUN = Command(
    "run",
    "%%psweep run PARAMS -r E,loss   or   %%psweep run a=[1, 2] b=np.linspace(0, 1, 5)",
    "run the cell on parameter sets; each parameter is a variable in it",
    (_RESULTS, *_RUN_OPTIONS),
    "%%psweep run params -r contrast,entropy",
)

COMMANDS = {
    command.name: command
    for command in (
        RUN,
        PLAN,
        Command("status", "%psweep status [RUN]", "how a run is doing", (_DIR,)),
        Command(
            "stop",
            "%psweep stop [RUN]",
            "stop a run; psets that are running finish first",
            (Option("--now", "end the running psets too"), _DIR),
        ),
        Command("pause", "%psweep pause [RUN]", "start no more psets", (_DIR,)),
        Command(
            "resume",
            "%psweep resume [RUN]",
            "go on with what is not done",
            (Option("--workers", "processes to compute with", "-w", "N", "expression"), _DIR),
        ),
        Command(
            "retry",
            "%psweep retry [RUN]",
            "run failed psets again, with the function as it is now",
            (
                Option(
                    "--match", "only those with this text, or pattern, in the traceback", "", "TEXT"
                ),
                _DIR,
            ),
        ),
        Command(
            "submit",
            "%psweep submit [RUN]",
            "submit the jobs of a batch run (the latest), each once",
            (
                Option("--machine", "to this one of its machines", "-m", "NAME"),
                Option("--retry", "failed psets again, too"),
                Option("--force", "all psets, whatever they have"),
                Option("--out", "name to bind the run to (run)", "-o", "NAME", "name"),
                _DIR,
            ),
            "%psweep submit -m cluster",
        ),
        Command(
            "sync",
            "%psweep sync [RUN]",
            "follow the jobs of batch runs (all), and collect their results",
            (Option("--now", "ask machines that were asked a moment ago, too"), _DIR),
        ),
        Command(
            "wait",
            "%psweep wait [RUN]",
            "return when a run has ended (interrupting ends the waiting only)",
            (Option("--timeout", "wait at most so many seconds", "", "S", "expression"), _DIR),
        ),
        Command(
            "runs",
            "%psweep runs",
            "the runs of a study; with -a DIR, all studies under DIR",
            (_DIR, Option("--all", "list the studies under this directory instead", "-a", "DIR")),
            "%psweep runs -a .",
        ),
        Command(
            "attach",
            "%psweep attach [RUN]",
            "show a run and bind it to `run`",
            (Option("--out", "name to bind the run to (run)", "-o", "NAME", "name"), _DIR),
        ),
        Command(
            "edit",
            "%psweep edit NAME",
            "build psets by mouse and keyboard; the variable NAME is their list as you edit",
            (_DIR,),
            "%psweep edit params",
        ),
        Command(
            "explore",
            "%psweep explore [TABLE]",
            "choose figures of the results: line, scatter plot, heat map, with their code",
            (_DIR,),
        ),
        Command(
            "export",
            "%psweep export FILE [RUN]",
            "write a script that runs the study, or one run, without a notebook",
            (
                Option("--force", "write over files that are there"),
                Option("--pickles", "put what has no source code into a pickle beside it"),
                _DIR,
            ),
            "%psweep export run.py",
        ),
        Command(
            "batch",
            "%psweep batch [PARAMS]",
            "prepare psets for jobs: templates, machines, what will be written; submit, sync",
            (
                Option("--command", "the Command that the jobs run", "-c", "NAME", "expression"),
                _DIR,
            ),
            "%psweep batch params",
        ),
        Command("use", "%psweep use DIR", "work on the study in this directory from now on"),
    )
}
CELL_COMMANDS = {
    command.name: command
    for command in (
        CELL_RUN,
        Command(
            "params",
            "%%psweep params NAME",
            "psets of the cell's variables: lists, ranges, arrays are axes, all else constants;"
            " zip(a, b) ties; _names are helpers",
        ),
        Command(
            "watch",
            "%%psweep watch [RUN]",
            "run the cell, a plot or a table, again in place as rows arrive, and at the end",
            (
                Option(
                    "--every", "not more often than each S seconds (0.5)", "", "S", "expression"
                ),
                _DIR,
            ),
            "%%psweep watch --every 2",
        ),
    )
}


def find(name: str, cell: bool, *, for_help: bool = False) -> Command:
    """The subcommand of that name; `for_help` with as many % as it has.

    Raises
    ------
    UsageError
        When there is none, with the closest one.
    """
    known = CELL_COMMANDS if cell else COMMANDS
    if name in known:
        return known[name]
    if for_help and name in {**COMMANDS, **CELL_COMMANDS}:
        return {**COMMANDS, **CELL_COMMANDS}[name]
    if cell and name in COMMANDS:
        raise UsageError(f"%psweep {name} takes no cell: write one % and leave the cell empty")
    if not cell and name in CELL_COMMANDS:
        raise UsageError(f"{CELL_COMMANDS[name].usage}: two % at the top of a cell")
    mark = "%%" if cell else "%"
    raise UsageError(
        f"unknown subcommand {name}{suggest(name, known)}; {mark}psweep has: {' '.join(known)}"
    )


def help_of(command: Command) -> str:
    """The text that ``-h`` prints for one subcommand."""
    lines = [f"usage: {command.usage}", f"  {command.summary}"]
    options = [*command.options, Option("--help", "this text", "-h")]
    width = max(len(option.spelled) for option in options)
    if "[RUN]" in command.usage:
        lines.append(f"  {_RUN}")
    lines += [f"    {option.spelled:{width}}  {option.help}" for option in options]
    if command.example:
        lines.append(f"  example: {command.example}")
    return "\n".join(lines)


def help_of_all() -> str:
    """The text that ``%psweep -h`` prints."""
    width = max(map(len, COMMANDS))
    lines = ["%psweep SUBCOMMAND ...   (-h after any of them says more)"]
    lines += [f"    {name:{width}}  {command.summary}" for name, command in COMMANDS.items()]
    for command in CELL_COMMANDS.values():
        lines.append(command.usage.partition("   or")[0])
        lines.append(f"    {'':{width}}  {command.summary}")
    return "\n".join(lines)
