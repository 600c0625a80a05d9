"""The fields of FLEX records: how long each of the 255 is, and what it means.

FLEX 1.0 has the first 69, 2.0 the first 122, 3.0 all. Numbers stand in NUMBERS; what is more than a
number has a function. Source: docs/protocols/navtelecom.md.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from tracker.protocols.fields import cell, signal_dbm
from tracker.protocols.navtelecom.said import Said
from tracker.protocols.stream import handles

FIELDS = 255


def _sizes() -> Mapping[int, int]:
    sizes = dict.fromkeys(range(1, FIELDS + 1), 2)
    one = (*range(4, 9), *range(29, 33), *range(45, 53), 56, 63, 64, 65, 69, 72)
    one += (*range(78, 84), 98, 99, 101, 104, 118, *range(122, 127), 139, 140, 144, 145)
    one += (*range(167, 171), 199, 202, *range(207, 223))
    four = (1, 3, *range(9, 14), 15, 16, 33, 34, 37, 54, 57, 67, 74, 76, 102, 103, 105)
    four += (*range(127, 133), 172, 173, 174, 176, 179, *range(193, 197), 203, 205, 206)
    four += (*range(238, 253),)
    three = (*range(84, 94), 142, 146, 198)
    for size, fields in ((1, one), (3, three), (4, four)):
        sizes.update(dict.fromkeys(fields, size))
    sizes.update({70: 8, 73: 16, 77: 37, 94: 6, 95: 12, 96: 24, 97: 48, 107: 6, 109: 6})
    sizes.update({197: 6, 204: 5, 253: 8, 254: 8, 255: 8})
    return sizes


SIZES = _sizes()

# How the value of a field is unpacked; bytes where nothing stands here.
CODES: Mapping[int, str] = {
    **dict.fromkeys((13, 15, 16, 54, 57), "f"),
    **dict.fromkeys((10, 11, 12), "i"),
    **dict.fromkeys((1, 3, 9, 33, 34, 37), "I"),
    **dict.fromkeys((2, 14, *range(17, 29), 35, 36, *range(38, 45), 53, 55), "H"),
    **dict.fromkeys((*range(4, 9), *range(29, 33), 63, 64, 65, 69, *range(167, 171)), "B"),
    **dict.fromkeys((*range(45, 53), 56), "b"),
}


class Number(NamedTuple):
    """A field that is a number: attribute, factor, and the value that stands for none."""

    name: str
    factor: float = 1
    none: float | None = None


NUMBERS: Mapping[int, Number] = {
    1: Number("record_number"),
    7: Number("signal_csq", none=99),
    17: Number("trip_s"),
    18: Number("trip_fixed_s"),
    19: Number("external_v", 0.001),
    20: Number("battery_v", 0.001),
    **{21 + place: Number(f"adc{place + 1}_v", 0.001) for place in range(8)},
    33: Number("counter1", none=0),
    34: Number("counter2", none=0),
    35: Number("frequency1_hz", none=0),
    36: Number("frequency2_hz", none=0),
    55: Number("engine_rpm", none=0xFFFF),
    56: Number("coolant_c", none=-128),
    63: Number("pedal_percent", none=0xFF),
    64: Number("brake_percent", none=0xFF),
    65: Number("engine_load_percent", none=0xFF),
    69: Number("obd_speed_kmh", none=0xFF),
}

READERS: dict[int, Callable[[Said, Any, int], None]] = {}

NO_EVENT = 0xFF00
SPEED_MOST = 2000  # km/h; a float may hold anything
LEVEL_FAULTS = 65_500  # and above: why a sensor states no level
NO_TEMPERATURE = -128


@handles(READERS, 2)
def event(said: Said, value: int, field: int) -> None:  # noqa: ARG001
    """2: code of the event u16; FF00 for none."""
    if value != NO_EVENT:
        said.attributes["event"] = value


@handles(READERS, 3)
def event_time(said: Said, value: int, field: int) -> None:  # noqa: ARG001
    """3: Unix seconds u32 of the event, which stand in where no fix has a time."""
    if said.time is None:
        said.time = float(value)


@handles(READERS, 4)
def device_status(said: Said, value: int, field: int) -> None:  # noqa: ARG001
    """4: bits u8: 0 guarding, 1 alarm."""
    said.attributes["armed"] = bool(value & 1)
    said.alarmed(active=bool(value & 2), code=value)


@handles(READERS, 5)
def modules(said: Said, value: int, field: int) -> None:  # noqa: ARG001
    """5: bits u8 of the modules, of which 7 says that the engine's generator runs."""
    said.attributes["status"] = said.attributes.get("status", 0) | value
    said.ignition = bool(value & 0x80)


@handles(READERS, 6)
def more_modules(said: Said, value: int, field: int) -> None:  # noqa: ARG001
    """6: more bits u8 of the modules."""
    said.attributes["status"] = said.attributes.get("status", 0) | value << 8


@handles(READERS, 8)
def navigation(said: Said, value: int, field: int) -> None:  # noqa: ARG001
    """8: bits u8: 1 fix, 2-7 satellites."""
    said.valid = bool(value & 2)
    said.satellites = value >> 2


