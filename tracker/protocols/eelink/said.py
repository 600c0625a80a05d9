"""What several Eelink packages say alike: status, stations, and how a report becomes a message."""

from __future__ import annotations

import struct
from typing import Any, NamedTuple

from tracker.model import Fix
from tracker.protocols.base import Message
from tracker.protocols.eelink.wire import Link, Package, ack
from tracker.protocols.fields import access_point, cell, check_coordinates, check_course, signal_dbm
from tracker.protocols.reports import Unplaced, placed, unplaced

UNITS_PER_DEGREE = 1_800_000  # 30,000 to a minute of arc, as in the GT06 family

# Codes of warnings (14) and of the alarms of first models (04).
ALARMS = {
    0x01: "power_cut",
    0x02: "sos",
    0x03: "low_battery",
    0x04: "vibration",
    0x08: "gnss_antenna",
    0x09: "gnss_antenna",
    0x25: "tamper",
    0x81: "low_speed",
    0x82: "overspeed",
    0x83: "geofence_enter",
    0x84: "geofence_exit",
    0x85: "collision",
    0x86: "fall",
}

# What is acknowledged by nobody: positions of first models.
SILENT = frozenset({0x02})


class Place(NamedTuple):
    """A place as a package states it."""

    lat: float
    lon: float
    speed_kmh: float
    course_deg: float
    altitude_m: float | None = None
    satellites: int | None = None


def alarm(said: Unplaced, code: int) -> None:
    """An alarm by its code; 0 is none."""
    said.attributes["alarm_code"] = code
    said.alarms = (ALARMS.get(code, "other"),) if code else ()


def status(said: Unplaced, word: int, *, motion: bool = True) -> None:
    """Status u16: 0 fixed; 1 has ignition, 2 on; 3 has motion and arming, 4 armed; 5 has a relay,
    6 its state; 7 can charge, 8 charges; 9 moves (not of first models); 10 receiver on.

    Of the relay only its state is told: moving vehicles have it set, so that it is no word on
    whether the engine is cut.
    """
    attributes = said.attributes
    attributes["status"] = word
    if word & 0x0002:
        said.ignition = bool(word & 0x0004)
    if word & 0x0008:
        attributes["armed"] = bool(word & 0x0010)
        if motion:
            attributes["moving"] = bool(word & 0x0200)
    if word & 0x0020:
        attributes["relay"] = bool(word & 0x0040)
    if word & 0x0080:
        attributes["charging"] = bool(word & 0x0100)


_PLACE = struct.Struct(">iihHHB")
_OWN = struct.Struct(">HHHIB")
_NEIGHBOUR = struct.Struct(">HIB")
_LIST_HEAD = struct.Struct(">HHHHIHHHB")
LIST_NEIGHBOUR = 5  # physical cell, frequency, signal
ACCESS_POINT = 7


def masked(content: bytes, said: Unplaced) -> tuple[Place | None, int]:
    """UTC Unix seconds u32, mask u8, the parts that it announces; where the rest begins.

    bit 0 place: latitude s32, longitude s32 (degree / 1,800,000), altitude s16 m, speed u16 km/h,
    course u16, satellites u8. bit 1 own station: MCC u16, MNC u16, LAC u16, cell u32, signal u8.
    bits 2, 3 neighbours: LAC, cell, signal. bits 4-6 access points: MAC[6], signal s8. bit 7: list.
    """
    said.time = float(int.from_bytes(content[:4], "big")) or None
    mask = content[4]
    at = 5
    place = None
    if mask & 1:
        lat, lon, altitude, speed, course, satellites = _PLACE.unpack_from(content, at)
        at += _PLACE.size
        said.satellites = satellites
        place = Place(
            lat / UNITS_PER_DEGREE, lon / UNITS_PER_DEGREE, float(speed), float(course),
            float(altitude), satellites,
        )  # fmt: skip
    if mask & 0xFE:
        at = surroundings(mask, content, at, said.attributes)
    return place, at


def surroundings(mask: int, content: bytes, at: int, attributes: dict[str, Any]) -> int:
    """Stations and access points, by bits 1 to 7 of the mask."""
    cells: list[dict[str, Any]] = []
    points: list[dict[str, Any]] = []
    mcc = mnc = 0
    if mask & 2:
        mcc, mnc, lac, cid, signal = _OWN.unpack_from(content, at)
        cells.append(cell(mcc, mnc, lac, cid, signal_dbm(signal)))
        at += _OWN.size
    for bit in (4, 8):
        if mask & bit:
            lac, cid, signal = _NEIGHBOUR.unpack_from(content, at)
            cells.append(cell(mcc, mnc, lac, cid, signal_dbm(signal)))
            at += _NEIGHBOUR.size
    for bit in (16, 32, 64):
        if mask & bit:
            at = point(content, at, points)
    if mask & 128:
        at = listed(content, at, cells, points)
    if cells:
        attributes["cells"] = cells
    if points:
        attributes["wifi"] = points
    return at


def point(content: bytes, at: int, points: list[dict[str, Any]]) -> int:
    """MAC[6], signal s8."""
    points.append(access_point(content[at : at + 6], signal_dbm(content[at + 6])))
    return at + ACCESS_POINT


def listed(
    content: bytes, at: int, cells: list[dict[str, Any]], points: list[dict[str, Any]]
) -> int:
    """Radio u8, counts u8 (bits 0-2 stations, 3-6 access points). Stations: MCC u16, MNC u16, LAC
    u16, TAC u16, cell u32, timing advance u16, then for each physical cell u16, frequency u16,
    signal u8. Access points as above.
    """
    counts = content[at + 1]
    at += 2
    if counts & 7:
        mcc, mnc, lac, tac, cid, _advance, _pci, _frequency, signal = _LIST_HEAD.unpack_from(
            content, at
        )
        cells.append(cell(mcc, mnc, lac or tac, cid, signal_dbm(signal)))
        at += _LIST_HEAD.size + LIST_NEIGHBOUR * ((counts & 7) - 1)
    for _ in range(counts >> 3 & 15):
        at = point(content, at, points)
    return at


def conclude(
    link: Link, package: Package, place: Place | None, said: Unplaced, *, valid: bool
) -> Message:
    """A report as a message with its answer. Coordinates 0, 0 without a fix are no place."""
    answer = b"" if package.kind in SILENT else ack(package)
    if said.time is not None:
        said.time -= link.session.utc_offset_s or 0
    if place is None or said.time is None or not (valid or place.lat or place.lon):
        return unplaced(answer, said)
    check_coordinates(place.lat, place.lon)
    return placed(
        answer,
        Fix(
            fix_time=said.time,
            lat=place.lat,
            lon=place.lon,
            speed_kmh=place.speed_kmh,
            course_deg=check_course(place.course_deg),
            altitude_m=place.altitude_m,
            valid=valid,
            satellites=place.satellites,
            ignition=said.ignition,
            alarms=said.alarms or (),
            attributes=said.attributes,
        ),
    )
