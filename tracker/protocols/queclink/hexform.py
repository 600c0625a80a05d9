"""The HEX form of @Track reports: binary fields, of which a mask says which are there.

    +RSP, +BSP, +EVT, +BVT    type u8 | mask u32 | fields
    +INF, +BNF                type u8 | mask u16 | fields
    +HBD                      mask u8 | fields

The marks in the second column are the stored form of the first. Behind the fields whose place the
mask tells, models differ; positions are found by their shape, as in text reports.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, NamedTuple

from tracker.errors import DecodeError
from tracker.model import Fix
from tracker.protocols.base import Heartbeat, Message, Notice, Positions
from tracker.protocols.fields import cell, check_coordinates, unix_time
from tracker.protocols.queclink.vehicle import PERCENT, STATES
from tracker.protocols.queclink.wire import HEX_MARK, HEX_TAIL

IDENT = 8  # bytes of an identity
KEPT_BYTES = 64  # of what is not decoded, as hex
DEGREE = 1_000_000

# Bits of the mask of a report.
SPEED, COURSE, ALTITUDE, STATION, NAMED = 0, 1, 2, 3, 6
LENGTH, DEVICE_TYPE, PROTOCOL, FIRMWARE, BATTERY, POWER = 7, 8, 9, 10, 11, 12
ANALOGS = (13, 14, 15)
INPUTS, OUTPUTS, MOTION, SATELLITES = 16, 17, 18, 19

TRACK = 0x64  # type of a report: one position a second

TIME = 7  # bytes of a time: year u16, month, day, hour, minute, second
SEND = TIME + 2 + HEX_TAIL  # bytes of send time, count and tail at the end of a frame
OLDEST_YEAR = 2005  # no model is older


class Head(NamedTuple):
    """What stands in front of the positions, and where it ends."""

    ident: str
    attributes: dict[str, Any]
    ignition: bool | None
    satellites: int | None
    end: int


def identity(data: bytes, *, is_name: bool) -> str:
    """An IMEI of two digits a byte, of which the last has one; or a device's name in ASCII."""
    if is_name:
        name = data.rstrip(b"\0").decode("ascii", "replace")
        if not name.isprintable() or not name.isascii() or not name:
            raise DecodeError("field", "queclink: a name that is not one", data)
        return name
    if max(data[:7]) > 99 or data[7] > 9:
        raise DecodeError("field", "queclink: an IMEI that is not one", data)
    return "".join(f"{byte:02d}" for byte in data[:7]) + str(data[7])


def read_hex(frame: bytes) -> tuple[str, Message]:
    """The identity and the message of a HEX frame."""
    mark = frame[1:HEX_MARK].decode()
    if mark in ("RSP", "BSP", "EVT", "BVT"):
        return _report(frame, is_stored=mark[0] == "B")
    if mark in ("INF", "BNF"):
        mask = int.from_bytes(frame[5:7], "big")
        at = 7 + (2 if mask & 1 else 0)
        ident = identity(frame[at : at + IDENT], is_name=bool(mask & 2))
        kept = {"report": mark, "data": frame[at + IDENT : -HEX_TAIL][:KEPT_BYTES].hex()}
        return ident, Notice(kind="unknown", attributes=kept)
    if mark == "HBD":
        return _heartbeat(frame)
    raise DecodeError("kind", f"queclink: +{mark} in HEX is not known", frame)


def _heartbeat(frame: bytes) -> tuple[str, Message]:
    """+HBD: mask u8: 0 length u8, 1 device type u8, 2 protocol u16, 3 firmware u16, 4 the identity
    is a name, 5 send time, 6 count u16, 7 identity[8]. Answered in text, as all of this protocol.
    """
    mask = frame[4]
    at = 5 + (mask & 1)
    end = at + (mask >> 1 & 1) + 2 * (mask >> 2 & 1)
    version = frame[at:end].hex().upper() if mask & 6 == 6 else ""
    end += 2 * (mask >> 3 & 1)
    if not mask & 0x80:
        raise DecodeError("login", "queclink: a heartbeat without identity", frame)
    count = frame[-HEX_TAIL - 2 : -HEX_TAIL].hex().upper()
    taken = f"+SACK:GTHBD,{version},{count}$".encode() if mask & 0x40 else b""
    return identity(frame[end : end + IDENT], is_name=bool(mask & 0x10)), Heartbeat(taken)


def _report(frame: bytes, *, is_stored: bool) -> tuple[str, Message]:
    mask = int.from_bytes(frame[5:9], "big")
    head = _head(frame, mask)
    if frame[4] == TRACK:
        fixes = list(_track(frame, head.end, is_stored=is_stored))
    else:
        fixes = list(_places(frame, head.end, mask, is_stored=is_stored))
    if not fixes:
        return head.ident, Heartbeat(ignition=head.ignition, attributes=head.attributes)
    fixes[-1] = replace(
        fixes[-1],
        ignition=head.ignition,
        satellites=head.satellites,
        attributes={**head.attributes, **fixes[-1].attributes},
    )
    return head.ident, Positions(fixes=tuple(fixes))


