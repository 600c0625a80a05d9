"""The records of codec 7, of the personal tracker GH3000: short, with masks of what is there."""

from __future__ import annotations

import struct

from tracker.errors import DecodeError
from tracker.model import Fix
from tracker.protocols.fields import check_coordinates
from tracker.protocols.teltonika.records import Record
from tracker.protocols.teltonika.said import Said
from tracker.protocols.teltonika.wire import Packet

EPOCH_S = 1_167_609_600  # 2007-01-01 UTC
TIME_MASK = 0x3FFFFFFF  # the upper two bits are the priority

PLACED = 1  # bit of the global mask: there is a location; 2, 4 and 8 announce elements
ELEMENTS = ((2, struct.Struct(">BB")), (4, struct.Struct(">BH")), (8, struct.Struct(">BI")))

# What the location mask announces, bit by bit.
LOCATION = tuple(struct.Struct(f">{code}") for code in ("ff", "H", "B", "B", "B", "HH", "B", "I"))


def read_records(packet: Packet) -> list[Record | DecodeError]:
    """The records of a packet. Raises DecodeError if they do not fill it exactly."""
    data = packet.data
    records: list[Record | DecodeError] = []
    at = 0
    for _ in range(packet.records):
        record, at = _record(data, at)
        records.append(record)
    if at != len(data):
        raise DecodeError("length", f"teltonika: {packet.records} records end at {at}", data)
    return records


def _record(data: bytes, at: int) -> tuple[Record | DecodeError, int]:
    """Priority and seconds since 2007 u32, global mask u8; location (see `_location`); then for
    each announced size a count u8 and so many pairs of id u8 and value.
    """
    stamp, mask = struct.unpack_from(">IB", data, at)
    at += 5
    said = Said()
    parts: dict[int, tuple[float, ...]] = {}
    if mask & PLACED:
        parts, at = _location(data, at)
    for bit, pair in ELEMENTS:
        if not mask & bit:
            continue
        end = at + 1 + data[at] * pair.size
        if end > len(data):
            raise IndexError("elements cut off")
        said.items.update((str(ident), raw) for ident, raw in pair.iter_unpack(data[at + 1 : end]))
        at = end
    if priority := stamp >> 30:
        said.attributes["priority"] = priority
    try:
        return Record(_fix(float((stamp & TIME_MASK) + EPOCH_S), parts, said), said), at
    except DecodeError as error:
        return error, at


def _location(data: bytes, at: int) -> tuple[dict[int, tuple[float, ...]], int]:
    """Location mask u8, then by its bits: 0 latitude and longitude f32, 1 altitude u16 m, 2 course
    u8 1/256 turn, 3 speed u8 km/h, 4 satellites u8, 5 LAC and cell id u16, 6 signal u8, 7 operator
    u32.
    """
    mask = data[at]
    at += 1
    parts: dict[int, tuple[float, ...]] = {}
    for bit, layout in enumerate(LOCATION):
        if mask >> bit & 1:
            parts[bit] = layout.unpack_from(data, at)
            at += layout.size
    return parts, at


def _fix(time: float, parts: dict[int, tuple[float, ...]], said: Said) -> Fix | None:
    if 5 in parts:
        said.network["lac"], said.network["cid"] = (int(part) for part in parts[5])
    if 6 in parts:
        said.attributes["signal_csq"] = int(parts[6][0])
    if 7 in parts:
        said.network["operator"] = int(parts[7][0])
    said.finish()
    satellites = int(parts[4][0]) if 4 in parts else None
    if 0 not in parts or parts[0] == (0.0, 0.0):
        said.attributes["report_time"] = time
        return None
    lat, lon = parts[0]
    check_coordinates(lat, lon)
    return Fix(
        fix_time=time,
        lat=lat,
        lon=lon,
        speed_kmh=float(parts[3][0]) if 3 in parts else None,
        course_deg=parts[2][0] * 360 / 256 if 2 in parts else None,
        altitude_m=float(parts[1][0]) if 1 in parts else None,
        valid=satellites != 0,
        satellites=satellites,
        attributes=said.attributes,
    )
