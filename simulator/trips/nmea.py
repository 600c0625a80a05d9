"""Reads a log of NMEA 0183 sentences: one file is one vehicle.

RMC opens a point (time, place, speed, course); a GGA of the same second adds altitude and
satellites. Sentences of other kinds, without a fix or with a wrong checksum are left out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from simulator.errors import TripError
from simulator.model import Trip, TripPoint
from simulator.protocols.checks import xor8

KNOT_KMH = 1.852


def read_nmea(path: Path) -> Trip:
    """The trip in an NMEA log. Raises TripError."""
    points: dict[float, TripPoint] = {}
    left_out: Counter[str] = Counter()
    text = path.read_text(encoding="ascii", errors="replace")
    heights: dict[str, tuple[float | None, int | None]] = {}
    for fields in _sentences(text, left_out):
        kind = fields[0][2:]
        try:
            if kind == "RMC" and fields[2] == "A":
                point = _from_rmc(fields)
                height_m, satellites = heights.get(fields[1], (None, None))
                points[point.time or 0.0] = replace(
                    point, altitude_m=height_m, satellites=satellites
                )
            elif kind == "GGA" and fields[6] != "0":
                heights = {fields[1]: _height(fields)}
                _add_height(points, fields[1], heights[fields[1]])
        except (ValueError, IndexError):
            left_out["cannot be understood"] += 1
    if not points:
        raise TripError(f"{path}: holds no RMC sentence with a fix")
    remarks = tuple(f"{count} sentences left out: {why}" for why, count in left_out.items())
    return Trip(path.stem, tuple(points[time] for time in sorted(points)), str(path), remarks)


def _sentences(text: str, left_out: Counter[str]) -> Iterator[list[str]]:
    """The fields of each sentence whose checksum is right or missing."""
    for line in text.splitlines():
        _, dollar, sentence = line.partition("$")
        body, star, checksum = sentence.partition("*")
        if not dollar:
            continue
        if star and checksum.strip()[:2].upper() != f"{xor8(body.encode('ascii', 'replace')):02X}":
            left_out["wrong checksum"] += 1
            continue
        yield body.split(",")


def _from_rmc(fields: list[str]) -> TripPoint:
    """`hhmmss.ss,A,lat,N,lon,E,knots,course,ddmmyy`; an empty speed or course is unknown."""
    clock, date = fields[1], fields[9]
    moment = datetime.strptime(date + clock[:6], "%d%m%y%H%M%S").replace(tzinfo=UTC)
    return TripPoint(
        moment.timestamp() + float("0" + clock[6:]),
        _degrees(fields[3], fields[4], "S"),
        _degrees(fields[5], fields[6], "W"),
        float(fields[7]) * KNOT_KMH if fields[7] else None,
        float(fields[8]) if fields[8] else None,
    )


def _height(fields: list[str]) -> tuple[float | None, int | None]:
    """Altitude in metres and satellites of a GGA."""
    return (
        float(fields[9]) if fields[9] else None,
        int(fields[7]) if fields[7] else None,
    )


def _add_height(
    points: dict[float, TripPoint], clock: str, height: tuple[float | None, int | None]
) -> None:
    """To the last point, where it is of the same second of the day."""
    if not points:
        return
    last = next(reversed(points))
    seconds = int(clock[:2]) * 3600 + int(clock[2:4]) * 60 + float(clock[4:])
    if abs(last % 86400 - seconds) < 1e-3:
        points[last] = replace(points[last], altitude_m=height[0], satellites=height[1])


def _degrees(text: str, hemisphere: str, negative: str) -> float:
    """ddmm.mmmm or dddmm.mmmm, the minutes being the last two digits before the point."""
    whole, _, fraction = text.partition(".")
    degrees = float(whole[:-2] or 0) + float(f"{whole[-2:]}.{fraction or 0}") / 60.0
    return -degrees if hemisphere == negative else degrees
