"""Modules and style sheets of the widgets: files in the wheel, put together where they share."""

from __future__ import annotations

from pathlib import Path

_STATIC = Path(__file__).parent / "static"


def joined(*names: str) -> str:
    """These files as one; of ES modules only the last may export."""
    return "\n".join((_STATIC / name).read_text(encoding="utf-8") for name in names)
