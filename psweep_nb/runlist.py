"""The runs of a study: a list that shows itself as a table, in a terminal and in a notebook.

`Study.runs` is one; the notebook layer shows its rows in its own looks. Texts of users are made
printable here.
"""

from typing import TYPE_CHECKING

from psweep_nb.errors import PsweepError
from psweep_nb.inputs import whole
from psweep_nb.plaintables import html_table, text_table
from psweep_nb.wording import local_time, short_line

if TYPE_CHECKING:
    from psweep_nb.runs import Run

MOST = 50  # that are shown, the newest
NUMERIC = frozenset({"run", "done", "failed", "total"})
_LEAST_OF_ID = 8  # characters


class Runs(list["Run"]):
    """Runs, oldest first; a list in all that it does."""

    def find(self, key: int | str) -> "Run | None":
        """Return a run by number, label or id, or from the end; see `Study.run_of`."""
        found: list[Run] = []
        number = whole(key)  # of a row of the table, too: NumPy's
        if number is not None:
            found = [run for run in self if run.run_seq == number]
            if -len(self) <= number < 0:
                found = [self[number]]
        elif isinstance(key, str):
            found = [run for run in self if key and run.label == key]
            if not found and len(key) >= _LEAST_OF_ID:
                found = [run for run in self if run.run_id.startswith(key)]
        return found[-1] if found else None

    @property
    def names(self) -> str:
        """Numbers and labels, for a message."""
        names = [f"{run.run_seq}" + (f" ({run.label})" if run.label else "") for run in self]
        return ", ".join(names) or "none yet"

    def __repr__(self) -> str:
        if not self:
            return "no runs yet"
        more = [f"and {len(self) - MOST} older ones"] if len(self) > MOST else []
        return "\n".join([text_table([row_of(run) for run in self[-MOST:]], NUMERIC), *more])

    def _repr_html_(self) -> str:
        if not self:
            return "no runs yet"
        more = f"<div>and {len(self) - MOST} older ones</div>" if len(self) > MOST else ""
        return html_table([row_of(run) for run in self[-MOST:]], NUMERIC) + more


def row_of(run: "Run") -> dict[str, str]:
    """What is said of a run, by column; of a damaged one as much as can be read."""
    info = run.info
    row = {
        "run": str(run.run_seq),
        "label": short_line(run.label),
        "function": short_line(info.get("function") or ""),
        "state": "damaged",
        "done": "",
        "failed": "",
        "total": str(info.get("n", "")),
        "started": local_time(info.get("time_utc")),
    }
    try:
        status = run.status()
    except (PsweepError, OSError):
        return row
    counts = {name: str(getattr(status, name)) for name in ("done", "failed", "total")}
    return {**row, "state": status.state, **counts}
