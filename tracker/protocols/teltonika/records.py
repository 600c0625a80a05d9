"""The records of codecs 8, 8 Extended and 16: a position and its elements."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

from tracker.errors import DecodeError
from tracker.model import Fix
from tracker.protocols.fields import check_coordinates
from tracker.protocols.teltonika.elements import TABLES, Table
from tracker.protocols.teltonika.said import Said
from tracker.protocols.teltonika.variable import read_variable
from tracker.protocols.teltonika.wire import CODEC_8, CODEC_8E, CODEC_16, Packet

DEGREE = 10_000_000  # units of latitude and longitude
TIME_MOST_MS = 4_102_444_800_000  # 2100: a clock beyond is not set
WIDE_VALUE = 16  # bytes of a value in the fifth group of some firmware

_HEAD = struct.Struct(">QBiihHBH")


class Group(NamedTuple):
    """Elements of one size: how a pair of id and value is laid out, and what the ids mean."""

    pair: struct.Struct
    table: Table


class Layout(NamedTuple):
    """What differs between the codecs. Sizes are in bytes."""

    event: struct.Struct  # id of the event, [generation u8,] number of all elements
    count_size: int
    ident_size: int
    groups: Sequence[Group]
    variable: bool


def _groups(ident: str) -> tuple[Group, ...]:
    sizes = {1: "B", 2: "H", 4: "I", 8: "Q"}
    return tuple(
        Group(struct.Struct(f">{ident}{code}"), TABLES[size]) for size, code in sizes.items()
    )


LAYOUTS = {
    CODEC_8: Layout(struct.Struct(">BB"), 1, 1, _groups("B"), variable=False),
    CODEC_8E: Layout(struct.Struct(">HH"), 2, 2, _groups("H"), variable=True),
    CODEC_16: Layout(struct.Struct(">HBB"), 1, 2, _groups("H"), variable=False),
}


class Record(NamedTuple):
    """One record: `fix` is None where it has no coordinates."""

    fix: Fix | None
    said: Said


def read_records(packet: Packet) -> list[Record | DecodeError]:
    """The records of a packet; a DecodeError in place of one whose content is impossible.

    Raises DecodeError if they do not fill the packet exactly. A fifth group, of 16-byte values,
    is told by that: firmware adds it without saying so.
    """
    layout = LAYOUTS[packet.codec]
    try:
        return _read_all(packet, layout, wide=False)
    except (DecodeError, struct.error, IndexError) as error:
        if layout.variable:
            raise
        try:
            return _read_all(packet, layout, wide=True)
        except (DecodeError, struct.error, IndexError):
            raise error from None


def _read_all(packet: Packet, layout: Layout, *, wide: bool) -> list[Record | DecodeError]:
    data = packet.data
    records: list[Record | DecodeError] = []
    at = 0
    for _ in range(packet.records):
        head = _HEAD.unpack_from(data, at)
        said, end = _read_elements(data, at + _HEAD.size, layout, wide=wide)
        try:
            records.append(_record(head, said))
        except DecodeError as error:
            records.append(error)
        at = end
    if at != len(data):
        raise DecodeError("length", f"teltonika: {packet.records} records end at {at}", data)
    return records


def _record(head: tuple[int, int, int, int, int, int, int, int], said: Said) -> Record:
    """Milliseconds since 1970 u64, priority u8, longitude i32 1e-7°, latitude i32 1e-7°, altitude
    i16 m, course u16, satellites u8, speed u16 km/h. Without satellites it repeats an older place.
    """
    time_ms, priority, lon, lat, altitude, course, satellites, speed = head
    if not 0 < time_ms < TIME_MOST_MS:
        raise DecodeError("field", f"teltonika: {time_ms} ms is not a date")
    check_coordinates(lat / DEGREE, lon / DEGREE)
    attributes = said.attributes
    if priority:
        attributes["priority"] = priority
    if not (lat or lon):
        attributes["report_time"] = time_ms / 1000
        attributes["satellites"] = satellites
        return Record(None, said)
    fix = Fix(
        fix_time=time_ms / 1000,
        lat=lat / DEGREE,
        lon=lon / DEGREE,
        speed_kmh=float(speed),
        course_deg=float(course % 360) if course <= 360 else None,
        altitude_m=float(altitude),
        valid=satellites > 0,
        satellites=satellites,
        ignition=said.ignition,
        alarms=tuple(dict.fromkeys(said.alarms)) if said.alarms else (),
        attributes=attributes,
    )
    return Record(fix, said)


def _read_elements(data: bytes, at: int, layout: Layout, *, wide: bool) -> tuple[Said, int]:
    """Id of the event, [codec 16: generation u8,] number of all elements; then groups of values
    of 1, 2, 4 and 8 bytes, each a count and so many pairs of id and value.

    The number of all elements is not checked: firmware counts differently, groups are what counts.
    """
    said = Said(layout.event.unpack_from(data, at)[0])
    at += layout.event.size
    for pair, table in layout.groups:
        count = int.from_bytes(data[at : at + layout.count_size], "big")
        at += layout.count_size
        end = at + count * pair.size
        if end > len(data):
            raise IndexError("elements cut off")
        for ident, raw in pair.iter_unpack(data[at:end]):
            meaning = table.get(ident)
            if meaning is None:
                said.items[str(ident)] = raw
            elif isinstance(meaning, tuple):
                name, factor, span = meaning
                value = raw - span if span and raw >= span >> 1 else raw
                said.attributes[name] = value if factor == 1 else round(value * factor, 3)
            else:
                meaning(said, raw)
        at = end
    if wide:
        at = _read_wide(data, at, layout, said)
    if layout.variable:
        at = _read_variable(data, at, said)
    said.finish()
    return said, at


def _read_wide(data: bytes, at: int, layout: Layout, said: Said) -> int:
    """A count, then so many ids and values of 16 bytes, which are kept as hex."""
    count = int.from_bytes(data[at : at + layout.count_size], "big")
    at += layout.count_size
    for _ in range(count):
        ident = int.from_bytes(data[at : at + layout.ident_size], "big")
        at += layout.ident_size
        if at + WIDE_VALUE > len(data):
            raise IndexError("elements cut off")
        said.items[str(ident)] = data[at : at + WIDE_VALUE].hex()
        at += WIDE_VALUE
    return at


def _read_variable(data: bytes, at: int, said: Said) -> int:
    """A count u16, then so many ids u16, lengths u16 and values."""
    (count,) = struct.unpack_from(">H", data, at)
    at += 2
    for _ in range(count):
        ident, size = struct.unpack_from(">HH", data, at)
        at += 4
        if at + size > len(data):
            raise IndexError("element cut off")
        read_variable(said, ident, data[at : at + size])
        at += size
    return at
