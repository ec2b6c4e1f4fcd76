"""Rows put together: repeats, several studies, arrays over a grid."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import psweep_nb as ps
from psweep_nb import OptionError, ParamsError, Study, aggregate, concat, grid, repeat
from psweep_nb.foreign import failed_flags
from tests import workloads


def noisy(pset: dict[str, Any]) -> dict[str, Any]:
    n = pset["_repeat"]
    return {"b": pset["a"] + n, "half": pset["a"] / 2, "good": n > 0, "text": "x"}


def made(name: str, func: Any, params: Any, **options: Any) -> Study:
    study = Study(name)
    study.run(func, params, **options)
    return study


# -- aggregate -------------------------------------------------------------------------------


def test_mean_spread_and_number_of_repeats(study: Study) -> None:
    study.run(noisy, repeat([{"a": 1}, {"a": 5}], 3))
    table = aggregate(study)
    assert list(table.columns) == [
        "a", "b_mean", "b_std", "half_mean", "half_std", "good_mean", "good_std", "n",
    ]  # fmt: skip
    assert table[["a", "b_mean", "b_std", "half_std", "n"]].values.tolist() == [
        [1, 2, 1, 0, 3],
        [5, 6, 1, 0, 3],
    ]
    assert table["good_mean"].tolist() == pytest.approx([2 / 3, 2 / 3])
    assert table["n"].dtype == "int64"
    assert aggregate(study, cols=["b"]).columns.tolist() == ["a", "b_mean", "b_std", "n"]
    assert aggregate(study.df).equals(table)
    assert aggregate(study.df[study.df["a"] == 5])["b_mean"].tolist() == [6.0]


def test_equal_psets_of_several_runs_and_studies(study: Study) -> None:
    for value in (1.0, 3.0):
        study.run(lambda a, value=value: {"b": a * value}, [{"a": 1}, {"a": 2}])
    table = aggregate(study)
    assert table[["a", "b_mean", "n"]].values.tolist() == [[1, 2, 2], [2, 4, 2]]
    other = made("other", lambda a: {"b": 10.0}, [{"a": 2}])
    table = aggregate(concat(study, other))
    assert table["n"].tolist() == [2, 3]
    assert table["b_mean"].tolist() == [2.0, pytest.approx(6.0)]


def test_only_what_is_done_counts(study: Study) -> None:
    study.run(workloads.fail_on_odd, [{"a": 1}, {"a": 2}, {"a": 2}], on_error="record")
    table = aggregate(study)
    assert table[["a", "half_mean", "n"]].values.tolist() == [[2, 1, 2]]


def test_a_repeat_that_was_run_again_counts_once(study: Study) -> None:
    params = repeat([{"a": 1}, {"a": 5}], 3)
    study.run(lambda pset: {"b": -100}, params)
    study.run(noisy, params[:5])
    study.run(lambda pset: {"b": 1 / 0}, params[:1], on_error="record")
    expected = [[1, 2.0, 3], [5, pytest.approx((5 + 6 - 100) / 3), 3]]
    assert aggregate(study, ["b"])[["a", "b_mean", "n"]].values.tolist() == expected
    newest_first = study.df.sort_values("_pset_seq", ascending=False)
    table = aggregate(newest_first, ["b"])[["a", "b_mean", "n"]]
    assert sorted(table.values.tolist()) == expected
    study.run(noisy, repeat([{"a": 1}], 3, seed=1))  # other seeds are other repeats
    assert aggregate(study)["n"].tolist() == [6, 3]
    other = made("other", noisy, params[:3])
    assert aggregate(concat(study, other))["n"].tolist() == [9, 3]


def test_parameters_that_are_not_named_are_not_told_apart(study: Study) -> None:
    study.run(lambda a, b, _seed: {"r": a * b}, repeat(grid(a=[1, 2], b=[1, 3]), 2))
    table = aggregate(study, params=["a"])
    assert table.columns.tolist() == ["a", "r_mean", "r_std", "n"]
    assert table[["a", "r_mean", "n"]].values.tolist() == [[1, 2, 4], [2, 4, 4]]
    assert aggregate(study.df, params=["a"]).equals(table)
    assert aggregate(study, params=["a"], latest=True).equals(table)
    study.run(lambda a, b: {"r": 100}, grid(a=[1], b=[1]))
    assert aggregate(study, params=["a"], latest=True)["n"].tolist() == [5, 4]


def test_results_that_are_no_numbers_leave_the_number_of_rows(study: Study) -> None:
    study.run(lambda a: {"text": "x"}, [{"a": 1}, {"a": 2}, {"a": 1}])
    assert aggregate(study).values.tolist() == [[1, 2], [2, 1]]


def test_where_nothing_is_done_there_is_no_row(study: Study) -> None:
    study.run(workloads.fail_on_odd, [{"a": 1}, {"a": 3}], on_error="record")
    assert aggregate(study).columns.tolist() == ["a", "n"]
    assert len(aggregate(study)) == 0


def test_psets_that_were_run_again_count_each_or_the_newest(study: Study) -> None:
    for value in (1.0, 3.0):
        study.run(lambda a, value=value: {"b": a * value}, [{"a": 1}, {"a": 2}])
    assert aggregate(study)["n"].tolist() == [2, 2]
    table = aggregate(study, latest=True)
    assert table[["a", "b_mean", "n"]].values.tolist() == [[1, 3, 1], [2, 6, 1]]
    plain = study.table(cols=["a", "b"])
    assert aggregate(plain, params=["a"], latest=True)["b_mean"].tolist() == [3, 6]


def test_a_parameter_that_another_run_has_as_a_result(study: Study) -> None:
    study.run(lambda a: {"x": a * 10}, [{"a": 1}, {"a": 1}])
    study.run(lambda x: {"y": x + 1}, [{"x": 7}])
    for table in (aggregate(study), aggregate(study.df)):
        assert list(table.columns) == ["a", "x", "x_mean", "x_std", "y_mean", "y_std", "n"]
        assert table["x"].tolist() == [pd.NA, 7]
        assert table["x_mean"].tolist() == [10, pytest.approx(np.nan, nan_ok=True)]
        assert table["n"].tolist() == [2, 1]


def test_a_single_row_has_no_spread(study: Study) -> None:
    study.run(workloads.double, [{"a": 1}])
    table = aggregate(study)
    assert table["twice_std"].isna().tolist() == [True]
    assert table["n"].tolist() == [1]


def test_an_absent_result_does_not_count(study: Study) -> None:
    values = iter([{"b": 1.0}, {}, {"b": 3.0}])
    study.run(lambda a: next(values), [{"a": 1}] * 3)
    table = aggregate(study)
    assert table[["b_mean", "n"]].values.tolist() == [[2.0, 3]]


def test_a_parameter_named_n(study: Study) -> None:
    study.run(lambda n: {"b": n}, [{"n": 4}, {"n": 4}])
    table = aggregate(study)
    assert table[["n", "_n"]].values.tolist() == [[4, 2]]


def test_parameters_that_are_lists_or_absent(study: Study) -> None:
    params = [{"a": [1, 2]}, {"a": [1, 2], "b": 1}, {"a": [1, 2]}]
    study.run(lambda pset: {"c": 1}, params)
    table = aggregate(study)
    assert table["a"].tolist() == [[1, 2], [1, 2]]
    assert table["n"].tolist() == [2, 1]


def test_any_table_with_its_parameters_named() -> None:
    table = pd.DataFrame({"a": [1, 1, 2], "b": [1.0, 2.0, 3.0], "c": ["x", "y", "z"]})
    found = aggregate(table, params=["a"])
    assert found[["a", "b_mean", "n"]].values.tolist() == [[1, 1.5, 2], [2, 3.0, 1]]
    assert aggregate(table, params=["a", "c"])["n"].tolist() == [1, 1, 1]


def test_of_a_tidy_table_too_only_what_is_done_counts(study: Study) -> None:
    study.run(workloads.fail_on_odd, [{"a": 1}, {"a": 2}, {"a": 2}], on_error="record")
    table = aggregate(study.table(), params=["a"])
    assert table[["a", "half_mean", "n"]].values.tolist() == [[2, 1, 2]]


def test_a_study_without_rows(study: Study) -> None:
    assert len(aggregate(study)) == 0


def test_wrong_use_of_aggregate_is_said(study: Study) -> None:
    study.run(noisy, repeat([{"a": 1}], 2))
    with pytest.raises(OptionError, match="no column 'c'"):
        aggregate(study, cols=["c"])
    with pytest.raises(OptionError, match="'text' has values that are no numbers"):
        aggregate(study, cols=["text"])
    with pytest.raises(ParamsError, match="choose the parameters"):
        aggregate(study.table())
    with pytest.raises(OptionError, match="no column 'z'"):
        aggregate(study, params=["z"])
    with pytest.raises(OptionError, match="data is 3"):
        aggregate(3)  # type: ignore[arg-type]


# -- concat ----------------------------------------------------------------------------------


def test_studies_together_with_their_origin() -> None:
    one = made("one", workloads.double, [{"a": 1}, {"a": 2}])
    made("two", lambda a, x: {"other": f"{a}{x}"}, [{"a": 2**60, "x": 0.5}])
    table = concat(one, "two")
    assert table.columns[0] == "_study"
    assert table["_study"].tolist() == ["one", "one", "two"]
    assert table["a"].tolist() == [1, 2, 2**60]  # a float would not hold it
    assert table["a"].dtype == "int64"
    assert table["twice"].tolist() == [2, 4, pd.NA]
    assert table["x"].tolist() == [pd.NA, pd.NA, 0.5]
    assert table["other"].tolist() == [pd.NA, pd.NA, f"{2**60}0.5"]
    assert isinstance(table.index, pd.DatetimeIndex)
    assert table["_pset_id"].tolist() == [*one.df["_pset_id"], *Study("two").df["_pset_id"]]
    assert failed_flags(table) == [False, False, False]
    assert ps.params_to_code(table[["a"]])


def test_studies_may_be_in_a_list(study: Study) -> None:
    study.run(workloads.double, [{"a": 1}])
    made("other", workloads.double, [{"a": 2}])
    assert concat([study, "other"]).equals(concat(study, "other"))


def test_one_study_and_an_empty_one() -> None:
    one = made("one", workloads.double, [{"a": 1}])
    table = concat(one, Study("none"))
    assert table.drop(columns="_study").equals(one.df)
    assert len(concat(Study("none"))) == 0


def test_wrong_use_of_concat_is_said() -> None:
    made("one", workloads.double, [{"a": 1}])
    with pytest.raises(OptionError, match="which studies"):
        concat()
    with pytest.raises(OptionError, match=r"'\./one' is given twice"):
        concat("one", "./one")
    with pytest.raises(OptionError, match="no study two/"):
        concat("one", "two")
    with pytest.raises(OptionError, match="no study, nor the directory"):
        concat(Study("one").df)  # type: ignore[arg-type]


# -- to_xarray -------------------------------------------------------------------------------


def field(a: float, b: str, c: int = 0, unit: str = "") -> dict[str, Any]:
    return {
        "energy": a + len(b) + c,
        "steps": int(10 * a),
        "good": a > 0.1,
        "name": f"{a}{b}",
        "curve": np.arange(3) * a,
    }


GRID = grid(a=[0.2, 0.1], b=["x", "yy", "zzz"])


def test_a_grid_becomes_arrays_over_its_axes(study: Study) -> None:
    study.run(field, [{**pset, "c": 7, "unit": "eV"} for pset in GRID])
    data = study.to_xarray()
    assert dict(data.sizes) == {"a": 2, "b": 3, "curve_dim_0": 3}
    assert data["a"].values.tolist() == [0.1, 0.2]  # in order
    assert data["b"].values.tolist() == ["x", "yy", "zzz"]
    assert float(data["energy"].sel(a=0.2, b="zzz")) == pytest.approx(10.2)
    assert data["energy"].dims == ("a", "b")
    assert data["steps"].dtype == "int64"
    assert data["good"].dtype == "bool"
    assert data["name"].sel(a=0.1, b="x").item() == "0.1x"
    assert data["curve"].dims == ("a", "b", "curve_dim_0")
    assert data["curve"].sel(a=0.2, b="x").values.tolist() == [0.0, 0.2, 0.4]
    assert data.attrs == {"c": 7, "unit": "eV"}
    assert list(study.to_xarray(cols=["steps"]).data_vars) == ["steps"]
    assert dict(study.to_xarray(["energy"], a=0.1).sizes) == {"b": 3}


def test_places_without_a_pset_are_nan(study: Study) -> None:
    study.run(field, GRID[:-1])
    data = study.to_xarray(dims=["a", "b"])
    assert np.isnan(data["energy"].sel(a=0.1, b="zzz"))
    assert np.isnan(data["curve"].sel(a=0.1, b="zzz")).all()
    assert data["steps"].dtype == "float64"
    assert pd.isna(data["name"].sel(a=0.1, b="zzz").item())


def test_of_equal_psets_the_newest_and_no_failed_ones(study: Study) -> None:
    study.run(workloads.double, [{"a": 1}, {"a": 2}])
    study.run(lambda a: {"twice": -a}, [{"a": 2}])
    study.run(workloads.fail_on_odd, [{"a": 1}], on_error="record")
    assert study.to_xarray()["twice"].values.tolist() == [2, -2]


def test_repeats_are_an_axis(study: Study) -> None:
    study.run(noisy, repeat([{"a": 1}, {"a": 5}], 3))
    data = study.to_xarray(["b"])
    assert dict(data.sizes) == {"a": 2, "_repeat": 3}
    assert data["b"].mean("_repeat").values.tolist() == [2.0, 6.0]


def test_ties_are_one_axis_with_coordinates_along_it(study: Study) -> None:
    params = [{"a": a, "b": 10 * a, "c": c} for a in (1, 2, 3) for c in (0, 1)]
    study.run(lambda a, b, c: {"d": a + b + c}, params)
    data = study.to_xarray()
    assert data["d"].dims == ("a", "c")
    assert data["b"].dims == ("a",)
    assert data["b"].values.tolist() == [10, 20, 30]
    assert study.to_xarray(dims=["b", "c"])["a"].dims == ("b",)


def test_random_points_are_one_axis(study: Study) -> None:
    study.run(lambda x, y: {"z": x * y}, [{"x": i / 7, "y": (i * 5) % 11} for i in range(11)])
    data = study.to_xarray()
    assert data["z"].dims == ("x",)
    assert data["y"].dims == ("x",)


def test_axes_that_are_lists_or_partly_absent(study: Study) -> None:
    study.run(lambda pset: {"n": len(pset["a"])}, [{"a": [1]}, {"a": [1, 2]}])
    data = study.to_xarray()
    assert data["n"].sel(a="[1, 2]").item() == 2
    other = made("other", lambda a, b=0: {"c": a + b}, [{"a": 1}, {"a": 1, "b": 2}])
    data = other.to_xarray()
    assert data["c"].dims == ("b",)
    assert sorted(data["c"].values.tolist()) == [1, 3]


def test_nan_is_one_place_of_an_axis_and_true_is_not_1(study: Study) -> None:
    study.run(lambda a, b: {"c": b}, grid(a=[float("nan"), 1.0], b=[3, 4]))
    data = study.to_xarray()
    assert dict(data.sizes) == {"a": 2, "b": 2}
    assert data["c"].values.tolist() == [[3, 4], [3, 4]]
    assert np.isnan(data["a"].values[1])
    other = made("other", lambda a: {"c": str(a)}, grid(a=["x", 1, True]))
    assert sorted(other.to_xarray()["c"].values.tolist()) == ["1", "True", "x"]


def test_a_parameter_named_like_a_dimension_of_a_result(study: Study) -> None:
    study.run(lambda r_dim_0: {"r": np.arange(3)}, [{"r_dim_0": 1}, {"r_dim_0": 2}])
    assert study.to_xarray()["r"].dims == ("r_dim_0", "r_dim_0_")


def test_a_single_pset_is_a_point(study: Study) -> None:
    study.run(field, GRID[:1])
    data = study.to_xarray(["energy"])
    assert data["energy"].dims == ()
    assert data["energy"].item() == pytest.approx(1.2)
    assert data.attrs == {"a": 0.2, "b": "x"}


def test_wrong_use_of_to_xarray_is_said(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    study.run(field, GRID)
    with pytest.raises(OptionError, match="no column 'z'"):
        study.to_xarray(cols=["z"])
    with pytest.raises(OptionError, match="no column 'energy'"):
        study.to_xarray(dims=["energy"])
    with pytest.raises(OptionError, match=r"'b' has several values .* 'a': add it .*\(b='x'\)"):
        study.to_xarray(dims=["a"])
    with pytest.raises(OptionError, match="no pset of nothing/ is done"):
        Study("nothing").to_xarray()
    monkeypatch.setitem(sys.modules, "xarray", None)
    with pytest.raises(OptionError, match=r"psweep_nb\[xarray\]"):
        study.to_xarray()


def test_arrays_of_what_is_not_done_are_said(study: Study) -> None:
    study.run(workloads.fail_on_odd, [{"a": 1}, {"a": 2}], on_error="record")
    with pytest.raises(OptionError, match=f"no pset of {study.calc_dir}/ with a=1 is done"):
        study.to_xarray(a=1)


def test_what_is_no_grid_is_said(study: Study) -> None:
    params = [{name: (i * k) % 101 for name, k in (("a", 1), ("b", 3), ("c", 7))} | {"d": i % 2}
              for i in range(101)]  # fmt: skip
    study.run(lambda pset: {"e": 1}, params)
    with pytest.raises(OptionError, match=r"no grid: a \(101\), b \(101\), c \(101\) would make"):
        study.to_xarray(dims=["a", "b", "c"])
    assert study.to_xarray()["e"].shape == (101,)


def test_it_is_saved_and_opened_by_xarray(study: Study, tmp_path: Path) -> None:
    import xarray

    study.run(workloads.double, [{"a": 1}, {"a": 2}])
    data = study.to_xarray()
    data.to_netcdf(tmp_path / "data.nc")
    assert xarray.open_dataset(tmp_path / "data.nc").equals(data)
