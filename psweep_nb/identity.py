"""Who made a study: its hidden folder, its id, and whether this user trusts it.

A study that this user made is listed in the user's data directory (see `trust`) by place and id;
one that was copied or swapped is not, and asks once.
"""

import contextlib
import json
import os
import uuid
import warnings
from pathlib import Path

from psweep_nb import trust
from psweep_nb.database import BASENAME, HIDDEN
from psweep_nb.errors import JournalError
from psweep_nb.files import write_new

_NAME = "study.json"


def is_trusted(study: Path, trust_it: bool) -> bool:
    """Return whether to unpickle any type from this study.

    Parameters
    ----------
    study : Path
        Its directory; need not exist.
    trust_it : bool
        The user says so, now and from now on.
    """
    study_id = _read_id(study)
    if study_id is None:
        # Nothing of ours is there yet. What else is there may come from anywhere.
        return trust_it or not (study / BASENAME).exists()
    if trust.is_trusted(study, study_id):
        return True
    if trust_it:
        _remember(study, study_id)
    return trust_it


def make(study: Path) -> bool:
    """Make the study's hidden folder if it has none; return whether it was made now."""
    hidden = study / HIDDEN
    if (hidden / _NAME).exists():
        return False
    study.mkdir(parents=True, exist_ok=True)
    hidden.mkdir(mode=0o700, exist_ok=True)
    with contextlib.suppress(FileExistsError):
        write_new(hidden / ".gitignore", [b"*\n"])
    study_id = str(uuid.uuid4())
    # Linked into place: of two processes that make a study at once, one wins, and the id is whole.
    beside = hidden / f".{_NAME}.{os.getpid()}-{study_id}"
    write_new(beside, [json.dumps({"schema": 1, "id": study_id}).encode()])
    try:
        os.link(beside, hidden / _NAME)
    except FileExistsError:
        return False
    finally:
        beside.unlink()
    _remember(study, study_id)
    return True


def _remember(study: Path, study_id: str) -> None:
    try:
        trust.register(study, study_id)
    except OSError as exc:  # a home directory that cannot be written, on some clusters
        warnings.warn(
            f"cannot note that {study} is yours ({exc}): opening it again will need trust=True",
            stacklevel=3,
        )


def _read_id(study: Path) -> str | None:
    path = study / HIDDEN / _NAME
    try:
        return str(json.loads(path.read_bytes())["id"])
    except FileNotFoundError:
        return None
    except (ValueError, KeyError, TypeError):
        raise JournalError(f"{path} is damaged; a copy from a backup will do") from None
