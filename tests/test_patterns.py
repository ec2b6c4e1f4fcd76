"""Stars, repeats, constraints and duplicates: psweep's examples, and what must hold for all."""

import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from psweep_nb import (
    ParamsError,
    Study,
    filter_params_dup_hash,
    filter_params_unique,
    grid,
    itr2params,
    pgrid,
    plist,
    pset_sha1,
    repeat,
    run_local,
    stargrid,
    where,
)
from tests.strategies import psets

CONST = {"a": 1, "b": 77, "c": 11}
A, B, C = plist("a", [1, 2, 3, 4]), plist("b", [77, 88, 99]), plist("c", [11, 22, 33, 44])


def short(params):
    return [tuple(pset.values()) for pset in params]


class TestStar:
    def test_varies_one_after_the_other(self):
        star = [(1, 77, 11), (2, 77, 11), (3, 77, 11), (4, 77, 11), (1, 88, 11), (1, 99, 11)]
        assert short(stargrid(CONST, [A, B])) == star
        assert short(stargrid(CONST, vary=[A, B], skip_dups=False)) == [
            *star[:4], (1, 77, 11), *star[4:],
        ]  # fmt: skip

    def test_labels_tell_the_arms(self):
        for tied in (itr2params(zip(A, C, strict=True)), pgrid([zip(A, C, strict=True)])):
            params = stargrid(CONST, [tied, B], vary_labels=["a+c", "b"])
            assert [p["_vary"] for p in params] == ["a+c"] * 4 + ["b"] * 2
            assert [p["c"] for p in params] == [11, 22, 33, 44, 11, 11]

    @pytest.mark.filterwarnings("ignore:.*no hash")
    def test_psets_without_a_hash_all_stay(self):
        params = stargrid({"f": object(), "a": 1}, [A, A], skip_dups=True)
        assert len(params) == 8

    @pytest.mark.parametrize(
        ("arguments", "said"),
        [
            (({"a": 1}, [{"a": 1}]), "vary holds .* a list of psets for each arm"),
            (({"a": 1}, {"a": 1}), "vary is .* a list of psets for each arm"),
            (({"a": 1}, ["a"]), r"vary holds 'a' \(str\); .*plist\(\"a\", \[1, 2\]\)"),
            (({"a": 1}, 3), "vary is 3"),
            (({"a": 1}, [plist("a", [1])], {"x"}), "vary_labels is {'x'}"),
            (({"a": 1}, [plist("a", [1])], ["x"], 3), "vary_label_col is 3"),
            (({"a": 1}, [plist("a", [1])], ["x", "y"]), "1 lists in vary, but 2 vary_labels"),
            (([1], [plist("a", [1])]), "const is .* the pset in the middle"),
            (({"_x": 1}, [plist("a", [1])]), "_x"),
            (({"a": 1}, [plist("a", [1])], ["x"], "_other"), "_other"),
        ],
    )
    def test_bad_input_is_named(self, arguments, said):
        with pytest.raises(ParamsError, match=said):
            stargrid(*arguments)


class TestDuplicates:
    def test_equal_hash_is_a_duplicate(self):
        params: list[dict] = [
            {"a": 1},
            {"a": 1.0},
            {"a": 1},
            {"a": 2, "_repeat": 0},
            {"a": 2, "_repeat": 1},
        ]
        assert filter_params_unique(params) == [params[0], params[1], params[3]]

    @given(st.lists(psets, max_size=8))
    def test_each_hash_stays_once_in_its_order(self, params):
        unique = filter_params_unique(params + params)
        hashes = [pset_sha1(pset) for pset in unique]
        assert hashes == list(dict.fromkeys(map(pset_sha1, params)))
        assert filter_params_dup_hash(params, hashes) == []
        assert filter_params_dup_hash(params, [None, "unknown"]) == params


class TestWhere:
    @pytest.mark.parametrize(
        ("condition", "kept"),
        [
            ("a < b", [(1, 2), (1, 3), (2, 3)]),
            ("a != b and not a + b > 4", [(1, 2), (1, 3), (2, 1), (3, 1)]),
            ("(a, b) in [(1, 1), (2, 3)]", [(1, 1), (2, 3)]),
            ("max(a, b) == 1", [(1, 1)]),
            ("1 < a <= b", [(2, 2), (2, 3), (3, 3)]),
            ("a if b == 1 else False", [(1, 1), (2, 1), (3, 1)]),
            ("a**b * 2 % 9 == (1 << a)", [(1, 1), (1, 2), (1, 3), (2, 1)]),
            (lambda pset: pset["a"] == 3 == pset["b"], [(3, 3)]),
        ],
    )
    def test_keeps_what_holds(self, condition, kept):
        assert short(where(grid(a=[1, 2, 3], b=[1, 2, 3]), condition)) == kept

    @pytest.mark.parametrize(
        ("condition", "said"),
        [
            ("a < x", "uses 'x', which pset 0 does not have; its parameters are 'a', 's'"),
            ("a <", "no Python expression"),
            ("a = 1", "no Python expression"),
            ("__import__('os').system('true')", "more than an expression"),
            ("s.upper() == 'T'", "more than an expression"),
            ("open('x')", "more than an expression"),
            ("[x for x in s]", "more than an expression"),
            ("(lambda: 1)()", "more than an expression"),
            ("a < s", "cannot be computed for pset 0.*TypeError"),
            ("1 / (a - 1) > 0", "ZeroDivisionError"),
            ("9**9**9 > a", "more than 100000 bits"),
            ("a << 9**9", "more than 100000 bits"),
            ("len(s * 10**9) > a", "more than 100000 values"),
            ("10**9 * [a] == s", "more than 100000 values"),
            ("'%999999999d' % a == s", "% is for numbers"),
            ("_power(a, a)", "more than an expression"),
            (3, "it should be an expression"),
            (
                lambda a: a > 0,
                "^where: the function cannot be computed for pset 0.*called with the whole pset",
            ),
            (lambda pset: eval("missing"), "name 'missing' is not defined"),
        ],
    )
    def test_what_is_wrong_is_said(self, condition, said):
        with pytest.raises(ParamsError, match=said):
            where([{"a": 1, "s": "t"}], condition)


