"""The user's function: how it is called, how it travels to other processes, what its source is.

Asked by whoever submits a run; workers and the engine only keep the decision (`Call`).
"""

from psweep_nb.functions.call import Call, check_setup, decide_call
from psweep_nb.functions.source import find_current, module_of, name_of, source_of
from psweep_nb.functions.travel import THIS_PYTHON, dump_function, holds_code, notes_on_edited
from psweep_nb.functions.workload import Workload

__all__ = [
    "THIS_PYTHON",
    "Call",
    "Workload",
    "check_setup",
    "decide_call",
    "dump_function",
    "find_current",
    "holds_code",
    "module_of",
    "name_of",
    "notes_on_edited",
    "source_of",
]
