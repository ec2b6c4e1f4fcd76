"""A study's directory to another machine and back, by rsync: push never deletes, pull never
touches the table, the runs' records or the submit scripts, and of a file that both have neither
puts an older one in the place of a newer.

Used by the study, by the commands psweep-push and psweep-pull, and by submitting and collecting,
which copy the directories of some psets only.
"""

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from psweep_nb.batch.remote import Shell, check_host, check_path, failure, rsync
from psweep_nb.errors import OptionError, StudyError

# Links are left out, as psweep does: what they point to is on the machine that they come from.
_COPY = ("-rtp", "--out-format=%n")
_MKDIR_S = 60
# What is in these files, beside the study's directory, is not copied: names, patterns, a line each.
EXCLUDE_FILES = {"push": ("excl_push", "rsync.exclude"), "pull": ("excl_pull", "rsync.exclude")}


@dataclass(frozen=True)
class Away:
    """Where a study's directory is on another machine."""

    host: str
    path: str

    @classmethod
    def of(cls, calc: Path, host: str, path: str | None = None) -> "Away":
        """Return where `calc` is on `host`.

        Parameters
        ----------
        calc : Path
            The study's directory here, absolute.
        host : str
            As after ``ssh``.
        path : str, optional
            The directory in which it is there; as here, relative to the home, by default.

        Raises
        ------
        OptionError
            If a name is not safe, or there is no default.
        """
        check_host(host)
        if path is None:
            try:
                path = str(calc.parent.relative_to(Path.home()))
            except ValueError:
                raise OptionError(
                    f"{calc.parent} is not below {Path.home()}: say with path in which directory "
                    f"of {host} {calc.name}/ is to be"
                ) from None
        return cls(host, check_path(os.path.join(check_path(path), calc.name)))

    @property
    def spec(self) -> str:
        """The directory's content, as rsync wants it named."""
        return f"{self.host}:{self.path}/"


def push(
    calc: Path,
    away: Away,
    exclude: Sequence[str] = (),
    only: Sequence[str] | None = None,
    dry_run: bool = False,
) -> list[str]:
    """Copy what is new here; return the names of files copied, relative to `calc`.

    Parameters
    ----------
    calc : Path
        The study's directory.
    away : Away
        Where it goes.
    exclude : sequence of str
        Patterns, as rsync has them, of what is left out.
    only : sequence of str, optional
        Directories in `calc`: nothing else is copied then.
    dry_run : bool
        Only say what would be copied.

    Raises
    ------
    RemoteError
        If it did not work.
    """
    if not calc.is_dir():
        raise StudyError(f"there is no directory {calc} to push")
    if not dry_run:
        made = Shell(away.host).run(f"mkdir -p -- {shlex.quote(away.path)}", _MKDIR_S)
        if made.code:
            raise failure(away.host, "mkdir", made)
    options = _options("push", calc, ("/.psweep",), exclude, dry_run)
    return _copied(options, f"{calc}/", away.spec, away.host, only)


def pull(
    calc: Path,
    away: Away,
    exclude: Sequence[str] = (),
    only: Sequence[str] | None = None,
    dry_run: bool = False,
    basename: str = "database.pk",
) -> list[str]:
    """Copy what is new there; as :func:`push`, the other way round.

    `basename` is the name of the study's table, which is left alone here.
    """
    if not dry_run:
        calc.mkdir(parents=True, exist_ok=True)
    own = ("/database.pk", f"/{basename}", "/.psweep", "/run_*.sh")
    options = _options("pull", calc, own, exclude, dry_run)
    return _copied(options, away.spec, f"{calc}/", away.host, only)


def _options(
    way: str, calc: Path, never: Sequence[str], exclude: Sequence[str], dry_run: bool
) -> list[str]:
    # Of rules that fit the first counts: a user's own cannot let through what must not be.
    rules = [f"--exclude={pattern}" for pattern in never]
    rules += [f"--exclude={pattern}" for pattern in exclude]
    files = (calc.parent / name for name in EXCLUDE_FILES[way])
    rules += [f"--exclude-from={file}" for file in files if file.is_file()]
    return [*_COPY, *(["--dry-run"] if dry_run else []), *rules]


def _copied(
    options: list[str], source: str, target: str, host: str, only: Sequence[str] | None
) -> list[str]:
    names = ""
    if only is None:
        # Jobs may be writing there, people may be editing here: what is newer stays.
        options = [*options, "--update"]
    else:  # of these one side is known to be right, whatever the clocks say
        # -r is not implied then; and what is not there (yet) is no trouble.
        options = [*options, "--files-from=-", "--ignore-missing-args"]
        names = "".join(f"{name}/\n" for name in only)
    done = rsync(options, source, target, host, names)
    lines = done.out.splitlines()
    return [name for name in lines if not name.endswith("/") and "non-regular file" not in name]
