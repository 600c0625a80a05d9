"""GT06 modular reports 70 (long frames, asset trackers): items of id u16, length u16, value."""

from __future__ import annotations

import struct
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from tracker.protocols.fields import access_point, bcd, cell
from tracker.protocols.gt06.blocks import read_place
from tracker.protocols.gt06.messages import Handler, emit
from tracker.protocols.gt06.report import Report, imei
from tracker.protocols.gt06.wire import Frame, Link
from tracker.protocols.stream import Outcome, handles

HANDLERS: dict[int, Handler] = {}
ITEMS: dict[int, Callable[[Report, bytes], None]] = {}


@handles(HANDLERS, 0x70)
def modular(link: Link, frame: Frame) -> Outcome:
    """70: items, worked out from frames of several makes. One that overruns ends the list."""
    info = frame.info
    report = Report()
    at = 0
    while at + 4 <= len(info):
        kind, size = struct.unpack_from(">HH", info, at)
        value = info[at + 4 : at + 4 + size]
        if len(value) < size:
            break
        try:
            ITEMS[kind](report, value)
        except (KeyError, IndexError, struct.error):  # not known, or shorter than known
            report.attributes.setdefault("items", {})[f"{kind:04x}"] = value.hex()
        at += 4 + size
    return emit(link, frame, report)


@handles(ITEMS, 0x01)
def identity(report: Report, value: bytes) -> None:
    """01: IMEI BCD[8]."""
    report.attributes["imei"] = imei(value)


@handles(ITEMS, 0x02)
def subscriber(report: Report, value: bytes) -> None:
    """02: IMSI BCD[8]."""
    report.attributes["imsi"] = bcd(value).lstrip("0")


@handles(ITEMS, 0x03)
def sim(report: Report, value: bytes) -> None:
    """03: ICCID BCD[10]."""
    report.attributes["iccid"] = value.hex()


@handles(ITEMS, 0x09)
def satellites_used(report: Report, value: bytes) -> None:
    """09: satellites in use u8."""
    report.satellites = value[0]


@handles(ITEMS, 0x0A)
def satellites_visible(report: Report, value: bytes) -> None:
    """0A: satellites visible u8."""
    report.attributes["satellites_visible"] = value[0]


@handles(ITEMS, 0x11)
def base_station(report: Report, value: bytes) -> None:
    """11: MCC u16, MNC u16, LAC u16, cell id u32."""
    mcc, mnc, lac, cid = struct.unpack_from(">HHHI", value)
    if lac or cid:
        report.attributes["cells"] = [cell(mcc, mnc, lac, cid)]


@handles(ITEMS, 0x18)
def battery(report: Report, value: bytes) -> None:
    """18: battery u16 0.01 V."""
    report.attributes["battery_v"] = int.from_bytes(value, "big") / 100


@handles(ITEMS, 0x28)
def dilution(report: Report, value: bytes) -> None:
    """28: HDOP u8 0.1."""
    report.attributes["hdop"] = value[0] / 10


@handles(ITEMS, 0x2C)
def report_time(report: Report, value: bytes) -> None:
    """2C: moment of the report, UTC Unix seconds u32."""
    report.attributes["report_time"] = float(int.from_bytes(value, "big"))


@handles(ITEMS, 0x33)
def place(report: Report, value: bytes) -> None:
    """33: UTC Unix seconds u32, satellites u8, altitude i16 m, latitude u32, longitude u32, speed
    u8 km/h, flags u16; the last five as in every position of this protocol.
    """
    seconds, satellites, altitude, lat, lon, speed, flags = struct.unpack_from(">IBhIIBH", value)
    if not seconds:
        return
    report.time = datetime.fromtimestamp(seconds, UTC).timestamp()
    report.satellites = satellites
    report.altitude_m = float(altitude)
    report.speed_kmh = float(speed)
    read_place(report, lat, lon, flags)


@handles(ITEMS, 0x34)
def event(report: Report, value: bytes) -> None:
    """34: event u8, UTC Unix seconds u32, u8."""
    report.attributes["event"] = value[0]


@handles(ITEMS, 0x7F)
def beacon(report: Report, value: bytes) -> None:
    """7F: Bluetooth tag: MAC[6], u16, battery u8 percent, u8, temperature u8 °C ... Seen."""
    tag: dict[str, Any] = access_point(value[:6])
    tag["battery_percent"] = value[8]
    report.attributes.setdefault("beacons", []).append(tag)
