"""Which psets rows of a table stand for: told by the hash where there is one."""

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import psweep_nb as ps
from psweep_nb import OptionError, pset_sha1


def table(func: Any, params: list[dict[str, Any]]) -> pd.DataFrame:
    return ps.run_local(func, params, save=False)


values = st.one_of(
    st.integers(-3, 3),
    st.floats(-3, 3),
    st.sampled_from(["", "x", None, True, [1, 2.0], float("inf")]),
)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.dictionaries(st.sampled_from(["a", "b", "lambda_"]), values, max_size=3),
        min_size=1,
        max_size=4,
    )
)
def test_psets_come_back_as_they_were_given(params: list[dict[str, Any]]) -> None:
    df = table(lambda pset: {"loss": 2.0, "x_": 1}, params)
    with warnings.catch_warnings(action="error"):
        back = ps.df_extract_params(df)
    assert [pset_sha1(pset) for pset in back] == [pset_sha1(pset) for pset in params]


def test_what_was_no_integer_stays_none() -> None:
    params = [{"a": 1, "x": 2.0}, {"a": 2.5, "x": 3}]
    back = ps.df_extract_params(table(lambda pset: {}, params))
    assert [[type(v) for v in pset.values()] for pset in back] == [[int, float], [float, int]]


def test_repeats_keep_their_numbers_and_seeds() -> None:
    params = ps.repeat([{"a": 1}], 2)
    assert ps.df_extract_params(table(lambda pset: {"r": 0}, params)) == params


def test_rows_of_psweep_are_told_by_their_names() -> None:
    df = pd.DataFrame({"_pset_id": ["x", "y"], "a": [1, 2], "b": ["u", pd.NA], "loss_": [0.5, 1]})
    assert ps.df_extract_params(df) == [{"a": 1, "b": "u"}, {"a": 2}]
    assert ps.df_extract_pset(df, "y") == {"a": 2}


def test_edited_rows_are_said() -> None:
    df = table(lambda a: {"loss_": 1, "b": 2}, [{"a": 1}, {"a": 2}, {"a": 3}])
    df["a"] = [1, 77, 3]
    with pytest.warns(UserWarning, match="1 rows have a hash that fits none of their columns"):
        assert ps.df_extract_params(df) == [{"a": 1}, {"a": 77}, {"a": 3}]
    df["a"] = 0
    with pytest.warns(UserWarning, match="3 rows"):
        assert ps.df_extract_params(df) == 3 * [{"a": 0, "b": 2}]


def test_python_types_on_request() -> None:
    df = pd.DataFrame({"a": pd.Series([np.int32(3), np.arange(2), "x"], dtype=object)})
    back = [pset["a"] for pset in ps.df_extract_params(df, py_types=True)]
    assert back == [3, [0, 1], "x"]
    assert type(back[0]) is int


def test_one_pset() -> None:
    df = table(lambda a: {"loss": a}, [{"a": 1}, {"a": 2}])
    assert ps.df_extract_pset(df, df["_pset_id"].iloc[1]) == {"a": 2}
    with pytest.raises(OptionError, match="no rows have the _pset_id 'nope'"):
        ps.df_extract_pset(df, "nope")
    with pytest.raises(OptionError, match="no rows have"):
        ps.df_extract_pset(pd.DataFrame({"a": [1]}), "nope")
    twice = pd.concat([df, df])
    with pytest.raises(OptionError, match="2 rows have"):
        ps.df_extract_pset(twice, df["_pset_id"].iloc[1])


# -- new hashes --------------------------------------------------------------------------------


def test_hashes_follow_an_edit_and_stay_where_nothing_was_edited() -> None:
    df = table(lambda a: {"loss_": 1}, [{"a": 1}, {"a": 2.5}, {"a": 3}])
    before = df["_pset_sha1"].tolist()
    df["a"] = pd.Series([1.0, 7.5, object], df.index, dtype=object)
    with pytest.warns(UserWarning, match="never skipped"):
        assert ps.df_update_pset_hash(df) is df
    assert df["_pset_sha1"].tolist()[:2] == [before[0], pset_sha1({"a": 7.5})]
    assert df["_pset_sha1"].iloc[2] is pd.NA


def test_a_copy_leaves_the_table_as_it_is() -> None:
    df = pd.DataFrame({"a": [1]})
    assert "_pset_sha1" in ps.df_update_pset_hash(df, copy=True)
    assert list(df.columns) == ["a"]


def test_a_new_parameter_is_known_to_later_runs() -> None:
    def f(a: int, b: int = 0) -> dict[str, int]:
        return {"loss": a}

    df = ps.run_local(f, [{"a": 1}, {"a": 2}])
    df["b"] = 0
    with pytest.raises(OptionError, match=r"'b', 'loss': results, or .*such as params=\['a'\]"):
        ps.df_update_pset_hash(df)
    ps.df_update_pset_hash(df, params=["a", "b"])
    df = ps.run_local(f, [{"a": 1, "b": 0}, {"a": 3, "b": 0}], df=df, skip="done")
    assert df["a"].tolist() == [1, 2, 3]


def test_params_that_are_no_columns() -> None:
    df = pd.DataFrame({"a": [1], "_run_seq": [0]})
    said = {"z": "no column 'z'; there are a", "_run_seq": "params has '_run_seq'.*there are a"}
    for wrong, match in said.items():
        with pytest.raises(OptionError, match=match):
            ps.df_update_pset_hash(df, params=["a", wrong])
    assert list(df.columns) == ["a", "_run_seq"]
