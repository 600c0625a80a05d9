"""Ruptela I/O elements: what an id means. What is in no table is kept under `items`, by its id.

Sizes differ between models, so an element is taken at any size; a sign is that of its size.
Source: docs/protocols/ruptela.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tracker.protocols.fields import temperatures, text
from tracker.protocols.reports import Report
from tracker.protocols.stream import handles

# Attribute, factor, what is added, whether it has a sign.
Number = tuple[str, float, int, bool]
Reader = Callable[["Elements", int, int], None]  # elements, value, its size in bytes

NUMBERS: Mapping[int, Number] = {
    20: ("adc3_v", 0.001, 0, False),
    21: ("adc4_v", 0.001, 0, False),
    22: ("adc1_v", 0.001, 0, False),
    23: ("adc2_v", 0.001, 0, False),
    29: ("external_v", 0.001, 0, False),
    30: ("battery_v", 0.001, 0, False),
    32: ("device_temperature_c", 1, 0, True),
    65: ("odometer_m", 1, 0, False),
    94: ("engine_rpm", 0.25, 0, False),
    95: ("obd_speed_kmh", 1, 0, False),
    96: ("coolant_c", 1, -40, False),
    98: ("fuel_percent", 100 / 255, 0, False),
    100: ("fuel_l_h", 0.05, 0, False),
    150: ("operator", 1, 0, False),
    163: ("odometer_m", 5, 0, False),
    164: ("trip_m", 5, 0, False),
    165: ("obd_speed_kmh", 1 / 256, 0, False),
    166: ("engine_rpm", 0.125, 0, False),
    197: ("engine_rpm", 0.125, 0, False),
    205: ("fuel_level", 1, 0, False),
    207: ("fuel_percent", 0.4, 0, False),
    208: ("fuel_used_l", 0.5, 0, False),
    645: ("obd_odometer_m", 1000, 0, False),
}
# The value with which an element is an alarm; None: any but 0.
ALARMS: Mapping[int, tuple[str, int | None]] = {
    88: ("jamming", None),
    134: ("braking", None),
    136: ("acceleration", None),
    410: ("tow", None),
    411: ("collision", None),
    415: ("gnss_antenna", 0),
    758: ("tamper", 1),
}
INPUTS: Mapping[int, int] = {2: 0, 3: 1, 4: 2, 5: 3}  # bit of `inputs`
TEMPERATURES: Mapping[int, int] = {78: 1, 79: 2, 80: 3, 74: 4}  # number of the sensor
# Texts in parts of eight bytes.
TEXTS: Mapping[str, tuple[int, ...]] = {
    "vin": (104, 105, 106),
    "driver_name": (126, 127),
    "driver_card": (155, 156),
}
PART_BYTES = 8
CSQ_MOST = 31

READERS: dict[int, Reader] = {}


class Elements:
    """What the elements of one record say, while they are being read."""

    __slots__ = ("items", "said", "temperatures")

    def __init__(self, said: Report) -> None:
        self.said = said
        self.items: dict[int, int] = {}
        self.temperatures: dict[int, float] = {}

    def read(self, ident: int, value: int, size: int) -> None:
        """Enter one element."""
        number = NUMBERS.get(ident)
        if number is not None:
            name, factor, plus, signed = number
            plain = negative(value, size) if signed else value
            scaled = plain if factor == 1 else round(plain * factor, 3)
            self.said.attributes[name] = scaled + plus
            return
        reader = READERS.get(ident)
        if reader is None:
            self.items[ident] = value
        else:
            reader(self, value, size)

    def finish(self) -> None:
        """Say what only the whole record can tell."""
        attributes = self.said.attributes
        for name, parts in TEXTS.items():
            if parts[0] in self.items:
                self._join(name, parts)
        if self.temperatures:
            attributes.update(temperatures(self.temperatures))
        if self.said.alarms and "event" in attributes:
            attributes["alarm_code"] = attributes.pop("event")
        if self.items:
            attributes["items"] = {str(ident): value for ident, value in self.items.items()}

    def _join(self, name: str, parts: tuple[int, ...]) -> None:
        """A text in parts: what is not one stays among the items."""
        values = [self.items.get(part, 0) for part in parts]
        if any(value >> 8 * PART_BYTES for value in values):
            return
        whole = b"".join(value.to_bytes(PART_BYTES, "big") for value in values).strip(b"\0")
        words = text(whole)
        if not (whole.isascii() and words.isprintable()):
            return
        for part in parts:
            self.items.pop(part, None)
        if words:
            self.said.attributes[name] = words


def negative(value: int, size: int) -> int:
    """A value of so many bytes with its sign."""
    span = 1 << 8 * size
    return value - span if value >= span >> 1 else value


@handles(READERS, 251, 409)
def ignition(elements: Elements, value: int, size: int) -> None:  # noqa: ARG001
    """251, 409: ignition."""
    elements.said.ignition = value > 0


@handles(READERS, 13, 173)
def moving(elements: Elements, value: int, size: int) -> None:  # noqa: ARG001
    """13, 173: movement."""
    elements.said.attributes["moving"] = value > 0


@handles(READERS, 170)
def charging(elements: Elements, value: int, size: int) -> None:  # noqa: ARG001
    """170: the battery is being charged."""
    elements.said.attributes["charging"] = value > 0


@handles(READERS, 27)
def signal(elements: Elements, value: int, size: int) -> None:  # noqa: ARG001
    """27: strength of the signal, 0 to 31; anything else stands for unknown."""
    if value <= CSQ_MOST:
        elements.said.attributes["signal_csq"] = value


@handles(READERS, 34)
def driver(elements: Elements, value: int, size: int) -> None:
    """34: identity of an iButton or a card, 0 for none."""
    if value:
        elements.said.attributes["driver_id"] = f"{value:0{2 * size}x}"


def port(place: int) -> Reader:
    """A digital input, as a bit of `inputs`."""

    def read(elements: Elements, value: int, size: int) -> None:  # noqa: ARG001
        attributes = elements.said.attributes
        attributes["inputs"] = attributes.get("inputs", 0) | (value > 0) << place

    return read


def temperature(sensor: int) -> Reader:
    """The temperature of a sensor, 0.1 °C with a sign."""

    def read(elements: Elements, value: int, size: int) -> None:
        elements.temperatures[sensor] = negative(value, size) / 10

    return read


def alarm(name: str, wanted: int | None) -> Reader:
    """An element that is an alarm at one value, or at any but 0."""

    def read(elements: Elements, value: int, size: int) -> None:  # noqa: ARG001
        if value > 0 if wanted is None else value == wanted:
            elements.said.alarm(name)

    return read


READERS.update({ident: port(place) for ident, place in INPUTS.items()})
READERS.update({ident: temperature(sensor) for ident, sensor in TEMPERATURES.items()})
READERS.update({ident: alarm(*meaning) for ident, meaning in ALARMS.items()})
