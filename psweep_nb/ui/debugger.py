"""IPython's debugger for `PsetRecord.debug`: the one that ``%debug`` opens."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import Any

from IPython.core.display_trap import DisplayTrap
from IPython.core.error import StdinNotImplementedError


def post_mortem(ip: Any, frames: TracebackType) -> None:
    """Open it at the frame where something failed.

    Where nobody can be asked (a notebook that is executed as a whole), say where that was instead.
    """
    debugger = ip.InteractiveTB.debugger_cls()
    debugger.reset()
    try:
        with DisplayTrap(hook=sys.__displayhook__):  # type: ignore[no-untyped-call]
            debugger.interaction(None, frames)
    except StdinNotImplementedError:
        last = frames
        while last.tb_next is not None:
            last = last.tb_next
        code = last.tb_frame.f_code
        print(
            f"it failed in {code.co_name}, line {last.tb_lineno}; the debugger needs a front-end "
            "that can be asked for input"
        )
