"""Params taken from a DataFrame, a CSV file, a study or a run."""

import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

import psweep_nb as ps
from psweep_nb.errors import OptionError, ParamsError
from psweep_nb.psets import check_params
from psweep_nb.running import Options
from psweep_nb.submission import prepare
from tests.strategies import names, psets, special_values


def typed(params: Any) -> Any:
    return [{key: (type(value), value) for key, value in pset.items()} for pset in params]


def exactly(value: Any) -> str:
    """The repr, but of sets in an order: theirs is lost in a pickle."""
    if isinstance(value, set | frozenset):
        return f"{type(value)}{sorted(map(exactly, value))}"
    if isinstance(value, dict):
        return f"{type(value)}{[(exactly(k), exactly(v)) for k, v in value.items()]}"
    if isinstance(value, list | tuple):
        return f"{type(value)}{list(map(exactly, value))}"
    return repr(value)


class TestTables:
    @given(
        st.lists(
            st.dictionaries(names, st.integers(-(2**40), 2**40) | special_values, max_size=4),
            min_size=1,
            max_size=6,
        ).filter(any)
    )
    def test_what_a_frame_of_our_types_holds_comes_back(self, params):
        from psweep_nb.frames import build, columns_of

        table = build(columns_of(params), np.zeros(len(params), dtype="datetime64[ns]"))
        assert check_params(table) == params

    def test_numbers_become_plain_and_the_index_does_not_count(self):
        table = pd.DataFrame(
            {
                "i": np.arange(2),
                "f": np.array([0.5, 1], dtype="float32"),
                "b": [True, False],
                "s": ["x", "y"],
            },
            index=["k", "l"],
        )
        table["o"] = pd.Series([np.int16(3), "text"], index=["k", "l"], dtype=object)
        assert typed(check_params(table)) == typed(
            [
                {"i": 0, "f": 0.5, "b": True, "s": "x", "o": 3},
                {"i": 1, "f": 1.0, "b": False, "s": "y", "o": "text"},
            ]
        )

    def test_absent_values_leave_the_key_out_and_nan_stays(self):
        table = pd.DataFrame(
            {
                "n": pd.array([1, None], dtype="Int64"),
                "f": [0.5, np.nan],
                "o": pd.Series([None, pd.NA], dtype=object),
                "s": pd.Series(["x", None], dtype="string"),
                "c": pd.Series(["u", None], dtype="category"),
            }
        )
        first, second = check_params(table)
        assert first == {"n": 1, "f": 0.5, "o": None, "s": "x", "c": "u"}
        assert list(second) == ["f"] and np.isnan(second["f"])

    def test_dates_stay_dates(self):
        [pset] = check_params(pd.DataFrame({"day": pd.to_datetime(["2031-02-03"])}))
        assert pset["day"] == datetime.datetime(2031, 2, 3)

    def test_book_keeping_is_left_out_but_what_a_pset_may_carry(self):
        params = ps.repeat([{"a": 1}], 2)
        assert check_params(pd.DataFrame(params).assign(_exec_host="here")) == params

    def test_wherever_params_are(self):
        table = pd.DataFrame({"a": [1, 2, 2]})
        assert ps.where(table, "a > 1") == [{"a": 2}, {"a": 2}]
        assert ps.filter_params_unique(table) == [{"a": 1}, {"a": 2}]
        assert len(ps.repeat(table, 2)) == 6
        assert ps.pgrid([table]) == [{"a": 1}, {"a": 2}, {"a": 2}]
        assert ps.pgrid(table, ps.plist("b", [7, 8]))[1] == {"a": 1, "b": 8}
        assert ps.stargrid({"a": 1, "b": 0}, [table])[-1] == {"a": 2, "b": 0}
        assert prepare(lambda a: a, table, Options("inline")).params[0] == {"a": 1}
        df = ps.run_local(lambda a: {"twice": 2 * a}, table, save=False)
        assert df["twice"].tolist() == [2, 4, 4]

    @pytest.mark.parametrize(
        ("table", "words"),
        [
            (pd.DataFrame({"_x": [1]}), "no parameters; its columns are '_x'"),
            (pd.DataFrame([[1, 2]], columns=["a", "a"]), "more than one column 'a'"),
            (pd.DataFrame([[1]]), "pset 0 .*the name 0 \\(int\\) is not a string"),
            (pd.Series([1, 2]), "pset 0 .*not a dict"),
        ],
    )
    def test_errors(self, table, words):
        with pytest.raises(ParamsError, match=words):
            check_params(table)

    def test_an_empty_table_has_no_psets(self):
        assert check_params(pd.DataFrame({"a": []})) == []