class TestRepeat:
    def test_numbers_and_seeds_are_outside_the_hash(self):
        params = repeat(grid(a=[1, 2]), 2)
        assert [(p["a"], p["_repeat"]) for p in params] == [(1, 0), (1, 1), (2, 0), (2, 1)]
        assert [pset_sha1(p) for p in params[::2]] == [pset_sha1({"a": a}) for a in (1, 2)]
        assert len({p["_seed"] for p in params}) == 4

    def test_a_seed_is_for_ever(self):
        assert repeat([{"a": 1}], 2)[1]["_seed"] == 1201076575898424659
        assert repeat([{"a": 1}], 1, seed=1) != repeat([{"a": 1}], 1)

    @given(st.lists(psets, max_size=5), st.integers(1, 4), st.integers())
    def test_a_seed_depends_on_its_own_pset_alone(self, params, n, seed):
        for pset in params:
            assert repeat([pset], n, seed) == [
                p for p in repeat([{"other": 0}, pset], n + 1, seed)[n + 1 :] if p["_repeat"] < n
            ]
        assert all(0 <= p["_seed"] < sys.maxsize for p in repeat(params, n, seed))

    def test_the_function_sees_them(self):
        params = repeat([{"a": 1}], 2)
        table = run_local(lambda a, _seed: {"seed": _seed}, params, save=False)
        assert table["seed"].tolist() == [p["_seed"] for p in params]
        table = run_local(lambda pset: {"n": pset["_repeat"]}, params, save=False)
        assert table["n"].tolist() == table["_repeat"].tolist() == [0, 1]

    def test_skipping_tells_repeats_apart(self):
        study = Study("calc")
        study.run(lambda a: {"b": a}, repeat([{"a": 1}], 2), skip="done")
        df = study.run(lambda a: {"b": a}, repeat([{"a": 1}, {"a": 2}], 3), skip="done")
        assert df[["a", "_repeat"]].values.tolist() == [
            [1, 0], [1, 1], [1, 2], [2, 0], [2, 1], [2, 2],
        ]  # fmt: skip
        study.run(lambda a: {"b": a}, [{"a": 1}], skip="done")
        assert len(study.df) == 7, "a pset that is no repeat is none of them"
        df = study.run(lambda a: {"b": a}, [{"a": 1}, *repeat([{"a": 1}], 2)], skip="done")
        assert len(df) == 7
        df = study.run(lambda a: {"b": a}, repeat([{"a": 1}], 2, seed=1), skip="done")
        assert len(df) == 9, "another seed is another computation"

    def test_resume_tells_repeats_apart(self):
        def fails_at_first(a, _repeat):
            if _repeat == 1 and not Path("go").exists():
                raise ValueError("stopped here")
            return {"b": a}

        study = Study("calc")
        params = repeat([{"a": 1}], 4)
        study.run(fails_at_first, params, on_error="stop")
        Path("go").touch()
        study.run(fails_at_first, params[2:3])
        run = study.run_of(0)
        run.resume().wait()
        mine = run.df
        assert mine["_repeat"].tolist() == [0, 1, 3], "a later run did number 2"

    def test_rows_that_vanished_are_known_by_their_repeats(self):
        study = Study("calc")
        params = repeat([{"a": 1}], 2)
        study.run(lambda a: {"b": a}, params)
        study.df.iloc[:1].to_pickle("calc/database.pk")
        with pytest.warns(UserWarning, match="1 rows that runs have brought are gone"):
            df = Study("calc").run(lambda a: {"b": a}, repeat([{"a": 1}], 3), skip="done")
        assert df["_repeat"].tolist() == [0, 2]

    @pytest.mark.filterwarnings("ignore:.*no hash")
    @pytest.mark.parametrize(
        ("params", "n", "seed", "said"),
        [
            ([{"a": 1}], 0, 0, "n is 0 .* should be a whole number from 1 on"),
            ([{"a": 1}], True, 0, "n is True"),
            ([{"a": 1}], 1, 1.5, "seed is 1.5 .* should be a whole number$"),
            (repeat([{"a": 1}], 1), 2, 0, "pset 0 is a repeat already"),
            ([{"a": object()}], 2, 0, "pset 0.* has no hash"),
            ({"a": 1}, 2, 0, "one dict"),
        ],
    )
    def test_bad_input_is_named(self, params, n, seed, said):
        with pytest.raises(ParamsError, match=said):
            repeat(params, n, seed)
