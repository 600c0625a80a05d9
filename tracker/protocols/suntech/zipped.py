"""The legacy reports of Suntech devices in binary, which the maker calls zip."""

from __future__ import annotations

import struct

from tracker.errors import DecodeError
from tracker.protocols.fields import CENTURY, bcd, check_course, unix_time
from tracker.protocols.reports import Report
from tracker.protocols.suntech.alarms import enter
from tracker.protocols.suntech.legacy import CODES

KINDS = {0x10: "STT", 0x11: "EMG", 0x12: "EVT", 0x13: "ALT", 0x14: "ALV"}
IDENT_DIGITS = 9  # of the ten in BCD; the last one fills the byte

_REPORT = struct.Struct(">BH6s3s4s4s3s3sBIHB")
_STATUS = struct.Struct(">BH")
_TAIL = struct.Struct(">IHB")

FIXED, SOUTH, WEST, SATELLITES = 0x80, 0x40, 0x20, 0x1F
IGNITION, INPUTS, INPUTS_MASK, OUTPUTS, OUTPUTS_MASK = 0x01, 1, 0x07, 4, 0x03


def decimal(data: bytes, whole_bytes: int) -> float:
    """A number whose whole part is binary and whose decimals are BCD."""
    whole = int.from_bytes(data[:whole_bytes], "big")
    return float(f"{whole}.{bcd(data[whole_bytes:])}")


def volts(word: int) -> float:
    """Volts from a byte of whole ones and a byte of hundredths in BCD."""
    return decimal(word.to_bytes(2, "big"), 1)


def read_zip(kind: str, data: bytes) -> Report:
    """Behind the identity: model u8, software u16, date and time 6 bytes, cell 3 bytes, latitude
    and longitude (degrees u8, 1e-6 in BCD[3]), speed km/h and course (u16, 0.01 in BCD), fixed and
    signs and satellites u8, distance u32 m, supply 2 bytes, inputs u8; STT mode u8 and number u16,
    others a code u8; then run time u32 min, battery 2 bytes, live or stored u8, where the device
    is set up for it.
    """
    fields = _REPORT.unpack_from(data)
    _, _, date, _, lat, lon, speed, course, signs, distance, supply, ports = fields
    year, *rest = date
    said = Report(
        time=unix_time(CENTURY + year, *rest),
        speed_kmh=decimal(speed, 2),
        course_deg=check_course(decimal(course, 2)),
        valid=bool(signs & FIXED),
        satellites=signs & SATELLITES,
        ignition=bool(ports & IGNITION),
        alarms=(),
    )
    said.lat = decimal(lat, 1) * (-1 if signs & SOUTH else 1)
    said.lon = decimal(lon, 1) * (-1 if signs & WEST else 1)
    said.attributes.update(
        odometer_m=distance,
        external_v=volts(supply),
        inputs=ports >> INPUTS & INPUTS_MASK,
        outputs=ports >> OUTPUTS & OUTPUTS_MASK,
        engine_cut=bool(ports >> OUTPUTS & 1),
    )
    at = _REPORT.size
    if kind == "STT":
        said.attributes["mode"], said.attributes["message_number"] = _STATUS.unpack_from(data, at)
        at += _STATUS.size
    elif kind in CODES:
        enter(said, data[at], CODES[kind])
        at += 1
    else:
        raise DecodeError("kind", f"suntech: a zip of kind {kind}", data)
    if len(data) >= at + _TAIL.size:
        minutes, battery, live = _TAIL.unpack_from(data, at)
        said.attributes["engine_minutes"] = minutes
        said.attributes["battery_v"] = volts(battery)
        said.stored = live == 0
    return said
