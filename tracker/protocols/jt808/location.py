"""The location body of JT/T 808: 28 bytes that 0200, 0201, 0500, 0704 and 0801 share, and items."""

from __future__ import annotations

import struct
from typing import Any

from tracker.model import Fix
from tracker.protocols.fields import bcd_time, check_coordinates, check_course
from tracker.protocols.jt808.items import read_items
from tracker.protocols.jt808.said import Said

BASIC = 28  # bytes before the items

_BASIC = struct.Struct(">IIIIhHH")

# Alarm bits. Bits 15 to 17 are new in 2019; before, makers used them as they stand in OLD_ALARMS.
ALARMS = {
    0: "sos",
    1: "overspeed",
    2: "fatigue",
    3: "danger_warning",
    4: "gnss_fault",
    5: "gnss_antenna",
    6: "gnss_antenna",
    7: "power_low",
    8: "power_cut",
    9: "display_fault",
    10: "speaker_fault",
    11: "camera_fault",
    12: "reader_fault",
    13: "overspeed_warning",
    14: "fatigue_warning",
    15: "illegal_driving",
    16: "tyre_pressure",
    17: "blind_spot",
    18: "driving_limit",
    19: "parking",
    20: "geofence",
    21: "route",
    22: "route_time",
    23: "route_deviation",
    24: "vehicle_sensor_fault",
    25: "fuel_abnormal",
    26: "stolen",
    27: "ignition_illegal",
    28: "movement",
    29: "collision",
    30: "rollover",
    31: "door",
}
OLD_ALARMS = {**ALARMS, 15: "low_battery", 16: "vibration", 17: "tamper"}

# What status bits 18 to 21 say, by the number that they are together.
SYSTEMS = tuple(
    tuple(name for at, name in enumerate(("gps", "beidou", "glonass", "galileo")) if bits >> at & 1)
    for bits in range(16)
)


def location(body: bytes, offset_s: int, *, is_2019: bool, stored: bool = False) -> Said:
    """A location body.

    0 alarm bits u32 | 4 status bits u32 | 8 latitude u32 1e-6° | 12 longitude u32 1e-6° |
    16 altitude i16 m | 18 speed u16 0.1 km/h | 20 course u16 ° | 22 time BCD[6], local | 28 items.
    Status bits: 0 ignition, 1 fixed, 2 south, 3 west, 4 out of service, 8-9 load, 10 fuel cut,
    11 electricity cut, 12 doors locked, 13-17 doors open, 18-21 systems, 22 moving (2019). Bit 5,
    "coordinates encrypted", is set by terminals whose coordinates are plain, so it decides nothing.
    """
    alarm_bits, status, lat_e6, lon_e6, altitude, speed, course = _BASIC.unpack_from(body)
    if len(body) < BASIC:
        raise IndexError("location without a time")
    local_time = bcd_time(body[22:BASIC])
    said = Said(read_status(status, is_2019=is_2019))
    said.ignition = bool(status & 1)
    if alarm_bits:
        said.attributes["alarm_code"] = alarm_bits
        names = ALARMS if is_2019 else OLD_ALARMS
        said.alarms.extend(names[bit] for bit in range(32) if alarm_bits >> bit & 1)
    read_items(body, BASIC, said)
    if said.alarms:
        name_geofence(said)
    lat = -lat_e6 / 1e6 if status & 4 else lat_e6 / 1e6
    lon = -lon_e6 / 1e6 if status & 8 else lon_e6 / 1e6
    check_coordinates(lat, lon)
    valid = bool(status & 2)
    said.time = None if local_time is None else local_time - offset_s
    if said.time is None or not (valid or lat_e6 or lon_e6):
        return said
    said.fix = Fix(
        said.time,
        lat,
        lon,
        speed / 10,
        check_course(float(course)),
        float(altitude),
        valid,
        stored or said.stored,
        said.satellites,
        said.ignition,
        tuple(dict.fromkeys(said.alarms)) if said.alarms else (),
        said.attributes,
    )
    return said


def read_status(status: int, *, is_2019: bool) -> dict[str, Any]:
    """Attributes of the status bits, see `location`."""
    attributes: dict[str, Any] = {
        "engine_cut": (status & 0x400) != 0,
        "electricity_cut": (status & 0x800) != 0,
        "doors_locked": (status & 0x1000) != 0,
        "door_open": (status & 0x3E000) != 0,
        "load": status >> 8 & 3,
    }
    if status & 0x3C0000:
        attributes["gnss"] = [*SYSTEMS[status >> 18 & 0xF]]
    if is_2019:
        attributes["moving"] = bool(status & 0x400000)
    return attributes


def name_geofence(said: Said) -> None:
    """Say whether a geofence was entered or left, where item 12 tells."""
    leaving = said.attributes.get("area_leaving")
    if leaving is not None and "geofence" in said.alarms:
        place = said.alarms.index("geofence")
        said.alarms[place] = "geofence_exit" if leaving else "geofence_enter"
