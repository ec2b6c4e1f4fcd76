"""The state of a git work tree: commit, what differs from it, what git does not know.

Used by `provenance`. Only looked at: no lock is taken, nothing is asked, and it ends.
"""

import contextlib
from dataclasses import dataclass, field
from pathlib import Path

from psweep_nb.errors import StudyError
from psweep_nb.gitcommand import git
from psweep_nb.wording import counted

_MAX_DIFF = 200_000  # characters
_BIG_FILE = "core.bigFileThreshold=1m"  # of larger ones git says that they differ, not where
_MAX_NAMES = 200
_GIT_S = 10.0


@dataclass(frozen=True)
class Git:
    """The state of a git work tree, the study itself left out.

    Attributes
    ----------
    folder : str
        The top of the tree.
    commit : str
        The id of the commit; empty before the first one.
    branch : str
        Its name, or ``(detached)``.
    changed, untracked : list of str
        Files that differ from the commit, and files that git does not know; 200 names at most.
    diff : str
        What differs, as text; of files above 1 MB only that they do. 200 000 characters at most.
    """

    folder: str
    commit: str
    branch: str
    changed: list[str] = field(default_factory=list)
    untracked: list[str] = field(default_factory=list)
    diff: str = field(default="", repr=False)

    @property
    def dirty(self) -> bool:
        """Whether files that git knows differ from the commit."""
        return bool(self.changed)

    def __str__(self) -> str:
        files = counted(len(self.changed), "changed file")
        more = f" and {files}" if self.dirty else ""
        others = f", {len(self.untracked)} untracked" if self.untracked else ""
        return f"git {self.commit[:10] or '(no commit yet)'}{more}{others}"


def look(tree: Path, study: Path) -> Git | None:
    """Return the state of a work tree, of which the study's directory is no part; None without git.

    Parameters
    ----------
    tree : Path
        Its top.
    study : Path
        May be anywhere.
    """
    where = [":/"]
    with contextlib.suppress(ValueError):
        inside = study.resolve().relative_to(tree.resolve())
        if inside.parts:
            where.append(f":(top,exclude,literal){inside.as_posix()}")
    try:
        # Without locks: the user's own git, at the same moment, must not find one.
        options = ["--no-optional-locks", "-c", _BIG_FILE]
        status = ["status", "--porcelain=v2", "--branch", "-z", "--untracked-files=normal"]
        done = git(tree, *options, *status, "--", *where, timeout=_GIT_S)
        if done.returncode:
            return None
        head, changed, untracked = _parsed(done.stdout.split("\0"))
        commit = "" if head.get("oid") in (None, "(initial)") else head["oid"]
        diff = ""
        if changed and commit:
            how = ["diff", commit, "--no-ext-diff", "--no-textconv", "--no-color"]
            diff = git(tree, *options, *how, "--", *where, timeout=_GIT_S).stdout
    except (StudyError, OSError):
        return None
    if len(diff) > _MAX_DIFF:
        diff = f"{diff[:_MAX_DIFF]}\n... {len(diff) - _MAX_DIFF} characters left out\n"
    branch = head.get("head", "")
    return Git(str(tree), commit, branch, changed[:_MAX_NAMES], untracked[:_MAX_NAMES], diff)


def _parsed(entries: list[str]) -> tuple[dict[str, str], list[str], list[str]]:
    """Return headers, changed and untracked files of what `git status` said."""
    head, changed, untracked = dict[str, str](), list[str](), list[str]()
    waiting = iter(entries)
    for entry in waiting:
        kind, _, rest = entry.partition(" ")
        if kind == "#":
            name, _, value = rest.partition(" ")
            head[name.removeprefix("branch.")] = value
        elif kind == "?":
            untracked.append(rest)
        elif kind in ("1", "2", "u"):  # the name stands behind 7, 8 or 9 further fields
            changed.append(rest.split(" ", {"1": 7, "2": 8, "u": 9}[kind])[-1])
            if kind == "2":
                next(waiting, None)  # the name it had before
    return head, changed, untracked
