"""Who made a study: its hidden folder, its id, and whether this user trusts it.

A study that this user made is listed in the user's data directory (see `trust`) by place and id;
one that was copied or swapped is not, and asks once. A table of another name than `database.pk` is
listed by itself: it may have come from elsewhere into a study of this user's.
"""

import json
import uuid
import warnings
from pathlib import Path

from psweep_nb import trust
from psweep_nb.database import BASENAME, HIDDEN
from psweep_nb.errors import JournalError, StudyError
from psweep_nb.files import replace_file
from psweep_nb.locks import FileLock

_NAME = "study.json"
_LOCK_S = 60.0


def is_trusted(study: Path, trust_it: bool, basename: str = BASENAME) -> bool:
    """Return whether to unpickle any type from this study.

    Parameters
    ----------
    study : Path
        Its directory; need not exist.
    trust_it : bool
        The user says so, now and from now on.
    basename : str
        The file name of its table.
    """
    study_id = _read_id(study)
    if study_id is None:
        # Nothing of ours is there yet. What else is there may come from anywhere.
        return trust_it or not (study / basename).exists()
    if _is_own(study, basename, study_id):
        return True
    if trust_it:
        _remember(_place(study, basename), study_id)
    return trust_it


def _is_own(study: Path, basename: str, study_id: str) -> bool:
    if trust.is_trusted(_place(study, basename), study_id):
        return True
    # A table that is still to be made, in a study that is this user's.
    return not (study / basename).exists() and trust.is_trusted(study, study_id)


def _place(study: Path, basename: str) -> Path:
    return study if basename == BASENAME else study / basename


def make(study: Path, basename: str = BASENAME) -> bool:
    """Make the study's hidden folder if it has none; return whether it was made now."""
    hidden = study / HIDDEN
    if (hidden / _NAME).exists():
        if basename != BASENAME:
            study_id = _read_id(study)
            if study_id and _is_own(study, basename, study_id):
                _remember(study / basename, study_id)
        return False
    study.mkdir(parents=True, exist_ok=True)
    hidden.mkdir(mode=0o700, exist_ok=True)
    lock = FileLock(hidden / "lock")
    if not lock.acquire(_LOCK_S):
        raise StudyError(f"another process has held {lock.path} for {_LOCK_S:.0f} s")
    try:
        if (hidden / _NAME).exists():  # several processes make it at once: one did
            return False
        replace_file(hidden / ".gitignore", lambda file: file.write(b"*\n"), locked=True)
        study_id = str(uuid.uuid4())
        # Before there is anything to be trusted: killed in between, it would be nobody's.
        _remember(_place(study, basename), study_id)
        if not (study / BASENAME).exists():
            _remember(study, study_id)
        text = json.dumps({"schema": 1, "id": study_id}).encode()
        replace_file(hidden / _NAME, lambda file: file.write(text), mode=0o600, locked=True)
    finally:
        lock.release()
    return True


def make_copy_known(study: Path, copy: Path) -> None:
    """A copy that this user has just made of a study is trusted as the study is."""
    study_id = _read_id(study)
    if study_id is not None and trust.is_trusted(study, study_id):
        _remember(copy, study_id)


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
