"""Whatever users pass by mistake: public functions raise errors of ours, not from their inside."""

import os
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

import psweep_nb as ps

PARAMS = [{"a": 1}, {"a": 2}]
TABLE = pd.DataFrame({"a": [1, 2], "b_": [3, 4]})
WRONG: dict[str, Callable[[], Any]] = {
    "None": lambda: None,
    "number": lambda: 3,
    "negative": lambda: -1.5,
    "nan": lambda: float("nan"),
    "text": lambda: "abc",
    "no text": lambda: "",
    "bytes": lambda: b"x",
    "empty list": list,
    "empty dict": dict,
    "dict": lambda: {"a": 1},
    "texts": lambda: ["a"],
    "numbers": lambda: [1, 2],
    "set": lambda: {1},
    "generator": lambda: (x for x in (1, 2)),
    "NumPy number": lambda: np.int64(3),
    "array": lambda: np.arange(3),
    "array without dimensions": lambda: np.array(3),
    "matrix": lambda: np.ones((2, 2)),
    "huge": lambda: 10**400,
    "object": object,
    "module": lambda: os,
    "function": lambda: lambda a: a,
    "DataFrame": lambda: pd.DataFrame({"a": [1]}),
    "empty DataFrame": pd.DataFrame,
    "Series": lambda: pd.Series([1]),
}
FUNCTIONS: dict[str, Callable[[Any], object]] = {
    "plist name": lambda x: ps.plist(x, [1]),
    "plist": lambda x: ps.plist("a", x),
    "grid": lambda x: ps.grid(x),
    "grid axis": lambda x: ps.grid(a=x),
    "pgrid": ps.pgrid,
    "pgrid arguments": lambda x: ps.pgrid(PARAMS, x),
    "itr2params": ps.itr2params,
    "merge_dicts": ps.merge_dicts,
    "merge_dicts arguments": lambda x: ps.merge_dicts({"a": 1}, x),
    "stargrid const": lambda x: ps.stargrid(x, [PARAMS]),
    "stargrid vary": lambda x: ps.stargrid({"a": 1}, x),
    "stargrid arm": lambda x: ps.stargrid({"a": 1}, [x]),
    "stargrid labels": lambda x: ps.stargrid({"a": 1}, [PARAMS], vary_labels=x),
    "stargrid column": lambda x: ps.stargrid({"a": 1}, [PARAMS], ["x"], vary_label_col=x),
    "filter_params_unique": ps.filter_params_unique,
    "filter_params_dup_hash": lambda x: ps.filter_params_dup_hash(PARAMS, x),
    "where": lambda x: ps.where(x, "a > 1"),
    "where condition": lambda x: ps.where(PARAMS, x),
    "repeat": lambda x: ps.repeat(x, 2),
    "repeat seed": lambda x: ps.repeat(PARAMS, 2, x),
    "logspace start": lambda x: ps.logspace(x, 9, 3),
    "logspace num": lambda x: ps.logspace(1, 9, x),
    "intspace stop": lambda x: ps.intspace(1, x, 3),
    "sample": lambda x: ps.sample(x, 3),
    "sample axis": lambda x: ps.sample({"a": x}, 3),
    "sample n": lambda x: ps.sample({"a": (0.0, 1.0)}, x),
    "pset_sha1": ps.pset_sha1,
    "params_to_code": ps.params_to_code,
    "params_to_code value": lambda x: ps.params_to_code([{"a": x}]),
    "df_read": ps.df_read,
    "df_write": lambda x: ps.df_write(x, "x.pk"),
    "df_write fn": lambda x: ps.df_write(TABLE, x),
    "df_to_json": ps.df_to_json,
    "df_to_json orient": lambda x: ps.df_to_json(TABLE, orient=str(x)),
    "df_print": ps.df_print,
    "df_print cols": lambda x: ps.df_print(TABLE, cols=x),
    "df_filter_conds": lambda x: ps.df_filter_conds(x, []),
    "df_filter_conds conds": lambda x: ps.df_filter_conds(TABLE, x),
    "df_extract_params": ps.df_extract_params,
    "df_extract_pset": lambda x: ps.df_extract_pset(x, "1"),
    "df_update_pset_hash": ps.df_update_pset_hash,
    "df_update_pset_hash params": lambda x: ps.df_update_pset_hash(TABLE.copy(), params=x),
    "Study": ps.Study,
    "database_dir": lambda x: ps.Study("calc", database_dir=x),
    "database_basename": lambda x: ps.Study("calc", database_basename=x),
    "run_local func": lambda x: ps.run_local(x, PARAMS, save=False),
    "run_local params": lambda x: ps.run_local(lambda a: 1, x, save=False),
    "run_local calc_dir": lambda x: ps.run_local(lambda a: 1, [], calc_dir=x, save=False),
    "table": lambda x: ps.Study("calc").table(cols=x),
    "delete": lambda x: ps.Study("calc").delete(x),
    "update": lambda x: ps.Study("calc").update(x),
    "run_of": lambda x: ps.Study("calc").run_of(x),
    "wait": lambda x: ps.Study("calc").run_of(0).wait(x),
    "skip": lambda x: ps.Study("calc").plan(len, PARAMS, skip=x),
    "order": lambda x: ps.run_local(lambda a: 1, PARAMS, order=x, save=False),
    "plan": lambda x: ps.Study("calc").plan(x, PARAMS),
    "plan params": lambda x: ps.Study("calc").plan(lambda a: 1, x),
    "plot_line x": lambda x: ps.plot_line(TABLE, x, "b_"),
    "plot_heatmap color": lambda x: ps.plot_heatmap(TABLE, "a", "b_", x),
    "explore": ps.explore,
}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("name", FUNCTIONS)
def test_nothing_comes_from_inside(name: str) -> None:
    ps.Study("calc").run(lambda a: {"loss": a}, PARAMS)
    for wrong, make in WRONG.items():
        if (name, wrong) == ("df_read", "text"):
            continue  # FileNotFoundError, as anybody would say it
        try:
            FUNCTIONS[name](make())
        except ps.PsweepError as error:
            assert str(error)
        except Exception as error:
            error.add_note(f"{name} was given: {wrong}")
            raise
