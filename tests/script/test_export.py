"""Exported scripts run in a fresh interpreter and give the same psets and results."""

import pytest

from tests.script import exporting
from tests.script.exporting import Exported

# Name -> cells; the last one runs `f` and exports it.
NOTEBOOKS = {
    "a function": ["def f(a):\n    return {'r': 2 * a}"],
    "helpers, in any order": [
        "def f(a):\n    return {'r': helper(a)}",
        "def helper(a):\n    return inner(a) + 1\n\n\ndef inner(a):\n    return a**2",
    ],
    "constants": [
        "# Size of the box\nL = 10  # mm\nN = 4\ndx = L / N\nx, y = 1, (2, 3)",
        "def f(a):\n    return {'r': a * dx + x + y[1]}",
    ],
    "imports": [
        "import os, math, scipy.linalg, scipy.sparse\nimport numpy as np, pandas as pd\n"
        "from math import sin, cos as cosine\nimport xml.dom.minidom as dom",
        "def f(a):\n    n = scipy.linalg.norm([a, 1])\n"
        "    return {'r': np.sqrt(sin(a) ** 2 + cosine(a) ** 2) + n, 's': dom.__name__}",
    ],
    "a star": ["from math import *", "def f(a):\n    return {'r': sin(a) * pi}"],
    "a closure": [
        "def make(k):\n    def f(a):\n        return {'r': k * a}\n\n    return f",
        "f = make(3)",
    ],
    "a lambda": ["k = 3\nf = lambda a: {'r': k * a}  # three times"],
    "a partial": [
        "from functools import partial\n\n\ndef g(a, b):\n    return {'r': a - b}",
        "f = partial(g, b=5)",
    ],
    "a decorator": [
        "import functools\n\n\ndef twice(g):\n    @functools.wraps(g)\n    def inner(a):\n"
        "        return {'r': 2 * g(a)['r']}\n\n    return inner",
        "@twice\ndef f(a):\n    return {'r': a}",
    ],
    "a bare decorator": [
        "REGISTRY = {}\n\n\ndef register(g):\n    REGISTRY[g.__name__] = g\n"
        "    return lambda a: REGISTRY['f'](a)",
        "@register\ndef f(a):\n    return {'r': a + 1}",
    ],
    "a class": [
        "class Base:\n    k = 2\n\n    def scale(self):\n        return self.k",
        "class Model(Base):\n    def __init__(self, b):\n        self.b = b\n\n"
        "    def energy(self, a):\n        return self.b * self.scale() + a",
        "def f(a):\n    return {'r': Model(3).energy(a)}",
    ],
    "a method": [
        "class Model:\n    def __init__(self, b):\n        self.b = b\n\n"
        "    def energy(self, a):\n        return {'r': self.b * a}",
        "f = Model(3)",
        "g = 0",
    ],
    "a callable object": [
        "class Model:\n    def __call__(self, a):\n        return {'r': 2 * a}",
        "f = Model()",
    ],
    "a dataclass": [
        "from __future__ import annotations\nfrom dataclasses import dataclass\n\n\n"
        "@dataclass\nclass Box:\n    size: float\n    kind: Kind = None\n\n\n"
        "class Kind:\n    pass",
        "box = Box(2.5)",
        "def f(a):\n    return {'r': a * box.size}",
    ],
    "an enum": [
        "import enum\n\n\nclass Mode(enum.Enum):\n    FAST = 1\n    SLOW = 2",
        "mode = Mode.SLOW",
        "def f(a):\n    return {'r': a * mode.value}",
    ],
    "defaults": ["N = 4", "def f(a, n=N, *, m=2 * N):\n    return {'r': a + n + m}", "K = 5"],
    "a default of before": ["N = 4", "def f(a, n=[N]):\n    return {'r': a + n[0]}"],
    "arrays": [
        "import numpy as np\n\nxs = np.linspace(0, 1, 5)\nm = np.zeros((2, 2))\nm[0, 1] = 3",
        "w = xs * 2",
        "def f(a):\n    return {'r': float(a * w.sum() + m.sum())}",
    ],
    "random numbers": [
        "import numpy as np\n\nrng = np.random.default_rng()\nnoise = rng.normal()\n"
        "some = rng.normal(size=2)",
        "def f(a):\n    return {'r': a + noise + some[1]}",
    ],
    "a loop": [
        "total = 0\nfor i in range(4):\n    total += i\nlisted = []\n"
        "for i in range(3):\n    listed.append(i)",
        "def f(a):\n    return {'r': a + total + len(listed)}",
    ],
    "stale constants": ["N = 2", "M = 3 * N", "N = 5", "def f(a):\n    return {'r': a + M + N}"],
    "run again": ["N = 2", "M = 3 * N", "def f(a):\n    return {'r': a + M}", "N = 2"],
    "edited": [
        "def g(a):\n    return 1 / 0",
        "def f(a):\n    return {'r': g(a)}",
        "def g(a):\n    return a",
    ],
    "a cell that failed": [
        "def g(a):\n    return a\n\n\nk = 1",
        "raise RuntimeError\n\n\ndef g(a):\n    return -a\n\n\nk = 2",
        "def f(a):\n    return {'r': g(a) + k}",
    ],
    "state": [
        "calls = 0\nseen = {}",
        "def f(a):\n    global calls\n    calls += 1\n    seen[a] = calls\n    return {'r': a}",
    ],
    "a try": [
        "try:\n    import no_such_module\nexcept ImportError:\n    no_such_module = None",
        "def f(a):\n    return {'r': a + (no_such_module is None)}",
    ],
    "magics": [
        "%time k = 3\n%config InlineBackend.figure_format = 'svg'",
        "%%time\ndef g(a):\n    return a + k",
        "!echo 7",
        "def f(a):\n    return {'r': g(a)}",
    ],
    "names of the driver": [
        "ps_ = 1\nargparse = 2\nPARAMS = 3\nargs = 4\nparser = 5\ndf = 6\nnp = 7",
        "def main(a):\n    return a + argparse + PARAMS + args + parser + df + ps_ + np",
        "def f(a):\n    return {'r': main(a)}",
    ],
    "a builtin's name": [
        "def print(a):\n    return 2 * a\n\n\ndef len(a):\n    return a",
        "def f(a):\n    return {'r': print(a) + len(a)}",
    ],
    "singledispatch": [
        "from functools import singledispatch\n\n\n@singledispatch\ndef area(a):\n    return a",
        "@area.register\ndef _(a: float):\n    return -a",
        "def f(a):\n    return {'r': area(a) + area(float(a))}",
    ],
    "a subclass run before its base": [
        "class Base:\n    k = 1",
        "class Model(Base):\n    def r(self):\n        return self.k",
        "class Base:\n    k = 2",
        "class Model(Base):\n    def r(self):\n        return self.k",
        "def f(a):\n    return {'r': a + Model().r()}",
    ],
    "a generator expression and a walrus": [
        "ks = [1, 2, 3]\nif (n := 3) > 2:\n    big = True",
        "def f(a):\n    return {'r': sum(a * k for k in ks) + n + big}",
    ],
    "deleted since": [
        "tmp = 5\nk = tmp * 2\ndel tmp",
        "def f(a):\n    return {'r': a * k}",
    ],
    "imports for type checkers": [
        "from __future__ import annotations\n\nfrom typing import TYPE_CHECKING\n\n"
        "if TYPE_CHECKING:\n    from collections.abc import Sequence",
        "def g(x: Sequence[int]) -> int:\n    return x[0]",
        "def f(a):\n    return {'r': g([a])}",
    ],
    "edited, but for its comments": [
        "from functools import partial\n\n\ndef g(a):\n    return a",
        "class Model:\n    k: int = 1\n\n    def r(self, a):\n        return a",
        "h = partial(g)\nmodel = Model()",
        "def g(a):\n    # as it is\n    return a",
        "class Model:\n    k: int = 1\n\n    # as it is\n    def r(self, a):\n        return a",
        "def f(a):\n    return {'r': h(a) + model.r(a)}",
    ],
    "unicode": [
        "å = 2.0  # Ångström",
        "def énergie(β):\n    return å * β",
        "def f(a):\n    return énergie(a)",
    ],
}


