"""The wall clock, read once and carried on by the monotonic one.

A step of the system's time in the middle of a run would otherwise look like lag.
"""

from __future__ import annotations

import time


class Clock:
    """Unix seconds that never jump."""

    __slots__ = ("_offset_s",)

    def __init__(self) -> None:
        self._offset_s = time.time() - time.monotonic()

    def now(self) -> float:
        """Unix seconds now."""
        return time.monotonic() + self._offset_s
