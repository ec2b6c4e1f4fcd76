"""What the editor does with its psets: plan, simulate, run, with a function of the notebook.

Called by the widget. Each is the line of code that a person would write; nothing is judged here.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psweep_nb.errors import OptionError, PsweepError
from psweep_nb.functions.whose import is_users
from psweep_nb.psets import Pset
from psweep_nb.ui import header, texts
from psweep_nb.ui.session import DEFAULT_DIR, Session, open_study

if TYPE_CHECKING:
    from psweep_nb.runs import Run
    from psweep_nb.study import Study

SKIP = "done+failed"
MOST_PLANNED_UNASKED = 20_000  # psets that are judged at each pause; more with the button


@dataclass(frozen=True)
class Done:
    """What a command came to: a sentence, more of it, a run to show."""

    text: str
    details: str = ""
    run: Run | None = None


class Runner:
    """Which function, how many workers, which study.

    Parameters
    ----------
    session : Session
        Of the notebook.
    function : callable, optional
        Chosen at first, else the notebook's only one.
    study : Study, optional
        Else the one the notebook uses.
    target : str, optional
        What the psets are called in the line of code that is said.
    """

    def __init__(
        self,
        session: Session,
        function: Callable[..., Any] | None = None,
        study: Study | None = None,
        target: str | None = None,
    ) -> None:
        self._session = session
        self._given = function
        self._study = study
        self._looked: Study | None = None
        self._target = target or "PARAMS"
        self.chosen = "" if function is None else _name_of(function)
        self.workers = "1"

    # -- choices -----------------------------------------------------------------------------

    def functions(self) -> list[str]:
        """Names of the functions that can be chosen, those of the notebook itself first."""
        found = {
            name: value
            for name, value in list(self._session.names.items())
            if not name.startswith("_") and inspect.isfunction(value) and is_users(value)
        }
        own = [name for name, value in found.items() if value.__module__ == "__main__"]
        names = [*own, *(name for name in found if name not in own)]
        if self._given is not None and _name_of(self._given) not in names:
            names.insert(0, _name_of(self._given))
        if not self.chosen and len(own) == 1:
            self.chosen = own[0]
        return names

    def choose(self, name: str) -> None:
        """Choose a function by its name."""
        if name not in self.functions():
            raise OptionError(f"the notebook has no function {texts.line(name, 60)!r}")
        self.chosen = name

    def _function(self) -> Callable[..., Any]:
        """The function as it is now: cells may have defined it anew."""
        value = self._session.names.get(self.chosen)
        if callable(value):
            found: Callable[..., Any] = value
            return found
        if self._given is not None and self.chosen == _name_of(self._given):
            return self._given
        raise OptionError(f"the notebook has no function {self.chosen!r} any more")

    def _number_of_workers(self) -> int:
        text = self.workers.strip()
        if not text.isdecimal() or not 1 <= int(text[:9]) <= 100_000:
            raise OptionError(f"workers is {texts.line(text, 20)!r}; a whole number from 1 on")
        return int(text)

    def study(self) -> Study:
        """The study that is asked: looking does not make it the one the notebook uses."""
        found = self._study or self._session.last
        if found is None:
            found = self._looked = self._looked or open_study(Path(DEFAULT_DIR))
        return found

    def state(self) -> dict[str, Any]:
        """What the page offers."""
        functions = self.functions()
        return {
            "functions": functions,
            "function": self.chosen if self.chosen in functions else "",
            "workers": self.workers,
            "where": header.directory(self.study().path),
            "canSimulate": hasattr(self.study(), "simulate"),
        }

    # -- commands ----------------------------------------------------------------------------

    def plan(self, psets: list[Pset]) -> Any:
        """The plan of running these psets now."""
        return self.study().plan(
            self._function(), psets, skip=SKIP, workers=self._number_of_workers()
        )

    def say_plan(self, psets: list[Pset]) -> Done:
        """Show the whole plan."""
        plan = self.plan(psets)
        return Done(self._line("plan"), texts.block(str(plan)))

    def simulate(self, psets: list[Pset]) -> Done:
        """Make the rows that would come, and compute nothing."""
        from psweep_nb.simulating import folder_of

        study = self.study()
        df = study.simulate(self._function(), psets, skip=SKIP)
        where = f"Study({folder_of(study.calc_dir)!r}).df"
        text = f"Nothing was run: {where} has {texts.count(len(df))} rows, those to come included."
        return Done(text)

    def run(self, psets: list[Pset]) -> Done:
        """Run in the background what is neither done nor failed."""
        plan = self.plan(psets)
        study = self._study or self._session.study(None, create=True, quiet=True)
        if plan.running_same is not None:
            return self._shown(plan.running_same, "at work on these psets already")
        if not plan.todo:
            return self._shown(plan.latest, f"nothing would run: {plan.text}")
        notes: list[str] = []
        run = study.submit(
            self._function(),
            psets,
            workers=self._number_of_workers(),
            skip=SKIP,
            notes=notes.append,
        )
        return self._shown(run, "; ".join([repr(run), *plan.remarks, *notes, self._line("run")]))

    def _shown(self, run: Run | None, text: str) -> Done:
        if run is not None:
            self._session.bind(run)
        return Done(texts.cut(text, 600), run=run)

    def _line(self, command: str) -> str:
        workers = f" -w {self.workers.strip()}" if self.workers.strip() != "1" else ""
        return f"in a cell: %psweep {command} {self.chosen} {self._target}{workers}"


def _name_of(function: Callable[..., Any]) -> str:
    return getattr(function, "__name__", type(function).__name__)


def reason(error: Exception) -> str:
    """An error as a sentence for the page."""
    if isinstance(error, PsweepError):
        return str(error)
    return f"{type(error).__name__}: {error}"


def said_of(plan: Any) -> dict[str, Any]:
    """What the page says of a plan: counts, time and what it is told by."""
    text = plan.text + (f" · {plan.basis}" if plan.todo else "")
    return {
        "text": texts.line(text, 400),
        "bad": False,
        "todo": len(plan.todo),
        "running": plan.running,
    }


def states_of(plan: Any) -> list[str]:
    """The state of each pset."""
    table = plan.table
    states: list[str] = table["_state" if "_state" in table else "state"].tolist()
    return states