def cells_of(name: str) -> list[str]:
    cells = [cell.replace("'", '"') for cell in NOTEBOOKS[name]]
    if name == "names of the driver":
        # The psets need NumPy, and its usual name is taken.
        numbers = "[{'a': numpy.float64(1.5)}, {'a': 2.5}]"
        return [*cells, "import numpy\n" + exporting.end(psets=numbers)]
    return [*cells, exporting.end("f.energy" if name == "a method" else "f")]


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Exported]:
    place = tmp_path_factory.mktemp("exports")
    done = exporting.run([cells_of(name) for name in NOTEBOOKS], place)
    return dict(zip(NOTEBOOKS, done, strict=True))


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_the_script_gives_the_same(exported: dict[str, Exported], name: str) -> None:
    found = exported[name]
    assert len(found.errors) == (name == "a cell that failed"), found.errors
    assert found.error == "", found.error + found.text
    results = [c for c in found.before if not str(c).startswith("_")]
    for column in results:
        assert found.after[column].tolist() == found.before[column].tolist(), found.text
    assert found.after["_pset_sha1"].tolist() == found.before["_pset_sha1"].tolist()
    assert not found.after["_failed"].any(), found.text


# Code identity finds no source under %%time.
@pytest.mark.parametrize("name", [name for name in NOTEBOOKS if name != "magics"])
def test_the_script_is_the_same_code(exported: dict[str, Exported], name: str) -> None:
    """What the notebook did counts as done by this very code."""
    assert exported[name].code("again") == exported[name].code("calc"), exported[name].text


def test_ruff_has_nothing_to_say(exported: dict[str, Exported]) -> None:
    place = exported["a function"].folder.parent
    assert exporting.ruff(place) == ""
