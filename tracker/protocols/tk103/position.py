"""Positions of TK103, in both forms, and what stands behind them.

Without commas, widths fixed but for a character now and then:

    YYMMDD | A or V | DDmm.mmmm | N or S | DDDmm.mmmm | E or W | speed km/h, 000.0 | hhmmss |
    course, 000.00 | status, 8 characters | L | mileage in m, 8 hex | perhaps temperature, +017.7

With commas:

    ddmmyy,A,DDmm.mmmmN,DDDmm.mmmmE,speed km/h,hhmmss,course

perhaps followed by ,status,Lmileage or by ,altitude,satellites.

Status: 1 main power (0 there) | 2 ignition | 3 hex: bit 0 input, 1 panic, 2 output, 3 engine cut |
4 hex: bit 3 door, 0-2 sensors | 5 hex: sensors | 6-8 fuel in hex. Source: docs/protocols/tk103.md.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from tracker.protocols.reports import Report
from tracker.protocols.textfields import (
    amounts,
    course,
    dated,
    degrees,
    in_view,
    number,
    station,
    ymd,
)
from tracker.protocols.tk103.wire import Link

_PLACE = (
    r"(?P<date>\d{6})(?P<valid>[AV])\s*(?P<lat>\d+\.\d+)(?P<north>[NS])"
    r"\s*(?P<lon>\d+\.\d+)(?P<east>[EW])\s*(?P<speed>\d{0,4}\.\d|\d{5})(?P<clock>\d{6})"
)
WITH_STATUS = re.compile(
    _PLACE + r"\s*(?P<course>\d*\.?\d*?),?(?P<status>[0-9A-Fa-f]{8})"
    r"L(?P<mileage>[0-9A-Fa-f]{1,8})(?P<rest>.*)",
    re.ASCII,
)
WITHOUT_STATUS = re.compile(_PLACE + r"\s*(?P<course>\d*\.?\d*)(?P<rest>.*)", re.ASCII)
TEMPERATURE = re.compile(r"([+-]\d{1,3}\.\d)")
STATUS = re.compile(r"[0-9A-Fa-f]{8}")
MILEAGE = re.compile(r"L([0-9A-Fa-f]{1,8})")
ANGLE = re.compile(r"([\d.]+)([NSEW])", re.ASCII)
CELL = re.compile(r"\{(\d{1,3}),(\d{1,3}),(\d+),(\d+)\}", re.ASCII)
PLACED = 7  # fields of a position with commas


def read_classic(link: Link, data: str) -> Report | None:
    """The position somewhere in the data of a frame without commas; None if there is none."""
    found = WITH_STATUS.search(data) or WITHOUT_STATUS.search(data)
    if found is None:
        return None
    said = Report(valid=found["valid"] == "A")
    said.lat = degrees(found["lat"], found["north"])
    said.lon = degrees(found["lon"], found["east"])
    said.time = link.session.utc(dated(found["date"], found["clock"], ymd))
    said.speed_kmh, said.course_deg = number(found["speed"]), course(found["course"])
    parts = found.groupdict()
    if parts.get("status"):
        read_status(parts["status"], said)
        said.attributes["odometer_m"] = int(parts["mileage"], 16)
    temperature = TEMPERATURE.match(found["rest"])
    if temperature is not None:
        said.attributes["temperature_c"] = float(temperature[1])
    return said


def read_fields(link: Link, fields: Sequence[str]) -> Report | None:
    """The position that the fields of a frame with commas begin with; None if they do not."""
    if len(fields) < PLACED or fields[1] not in ("A", "V"):
        return None
    lat, lon = ANGLE.fullmatch(fields[2].strip()), ANGLE.fullmatch(fields[3].strip())
    if lat is None or lon is None:
        return None
    said = Report(valid=fields[1] == "A")
    said.lat, said.lon = degrees(lat[1], lat[2]), degrees(lon[1], lon[2])
    said.time = link.session.utc(dated(fields[0], fields[5]))
    said.speed_kmh, said.course_deg = number(fields[4]), course(fields[6])
    rest = fields[PLACED:]
    mileage = MILEAGE.fullmatch(rest[1]) if len(rest) > 1 else None
    if mileage is not None and STATUS.fullmatch(rest[0]):
        read_status(rest[0], said)
        said.attributes["odometer_m"] = int(mileage[1], 16)
    elif rest:
        said.altitude_m = amounts(("altitude",), rest).get("altitude")
        said.satellites = in_view(rest[1]) if len(rest) > 1 else None
    return said


def read_status(text: str, said: Report) -> None:
    """The eight characters of a status; they are kept as well."""
    said.attributes["status"] = text.upper()
    switches, doors = int(text[2], 16), int(text[3], 16)
    said.ignition = text[1] == "1"
    said.alarms = ()
    if text[0] != "0":
        said.alarm("power_cut")
    if switches & 2:
        said.alarm("sos")
    said.attributes |= {
        "charging": text[0] == "0",
        "inputs": switches & 1 | (doors & 7) << 1 | int(text[4], 16) << 4,
        "outputs": switches >> 2 & 1,
        "engine_cut": bool(switches & 8),
        "door_open": bool(doors & 8),
        "fuel_level": int(text[5:8], 16),
    }


def read_cells(data: str, said: Report) -> bool:
    """Stations in braces, and the status behind them; False if there is none."""
    cells = [station(*map(int, entry.groups())) for entry in CELL.finditer(data)]
    if not cells:
        return False
    said.attributes["cells"] = cells
    last = data.rpartition(",")[2].strip()
    if STATUS.fullmatch(last):
        read_status(last, said)
    return True
