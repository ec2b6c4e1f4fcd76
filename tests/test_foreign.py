"""Psets of rows that psweep wrote: recognised by its real files, and where no doubt."""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from psweep_nb import Study, pset_sha1, run_local
from psweep_nb.foreign import digests_as_foreign, foreign_digests
from psweep_nb.trust import read_table
from tests import psweep_cases

OLD = Path(__file__).parent / "data" / "psweep-0.5.1.pk"


def psweep_table(params: list[dict[str, Any]]) -> pd.DataFrame:
    """Like psweep 0.16's: what pandas makes of the dicts, then objects, absent as NA."""
    frame = pd.DataFrame(params).astype(object)
    frame = frame.assign(_pset_id=[f"id-{i}" for i in range(len(params))], _pset_hash="0", r_=1.5)
    return frame.mask(frame.isna(), pd.NA)


def found(table: pd.DataFrame, pset: dict[str, Any]) -> list[int]:
    """The rows that are this pset's."""
    (digest,) = digests_as_foreign([pset], table.columns)
    rows = foreign_digests(table)
    return [row for row, other in enumerate(rows) if digest is not None and other == digest]


def test_rows_of_psweep_0_16(psweep_study: Path) -> None:
    table = read_table(psweep_study / "database.pk", trusted=False)
    params = [pset for run in psweep_cases.RUNS for pset in run]
    assert [found(table, pset) for pset in params] == [[row] for row in range(len(params))]
    assert "_pset_hash" in table and "_pset_sha1" not in table
    assert not found(table, {"a": 1, "b": 0.5, "c": "z"})
    assert not found(table, {"a": 1, "b": 0.5}), "the row has a c"
    assert not found(table, {"a": 1, "b": 0.5, "c": "x", "new": None}), "a parameter of its own"


def test_rows_of_psweep_0_5() -> None:
    table = read_table(OLD, trusted=False)
    params = [pset for run in psweep_cases.RUNS for pset in run]
    by_sha1 = [pset_sha1(pset) for pset in params]
    # Those that json could write have our hash; the others are found by their parameters.
    for row, (sha1, pset) in enumerate(zip(table["_pset_sha1"], params, strict=True)):
        if isinstance(sha1, str):
            assert sha1 == by_sha1[row]
            assert found(table, pset) == []
        else:
            assert found(table, pset) == [row]
    assert table["_pset_sha1"].isna().tolist() == [False, False, True, True, False, False]


def test_rows_of_ours_are_not_foreign() -> None:
    df = run_local(lambda a: {"r_": 1}, [{"a": 1}, {"a": 2}])
    assert foreign_digests(df) == [None, None]
    assert foreign_digests(df.assign(_pset_sha1=None)) == [None, None], "psets without a hash"
    assert foreign_digests(Study("calc").df.iloc[:0]) == []


def test_what_is_in_doubt_is_new() -> None:
    table = psweep_table([{"a": 1, "b": "x"}])
    assert found(table, {"a": 1, "b": "x"}) == [0]
    assert found(table, {"a": 1, "b": "x", "_vary": "a"}) == [0]
    assert not found(table, {"a": 1, "b": "x", "_repeat": 0, "_seed": 5})
    assert not found(table, {"a": 1, "b": "x", "r_": 1.5}), "a result there, a parameter here"
    assert not found(table, {}), "no parameter"
    assert not found(table.drop(columns=["a", "b"]), {"a": 1})
    assert not found(table.assign(_pset_id=None), {"a": 1, "b": "x"}), "a row by hand"
    assert not found(table.drop(columns="_pset_id"), {"a": 1, "b": "x"})


def test_what_has_no_hash_is_new_without_a_warning() -> None:
    table = psweep_table([{"a": object()}, {"a": 2}])
    assert foreign_digests(table)[0] is None
    assert found(table, {"a": 2}) == [1]


def test_true_is_not_one() -> None:
    table = psweep_table([{"a": True}, {"a": "x"}, {"a": 1}])
    assert found(table, {"a": True}) == [0]
    assert found(table, {"a": np.int64(1)}) == [2]
    assert found(table, {"a": np.float32(1)}) == [2]


@pytest.mark.parametrize("absent", [None, float("nan"), np.float32("nan"), pd.NA, pd.NaT])
def test_ways_to_be_absent(absent: Any) -> None:
    table = psweep_table([{"a": 1, "b": 2}, {"a": 1}])
    assert found(table, {"a": 1, "b": absent}) == [1]
    assert not found(table, {"a": 1, "c": absent})


numbers = st.integers(-(2**53), 2**53) | st.floats(allow_nan=True, allow_infinity=True)
plain = numbers | st.none() | st.sampled_from(["x", "1", ""])
grids = st.lists(
    st.fixed_dictionaries({"a": numbers}, optional={"b": plain, "c": plain}), min_size=1, max_size=6
)


@given(grids)
def test_whatever_the_table_made_of_it_a_pset_is_found(params: list[dict[str, Any]]) -> None:
    table = psweep_table(params)
    for row, pset in enumerate(params):
        known = {k: v for k, v in pset.items() if v is not None and v == v}
        if known:
            assert row in found(table, pset)
        else:
            assert found(table, pset) == []


@given(grids, st.fixed_dictionaries({"a": numbers}, optional={"b": plain, "c": plain}))
def test_only_equal_psets_are_found(params: list[dict[str, Any]], pset: dict[str, Any]) -> None:
    table = psweep_table(params)
    assume(set(pset) <= set(table.columns))

    def told(of: dict[str, Any]) -> dict[str, Any]:
        return {k: v for k, v in of.items() if v is not None and v == v}

    expected = [row for row, other in enumerate(params) if told(other) == told(pset) != {}]
    assert found(table, pset) == expected
