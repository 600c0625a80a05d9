"""What one Navtelecom record says, while its fields are being read."""

from __future__ import annotations

from tracker.protocols.fields import temperatures
from tracker.protocols.reports import Report


class Said(Report):
    """The result of reading one record."""

    __slots__ = ("fuel", "items", "temperatures")

    def __init__(self) -> None:
        super().__init__(valid=True)  # unless the record says otherwise
        self.fuel: dict[str, int] = {}  # by the number of the sensor
        self.temperatures: dict[int, int] = {}  # by the number of the sensor
        self.items: dict[str, str] = {}  # what has no name here, by field

    def bits(self, name: str, value: int, shift: int) -> None:
        """Eight bits of a mask such as `inputs`."""
        self.attributes[name] = self.attributes.get(name, 0) | value << shift

    def alarmed(self, *, active: bool, code: int) -> None:
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
        if self.temperatures:
            attributes.update(temperatures(self.temperatures))
        if self.items:
            attributes["items"] = self.items
