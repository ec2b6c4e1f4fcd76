"""`psweep-nb`: the runs of a study, seen and commanded from a terminal."""

import argparse
import os
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from psweep_nb.cli.common import (
    EXIT_CODES,
    NO,
    OK,
    check_format,
    frame_text,
    guarded,
    parser,
    table_text,
)
from psweep_nb.errors import OptionError, StudyError
from psweep_nb.runlist import row_of
from psweep_nb.ui import texts
from psweep_nb.ui.text import status_lines
from psweep_nb.wording import counted, printable

if TYPE_CHECKING:
    from psweep_nb.records import PsetRecord
    from psweep_nb.runs import Run
    from psweep_nb.study import Study

PROG = "psweep-nb"
_RUN = "its number, its label, or -1 for the newest (the default), -2 ..."
_RUN_OF_JOBS = "a batch run, by its number or label (the newest)"
_LISTED = 20  # directories or rows that `check` names


def main(argv: Sequence[str] | None = None) -> int:
    """The command `psweep-nb`; returns its exit code."""

    def act() -> int:
        args = _parser().parse_args(argv)
        code: int = args.act(args)
        return code

    return guarded(PROG, act)


def _parser() -> argparse.ArgumentParser:
    top = parser(PROG, "See and command the runs of a parameter study.")
    subs = top.add_subparsers(title="commands", metavar="COMMAND", required=True)

    add = partial(_add, subs)
    runs = add("runs", "list the runs of a study, or all studies under a directory", run=False)
    runs.add_argument("-a", "--all", metavar="DIR", help="list the studies under DIR instead")
    add("status", "show how a run is doing")
    add("follow", "show a run's progress until it ends; Ctrl-C ends only the following")
    failures = add("failures", "show which psets of a run failed, by kind of error")
    failures.add_argument(
        "-t", "--traceback", action="store_true", help="each with its traceback and what it printed"
    )
    stop = add("stop", "stop a run; psets that are running finish first")
    stop.add_argument("--now", action="store_true", help="kill the running psets")
    resume = add("resume", "go on with what is not done, with the stored function")
    resume.add_argument(
        "-w", "--workers", type=int, metavar="N", help="processes (as many as before)"
    )
    submit = add("submit", "submit the jobs of a batch run, each once", machine=True)
    submit.add_argument("--retry", action="store_true", help="failed psets again, too")
    submit.add_argument("--force", action="store_true", help="all psets, whatever they have")
    sync = add("sync", "follow the jobs of batch runs and collect their results", run=False)
    sync.add_argument(
        "--now", action="store_true", help="ask machines that were asked a moment ago, too"
    )
    plan = add("plan", "show what a run would do, pset by pset; nothing is written", run=False)
    plan.add_argument(
        "func", metavar="FILE.py:FUNC", help="the function; the file is run, as by import"
    )
    plan.add_argument(
        "params",
        metavar="PARAMS",
        help="FILE.py:NAME, the NAME alone in the function's file, or a CSV file",
    )
    plan.add_argument(
        "-w", "--workers", type=int, default=1, metavar="N", help="processes it would have (1)"
    )
    plan.add_argument("--again", action="store_true", help="as if done and failed psets run, too")
    plan.add_argument("--stale", action="store_true", help="as if those of other code run, too")
    table = add("table", "print parameters, results and state of a study's rows", run=False)
    table.add_argument("columns", nargs="*", metavar="COLUMN", help="only these")
    table.add_argument(
        "-f", "--format", default="simple", metavar="FMT", help="a format of tabulate (simple)"
    )
    table.add_argument("-a", "--all", action="store_true", help="book-keeping, too")
    table.add_argument("-i", "--index", action="store_true", help="print the index, too")
    table.add_argument(
        "--latest", action="store_true", help="of equal parameters (and repeat) only the newest row"
    )
    add("check", "compare the directories DIR/<pset_id>/ with the rows, both ways", run=False)
    return top