@handles(READERS, 9)
def fix_time(said: Said, value: int, field: int) -> None:  # noqa: ARG001
    """9: Unix seconds u32 of the last fix."""
    if value:
        said.time = float(value)


@handles(READERS, 10, 11)
def coordinate(said: Said, value: int, field: int) -> None:
    """10 latitude, 11 longitude: i32, 0.0001 minute."""
    if field == 10:
        said.lat = value / 600_000
    else:
        said.lon = value / 600_000


@handles(READERS, 12)
def altitude(said: Said, value: int, field: int) -> None:  # noqa: ARG001
    """12: i32, 0.1 m."""
    said.altitude_m = value / 10


@handles(READERS, 13)
def speed(said: Said, value: float, field: int) -> None:  # noqa: ARG001
    """13: f32, km/h."""
    said.speed_kmh = round(value, 3) if 0 <= value < SPEED_MOST else None


@handles(READERS, 14)
def course(said: Said, value: int, field: int) -> None:  # noqa: ARG001
    """14: u16, degrees."""
    said.course_deg = float(value % 360) if value <= 360 else None


DISTANCES = {15: "odometer_m", 16: "trip_m", 57: "obd_odometer_m"}


@handles(READERS, *DISTANCES)
def distance(said: Said, value: float, field: int) -> None:
    """15 in all, 16 since the last record, 57 by the vehicle's bus (0 for none): f32, km."""
    if math.isfinite(value) and (value or field != 57):
        said.attributes[DISTANCES[field]] = round(value * 1000, 1)


@handles(READERS, 54)
def fuel_used(said: Said, value: float, field: int) -> None:  # noqa: ARG001
    """54: f32 litres by the vehicle's bus; 0 for none."""
    if value and math.isfinite(value):
        said.attributes["fuel_used_l"] = round(value, 1)


@handles(READERS, 29, 30)
def inputs(said: Said, value: int, field: int) -> None:
    """29 inputs 1 to 8, 30 inputs 9 to 16: bits u8."""
    said.bits("inputs", value, 8 * (field - 29))


@handles(READERS, 31, 32)
def outputs(said: Said, value: int, field: int) -> None:
    """31 outputs 1 to 8, 32 outputs 9 to 16: bits u8."""
    said.bits("outputs", value, 8 * (field - 31))


@handles(READERS, 37)
def engine_hours(said: Said, value: int, field: int) -> None:  # noqa: ARG001
    """37: seconds u32 that the engine has run."""
    said.attributes["engine_hours"] = round(value / 3600, 2)


@handles(READERS, *range(38, 45))
def fuel(said: Said, value: int, field: int) -> None:
    """38-43 sensors 1 to 6 on RS-485, 44 the one on RS-232: u16 in the sensor's own unit."""
    if value < LEVEL_FAULTS:
        said.fuel["rs232" if field == 44 else str(field - 37)] = value


@handles(READERS, *range(84, 94))
def more_fuel(said: Said, value: bytes, field: int) -> None:
    """84-93 sensors 7 to 16 on RS-485: level u16, temperature i8."""
    level = int.from_bytes(value[:2], "little")
    if level < LEVEL_FAULTS:
        said.fuel[str(field - 77)] = level


@handles(READERS, *range(45, 53))
def temperature(said: Said, value: int, field: int) -> None:
    """45-52: thermometers 1 to 8, i8; -128 for none."""
    if value != NO_TEMPERATURE:
        said.temperatures[field - 44] = value


@handles(READERS, 53)
def can_fuel(said: Said, value: int, field: int) -> None:  # noqa: ARG001
    """53: u16: 0.1 litre, or percent where bit 15 is set; 7FFF for none."""
    if value & 0x7FFF != 0x7FFF:
        percent = bool(value & 0x8000)
        level = value & 0x7FFF
        said.attributes["fuel_percent" if percent else "fuel_l"] = level if percent else level / 10


@handles(READERS, 70)
def visible(said: Said, value: bytes, field: int) -> None:  # noqa: ARG001
    """70: visible satellites of eight systems, u8 each."""
    said.attributes["satellites_visible"] = sum(value)


@handles(READERS, 71)
def dilution(said: Said, value: bytes, field: int) -> None:  # noqa: ARG001
    """71: HDOP and PDOP u8, 0.1."""
    said.attributes["hdop"], said.attributes["pdop"] = value[0] / 10, value[1] / 10


_CELL = struct.Struct("<IHHHB")
CELLS = 3


@handles(READERS, 77)
def cells(said: Said, value: bytes, field: int) -> None:  # noqa: ARG001
    """77: three base stations of id u32, area u16, country u16, operator u16, strength i8 dBm;
    Unix seconds u32 when they were heard.
    """
    heard = [
        cell(mcc, mnc, lac, cid, signal_dbm(strength))
        for cid, lac, mcc, mnc, strength in _CELL.iter_unpack(value[: CELLS * _CELL.size])
        if mcc not in (0, 0xFFFF)
    ]
    if heard:
        said.attributes["cells"] = heard


@handles(READERS, *range(167, 171))
def humidity(said: Said, value: int, field: int) -> None:  # noqa: ARG001
    """167-170: humidity of sensors 1 to 4, u8 percent; above 100 for none."""
    if value <= 100:
        said.attributes.setdefault("humidity_percent", value)
