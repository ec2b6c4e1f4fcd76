"""How a run is doing at one moment, as a view derives it and people read it.

Made by `runview`; shown by the panel, the magics and the command line.
"""

from dataclasses import dataclass, field
from typing import Any

ENDED = ("stopped", "finished", "lost", "gone", "unknown", "prepared")


@dataclass(frozen=True)
class Status:
    """A run at one moment.

    Attributes
    ----------
    state : str
        ``running``, ``paused``, ``stopping``, ``stopped``, ``finished``, ``lost`` (it ended
        without saying so: killed, or the machine went down), ``gone`` (its directory is no longer
        there) or ``unknown`` (it is, or was, at work on another host). A batch run: ``prepared``,
        ``submitted`` or ``finished``.
    total, done, failed, running, pending : int
        Psets; pending ones are neither done nor failed nor running.
    rate : float or None
        Psets a second, recently.
    elapsed : float
        Seconds since the session began, until it ended.
    time_left : float or None
        Seconds, from workers, runtimes and rate; None where nothing tells.
    message : str
        Why it stopped, paused or could not write, or what is to be known of its rows.
    workers : int
        Psets executed at a time.
    reports : dict
        What running psets have reported last (`psweep_nb.report`), by their number in the run.
    """

    state: str
    total: int
    done: int
    failed: int
    running: int
    pending: int
    rate: float | None
    elapsed: float
    time_left: float | None
    message: str
    workers: int
    reports: dict[int, dict[str, Any]] = field(default_factory=dict)

    @property
    def ended(self) -> bool:
        """Whether nothing is at work on the run any more, as far as can be told from here."""
        return self.state in ENDED

    def __str__(self) -> str:
        parts = [f"{self.done} of {self.total} done"]
        parts += [f"{n} {word}" for n, word in ((self.failed, "failed"), (self.running, "running"),
                                                (self.pending, "pending")) if n]  # fmt: skip
        if self.rate and not self.ended:
            parts.append(f"{self.rate:.3g} psets/s")
        if self.time_left is not None:
            parts.append(f"{self.time_left:.0f} s left")
        message = f" ({self.message.splitlines()[0]})" if self.message else ""
        return f"{self.state}: {', '.join(parts)}{message}"
