"""Galileosky tags: how long the value of each is, and what it means.

A tag without a length here cannot be skipped, so the table is as long as the maker's. What is a
plain number stands in NUMBERS; what is more has a function. Source: docs/protocols/galileosky.md.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tracker.protocols.fields import text
from tracker.protocols.galileosky.extended import read_extended
from tracker.protocols.galileosky.record import Record
from tracker.protocols.stream import handles

IMEI, IMEI_SIZE = 0x03, 15
UNKNOWN = -1  # a size: the value of this tag might have any length
STATED = 0  # a size: the value begins with its own length, see COUNTED

# Bytes of the length that a value begins with.
COUNTED: Mapping[int, int] = {0xE1: 1, 0xEA: 1, 0xEB: 1, 0xFE: 2}


def _sizes() -> list[int]:
    sizes = [UNKNOWN] * 256
    for size, tags in (
        (STATED, [*COUNTED]),
        (1, [0x01, 0x02, 0x35, 0x36, 0x43, 0x49, *range(0x88, 0x8D), *range(0xA0, 0xB0)]),
        (1, [*range(0xC4, 0xD3), 0xD5]),
        (2, [0x04, 0x10, 0x21, 0x34, 0x40, 0x41, 0x42, 0x45, 0x46, 0x48, *range(0x50, 0x5A)]),
        (2, [*range(0x60, 0x63), *range(0x70, 0x80), *range(0xB0, 0xBA), *range(0xD6, 0xDB)]),
        (3, [0x5D, *range(0x63, 0x70), *range(0x80, 0x88), 0xFA]),
        (4, [0x11, 0x20, 0x33, 0x44, 0x47, 0x5A, 0x90, *range(0xC0, 0xC4), 0xD3, 0xD4]),
        (4, [*range(0xDB, 0xE1), *range(0xE2, 0xEA), *range(0xF0, 0xFA)]),
        (7, [0x5B]),
        (8, [0xFD]),
        (9, [0x30]),
        (15, [IMEI]),
        (68, [0x5C]),
    ):
        for tag in tags:
            sizes[tag] = size
    return sizes


SIZES = _sizes()

# Attribute, factor, and whether the value has a sign.
NUMBERS: Mapping[int, tuple[str, float, bool]] = {
    0x04: ("terminal_id", 1, False),
    0x10: ("record_number", 1, False),
    0x11: ("record_number", 1, False),
    0x36: ("pdop", 0.1, False),
    0x41: ("external_v", 0.001, False),
    0x42: ("battery_v", 0.001, False),
    0x43: ("device_temperature_c", 1, True),
    0x45: ("outputs", 1, False),
    0x49: ("channel", 1, False),
    0xD4: ("odometer_m", 1, False),
    **{0x50 + place: (f"adc{place}", 1, False) for place in range(8)},
    **{0x78 + place: (f"adc{place + 8}", 1, False) for place in range(8)},
}

# These are sent by devices that have nothing connected as well: 0 stands for nothing.
WHERE_CONNECTED: Mapping[int, tuple[str, float, bool]] = {
    0x58: ("rs232_0", 1, False),
    0x59: ("rs232_1", 1, False),
    0x5A: ("energy_meter", 1, False),
    0xC0: ("fuel_used_l", 0.5, False),
    0xC2: ("obd_odometer_m", 5, False),
    0xD5: ("keys", 1, False),
    **{0xE2 + place: (f"user_{place}", 1, False) for place in range(8)},
}
CAN_TAGS = frozenset(
    {0xC3, *range(0xA0, 0xBA), *range(0xC4, 0xD3), *range(0xD6, 0xE0), *range(0xF0, 0xFA)}
)

READERS: dict[int, Callable[[Record, bytes], None]] = {}


def read_tag(record: Record, tag: int, value: bytes) -> None:
    """One tag of a record."""
    reader = READERS.get(tag)
    if reader is not None:
        reader(record, value)
        return
    meaning = NUMBERS.get(tag) or WHERE_CONNECTED.get(tag)
    if meaning is None:
        if any(value):
            kept: Any = int.from_bytes(value, "little") if tag in CAN_TAGS else value.hex()
            record.items[f"{tag:02x}"] = kept
        return
    name, factor, signed = meaning
    number = int.from_bytes(value, "little", signed=signed)
    if number or tag in NUMBERS:
        record.attributes[name] = number if factor == 1 else round(number * factor, 3)


@handles(READERS, 0x01)
def hardware(record: Record, value: bytes) -> None:
    """01: version u8 of the device."""
    record.device["hardware"] = value[0]


@handles(READERS, 0x02)
def firmware(record: Record, value: bytes) -> None:
    """02: version u8 of the device."""
    record.device["firmware"] = value[0]


@handles(READERS, IMEI)
def imei(record: Record, value: bytes) -> None:
    """03: IMEI in ASCII."""
    record.ident = text(value)


@handles(READERS, 0x20)
def date(record: Record, value: bytes) -> None:
    """20: Unix seconds u32."""
    record.time = float(int.from_bytes(value, "little"))


@handles(READERS, 0x21)
def milliseconds(record: Record, value: bytes) -> None:
    """21: milliseconds u16, which complete the date."""
    record.fraction_s = int.from_bytes(value, "little") / 1000


@handles(READERS, 0x30)
def place(record: Record, value: bytes) -> None:
    """30: satellites in bits 0-3, in bits 4-7 0 for a fix and 2 for a place of base stations;
    latitude i32 and longitude i32, 1e-6 degree.
    """
    record.satellites = value[0] & 0x0F
    record.quality = value[0] >> 4
    record.lat = int.from_bytes(value[1:5], "little", signed=True) / 1e6
    record.lon = int.from_bytes(value[5:9], "little", signed=True) / 1e6


@handles(READERS, 0x33)
def motion(record: Record, value: bytes) -> None:
    """33: speed u16 0.1 km/h, course u16 0.1 degree."""
    record.speed_kmh = int.from_bytes(value[:2], "little") / 10
    course = int.from_bytes(value[2:], "little") / 10
    record.course_deg = course % 360 if course <= 360 else None


@handles(READERS, 0x34)
def altitude(record: Record, value: bytes) -> None:
    """34: metres i16."""
    record.altitude_m = float(int.from_bytes(value, "little", signed=True))


@handles(READERS, 0x35)
def precision(record: Record, value: bytes) -> None:
    """35: HDOP u8 0.1; where base stations told the place, its error u8 in tens of metres."""
    record.precision = value[0]


STATUS_ALARMS = {5: "low_battery", 6: "gnss_antenna", 8: "power_low", 15: "other"}
STARTED, STATUS_MOVES = 9, 0  # bits
EXTENDED_ALARMS = {2: "jamming", 4: "gnss_jamming"}


@handles(READERS, 0x40)
def status(record: Record, value: bytes) -> None:
    """40: bits u16: 0 vibration as in motion, 5 battery low, 6 antenna off, 8 supply out of its
    range, 9 vehicle started, 15 alarm; the others are kept in `status`.
    """
    bits = int.from_bytes(value, "little")
    record.attributes["status"] = bits
    record.attributes["moving"] = bool(bits >> STATUS_MOVES & 1)
    record.ignition = bool(bits >> STARTED & 1)
    record.alarms = record.alarms or ()
    record.raised(bits, STATUS_ALARMS)


@handles(READERS, 0x48)
def extended_status(record: Record, value: bytes) -> None:
    """48: bits u16: 2 radio jamming, 4 satellite jamming."""
    bits = int.from_bytes(value, "little")
    record.attributes["extended_status"] = bits
    record.raised(bits, EXTENDED_ALARMS)


G_UNITS, G_ZERO = 186, 512  # of tag 44


@handles(READERS, 0x44)
def acceleration(record: Record, value: bytes) -> None:
    """44: three times ten bits, from the lowest x, y, z: 186 units per g around 512."""
    bits = int.from_bytes(value, "little")
    for axis, shift in (("x", 0), ("y", 10), ("z", 20)):
        units = (bits >> shift & 0x3FF) - G_ZERO
        record.attributes[f"axis_{axis}_mg"] = round(units * 1000 / G_UNITS)


@handles(READERS, 0x46)
def inputs(record: Record, value: bytes) -> None:
    """46: bits u16."""
    record.attributes["inputs"] = int.from_bytes(value, "little")


@handles(READERS, 0x47)
def driving(record: Record, value: bytes) -> None:
    """47: acceleration, braking, cornering, bumps: u8 each, 0.01 g."""
    for name, units in zip(("acceleration", "braking", "cornering", "bump"), value, strict=True):
        if units:
            record.attributes[f"{name}_g"] = units / 100


TYRES = 34


@handles(READERS, 0x5C)
def tyres(record: Record, value: bytes) -> None:
    """5C: 34 sensors of pressure u8 psi and bits u8: 0-2 temperature from -40 in steps of 20
    degrees, 3 not connected, 4 battery low.
    """
    for number in range(TYRES):
        psi, bits = value[2 * number : 2 * number + 2]
        if psi and not bits & 8:
            record.tyre(number, psi, (bits & 7) * 20 - 40, battery_low=bool(bits & 16))


@handles(READERS, 0x90, 0xFD)
def driver(record: Record, value: bytes) -> None:
    """90, FD: number of a key, u32 or u64; 0 for none."""
    if any(value):
        record.attributes["driver_id"] = value[::-1].hex()


@handles(READERS, 0xD3)
def second_driver(record: Record, value: bytes) -> None:
    """D3: number of a second key, u32; 0 for none."""
    if any(value):
        record.attributes["driver_2_id"] = value[::-1].hex()


@handles(READERS, 0xC1)
def engine(record: Record, value: bytes) -> None:
    """C1: fuel u8 0.4 %, coolant u8 -40 degrees, engine speed u16 0.125 per minute; 0 for none."""
    if any(value):
        record.attributes["fuel_percent"] = round(value[0] * 0.4, 1)
        record.attributes["coolant_c"] = value[1] - 40
        record.attributes["engine_rpm"] = int.from_bytes(value[2:], "little") / 8


def _fuel(address: int) -> Callable[[Record, bytes], None]:
    """60-62, 63-6F: level u16, then from 63 on temperature i8 of a fuel sensor; 0 for none."""

    def read(record: Record, value: bytes) -> None:
        if any(value[:2]):
            record.fuel[address] = int.from_bytes(value[:2], "little")

    return read


def _thermometer(number: int) -> Callable[[Record, bytes], None]:
    """70-77: id u8, temperature i8; 7F80 for none. 80-87: and humidity u8 of 255."""

    def read(record: Record, value: bytes) -> None:
        if value[:2] == b"\x7f\x80" or not any(value):
            return
        record.temperatures[number] = int.from_bytes(value[1:2], "little", signed=True)
        if len(value) > 2:
            record.attributes.setdefault("humidity_percent", round(value[2] * 100 / 255, 1))

    return read


READERS.update({0x60 + address: _fuel(address) for address in range(16)})
READERS.update({0x70 + number: _thermometer(number + 1) for number in range(8)})
READERS.update({0x80 + number: _thermometer(number + 9) for number in range(8)})


@handles(READERS, 0xE0)
def command_number(record: Record, value: bytes) -> None:
    """E0: number u32 of the command that is answered."""
    record.reference = int.from_bytes(value, "little")


@handles(READERS, 0xE1)
def command_answer(record: Record, value: bytes) -> None:
    """E1: length u8, text."""
    record.spoken = text(value, "utf-8")


@handles(READERS, 0xEA, 0xEB)
def array(record: Record, value: bytes) -> None:
    """EA, EB: length u8, data of the user's programs."""
    if any(value):
        record.attributes["user_array"] = value.hex()


READERS[0xFE] = read_extended
