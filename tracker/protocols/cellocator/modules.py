"""The modular messages of Cellocator units: types 9 and 11, made of modules by number."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator
from typing import Any

from tracker.errors import DecodeError
from tracker.protocols.cellocator.status import angles, course, moment, solved
from tracker.protocols.cellocator.wire import Frame
from tracker.protocols.fields import CENTURY
from tracker.protocols.reports import Report
from tracker.protocols.stream import handles

KEPT_BYTES = 64  # of a module without a meaning here, as hex

_STAMP = struct.Struct("<4BiiiBH")
_TIME = struct.Struct("<7B")
_PARAMETERS = struct.Struct("<HIB")
_PARAMETER = struct.Struct("<HB")

Reader = Callable[[Report, bytes, int], None]
MODULES: dict[int, Reader] = {}


def modules(data: bytes, at: int, width: int) -> Iterator[tuple[int, bytes]]:
    """Number u8 and content of each module, whose length has `width` bytes."""
    end = len(data) - 1  # the sum
    while at < end:
        start = at + 1 + width
        behind = start + int.from_bytes(data[at + 1 : start], "little")
        if behind > end:
            raise DecodeError("length", f"cellocator: module {data[at]} ends at {behind}", data)
        yield data[at], data[start:behind]
        at = behind


def read_modules(frame: Frame) -> Report:
    """Type 11: byte 12 packet control, 13 length u16, 15 four spare bytes; modules from 19, with
    lengths u16. See the functions below; what has none is kept under `items`.
    """
    said = Report()
    for number, content in modules(frame.data, 19, 2):
        reader = MODULES.get(number)
        if reader is None:
            items(said)[str(number)] = content[:KEPT_BYTES].hex()
        else:
            reader(said, content, frame.data[3])
    return said


def items(said: Report) -> dict[str, Any]:
    """Where that is kept which has no name."""
    kept: dict[str, Any] = said.attributes.setdefault("items", {})
    return kept


@handles(MODULES, 2)
def parameters(said: Report, content: bytes, mark: int) -> None:  # noqa: ARG001
    """2: operator u16, signature u32, count u8; then id u16, size u8 and value of each."""
    _, _, count = _PARAMETERS.unpack_from(content)
    at = _PARAMETERS.size
    for _ in range(count):
        ident, width = _PARAMETER.unpack_from(content, at)
        at += _PARAMETER.size
        if at + width > len(content):
            raise IndexError("parameters cut off")
        items(said)[f"{ident:04x}"] = int.from_bytes(content[at : at + width], "little")
        at += width


@handles(MODULES, 6)
def location(said: Report, content: bytes, mark: int) -> None:
    """6: HDOP u8 0.1, receiver modes u8 and u8, satellites u8, longitude i32, latitude i32,
    altitude i32 cm, speed u8, course u16 1e-3 rad. The unit of the speed is not certain: it is
    kept as it is.
    """
    hdop, mode1, mode2, satellites, lon, lat, altitude, speed, turn = _STAMP.unpack_from(content)
    said.lat, said.lon = angles(mark, lon, lat)
    said.altitude_m = altitude / 100
    said.course_deg = course(turn)
    said.satellites = satellites
    said.valid = solved(mode1, mode2)
    said.attributes["hdop"] = hdop / 10
    said.attributes["ground_speed"] = speed


@handles(MODULES, 7)
def time_stamp(said: Report, content: bytes, mark: int) -> None:  # noqa: ARG001
    """7: right u8, second, minute, hour, day, month, year since 2000; UTC."""
    right, second, minute, hour, day, month, year = _TIME.unpack_from(content)
    if right:
        said.time = moment(second, minute, hour, day, month, CENTURY + year if month else 0)


def read_parts(frame: Frame) -> dict[str, Any]:
    """Type 9: byte 12 packet control, 13 length u8; modules from 14 with lengths u8, as hex."""
    return {
        str(number): content[:KEPT_BYTES].hex() for number, content in modules(frame.data, 14, 1)
    }
