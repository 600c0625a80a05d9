"""What one EGTS record says of one moment, while its subrecords are being read."""

from __future__ import annotations

from typing import Any

from tracker.model import Fix
from tracker.protocols.fields import check_coordinates
from tracker.protocols.reports import Unplaced


class Said:
    """The result of reading subrecords up to the next position."""

    __slots__ = (
        "alarms",
        "altitude_m",
        "attributes",
        "course_deg",
        "items",
        "lat",
        "lon",
        "placed",
        "satellites",
        "speed_kmh",
        "stored",
        "time",
        "valid",
    )

    def __init__(self, time: float | None) -> None:
        self.time = time
        self.placed = self.valid = self.stored = False
        self.lat = self.lon = self.speed_kmh = self.course_deg = 0.0
        self.altitude_m: float | None = None
        self.satellites: int | None = None
        self.alarms: tuple[str, ...] | None = None
        self.attributes: dict[str, Any] = {}
        self.items: dict[str, str] = {}  # what has no name here, by type of the subrecord

    def group(self, name: str) -> dict[str, Any]:
        """An attribute that is a table, such as levels by the number of the sensor."""
        found: dict[str, Any] = self.attributes.setdefault(name, {})
        return found

    def fix(self) -> Fix | None:
        """The position, None if it states none. Raises DecodeError if it is not on Earth."""
        if self.items:
            self.attributes["items"] = self.items
        if not self.placed or self.time is None or not (self.valid or self.lat or self.lon):
            return None
        check_coordinates(self.lat, self.lon)
        return Fix(
            fix_time=self.time,
            lat=self.lat,
            lon=self.lon,
            speed_kmh=self.speed_kmh,
            course_deg=self.course_deg,
            altitude_m=self.altitude_m,
            valid=self.valid,
            stored=self.stored,
            satellites=self.satellites,
            alarms=self.alarms or (),
            attributes=self.attributes,
        )

    def unplaced(self) -> Unplaced:
        """What it says beside a position."""
        return Unplaced(self.time, self.satellites, None, self.alarms, self.attributes)
