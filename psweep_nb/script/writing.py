"""Writing the files of an export: all of them or none, and over nothing that is there."""

import contextlib
import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import BinaryIO

from psweep_nb.errors import OptionError, StudyError
from psweep_nb.files import replace_file


def check_path(path: str | os.PathLike[str]) -> Path:
    """The path of a script, absolute.

    Raises
    ------
    OptionError
        If it is no path of a file ``*.py`` in a directory that exists.
    """
    try:
        given = Path(path)
    except TypeError:
        given = Path()
    if given == Path() or "\0" in str(given):
        raise OptionError(f"path is {path!r}; it should be the path of a script: run.py")
    if given.suffix != ".py":
        raise OptionError(f"path is {str(path)!r}; it should end in .py")
    found = Path(os.path.abspath(os.path.expanduser(given)))
    if not found.parent.is_dir():
        raise OptionError(f"there is no directory {found.parent}; make it first")
    return found


def check_free(paths: Mapping[Path, bytes], force: bool) -> None:
    """Check that files can be written.

    Raises
    ------
    StudyError
        Naming those that exist already, unless `force`.
    """
    there = [path for path in paths if os.path.lexists(path)]
    folders = [path for path in there if path.is_dir()]
    if folders:
        raise StudyError(f"{folders[0]} is a directory: choose another name")
    if there and not force:
        listed = ", ".join(map(str, there))
        verb = "exists" if len(there) == 1 else "exist"
        raise StudyError(f"{listed} {verb} already: choose another name, or force=True")


def write_all(files: Mapping[Path, bytes]) -> None:
    """Write files; if one cannot be written, those that are new are taken away again.

    Raises
    ------
    StudyError
        Naming the file and what is in its way.
    """
    new: list[Path] = []
    path = Path()
    try:
        for path, content in files.items():
            if os.path.lexists(path):
                replace_file(path, _writer(content))
            else:
                path.parent.mkdir(parents=True, exist_ok=True)
                with open(path, "xb") as file:
                    new.append(path)
                    file.write(content)
    except OSError as error:
        for made in new:
            with contextlib.suppress(OSError):
                made.unlink()
        raise StudyError(f"{path} cannot be written: {error.strerror}") from error


def _writer(content: bytes) -> Callable[[BinaryIO], object]:
    return lambda file: file.write(content)
