"""The code on the page docs/params.md does what the page says."""

import contextlib
import io
import re
from pathlib import Path

import numpy as np
import pandas as pd

import psweep_nb as ps
from psweep_nb.ui import paramcells

PAGE = (Path(__file__).parent.parent / "docs" / "params.md").read_text()


def test_the_code_runs_and_prints_what_is_shown() -> None:
    blocks = re.findall(r"^```(python)?\n(.*?)^```\n", PAGE, re.MULTILINE | re.DOTALL)
    names: dict[str, object] = {}
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        for language, text in blocks:
            if language:
                exec(text, names)
    assert printed.getvalue() == blocks[-1][1]
    assert pd.read_pickle("other/database.pk")["n"].tolist() == [2, 4]


def test_the_cell_makes_what_is_shown() -> None:
    cell = PAGE.partition("%%psweep params points\n")[2].partition("```")[0]
    found = paramcells.build(cell, {"np": np})
    assert f"points: {len(found.params)} psets: {found.text}" in PAGE
    assert ps.params_to_code(found.params).endswith(
        'params = ps.grid(a=range(1, 5), b=np.linspace(0.0, 1.0, 10), c="const")'
    )
