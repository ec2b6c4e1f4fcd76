"""Values along axes and samples of spaces: psweep's figures, bounds, and bad input."""

import sys
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from psweep_nb import OptionError, ParamsError, intspace, logspace, sample

METHODS = ("random", "lhs", "sobol")


class TestSpaces:
    def test_logspace_takes_the_bounds_themselves(self):
        assert logspace(1, 100, 3).tolist() == [1, 10, 100]
        expected = [0, 0.44224957, 1.08008382, 2]  # psweep's, with the same arguments
        assert logspace(0, 2, 4, offset=1) == pytest.approx(expected)
        twos = logspace(1, 8, 4, log_func=np.log2, base=2)
        assert twos == pytest.approx([1, 2, 4, 8])

    @pytest.mark.parametrize("bounds", [(0, 1), (1, 0), (-1, 1)])
    def test_a_bound_without_a_logarithm_is_named(self, bounds):
        with pytest.raises(ParamsError, match="should be more than 0"):
            logspace(*bounds)

    @pytest.mark.parametrize(
        ("space", "arguments", "said"),
        [
            (logspace, ("1", 2), "start is '1'"),
            (logspace, (1, float("inf")), "stop is inf"),
            (logspace, (1, 2, 2.5), "num is 2.5 .*whole number"),
            (logspace, (1, 2, 3, None), "offset is None"),
            (logspace, (1, 2, 3, 0, 7), "log_func is 7"),
            (intspace, ([0, 1], 2), "start is"),
            (intspace, (0, 10**400), "stop is"),
            (intspace, (0, 1, -1), "num is -1"),
        ],
    )
    def test_what_is_no_number_is_named(self, space, arguments, said):
        with pytest.raises(ParamsError, match=f"^{space.__name__}: {said}"):
            space(*arguments)

    def test_intspace_gives_each_integer_once(self):
        assert intspace(0, 10, 4).tolist() == [0, 3, 7, 10]
        assert intspace(0, 3, num=10).tolist() == [0, 1, 2, 3]
        assert intspace(3, 0, 10).tolist() == [3, 2, 1, 0]
        assert intspace(0, 3, 3).dtype == np.int64
        assert intspace(0, 3, 3, dtype=np.int8).dtype == np.int8


class TestSample:
    @given(st.sampled_from(["random", "lhs"]), st.integers(1, 40), st.integers(0, 2**32))
    def test_points_are_where_they_may_be(self, method, n, seed):
        axes = {"x": (0.5, 2), "i": (1, 3), "c": ["u", "v"], "k": "const", "r": range(2)}
        params = sample(axes, n, method, seed)
        assert len(params) == n
        for pset in params:
            assert list(pset) == list(axes)
            assert type(pset["x"]) is float
            assert 0.5 <= pset["x"] <= 2
            assert type(pset["i"]) is int
            assert pset["i"] in (1, 2, 3)
            assert pset["c"] in ("u", "v")
            assert pset["k"] == "const"
            assert pset["r"] in (0, 1)
        assert params == sample(axes, n, method, seed)

    @pytest.mark.parametrize("method", METHODS)
    def test_every_value_comes_and_the_seed_matters(self, method):
        axes = {"i": (1, 3), "c": np.array(["u", "v"]), "x": (0.0, 1.0)}
        params = sample(axes, 64, method)
        assert set(Counter(p["i"] for p in params)) == {1, 2, 3}
        assert {p["c"] for p in params} == {"u", "v"}
        assert params != sample(axes, 64, method, seed=1)

    def test_a_latin_hypercube_fills_each_slice_once(self):
        params = sample({"a": (0.0, 10.0), "b": (0.0, 10.0)}, 10, "lhs")
        for name in "ab":
            assert sorted(int(p[name]) for p in params) == list(range(10))

    @pytest.mark.parametrize(
        ("arguments", "error", "said"),
        [
            (({}, 1), ParamsError, "axes is"),
            (([1], 1), ParamsError, "axes is"),
            (({"a": (0, 1)}, 0), OptionError, "n is 0"),
            (({"a": (0, 1)}, 1.0), OptionError, "n is 1.0"),
            (({"a": (0, 1)}, 1, "grid"), OptionError, "method is 'grid'"),
            (({"a": (0, 1)}, 1, "lhs", -1), OptionError, "seed is -1"),
            (({"a": (1, 0)}, 1), ParamsError, "'a' is .1, 0.*low below high"),
            (({"a": (1, 2, 3)}, 1), ParamsError, "choices are a list"),
            (({"a": ("x", "y")}, 1), ParamsError, "choices are a list"),
            (({"a": (0, float("inf"))}, 1), ParamsError, "low below high"),
            (({"a": []}, 1), ParamsError, "'a' has no choices"),
            (({"_a": (0, 1)}, 1), ParamsError, "_a"),
            (({"a": (0, 10**400)}, 1), ParamsError, "low below high"),
            (({"a": (0, 1)}, 10**30), OptionError, "cannot be made"),
        ],
    )
    def test_bad_input_is_named(self, arguments, error, said):
        with pytest.raises(error, match=said):
            sample(*arguments)

    def test_without_scipy_the_way_out_is_said(self, monkeypatch):
        monkeypatch.setitem(sys.modules, "scipy.stats", None)
        assert sample({"a": (0, 1)}, 1)
        with pytest.raises(OptionError, match=r"^sample: method='sobol' .*psweep_nb\[sample\]"):
            sample({"a": (0, 1)}, 1, "sobol")
