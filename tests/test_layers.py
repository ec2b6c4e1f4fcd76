"""The import contract of DESIGN.md, read from the source: what may import what, and when."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple

import pytest

import psweep_nb

PACKAGE = Path(psweep_nb.__file__).parent
FACADE = "psweep_nb"

# A name stands for a module or a package of that name; what does not exist yet is no matter.
LAYERS = (
    (
        "bulk",
        "csvfiles",
        "errorkinds",
        "errors",
        "factors",
        "files",
        "foreign",
        "frames",
        "functions",
        "gitcommand",
        "gitstate",
        "hashing",
        "holders",
        "inputs",
        "jobs",
        "journal",
        "layout",
        "literals",
        "livecells",
        "locks",
        "logs",
        "params",
        "paramscode",
        "patterns",
        "plaintables",
        "printing",
        "provenance",
        "psets",
        "rounding",
        "rowpsets",
        "rundir",
        "slates",
        "spaces",
        "status",
        "storedpsets",
        "timeleft",
        "trust",
        "wording",
    ),
    (
        "arrivals",
        "atwork",
        "backup",
        "database",
        "debugging",
        "deletions",
        "endedrows",
        "exact",
        "executors",
        "gitrepo",
        "gridarrays",
        "identity",
        "psetdirs",
        "records",
        "rows",
        "runview",
        "stored",
        "studies",
        "tables",
        "tidy",
        "unfolded",
        "upkeep",
        "within",
        "worker",
    ),
    ("engine", "driver", "hosts", "judging", "running", "simulating", "submission"),
    (
        "again",
        "artifacts",
        "batch",
        "classic",
        "combining",
        "compaction",
        "eachrow",
        "launching",
        "planmethods",
        "planning",
        "progress",
        "rerunning",
        "results",
        "resuming",
        "rundiff",
        "runlist",
        "runs",
        "script",  # a method of `Study` and `Run`; of these it knows nothing
        "study",
        "tablemethods",
    ),
    ("ui", "cli", "__main__"),
)
LAYER_OF = {name: level for level, names in enumerate(LAYERS) for name in names}

NOTEBOOK = {"IPython", "anywidget", "ipywidgets", "matplotlib", "traitlets", "jupyter_client"}
HEAVY = NOTEBOOK | {"numpy", "pandas"}
# What workers and the driver load. (frames, database and study may load pandas.)
LIGHT = (
    "errors",
    "files",
    "livecells",
    "journal",
    "locks",
    "trust",
    "functions",
    "rundir",
    "worker",
    "within",
    "executors",
    "engine",
    "driver",
)


class Import(NamedTuple):
    target: str  # an absolute dotted name, as far as the statement says it
    at_import_time: bool  # not in a function, not under TYPE_CHECKING
    line: int


def modules() -> dict[str, Path]:
    """Dotted name -> file, of every module of the package."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        parts = path.relative_to(PACKAGE.parent).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


MODULES = modules()


def room(module: str) -> str:
    """The name in LAYERS that a module of ours lives under."""
    return module.split(".")[1] if module != FACADE else FACADE


