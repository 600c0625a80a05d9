"""What several Castel frames say alike: a position of 19 bytes, a state of 34, alarms."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from dataclasses import replace

from tracker.errors import DecodeError
from tracker.model import Fix
from tracker.protocols.base import Message, Positions
from tracker.protocols.castel.wire import Link
from tracker.protocols.fields import CENTURY, check_coordinates, check_course, unix_time
from tracker.protocols.reports import Unplaced, unplaced

UNITS_PER_DEGREE = 3_600_000
CMS_KMH = 0.036  # 1 cm/s in km/h

_PLACE = struct.Struct("<6BIIHHB")
PLACE_BYTES = _PLACE.size
_STATE = struct.Struct("<IIIIIHI8x")
STATE_BYTES = _STATE.size

IGNITION = 1 << 18

# Bits of a vehicle's state, and codes of alarms. Bit 9 stays set as long as the device has power:
# it is a state, and no alarm.
STATE_ALARMS = {
    0: "power_low",
    1: "tow",
    2: "overspeed",
    3: "temperature",
    4: "acceleration",
    5: "braking",
    6: "idling",
    8: "engine_speed",
    10: "lane_change",
    11: "cornering",
    12: "fatigue",
    13: "sos",
    14: "collision",
    15: "tamper",
}
STATE_MASK = sum(1 << bit for bit in STATE_ALARMS)
ALARMS = {
    0x01: "overspeed",
    0x02: "power_low",
    0x03: "temperature",
    0x04: "acceleration",
    0x05: "braking",
    0x06: "idling",
    0x07: "tow",
    0x08: "engine_speed",
    0x09: "power_on",
    0x0B: "lane_change",
    0x0C: "cornering",
    0x0D: "fatigue",
    0x0E: "power_cut",
    0x0F: "geofence",
    0x10: "sos",
    0x11: "collision",
    0x12: "tamper",
    0x18: "engine_fault",
    0x1C: "vibration",
}
IGNITION_ALARMS = {0x16: True, 0x17: False}  # no alarms: the ignition was switched on, off
ALARM_BYTES = 6


def state(content: bytes, at: int, said: Unplaced) -> None:
    """Ignition on since u32, now u32 (UTC Unix seconds), odometer u32 m, trip u32 m, fuel used u32
    0.01 L, of this trip u16 0.01 L, state u32, 8 reserved.

    State: bits 0 to 15 as STATE_ALARMS has them, bit 9 the device has power, bit 18 ignition.
    """
    _since, now, odometer, trip, fuel, trip_fuel, bits = _STATE.unpack_from(content, at)
    said.time = float(now) or None
    said.ignition = bool(bits & IGNITION)
    alarms = bits & STATE_MASK
    said.alarms = tuple(name for bit, name in STATE_ALARMS.items() if alarms >> bit & 1)
    said.attributes = {
        "odometer_m": odometer,
        "trip_m": trip,
        "fuel_used_l": fuel / 100,
        "trip_fuel_l": trip_fuel / 100,
        "status": bits,
    }


def place(content: bytes, at: int, offset_s: int = 0) -> Fix | None:
    """Day, month, year - 2000, hour, minute, second u8; latitude u32, longitude u32 (degree /
    3,600,000); speed u16 cm/s; course u16 0.1 degree; flags u8. None without a date, and for 0, 0
    without a fix.

    Flags: bit 0 east, bit 1 north, bits 2-3 fix (0 none), bits 4-7 satellites.
    """
    day, month, year, hour, minute, second, lat, lon, speed, course, flags = _PLACE.unpack_from(
        content, at
    )
    valid = bool(flags & 0x0C)
    if not (day or month) or not (valid or lat or lon):
        return None
    north = lat / UNITS_PER_DEGREE
    east = lon / UNITS_PER_DEGREE
    check_coordinates(north, east)
    return Fix(
        fix_time=unix_time(CENTURY + year, month, day, hour, minute, second) - offset_s,
        lat=north if flags & 2 else -north,
        lon=east if flags & 1 else -east,
        speed_kmh=speed * CMS_KMH,
        course_deg=check_course(course / 10),
        valid=valid,
        satellites=flags >> 4,
    )


def alarms(content: bytes, at: int, said: Unplaced) -> int:
    """Count u8, then of each: new u8 (0: over), code u8, description u16, threshold u16. Those that
    are new; where the list ends.
    """
    count = content[at]
    codes = []
    for number in range(count):
        start = at + 1 + number * ALARM_BYTES
        new, code = content[start], content[start + 1]
        if new and code in IGNITION_ALARMS:
            said.ignition = IGNITION_ALARMS[code]
        elif new:
            codes.append(code)
    named = dict.fromkeys(ALARMS.get(code, "other") for code in codes)
    said.alarms = tuple(dict.fromkeys(said.alarms or ()) | named)
    if codes:
        said.attributes["alarm_code"] = codes[0] if len(codes) == 1 else codes
    return at + 1 + count * ALARM_BYTES


def places(link: Link, content: bytes, at: int, count: int) -> list[Fix | DecodeError]:
    """So many positions, one after the other; a bad one does not cost the others."""
    found: list[Fix | DecodeError] = []
    offset_s = link.session.utc_offset_s or 0
    for number in range(count):
        try:
            fix = place(content, at + number * PLACE_BYTES, offset_s)
        except DecodeError as error:
            found.append(error)
        else:
            if fix is not None:
                found.append(fix)
    return found


def conclude(
    link: Link,
    found: Iterable[Fix | DecodeError],
    said: Unplaced,
    answer: bytes = b"",
    *,
    stored: bool = False,
) -> list[Message | DecodeError]:
    """Positions with what else the frame says of them; without any, what it says alone."""
    said.time = link.session.utc(said.time)
    errors = [one for one in found if isinstance(one, DecodeError)]
    fixes = tuple(dressed(one, said, stored=stored) for one in found if isinstance(one, Fix))
    first = Positions(answer, durable=True, fixes=fixes) if fixes else unplaced(answer, said)
    return [first, *errors]


def dressed(fix: Fix, said: Unplaced, *, stored: bool = False) -> Fix:
    """A position with what else its frame says."""
    return replace(
        fix,
        stored=stored,
        ignition=said.ignition,
        alarms=said.alarms or (),
        attributes=said.attributes,
    )
