"""One column of a run over all its psets: what sorting, filters, colours and groups work on.

Values are read from the journals only for columns that somebody asked for, in pieces, and kept
as numbers and short texts in arrays. No frame is built.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from psweep_nb.ui import texts

if TYPE_CHECKING:
    from psweep_nb.runview import RunView

PIECE = 1000  # values read at once: two milliseconds or so
ABSENT: Any = object()
# What stands in a place, in the order of sorting.
NUMBER, NAN, TEXT, NOTHING = range(4)

_PLAIN = {int, float}
_COMPARE: dict[str, Callable[[Any, Any], Any]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Values:
    """Numbers and short texts by pset.

    Parameters
    ----------
    total : int
        Psets of the run.
    text : callable
        Makes the text of a value that is no number.

    Examples
    --------
    >>> values = Values(4)
    >>> for pset, value in enumerate([2, "b", 1.5]):
    ...     values.put(pset, value)
    >>> values.order(np.arange(4)).tolist(), values.order(np.arange(4), True).tolist()
    ([2, 0, 1, 3], [0, 2, 1, 3])
    >>> values.where("<", 2).tolist()
    [False, False, True, False]
    """

    def __init__(self, total: int, text: Callable[[Any], str] = texts.cell) -> None:
        self._text = text
        self.what = np.full(total, NOTHING, dtype=np.uint8)
        self.numbers = np.zeros(total)  # or the number of the text in `words`
        self.words: dict[str, int] = {}

    @classmethod
    def of_numbers(cls, numbers: np.ndarray) -> Values:
        """Numbers that are there already; NaN where there is none."""
        values = cls(0)
        values.numbers = numbers.astype(float)
        values.what = np.where(np.isnan(values.numbers), NOTHING, NUMBER).astype(np.uint8)
        return values

    @classmethod
    def of_texts(cls, which: np.ndarray, words: Sequence[str]) -> Values:
        """Texts, each given by its place in `words`."""
        values = cls(0)
        values.numbers = which.astype(float)
        values.what = np.full(len(which), TEXT, dtype=np.uint8)
        values.words = {word: place for place, word in enumerate(words)}
        return values

    def put(self, pset: int, value: Any) -> None:
        """Take the value of a pset; `ABSENT` for none."""
        what, number = self._split(value)
        self.what[pset], self.numbers[pset] = what, number

    def put_all(self, psets: Sequence[int], values: Sequence[Any]) -> None:
        """Take the values of many psets; of one that is there twice the last value counts."""
        try:
            numbers = np.array(values, dtype=float) if set(map(type, values)) <= _PLAIN else None
        except OverflowError:
            numbers = None
        if numbers is None:
            for pset, value in zip(psets, values, strict=True):
                self.put(pset, value)
            return
        nan = np.isnan(numbers)
        self.what[psets] = np.where(nan, NAN, NUMBER)
        self.numbers[psets] = np.where(nan, 0.0, numbers)

    def _split(self, value: Any) -> tuple[int, float]:
        if value is ABSENT:
            return NOTHING, 0.0
        if is_number(value):
            try:
                number = float(value)
            except (OverflowError, ValueError, TypeError):  # an int beyond all floats
                return TEXT, self._word(value)
            return (NAN, 0.0) if math.isnan(number) else (NUMBER, number)
        return TEXT, self._word(value)

    def _word(self, value: Any) -> int:
        return self.words.setdefault(self._text(value), len(self.words))

    def is_finite(self, pset: int) -> bool:
        """Whether a pset has a finite number."""
        return bool(self.what[pset] == NUMBER and math.isfinite(self.numbers[pset]))

    def range(self) -> tuple[float, float] | None:
        """The least and the largest finite number; None if there is none."""
        found = self.numbers[self.what == NUMBER]
        found = found[np.isfinite(found)]
        return (float(found.min()), float(found.max())) if len(found) else None

    def order(self, psets: np.ndarray, descending: bool = False) -> np.ndarray:
        """These psets by value: numbers, NaN, texts, and last where there is none."""
        what, keys = self.what[psets], self.numbers[psets]
        is_text = what == TEXT
        if is_text.any():
            keys = np.where(is_text, self._ranks()[_places(keys, is_text)], keys)
        keys = -keys if descending else keys
        if (what == NUMBER).all():
            places = np.argsort(keys, kind="stable")
        else:
            places = np.lexsort((keys, what))
        found: np.ndarray = psets[places]
        return found

    def _ranks(self) -> np.ndarray:
        words = list(self.words)
        ranks = np.empty(len(words))
        ranks[sorted(range(len(words)), key=words.__getitem__)] = np.arange(len(words))
        return ranks

    def where(self, op: str, value: float | str) -> np.ndarray:
        """Mask of the psets whose value is so.

        Parameters
        ----------
        op : str
            ``=``, ``!=``, ``<``, ``<=``, ``>``, ``>=``; ``~``: contains this text.
        value : float or str
        """
        if op == "!=":
            other: np.ndarray = ~self._equal(value) & (self.what != NOTHING)
            return other
        if op == "~":
            return self._in_words(lambda word: str(value).casefold() in word.casefold())
        if op == "=":
            return self._equal(value)
        if isinstance(value, str):
            return self._in_words(lambda word: bool(_COMPARE[op](word, value)))
        found: np.ndarray = (self.what == NUMBER) & _COMPARE[op](self.numbers, value)
        return found

    def _equal(self, value: float | str) -> np.ndarray:
        if isinstance(value, str):
            same = self._in_words(lambda word: word == value)
            return same | (self.what == NAN) if value == "nan" else same
        found: np.ndarray = (self.what == NUMBER) & (self.numbers == value)
        return found

    def _in_words(self, test: Callable[[str], bool]) -> np.ndarray:
        chosen = np.array([test(word) for word in self.words] or [False], dtype=bool)
        is_text = self.what == TEXT
        found: np.ndarray = is_text & chosen[_places(self.numbers, is_text)]
        return found


def _places(numbers: np.ndarray, is_text: np.ndarray) -> np.ndarray:
    """Which texts are meant; the first where there is none."""
    return np.where(is_text, numbers, 0).astype(np.intp)


def is_number(value: Any) -> bool:
    """Whether a value is one real number, of Python or NumPy; truth values are none."""
    if isinstance(value, (int, float)):
        return not isinstance(value, bool)
    return getattr(value, "shape", None) == () and value.dtype.kind in "iuf"


class Column(Values):
    """The values of one column, read from a run piece by piece.

    Parameters
    ----------
    view : RunView
    of_pset : callable, optional
        Gives the value of a pset's parameters: all are read first.
    of_arrived : callable, optional
        Gives psets and values of records number `start` to `stop`; `ABSENT` where one has none
        and what the pset has stays.
    """

    def __init__(
        self,
        view: RunView,
        of_pset: Callable[[dict[str, Any]], Any] | None = None,
        of_arrived: Callable[[int, int], Iterable[tuple[int, Any]]] | None = None,
        text: Callable[[Any], str] = texts.cell,
    ) -> None:
        super().__init__(view.total, text)
        self._view = view
        self._of_pset, self._of_arrived = of_pset, of_arrived
        self._psets = view.total if of_pset is None else 0  # read so far
        self._records = 0

    @property
    def progress(self) -> float:
        """How much of what there is has been read, from 0 to 1."""
        there = (self._view.total if self._of_pset else 0) + self._there()
        read = (self._psets if self._of_pset else 0) + min(self._records, self._there())
        return read / there if there else 1.0

    def _there(self) -> int:
        return self._view.count if self._of_arrived else 0

    def read(self) -> Iterator[None]:
        """Read what there is; yields between pieces."""
        while self._psets < self._view.total:
            assert self._of_pset is not None
            psets = range(self._psets, min(self._psets + PIECE, self._view.total))
            self.put_all(psets, [self._of_pset(self._view.pset(pset)) for pset in psets])
            self._psets = psets.stop
            yield
        while self._records < (there := self._there()):
            assert self._of_arrived is not None
            stop = min(self._records + PIECE, there)
            found = list(self._of_arrived(self._records, stop))
            if self._of_pset is not None:
                found = [(pset, value) for pset, value in found if value is not ABSENT]
            self.put_all([pset for pset, _ in found], [value for _, value in found])
            self._records = stop
            yield
