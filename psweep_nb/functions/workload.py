"""What is executed like a function and is none: it says itself what it needs and what it is.

`batch.command.Command` is one; whoever calls, sends or compares functions asks here.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any


class Workload:
    """A callable that takes a pset, and knows more of itself than could be found out."""

    def check(self, params: Sequence[Mapping[str, Any]]) -> None:
        """Raise a `PsweepError` if it is known not to work with these psets."""

    def code(self) -> tuple[dict[str, str], Sequence[Callable[..., Any]]]:
        """What it does: texts by name, and functions of the user's that it calls."""
        return {}, ()

    def title(self) -> str:
        """What to call it where no variable holds it."""
        return type(self).__name__

    def written(self) -> dict[str, Any]:
        """The arguments by which its class makes it anew: for scripts."""
        return {}
