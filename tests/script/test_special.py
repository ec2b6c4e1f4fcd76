"""What is special: modules, cells as workloads, plots, older code, what has no source."""

import importlib
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from psweep_nb import Command, JournalError, OptionError, Study, StudyError, TrustError
from tests.script import exporting
from tests.script.exporting import Exported, end
from tests.workloads import double

MODULE = '"""A module of the user."""\n\nk = 2\n\n\ndef simulate(a):\n    return {"r": k * a}\n'
FILES = {"model.py": MODULE, "lib/other.py": MODULE, "lib/pack/__init__.py": ""}
RUN = "%%psweep run a=[1, 2, 3] --in-kernel --wait "
WORKLOAD = """%load_ext psweep_nb
import psweep_nb as ps
scale = 3"""
EXPORT = "\nstudy.export()"

GOOD = {
    "a module beside it": ["from model import simulate", end("simulate")],
    "a function of a module": [
        "import model\n\n\ndef f(a):\n    return model.simulate(a)",
        end(),
    ],
    "a module elsewhere": [
        "import sys\nsys.path.insert(0, 'lib')\nfrom other import simulate as sim",
        "def f(a):\n    return sim(a)",
        end(),
    ],
    "setup": [
        "import time\n\n\ndef load():\n    return 5",
        "def f(a, setup):\n    return {'r': a + setup}",
        end(psets="ps.grid(a=[1, 2]), setup=load, retries=2, order='shuffle', on_error='record'"),
    ],
    "psets of the notebook's classes": [
        "import enum\nfrom dataclasses import dataclass\n\n\nclass Mode(enum.Enum):\n    FAST = 1",
        "@dataclass\nclass Box:\n    size: int",
        "def f(box, mode):\n    return {'r': box.size + mode.value}",
        end(psets="ps.grid(box=[Box(1), Box(2)], mode=[Mode.FAST])"),
    ],
    "a cell, results named": [
        WORKLOAD,
        RUN + "-r E,loss\n# as in the paper\nE = scale * a\nloss = -E",
        "study.export()",
    ],
    "a cell, results found": [
        WORKLOAD,
        RUN + "\nE = scale**2 * a\nlimits = range\nprint(E, limits)",
        "study.export()",
    ],
    "a cell that ends with a dict": [
        WORKLOAD,
        RUN + "\nE = scale * a\ndict(\n    E=E,\n    loss=-E,\n)",
        "study.export()",
    ],
    "a cell that ends with a name": [
        WORKLOAD,
        RUN + "\nscale = scale + a\nscale",
        "study.export()",
    ],
    "a cell that ends with names": [
        WORKLOAD,
        RUN + "\nE = a\nL = 2 * a\nE, L",
        "study.export()",
    ],
    "watched": [
        WORKLOAD,
        RUN + "-r E\nE = scale * a",
        "df = study.df\nunit = 'eV'",
        "%%psweep watch\nimport matplotlib.pyplot as plt\n\nfig, ax = plt.subplots()\n"
        "ax.plot(run.df['a'], run.df['E'] * scale, 'o')\nax.set_title(unit);",
        "%%psweep watch\n# the best\ndf.sort_values('E').tail(1)",
        "study.export()",
    ],
    "older code": [
        "k = 1\n\n\ndef f(a):\n    return {'r': k * a}",
        end(),
        "k = 2",
        end(psets="ps.grid(a=[1, 2, 3, 4, 5]), skip='done'", export="study.export(force=True)"),
    ],
    "several runs": [
        "def g(a):\n    return {'r': -a}\n\n\ndef f(a):\n    return {'r': a}",
        end("g", "ps.grid(a=[7])", ""),
        end(psets="ps.grid(a=[1, 2])", export=""),
        end(psets="[{'a': 9}, {'a': 1}, {'a': 9}]", export=""),
        "study.delete(a=2)",
        "study.export()",
    ],
    "grids of two runs": [
        "def f(a, b):\n    return {'r': a + b}",
        end(psets="ps.grid(a=range(20), b=[1, 2, 3])", export=""),
        end(psets="ps.grid(a=range(0, 100, 7), b=[1, 5]), skip='done'"),
    ],
    "one run": [
        "def f(a):\n    return {'r': a}",
        end(psets="ps.grid(a=[1, 2])", export="run = study.runs[-1]"),
        "def f(a):\n    return {'r': -a}",
        end(psets="ps.grid(a=[3])", export=""),
        "run.export()",
    ],
    "a command": [
        "from pathlib import Path\n\nimport psweep_nb as ps\n\n"
        "Path('templates').mkdir()\nPath('templates/go.sh').write_text('echo $a')\n"
        "Path('templates/go.sh').chmod(0o755)",
        "def read(folder):\n    return {'text': (folder / 'out').read_text()}",
        "command = ps.Command('./go.sh > out', templates='templates', reader=read)",
        "Path('other').mkdir()",
        end("command", export="study.export()\nstudy.export('other/go.py')"),
    ],
    "a command without a name": [
        "def read(folder):\n    return {'text': (folder / 'out').read_text()}",
        end("ps.Command('echo $a > out', reader=read)"),
    ],
    "a pickle": [
        "import pandas as pd\nglobals()['big'] = pd.DataFrame({'x': [1.5, 2]})\n"
        "globals()['Path'] = 3",
        "def f(a):\n    return {'r': float(big.x.sum() * a) + Path}",
        end(export="study.export(pickles=True)"),
    ],
    "a function as a pickle": [
        "exec('def f(a): return {\"r\": 2 * a}')",
        end(export="study.export(pickles=True)"),
    ],
    "a lambda as a pickle": [
        "fs = [lambda a: {'r': 2 * a}]",
        end("fs[0]", export="study.export(pickles=True)"),
    ],
}

