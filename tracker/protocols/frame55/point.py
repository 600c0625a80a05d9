"""A position of the 0x55 profile, its status byte and the items behind it."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from typing import Any

from tracker.model import Fix
from tracker.protocols.fields import check_coordinates, check_course
from tracker.protocols.reports import Unplaced

_point = struct.Struct(">IiiHHhBB").unpack_from

ALARMS = {
    1: "sos",
    2: "power_cut",
    3: "vibration",
    4: "overspeed",
    5: "low_battery",
    6: "geofence",
    7: "tamper",
}


def point(data: bytes, at: int, alarm: int = 0, end: int | None = None) -> Fix | Unplaced:
    """One position of 20 bytes, or what else it says if it is none to use.

    0 UTC Unix seconds u32 | 4 latitude i32 1e-6° | 8 longitude i32 1e-6° | 12 speed u16 0.1 km/h |
    14 course u16 0.1° | 16 altitude i16 m | 18 satellites | 19 status, bit by bit: 0 valid fix,
    1 ignition, 2 charging, 3 engine cut, 4 stored, 5 moving, 6 door open, 7 SOS.
    Items follow from `end` on, where that is given. Source: docs/protocols/frame55.md.
    """
    seconds, lat_e6, lon_e6, speed, course, altitude, satellites, status = _point(data, at)
    ignition, attributes, alarms = read_status(status)
    if end is not None:
        extras(data, end, attributes)
    if alarm:
        attributes["alarm_code"] = alarm
        alarms = tuple(dict.fromkeys((ALARMS.get(alarm, "other"), *alarms)))
    lat, lon = lat_e6 / 1e6, lon_e6 / 1e6
    check_coordinates(lat, lon)
    valid = bool(status & 1)
    if not seconds or not (valid or lat_e6 or lon_e6):
        time = float(seconds) if seconds else None
        return Unplaced(time, satellites, ignition, alarms, attributes)
    stored = (status & 16) != 0
    return Fix(
        float(seconds),
        lat,
        lon,
        speed / 10,
        check_course(course / 10),
        float(altitude),
        valid,
        stored,
        satellites,
        ignition,
        alarms,
        attributes,
    )


def read_status(status: int) -> tuple[bool, dict[str, Any], tuple[str, ...]]:
    """Ignition, attributes and alarms of a status byte; its bits stand at `point`."""
    attributes: dict[str, Any] = {
        "charging": (status & 4) != 0,
        "engine_cut": (status & 8) != 0,
        "moving": (status & 32) != 0,
        "door_open": (status & 64) != 0,
    }
    return (status & 2) != 0, attributes, ("sos",) if status & 128 else ()


EXTRAS: Mapping[int, tuple[str, str, float]] = {  # id: layout, name, factor
    1: (">H", "battery_v", 0.001),
    2: (">H", "external_v", 0.001),
    3: (">I", "odometer_m", 1),
    4: (">h", "temperature_c", 0.1),
    5: (">B", "signal_csq", 1),
    6: (">B", "inputs", 1),
    7: (">B", "hdop", 0.1),
}


def extras(data: bytes, at: int, attributes: dict[str, Any]) -> None:
    """Items behind a position: id, length, value. One that overruns the frame ends the list.

    1 battery u16 mV | 2 external u16 mV | 3 odometer u32 m | 4 temperature i16 0.1 °C | 5 CSQ u8 |
    6 inputs u8 | 7 HDOP u8 0.1. Others are kept as hex under `items`.
    """
    while at + 2 <= len(data) and at + 2 + data[at + 1] <= len(data):
        kind, size = data[at], data[at + 1]
        value = data[at + 2 : at + 2 + size]
        known = EXTRAS.get(kind)
        if known is not None and struct.calcsize(known[0]) == size:
            number = struct.unpack(known[0], value)[0]
            scaled = number if known[2] == 1 else round(number * known[2], 3)
            attributes[known[1]] = scaled
        else:
            attributes.setdefault("items", {})[f"{kind:02x}"] = value.hex()
        at += 2 + size
