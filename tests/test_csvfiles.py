"""Params in CSV files: types, what is absent, and files that are something else."""

from pathlib import Path

import pytest

from psweep_nb.errors import ParamsError
from psweep_nb.psets import check_params
from tests.test_holders import typed


def psets(text: str) -> list[dict[str, object]]:
    Path("p.csv").write_text(text, encoding="utf-8")
    return check_params("p.csv")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "a, b,c,d\n1,0.5,x,True\n,2,,\n3,,7,False\n",
            [{"a": 1, "b": 0.5, "c": "x", "d": True}, {"b": 2.0}, {"a": 3, "c": "7", "d": False}],
        ),
        # Text stays text; beside numbers the same words are absent, as pandas has it.
        ("a,b\n1,NA\n2,None\n3,\n", [{"a": 1, "b": "NA"}, {"a": 2, "b": "None"}, {"a": 3}]),
        ("a,b\n1,NA\n2,nan\n3,0.5\n", [{"a": 1}, {"a": 2}, {"a": 3, "b": 0.5}]),
        ("a\nnull\n", [{"a": "null"}]),
        ("a,c\n1,#ff0000\n2,# x\n", [{"a": 1, "c": "#ff0000"}, {"a": 2, "c": "# x"}]),
        ("c,a\n#fff,1\n", [{"c": "#fff", "a": 1}]),
        # What spreadsheets and to_csv write.
        ("\ufeffa , b\n1,2\n", [{"a": 1, "b": 2}]),
        ("\n,a\n0,7\n1,8\n", [{"a": 7}, {"a": 8}]),
        ("a,b,,\n1,2,,\n,,,\n", [{"a": 1, "b": 2}]),
        ("a,b\n1,2,\n3,4,\n", [{"a": 1, "b": 2}, {"a": 3, "b": 4}]),
        ('a,b\n"1,5",2\n', [{"a": "1,5", "b": 2}]),
        ("a\n", []),
    ],
)
def test_what_a_file_says(text, expected):
    assert typed(psets(text)) == typed(expected)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "cannot be read as CSV with one pset a line"),
        ('a,b\n1,2\n"', "cannot be read as CSV"),
        ("# from the lab\na,b\n1,2\n", 'begins with a comment.*comment="#"'),
        ("a,b\n1,2\n# more\n3,4\n", "pset 1 .*looks like a comment: '# more'"),
        ("a,b\n# one, two\n3,4\n", "pset 0 .*looks like a comment"),
        ("a;b\n1;2\n", "semicolons between names.*sep=';'"),
        ("a;b\n1;0,5\n", "semicolons between names"),
        ("a\tb\n1\t2\n", "tabs between names"),
        ("a,b,a\n1,2,3\n", "more than one column 'a'"),
        ("a,,b\n1,2,3\n", "column 2 has values and no name"),
        ("a,b\n1,2,3\n", "more values than there are names"),
        ("a\n1,5\n", "more values than there are names"),
    ],
)
def test_what_is_no_list_of_psets(text, said):
    with pytest.raises(ParamsError, match=f"'p.csv'.*{said}"):
        psets(text)


def test_bytes_that_are_no_text():
    Path("p.csv").write_bytes(b"a\n\xff\xfe\n")
    with pytest.raises(ParamsError, match=r"cannot be read as CSV.*utf-8"):
        check_params("p.csv")
