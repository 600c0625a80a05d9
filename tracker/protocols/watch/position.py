"""The position of a GPS watch, and what stands behind it.

    ddmmyy,hhmmss,A|V,lat,N|S,lon,E|W,km/h,course,altitude,satellites,GSM 0-100,battery %,steps,
    turnovers,status,stations,timing advance,MCC,MNC,(LAC,cell,strength)*,access points,
    (name,MAC,strength)*,accuracy

Coordinates are degrees with a sign, a letter, or both. Names of access points can hold commas, so
these are found by their MAC. What stands behind the status is often cut short.
Source: docs/protocols/watch.md.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from tracker.protocols.reports import Report
from tracker.protocols.textfields import (
    amounts,
    course,
    dated,
    in_view,
    number,
    signed,
    station,
)
from tracker.protocols.watch.wire import Link

UNKNOWN = "-1"  # speed or course
STATUS, STATIONS = 15, 16  # indexes, counted from the date

# Bits of the status. Bits 1 and 2 (outside or inside a fence) and 3 (worn) are states.
ALARM_BITS: Mapping[int, str] = {
    0: "low_battery",
    14: "power_cut",
    16: "sos",
    17: "low_battery",
    18: "geofence_exit",
    19: "geofence_enter",
    20: "tamper",
    21: "fall",
    22: "fall",
}
MOVING = 1 << 4

HEX = re.compile(r"[0-9A-Fa-f]{1,8}")
ACCESS_POINT = re.compile(r"((?:[0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}),(-?\d{1,3})(?:,|\Z)", re.ASCII)
MCC_MOST = 999
ENTRIES_MOST = 20  # stations or access points that are kept: no watch hears more


def read_position(link: Link, fields: Sequence[str]) -> Report:
    """What a position says; `fields` begin with the date."""
    said = Report(time=link.session.utc(dated(fields[0], fields[1])))
    lat, lon = number(fields[3]), number(fields[5])
    if lat is not None and lon is not None:
        said.lat, said.lon = signed(lat, fields[4]), signed(lon, fields[6])
    said.valid = fields[2] == "A"
    said.speed_kmh = number(fields[7]) if fields[7] != UNKNOWN else None
    said.course_deg = course(fields[8]) if fields[8] != UNKNOWN else None
    said.altitude_m = amounts(("altitude",), fields[9:10]).get("altitude")
    said.satellites = in_view(fields[10])
    said.attributes |= amounts(COUNTS, fields[11:STATUS])
    if len(fields) > STATUS:
        read_status(fields[STATUS], said)
        tail = list(fields[STATIONS:])
        at = stations(tail, said)
        access_points(tail[at:], said)
    return said


COUNTS = ("signal_percent", "battery_percent", "steps", "turnovers")


def read_status(text: str, said: Report) -> None:
    """Alarms of the status, 4 or 8 digits in hex; the status itself is kept as well."""
    if HEX.fullmatch(text) is None:
        return
    word = int(text, 16)
    said.attributes["status"] = text.upper()
    if word & MOVING:
        said.attributes["moving"] = True
    said.alarms = ()
    if word:
        for bit, name in ALARM_BITS.items():
            if word >> bit & 1:
                said.alarm(name)


def stations(tail: Sequence[str], said: Report) -> int:
    """Count, timing advance, MCC, MNC, then LAC, cell, strength each, decimal or hex. Returns
    where they end; on what is no number they end early.
    """
    if len(tail) < 4 or not tail[0].isdecimal():
        return 0
    count = min(int(tail[0]), ENTRIES_MOST)
    try:
        mcc, mnc = code(tail[2]), code(tail[3])
    except ValueError:
        return 0
    cells: list[dict[str, Any]] = []
    at = 4
    for _ in range(count):
        try:
            lac, cid, level = (code(text) for text in tail[at : at + 3])
        except ValueError:
            break
        entry = station(mcc, mnc, lac, cid, level)
        if mcc > MCC_MOST:  # FFFF: the network was not told
            del entry["mcc"], entry["mnc"]
        cells.append(entry)
        at += 3
    if cells:
        said.attributes["cells"] = cells
    return at


def code(text: str) -> int:
    """A number, decimal or, where it cannot be, hex. ValueError for what is neither."""
    return int(text) if text.isdecimal() else int(text, 16)


def access_points(tail: Sequence[str], said: Report) -> None:
    """Access points, wherever they begin, and the accuracy behind them."""
    text = ",".join(tail)
    found = [
        {"mac": entry[1].lower(), "rssi_dbm": int(entry[2])}
        for entry in ACCESS_POINT.finditer(text)
    ]
    if found:
        said.attributes["wifi"] = found[:ENTRIES_MOST]
    last = tail[-1] if tail else ""
    if "." in last:
        said.attributes["accuracy_m"] = number(last)
