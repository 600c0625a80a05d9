"""Reads CSV of any layout: the columns are named by the caller; one file may hold many vehicles."""

from __future__ import annotations

import csv
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from simulator.errors import TripError, UsageError
from simulator.model import Trip, TripPoint

# What a column is called where the caller does not say; the first that is there is taken.
USUAL_NAMES: Mapping[str, tuple[str, ...]] = {
    "time": ("time", "timestamp", "fix_time", "datetime", "date"),
    "lat": ("lat", "latitude", "y"),
    "lon": ("lon", "lng", "long", "longitude", "x"),
    "vehicle": ("vehicle", "vehicle_id", "device", "id", "name"),
    "speed": ("speed", "speed_kmh", "velocity"),
    "course": ("course", "course_deg", "heading", "bearing"),
    "altitude": ("altitude", "altitude_m", "alt", "elevation"),
    "ignition": ("ignition", "acc"),
}
NEEDED = ("time", "lat", "lon")
SPEED_UNITS = {"kmh": 1.0, "ms": 3.6, "knots": 1.852, "mph": 1.609344}
MILLISECONDS_ABOVE = 1e11  # as seconds that would be the year 5138
TRUE_WORDS = frozenset({"1", "true", "on", "yes"})
FALSE_WORDS = frozenset({"0", "false", "off", "no"})


@dataclass(frozen=True, slots=True)
class Layout:
    """How to read a table: our name of a column -> its heading, and the unit of its speeds."""

    columns: Mapping[str, str] = field(default_factory=dict)
    speed_unit: str = "kmh"
    delimiter: str | None = None  # None: whichever of , ; and tab the heading line has most of
    time_format: str | None = None  # as strptime; None: ISO 8601 or Unix seconds or milliseconds


USUAL_LAYOUT = Layout()


def parse_layout(
    columns: str,
    speed_unit: str = "kmh",
    delimiter: str | None = None,
    time_format: str | None = None,
) -> Layout:
    """A layout from the command line: `time=ts,lat=y,lon=x,vehicle=car`. Raises UsageError."""
    named: dict[str, str] = {}
    for part in filter(None, columns.split(",")):
        ours, equals, heading = part.strip().partition("=")
        if ours not in USUAL_NAMES or not equals or not heading:
            raise UsageError(
                f"--columns: {part!r} is not NAME=HEADING with one of {', '.join(USUAL_NAMES)}"
            )
        named[ours] = heading
    if speed_unit not in SPEED_UNITS:
        raise UsageError(f"--speed-unit: {speed_unit!r} is none of {', '.join(SPEED_UNITS)}")
    return Layout(named, speed_unit, delimiter, time_format)


def read_table(path: Path, layout: Layout) -> list[Trip]:
    """The trips of a CSV file, one per vehicle, in order of first rows. Raises TripError."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise TripError(f"{path}: not UTF-8 text") from error
    heading, _, _ = text.partition("\n")
    delimiter = layout.delimiter or max(",;\t", key=heading.count)
    rows = csv.DictReader(text.splitlines(), delimiter=delimiter)
    columns = _columns(path, layout, rows.fieldnames or ())
    points: dict[str, list[TripPoint]] = {}
    bad: Counter[str] = Counter()
    for row in rows:
        try:
            point = _point(row, columns, layout)
        except (ValueError, TypeError):  # TypeError: a short row has None in its last columns
            bad[f"row {rows.line_num}"] += 1
            continue
        vehicle = row[columns["vehicle"]] if "vehicle" in columns else path.stem
        points.setdefault(vehicle, []).append(point)
    if not points:
        raise TripError(f"{path}: none of its rows can be understood")
    remarks = (f"{len(bad)} rows left out, the first is {next(iter(bad))}",) if bad else ()
    trips = [
        Trip(name, tuple(sorted(some, key=lambda point: point.time or 0.0)), str(path))
        for name, some in points.items()
    ]
    return [replace(trips[0], remarks=remarks), *trips[1:]]


def _columns(path: Path, layout: Layout, headings: Sequence[str]) -> dict[str, str]:
    """Our names -> headings of this file."""
    found: dict[str, str] = {}
    by_lower = {heading.strip().lower(): heading for heading in headings}
    for ours, usual in USUAL_NAMES.items():
        wanted = layout.columns.get(ours)
        if wanted is not None:
            if wanted.lower() not in by_lower:
                raise TripError(f"{path}: has no column {wanted!r}; it has {', '.join(headings)}")
            found[ours] = by_lower[wanted.lower()]
        else:
            heading = next((by_lower[name] for name in usual if name in by_lower), None)
            if heading is not None:
                found[ours] = heading
    missing = [name for name in NEEDED if name not in found]
    if missing:
        raise TripError(
            f"{path}: which column is {' and '.join(missing)}? name it with --columns; "
            f"it has {', '.join(headings)}"
        )
    return found


def _point(row: Mapping[str, str], columns: Mapping[str, str], layout: Layout) -> TripPoint:
    said = {ours: row[heading].strip() for ours, heading in columns.items()}
    speed, course, altitude = (said.get(name) for name in ("speed", "course", "altitude"))
    lat, lon = float(said["lat"]), float(said["lon"])
    if not (-90.0 <= lat <= 90.0 and -180.0 <= lon <= 180.0):
        raise ValueError("not on Earth")
    return TripPoint(
        _time(said["time"], layout.time_format),
        lat,
        lon,
        _finite(speed) * SPEED_UNITS[layout.speed_unit] if speed else None,
        _finite(course) if course else None,
        _finite(altitude) if altitude else None,
        ignition=_flag(said.get("ignition")),
    )


def _time(text: str, time_format: str | None) -> float:
    """Unix seconds; a time without a zone is UTC."""
    if time_format is not None:
        moment = datetime.strptime(text, time_format)  # noqa: DTZ007 -- the zone is added below
    else:
        try:
            number = _finite(text)
        except ValueError:
            moment = datetime.fromisoformat(text)
        else:
            return number / 1000.0 if number > MILLISECONDS_ABOVE else number
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _finite(text: str) -> float:
    """A number. Raises ValueError, also for nan and the infinities."""
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def _flag(text: str | None) -> bool | None:
    word = (text or "").lower()
    if word in TRUE_WORDS:
        return True
    return False if word in FALSE_WORDS else None
