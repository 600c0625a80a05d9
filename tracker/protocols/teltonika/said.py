"""What one Teltonika record says beyond its position, while its elements are being read."""

from __future__ import annotations

from typing import Any

from tracker.protocols.fields import cell

# Operators are MCC and MNC in decimal: five digits, or six where the MNC has three.
OPERATOR_LEAST, OPERATOR_LONG, OPERATOR_MOST = 10_000, 100_000, 999_999


class Said:
    """The result of reading the elements of one record. `event` is the id of the element that
    caused the record, 0 for a periodic one.
    """

    __slots__ = ("alarms", "attributes", "event", "ignition", "items", "network", "temperatures")

    def __init__(self, event: int = 0) -> None:
        self.event = event
        self.ignition: bool | None = None
        self.alarms: list[str] = []
        self.attributes: dict[str, Any] = {}
        self.items: dict[str, Any] = {}  # what has no name here, by its AVL id
        self.network: dict[str, int] = {}  # lac, cid and operator, which come as three elements
        self.temperatures: dict[int, float] = {}  # by the number of the sensor

    def bit(self, name: str, place: int, *, is_set: bool) -> None:
        """Set one bit of a mask such as `inputs`."""
        self.attributes[name] = self.attributes.get(name, 0) | is_set << place

    def finish(self) -> None:
        """Say what only the whole record can tell."""
        if self.event:
            self.attributes["alarm_code" if self.alarms else "event"] = self.event
        if self.temperatures:
            self._name_temperatures()
        if self.network:
            self._name_cell()
        if self.items:
            self.attributes["items"] = self.items

    def _name_temperatures(self) -> None:
        found = self.temperatures
        self.attributes["temperature_c"] = found[min(found)]
        if len(found) > 1 or 1 not in found:
            last = max(found)
            self.attributes["temperatures_c"] = [found.get(at) for at in range(1, last + 1)]

    def _name_cell(self) -> None:
        operator = self.network.get("operator", 0)
        if OPERATOR_LEAST <= operator <= OPERATOR_MOST:
            self.attributes["operator"] = operator
            lac, cid = self.network.get("lac", 0), self.network.get("cid", 0)
            mcc, mnc = divmod(operator, 100 if operator < OPERATOR_LONG else 1000)
            if lac or cid:
                self.attributes["cells"] = [cell(mcc, mnc, lac, cid)]