class TestTablesOfStudies:
    def test_results_are_left_out(self, tmp_path):
        study = ps.Study(tmp_path / "calc")
        study.run(lambda a, b: {"loss": a + b}, ps.grid(a=[1, 2], b=[0.5]))
        study.run(lambda loss: {"a": 2 * loss}, [{"loss": 3}])
        expected = [{"a": 1, "b": 0.5}, {"a": 2, "b": 0.5}, {"loss": 3}]
        df = study.df
        assert check_params(df) == expected
        df["b"] = 7.5  # what the user made of it counts
        assert check_params(df[df["loss"] < 2.5]) == [{"a": 1, "b": 7.5}]
        df.to_csv(tmp_path / "table.csv")
        assert check_params(tmp_path / "table.csv")[2] == {"loss": 3}

    def test_where_the_runs_are_gone_the_hash_says_or_the_user_is_asked(self):
        df = ps.run_local(lambda a: {"loss": a}, [{"a": 1}], save=False)
        assert check_params(df) == check_params(df.drop(columns="_calc_dir")) == [{"a": 1}]
        df["a"] = 2
        with pytest.raises(ParamsError, match=r"nor do the hashes.*df\[\[\"a\", \"b\"\]\]"):
            check_params(df)
        assert check_params(df[["a"]]) == [{"a": 2}]

    def test_a_tidy_table_does_not_say_what_its_parameters_are(self, tmp_path):
        study = ps.Study(tmp_path / "calc")
        study.run(lambda a: {"loss": a}, [{"a": 1}, {"a": 2}])
        with pytest.raises(ParamsError, match=r"'state'.*study.params\(\)"):
            check_params(study.table())
        assert check_params(study.table()[["a"]]) == [{"a": 1}, {"a": 2}]
        own = pd.DataFrame({"state": ["Bavaria", "done"]})
        assert check_params(own) == [{"state": "Bavaria"}, {"state": "done"}]

    def test_rows_of_psweep_follow_its_convention(self):
        table = pd.DataFrame({"_pset_id": ["1"], "_run_id": ["2"], "a": [1], "loss_": [2]})
        assert check_params(table) == [{"a": 1}]


class TestFiles:
    def test_a_path_stands_for_what_is_in_the_file(self, tmp_path):
        params = ps.grid(a=[1, 2], b=["x", "y"])
        pd.DataFrame(params).to_csv(tmp_path / "p.csv")
        assert check_params(tmp_path / "p.csv") == check_params(str(tmp_path / "p.csv")) == params

    @pytest.mark.parametrize(
        ("path", "words"),
        [
            ("missing.csv", "no file 'missing.csv'"),
            ("calc", "'calc' .*ends in .csv"),
            (Path("params.txt"), "ends in .csv"),
            (b"x.csv", "not a list of psets"),
        ],
    )
    def test_what_is_no_path_of_one(self, path, words):
        with pytest.raises(ParamsError, match=words):
            check_params(path)


GIVEN = [{"a": 1, "t": (1, 2)}, {"a": 2.5, "t": None}, {"a": True, "p": Path("x")}]


class TestStudies:
    @pytest.fixture
    def study(self, tmp_path):
        study = ps.Study(tmp_path / "calc")
        study.run(lambda pset: {"loss": 1.0}, GIVEN)
        return study

    @settings(max_examples=40)
    @given(st.lists(psets.filter(bool), min_size=1, max_size=5))
    @example([{"0": b""}, {"0": {}}, {"0": frozenset({1, 7, 6, 9})}])
    def test_exactly_as_given(self, tmp_path_factory, params):
        study = ps.Study(tmp_path_factory.mktemp("s") / "calc")
        study.run(lambda pset: {}, params)
        assert exactly(study.params()) == exactly(study.runs[0].params()) == exactly(params)
        assert exactly(check_params(study)) == exactly(params)

    def test_selected_as_rows_are(self, study):
        assert typed(study.params(a=2.5)) == typed(GIVEN[1:2])
        study.run(lambda pset: {"loss": 2.0}, GIVEN[:1])
        assert len(study.params()) == 4
        assert typed(study.params(latest=True)) == typed([*GIVEN[1:], GIVEN[0]])
        assert typed(study.params(loss=2.0)) == typed(GIVEN[:1])
        with pytest.raises(OptionError, match="no column 'b'"):
            study.params(b=1)

    def test_copies(self, study):
        study.params()[0]["a"] = 5
        study.runs[0].params()[0]["a"] = 5
        assert typed(study.params()) == typed(study.runs[0].params()) == typed(GIVEN)

    def test_what_the_user_changed_in_the_table_changes_no_pset(self, study):
        df = pd.read_pickle(study.path / "database.pk")
        df["a"] = 9
        df.iloc[:2].to_pickle(study.path / "database.pk")
        assert typed(study.params()) == typed(GIVEN[:2])

    def test_rows_without_a_record_say_it_themselves(self, study):
        df = pd.read_pickle(study.path / "database.pk")
        row = {"_run_id": "../x", "_pset_id": "1", "_pset_seq": 7, "a": 3, "loss_": 4.0}
        pd.concat([df, pd.DataFrame([row])]).to_pickle(study.path / "database.pk")
        assert study.params()[3] == {"a": 3}

    def test_a_study_or_a_run_stands_for_its_psets(self, study, tmp_path):
        other = ps.Study(tmp_path / "other")
        other.run(lambda pset: {"n": 2 * pset["a"]}, study)
        assert typed(other.params()) == typed(GIVEN)
        other.run(lambda pset: {"n": 0}, study.runs[0])
        assert other.df["n"].tolist() == [2, 5, 2, 0, 0, 0]

    def test_an_empty_study(self, tmp_path):
        assert ps.Study(tmp_path / "none").params() == []
