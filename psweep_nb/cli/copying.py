"""`psweep-push` and `psweep-pull`: a study's directory to another machine and back."""

from collections.abc import Sequence

from psweep_nb.cli.common import OK, guarded, parser
from psweep_nb.wording import counted, printable

_MORE = """\
The copy of a study in ~/study/calc here is in study/calc in the home there, unless
--path says in which directory. The file {exclude} beside the study's
directory may list patterns, a line each, of what is not copied.

"""


def push(argv: Sequence[str] | None = None) -> int:
    """The command `psweep-push`; returns its exit code."""
    more = _MORE.format(exclude="excl_push")
    return _copy(
        "push", "Copy a study's directory to another machine; nothing is deleted.", more, argv
    )


def pull(argv: Sequence[str] | None = None) -> int:
    """The command `psweep-pull`; returns its exit code."""
    more = _MORE.format(exclude="excl_pull")
    about = (
        "Copy what is new on another machine back; the table, .psweep/ and run_*.sh are left alone."
    )
    return _copy("pull", about, more, argv)


def _copy(way: str, about: str, more: str, argv: Sequence[str] | None) -> int:
    commands = parser(f"psweep-{way}", about, more)
    commands.add_argument(
        "host",
        metavar="HOST",
        help="as after ssh; or a machine that the newest batch run was prepared for",
    )
    commands.add_argument(
        "-d", "--dir", default="calc", metavar="DIR", help="the study's directory (calc)"
    )
    commands.add_argument("--path", metavar="PATH", help="the directory there that has it")
    commands.add_argument(
        "-n", "--dry-run", action="store_true", help="only list what would be copied"
    )

    def act() -> int:
        from psweep_nb.study import Study

        args = commands.parse_args(argv)
        copy = getattr(Study(args.dir), way)
        names = copy(args.host, args.path, dry_run=args.dry_run)
        for name in names:
            print(printable(name))
        would = " would be" if args.dry_run else ""
        print(f"{counted(len(names), 'file')}{would} copied")
        return OK

    return guarded(commands.prog, act)
