"""What one record of a Galileosky packet says, while its tags are being read."""

from __future__ import annotations

from typing import Any

from tracker.model import Fix
from tracker.protocols.fields import check_coordinates
from tracker.protocols.reports import Unplaced

FIXED, BY_CELLS = 0, 2  # qualities


class Record:
    """The result of reading the tags of one record."""

    __slots__ = (
        "alarms",
        "altitude_m",
        "attributes",
        "course_deg",
        "device",
        "fraction_s",
        "fuel",
        "ident",
        "ignition",
        "items",
        "lat",
        "lon",
        "network",
        "precision",
        "quality",
        "reference",
        "satellites",
        "speed_kmh",
        "spoken",
        "temperatures",
        "time",
        "tyres",
    )

    def __init__(self) -> None:
        self.ident: str | None = None
        self.device: dict[str, Any] = {}  # what is the device's and not the record's
        self.time: float | None = None
        self.fraction_s = 0.0
        self.lat = self.lon = 0.0
        self.quality: int | None = None  # None: says nothing of a place
        self.satellites: int | None = None
        self.precision: int | None = None  # HDOP 0.1, or tens of metres
        self.speed_kmh: float | None = None
        self.course_deg: float | None = None
        self.altitude_m: float | None = None
        self.ignition: bool | None = None
        self.alarms: list[str] = []
        self.attributes: dict[str, Any] = {}
        self.items: dict[str, Any] = {}  # what has no name here, by tag
        self.fuel: dict[int, int] = {}  # by the address of the sensor
        self.temperatures: dict[int, float] = {}  # by the number of the sensor
        self.tyres: list[dict[str, Any]] = []
        self.network: dict[str, int] = {}
        self.reference: int | None = None
        self.spoken: str | None = None  # the answer to a command

    def tyre(self, number: int, psi: int, temperature_c: int, *, battery_low: bool) -> None:
        """One tyre's sensor."""
        said = {"number": number, "pressure_psi": psi, "temperature_c": temperature_c}
        self.tyres.append({**said, "battery_low": True} if battery_low else said)

    @property
    def empty(self) -> bool:
        """Whether it says nothing but who is speaking."""
        return (
            self.time is None
            and self.quality is None
            and self.attributes.keys() <= {"terminal_id"}
            and not (self.items or self.alarms)
        )

    @property
    def possible(self) -> bool:
        """Whether its coordinates are on Earth."""
        return abs(self.lat) <= 90 and abs(self.lon) <= 180

    def finish(self, ignition_input: int | None) -> None:
        """Say what only the whole record can tell. `ignition_input` is the number of the input
        that the ignition is wired to, if it is.
        """
        attributes = self.attributes
        if self.time is not None:
            self.time += self.fraction_s
        if self.precision is not None:
            if self.quality == BY_CELLS:
                attributes["accuracy_m"] = self.precision * 10
            else:
                attributes["hdop"] = self.precision / 10
        if self.fuel:
            attributes["fuel_level"] = self.fuel[min(self.fuel)]
            if len(self.fuel) > 1 or 0 not in self.fuel:
                attributes["fuel_levels"] = {str(at): level for at, level in self.fuel.items()}
        if found := self.temperatures:
            attributes["temperature_c"] = found[min(found)]
            if len(found) > 1 or 1 not in found:
                last = max(found)
                attributes["temperatures_c"] = [found.get(at) for at in range(1, last + 1)]
        if self.tyres:
            attributes["tyres"] = self.tyres
        if self.items:
            attributes["items"] = self.items
        if ignition_input is not None and "inputs" in attributes:
            self.ignition = bool(attributes["inputs"] >> ignition_input & 1)
        if "other" in self.alarms:
            attributes["alarm_code"] = attributes["status"]

    def fix(self, *, stored: bool) -> Fix | None:
        """The position; None without a time, or without coordinates. Raises DecodeError."""
        if self.time is None or self.quality is None:
            return None
        valid = self.quality == FIXED
        if not valid and not (self.lat or self.lon):
            return None
        check_coordinates(self.lat, self.lon)
        return Fix(
            fix_time=self.time,
            lat=self.lat,
            lon=self.lon,
            speed_kmh=self.speed_kmh,
            course_deg=self.course_deg,
            altitude_m=self.altitude_m,
            valid=valid,
            stored=stored,
            satellites=self.satellites,
            ignition=self.ignition,
            alarms=tuple(self.alarms),
            attributes=self.attributes,
        )

    def unplaced(self) -> Unplaced:
        """What it says beside a position."""
        alarms = tuple(self.alarms) if "status" in self.attributes else None
        return Unplaced(self.time, self.satellites, self.ignition, alarms, self.attributes)
