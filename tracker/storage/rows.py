"""Positions as rows: the one place that knows how a `Position` lies in a table.

The same thirteen columns stand in `journal` and in `positions`, in SQLite and in PostgreSQL.
Floats are kept as the doubles they came as, so what is read back equals what was accepted; times
are whole microseconds, because they are part of a key. `digest` tells a fix that was delivered
twice from two fixes of the same moment.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from hashlib import blake2b
from typing import Any

import orjson

from tracker.model import NOTHING, Fix, Position

MICROSECONDS = 1_000_000

VALID, STORED, IGNITION_KNOWN, IGNITION_ON = 1, 2, 4, 8  # the bits of the column `flags`
_SAME_FIX = VALID | IGNITION_KNOWN | IGNITION_ON  # the bits that belong to what was measured

COLUMNS = (
    "vehicle_key",
    "fix_time_us",
    "digest",
    "lat",
    "lon",
    "speed_kmh",
    "course_deg",
    "altitude_m",
    "flags",
    "satellites",
    "received_time_us",
    "sequence",
    "alarms",
    "attributes",
)

# fix_time_us, lat, lon, speed, course, altitude, flags, satellites: NaN and -1 stand for unknown
_pack_content = struct.Struct("<qdddddhh").pack
_pack_reception = struct.Struct("<qq").pack  # packed only to learn that both fit a 64-bit column
_NAN = float("nan")

_DIGEST_SIZE = 8  # bytes: within one vehicle and one microsecond, chance needs no more
_read_digest = struct.Struct("<q").unpack

Row = tuple[Any, ...]  # one value for each of COLUMNS


def position_row(position: Position, vehicle_key: int) -> Row:
    """The row of a position. Raises ValueError for one that no column can hold."""
    fix = position.fix
    try:
        fix_time_us = round(fix.fix_time * MICROSECONDS)
        received_time_us = round(position.received_time * MICROSECONDS)
        _pack_reception(received_time_us, position.sequence)
        attributes = encode_attributes(fix.attributes) if fix.attributes else None
        alarms = orjson.dumps(fix.alarms).decode() if fix.alarms else None
        flags = fix_flags(fix)
        digest = content_digest(position.vehicle_id, fix_time_us, fix, flags, alarms, attributes)
    except (ValueError, OverflowError, TypeError, struct.error) as error:
        raise ValueError(f"position cannot be stored: {error}") from error
    return (
        vehicle_key,
        fix_time_us,
        digest,
        fix.lat,
        fix.lon,
        fix.speed_kmh,
        fix.course_deg,
        fix.altitude_m,
        flags,
        fix.satellites,
        received_time_us,
        position.sequence,
        alarms,
        attributes,
    )


def row_position(row: Row, vehicle_id: str) -> Position:
    """The position of a row: the inverse of `position_row`."""
    flags = row[8]
    return Position(
        vehicle_id,
        Fix(
            fix_time=row[1] / MICROSECONDS,
            lat=row[3],
            lon=row[4],
            speed_kmh=row[5],
            course_deg=row[6],
            altitude_m=row[7],
            valid=flags & VALID != 0,
            stored=flags & STORED != 0,
            satellites=row[9],
            ignition=flags & IGNITION_ON != 0 if flags & IGNITION_KNOWN else None,
            alarms=tuple(orjson.loads(row[12])) if row[12] is not None else (),
            attributes=orjson.loads(row[13]) if row[13] is not None else NOTHING,
        ),
        received_time=row[10] / MICROSECONDS,
        sequence=row[11],
    )


def row_is_sound(row: Row, vehicle_id: str) -> bool:
    """Whether a row, found who knows where, is a position of this vehicle, by its digest."""
    try:
        fix = row_position(row, vehicle_id).fix
        digest = content_digest(vehicle_id, row[1], fix, row[8], row[12], row[13])
    except (ValueError, TypeError, AttributeError, struct.error):
        return False
    return bool(digest == row[2])


def row_order(row: Row) -> tuple[int, int]:
    """(fix_time_us, sequence): the order of tracks, as `Position.order`."""
    return row[1], row[11]


def fix_flags(fix: Fix) -> int:
    """The booleans of a fix as bits."""
    flags = VALID if fix.valid else 0
    if fix.stored:
        flags |= STORED
    if fix.ignition is not None:
        flags |= IGNITION_KNOWN | IGNITION_ON if fix.ignition else IGNITION_KNOWN
    return flags


def content_digest(
    vehicle_id: str,
    fix_time_us: int,
    fix: Fix,
    flags: int,
    alarms: str | None,
    attributes: str | None,
) -> int:
    """What tells two fixes apart: BLAKE2b over all that was measured, as a signed 64-bit number.

    Left out is what may differ between two deliveries of one fix: `stored` and the reception. The
    vehicle is in it, so a row found in a damaged file can be checked by its digest alone. Raises
    ValueError where a coordinate is not a number.
    """
    lat, lon = fix.lat, fix.lon
    if lat - lat + lon - lon != 0.0:  # NaN and infinity, which a REAL NOT NULL column refuses
        raise ValueError(f"coordinates {lat}, {lon}")
    content = vehicle_id.encode() + _pack_content(
        fix_time_us,
        lat + 0.0,  # makes 0 of -0, as SQLite does
        lon + 0.0,
        _NAN if fix.speed_kmh is None else fix.speed_kmh + 0.0,
        _NAN if fix.course_deg is None else fix.course_deg + 0.0,
        _NAN if fix.altitude_m is None else fix.altitude_m + 0.0,
        flags & _SAME_FIX,
        -1 if fix.satellites is None else fix.satellites,
    )
    if alarms is not None:
        content += alarms.encode()
    if attributes is not None:
        content += attributes.encode()
    digest: int = _read_digest(blake2b(content, digest_size=_DIGEST_SIZE).digest())[0]
    return digest


def encode_attributes(attributes: Mapping[str, Any]) -> str:
    """Attributes as JSON text. Raises TypeError for what JSON cannot say."""
    return orjson.dumps(attributes, default=_plain).decode()


def _plain(value: object) -> object:
    if isinstance(value, Mapping):
        return dict(value)
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value).hex()
    if isinstance(value, set | frozenset):
        return sorted(value)
    raise TypeError(f"{type(value).__name__} in attributes")
