"""psweep's table helpers: files of tables, printing, choosing rows."""

import json
import os
import pickle
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import psweep_nb as ps
from psweep_nb import OptionError, Study, StudyError, TrustError
from psweep_nb.tables import FORMATS
from tests import workloads


@pytest.fixture
def df() -> pd.DataFrame:
    """A table with one column of each type, absent values among them."""
    params: list[dict[str, Any]] = [{"a": 1}, {"a": 2, "b": 0.5}, {"a": 3, "b": 1.5}]
    params[1]["text"] = 'zwei, "2"\n'
    return Study("calc").run(lambda a, b=0, text="x": {"n": a, "odd": a % 2 == 1}, params)


# -- files -------------------------------------------------------------------------------------


@pytest.mark.parametrize("fmt", FORMATS)
def test_a_table_comes_back(df: pd.DataFrame, fmt: str) -> None:
    if fmt == "parquet":
        pytest.importorskip("pyarrow")
    ps.df_write(df, "table", fmt)
    back = ps.df_read("table", fmt)
    if fmt == "json":  # times to the second, numbers with 15 digits
        assert (back["_time_utc"] == df["_time_utc"].dt.floor("s").to_numpy()).all()
        back.index = df.index
        back["_time_utc"] = df["_time_utc"]
    pd.testing.assert_frame_equal(back, df)


@pytest.mark.parametrize("fmt", FORMATS)
def test_a_table_without_rows_or_bookkeeping_comes_back(fmt: str) -> None:
    if fmt == "parquet":
        pytest.importorskip("pyarrow")
    table = pd.DataFrame({"a": [1, 2], "t": pd.Series(["x", "y"], dtype=object)})
    ps.df_write(table, "table", fmt)
    back = ps.df_read("table", fmt)
    assert back.values.tolist() == table.values.tolist()
    assert list(back.columns) == ["a", "t"]
    ps.df_write(table[:0], "none", fmt)
    assert len(ps.df_read("none", fmt)) == 0


def test_a_table_from_a_file_can_be_the_studys(df: pd.DataFrame) -> None:
    ps.df_write(df, "t.csv", "csv")
    again = ps.run_local(workloads.double, [{"a": 9}], df=ps.df_read("t.csv", "csv"))
    assert again["a"].tolist() == [1, 2, 3, 9]


def test_json_is_what_psweep_writes(df: pd.DataFrame) -> None:
    rows = json.loads(ps.df_to_json(df))
    assert rows[0]["b"] is None
    assert rows[1]["text"] == 'zwei, "2"\n'
    assert rows[0]["_time_utc"] == df["_time_utc"].iloc[0].isoformat()[:19]
    assert list(json.loads(ps.df_to_json(df[["a"]], orient="split"))) == [
        "columns",
        "index",
        "data",
    ]
    odd = pd.DataFrame({"f": pd.Series([print, 1 + 2j], dtype=object)})
    assert json.loads(ps.df_to_json(odd)) == [
        {"f": "<built-in function print>"},
        {"f": "(1+2j)"},
    ]


def test_text_stays_text_in_json() -> None:
    table = pd.DataFrame({"t": pd.Series(["01", "2020-01-01", "nan"], dtype=object)})
    ps.df_write(table, "t.json", "json")
    assert ps.df_read("t.json", "json")["t"].tolist() == ["01", "2020-01-01", "nan"]


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None
)
@given(
    rows=st.lists(
        st.dictionaries(
            st.sampled_from("abc"),
            st.one_of(
                st.integers(-(2**53), 2**53), st.booleans(), st.text(st.characters(codec="utf-8"))
            ),
        ),
        min_size=1,
    )
)
def test_any_plain_values_come_back_from_json_and_pickle(
    tmp_path: Path, rows: list[dict[str, Any]]
) -> None:
    from psweep_nb import frames

    rows = [{"z": 0, **row} for row in rows]  # pandas writes no rows where there are no columns
    columns = {
        name: pd.Series(frames.typed(v), dtype=getattr(frames.typed(v), "dtype", None))
        for name, v in frames.columns_of(rows).items()
    }
    table = pd.DataFrame(columns)
    for fmt in ("json", "pickle"):
        ps.df_write(table, tmp_path / "t", fmt)
        back = ps.df_read(tmp_path / "t", fmt)
        pd.testing.assert_frame_equal(back, table, check_column_type=False)


def test_the_name_of_a_file_says_what_it_is(df: pd.DataFrame) -> None:
    for name in ("table.csv", "table.JSON", "table.parquet", "table.pk"):
        ps.df_write(df, name)
    assert Path("table.csv").read_text().startswith("_")
    assert json.loads(Path("table.JSON").read_text())
    assert Path("table.parquet").read_bytes()[:4] == b"PAR1"
    assert len(pd.read_pickle("table.pk")) == len(df)
    for name in ("table.csv", "table.JSON", "table.parquet", "table.pk"):
        assert ps.df_read(name)["a"].tolist() == df["a"].tolist()
    ps.df_write(df, "pickle.csv", "pickle")
    assert len(pd.read_pickle("pickle.csv")) == len(df)