def imports(module: str) -> Iterator[Import]:
    path = MODULES[module]
    package = module if path.name == "__init__.py" else module.rpartition(".")[0]

    def visit(node: ast.AST, now: bool) -> Iterator[Import]:
        if isinstance(node, ast.Import):
            yield from (Import(alias.name, now, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                above = package.split(".")[: len(package.split(".")) - node.level + 1]
                base = ".".join([*above, base]) if base else ".".join(above)
            yield from (Import(f"{base}.{alias.name}", now, node.lineno) for alias in node.names)
        elif isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            yield from (entry for child in node.body for entry in visit(child, False))
            yield from (entry for child in node.orelse for entry in visit(child, now))
        else:
            later = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            for child in ast.iter_child_nodes(node):
                yield from visit(child, now and not later)

    yield from visit(ast.parse(path.read_text(encoding="utf-8")), True)


def resolve(target: str) -> str | None:
    """The module of ours that an imported name belongs to; None where it is not ours."""
    if target.split(".")[0] != FACADE:
        return None
    parts = target.split(".")
    while ".".join(parts) not in MODULES:
        parts.pop()
    found = ".".join(parts)
    if found == FACADE and len(target.split(".")) == 2:
        # A public name taken from the façade is an import of the module it lives in.
        home = psweep_nb._HOME_OF.get(target.split(".")[1])
        return f"{FACADE}.{home}" if home else FACADE
    return found


def ours(module: str) -> Iterator[tuple[Import, str]]:
    for entry in imports(module):
        target = resolve(entry.target)
        if target is not None and target != module:
            yield entry, target


def test_every_module_has_a_layer() -> None:
    unknown = [name for name in MODULES if name != FACADE and room(name) not in LAYER_OF]
    assert not unknown, f"in no layer of DESIGN.md: {unknown}"


@pytest.mark.parametrize("module", [name for name in MODULES if name != FACADE])
def test_imports_point_down_or_sideways(module: str) -> None:
    level = LAYER_OF.get(room(module), len(LAYERS))
    up = [
        f"line {entry.line}: {target}"
        for entry, target in ours(module)
        if target != FACADE and LAYER_OF.get(room(target), -1) > level
    ]
    assert not up, f"{module} imports from a layer above its own: {up}"


def test_no_import_cycles() -> None:
    graph = {
        module: {target for _, target in ours(module) if target != FACADE}
        for module in MODULES
        if module != FACADE
    }
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail("modules import each other: " + " -> ".join(error.args[1]))


def test_the_facade_loads_nothing() -> None:
    eager = [target for entry, target in ours(FACADE) if entry.at_import_time]
    assert not eager
    lazily = {room(target) for entry, target in ours(FACADE)} - {FACADE}
    pure = {"errors", "hashing", "params", "paramscode", "patterns", "spaces"}
    assert lazily <= pure | {
        "batch",
        "classic",
        "combining",
        "rowpsets",
        "runs",
        "study",
        "tables",
        "ui",
        "within",
    }


@pytest.mark.parametrize("module", MODULES)
def test_only_ui_imports_the_notebook(module: str) -> None:
    if room(module) == "ui":
        return
    found = [
        f"line {entry.line}: {entry.target}"
        for entry in imports(module)
        if entry.target.split(".")[0] in NOTEBOOK
    ]
    assert not found, f"{module} imports what only ui/ may: {found}"


@pytest.mark.parametrize("module", [name for name in MODULES if room(name) in LIGHT])
def test_workers_and_driver_start_without_pandas(module: str) -> None:
    found = [
        f"line {entry.line}: {entry.target}"
        for entry in imports(module)
        if entry.at_import_time and entry.target.split(".")[0] in HEAVY
    ]
    assert not found, f"{module} is imported by every worker; import inside a function: {found}"


def loaded_by(code: str, names: set[str]) -> set[str]:
    """Which of these top-level packages a fresh interpreter has loaded after running `code`."""
    script = f"{code}\nimport sys\nprint(*({names!r} & sys.modules.keys()))"
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert loaded_by("import psweep_nb", HEAVY | {"cloudpickle", "tqdm"}) == set()


def test_the_core_is_headless() -> None:
    code = "from psweep_nb import Study, pgrid, plist, run_local"
    assert loaded_by(code, NOTEBOOK) == set()


def test_the_magics_are_there_before_pandas_is() -> None:
    assert loaded_by("import psweep_nb.ui.magics", {"pandas", "matplotlib"}) == set()


def test_a_driver_and_its_workers_load_nothing_heavy() -> None:
    # By running it: what these modules import may import something in its turn.
    light = [name for name in MODULES if room(name) in LIGHT]
    assert loaded_by("\n".join(f"import {name}" for name in light), HEAVY) == set()


def test_public_names_are_where_the_facade_says() -> None:
    assert set(psweep_nb.__all__) == set(psweep_nb._HOME_OF)
    assert {name for name in dir(psweep_nb) if name[:2] != "__"} == set(psweep_nb.__all__)
    for name, home in psweep_nb._HOME_OF.items():
        if f"{FACADE}.{home}" in MODULES:
            assert getattr(psweep_nb, name) is not None
    with pytest.raises(AttributeError, match="no_such_name"):
        psweep_nb.no_such_name  # noqa: B018
