"""From a study to the driver script that a person would have written for it.

`Study.export` and `Run.export` come here. What the function needs was found when the run was
submitted (`functions.needed`); here it becomes a file.
"""

from psweep_nb.script.exporting import export

__all__ = ["export"]
