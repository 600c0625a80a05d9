"""What one Navtelecom record says, while its fields are being read."""

from __future__ import annotations

from typing import Any

from tracker.model import Fix
from tracker.protocols.fields import check_coordinates
from tracker.protocols.reports import Unplaced


class Said:
    """The result of reading one record."""

    __slots__ = (
        "alarms",
        "altitude_m",
        "attributes",
        "course_deg",
        "fuel",
        "ignition",
        "items",
        "lat",
        "lon",
        "placed",
        "satellites",
        "speed_kmh",
        "temperatures",
        "time",
        "valid",
    )

    def __init__(self) -> None:
        self.time: float | None = None
        self.lat = self.lon = 0.0
        self.placed = False
        self.valid = True  # unless the record says otherwise
        self.speed_kmh: float | None = None
        self.course_deg: float | None = None
        self.altitude_m: float | None = None
        self.satellites: int | None = None
        self.ignition: bool | None = None
        self.alarms: tuple[str, ...] | None = None
        self.attributes: dict[str, Any] = {}
        self.fuel: dict[str, int] = {}  # by the number of the sensor
        self.temperatures: dict[int, int] = {}  # by the number of the sensor
        self.items: dict[str, str] = {}  # what has no name here, by field

    def bits(self, name: str, value: int, shift: int) -> None:
        """Eight bits of a mask such as `inputs`."""
        self.attributes[name] = self.attributes.get(name, 0) | value << shift

    def alarm(self, *, active: bool, code: int) -> None:
        """Whether the device has raised its alarm; which one is the event's to tell."""
        self.alarms = ("other",) if active else ()
        if active:
            self.attributes["alarm_code"] = code

    def finish(self) -> None:
        """Say what only the whole record can tell."""
        attributes = self.attributes
        if self.fuel:
            attributes["fuel_level"] = next(iter(self.fuel.values()))
            if len(self.fuel) > 1 or "1" not in self.fuel:
                attributes["fuel_levels"] = self.fuel
        if found := self.temperatures:
            attributes["temperature_c"] = found[min(found)]
            if len(found) > 1 or 1 not in found:
                last = max(found)
                attributes["temperatures_c"] = [found.get(at) for at in range(1, last + 1)]
        if self.items:
            attributes["items"] = self.items

    def fix(self, *, stored: bool) -> Fix | None:
        """The position; None without a time, or without coordinates. Raises DecodeError."""
        if self.time is None or not self.placed or not (self.valid or self.lat or self.lon):
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
            stored=stored,
            satellites=self.satellites,
            ignition=self.ignition,
            alarms=self.alarms or (),
            attributes=self.attributes,
        )

    def unplaced(self) -> Unplaced:
        """What it says beside a position."""
        return Unplaced(self.time, self.satellites, self.ignition, self.alarms, self.attributes)
