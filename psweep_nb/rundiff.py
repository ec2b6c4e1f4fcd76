"""What two runs do not have in common: code, versions, options, psets, results. `Run.diff` is this.

Psets are the same by hash (and repeat); of results the table's rows say what they are now.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha1
from html import escape
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import pandas as pd

from psweep_nb.functions import identity
from psweep_nb.judging import stored_keys
from psweep_nb.provenance import Provenance
from psweep_nb.rundir import RunDir, SessionSpec
from psweep_nb.runview import RunView
from psweep_nb.tidy import with_state
from psweep_nb.wording import counted, printable

OTHER = "_other"
_SHOWN = 10  # columns whose differences are summed up in words
Pair = tuple[Any, Any]


class Place(Protocol):
    """What is needed of a run's study."""

    calc_dir: str
    path: Path


class Compared(Protocol):
    """What is needed of a run, see `runs.Run`."""

    folder: RunDir

    @property
    def study(self) -> Place:
        """Where it is."""

    @property
    def run_id(self) -> str:
        """Its id."""

    @property
    def run_seq(self) -> int:
        """Its number."""

    @property
    def info(self) -> dict[str, Any]:
        """What was asked for."""

    @property
    def view(self) -> RunView:
        """Its journals."""

    @property
    def spec(self) -> SessionSpec:
        """What its engine was last asked to do."""

    @property
    def df(self) -> pd.DataFrame:
        """Its rows."""

    @property
    def provenance(self) -> list[Provenance]:
        """Where its results come from."""


@dataclass(frozen=True, repr=False)
class RunDiff:
    """How one run differs from another.

    Attributes
    ----------
    names : tuple of str
        What the two are called below.
    code : str
        A unified diff of the functions, with all they reach; empty where they do the same.
    versions, options : dict
        What differs of Python, packages, host and git, and of how psets were executed: the two
        values, None for what one does not have.
    psets, other_psets : list of dict
        Parameters that only the one, or only the other run has.
    common : int
        How many psets they share.
    results : DataFrame
        Of these the ones whose results differ: parameters, and each result that differs anywhere,
        of the other run in a column with ``_other`` behind its name.
    """

    names: tuple[str, str]
    code: str
    versions: dict[str, Pair]
    options: dict[str, Pair]
    psets: list[dict[str, Any]]
    other_psets: list[dict[str, Any]]
    common: int
    results: pd.DataFrame = field(compare=False)

    def __bool__(self) -> bool:
        """Whether anything differs."""
        return bool(
            self.code
            or self.versions
            or self.options
            or self.psets
            or self.other_psets
            or len(self.results)
        )

    def __str__(self) -> str:
        one, other = self.names
        only = [f"{len(self.psets)} only in {one}"] if self.psets else []
        only += [f"{len(self.other_psets)} only in {other}"] if self.other_psets else []
        lines = [
            f"{one} and {other}",
            f"code: {'differs' if self.code else 'the same'}",
            *(f"  {line}" for line in self.code.splitlines()),
            *_in_words("versions", self.versions),
            *_in_words("options", self.options),
            f"psets: {', '.join([f'{self.common} in both', *only])}",
            f"results: {self._results_in_words()}",
        ]
        return printable("\n".join(lines), keep="\n")

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return f"<pre>{escape(str(self))}</pre>"

    def _results_in_words(self) -> str:
        if not len(self.results):
            return "the same" if self.common else "none to compare"
        parts = []
        for name in self.results.columns:
            if f"{name}{OTHER}" in self.results:
                parts.append(_column_in_words(str(name), self.results))
        more = [f"and {len(parts) - _SHOWN} more columns"] if len(parts) > _SHOWN else []
        differ = f"{len(self.results)} of {self.common} differ"
        return f"{differ} in {', '.join([*parts[:_SHOWN], *more])}"


def _in_words(what: str, pairs: Mapping[str, Pair]) -> list[str]:
    shown = [f"{name} {_word(a)} -> {_word(b)}" for name, (a, b) in pairs.items()]
    return [f"{what}: {', '.join(shown) or 'the same'}"]


def _word(value: Any) -> str:
    return "none" if value is None else str(value)


def _column_in_words(name: str, results: pd.DataFrame) -> str:
    pairs = list(zip(results[name].tolist(), results[name + OTHER].tolist(), strict=True))
    pairs = [(a, b) for a, b in pairs if not same(a, b)]
    try:
        most = max(abs(a - b) for a, b in pairs)
        by = f", by at most {most:.3g}"
    except Exception:  # texts, arrays, what is absent
        by = ""
    return f"{name} ({len(pairs)}{by})"


