"""The git repository that a study lies in: its results are committed, and nothing else of it.

Used by the study for ``git=True``. The repository is the user's: it is never made here, what the
user has staged stays staged, hooks and configuration hold. What git refuses costs no run.
"""

import contextlib
import os
import subprocess
from pathlib import Path

from psweep_nb.database import Database
from psweep_nb.errors import StudyError
from psweep_nb.gitcommand import git, said

_NAMES = 20  # of files that are listed in a message


class Repo:
    """Commits one path, whatever else there is to commit.

    Parameters
    ----------
    path : Path
        The study's directory, or a file; need not exist yet.

    Raises
    ------
    StudyError
        If there is no git, or no repository; nothing was written.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(os.path.realpath(path))
        found = git(self._where(), "rev-parse", "--is-inside-work-tree")
        if found.returncode or found.stdout.strip() != "true":
            raise StudyError(
                f"{path} is in no git repository that can be used ({said(found) or 'no work tree'}"
                "): make one with `git init` and a first commit, or leave git out"
            )

    def _where(self) -> Path:
        """The nearest directory that exists."""
        return next(path for path in (self.path, *self.path.parents) if path.is_dir())

    def _do(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        # Literal: a directory may be called `calc[1]`.
        return git(self._where(), "--literal-pathspecs", *arguments, "--", str(self.path))

    def stage(self) -> None:
        """Tell git of all that has changed in the path.

        Raises
        ------
        StudyError
            If git does not take it.
        """
        if not self.path.exists():
            return
        if git(self._where(), "check-ignore", "--quiet", "--", str(self.path)).returncode == 0:
            raise StudyError("it is ignored (.gitignore)")
        done = self._do("add", "--all")
        if done.returncode:
            raise StudyError(said(done))

    def commit(self, message: str) -> None:
        """Commit what has changed in the path, if anything has, and nothing else.

        Raises
        ------
        StudyError
            If git refuses, or a hook does.
        """
        if not self.path.exists() or self._do("diff", "--cached", "--quiet").returncode == 0:
            return
        message += self._uncommitted()
        done = self._do("commit", "--quiet", "--only", "--message", message)
        if done.returncode:
            raise StudyError(f"{said(done)} (it is staged)")

    def _uncommitted(self) -> str:
        """For the message: what else was changed, so that the commit does not tell all."""
        others = self.others()
        return f"\n\nChanged and not committed then:{_listed(others)}\n" if others else ""

    def others(self, untracked: bool = False) -> list[str]:
        """What of the repository, outside the path, differs from the last commit.

        Names from its top on; files that git does not know yet only if `untracked`.
        """
        files = f"--untracked-files={'normal' if untracked else 'no'}"
        found = git(self._where(), "status", "--porcelain", "-z", files, "--", ":/")
        names, top = [e[3:] for e in found.stdout.split("\0") if e[2:3] == " "], self.top()
        return [name for name in names if not (top / name).is_relative_to(self.path)]

    def top(self) -> Path:
        """The repository's uppermost directory."""
        return Path(git(self._where(), "rev-parse", "--show-toplevel").stdout.rstrip("\n"))


def _listed(names: list[str]) -> str:
    more = "" if len(names) <= _NAMES else f"\n  and {len(names) - _NAMES} more"
    return "".join(f"\n  {name!a}" for name in names[:_NAMES]) + more


class Commits:
    """The commits of one study: of its directory, and of its table where that is elsewhere.

    Raises
    ------
    StudyError
        See `Repo`.
    """

    def __init__(self, database: Database, calc_path: Path) -> None:
        self._database = database
        inside = database.path.is_relative_to(calc_path)
        self._repos = [Repo(path) for path in (calc_path, *(() if inside else (database.path,)))]

    def check_rest(self) -> None:
        """Raise `StudyError` if anything but the study is not committed."""
        places = [repo.path for repo in self._repos]
        for repo in self._repos:
            top = repo.top()
            others = [
                name
                for name in repo.others(untracked=True)
                if not any((top / name).is_relative_to(place) for place in places)
            ]
            if others:
                raise StudyError(
                    f"git=True needs everything but the study committed (or ignored); this is not:"
                    f"{_listed(others)}"
                )

    def make(self, message: str) -> list[str]:
        """Commit what has changed; return what is in the way, a sentence each."""
        said = []
        for repo in self._repos:
            try:
                # Nobody replaces the table, by a file beside it, while files are looked for.
                with self._locked():
                    repo.stage()
                repo.commit(message)
            except StudyError as exc:
                said.append(f"git: {repo.path} is not committed: {exc}")
        return said

    def _locked(self) -> contextlib.AbstractContextManager[None]:
        there = self._database.hidden.exists()
        return self._database.locked() if there else contextlib.nullcontext()