BAD = {
    "exec": (["exec('def f(a): return {\"r\": a}')", end()], ["`f`", "made by exec"]),
    "a helper by exec": (
        ["exec('def g(a): return a')", "def f(a):\n    b = 1\n    return {'r': g(a)}", end()],
        ['`g` (line 3 of `f`: return {"r": g(a)})', "made by exec", "pickles=True"],
    ),
    "a lambda in a list": (
        ["fs = [lambda a: {'r': a}]", end("fs[0]")],
        ["`lambda`", "line 1 of", "assign it: f = lambda"],
    ),
    "a function of a function": (
        ["def make():\n    def f(a):\n        return a\n\n    return f", end("make()")],
        ["in no variable of the notebook"],
    ),
    "an open file": (
        ["fh = open('text', 'w')\n\n\ndef f(a):\n    return fh.write('x')", end()],
        ['`fh` (line 2 of `f`: return fh.write("x"))', "inside the function"],
    ),
    "a closure over an open file": (
        [
            "def make(fh):\n    def f(a):\n        return fh.write('x')\n\n    return f",
            "f = make(open('text', 'w'))",
            end(),
        ],
        ["`f`: it holds `fh`"],
    ),
    "a file, as a pickle": (
        [
            "fh = open('text', 'w')\n\n\ndef f(a):\n    return fh.write('x')",
            end(export="study.export(pickles=True)"),
        ],
        ["could not be stored"],
    ),
    "a partial of what was edited": (
        [
            "from functools import partial\n\n\ndef g(a):\n    return a",
            "f = partial(g)",
            "def g(a):\n    return -a",
            end(),
        ],
        ["`f`: it holds `g` as that was before its cell was edited"],
    ),
    "a function under another name, and then another": (
        [
            "def g(a):\n    return a",
            "old = g\n\n\ndef g(a):\n    return old(a) + 1",
            "def f(a):\n    return g(a)",
            end(),
        ],
        ["`old` (line 2 of `g`: return old(a) + 1): it holds `g`"],
    ),
    "an object in a list, of a class that was edited": (
        [
            "class Model:\n    def r(self, a):\n        return a",
            "models = [Model()]",
            "class Model:\n    def r(self, a):\n        return -a",
            "def f(a):\n    return models[0].r(a)",
            end(),
        ],
        ["`models` (line 2 of `f`: return models[0].r(a)): it holds `Model`"],
    ),
    "an object of a dataclass that was edited": (
        [
            "from dataclasses import dataclass\n\n\n@dataclass\nclass Box:\n    x: int = 1",
            "box = Box()",
            "@dataclass\nclass Box:\n    x: int = 2",
            "def f(a):\n    return box.x",
            end(),
        ],
        ["`box` (line 2 of `f`: return box.x): it holds `Box`"],
    ),
    "a class whose base was edited": (
        [
            "class Base:\n    def r(self):\n        return 1",
            "class Model(Base):\n    def q(self):\n        return 1",
            "class Base:\n    def r(self):\n        return 2",
            "def f(a):\n    return Model().r()",
            end(),
        ],
        ["`Model` (line 2 of `f`: return Model().r()): it holds `Base`"],
    ),
    "a decorator that was edited": (
        [
            "def deco(g):\n    def inner(a):\n        return g(a)\n\n    return inner",
            "@deco\ndef f(a):\n    return a",
            "def deco(g):\n    def inner(a):\n        return -g(a)\n\n    return inner",
            end(),
        ],
        ["`f`: it holds `deco`"],
    ),
    "a default that was edited": (
        [
            "def g(a):\n    return a",
            "def f(a, g=g):\n    return g(a)",
            "def g(a):\n    return -a",
            end(),
        ],
        ["`f`: it holds `g`"],
    ),
    "a large value, made of what was deleted": (
        [
            "import queue\n\nsize = 3\nq = queue.Queue(size)\ndel size",
            "def f(a):\n    return q.maxsize",
            end(),
        ],
        ["`q` (line 2 of `f`: return q.maxsize): it was made from `size`, which was deleted"],
    ),
    "a class that was changed": (
        [
            "class Model:\n    def r(self, a):\n        return a",
            "def r(self, a):\n    return -a\n\n\nModel.r = r",
            "def f(a):\n    return Model().r(a)",
            end(),
        ],
        ["`Model` (line 2 of `f`: return Model().r(a)): it is not as a cell made it"],
    ),
    "a value by magic": (
        ["import queue\nglobals()['q'] = queue.Queue()", "def f(a):\n    return q.qsize()", end()],
        ["`q`", "queue.Queue", "assign it in a cell"],
    ),
    "a pset that cannot be written": (
        ["def f(a):\n    return 1", end(psets="[{'a': object()}]")],
        ["pset 0", "object"],
    ),
    "no run": (["import psweep_nb as ps\nps.Study('calc').export()"], ["no runs yet"]),
    "all deleted": (
        [
            "def f(a):\n    return 1",
            end(export="study.delete(study.df.index == study.df.index)"),
            "study.export()",
        ],
        ["no psets are left"],
    ),
    "a wrong name": (
        ["def f(a):\n    return 1", end(export="study.export('run.txt')")],
        ["should end in .py"],
    ),
    "no path": (["def f(a):\n    return 1", end(export="study.export(3)")], ["path is 3"]),
    "no directory": (
        ["def f(a):\n    return 1", end(export="study.export('no/run.py')")],
        ["there is no directory"],
    ),
    "a wrong flag": (
        ["def f(a):\n    return 1", end(export="study.export(force='yes')")],
        ["force is 'yes'"],
    ),
}


