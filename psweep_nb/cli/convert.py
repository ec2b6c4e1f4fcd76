"""`psweep-db2json` and `psweep-db2table`: a table's file as text, as psweep has them.

Options and output are psweep 0.16's; what goes wrong is said in a line.
"""

import argparse
from collections.abc import Sequence

from psweep_nb.cli.common import OK, check_format, frame_text, guarded, parser
from psweep_nb.errors import OptionError
from psweep_nb.frames import columns_given
from psweep_nb.tables import df_read, df_to_json, is_bookkeeping

ORIENTS = ("split", "records", "index", "columns", "values")


def db2json(argv: Sequence[str] | None = None) -> int:
    """The command `psweep-db2json`; returns its exit code."""
    commands = parser(
        "psweep-db2json",
        "Print the table in a database file (database.pk) as JSON.",
        "example: psweep-db2json calc/database.pk | jq -r '.[]|._run_id' | sort -u\n\n",
    )
    commands.add_argument(
        "-o", dest="orient", default="records", choices=ORIENTS, help="shape (records)"
    )
    _add_file(commands)

    def act() -> int:
        args = commands.parse_args(argv)
        df = df_read(args.file, trust=args.trust)
        if "_time_utc" in df:  # then the index is the same times, which are not unique
            df = df.reset_index(drop=True)
        elif args.orient in ("index", "columns") and not df.index.is_unique:
            raise OptionError(f"-o {args.orient} needs an index without duplicates")
        print(df_to_json(df, orient=args.orient))
        return OK

    return guarded(commands.prog, act)


def db2table(argv: Sequence[str] | None = None) -> int:
    """The command `psweep-db2table`; returns its exit code."""
    commands = parser(
        "psweep-db2table",
        "Print the table in a database file (database.pk) as text.",
        "example: psweep-db2table calc/database.pk a loss | less -S\n\n",
    )
    commands.add_argument(
        "-f", dest="fmt", default="simple", metavar="FMT", help="a format of tabulate (simple)"
    )
    commands.add_argument(
        "-a", dest="everything", action="store_true", help="all columns, book-keeping too"
    )
    commands.add_argument("-i", dest="index", action="store_true", help="print the index, too")
    _add_file(commands)
    commands.add_argument(
        "columns", nargs="*", metavar="COLUMN", help="only these (all but book-keeping)"
    )

    def act() -> int:
        args = commands.parse_args(argv)
        check_format(args.fmt)
        df = df_read(args.file, trust=args.trust)
        columns_given(args.columns, "COLUMN", df.columns)
        chosen = args.columns or [name for name in df.columns if not is_bookkeeping(name)]
        print(frame_text(df if args.everything else df[chosen], args.fmt, args.index))
        return OK

    return guarded(commands.prog, act)


def _add_file(commands: argparse.ArgumentParser) -> None:
    commands.add_argument("file", metavar="FILE", help="such as calc/database.pk")
    commands.add_argument(
        "--trust",
        action="store_true",
        help="read any type of object, which may run code that is in the file",
    )
