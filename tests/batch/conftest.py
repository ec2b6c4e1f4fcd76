"""Templates to prepare from."""

from collections.abc import Callable
from pathlib import Path

import pytest

RUN = """\
a = ${a}
print(a, "$name")
"""
JOBSCRIPT = """\
#!/bin/sh
#SBATCH --job-name=pset-$_pset_seq
cost=$$1
python3 run.py
"""


@pytest.fixture
def templates() -> Callable[..., None]:
    """Writes templates for one machine: further files of `templates/calc` by name."""

    def write(*, subcmd: str = "sh", machine: str = "here", **files: str) -> None:
        texts = {
            "calc/run.py": RUN,
            f"machines/{machine}/jobscript": JOBSCRIPT,
            f"machines/{machine}/info.yaml": f"subcmd: {subcmd}\n",
        }
        texts |= {f"calc/{name}": text for name, text in files.items()}
        for name, text in texts.items():
            path = Path("templates") / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)

    return write
