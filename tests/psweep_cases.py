"""What psweep itself does with studies: ``python psweep_cases.py NAME FOLDER`` in its environment.

Works with psweep 0.16 and, to write, with psweep 0.5, which wrote ``data/psweep-0.5.1.pk``
(``write``, with pandas 1.5.3).
"""

import datetime
import sys
from collections.abc import Callable
from typing import Any

import numpy as np

RUNS: list[list[dict[str, Any]]] = [
    [
        {"a": 1, "b": 0.5, "c": "x"},
        {"a": 2, "b": 1, "c": None},  # an integer among floats, None among texts
        {"a": 3, "b": 0.25, "c": "y", "when": datetime.datetime(2020, 1, 1)},
    ],
    [
        {"a": np.int64(4), "b": 2.0, "c": "ä", "points": [1, 2.5]},
        {"a": 5, "b": float("nan"), "c": "x", "points": (3, 4)},
        {"a": 6, "flag": True, "nested": {"x": [1]}},
    ],
]


def func(pset: dict[str, Any]) -> dict[str, Any]:
    return {"loss_": pset["a"] * 0.5, "text_": "t", "array_": np.arange(3)}


def write(folder: str) -> None:
    """A study of two runs, the second with parameters the first had not."""
    import psweep

    run = getattr(psweep, "run_local", None) or psweep.run
    for params in RUNS:
        run(func, params, calc_dir=folder)


def write_odd(folder: str) -> None:
    """A study with a result that is not on the list of harmless types."""
    import psweep

    psweep.run(lambda pset: {"odd_": Odd()}, [{"a": 1}], calc_dir=folder)


class Odd:
    pass


def simulate(folder: str) -> None:
    """A dry run behind two psets that were run."""
    import psweep

    psweep.run(func, [{"a": 1}, {"a": 2}], calc_dir=folder)
    psweep.run(func, [{"a": 3}], calc_dir=folder, simulate=True)


def go_on(folder: str) -> None:
    """Two more psets, of which the table has one."""
    import psweep

    df = psweep.df_read(f"{folder}/database.pk").reset_index(drop=True)
    params = [{"a": 1, "b": 0.5}, {"a": 9, "b": 0.5}]
    psweep.run(func, params, df=df, calc_dir=folder, skip_dups=True)


def read(folder: str) -> None:
    """What its functions find in a table: how many rows, the results of some of them."""
    import psweep

    df = psweep.df_read(f"{folder}/database.pk")
    # Of an absent value pandas says NA, which numpy's logical functions do not take.
    conditions = [(df.loss_ >= 1.0).fillna(False), (df.b == 0.5).fillna(False)]
    found = psweep.df_filter_conds(df, conditions)
    either = psweep.df_filter_conds(df, [df.a == 1, df.a == 8], op="or")
    print(len(df), found.a.tolist(), found.loss_.tolist(), either.a.tolist())


CASES: dict[str, Callable[[str], None]] = {
    case.__name__: case for case in (write, write_odd, simulate, go_on, read)
}

if __name__ == "__main__":
    name, folder = sys.argv[1:]
    CASES[name](folder)
