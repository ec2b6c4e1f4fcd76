"""Run as a process: scripts, each in its folder, as Python runs them from a terminal.

python scripts.py FILE          a list of {"folder": ..., "argv": [...]}, argv[0] the script
"""

import contextlib
import io
import json
import os
import runpy
import sys
import traceback
from pathlib import Path


def main(file: str) -> None:
    path = list(sys.path)
    for case in json.loads(Path(file).read_text()):
        os.chdir(case["folder"])
        sys.argv[:] = case["argv"]
        sys.path[:] = [str(Path(case["argv"][0]).absolute().parent), *path[1:]]
        known = set(sys.modules)
        printed = io.StringIO()
        error = ""
        try:
            with contextlib.redirect_stdout(printed):
                runpy.run_path(case["argv"][0], run_name="__main__")
        except BaseException:
            error = traceback.format_exc()
        for name in set(sys.modules) - known:  # the user's modules of this folder
            found = getattr(sys.modules[name], "__file__", None)
            if isinstance(found, str) and found.startswith(case["folder"]):
                del sys.modules[name]
        said = {"error": error, "printed": printed.getvalue(), "jupyter": "IPython" in sys.modules}
        Path("ran.json").write_text(json.dumps(said))


if __name__ == "__main__":
    main(sys.argv[1])
