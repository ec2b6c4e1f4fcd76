"""The notebook layer: magics, panel, reports. It observes and commands; it never computes.

The only place that imports IPython, ipywidgets and anywidget; :func:`load` is what
``%load_ext psweep_nb`` calls. Nothing is imported here, since workers unpickle a helper of
workload cells from ``ui.cellresults``.
"""

from __future__ import annotations

from functools import partial
from typing import Any


def load(ip: Any) -> None:
    """Register the magics, their completion, and the display of runs and studies.

    Parameters
    ----------
    ip : IPython.InteractiveShell
    """
    from psweep_nb import debugging
    from psweep_nb.ui import begun, debugger, show
    from psweep_nb.ui.completion import completer
    from psweep_nb.ui.magics import PsweepMagics

    if "PsweepMagics" in ip.magics_manager.registry:
        return  # %reload_ext: the notebook's studies and names stay known
    magics = PsweepMagics(ip)
    ip.register_magics(magics)
    for magic in ("%psweep", "%%psweep"):
        ip.set_hook("complete_command", completer(magics.session), str_key=magic)
    ip.events.register("pre_run_cell", begun.cell_begins)
    debugging.use(partial(debugger.post_mortem, ip))
    # By name: a formatter for a class not imported yet costs nothing.
    formatter = ip.display_formatter.ipython_display_formatter
    formatter.for_type_by_name("psweep_nb.runs", "Run", lambda run: show.show_run(ip, run))
    formatter.for_type_by_name("psweep_nb.study", "Study", lambda s: show.show_study(ip, s))