PLOT = """
study = ps.Study("calc")
run = study.run_of(0)

scale = 3
unit = "eV"

df = study.df

fig, ax = plt.subplots()
ax.plot(run.df["a"], run.df["E"] * scale, "o")
ax.set_title(unit)

# the best
print(df.sort_values("E").tail(1))
plt.show()
"""


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Exported]:
    place = tmp_path_factory.mktemp("special")
    cases = [*GOOD.values(), *(cells for cells, _ in BAD.values())]
    # As a formatter has it; what is in quotes twice stays.
    cases = [[c if "exec(" in c else c.replace("'", '"') for c in cells] for cells in cases]
    return dict(zip([*GOOD, *BAD], exporting.run(cases, place, FILES), strict=True))


@pytest.mark.parametrize("name", GOOD)
def test_scripts_give_the_same(done: dict[str, Exported], name: str) -> None:
    found = done[name]
    assert not found.errors
    assert found.error == "", found.error + found.text
    before = Study(found.folder / "calc").table(latest=True)
    after = Study(found.folder / "again").table()
    columns = [c for c in before if c != "state"]
    pairs = [sorted(map(str, t[columns].values.tolist())) for t in (before, after)]
    if name == "older code":
        assert found.after["r"].tolist() == [2, 4, 6, 8, 10]
    elif name == "one run":
        assert pairs[1] == pairs[0][:2]
    elif name == "several runs":
        assert pairs[1] == ["[1, 1]", "[9, 9]", "[9, 9]"]
    else:
        assert pairs[1] == pairs[0], found.text