def _head(frame: bytes, mask: int) -> Head:
    """By the bits of the mask: 7 length u16, 8 device type u8, 9 protocol u16, 10 firmware u16,
    identity[8] (a name with bit 6), 11 battery u8 %, 12 power u16 mV, 13 to 15 analog inputs u16
    mV, 16 inputs u8, 17 outputs u8, 18 state of motion u8, 19 antenna and satellites u8.
    """
    at = 9 + 2 * (mask >> LENGTH & 1) + (mask >> DEVICE_TYPE & 1)
    at += 2 * (mask >> PROTOCOL & 1) + 2 * (mask >> FIRMWARE & 1)
    ident = identity(frame[at : at + IDENT], is_name=bool(mask >> NAMED & 1))
    at += IDENT
    attributes: dict[str, Any] = {"report": frame[1:HEX_MARK].decode(), "report_type": frame[4]}
    if mask >> BATTERY & 1:
        if 0 < frame[at] <= PERCENT:
            attributes["battery_percent"] = frame[at]
        at += 1
    if mask >> POWER & 1:
        attributes["external_v"] = int.from_bytes(frame[at : at + 2], "big") / 1000
        at += 2
    for index, bit in enumerate(ANALOGS, start=1):
        if mask >> bit & 1:
            attributes[f"adc{index}_v"] = int.from_bytes(frame[at : at + 2], "big") / 1000
            at += 2
    for bit, name in ((INPUTS, "inputs"), (OUTPUTS, "outputs")):
        if mask >> bit & 1:
            attributes[name] = frame[at]
            at += 1
    ignition = satellites = None
    if mask >> MOTION & 1:
        state = STATES.get(f"{frame[at]:02X}")
        if state is not None:
            ignition = state.ignition
            attributes["moving"] = state.moving
        at += 1
    if mask >> SATELLITES & 1:
        satellites = frame[at] & 15
        at += 1
    return Head(ident, attributes, ignition, satellites, at)


def _time(frame: bytes, at: int) -> float | None:
    """Year u16, month, day, hour, minute, second; None if it is none."""
    year, month, day, hour, minute, second = struct.unpack_from(">H5B", frame, at)
    if year < OLDEST_YEAR or not 1 <= month <= 12 or not 1 <= day <= 31:
        return None
    try:
        return unix_time(year, month, day, hour, minute, second)
    except DecodeError:
        return None


def _places(frame: bytes, start: int, mask: int, *, is_stored: bool) -> Iterator[Fix]:
    """Accuracy u8, [0 speed u16 and u8 km/h, 1 course u16, 2 altitude i16 m,] longitude i32 1e-6°,
    latitude i32, time[7], [3 MCC u16, MNC u16, LAC u16, cell id u16]; found by what they can be.
    """
    parts = [part for part in (SPEED, COURSE, ALTITUDE) if mask >> part & 1]
    layout = struct.Struct(">B" + "".join(("HB", "H", "h")[part] for part in parts) + "ii")
    at = start
    while at + layout.size + TIME + SEND <= len(frame):
        fix = _place(frame, at, layout, parts, mask)
        if fix is None:
            at += 1
            continue
        yield replace(fix, stored=is_stored)
        at += layout.size + TIME


def _place(frame: bytes, at: int, layout: struct.Struct, parts: list[int], mask: int) -> Fix | None:
    accuracy, *middle, lon, lat = layout.unpack_from(frame, at)
    if abs(lat) > 90 * DEGREE or abs(lon) > 180 * DEGREE or not (lat or lon) or accuracy > 50:
        return None
    end = at + layout.size
    moment = _time(frame, end)
    if moment is None:
        return None
    speed = course = altitude = None
    if SPEED in parts:
        speed = middle[0] + middle[1] / 10
        if speed >= 1000 or middle[1] > 9:
            return None
    if COURSE in parts:
        course = float(middle[2 if SPEED in parts else 0])
        if course > 360:
            return None
    if ALTITUDE in parts:
        altitude = float(middle[-1])
    attributes: dict[str, Any] = {"hdop": accuracy} if accuracy else {"accuracy": 0}
    if mask >> STATION & 1:
        mcc, mnc, lac, cid = struct.unpack_from(">4H", frame, end + TIME)
        if lac or cid:
            attributes["cells"] = [cell(mcc, mnc, lac, cid)]
    return Fix(
        fix_time=moment,
        lat=lat / DEGREE,
        lon=lon / DEGREE,
        speed_kmh=speed,
        course_deg=course % 360 if course is not None else None,
        altitude_m=altitude,
        attributes=attributes,
    )


NO_FIX, STEP = 7, 5  # the upper three bits of an entry of a track


def _signed(value: int, bits: int) -> int:
    return value - (1 << bits) if value >> (bits - 1) else value


def _track(frame: bytes, at: int, *, is_stored: bool) -> Iterator[Fix]:
    """Number of seconds u16; bits: 3 unused, 12 speed 0.1 km/h, 9 course; longitude i32 1e-6°,
    latitude i32, Unix seconds u32. Then per second five bytes of differences: bits 3 kind (5), 7
    speed, 7 course, 12 longitude, 11 latitude; or one byte (kind 7) for a second without fix. Seen.
    """
    (seconds,) = struct.unpack_from(">H", frame, at)
    motion = int.from_bytes(frame[at + 2 : at + 5], "big")
    speed, course = motion >> 9 & 0xFFF, motion & 0x1FF
    lon, lat, moment = struct.unpack_from(">iiI", frame, at + 5)
    at += 17
    for second in range(seconds):
        if second:
            kind = frame[at] >> 5
            if kind == NO_FIX:
                at += 1
                continue
            if kind != STEP or at + 5 > len(frame) - HEX_TAIL:
                raise DecodeError("field", f"queclink: kind {kind} in a track", frame[at:])
            entry = int.from_bytes(frame[at : at + 5], "big")
            at += 5
            speed += _signed(entry >> 30 & 0x7F, 7)
            course = (course + _signed(entry >> 23 & 0x7F, 7)) % 360
            lon += _signed(entry >> 11 & 0xFFF, 12)
            lat += _signed(entry & 0x7FF, 11)
        check_coordinates(lat / DEGREE, lon / DEGREE)
        yield Fix(
            fix_time=float(moment + second),
            lat=lat / DEGREE,
            lon=lon / DEGREE,
            speed_kmh=max(0, speed) / 10,
            course_deg=float(course % 360),
            stored=is_stored,
        )
