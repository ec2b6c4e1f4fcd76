"""Hypothesis strategies shared by the property tests: values, psets, rows."""

import datetime
import enum
import pathlib
from typing import Any

from hypothesis import strategies as st


class Color(enum.Enum):
    """An enum importable by every process of a test."""

    RED = 1
    BLUE = "blue"


names = st.text(st.characters(codec="utf-8"), min_size=1, max_size=8).filter(
    lambda name: not name.startswith("_")
)
"""Names a parameter may have."""

integers = st.integers() | st.integers(-(2**70), 2**70) | st.integers(-9, 9)
floats = st.floats(allow_nan=False)
any_floats = st.floats()
texts = st.text(st.characters(), max_size=12)
scalars = st.none() | st.booleans() | integers | any_floats | texts

json_values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=3).map(tuple)
        | st.dictionaries(texts, inner, max_size=4)
    ),
    max_leaves=8,
)
"""What json can write."""

special_values = st.one_of(
    st.datetimes(timezones=st.none() | st.just(datetime.UTC)),
    st.dates(),
    st.times(),
    st.timedeltas(),
    st.decimals(allow_nan=False),
    st.fractions(),
    st.complex_numbers(allow_nan=False),
    st.uuids(),
    st.binary(max_size=8),
    st.frozensets(st.integers(0, 9), max_size=4),
    st.sampled_from(Color),
    texts.map(pathlib.PurePosixPath),
    st.dictionaries(st.integers() | texts, st.integers(), max_size=3),
)
"""What json cannot write but has a canonical form (see `psweep_nb.hashing`)."""

values: st.SearchStrategy[Any] = json_values | special_values
"""What a user may put into a pset or return from a function."""

json_psets = st.dictionaries(names, json_values, max_size=5)
psets = st.dictionaries(names, values, max_size=5)