def test_options_go_to_pandas(df: pd.DataFrame) -> None:
    ps.df_write(df[["a", "n"]], "t.csv", "csv", sep=";")
    assert Path("t.csv").read_text() == "a;n\n1;1\n2;2\n3;3\n"
    assert ps.df_read("t.csv", "csv", sep=";", usecols=["n"])["n"].tolist() == [1, 2, 3]


def written(*arguments: Any) -> None:
    ps.df_write(*arguments)


BAD: list[tuple[Any, str]] = [
    (lambda df: written("t.pk", df), r"the DataFrame first: df_write\(df, fn, fmt\)"),
    (lambda df: written([1], "t.pk"), "df is a list; it should be a DataFrame"),
    (lambda df: ps.df_write(df, "t.pk", "xls"), r"fmt is 'xls'; it should be one of \('pickle'"),
    (lambda df: ps.df_read("t.pk", "xls"), "fmt is 'xls'"),
    (lambda df: ps.df_read(df), r"takes a file's name, not a DataFrame"),
    (lambda df: ps.df_write(df, "none/t.pk"), "there is no directory none to write t.pk into"),
    (lambda df: ps.df_write(df, "t.pk", protocol=4), "'protocol': pickle takes no further options"),
    (lambda df: ps.df_write(df, "t.json", "json", orient="x"), "cannot be written as json: Value"),
]


@pytest.mark.parametrize(("act", "said"), BAD)
def test_bad_arguments_write_nothing(df: pd.DataFrame, act: Any, said: str) -> None:
    before = sorted(os.listdir())
    with pytest.raises(OptionError, match=said):
        act(df)
    assert sorted(os.listdir()) == before


def test_what_a_format_cannot_hold_is_said_and_the_old_file_stays(df: pd.DataFrame) -> None:
    pytest.importorskip("pyarrow")
    ps.df_write(df, "t", "parquet")
    before = Path("t").read_bytes()
    df["mixed"] = pd.Series([1, "x", None], df.index, dtype=object)
    with pytest.raises(OptionError, match=r"as parquet: Arrow.*; pickle keeps every value"):
        ps.df_write(df, "t", "parquet")
    assert Path("t").read_bytes() == before


@pytest.mark.parametrize("fmt", FORMATS)
def test_a_file_that_is_something_else_is_said(fmt: str) -> None:
    if fmt == "parquet":
        pytest.importorskip("pyarrow")
    Path("t").write_bytes(b'"a\n\xff\xfe\0')
    with pytest.raises(OptionError, match=f"t cannot be read as {fmt}: "):
        ps.df_read("t", fmt)
    with pytest.raises(FileNotFoundError):
        ps.df_read("none", fmt)


def test_json_of_another_shape_is_said() -> None:
    for text in ("{}", "[1]", '{"a": {"0": 1}}'):
        Path("t").write_text(text)
        with pytest.raises(OptionError, match="a list of objects, one a row"):
            ps.df_read("t", "json")


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, ("exploded",)


def test_a_pickle_of_unknown_origin_runs_nothing(df: pd.DataFrame) -> None:
    table = pd.DataFrame({"a": pd.Series([Bomb()], dtype=object)})
    Path("mine").mkdir()
    for name in ("t.pk", "mine/database.pk"):
        Path(name).write_bytes(pickle.dumps(table))
        with pytest.raises(TrustError, match=r"mkdir.*is not on the list"):
            ps.df_read(name)
    assert not Path("exploded").exists()
    ps.df_read("t.pk", trust=True)
    assert Path("exploded").exists()


class Mine:
    value = 3


def test_a_studys_own_table_needs_no_trust() -> None:
    Study("calc").run(lambda a: {"thing": Mine()}, [{"a": 1}])
    assert ps.df_read("calc/database.pk")["thing"].iloc[0].value == 3
    for copy in ("copy.pk", "calc/copy.pk"):
        ps.df_write(ps.df_read("calc/database.pk"), copy)
        with pytest.raises(TrustError, match=r"Mine.*trust=True"):
            ps.df_read(copy)


# -- printing ----------------------------------------------------------------------------------


def printed(capsys: pytest.CaptureFixture[str], df: pd.DataFrame, **options: Any) -> list[str]:
    """The column names that were printed."""
    ps.df_print(df, **options)
    return capsys.readouterr().out.splitlines()[0].split()


def test_print_asks_no_more(df: pd.DataFrame) -> None:
    wrong: Any
    with pytest.raises(OptionError, match="cols and skip_cols are both given"):
        ps.df_print(df, cols=["a"], skip_cols=["b"])
    for wrong in ({"cols": ["z"]}, {"skip_cols": ["z"]}):
        with pytest.raises(OptionError, match="no column 'z'; there are a, b, text"):
            ps.df_print(df, **wrong)


