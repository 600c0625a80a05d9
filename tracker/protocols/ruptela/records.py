"""The records of Ruptela commands 1, 68 and 9: positions with elements, and trouble codes."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import NamedTuple

from tracker.errors import DecodeError
from tracker.protocols.fields import text
from tracker.protocols.reports import Report
from tracker.protocols.ruptela.elements import Elements

DEGREE = 10_000_000  # units of latitude and longitude
NO_PLACE = -(1 << 31)  # of either of them
UNKNOWN_1, UNKNOWN_2 = 0xFF, 0xFFFF  # satellites, HDOP; speed
COURSE_MOST = 36_000
# Altitudes are signed, but some firmware goes on beyond 3,276 m without a sign: nothing that
# drives is this far below the sea.
DEEPEST_DM = -5000

_PLACE = struct.Struct(">iihHBHB")
_DTC = struct.Struct(">BIiiB5s")
FROM_MEMORY = 2

GROUPS = tuple((size, code) for size, code in ((1, "B"), (2, "H"), (4, "I"), (8, "Q")))


class Layout(NamedTuple):
    """What differs between the two kinds of records."""

    head: struct.Struct  # time u32, extension u8, [index u8,] priority u8
    event: struct.Struct
    pairs: Sequence[tuple[int, struct.Struct]]  # by group: size of a value, id and value


def _layout(extended: bool) -> Layout:
    ident = "H" if extended else "B"
    pairs = tuple((size, struct.Struct(f">{ident}{code}")) for size, code in GROUPS)
    return Layout(struct.Struct(">IBBB" if extended else ">IBB"), struct.Struct(f">{ident}"), pairs)


PLAIN, EXTENDED = _layout(extended=False), _layout(extended=True)


class Record(NamedTuple):
    """One record, with what its elements say."""

    said: Report
    elements: Elements


def read_records(payload: bytes, *, extended: bool) -> list[Record]:
    """Records left in the device u8, count u8, then the records; see `_record`.

    Raises DecodeError if they do not fill the payload exactly. Extended records come in parts:
    their index has the number of parts that follow the first in its upper nibble, and which of
    them this is in the lower; parts are put together.
    """
    layout = EXTENDED if extended else PLAIN
    count, at = payload[1], 2
    records: list[Record] = []
    for _ in range(count):
        index = payload[at + 5] if extended else 0
        follows = bool(records) and 0 < index & 0x0F <= index >> 4
        record, at = _record(payload, at, layout, records[-1] if follows else None)
        if not follows:
            records.append(record)
    if at != len(payload):
        raise DecodeError("length", f"ruptela: {count} records end at {at}", payload)
    for record in records:
        record.elements.finish()
    return records


def _record(data: bytes, at: int, layout: Layout, whole: Record | None) -> tuple[Record, int]:
    """Unix seconds u32, extension u8, [68: index u8,] priority u8, longitude i32 1e-7°, latitude
    i32 1e-7°, altitude i16 0.1 m, course u16 0.01°, satellites u8, speed u16 km/h, HDOP u8 0.1,
    id of the event u8 [68: u16]; then groups of values of 1, 2, 4 and 8 bytes, each a count u8
    and so many pairs of id u8 [68: u16] and value.
    """
    time = int.from_bytes(data[at : at + 4], "big")
    at += layout.head.size
    place = _PLACE.unpack_from(data, at)
    at += _PLACE.size
    (event,) = layout.event.unpack_from(data, at)
    at += layout.event.size
    if whole is None:
        said = _said(float(time), place, event)
        whole = Record(said, Elements(said))
    for size, pair in layout.pairs:
        count = data[at]
        end = at + 1 + count * pair.size
        if end > len(data):
            raise IndexError("elements cut off")
        for ident, value in pair.iter_unpack(data[at + 1 : end]):
            whole.elements.read(ident, value, size)
        at = end
    return whole, at


def _said(time: float, place: tuple[int, ...], event: int) -> Report:
    """The fixed part of a record. Without satellites its place is an older one."""
    lon, lat, altitude, course, satellites, speed, hdop = place
    said = Report(time=time)
    if event:
        said.attributes["event"] = event
    if NO_PLACE in (lon, lat):
        return said
    said.lat, said.lon = lat / DEGREE, lon / DEGREE
    said.altitude_m = (altitude if altitude >= DEEPEST_DM else altitude + (1 << 16)) / 10
    said.course_deg = course % COURSE_MOST / 100 if course <= COURSE_MOST else None
    said.satellites = satellites if satellites != UNKNOWN_1 else None
    said.speed_kmh = float(speed) if speed != UNKNOWN_2 else None
    if hdop != UNKNOWN_1:
        said.attributes["hdop"] = hdop / 10
    said.valid = satellites > 0
    return said


def read_dtcs(payload: bytes) -> list[Report]:
    """Count u8; then per trouble code: reserved u8, Unix seconds u32, longitude i32 1e-7°, latitude
    i32 1e-7°, source u8 (2: from memory), code in five letters.
    """
    count = payload[0]
    if len(payload) != 1 + count * _DTC.size:
        raise DecodeError("length", f"ruptela: {count} codes in {len(payload)} bytes", payload)
    found = []
    for _, time, lon, lat, source, code in _DTC.iter_unpack(payload[1:]):
        said = Report(time=float(time), stored=source == FROM_MEMORY)
        if NO_PLACE not in (lon, lat):
            said.lat, said.lon, said.valid = lat / DEGREE, lon / DEGREE, True
        said.attributes["dtcs"] = [text(code)]
        found.append(said)
    return found
