"""What is to be drawn of a table, and whether it can be.

Made by the plain functions in ``plots`` and by the explorer; ``drawing`` draws it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from psweep_nb.errors import OptionError
from psweep_nb.ui import texts
from psweep_nb.ui.kinds import NUMBER, OTHER, TIME, Kind, kind_of

LINE, SCATTER, HEATMAP = "line", "scatter", "heatmap"
KINDS = (LINE, SCATTER, HEATMAP)
BANDS = ("std", "quartiles", "none")
STATES = ("done", "failed", "all")


@dataclass(frozen=True)
class Picture:
    """What is to be drawn.

    Attributes
    ----------
    kind : str
        `LINE`, `SCATTER` or `HEATMAP`.
    x, y : str
        Columns.
    color : str, optional
        The column that gives colours; of a heat map the one that is averaged in its cells.
    band : str
        What is shaded around a line where rows share x and colour: ``"std"``, one standard
        deviation around the mean; ``"quartiles"``, the middle half around the median;
        ``"none"``, nothing around the mean.
    state : str
        ``"done"``, ``"failed"`` or ``"all"`` rows.
    runs : sequence of int, optional
        Only rows of these runs (`_run_seq`).
    where : mapping
        Only rows with these values: a value, a list of them, or ``slice(low, high)``, both ends
        included.
    """

    kind: str
    x: str
    y: str
    color: str | None = None
    band: str = "std"
    state: str = "done"
    runs: Sequence[int] | None = None
    where: Mapping[str, Any] = field(default_factory=dict)

    @property
    def columns(self) -> list[str]:
        """The columns it shows, each once."""
        return list(
            dict.fromkeys(name for name in (self.x, self.y, self.color) if name is not None)
        )


def check(picture: Picture, df: pd.DataFrame) -> None:
    """Raise `OptionError` if it cannot be drawn of this table, with the reason."""
    for word, value, known in (
        ("kind", picture.kind, KINDS),
        ("band", picture.band, BANDS),
        ("state", picture.state, STATES),
    ):
        if value not in known:
            raise OptionError(f"{word} is {value!r}; it should be one of {', '.join(known)}")
    color = [] if picture.color is None else [picture.color]
    for name in (picture.x, picture.y, *color, *picture.where):
        if not isinstance(name, str) or name not in df.columns:
            listed = ", ".join(str(c) for c in df.columns if not str(c).startswith("_"))
            listed = texts.cut(listed, 500) or "none yet"
            raise OptionError(f"there is no column {name!r:.100}; there are {listed}")
        if list(df.columns).count(name) > 1:
            raise OptionError(f"the table has several columns {name!r}; rename all but one")
    if picture.kind == HEATMAP and len(picture.columns) < 3:
        raise OptionError("a heat map needs three different columns: x, y, and one for its cells")
    for name in picture.columns:
        _check_kind(picture, name, kind_of(df[name]))


def _check_kind(picture: Picture, name: str, kind: Kind) -> None:
    if kind.name == OTHER:
        raise OptionError(f"{name!r} cannot be drawn: it holds neither numbers nor texts")
    if kind.name == TIME and name != picture.x:
        raise OptionError(f"{name!r} is a time, which can be drawn as x only")
    averaged = {LINE: picture.y, HEATMAP: picture.color}.get(picture.kind)
    if name == averaged and kind.name != NUMBER and not kind.truth:
        raise OptionError(f"{name!r} holds texts; a {picture.kind} needs numbers there")
