"""A copy of a whole study beside it, made before a run that might spoil it.

Used by the study. A copy is made under a hidden name and renamed when it is complete, so that what
is named as a backup is one, whatever was killed.
"""

import contextlib
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from psweep_nb import identity
from psweep_nb.database import Database
from psweep_nb.errors import StudyError
from psweep_nb.files import sync_file

_TIME = "%Y-%m-%dT%H-%M-%S.%fZ"  # no colons: scp, tar and other systems' disks dislike them


def back_up(folder: Path, database: Database) -> Path | None:
    """Copy a study to ``<folder>.bak_<time>_run_id_<id>``, and return that; None: nothing is there.

    Parameters
    ----------
    folder : Path
        What is copied; symbolic links in it stay links.
    database : Database
        Of the study, somewhere in `folder`. The id in the name is that of its newest run.

    Raises
    ------
    StudyError
        If something is at work on the study, or a file cannot be copied; then there is no backup.
    """
    if not database.path.is_relative_to(folder) or folder == folder.parent:
        raise StudyError(
            f"a backup is a copy of {folder}, in which the table {database.path} is not: it would "
            "be none; copy the directories yourself, or keep the table in the study's directory"
        )
    if not database.path.exists() and not database.runs():
        return None
    with _nobody_at_work(database) as is_locked:
        if is_locked:
            _remove_leftovers(folder)
        now = datetime.now(UTC).strftime(_TIME)
        target = folder.with_name(f"{folder.name}.bak_{now}{_newest_run(database)}")
        _copy(folder, target)
    return target


@contextlib.contextmanager
def _nobody_at_work(database: Database) -> Iterator[bool]:
    """Hold the study's lock, without which no run begins; a study without runs has none."""
    if not database.hidden.exists():
        yield False
        return
    with database.locked():
        if database.is_active():
            raise StudyError(
                f"a run is at work on {database.calc_dir}: a copy made now would be of no one "
                "moment; wait until it has ended, or stop it"
            )
        yield True


def _newest_run(database: Database) -> str:
    """The last part of the name; empty where no run is known."""
    frame = database.frame()
    found = frame["_run_id"].tolist()[::-1] if "_run_id" in frame else []
    known = [run.run_id for run in database.runs()[-1:]]
    for run_id in (*found[:1], *known):
        # The table is the user's: what is no id must not become part of a path.
        with contextlib.suppress(ValueError, AttributeError, TypeError):
            return f"_run_id_{uuid.UUID(run_id)}"
    return ""


def _copy(folder: Path, target: Path) -> None:
    partial = folder.with_name(f".{folder.name}.bak-partial-{os.urandom(4).hex()}")
    try:
        shutil.copytree(folder, partial, symlinks=True)
        os.sync()  # or a power cut could leave empty files under a good name
        identity.make_copy_known(folder, target)  # killed behind the rename, it would be nobody's
        os.rename(partial, target)
        sync_file(target.parent)
    except OSError as exc:
        raise StudyError(f"no backup of {folder} was made: {_reason(exc)}") from exc
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _reason(exc: OSError) -> str:
    """What was in the way, of several files the first."""
    if not isinstance(exc, shutil.Error):
        return str(exc)
    (source, _, why), *others = exc.args[0]
    more = f" (and {len(others)} more)" if others else ""
    return f"{source} cannot be copied: {why}{more}"


def _remove_leftovers(folder: Path) -> None:
    """Remove what backups left that were killed; whoever calls it holds the study's lock."""
    name = re.compile(re.escape(f".{folder.name}.bak-partial-") + "[0-9a-f]{8}")
    for path in folder.parent.iterdir():
        if name.fullmatch(path.name):
            shutil.rmtree(path, ignore_errors=True)
