"""The lines of Python that do what the buttons of the batch widget do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from psweep_nb.batch.command import Command
from psweep_nb.batch.methods import CALC_TEMPLATES, MACHINE_TEMPLATES
from psweep_nb.database import BASENAME
from psweep_nb.errors import ParamsError
from psweep_nb.literals import text_literal
from psweep_nb.paramscode import params_to_code
from psweep_nb.psets import Pset
from psweep_nb.ui import texts

if TYPE_CHECKING:
    from psweep_nb.study import Study

_WIDTH = 88
_MOST = 2000  # psets that are looked at for the code that makes them
_LONG = 8000
_IMPORT = "import psweep_nb as ps"


@dataclass(frozen=True)
class Call:
    """What `Study.prep_batch` is called with, besides the psets."""

    calc: str = CALC_TEMPLATES
    machines: str = MACHINE_TEMPLATES
    command: Command | None = None
    command_name: str = ""  # the notebook's, where it has one
    mode: str = "dollar"
    skip: str | None = None

    @property
    def options(self) -> dict[str, Any]:
        """As keywords, those that are not the default."""
        found: dict[str, Any] = {}
        if self.command is not None:
            found["command"] = self.command
        elif self.calc != CALC_TEMPLATES:
            found["calc_templ_dir"] = self.calc
        if self.machines != MACHINE_TEMPLATES:
            found["machine_templ_dir"] = self.machines
        if self.mode != "dollar":
            found["template_mode"] = self.mode
        if self.skip is not None:
            found["skip"] = self.skip
        return found

    def line(self, params: str = "params") -> str:
        """The call as Python."""
        words = [params]
        for name, value in self.options.items():
            text = text_literal(value) if isinstance(value, str) else self._command_code()
            words.append(f"{name}={text}")
        line = f"run = study.prep_batch({', '.join(words)})"
        if len(line) <= _WIDTH:
            return line
        inside = "".join(f"    {word},\n" for word in words)
        return f"run = study.prep_batch(\n{inside})"

    def _command_code(self) -> str:
        return self.command_name or f"ps.{self.command!r}"


def script(study: Study, psets: Sequence[Pset], name: str, call: Call, machine: str) -> str:
    """Everything from the psets to their results; runs as it is.

    Parameters
    ----------
    study : Study
    psets : sequence of dict
    name : str
        The notebook's for them, where they are too many to be written out.
    call : Call
    machine : str
        Where jobs are submitted to.
    """
    lines = [f"study = ps.Study({_where(study)})", call.line()]
    if call.command_name:
        lines.insert(0, f"# {call.command_name}: a ps.Command, to be defined before")
    elif call.command is not None and call.command.reader is not None:
        lines.insert(0, "# the reader of the command is to be added")
    if machine:
        lines += [f"study.submit_batch({text_literal(machine)})"]
        lines += ["study.sync()  # again and again, or run.wait()"]
    return "\n".join([*_head(psets, name), *lines]) + "\n"


def _head(psets: Sequence[Pset], name: str) -> list[str]:
    """Imports, and the assignment to `params`."""
    code = _params_code(psets)
    if not code:
        yours = f"params = {name}" if name not in ("", "params") else "# params"
        return [_IMPORT, "", f"{yours}  # {texts.count(len(psets))} psets, to be made before"]
    if _IMPORT in code.splitlines():
        return [code]
    return [_IMPORT, code] if code.startswith(("import ", "from ")) else [_IMPORT, "", code]


def _params_code(psets: Sequence[Pset]) -> str:
    if not 0 < len(psets) <= _MOST:
        return ""
    try:
        code = params_to_code(psets)
    except ParamsError:  # a value that cannot be written
        return ""
    return code if len(code) <= _LONG else ""


def _where(study: Study) -> str:
    words = [text_literal(str(study.calc_dir))]
    if study.path != study.calc_path:
        words.append(f"database_dir={text_literal(str(study.path))}")
    if study.database.path.name != BASENAME:
        words.append(f"database_basename={text_literal(study.database.path.name)}")
    return ", ".join(words)