def _add(
    subs: "argparse._SubParsersAction[argparse.ArgumentParser]",
    name: str,
    about: str,
    run: bool = True,
    machine: bool = False,
) -> argparse.ArgumentParser:
    """Add a command, which the function of its name carries out, with what all commands take."""
    sub = subs.add_parser(
        name,
        help=about,
        description=about[0].upper() + about[1:] + ".",
        epilog=EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    if machine:
        sub.add_argument("machine", nargs="?", metavar="MACHINE", help="where (the only one)")
        sub.add_argument("-r", "--run", metavar="RUN", help=_RUN_OF_JOBS)
    elif run:
        sub.add_argument("run", nargs="?", default="-1", metavar="RUN", help=_RUN)
    sub.add_argument(
        "-d", "--dir", default="calc", metavar="DIR", help="the study's directory (calc)"
    )
    sub.add_argument(
        "--trust",
        action="store_true",
        help="the study is from somebody else, and may run code of theirs; asked once",
    )
    sub.set_defaults(act=globals()[f"_{name}"])
    return sub


def _study(args: argparse.Namespace) -> "Study":
    from psweep_nb.database import BASENAME, HIDDEN
    from psweep_nb.study import Study

    if not args.dir:
        raise OptionError("-d wants the name of a directory, not ''")
    if not any(os.path.exists(os.path.join(args.dir, name)) for name in (HIDDEN, BASENAME)):
        raise StudyError(f"there is no study in {args.dir}/; -d names another directory")
    return Study(args.dir, trust=args.trust)


def _run(args: argparse.Namespace) -> "Run":
    return _study(args).run_of(_key(args.run))


def _key(text: str) -> int | str:
    try:
        return int(text)
    except ValueError:
        return text


def _runs(args: argparse.Namespace) -> int:
    if args.all is not None:
        return _studies(args.all)
    runs = _study(args).runs
    if not runs:
        print("no runs yet")
        return OK
    names = {"run": "run", "label": "label", "state": "state", "psets": "total"}
    names |= {"done": "done", "failed": "failed", "function": "function", "began": "started"}
    rows = [row_of(run) for run in runs]  # of a damaged one as much as can be read
    print(table_text({shown: [row[name] for row in rows] for shown, name in names.items()}))
    return OK


def _studies(folder: str) -> int:
    from psweep_nb.plaintables import text_table
    from psweep_nb.studies import NUMERIC, studies_under

    found = studies_under(Path(folder))
    print(text_table(found.rows, NUMERIC) if found.rows else f"no studies under {folder}")
    for note in found.notes:
        print(note)
    return OK


def _status(args: argparse.Namespace) -> int:
    print("\n".join(status_lines(_run(args))))
    return OK


def _follow(args: argparse.Namespace) -> int:
    from psweep_nb.cli.follow import follow

    return follow(_run(args))


def _failures(args: argparse.Namespace) -> int:
    from psweep_nb.errorkinds import kind_of

    kinds: dict[str, list[PsetRecord]] = {}
    for record in _run(args).failures:
        kinds.setdefault(kind_of(texts.line(record.error)), []).append(record)
    for kind, records in sorted(kinds.items(), key=lambda item: -len(item[1])):
        some = ", ".join(str(record.index) for record in records[:_LISTED])
        more = f" and {len(records) - _LISTED} more" if len(records) > _LISTED else ""
        print(f"{kind} ({counted(len(records), 'pset')}: {some}{more})")
        for record in records if args.traceback else ():
            print(f"\npset {record.index}: {printable(str(record.pset))}")
            print(printable(f"{record.traceback.rstrip()}\n{record.log()}", keep="\n"))
    if not kinds:
        print("nothing failed")
    return OK


def _stop(args: argparse.Namespace) -> int:
    run = _run(args)
    run.stop(now=args.now)
    rest = "" if args.now else "; psets that are running finish first"
    print(f"run {run.run_seq} is told to stop{rest}")
    return OK


def _resume(args: argparse.Namespace) -> int:
    run = _run(args)
    status = run.status()
    if status.ended and run.spec.mode == "thread":
        raise StudyError(
            f"run {run.run_seq} needs what lived in its notebook's kernel: resume it there, "
            "with study.run_of(...).resume()"
        )
    run.resume(workers=args.workers)
    if run.status().state == "finished" and status.state == "finished":
        failed = f"; {counted(status.failed, 'pset')} failed" if status.failed else ""
        print(f"run {run.run_seq} is finished; nothing is left to do{failed}")
    else:
        left = counted(status.total - status.done - status.failed, "pset")
        print(f"run {run.run_seq} goes on; {left} to be done")
    return OK


def _submit(args: argparse.Namespace) -> int:
    run = None if args.run is None else _key(args.run)
    _study(args).submit_batch(args.machine, run, retry=args.retry, force=args.force)
    return OK


def _sync(args: argparse.Namespace) -> int:
    study = _study(args)
    print(study.sync(every=0) if args.now else study.sync())
    return OK


def _plan(args: argparse.Namespace) -> int:
    from psweep_nb.cli.userfile import as_main, function_and_params
    from psweep_nb.functions import name_of
    from psweep_nb.study import Study

    function, params, module = function_and_params(args.func, args.params)
    study = Study(args.dir, trust=args.trust)  # one without runs will do: then all is new
    specs = [r.spec for r in study.runs if r.info.get("function") == name_of(function)]
    if specs and specs[-1].module == "__main__":
        as_main(module)
    skip = None if args.again else "done+failed"
    plan = study.plan(function, params, skip=skip, stale=args.stale, workers=args.workers)
    print(printable(str(plan), keep="\n"))
    return OK


def _table(args: argparse.Namespace) -> int:
    from psweep_nb.frames import columns_given

    check_format(args.format)
    study = _study(args)
    if args.all and args.latest:
        raise OptionError("-a prints all there is; leave out --latest, or -a")
    if args.all:
        df = study.df
        df = df[columns_given(args.columns, "COLUMN", df.columns)] if args.columns else df
    else:
        df = study.table(cols=args.columns or None, latest=args.latest)
    print(frame_text(df, args.format, args.index))
    return OK


def _check(args: argparse.Namespace) -> int:
    from psweep_nb.batch.preparing import finish_cut_off
    from psweep_nb.psetdirs import compare

    study = _study(args)
    finish_cut_off(study.database, study.calc_path)
    found = compare(study.database, study.calc_path)
    for title, names in (
        ("directories without a row", found.strange),
        ("directories of psets that have not ended", found.unfinished),
        ("rows of batch runs without a directory", found.missing),
    ):
        if names:
            print(f"{len(names)} {title}:")
            print("\n".join(f"  {printable(str(name))}" for name in names[:_LISTED]))
            if len(names) > _LISTED:
                print(f"  and {len(names) - _LISTED} more")
    there = found.matching + len(found.strange) + len(found.unfinished)
    print(f"{found.matching} directories match a row" if there else "no pset has a directory")
    return NO if found.differs else OK


if __name__ == "__main__":
    sys.exit(main())
