"""What one record of a Galileosky packet says, while its tags are being read."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tracker.protocols.fields import temperatures
from tracker.protocols.reports import Report

FIXED, BY_CELLS = 0, 2  # qualities


class Record(Report):
    """The result of reading the tags of one record."""

    __slots__ = (
        "device",
        "fraction_s",
        "fuel",
        "ident",
        "items",
        "network",
        "precision",
        "quality",
        "reference",
        "spoken",
        "temperatures",
        "tyres",
    )

    def __init__(self) -> None:
        super().__init__()
        self.ident: str | None = None
        self.device: dict[str, Any] = {}  # what is the device's and not the record's
        self.fraction_s = 0.0
        self.quality: int | None = None  # None: says nothing of a place
        self.precision: int | None = None  # HDOP 0.1, or tens of metres
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

    def raised(self, bits: int, names: Mapping[int, str]) -> None:
        """Those alarms whose bits are set."""
        for bit, name in names.items():
            if bits >> bit & 1:
                self.alarm(name)

    @property
    def empty(self) -> bool:
        """Whether it says nothing but who is speaking."""
        return (
            self.time is None
            and self.quality is None
            and self.attributes.keys() <= {"terminal_id"}
            and not (self.items or self.alarms)
        )

    def finish(self, ignition_input: int | None) -> None:
        """Say what only the whole record can tell. `ignition_input` is the number of the input
        that the ignition is wired to, if it is.
        """
        attributes = self.attributes
        self.valid = self.quality == FIXED
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
        if self.temperatures:
            attributes.update(temperatures(self.temperatures))
        if self.tyres:
            attributes["tyres"] = self.tyres
        if self.items:
            attributes["items"] = self.items
        if ignition_input is not None and "inputs" in attributes:
            self.ignition = bool(attributes["inputs"] >> ignition_input & 1)
        if "other" in (self.alarms or ()):
            attributes["alarm_code"] = attributes["status"]
