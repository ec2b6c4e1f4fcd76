"""Figures of results: what is drawn, and that their code draws the very same."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import matplotlib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from matplotlib.figure import Figure

import psweep_nb as ps
from psweep_nb.errors import OptionError
from psweep_nb.ui import drawing, picture
from psweep_nb.ui.drawing import Drawn
from psweep_nb.ui.kinds import CATEGORY, NUMBER, OTHER, TIME, drawable, kind_of
from psweep_nb.ui.lines import literal, quoted
from psweep_nb.ui.picture import HEATMAP, LINE, SCATTER, Picture


@pytest.fixture(autouse=True)
def figures() -> Iterator[None]:
    with matplotlib.rc_context({"backend": "agg"}):
        yield
    plt.close("all")


class Rude:
    def __repr__(self) -> str:
        raise RuntimeError("no")


def table(rows: int = 240) -> pd.DataFrame:
    """Every kind of column that can be drawn, as a study's table has them."""
    rng = np.random.default_rng(0)
    i = np.arange(rows)
    energy = rng.normal(size=rows) + i % 6
    missing: list[Any] = [pd.NA if n % 7 == 0 else int(n % 3) for n in i]
    return pd.DataFrame(
        {
            "a": i % 6,
            "b": i // 6 % 4 * 0.1,
            "method": pd.Series(np.where(i % 5 < 2, "sgd", "adam"), dtype=object),
            "flag": i % 2 == 0,
            "energy": energy,
            "masked": pd.array(missing, dtype="Int64"),
            "maybe": pd.array([None if n % 7 == 0 else bool(n % 2) for n in i], dtype="boolean"),
            "objects": pd.Series([1, 2.5, pd.NA] * (rows // 3), dtype=object),
            "mixed": pd.Series(["x", 1, None] * (rows // 3), dtype=object),
            "holes": np.where(i % 4 == 0, np.nan, energy),
            "endless": np.where(i % 9 == 0, np.inf, energy),
            "when": pd.date_range("2031-01-01", periods=rows, freq="h"),
            "fine": rng.random(rows),
            "many": [f"name {n}" for n in i],
            "_failed": i % 11 == 10,
            "_run_seq": i // 120,
        }
    )


def drawn(what: Picture, df: pd.DataFrame) -> tuple[Drawn, Any, bytes]:
    """Draw, and the picture as bytes."""
    figure = Figure(layout="constrained")
    ax = figure.add_subplot()
    done = drawing.draw(what, df, ax)
    return done, ax, pixels(figure)


def pixels(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # characters no font has, numbers near the end of floats
        figure.savefig(buffer, format="raw", dpi=40)
    return buffer.getvalue()


def by_code(done: Drawn, df: pd.DataFrame) -> bytes:
    names: dict[str, Any] = {"df": df}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        exec(done.code([], "df"), names)
    return pixels(names["fig"])


PICTURES = [
    Picture(LINE, "a", "energy"),
    Picture(LINE, "a", "energy", "b"),
    Picture(LINE, "a", "energy", "method", "quartiles"),
    Picture(LINE, "a", "energy", "flag", "none"),
    Picture(LINE, "method", "energy", "b"),
    Picture(LINE, "method", "energy", "method"),
    Picture(LINE, "flag", "flag"),
    Picture(LINE, "when", "energy", "maybe"),
    Picture(LINE, "when", "energy", "many"),
    Picture(LINE, "fine", "objects", "fine"),
    Picture(LINE, "mixed", "masked", "mixed"),
    Picture(LINE, "masked", "maybe", "_run_seq"),
    Picture(LINE, "a", "a", "a"),
    Picture(LINE, "endless", "holes"),
    Picture(SCATTER, "a", "energy"),
    Picture(SCATTER, "energy", "holes", "b"),
    Picture(SCATTER, "method", "many", "flag"),
    Picture(SCATTER, "many", "many", "many"),
    Picture(SCATTER, "when", "endless", "endless"),
    Picture(SCATTER, "mixed", "masked", "maybe", state="all"),
    Picture(HEATMAP, "a", "b", "energy"),
    Picture(HEATMAP, "method", "a", "flag", state="failed"),
    Picture(HEATMAP, "when", "many", "holes"),
    Picture(HEATMAP, "mixed", "maybe", "masked", runs=[1]),
    Picture(HEATMAP, "fine", "energy", "objects"),
    Picture(LINE, "a", "energy", where={"method": "sgd", "b": slice(0.1, None)}),
    Picture(SCATTER, "a", "energy", where={"masked": [0, 2], "objects": slice(None, 2)}),
    Picture(LINE, "a", "energy", where={"method": "none such"}),
    Picture(HEATMAP, "a", "b", "energy", where={"method": []}),
]


@pytest.mark.parametrize("what", PICTURES, ids=lambda p: f"{p.kind}-{p.x}-{p.y}-{p.color}")
def test_the_code_draws_the_very_same_and_leaves_the_table_alone(what: Picture) -> None:
    df = table()
    before = df.copy(deep=True)
    done, _, seen = drawn(what, df)
    assert by_code(done, df) == seen
    pd.testing.assert_frame_equal(df, before)


def test_a_whole_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    study = ps.Study("my calc")
    study.run(lambda a, b: {"energy": a * b}, ps.grid(a=[1, 2, 3], b=[1, 2]))
    code = ps.explore(study).code
    assert 'data = ps.Study("my calc").df' in code
    names: dict[str, Any] = {}
    exec(code, names)
    lines = {line.get_label(): list(line.get_ydata()) for line in names["ax"].lines}
    assert lines == {"1": [1, 2, 3], "2": [2, 4, 6]}


def test_mean_and_standard_deviation_over_repeats() -> None:
    df = pd.DataFrame({"a": [1, 1, 2, 2, 3], "e": [1.0, 3.0, 4.0, 4.0, 7.0]})
    done, ax, _ = drawn(Picture(LINE, "a", "e"), df)
    assert list(np.asarray(ax.lines[0].get_ydata())) == [2, 4, 7]
    edge = ax.collections[0].get_paths()[0].vertices
    assert edge[:, 1].max() == pytest.approx(4)
    assert edge[:, 1].min() == pytest.approx(2 - np.sqrt(2))
    assert done.notes == ["mean and standard deviation of up to 2 rows a point"]


def test_parameters_that_vary_in_what_is_averaged_are_named() -> None:
    params = ps.repeat(ps.grid(a=[1, 2], b=[0, 1], steps=[50, 100]), 2)
    df = pd.DataFrame([{**pset, "fixed": 1, "list": [1], "e": 1.0} for pset in params])
    df = df.set_index(pd.Index([0] * len(df)))
    names = ["a", "b", "steps", "fixed", "list", "_repeat"]

    def notes(what: Picture) -> list[str]:
        return drawing.draw(what, df, Figure().add_subplot(), names).notes

    said = "mean and standard deviation of up to"
    assert notes(Picture(LINE, "a", "e", "b")) == [f"{said} 4 rows a point over steps and _repeat"]
    assert notes(Picture(LINE, "a", "e")) == [f"{said} 8 rows a point over b, steps and _repeat"]
    only = Picture(HEATMAP, "a", "b", "e", where={"steps": 50})
    assert notes(only) == ["mean of up to 2 rows a cell over _repeat"]


def test_quartiles_over_repeats() -> None:
    df = pd.DataFrame({"a": [1] * 5 + [2] * 5, "e": [0.0, 1, 2, 3, 100, 0, 0, 0, 0, 0]})
    _, ax, _ = drawn(Picture(LINE, "a", "e", band="quartiles"), df)
    assert list(np.asarray(ax.lines[0].get_ydata())) == [2, 0]
    edge = ax.collections[0].get_paths()[0].vertices
    assert (edge[:, 1].min(), edge[:, 1].max()) == (0, 3)


def test_without_repeats_the_rows_themselves_in_order_of_x() -> None:
    df = pd.DataFrame({"a": [3, 1, 2], "e": [9.0, 1.0, 4.0]})
    done, ax, _ = drawn(Picture(LINE, "a", "e"), df)
    assert list(np.asarray(ax.lines[0].get_ydata())) == [1, 4, 9]
    assert len(ax.collections) == 0
    assert done.notes == []


def test_a_heat_map_averages_and_leaves_holes() -> None:
    df = pd.DataFrame({"a": [1, 1, 2], "b": [0.5, 0.5, 0.25], "e": [1.0, 3.0, 5.0]})
    done, ax, _ = drawn(Picture(HEATMAP, "a", "b", "e"), df)
    (image,) = ax.images
    array = image.get_array()
    assert array is not None
    assert array.filled(-1).tolist() == [[-1, 5], [2, -1]]
    assert [t.get_text() for t in ax.get_yticklabels()] == ["0.25", "0.5"]
    assert done.notes == ["mean of up to 2 rows a cell"]


def test_which_rows() -> None:
    df = table()
    done = df[~df["_failed"]]

    def count(**options: Any) -> int:
        return drawn(Picture(SCATTER, "a", "energy", **options), df)[0].rows

    assert count() == len(done)
    assert count(state="all") == len(df)
    assert count(state="failed") == df["_failed"].sum()
    assert count(runs=[1]) == (done["_run_seq"] == 1).sum()
    assert count(where={"a": 2}) == (done["a"] == 2).sum()
    assert count(where={"a": slice(1, 3)}) == done["a"].isin([1, 2, 3]).sum()
    assert (
        count(where={"method": ["sgd"], "a": [0, 1]})
        == ((done["method"] == "sgd") & (done["a"] < 2)).sum()
    )
    assert count(where={"mixed": "x"}) == (done["mixed"] == "x").sum()
    assert count(where={"masked": slice(1, None)}) == (done["masked"] >= 1).sum()
    lacking = drawn(Picture(SCATTER, "a", "holes"), df)[0]
    assert lacking.rows == done["holes"].notna().sum()
    assert lacking.notes == [f"{done['holes'].isna().sum()} rows without a or holes left out"]


def test_a_table_without_bookkeeping_and_with_time_as_index_and_column() -> None:
    df = table().drop(columns=["_failed", "_run_seq"])
    df["_time_utc"] = df["when"]
    df = df.set_index("_time_utc", drop=False)
    done, _, seen = drawn(Picture(LINE, "_time_utc", "energy", runs=[0]), df)
    assert done.rows == len(df)
    assert by_code(done, df) == seen


# -- a great deal ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (Picture(LINE, "x", "y"), "x: 1 000 000 values in 100 bins"),
        (Picture(LINE, "when", "y"), "when: 1 000 000 values in 100 bins"),
        (Picture(LINE, "k", "y", "x"), "x: 1 000 000 values in 10 bins"),
        (Picture(LINE, "k", "y", "name"), "name: the 20 commonest of 1 000"),
        (Picture(SCATTER, "x", "y", "x"), "20 000 rows of 1 000 000, drawn at random"),
        (Picture(HEATMAP, "x", "y", "k"), "x: 1 000 000 values in 50 bins"),
        (Picture(HEATMAP, "name", "k", "y"), "name: the 20 commonest of 1 000"),
    ],
)
def test_a_million_rows_are_summed_up_and_that_is_said(what: Picture, said: str) -> None:
    n = 1_000_000
    rng = np.random.default_rng(1)
    df = pd.DataFrame(
        {
            "x": rng.random(n),
            "y": rng.random(n),
            "k": np.arange(n) % 7,
            "name": (np.arange(n) % 1000).astype(str).astype(object),
            "when": pd.date_range("2031-01-01", periods=n, freq="s"),
        }
    )
    done, ax, _ = drawn(what, df)
    assert said in [note.replace("\u202f", " ") for note in done.notes]
    points = sum(len(np.asarray(line.get_xdata())) for line in ax.lines)
    points += sum(len(np.asarray(c.get_offsets())) for c in ax.collections)
    points += sum(np.size(image.get_array()) for image in ax.images)
    assert 0 < points <= 20_000


# -- what nobody thought of ------------------------------------------------------------------

_NAMES = ["a$b_", "$\\frac$", "_hidden", "<b>", "two\nlines", "right\u202eleft", "", "self", "for"]
_NAMES += ['say "a"', "it's", "x" * 300, "{value}", "\\", "zero\u200bwidth", "data", "µ"]
_SURROGATE = "\ud800"  # which pandas' own texts cannot hold
_VALUES = st.one_of(
    st.none(),
    st.just(pd.NA),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.sampled_from([*_NAMES, _SURROGATE, "y" * 100_000, 10**400, 2**63, -(2**63), 1e308, -1e308]),
    st.sampled_from([date(2031, 1, 2), Path("a/b"), Rude(), [1], np.float32(1.5), 1j, b"x"]),
)


@st.composite
def tables(draw: st.DrawFn) -> pd.DataFrame:
    rows = draw(st.integers(0, 8))
    names = draw(st.lists(st.sampled_from(_NAMES), min_size=3, max_size=3, unique=True))
    columns = {}
    for name in names:
        values = st.one_of(
            st.lists(_VALUES, min_size=rows, max_size=rows),
            st.lists(st.floats(), min_size=rows, max_size=rows),
            st.lists(st.sampled_from(_NAMES), min_size=rows, max_size=rows),
        )
        found: Any = np.empty(rows, dtype=object)
        found[:] = draw(values)
        columns[name] = pd.Series(found, dtype=object)
        if draw(st.booleans()) and not any(value is _SURROGATE for value in found):
            columns[name] = columns[name].infer_objects()
    return pd.DataFrame(columns)


# Shrinking would draw some hundred figures more.
@settings(
    deadline=None,
    max_examples=40,
    phases=set(Phase) - {Phase.shrink, Phase.explain},
    suppress_health_check=list(HealthCheck),
)
@given(tables(), st.sampled_from(picture.KINDS), st.sampled_from(picture.BANDS), st.booleans())
@example(
    pd.DataFrame({"a$b_": [1, 2], "$\\frac$": ["_x", "$y$"], "<b>": [1.0, 2.0]}),
    HEATMAP,
    "std",
    True,
)
def test_whatever_the_table_holds_it_is_drawn_or_refused_with_a_reason(
    df: pd.DataFrame, kind: str, band: str, color: bool
) -> None:
    x, y, c = df.columns
    what = Picture(kind, x, y, c if color or kind == HEATMAP else None, band)
    try:
        done, _, seen = drawn(what, df)
    except OptionError as error:
        assert "\n" not in str(error)
    else:
        assert by_code(done, df) == seen


def test_what_matplotlib_refuses_is_said_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise ValueError("no such\nnumber")

    monkeypatch.setitem(drawing._DRAW, "scatter", refuse)
    with pytest.raises(OptionError, match=r"cannot draw these values: ValueError\('no such"):
        drawn(Picture("scatter", "x", "y"), pd.DataFrame({"x": [1], "y": [2]}))


def test_labels_are_texts_and_no_mathematics() -> None:
    df = pd.DataFrame({"a$b_$": [1, 2, 1, 2], "e": [1.0, 2, 3, 4], "_m": list("aabb")})
    df["_m"] = ["$x_$", "$x_$", "_under", "_under"]
    _, ax, _ = drawn(Picture(LINE, "a$b_$", "e", "_m"), df)
    assert ax.get_xlabel() == r"a\$b_\$"
    legend = ax.get_legend()
    assert legend is not None
    assert legend.get_title().get_text() == "_m"
    assert [text.get_text() for text in legend.get_texts()] == [r"\$x_\$", " _under"]


@pytest.mark.parametrize(
    ("what", "said"),
    [
        (Picture("pie", "a", "energy"), "kind is 'pie'"),
        (Picture(LINE, "a", "energy", band="sd"), "band is 'sd'"),
        (Picture(LINE, "a", "energy", state="ok"), "state is 'ok'"),
        (Picture(LINE, "nope", "energy"), "no column 'nope'; there are a, b, "),
        (Picture(LINE, "a", "energy", where={"nope": 1}), "no column 'nope'"),
        (Picture(LINE, "a", "method"), "'method' holds texts; a line needs numbers there"),
        (Picture(HEATMAP, "a", "b", "method"), "'method' holds texts"),
        (Picture(HEATMAP, "a", "b"), "three different columns"),
        (Picture(HEATMAP, "a", "a", "energy"), "three different columns"),
        (Picture(LINE, "a", "when"), "'when' is a time"),
        (Picture(LINE, "a", "energy", where={"method": slice(0, 1)}), "so it has no range"),
        (Picture(LINE, "a", "energy", where={"a": Rude()}), "not a Rude"),
        (Picture(LINE, "a", "lists"), "neither numbers nor texts"),
        (Picture(LINE, "a", "energy", where={"lists": 1}), "neither numbers nor texts"),
    ],
)
def test_what_cannot_be_drawn(what: Picture, said: str) -> None:
    df = table()
    df["lists"] = [[1]] * len(df)
    with pytest.raises(OptionError, match=said):
        drawn(what, df)


# -- plain functions -------------------------------------------------------------------------


def test_the_functions_draw_into_axes_or_a_new_figure() -> None:
    df = table()
    _, (left, right) = plt.subplots(1, 2)
    assert ps.plot_line(df, "a", "energy", "b", ax=left) is left
    assert ps.plot_heatmap(df, "a", "b", "energy", ax=right) is right
    assert plt.get_fignums() == [1]
    assert ps.plot_scatter(df, "a", "energy").figure is plt.figure(2)
    with pytest.raises(OptionError):
        ps.plot_line(df, "a", "method")
    assert plt.get_fignums() == [1, 2]  # an error leaves no empty figure
    with pytest.raises(OptionError, match="a Study or a DataFrame is expected, not a list"):
        ps.plot_line([1], "a", "b")  # type: ignore[arg-type]


def test_runs_by_number_and_by_label(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))
    study = ps.Study(tmp_path / "calc")
    for label, values in (("x", [1, 2]), ("y", [3]), ("x", [4, 5, 6])):
        study.run(lambda a: {"e": a}, [{"a": a} for a in values], label=label)

    def seen(runs: Any) -> list[int]:
        ax = ps.plot_scatter(study, "a", "e", runs=runs)
        return sorted(np.asarray(ax.collections[0].get_offsets())[:, 0].astype(int).tolist())

    assert seen(None) == [1, 2, 3, 4, 5, 6]
    assert seen(1) == seen("y") == [3]
    assert seen(-1) == [4, 5, 6]
    assert seen("x") == [1, 2, 4, 5, 6]
    assert seen([0, "y"]) == [1, 2, 3]
    with pytest.raises(OptionError, match="no run 'z'"):
        seen("z")
    with pytest.raises(OptionError, match="only a Study knows labels"):
        ps.plot_scatter(study.df, "a", "e", runs="x")


# -- kinds and texts -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "name"),
    [
        (pd.Series([1, 2]), NUMBER),
        (pd.Series([1, 2], dtype=object), NUMBER),
        (pd.Series([1, pd.NA], dtype=object), NUMBER),
        (pd.Series([pd.NA, pd.NA], dtype=object), NUMBER),
        (pd.Series([2**70, 1], dtype=object), NUMBER),
        (pd.Series([10**400, 1], dtype=object), OTHER),
        (pd.Series([np.nan]), NUMBER),
        (pd.Series(["a"]), CATEGORY),
        (pd.Series(["a", None], dtype=object), CATEGORY),
        (pd.Series([True, pd.NA], dtype=object), CATEGORY),
        (pd.Series([True, 1], dtype=object), CATEGORY),
        (pd.Series(["a"], dtype="category"), CATEGORY),
        (pd.Series(pd.to_datetime(["2031-01-01"])), TIME),
        (pd.Series(pd.to_timedelta([1])), OTHER),
        (pd.Series([1j]), OTHER),
        (pd.Series([[1]]), OTHER),
        (pd.Series([Rude()]), OTHER),
        (pd.Series([np.zeros(2), np.zeros(2)]), OTHER),
    ],
)
def test_what_a_column_can_be_drawn_as(values: Any, name: str) -> None:
    assert kind_of(values).name == name


def test_names_that_cannot_be_drawn() -> None:
    df = pd.DataFrame([[1, 2, 3, 4]], columns=["a", "b", "b", 7])
    assert list(drawable(df)) == ["a"]
    with pytest.raises(OptionError, match="several columns 'b'"):
        drawn(Picture(LINE, "a", "b"), df)


@given(st.text())
def test_names_in_code_are_what_they_were(text: str) -> None:
    assert eval(quoted(text)) == text


@given(st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text()))
def test_values_in_code_are_what_they_were(value: Any) -> None:
    found = eval(literal(value))
    assert type(found) is type(value)
    assert found == value or (found != found and value != value)
