"""Code that calls the function of a run with one of its psets, here and now: for debugging."""

from __future__ import annotations

import keyword
from typing import TYPE_CHECKING, Any

from psweep_nb.batch.machines import jobscript_name
from psweep_nb.functions import Workload, find_current
from psweep_nb.literals import CannotWrite, Writer, text_literal
from psweep_nb.ui import texts

if TYPE_CHECKING:
    from psweep_nb.rundir import SessionSpec
    from psweep_nb.runs import Run

_LONGEST = 2000  # characters of a pset that is written out
_WIDTH = 88


def code(run: Run, index: int, error: str = "") -> str:
    """The code.

    Parameters
    ----------
    run : Run
    index : int
        Number of the pset in the run.
    error : str
        What it failed with, for a comment.
    """
    spec = run.spec
    why = f": {texts.line(error, 60)}" if error else ""
    lines = [f"# pset {index} of run {run.run_seq}{why}"]
    if run.info.get("kind") == "batch":
        return "\n".join([*lines, *_job(run, index)])
    if _wants_directory(spec) and not _is_workload(spec):
        return "\n".join([*lines, *_in_directory(run, index)])
    pset = run.view.pset(index)
    imports, written = _pset(run, index, pset)
    if _is_workload(spec):  # only a run gives it a directory
        own = spec.module == ""
        lines += [*sorted({*imports, "import psweep_nb as ps"}), f"pset = {written}"]
        lines += [f"command = ps.{spec.source}"] if own else []
        name = "command" if own else spec.function
        return "\n".join([*lines, f"ps.run_local({name}, [pset], save=False)"])
    function, found = _function(spec.function, spec.module)
    given, of_setup = _function(spec.setup, spec.setup_module) if spec.setup else ("", [])
    lines += sorted({*imports, *found, *of_setup})
    lines += [f"pset = {written}"]
    setup = f", setup={given}()" if given else ""
    lines += [f"{function}({_arguments(spec, pset)}{setup})"]
    return "\n".join(lines)


def _job(run: Run, index: int) -> list[str]:
    """What executes a job here, in its own directory."""
    folder = str(run.folder.calc_path / run.folder.psets.id(index))
    script = jobscript_name(next(iter(run.info["machines"])))
    arguments = f'["sh", {text_literal(script)}], cwd={text_literal(folder)}, check=True'
    return ["import subprocess", f"subprocess.run({arguments})"]


def _is_workload(spec: SessionSpec) -> bool:
    if spec.module == "":
        return spec.source.startswith("Command(")
    return isinstance(find_current(spec.function, spec.module), Workload)


def _wants_directory(spec: SessionSpec) -> bool:
    """Whether the function, or a helper, asks for its directory, which it has in a run only."""
    texts_of_code = (spec.source, *spec.code.get("parts", {}).values())
    return any("workdir" in text for text in texts_of_code)


def _in_directory(run: Run, index: int) -> list[str]:
    """What executes it in its directory, and opens a debugger where it fails."""
    where = text_literal(str(run.study.calc_dir))
    seq = run.info["pset_seq"] + index
    return ["from psweep_nb import Study", f"Study({where}).pset({seq}).debug()"]


def _pset(run: Run, index: int, pset: dict[str, Any]) -> tuple[set[str], str]:
    """Imports, and the pset as an expression."""
    writer = Writer()
    try:
        items = [f"{text_literal(key)}: {writer.text(value)}" for key, value in pset.items()]
    except CannotWrite:
        items = []
    written = "{" + ", ".join(items) + "}"
    if len(written) > _WIDTH:
        written = "{\n" + "".join(f"    {item},\n" for item in items) + "}"
    if (items or not pset) and len(written) <= _LONGEST:
        return writer.imports, written
    where = text_literal(str(run.study.calc_dir))
    study = f"Study({where}).run_of({run.run_seq}).params()[{index}]"
    return {"from psweep_nb import Study"}, study


def _function(name: str, module: str) -> tuple[str, list[str]]:
    """How to name it, and the imports for that."""
    parts = name.split(".")
    if not all(part.isidentifier() and not keyword.iskeyword(part) for part in parts):
        return "func", [f"# func: {texts.line(name, 60)} has no name of its own; define it as func"]
    if module == "__main__":
        missing = find_current(name, module) is None
        return name, [f"# {name} has to be defined here first"] if missing else []
    return name, [f"from {module} import {parts[0]}"]


def _arguments(spec: SessionSpec, pset: dict[str, Any]) -> str:
    names = spec.call.get("names")
    if spec.call.get("style") == "pset":
        return "pset"
    if names is None or set(names) >= set(pset):
        return "**pset"
    return ", ".join(f"{name}=pset[{text_literal(name)}]" for name in names if name in pset)
