"""What one thread prints, caught: in the user's own process, where other threads print too.

Used by executors whose psets share a process with other things. It catches what Python code
prints, not what C code and child processes do.
"""

import sys
import threading
from types import TracebackType
from typing import Any

from psweep_nb.logs import Kept

_here = threading.local()  # `kept`: where this thread's output goes
_lock = threading.Lock()  # of what follows: several threads may catch at the same time
_catching = 0
_NAMES = ("stdout", "stderr")


class Printed:
    """A context in which what this thread prints is kept, and not shown.

    >>> with Printed() as printed:
    ...     print("seen by nobody")
    >>> printed.take()
    'seen by nobody\\n'
    """

    def __init__(self) -> None:
        self._kept = Kept()
        self.take = self._kept.take

    def __enter__(self) -> "Printed":
        global _catching
        self._before = getattr(_here, "kept", None)
        _here.kept = self._kept
        with _lock:
            _catching += 1
            for name in _NAMES:
                if not isinstance(getattr(sys, name), _Switch):
                    setattr(sys, name, _Switch(getattr(sys, name)))
        return self

    def __exit__(
        self,
        _type: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        global _catching
        _here.kept = self._before
        with _lock:
            _catching -= 1
            for name in _NAMES:
                stream = getattr(sys, name)
                # If somebody else has put theirs there meanwhile, it is not ours to take away.
                if not _catching and isinstance(stream, _Switch):
                    setattr(sys, name, stream.original)


class _Switch:
    """Stands for `sys.stdout` or `sys.stderr`; for threads that catch nothing it is the same."""

    def __init__(self, original: Any) -> None:
        self.original = original

    def write(self, text: str) -> int:
        kept = getattr(_here, "kept", None)
        if kept is None:
            return 0 if self.original is None else self.original.write(text)
        if not isinstance(text, str):
            raise TypeError(f"write() argument must be str, not {type(text).__name__}")
        kept.write(text)
        return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        if self.original is not None:
            self.original.flush()

    def isatty(self) -> bool:
        kept = getattr(_here, "kept", None)
        return kept is None and self.original is not None and self.original.isatty()

    def __getattr__(self, name: str) -> Any:
        return getattr(self.original, name)