def test_scripts_with_what_is_special_are_clean(done: dict[str, Exported]) -> None:
    place = done["a module beside it"].folder.parent
    assert exporting.ruff(place, "E4,E7,E9,F", without=["lib", "model.py"]) == ""


def test_modules_are_imported(done: dict[str, Exported]) -> None:
    beside = done["a module beside it"].text
    assert "\nimport psweep_nb as ps\n\nfrom model import simulate\n" in beside
    assert "sys.path" not in beside
    text = done["a module elsewhere"].text
    lib = done["a module elsewhere"].folder / "lib"
    assert f'sys.path.insert(0, "{lib}")\n\nfrom other import simulate as sim\n' in text


def test_options_of_the_run_are_kept(done: dict[str, Exported]) -> None:
    text = done["setup"].text
    for argument in ('on_error="record"', "setup=load", "retries=2", 'order="shuffle"'):
        assert f"        {argument},\n" in text


def test_cells_become_functions(done: dict[str, Exported]) -> None:
    def function(name: str) -> str:
        text = done[name].text
        return text[text.index("def ") : text.index("\n\n\nPARAMS")]

    assert function("a cell, results named") == (
        "def workload(a):\n    # as in the paper\n    E = scale * a\n    loss = -E\n"
        '    return {"E": E, "loss": loss}'
    )
    assert function("a cell, results found").endswith('    print(E, limits)\n    return {"E": E}')
    assert function("a cell that ends with a dict").endswith(
        "    return dict(\n        E=E,\n        loss=-E,\n    )"
    )
    assert function("a cell that ends with a name").startswith("def workload(a, *, scale=scale):")
    assert function("a cell that ends with names").endswith('return {"E": E, "L": L}')


