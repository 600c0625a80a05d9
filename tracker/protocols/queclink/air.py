"""The binary air protocol of new Queclink models (GL601, GV500CNA ...): records of data units.

    2B live or 2D stored | 00 | length u16 | flags u8 | IMEI BCD[8] | device type u16 |
    protocol u16 | custom u8 | size u8, so many reserved bytes | records | count u16 | CRC u8 | 24

A record is its size (itself included), time u32, count u16, id u8, event u8, and units of id and
size. Ids and sizes have one byte, or two with the top bit set. Numbers are big-endian.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tracker.errors import DecodeError
from tracker.model import Fix
from tracker.protocols.base import Heartbeat, Message, Positions
from tracker.protocols.fields import bcd, check_coordinates, text

HEAD = 18  # bytes in front of the reserved ones
TAIL = 4
STORED_MARK = 0x2D
SPLIT = 0x80  # flag: a part of a longer report
WIDE = 0x80  # top bit of an id or a size of two bytes
RECORD_HEAD = struct.Struct(">IHBB")
KEPT_BYTES = 64  # of a unit that is not decoded, as hex
DEGREE = 1_000_000
FIXED = 2  # state of the receiver: it has a fix now; else it repeats the last one

_MINI = struct.Struct(">BiiIH")
_FULL = struct.Struct(">BiiIHBH3sB")


def read_air(frame: bytes) -> tuple[str, str, list[Message | DecodeError]]:
    """The IMEI, the device type and the messages of an air frame, one for each record."""
    if frame[4] & SPLIT:
        raise DecodeError("split", "queclink: a part of a report", frame)
    ident = bcd(frame[5:13]).lstrip("0")
    start = HEAD + 1 + frame[HEAD]
    is_stored = frame[0] == STORED_MARK
    found = [_message(record, is_stored=is_stored) for record in _split(frame[start:-TAIL])]
    return ident, frame[13:15].hex().upper(), found


def _number(data: bytes, at: int) -> tuple[int, int]:
    """An id or a size of one byte, or of two with the top bit set; and where it ends."""
    if data[at] & WIDE:
        return int.from_bytes(data[at : at + 2], "big") & 0x7FFF, at + 2
    return data[at], at + 1


def _split(data: bytes) -> Iterator[bytes]:
    """The records of a report without their sizes, which count themselves."""
    at = 0
    while at < len(data):
        size, begin = _number(data, at)
        end = at + size
        if end <= begin or end > len(data):
            raise DecodeError("length", f"queclink: a record of {size} bytes at {at}", data)
        yield data[begin:end]
        at = end


def _message(record: bytes, *, is_stored: bool) -> Message | DecodeError:
    """One record as a message."""
    try:
        generated, _, kind, event = RECORD_HEAD.unpack_from(record)
        attributes: dict[str, Any] = {"record": kind, "report_time": float(generated)}
        if event:
            attributes["event"] = event
        place = None
        at = RECORD_HEAD.size
        while at < len(record):
            unit, at = _number(record, at)
            size, at = _number(record, at)
            value = record[at : at + size]
            if len(value) < size:
                raise DecodeError("length", f"queclink: a unit of {size} bytes", record)
            at += size
            if unit in PLACES and size:
                place = PLACES[unit](value)
            elif size:
                _keep(attributes, unit, value)
    except (struct.error, IndexError) as error:
        return DecodeError("length", f"queclink: record too short: {error}", record)
    except DecodeError as error:
        return error
    if place is None:
        return Heartbeat(attributes=attributes)
    fix = place(attributes, is_stored)
    return Positions(fixes=(fix,))


Place = Callable[[dict[str, Any], bool], Fix]


def _mini(value: bytes) -> Place:
    """51: bits 7-4 signal, 3-2 state (2 fixed), 1-0 mode; longitude i32 1e-6°, latitude i32, Unix
    seconds u32, speed u16 0.1 km/h.
    """
    flags, lon, lat, moment, speed = _MINI.unpack_from(value)

    def fix(attributes: dict[str, Any], is_stored: bool) -> Fix:
        _mark(attributes, flags)
        return Fix(
            fix_time=float(moment),
            lat=lat / DEGREE,
            lon=lon / DEGREE,
            speed_kmh=speed / 10,
            stored=is_stored,
            attributes=attributes,
        )

    check_coordinates(lat / DEGREE, lon / DEGREE)
    return fix


def _full(value: bytes) -> Place:
    """52: as 51; then HDOP u8 0.1, course u16, altitude i24 0.1 m, satellites u8."""
    flags, lon, lat, moment, speed, hdop, course, altitude, satellites = _FULL.unpack_from(value)

    def fix(attributes: dict[str, Any], is_stored: bool) -> Fix:
        _mark(attributes, flags)
        attributes["hdop"] = hdop / 10
        return Fix(
            fix_time=float(moment),
            lat=lat / DEGREE,
            lon=lon / DEGREE,
            speed_kmh=speed / 10,
            course_deg=float(course % 360),
            altitude_m=int.from_bytes(altitude, "big", signed=True) / 10,
            stored=is_stored,
            satellites=satellites,
            attributes=attributes,
        )

    check_coordinates(lat / DEGREE, lon / DEGREE)
    return fix


PLACES: Mapping[int, Callable[[bytes], Place]] = {0x51: _mini, 0x52: _full}


def _mark(attributes: dict[str, Any], flags: int) -> None:
    if flags >> 2 & 3 != FIXED:
        attributes["last_known"] = True


NAME = 0x02  # unit: the device's name


def _keep(attributes: dict[str, Any], unit: int, value: bytes) -> None:
    if unit == NAME:
        attributes["name"] = text(value, "utf-8")
    else:
        attributes.setdefault("items", {})[f"{unit:02x}"] = value[:KEPT_BYTES].hex()
