"""Which studies this user created or opened with `trust=True`: a file in the user's data directory.

Keyed by the real path and the id of the study, so that a copied or swapped directory asks again.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

from psweep_nb.files import replace_file
from psweep_nb.locks import FileLock

_LOCK_SECONDS = 10.0


def register(study_dir: str | os.PathLike[str], study_id: str) -> None:
    """Trust a study from now on.

    Raises
    ------
    OSError
        The user's data directory cannot be written.
    """
    if is_trusted(study_dir, study_id):
        return
    file = _registry_file()
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    lock = FileLock(file.with_suffix(".lock"))
    if not lock.acquire(_LOCK_SECONDS):
        raise TimeoutError(f"{lock.path} is held by another process since {_LOCK_SECONDS:.0f} s")
    try:
        # Temporary studies (`save=False`) would add up; others may be on a drive that is not here.
        temporary = os.path.join(os.path.realpath(tempfile.gettempdir()), "psweep_nb-")
        known = {
            place: known_id
            for place, known_id in _read().items()
            if os.path.exists(place) or not place.startswith(temporary)
        }
        entries = {**known, os.path.realpath(study_dir): study_id}
        text = json.dumps({"version": 1, "studies": entries}, indent=1, sort_keys=True)
        replace_file(file, lambda out: out.write(text.encode()), mode=0o600, locked=True)
    finally:
        lock.release()


def is_trusted(study_dir: str | os.PathLike[str], study_id: str) -> bool:
    """Whether the study with this id, in this very directory, is on the user's list."""
    return bool(study_id) and _read().get(os.path.realpath(study_dir)) == study_id


def _read() -> dict[str, str]:
    try:
        studies = json.loads(_registry_file().read_bytes())["studies"]
    except (OSError, ValueError, KeyError, TypeError):
        # Missing or damaged: then nothing is trusted, and the user is asked once more.
        return {}
    return studies if isinstance(studies, dict) else {}


def _registry_file() -> Path:
    """Asked each time: tests and users set XDG_DATA_HOME."""
    chosen = os.environ.get("XDG_DATA_HOME", "")
    if os.path.isabs(chosen):
        base = Path(chosen)
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    else:
        base = Path.home() / ".local" / "share"
    return base / "psweep_nb" / "trusted.json"