def test_watched_cells_become_a_plot(done: dict[str, Exported]) -> None:
    folder = done["watched"].folder
    text = (folder / "plot.py").read_text()
    body = text.partition("import psweep_nb as ps\n")[2]
    assert body == PLOT
    shown = subprocess.run(
        [sys.executable, "plot.py"],
        cwd=folder,
        env={**os.environ, "MPLBACKEND": "agg"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert "[1 rows x" in shown.stdout


def test_what_older_code_did_is_said(done: dict[str, Exported]) -> None:
    text = " ".join(done["older code"].text.split())
    assert "results of older code: 3 psets of run 0 (`k` has changed since)" in text
    assert "PARAMS = ps.grid(a=range(1, 6))" in text


def test_what_is_not_in_it_is_said(done: dict[str, Exported]) -> None:
    text = done["several runs"].text
    assert "Runs of other functions are not in it: run 0 (`g`, 1 pset)." in text
    assert "of f: 3 psets" in text


def test_commands_take_their_templates_along(done: dict[str, Exported]) -> None:
    other = done["a command"].folder / "other"
    script = other / "templates" / "go.sh"
    assert script.read_text() == "echo $a" and os.access(script, os.X_OK)
    assert (other / "go.py").exists()
    assert (
        'command = Command("echo $a > out", reader=read)' in done["a command without a name"].text
    )


def test_psets_of_two_runs_are_two_grids(done: dict[str, Exported]) -> None:
    text = done["grids of two runs"].text
    assert "ps.grid(a=range(20), b=[1, 2, 3])" in text
    assert len(text) < 3000


def test_a_script_that_was_edited_says_what_is_stale(done: dict[str, Exported]) -> None:
    folder = done["older code"].folder
    script = folder / "edited.py"
    script.write_text(done["older code"].text.replace("k = 2", "k = 3"))

    def run(*argv: str) -> str:
        command = [sys.executable, "edited.py", "--calc-dir", "again", *argv]
        return subprocess.run(
            command, cwd=folder, capture_output=True, text=True, check=True
        ).stdout

    said = "5 psets were done by other code: --stale runs them again\n"
    assert run() == said + "5 rows in the table, 0 failed\n"
    assert run("--stale", "--workers", "1") == "10 rows in the table, 0 failed\n"
    assert run("--stale", "--simulate") == "10 rows in the table, 0 failed\n"


def test_pickles_are_beside_the_script(done: dict[str, Exported]) -> None:
    found = done["a pickle"]
    assert (found.folder / "run.pkl").exists()
    assert 'stored = pickle.loads(Path_(__file__).with_name("run.pkl").read_bytes())' in found.text
    assert 'big = stored["big"]' in found.text
    assert "def f(a):" in found.text


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_exported_is_said(done: dict[str, Exported], name: str) -> None:
    found = done[name]
    [error] = found.errors
    last = error.splitlines()[-1]
    assert last.startswith("psweep_nb.errors."), error
    for said in BAD[name][1]:
        assert said in last
    assert not list(found.folder.glob("*run*"))
    if name not in ("no run", "all deleted", "a pset that cannot be written"):
        assert len(Study(found.folder / "calc").df) == 3  # unharmed


@pytest.mark.parametrize("name", ["setup", "older code", "watched", "several runs"])
def test_another_process_exports_the_same(
    done: dict[str, Exported], name: str, tmp_path: Path
) -> None:
    folder = done[name].folder
    study = Study(folder / "calc")
    study.calc_dir = "calc"
    written = study.export(tmp_path / "run.py")
    assert [path.read_text() for path in written] == [
        (folder / path.name).read_text() for path in written
    ]


def test_nothing_is_half_done(study: Study, tmp_path: Path) -> None:
    study.run(double, [{"a": 1}])
    (tmp_path / "run.pkl").mkdir()
    (tmp_path / "run.py").write_text("mine")
    with pytest.raises(StudyError, match=r"run\.py exists already"):
        study.export(tmp_path / "run.py")
    assert (tmp_path / "run.py").read_text() == "mine"
    [session] = study.runs[0].folder.sessions()
    (session.path / "session.json").write_text("{")
    with pytest.raises(JournalError, match=r"session\.json is damaged"):
        study.export(tmp_path / "other.py")
    assert not (tmp_path / "other.py").exists()
    assert len(pd.read_pickle("calc/database.pk")) == 1


def test_paths_of_all_kinds(study: Study, tmp_path: Path) -> None:
    study.run(Command("true"), [{"a": 1}])
    for path in ("", "x\0.py"):
        with pytest.raises(OptionError, match="it should be the path of a script"):
            study.export(path)
    with pytest.raises(OptionError, match=r"there is no directory .*~nobody-of-that-name"):
        study.export("~nobody-of-that-name/run.py")
    link = tmp_path / "run.py"
    link.symlink_to("nowhere/run.py")
    with pytest.raises(StudyError, match="exists already"):
        study.export(link)
    study.export(link, force=True)
    assert link.is_file() and not link.is_symlink()


def test_a_stranger_does_not_say_where_files_go(study: Study, tmp_path: Path) -> None:
    templates = tmp_path / "x" / "templates"
    templates.mkdir(parents=True)
    (templates / "t").write_text("$a")
    study.run(Command("true", "x/../x/templates"), [{"a": 1}])
    other = tmp_path / "other"
    other.mkdir()
    study.database.trusted = False
    with pytest.raises(TrustError, match="which is not beside the script"):
        study.export(other / "run.py")
    assert not list(other.iterdir())


def test_a_module_that_is_gone(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "gone_module.py").write_text("def f(a):\n    return {'r': a}\n")
    monkeypatch.syspath_prepend(tmp_path)
    module = importlib.import_module("gone_module")
    study.run(module.f, [{"a": 1}])
    monkeypatch.delitem(sys.modules, "gone_module")
    (tmp_path / "gone_module.py").unlink()
    (tmp_path / "scripts").mkdir()
    with pytest.warns(UserWarning, match="module `gone_module` is imported from"):
        [script] = study.export(tmp_path / "scripts" / "run.py")
    assert "from gone_module import f" in script.read_text()
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, check=False)
    assert "No module named 'gone_module'" in done.stderr
