"""Parameter studies in the notebook: psets in, one function, one table out.

Names load on first use: the processes that execute psets import this package too, and
start in a fraction of the time without pandas.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from psweep_nb.batch.command import Command
    from psweep_nb.batch.psweep_job import read_pset, write_result
    from psweep_nb.batch.starters import new_templates
    from psweep_nb.classic import prep_batch, run, run_local
    from psweep_nb.combining import aggregate, concat
    from psweep_nb.errors import (
        CommandError,
        FunctionError,
        JournalError,
        OptionError,
        ParamsError,
        PsetError,
        PsweepError,
        RemoteError,
        StudyError,
        TemplateError,
        TrustError,
    )
    from psweep_nb.hashing import pset_sha1
    from psweep_nb.params import grid, itr2params, merge_dicts, pgrid, plist
    from psweep_nb.paramscode import params_to_code
    from psweep_nb.patterns import (
        filter_params_dup_hash,
        filter_params_unique,
        repeat,
        stargrid,
        where,
    )
    from psweep_nb.rowpsets import df_extract_params, df_extract_pset, df_update_pset_hash
    from psweep_nb.runs import Run
    from psweep_nb.spaces import intspace, logspace, sample
    from psweep_nb.study import Study
    from psweep_nb.tables import df_filter_conds, df_print, df_read, df_to_json, df_write
    from psweep_nb.ui.batch.prep import BatchPrep
    from psweep_nb.ui.editor.gridedit import GridEditor
    from psweep_nb.ui.explorer import explore
    from psweep_nb.ui.plots import plot_heatmap, plot_line, plot_scatter
    from psweep_nb.within import report, workdir

__version__ = "0.1.0"

_HOMES = {
    "batch.command": ("Command",),
    "batch.psweep_job": ("read_pset", "write_result"),
    "batch.starters": ("new_templates",),
    "classic": ("prep_batch", "run", "run_local"),
    "combining": ("aggregate", "concat"),
    "errors": (
        "CommandError",
        "FunctionError",
        "JournalError",
        "OptionError",
        "ParamsError",
        "PsetError",
        "PsweepError",
        "RemoteError",
        "StudyError",
        "TemplateError",
        "TrustError",
    ),
    "hashing": ("pset_sha1",),
    "params": ("grid", "itr2params", "merge_dicts", "pgrid", "plist"),
    "paramscode": ("params_to_code",),
    "patterns": (
        "filter_params_dup_hash",
        "filter_params_unique",
        "repeat",
        "stargrid",
        "where",
    ),
    "rowpsets": ("df_extract_params", "df_extract_pset", "df_update_pset_hash"),
    "runs": ("Run",),
    "spaces": ("intspace", "logspace", "sample"),
    "study": ("Study",),
    "tables": ("df_filter_conds", "df_print", "df_read", "df_to_json", "df_write"),
    "ui.batch.prep": ("BatchPrep",),
    "ui.editor.gridedit": ("GridEditor",),
    "ui.explorer": ("explore",),
    "ui.plots": ("plot_heatmap", "plot_line", "plot_scatter"),
    "within": ("report", "workdir"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "BatchPrep",
    "Command",
    "CommandError",
    "FunctionError",
    "GridEditor",
    "JournalError",
    "OptionError",
    "ParamsError",
    "PsetError",
    "PsweepError",
    "RemoteError",
    "Run",
    "Study",
    "StudyError",
    "TemplateError",
    "TrustError",
    "aggregate",
    "concat",
    "df_extract_params",
    "df_extract_pset",
    "df_filter_conds",
    "df_print",
    "df_read",
    "df_to_json",
    "df_update_pset_hash",
    "df_write",
    "explore",
    "filter_params_dup_hash",
    "filter_params_unique",
    "grid",
    "intspace",
    "itr2params",
    "logspace",
    "merge_dicts",
    "new_templates",
    "params_to_code",
    "pgrid",
    "plist",
    "plot_heatmap",
    "plot_line",
    "plot_scatter",
    "prep_batch",
    "pset_sha1",
    "read_pset",
    "repeat",
    "report",
    "run",
    "run_local",
    "sample",
    "stargrid",
    "where",
    "workdir",
    "write_result",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_HOME_OF[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    # Without what this module imports for itself.
    return sorted({*__all__, *(name for name in globals() if name.startswith("__"))})


def load_ipython_extension(ip: Any) -> None:
    """``%load_ext psweep_nb``: the magics and the live panel."""
    from psweep_nb.ui import load

    load(ip)
