"""What all commands share: errors as one line, exit codes, tables as text."""

import argparse
import contextlib
import io
import os
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from psweep_nb.errors import OptionError, PsweepError, TrustError
from psweep_nb.wording import printable

if TYPE_CHECKING:
    import pandas as pd

OK, NO, TROUBLE, READER_GONE, INTERRUPTED = 0, 1, 2, 141, 130
EXIT_CODES = """\
exit codes:
  0    done
  1    the answer is no: the run did not finish well, or what was compared differs
  2    wrong use, or it cannot be done; a line on stderr says why
  130  interrupted with Ctrl-C
  141  whoever read the output went away"""


def parser(prog: str, about: str, more: str = "") -> argparse.ArgumentParser:
    """An argument parser with the exit codes in its help."""
    return argparse.ArgumentParser(
        prog=prog,
        description=about,
        epilog=more + EXIT_CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )


def guarded(prog: str, act: Callable[[], int]) -> int:
    """Run a command; what a user can get wrong becomes one line and an exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # a terminal that knows no more than ASCII, say
            stream.reconfigure(errors="backslashreplace")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", UserWarning)
        warnings.showwarning = lambda message, *_, **__: _say(prog, f"warning: {message}")
        try:
            code = act()
            if sys.stdout is not None:  # closed by whoever started us
                sys.stdout.flush()
            return code
        except SystemExit as exc:  # argparse: it has said what is wrong
            return exc.code if isinstance(exc.code, int) else TROUBLE
        except KeyboardInterrupt:
            return INTERRUPTED
        except BrokenPipeError:
            _give_up_stdout()
            return READER_GONE
        except TrustError as exc:
            _say(prog, f"{exc}; here: --trust")
        except PsweepError as exc:
            _say(prog, str(exc))
        except OSError as exc:
            where = f"{exc.filename}: " if exc.filename else ""
            _say(prog, f"{where}{exc.strerror or exc}")
        return TROUBLE


def _say(prog: str, text: str) -> None:
    if sys.stderr is None:  # then print would choose stdout
        return
    words = printable(text, keep="\n").split()
    print(f"{prog}: {' '.join(words)}", file=sys.stderr)


def _give_up_stdout() -> None:
    """What is still to be flushed at exit goes nowhere, without a complaint."""
    with contextlib.suppress(OSError, ValueError):  # there may be no file behind it
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def check_format(fmt: str) -> None:
    """Raise `OptionError` if tabulate has no such format."""
    from tabulate import tabulate_formats

    if fmt not in tabulate_formats:
        raise OptionError(f"unknown table format {fmt!r}; there are {', '.join(tabulate_formats)}")


def frame_text(df: "pd.DataFrame", fmt: str, index: bool) -> str:
    """A table as text."""
    columns = {str(name): df[name].tolist() for name in df.columns}
    if index:
        columns = {"": df.index.tolist(), **columns}
    return table_text(columns, fmt)


def table_text(columns: Mapping[str, Sequence[Any]], fmt: str = "simple") -> str:
    """Columns as text, in one of tabulate's formats."""
    from tabulate import tabulate

    shown = [[_cell(value) for value in values] for values in columns.values()]
    # tabulate takes text for numbers, "001" for 1, unless told which columns are text.
    texts = [i for i, cells in enumerate(shown) if any(isinstance(cell, str) for cell in cells)]
    headers = [printable(name, keep="\n") for name in columns]
    rows = list(zip(*shown, strict=True))
    return str(tabulate(rows, headers, fmt, missingval="<NA>", disable_numparse=texts or False))


def _cell(value: Any) -> Any:
    """What tabulate is given: a number, a text, or None for what is absent."""
    import pandas as pd

    if value is pd.NA or value is pd.NaT:
        return None
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    return printable(str(value), keep="\n")
