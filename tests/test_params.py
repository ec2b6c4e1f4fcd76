import itertools

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from psweep_nb.errors import ParamsError
from psweep_nb.params import grid, itr2params, merge_dicts, pgrid, plist
from tests.strategies import names

axes = st.lists(st.integers(), min_size=1, max_size=3)
A = plist("a", [1, 2])
B = plist("b", [77, 88])
C = plist("c", ["const"])


class TestLoops:
    def test_plist_keeps_what_it_is_given(self):
        values = np.array([1.5, 2.5])
        assert [type(pset["a"]) for pset in plist("a", values)] == [np.float64, np.float64]
        assert plist("_vary", ["a"]) == [{"_vary": "a"}]
        assert plist("a", (i for i in range(2))) == [{"a": 0}, {"a": 1}]

    def test_pgrid_takes_arguments_or_one_list(self):
        expected = [
            {"a": 1, "b": 77, "c": "const"},
            {"a": 1, "b": 88, "c": "const"},
            {"a": 2, "b": 77, "c": "const"},
            {"a": 2, "b": 88, "c": "const"},
        ]
        assert pgrid(A, B, C) == pgrid([A, B, C]) == expected
        assert itr2params(itertools.product(A, B, C)) == expected
        assert pgrid(plist(n, v) for n, v in {"a": [1, 2], "b": [77]}.items()) == [
            {"a": 1, "b": 77},
            {"a": 2, "b": 77},
        ]

    def test_zip_ties(self):
        tied = [{"a": 1, "b": 77, "c": "const"}, {"a": 2, "b": 88, "c": "const"}]
        assert pgrid(zip(A, B, strict=True), C) == tied
        assert pgrid([zip(A, B, strict=True), C]) == tied
        assert pgrid([zip(A, B, strict=True)]) == [{"a": 1, "b": 77}, {"a": 2, "b": 88}]
        assert itr2params(zip(zip(A, B, strict=True), itertools.cycle(C), strict=False)) == tied

    def test_pgrid_combines_psets_of_grids(self):
        assert pgrid(pgrid(A, C), B)[1] == {"a": 1, "c": "const", "b": 88}
        assert itr2params(A) == A
        assert pgrid([A]) == A

    def test_input_is_not_changed(self):
        before = [dict(pset) for pset in A]
        pgrid(A, B)[0]["a"] = 5
        assert before == A

    def test_merge_dicts(self):
        assert merge_dicts([{"a": 1}, {"a": 2}]) == {"a": 2}
        assert merge_dicts({"a": 1}) == {"a": 1}
        assert merge_dicts(dct for dct in A) == {"a": 2}
        with pytest.raises(ParamsError, match="'a'"):
            merge_dicts({"a": 1}, {"b": 1}, {"a": 2}, allow_dup_keys=False)
        with pytest.raises(ParamsError, match="argument 1"):
            merge_dicts({"a": 1}, [("b", 2)])


class TestGrid:
    @given(st.dictionaries(names, axes, min_size=1, max_size=4))
    def test_is_pgrid_of_plists(self, axes):
        assert grid(**axes) == pgrid([plist(name, axis) for name, axis in axes.items()])

    def test_what_is_an_axis_and_what_a_constant(self):
        assert grid(a=range(2)) == grid(a=(0, 1)) == grid(a=np.arange(2)) == grid(a=iter([0, 1]))
        assert grid(a=pd.Series([0, 1])) == grid(a=pd.Index([0, 1])) == [{"a": 0}, {"a": 1}]
        assert grid(a="text", b=None, c=b"xy") == [{"a": "text", "b": None, "c": b"xy"}]

    def test_arrays_give_plain_values(self):
        for value in (np.array([1.5]), np.float64(1.5), np.array(1.5), pd.Series([1.5])):
            [pset] = grid(a=value)
            assert type(pset["a"]) is float

    @pytest.mark.parametrize(
        ("axes", "words"),
        [
            ({}, "no parameters"),
            ({"a": [1], "b": []}, "'b' is empty"),
            ({"a": {1, 2}}, "'a' is a set"),
            ({"a": {"x": 1}}, "'a' is"),
            ({"_pset_id": [1]}, "'_pset_id' begins with '_'"),
            ({"a": A}, "'a' is a plist"),
            ({"a": pd.DataFrame({"x": [1]})}, "'a' is"),
        ],
    )
    def test_errors_name_the_parameter(self, axes, words):
        with pytest.raises(ParamsError, match=words):
            grid(**axes)


class TestErrors:
    @pytest.mark.parametrize(
        ("name", "seq", "words"),
        [
            (3, [1], "3 \\(int\\) is not a string"),
            ("", [1], "empty"),
            ("x\ud800", [1], r"'x\\ud800' is no text"),
            ("_pset_sha1", [1], "'_pset_sha1' begins with '_'"),
            ("a", 3, "'a' is 3 .*\\[3\\]"),
            ("a", "xyz", "'a' is 'xyz' .*\\['xyz'\\]"),
            ("a", {1, 2}, "'a' is a set"),
            ("a", {"x": 1}, "'a' is"),
        ],
    )
    def test_plist(self, name, seq, words):
        with pytest.raises(ParamsError, match=words):
            plist(name, seq)

    def test_a_grid_by_position_or_beyond_all_bounds(self):
        with pytest.raises(ParamsError, match=r"by name: grid\(a=\[1, 2\]\)"):
            grid({"a": [1]})
        for axes in ({"a": range(10**12)}, {"a": range(10**5), "b": range(10**5)}):
            with pytest.raises(ParamsError, match=r"there would be 1[0,]+ psets.*sample"):
                grid(**axes)

    @pytest.mark.parametrize(
        ("args", "words"),
        [
            ((), "no plists"),
            (([],), "no plists"),
            ((A,), "single plist \\(of 'a'\\).*pgrid\\(\\[a\\]\\)"),
            ((zip(A, B, strict=True),), "pgrid\\(\\[zip\\(a, b\\)\\]\\)"),
            ((A, B, plist("a", [3])), "'a' comes twice"),
            ((A, {"c": 1}), "argument 1 .*plist\\('c', \\[value\\]\\)"),
            ((A, 3), "argument 1"),
            ((A, "text"), "argument 1"),
            (("text",), "'text'"),
            ((A, []), "argument 1 .*empty"),
            ((A, [1, 2]), "pset 0 .*1 \\(int\\)"),
            ((A, [{3: 1}]), "pset 0 .*3 \\(int\\) is not a string"),
            ((A, [{"_run_id": 1}]), "'_run_id' begins with '_'"),
            ((A, [{"b": 1}, {"b": 1, "c": 2}]), "pset 1 .*'c'"),
        ],
    )
    def test_pgrid(self, args, words):
        with pytest.raises(ParamsError, match=words):
            pgrid(*args)

    def test_tied_lists_of_unequal_length(self):
        short = plist("b", [1])
        with pytest.raises(ParamsError, match=r"argument 0.*'a' has 2, 'b' has 1"):
            pgrid(zip(A, short, strict=False), C)
        with pytest.raises(ParamsError, match="'a' has 2, 'b' has 1"):
            itr2params(zip(A, short, strict=False))
        with pytest.raises(ParamsError, match="a list has 2, 'b' has 1"):
            itr2params(zip(range(2), short, strict=False))

    def test_used_up_iterator(self):
        loop = itertools.product(A, B)
        list(loop)
        with pytest.raises(ParamsError, match="used up"):
            itr2params(loop)
        tied = zip(A, B, strict=True)
        pgrid(tied, C)
        with pytest.raises(ParamsError, match="only once"):
            pgrid(tied, C)
