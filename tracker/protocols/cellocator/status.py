"""The status message of Cellocator units, type 0: 70 bytes with a position and all inputs."""

from __future__ import annotations

import math
import struct
from typing import Any

from tracker.protocols.cellocator.reasons import alarm
from tracker.protocols.cellocator.wire import RADIANS_MARK, Frame
from tracker.protocols.fields import unix_time
from tracker.protocols.reports import Report

# From byte 12: hardware, software, protocol, status, operator, detail of the reason, reason, mode.
_HEAD = struct.Struct("<8B")
_PLACE = struct.Struct("<iiiIH")  # from byte 44: longitude, latitude, altitude, speed, course
_TIME = struct.Struct("<5BH")  # from byte 62: second, minute, hour, day, month, year

RADIAN = 100_000_000  # units of an angle where the mark ends in P
DEGREE = 10_000_000  # units of an angle where it does not
ROUNDING_DEG = 1e-6  # 1e-8 rad
CM_S_KMH = 0.036
MILLIRADIANS_MOST = 6283  # a whole turn; more is no course

# The two analog inputs that measure the unit itself: eight bits of 30 V and of 4.2 V.
EXTERNAL_V, BATTERY_V = 30 / 255, 4.2 / 255
CELL_LEAST_V = 2.5  # below, the second input is not wired to a lithium cell

DRIVING, DOOR, PORT, CHARGING, IMMOBILIZED = 0x20, 0x01, 0x80, 0x80, 0x20  # bits of bytes 20 to 23
FROM_MEMORY_NOT = 0x08  # bits of the control field
OTHER_PURPOSE = 0x20


def angles(mark: int, lon: int, lat: int) -> tuple[float, float]:
    """Latitude and longitude in degrees from 1e-8 rad, or 1e-7 degree."""
    if mark == RADIANS_MARK:
        return settle(math.degrees(lat / RADIAN), 90), settle(math.degrees(lon / RADIAN), 180)
    return lat / DEGREE, lon / DEGREE


def settle(degrees: float, most: int) -> float:
    """An angle that rounding carried beyond a pole or the date line, put back on it."""
    if most < abs(degrees) < most + ROUNDING_DEG:
        return math.copysign(most, degrees)
    return degrees


def course(milliradians: int) -> float | None:
    """A course in degrees; None for what is no angle."""
    if milliradians > MILLIRADIANS_MOST:
        return None
    return math.degrees(milliradians / 1000) % 360


def solved(mode1: int, mode2: int) -> bool:
    """Whether satellites gave the position: the receiver had a solution, and it was validated."""
    return bool(mode1 & 0x07) and bool(mode2 & 0x02)


def moment(second: int, minute: int, hour: int, day: int, month: int, year: int) -> float | None:
    """Unix seconds; None while the unit's clock is not set."""
    if not (day and month and year):
        return None
    return unix_time(year, month, day, hour, minute, second)


def read_status(frame: Frame) -> Report:
    """Byte 12 hardware, 13 software, 14 protocol, 15 and 16 status and operator, 17 detail of the
    reason, 18 reason, 19 mode, 20 to 23 inputs and outputs, 24 operator, 25 to 28 analog inputs,
    29 mileage u24, 32 driver or other data of 6 bytes, 38 time of the fix u16, 40 location status,
    41 and 42 receiver modes, 43 satellites, 44 longitude i32, 48 latitude i32, 52 altitude i32 cm,
    56 speed u32 cm/s, 60 course u16 1e-3 rad, 62 time UTC, 67 year u16.

    Where the mark does not end in P: angles in 1e-7 degree, speed in km/h, and from 24 an input u8
    and two analog inputs u16.
    """
    data = frame.data
    radians = data[3] == RADIANS_MARK
    _, _, _, _, _, detail, reason, mode = _HEAD.unpack_from(data, 12)
    lon, lat, altitude, speed, turn = _PLACE.unpack_from(data, 44)
    said = Report(
        time=moment(*_TIME.unpack_from(data, 62)),
        speed_kmh=round(speed * CM_S_KMH, 3) if radians else float(speed),
        course_deg=course(turn),
        altitude_m=altitude / 100,
        valid=solved(data[41], data[42]),
        satellites=data[43],
        ignition=bool(data[20] & DRIVING),
        alarms=(),
        attributes={"mode": mode},
    )
    said.lat, said.lon = angles(data[3], lon, lat)
    name = alarm(reason, detail)
    if name is not None:
        said.alarm(name)
    said.attributes["alarm_code" if name else "event"] = reason
    if detail:
        said.attributes["event_data"] = detail
    read_ports(data, said.attributes)
    read_analog(data, said.attributes, radians=radians)
    said.attributes["mileage"] = int.from_bytes(data[29:32], "little")
    if not frame.control & OTHER_PURPOSE and any(data[32:38]):
        said.attributes["driver_id"] = data[32:38].hex()
    said.attributes["logged"] = not frame.control & FROM_MEMORY_NOT
    return said


def read_ports(data: bytes, attributes: dict[str, Any]) -> None:
    """Bytes 20 to 23: door in bit 0; the wire of the ignition in bit 7 of 21; charging and
    immobilizer in bits 7 and 5 of 23. All of them are kept as well.
    """
    attributes["io_status"] = data[20:24].hex()
    attributes["door_open"] = bool(data[20] & DOOR)
    attributes["ignition_wire"] = bool(data[21] & PORT)
    attributes["charging"] = bool(data[23] & CHARGING)
    attributes["engine_cut"] = bool(data[23] & IMMOBILIZED)


def read_analog(data: bytes, attributes: dict[str, Any], *, radians: bool) -> None:
    """Four inputs of 8 bits: the supply, the battery, two others; or two of 16 bits, raw."""
    if not radians:
        attributes["adc1"], attributes["adc2"] = struct.unpack_from("<HH", data, 25)
        return
    attributes["external_v"] = round(data[25] * EXTERNAL_V, 2)
    battery = data[26] * BATTERY_V
    if battery >= CELL_LEAST_V:
        attributes["battery_v"] = round(battery, 2)
    else:
        attributes["adc2"] = data[26]
    attributes["adc3"], attributes["adc4"] = data[27], data[28]
