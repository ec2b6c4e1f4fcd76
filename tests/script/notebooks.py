"""Run as a process: notebooks given as JSON, each in a folder of its own, as IPython runs them.

python notebooks.py FILE        a list of {"folder": ..., "cells": [...]}; prints what failed
"""

import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any


def main(file: str) -> None:
    from IPython.core.interactiveshell import InteractiveShell

    ip: Any = InteractiveShell.instance()
    ip.history_manager.enabled = False
    path = list(sys.path)
    for case in json.loads(Path(file).read_text()):
        os.chdir(case["folder"])
        sys.path[:] = ["", *path]
        ip.reset(new_session=True)
        # %load_ext is to load anew: this is another notebook.
        ip.extension_manager.loaded.clear()
        ip.magics_manager.registry.pop("PsweepMagics", None)
        ip.compile.reset_compiler_flags()  # of `from __future__ import ...`
        errors = []
        for cell in case["cells"]:
            done = ip.run_cell(cell, store_history=True, silent=False)
            error = done.error_before_exec or done.error_in_exec
            if error is not None:
                errors.append("".join(traceback.format_exception(error)))
        Path("errors.json").write_text(json.dumps(errors))


if __name__ == "__main__":
    main(sys.argv[1])
