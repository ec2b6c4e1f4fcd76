"""What programs use on the cluster: one file, the standard library, results exactly or none."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from psweep_nb import read_pset, write_result
from psweep_nb.batch import psetfile, psweep_job
from psweep_nb.batch.resultfiles import RESULTS, results_in
from tests.strategies import json_psets, psets, values

names = st.text(st.characters(codec="utf-8"), min_size=1).filter(lambda name: name[0] != "_")


@given(st.dictionaries(names, values, max_size=4))
def test_results_come_back_as_they_were(results: dict[str, Any]) -> None:
    write_result(results)
    assert sum(Path(name).exists() for name in RESULTS) == 1
    assert texts_of(results_in(Path(), trusted=True)) == texts_of(results)


def texts_of(value: Any) -> Any:
    """Sets and NaN can not be compared by repr, or by ==."""
    if isinstance(value, dict):
        return {key: texts_of(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value), [texts_of(item) for item in value]
    return sorted(value) if isinstance(value, frozenset) else repr(value)


@given(json_psets)
def test_parameters_that_json_knows_arrive(pset: dict[str, Any]) -> None:
    Path("pset.json").write_bytes(psetfile.dumps(pset))
    assert repr(read_pset()) == repr(as_lists(pset))


def as_lists(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [as_lists(item) for item in value]
    return {k: as_lists(v) for k, v in value.items()} if isinstance(value, dict) else value


@given(psets)
def test_any_pset_can_be_written(pset: dict[str, Any]) -> None:
    Path("pset.json").write_bytes(psetfile.dumps(pset))
    assert list(read_pset()) == list(pset)


def test_other_values_arrive_as_plain_ones() -> None:
    inside: list[Any] = []
    inside.append(inside)
    pset = {
        "x": np.float64(0.1),
        "v": np.arange(2),
        "p": Path("a/b"),
        "k": {(1, 2): 3},
        "i": inside,
    }
    Path("pset.json").write_bytes(psetfile.dumps(pset))
    found = read_pset()
    assert (found["x"], found["v"], found["p"], found["k"]) == (0.1, [0, 1], "a/b", "{(1, 2): 3}")


def test_it_needs_nothing_else(tmp_path: Path) -> None:
    source = Path(psweep_job.__file__).read_text()
    Path("psweep_job.py").write_text(source)
    Path("pset.json").write_text('{"a": 2}')
    program = "from psweep_job import *; write_result({'twice': 2 * read_pset()['a']})"
    subprocess.run([sys.executable, "-IS", "-c", f"import sys; sys.path.append('.'); {program}"],
                   check=True)  # fmt: skip
    assert Path("result.json").read_text() == '{"twice": 4}'
    assert "$" not in source and "{{" not in source and "{%" not in source  # it is a template, too


def test_what_is_no_result_is_refused() -> None:
    for wrong in ([1], None, "x"):
        with pytest.raises(TypeError, match="takes a dict"):
            write_result(wrong)  # type: ignore[arg-type]
    for name in ("_failed", 3):
        with pytest.raises(ValueError, match="cannot name a result"):
            write_result({name: 1})  # type: ignore[dict-item]
    assert os.listdir() == []


def test_damaged_results_are_said() -> None:
    Path("result.json").write_text('{"a": ')
    with pytest.raises(ValueError, match=r"result.json is not JSON"):
        results_in(Path(), trusted=True)
