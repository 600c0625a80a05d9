"""Crash reports of Suntech devices: four places around the crash, with what the sensor felt.

Parts are put together: date 6 bytes; then four times latitude i32 1e-6°, longitude i32 1e-6°,
speed u16 0.01 km/h, course u16 0.01°, and readings of three axes i16. Numbers are little-endian.
The moments of the places are not stated, so they are no positions of their own.
"""

from __future__ import annotations

import struct
from typing import Any

from tracker.errors import DecodeError
from tracker.protocols.base import Alarm, Message, Notice
from tracker.protocols.fields import CENTURY, unix_time
from tracker.protocols.suntech.link import CRASH_MOST, Link

DATE_BYTES = 6
PLACES = 4
READINGS_MOST = 100  # of each place that are kept: one second

_PLACE = struct.Struct("<iiHH")
_AXES = struct.Struct("<hhh")


def crash(link: Link, part: int, parts: int, data: bytes) -> Message:
    """One part of a report: the last one makes an alarm of all of them."""
    if part == 1:
        link.crash, link.crash_parts = b"", 0
    if part != link.crash_parts + 1 or part > parts or len(link.crash) + len(data) > CRASH_MOST:
        link.crash, link.crash_parts = b"", 0
        raise DecodeError("field", f"suntech: part {part} of {parts} of a crash report", data)
    link.crash, link.crash_parts = link.crash + data, part
    if part < parts:
        return Notice(kind="unknown", attributes={"kind": "CRR", "data": data[:64].hex()})
    whole, link.crash, link.crash_parts = link.crash, b"", 0
    return Alarm(alarms=("collision",), attributes=read_crash(whole))


def read_crash(data: bytes) -> dict[str, Any]:
    """The attributes of a whole report."""
    size, rest = divmod(len(data) - DATE_BYTES, PLACES)
    if rest or size < _PLACE.size or (size - _PLACE.size) % _AXES.size:
        raise DecodeError("length", f"suntech: a crash report of {len(data)} bytes", data)
    year, *moment = data[:DATE_BYTES]
    places = []
    for at in range(DATE_BYTES, len(data), size):
        lat, lon, speed, course = _PLACE.unpack_from(data, at)
        axes = _AXES.iter_unpack(data[at + _PLACE.size : at + size])
        places.append(
            {
                "lat": lat / 1_000_000,
                "lon": lon / 1_000_000,
                "speed_kmh": speed / 100,
                "course_deg": course / 100,
                "axes": [list(each) for each, _ in zip(axes, range(READINGS_MOST), strict=False)],
            }
        )
    return {"report_time": unix_time(CENTURY + year, *moment), "crash_places": places}
