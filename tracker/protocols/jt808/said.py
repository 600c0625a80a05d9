"""What one location of JT/T 808 says, while its items are being read."""

from __future__ import annotations

from typing import Any

from tracker.model import Fix
from tracker.protocols.reports import Unplaced


class Said:
    """The result of reading a location; `fix` is None where there is no position to use."""

    __slots__ = ("alarms", "attributes", "fix", "ignition", "satellites", "stored", "time")

    def __init__(self, attributes: dict[str, Any]) -> None:
        self.fix: Fix | None = None
        self.time: float | None = None
        self.ignition: bool | None = None
        self.satellites: int | None = None
        self.stored = False
        self.alarms: list[str] = []
        self.attributes = attributes

    def unplaced(self) -> Unplaced:
        """What it says beside a position."""
        alarms = tuple(dict.fromkeys(self.alarms))
        return Unplaced(self.time, self.satellites, self.ignition, alarms, self.attributes)