def diff_runs(one: Compared, other: Compared) -> RunDiff:
    """Compare two runs; see `Run.diff`."""
    a, b = _numbers_by_key(one), _numbers_by_key(other)
    pairs = [(a[key], b[key]) for key in a if key in b]
    lonely = (
        [n for key, n in a.items() if key not in b],
        [n for key, n in b.items() if key not in a],
    )
    psets = [[run.view.pset(n) for n in ns] for run, ns in zip((one, other), lonely, strict=True)]
    same_study = one.study.path == other.study.path
    names = [
        f"run {run.run_seq}" + ("" if same_study else f" of {run.study.calc_dir}/")
        for run in (one, other)
    ]
    before, after = one.provenance[-1], other.provenance[-1]
    known = before.python and after.python
    return RunDiff(
        names=(names[0], names[1]),
        code=_code_diff(one, other),
        versions=_differing(_versions(one), _versions(other)) if known else {},
        options=_differing(before.options, after.options),
        psets=psets[0],
        other_psets=psets[1],
        common=len(pairs),
        results=_compared(one, other, pairs),
    )


def _code_diff(one: Compared, other: Compared) -> str:
    specs = one.spec, other.spec
    if all(spec.code for spec in specs):
        before, after = (spec.code for spec in specs)
        same_code = before["sha1"] == after["sha1"]
        return "" if same_code else identity.diff(before["parts"], after["parts"])
    return identity.diff(*({spec.function: spec.source} for spec in specs))


def _versions(run: Compared) -> dict[str, Any]:
    last = run.provenance[-1]
    found: dict[str, Any] = {"python": last.python, **last.packages, "host": last.host}
    if last.git is not None:
        found["git"] = last.git.commit[:10] or None
        if last.git.dirty:
            digest = sha1(last.git.diff.encode(), usedforsecurity=False).hexdigest()
            files = counted(len(last.git.changed), "file")
            found["uncommitted changes"] = f"{files} ({digest[:7]})"
    return found


def _differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Pair]:
    pairs = {name: (one.get(name), other.get(name)) for name in dict.fromkeys((*one, *other))}
    return {name: pair for name, pair in pairs.items() if pair[0] != pair[1]}


def _numbers_by_key(run: Compared) -> dict[object, int]:
    """A run's psets, by what they are known by; of equal ones the first, the second, ..."""
    found: dict[object, int] = {}
    times: dict[bytes | None, int] = {}
    for number, key in enumerate(stored_keys(run.folder, run.view.load)):
        times[key] = times.get(key, -1) + 1
        # What has no hash is no other's equal.
        found[(key, times[key]) if key else (run.run_id, number)] = number
    return found


def _compared(one: Compared, other: Compared, pairs: Iterable[tuple[int, int]]) -> pd.DataFrame:
    """The rows of both runs side by side, where they differ."""
    frames = [_rows(run) for run in (one, other)]
    places = [_places(run, frame) for run, frame in zip((one, other), frames, strict=True)]
    both = [(places[0][a], places[1][b]) for a, b in pairs if a in places[0] and b in places[1]]
    left, right = (frame.iloc[[p[i] for p in both]] for i, frame in enumerate(frames))
    left, right = left.reset_index(drop=True), right.reset_index(drop=True)
    params = dict.fromkeys((*one.info["params"], *other.info["params"]))
    names = dict.fromkeys((*left.columns, *right.columns))
    differ = {
        name: ~np.fromiter(map(same, _values(left, name), _values(right, name)), bool, len(both))
        for name in names
        if name not in params
    }
    rows = np.logical_or.reduce([*differ.values(), np.zeros(len(both), dtype=bool)])
    columns = {name: left[name] for name in params if name in left and not name.startswith("_")}
    for name, where in differ.items():
        if where.any():
            columns[name] = pd.Series(_values(left, name), dtype=_dtype(left, name))
            columns[name + OTHER] = pd.Series(_values(right, name), dtype=_dtype(right, name))
    return pd.DataFrame(columns, index=range(len(both)))[rows].reset_index(drop=True)


def _rows(run: Compared) -> pd.DataFrame:
    frame = run.df
    columns = [c for c in frame.columns if not c.startswith("_") or c == "_pset_seq"]
    return with_state(frame[columns], frame)


def _places(run: Compared, frame: pd.DataFrame) -> dict[int, int]:
    """Where in the table a run's psets are, by their numbers in the run."""
    first = run.info["pset_seq"]
    seqs = frame.pop("_pset_seq").tolist() if "_pset_seq" in frame else []
    return {seq - first: place for place, seq in enumerate(seqs)}


def _values(frame: pd.DataFrame, name: str) -> list[Any]:
    return frame[name].tolist() if name in frame else [pd.NA] * len(frame)


def _dtype(frame: pd.DataFrame, name: str) -> Any:
    return frame[name].dtype if name in frame else object


def same(a: Any, b: Any) -> bool:
    """Whether two results are the same: NaN is NaN, absent is absent, arrays by their values."""
    if a is pd.NA or b is pd.NA:
        return a is b
    try:
        if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
            numbers = np.asarray(a).dtype.kind in "fc" and np.asarray(b).dtype.kind in "fc"
            return np.array_equal(a, b, equal_nan=numbers)
        return bool(a == b) or (a != a and b != b)
    except Exception:  # objects may compare as they like
        return False