def test_print(capsys: pytest.CaptureFixture[str]) -> None:
    df = pd.DataFrame({"b": [1], "a": [2], "_c": [3]})
    assert printed(capsys, df) == ["a", "b"]
    assert printed(capsys, df, prefix_cols=True) == ["_c", "a", "b"]
    assert printed(capsys, df, cols=["a"]) == ["a"]
    assert printed(capsys, df, cols=["a"], prefix_cols=True) == ["_c", "a"]
    assert printed(capsys, df, cols=["a", "_c"]) == ["_c", "a"]
    assert printed(capsys, df, skip_cols=["a"]) == ["b"]
    assert printed(capsys, df, skip_cols=["a"], prefix_cols=True) == ["_c", "b"]
    ps.df_print(df, index=True)
    assert capsys.readouterr().out.splitlines()[1].split() == ["0", "2", "1"]


# -- choosing rows -----------------------------------------------------------------------------


def test_filter() -> None:
    df = pd.DataFrame({"a": range(6)})
    conds = [df.a > 1, (df.a % 2 == 0).to_numpy(), [True] * 5 + [False]]
    assert ps.df_filter_conds(df, conds)["a"].tolist() == [2, 4]
    assert ps.df_filter_conds(df, conds, "or")["a"].tolist() == [0, 1, 2, 3, 4, 5]
    assert ps.df_filter_conds(df, conds[:2], "xor")["a"].tolist() == [0, 3, 5]
    assert ps.df_filter_conds(df, [df[["a"]] > 4])["a"].tolist() == [5]
    assert len(ps.df_filter_conds(df, [])) == 6


def test_filter_takes_absent_for_false() -> None:
    df = pd.DataFrame({"a": pd.Series([1, pd.NA, 3], dtype="Int64")})
    assert ps.df_filter_conds(df, [df.a > 0])["a"].tolist() == [1, 3]
    assert ps.df_filter_conds(df, [df.a > 5, df.a > 2], "or")["a"].tolist() == [3]


@pytest.mark.parametrize(
    ("cond", "said"),
    [
        ([True], "condition 1 has 1 values; the table has 3 rows"),
        ([1, 0, 1], "condition 1 holds 1; it should hold True and False"),
        (True, "condition 1 is True; it should be one truth value a row"),
        (pd.Series([True] * 3, index=[2, 1, 0]), "condition 1 is about other rows"),
        (np.array([0.5] * 3), "condition 1 holds"),
    ],
)
def test_bad_conditions(cond: Any, said: str) -> None:
    df = pd.DataFrame({"a": [1, 2, 3]})
    with pytest.raises(OptionError, match=said):
        ps.df_filter_conds(df, [df.a > 0, cond])


def test_bad_op() -> None:
    with pytest.raises(OptionError, match=r"op is 'nand'; it should be one of \('and'"):
        ps.df_filter_conds(pd.DataFrame(), [], "nand")


def test_columns_of_one_name_are_said() -> None:
    ps.df_write(pd.DataFrame([[1, 2]], columns=["a", "a"]), "t.pk")
    from psweep_nb import frames

    with pytest.raises(StudyError, match="more than one column 'a'"):
        frames.retyped(ps.df_read("t.pk"))


# -- the page ----------------------------------------------------------------------------------


def test_the_page_runs_as_it_stands(capsys: pytest.CaptureFixture[str]) -> None:
    page = Path(__file__).parents[1] / "docs" / "tables.md"
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, Any] = {"__name__": "page"}
    for block in blocks:
        exec(compile(block, str(page), "exec"), names)
    assert names["study"].df["a"].tolist() == [1, 2]
    assert names["study"].df["ratio"].tolist() == [0.5, 0.5]
    assert len(blocks) == 5


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[{"a": 1, "a": 2}]', "'a' comes twice in one row"),
        ('{"a": [1]}', "a list of objects"),
        ('[{"a": 1', "JSONDecodeError"),
        ("[" * 100_000, "RecursionError"),
    ],
)
def test_json_that_is_no_table(text: str, said: str) -> None:
    Path("t.json").write_text(text)
    with pytest.raises(OptionError, match=rf"t\.json cannot be read as json: .*{said}"):
        ps.df_read("t.json", "json")


def test_the_table_of_a_study_that_does_not_open_is_read_by_itself(df: pd.DataFrame) -> None:
    def refused(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Path, "read_bytes", refused)
        with pytest.raises(StudyError, match=r"cannot be opened: Permission denied.*df_read"):
            ps.Study("calc")
        assert len(ps.df_read("calc/database.pk")) == len(df)
    Path("calc/.psweep/study.json").write_text("{")
    assert len(ps.df_read("calc/database.pk")) == len(df)
