"""Sentences that say where the device is, one function per kind.

    RMC  hhmmss.ss, A|V, ddmm.mmmm, N|S, dddmm.mmmm, E|W, knots, course, ddmmyy, ...
    GGA  hhmmss.ss, ddmm.mmmm, N|S, dddmm.mmmm, E|W, quality, satellites, HDOP, altitude m, M, ...
    GLL  ddmm.mmmm, N|S, dddmm.mmmm, E|W, hhmmss.ss, A|V
    PUBX 00, hhmmss.ss, ddmm.mmmm, N|S, dddmm.mmmm, E|W, altitude m, status, h and v accuracy m,
         km/h, course, ..., HDOP (14), VDOP, TDOP, satellites (17)
    RMA  A|V, ddmm.mmmm, N|S, dddmm.mmmm, E|W, two time differences, knots, course, ...
    TRCCR yyyymmddhhmmss.sss, A|V, latitude, longitude, knots, course, altitude m, battery V

Each returns a report, whose time is None where the sentence has no date; see epoch.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tracker.protocols.fields import CENTURY, unix_time
from tracker.protocols.reports import Report
from tracker.protocols.stream import handles
from tracker.protocols.textfields import (
    bad,
    course,
    degrees,
    knots,
    number,
    signed,
    time_of_day,
    whole,
)

Reader = Callable[[Sequence[str]], Report]
READERS: dict[str, Reader] = {}

GPS_YEAR = 1980  # satellite time begins
# Two-digit years from here on are of the last century: receivers whose week counter has rolled
# over say so, and the time is mended later by whole rollovers.
OLD_YEARS = 80


def rmc(fields: Sequence[str]) -> Report:
    """RMC, its name in `fields[0]`. Fields behind the date may be missing."""
    said = Report(valid=fields[2] == "A")
    locate(said, fields[3:7])
    said.speed_kmh, said.course_deg = knots(fields[7]), course(fields[8])
    date = fields[9]
    if fields[1] and date:
        said.time = date_time(date, fields[1])
    return said


handles(READERS, "RMC")(rmc)


@handles(READERS, "GGA")
def gga(fields: Sequence[str]) -> Report:
    """GGA: quality 0 is no fix, 6 dead reckoning."""
    quality = whole(fields[6])
    said = Report(valid=bool(quality))
    locate(said, fields[2:6])
    said.satellites, said.altitude_m = whole(fields[7]), number(fields[9])
    if quality:
        said.attributes["fix_quality"] = quality
    hdop = number(fields[8])
    if hdop is not None:
        said.attributes["hdop"] = hdop
    return said


@handles(READERS, "GLL")
def gll(fields: Sequence[str]) -> Report:
    """GLL."""
    said = Report(valid=len(fields) < 7 or fields[6] == "A")
    locate(said, fields[1:5])
    return said


def rma(fields: Sequence[str]) -> Report:
    """RMA, which has neither date nor time of day: it is as of its reception."""
    said = Report(valid=fields[1] == "A")
    locate(said, fields[2:6])
    said.speed_kmh, said.course_deg = knots(fields[8]), course(fields[9])
    return said


def pubx(fields: Sequence[str]) -> Report:
    """PUBX,00 of u-blox receivers; status NF is no fix."""
    said = Report(valid=fields[8] not in ("", "NF"))
    locate(said, fields[3:7])
    said.altitude_m = number(fields[7])
    said.speed_kmh, said.course_deg = number(fields[11]), course(fields[12])
    said.satellites = whole(fields[18])
    for name, text in (("accuracy_m", fields[9]), ("hdop", fields[15])):
        value = number(text)
        if value is not None:
            said.attributes[name] = value
    return said


def trccr(fields: Sequence[str]) -> Report:
    """TRCCR of Trackbox devices: degrees with a sign."""
    stamp = fields[1]
    if not (len(stamp) >= 14 and stamp[:14].isdecimal()):
        raise bad("a time", stamp)
    hour, minute, second, fraction = time_of_day(stamp[8:])
    date = int(stamp[:4]), int(stamp[4:6]), int(stamp[6:8])
    if date[0] < GPS_YEAR:
        raise bad("a year", stamp)
    said = Report(time=unix_time(*date, hour, minute, second) + fraction, valid=fields[2] == "A")
    lat, lon = number(fields[3]), number(fields[4])
    if lat is not None and lon is not None:
        said.lat, said.lon = signed(lat, ""), signed(lon, "")
    said.speed_kmh, said.course_deg = knots(fields[5]), course(fields[6])
    said.altitude_m = number(fields[7])
    battery = number(fields[8])
    if battery is not None:
        said.attributes["battery_v"] = battery
    return said


def locate(said: Report, fields: Sequence[str]) -> None:
    """Latitude, N or S, longitude, E or W; nothing where one is empty."""
    lat, north, lon, east = fields
    if lat and lon:
        said.lat, said.lon = degrees(lat, north), degrees(lon, east)


def date_time(date: str, clock: str) -> float:
    """Unix seconds of ddmmyy and hhmmss.ss."""
    if len(date) != 6 or not date.isdecimal():
        raise bad("a date", date)
    year = int(date[4:])
    full = year + (CENTURY - 100 if year >= OLD_YEARS else CENTURY)
    hour, minute, second, fraction = time_of_day(clock)
    return unix_time(full, int(date[2:4]), int(date[:2]), hour, minute, second) + fraction
