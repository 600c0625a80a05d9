"""What one GT06 frame says, while it is being read block by block.

A layout is a tuple of blocks. A block is a function (report, info, at) that reads from `at` and
returns where the next one starts; one that finds too little raises, which refuses the frame.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tracker.model import Fix
from tracker.protocols.fields import bcd
from tracker.protocols.reports import Unplaced

EXTRA_MOST = 64  # undecoded bytes kept as hex: enough to study a variant, too few to flood


class Report:
    """What one frame says, while it is being read."""

    __slots__ = (
        "alarms",
        "altitude_m",
        "attributes",
        "course_deg",
        "ignition",
        "language",
        "lat",
        "lon",
        "placed",
        "satellites",
        "speed_kmh",
        "stored",
        "time",
        "valid",
    )

    def __init__(self) -> None:
        self.time: float | None = None
        self.lat = self.lon = self.speed_kmh = self.course_deg = 0.0
        self.altitude_m: float | None = None
        self.placed = self.valid = self.stored = False
        self.satellites: int | None = None
        self.ignition: bool | None = None
        self.alarms: tuple[str, ...] | None = None
        self.language: int | None = None
        self.attributes: dict[str, Any] = {}

    def fix(self, offset_s: int) -> Fix | None:
        """The position, if there is one to use: a time, and coordinates that are fixed or not 0."""
        if self.time is None or not self.placed or not (self.valid or self.lat or self.lon):
            return None
        return Fix(
            self.time - offset_s,
            self.lat,
            self.lon,
            self.speed_kmh,
            self.course_deg,
            self.altitude_m,
            self.valid,
            self.stored,
            self.satellites,
            self.ignition,
            self.alarms or (),
            self.attributes,
        )

    def unplaced(self, offset_s: int) -> Unplaced:
        """What it says beside a position."""
        time = None if self.time is None else self.time - offset_s
        return Unplaced(time, self.satellites, self.ignition, self.alarms, self.attributes)

    def alarm(self, *names: str | None) -> None:
        """Add names of alarms; None stands for "no alarm"."""
        known = dict.fromkeys(self.alarms or ())
        self.alarms = tuple(known | dict.fromkeys(name for name in names if name))


Block = Callable[[Report, bytes, int], int]


def number(name: str, count: int, factor: float = 1) -> Block:
    """An unsigned number of `count` bytes, kept as the attribute `name` times `factor`."""

    def block(report: Report, info: bytes, at: int) -> int:
        end = at + count
        if end > len(info):
            raise IndexError(f"{name} cut off")
        value = int.from_bytes(info[at:end], "big")
        report.attributes[name] = value if factor == 1 else round(value * factor, 3)
        return end

    return block


def skip(count: int) -> Block:
    """Bytes whose meaning is not known."""

    def block(_report: Report, _info: bytes, at: int) -> int:
        return at + count

    return block


def imei(data: bytes) -> str:
    """An identity in BCD[8]: sixteen digits, of which a leading 0 is padding."""
    if len(data) != 8:
        raise IndexError("identity cut off")
    digits = bcd(data)
    return digits[1:] if digits[0] == "0" else digits


def read(layout: tuple[Block, ...], info: bytes) -> Report:
    """Read a whole information by its layout; what is behind it is kept as hex in `extra`."""
    report = Report()
    at = 0
    for block in layout:
        at = block(report, info, at)
    if at > len(info):
        raise IndexError("information cut off")
    if at < len(info):
        report.attributes["extra"] = info[at : at + EXTRA_MOST].hex()
    return report
