"""``%psweep run`` and ``plan``, ``%%psweep run`` and ``params``. `PsweepMagics` inherits them."""

from __future__ import annotations

import keyword
import os
from typing import TYPE_CHECKING, Any

from IPython.core.error import UsageError

from psweep_nb.functions import name_of
from psweep_nb.running import workers_of
from psweep_nb.ui import arguments, cells, commands, paramcells, texts
from psweep_nb.ui.arguments import Words
from psweep_nb.ui.saying import said_plainly

if TYPE_CHECKING:
    from psweep_nb.planning import Plan
    from psweep_nb.runs import Run
    from psweep_nb.study import Study
    from psweep_nb.ui.session import Session

SKIP = "done+failed"  # so that Run All computes nothing twice
_OF_THE_NOTEBOOK = ("--dir", "--out", "--wait", "--stale")  # what a run that goes on is not told
_NOTHING: Any = object()  # psets known only from a table: no run to show


class RunMagics:
    """What the magics do with a function and psets."""

    session: Session
    _ip: Any

    if TYPE_CHECKING:

        def _present(self, run: Run, name: str | None, *, new: bool = False) -> None: ...
        def _wait_for(self, run: Run, timeout: float | None) -> None: ...

    def _run(self, words: Words) -> None:
        self._start(words, *self._asked(words, commands.RUN.usage))

    def _plan(self, words: Words) -> None:
        function, params = self._asked(words, commands.PLAN.usage)
        study = self.session.study(words.options.get("--dir"), create=True, quiet=True)
        with said_plainly():
            print(self._plan_of(study, words, function, params))

    def _asked(self, words: Words, usage: str) -> tuple[Any, Any]:
        """The function and the psets."""
        if not words.plain:
            raise UsageError(f"which function? {usage}")
        word = words.plain.pop(0)
        if arguments.axis_of(word):
            raise UsageError(f"the function comes first: {usage}")
        function = arguments.evaluate(word, self.session.names, "FUNC")
        if not callable(function):
            raise UsageError(
                f"FUNC: {word} is a {type(function).__name__}, not a function: {usage}"
            )
        return function, self._params(words.plain, usage)

    def _run_cell(self, words: Words, cell: str) -> None:
        params = self._params(words.plain, commands.CELL_RUN.usage)
        results = words.options.pop("--results", None)
        names = self.session.names
        function = cells.build(
            cell,
            params,
            names,
            cells.result_names(results) if results is not None else None,
            setup="--setup" in words.options,
        )
        # Where `%psweep retry` looks for the workload as it is now.
        names[function.__name__] = function
        self._ip.user_ns_hidden[function.__name__] = function
        self._start(words, function, params)

    def _params_cell(self, words: Words, cell: str) -> None:
        usage = commands.find("params", cell=True).usage
        name = " ".join(words.plain)
        if not name.isidentifier() or keyword.iskeyword(name):
            raise UsageError(f"one name expected, found {name or 'none'}: {usage}")
        found = paramcells.build(cell, self.session.names)
        self.session.names[name] = found.params
        print(f"{name}: {texts.psets(len(found.params))}: {found.text}")

    def _params(self, plain: list[str], usage: str) -> Any:
        """The psets: one expression, or axes given in place."""
        from psweep_nb.params import grid
        from psweep_nb.psets import check_params

        axes = [arguments.axis_of(word) for word in plain]
        names = self.session.names
        if not plain:
            raise UsageError(f"which parameters? {usage}")
        for name, value in filter(None, axes):
            if not value:
                raise UsageError(f"the axis {name} has no values: {name}=[1, 2], without spaces")
            if value.endswith(","):
                raise UsageError(f"no commas between axes: the one after {name}={value[:60]}")
        if all(axes):
            found: dict[str, Any] = {}
            for name, value in filter(None, axes):
                if name in found:
                    raise UsageError(f"the axis {name} is given twice")
                found[name] = arguments.evaluate(value, names, name)
            return grid(**found)
        if any(axes):
            raise UsageError(f"either PARAMS or axes, not both: {usage}")
        if len(plain) > 1:
            if "=" in plain:
                raise UsageError("an axis has no spaces around its =: a=[1, 2]")
            raise UsageError(
                f"one expression expected for PARAMS, found {len(plain)}: {' '.join(plain)[:60]}"
                " (one with spaces needs brackets around it)"
            )
        value = arguments.evaluate(plain[0], names, "PARAMS")
        params = check_params(value)
        if not params:
            raise UsageError(f"PARAMS: {plain[0]} is empty, so there is nothing to run")
        return params

    def _start(self, words: Words, function: Any, params: Any) -> None:
        names, options = self.session.names, words.options
        workers = arguments.number(words, "--workers", names, whole=True)
        timeout = arguments.number(words, "--timeout", names)
        if words.flag("--in-kernel") and workers not in (None, 1):
            raise UsageError(
                f"the kernel's own thread runs one pset at a time, not {workers}: "
                "leave out --in-kernel, or -w"
            )
        label = options.get("--label", "")
        label = str(arguments.text_value(label, names, "--label"))
        study = self.session.study(options.get("--dir"), create=True, quiet=True)
        if words.flag("--simulate"):
            self._simulate(study, words, function, params)
            return
        with said_plainly():
            run = self._instead(study, words, function, params)
            new = run is None
            if new:
                run = study.submit(
                    function,
                    params,
                    workers=workers,
                    **_skipping(words),
                    on_error=options.get("--on-error", "record"),
                    timeout=timeout,
                    label=label,
                    in_kernel=words.flag("--in-kernel"),
                    backup=words.flag("--backup"),
                    git=words.flag("--git"),
                    **_running(words, names),
                    notes=print,
                )
                print(repr(run))
        if run is not None and run is not _NOTHING:
            self._present(run, options.get("--out"), new=new)
            if waits(words):
                self._wait_for(run, None)

    def _simulate(self, study: Study, words: Words, function: Any, params: Any) -> None:
        from psweep_nb.simulating import folder_of

        setup = _running(words, self.session.names).get("setup")
        with said_plainly():
            plan = self._plan_of(study, words, function, params)
            df = study.simulate(function, params, **_skipping(words), setup=setup)
        if plan.new != len(params):
            print(plan.text)
        where = f"Study({folder_of(study.calc_dir)!r}).df"
        rows = f"{texts.count(len(df))} rows, {texts.count(len(plan.todo))} new"
        print(f"nothing was run: {where} has {rows}")

    def _plan_of(self, study: Study, words: Words, function: Any, params: Any) -> Plan:
        names = self.session.names
        options = _running(words, names)
        workers = arguments.number(words, "--workers", names, whole=True)
        return study.plan(
            function,
            params,
            **_skipping(words),
            workers=workers_of(workers, options.get("slots")),
            setup=options.get("setup"),
        )

    def _instead(self, study: Study, words: Words, function: Any, params: Any) -> Any:
        """The run to show in place of a new one; None when there is something to compute."""
        if words.flag("--again"):
            return None
        plan = self._plan_of(study, words, function, params)
        same = plan.running_same
        if same is not None:
            print(f"{same!r}: at work on these psets already, attached")
            if same.spec.function != name_of(function):
                print(f"it does them with `{same.spec.function}`: --again starts a run of its own")
            if unheeded := [name for name in words.options if name not in _OF_THE_NOTEBOOK]:
                print(f"it keeps its own options: {', '.join(unheeded)} not heeded")
            return same
        if plan.new != len(params):
            print(plan.text)
        for remark in plan.remarks:
            print(remark)
        if plan.todo:
            return None
        return plan.latest or _NOTHING


def _running(words: Words, names: dict[str, Any]) -> dict[str, Any]:
    """The options that only the engine acts on, as `Study.submit` takes them."""
    found: dict[str, Any] = {"fresh": True} if words.flag("--fresh") else {}
    for option in ("--setup", "--retries", "--slots"):
        if option in words.options:
            value = arguments.evaluate(words.options[option], names, option)
            found[option.removeprefix("--")] = value
    for option in ("--order", "--capture-logs"):
        if option in words.options:
            found[option.removeprefix("--").replace("-", "_")] = words.options[option]
    return found


def _skipping(words: Words) -> dict[str, Any]:
    """What is passed over, as `Study.submit` and `Study.plan` take it."""
    again, stale = words.flag("--again"), words.flag("--stale")
    if again and stale:
        raise UsageError("--again runs all, --stale what is new or done with other code: which?")
    return {"skip": None if again else SKIP, "stale": stale}


def waits(words: Words) -> bool:
    """Whether the cell is to go on only when the run has ended, as it was asked or set."""
    return words.flag("--wait") or os.environ.get("PSWEEP_WAIT", "") not in ("", "0")
