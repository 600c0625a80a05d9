"""Reads GPX 1.0 and 1.1: one file is one vehicle, its tracks one after the other in time.

Speed, course and ignition are taken from GPX 1.0 elements or from extensions of any namespace that
end in these names; speeds in GPX are m/s.
"""

from __future__ import annotations

from pathlib import Path

import gpxpy
from gpxpy.gpx import GPXException, GPXTrackPoint

from simulator.errors import TripError
from simulator.model import Trip, TripPoint


def read_gpx(path: Path, *, assume_times: bool = False) -> Trip:
    """The trip in a GPX file. Raises TripError.

    With `assume_times` the points are taken in the order of the file and their times ignored:
    the caller gives them others.
    """
    try:
        with path.open(encoding="utf-8") as file:
            gpx = gpxpy.parse(file)
    except (GPXException, UnicodeDecodeError) as error:
        raise TripError(f"{path}: not GPX: {_first_line(error)}") from error
    segments = [segment.points for track in gpx.tracks for segment in track.segments]
    recorded = [point for points in segments for point in points]
    if not recorded:
        raise TripError(f"{path}: holds no track points (waypoints and routes are no trips)")
    timed = recorded if assume_times else [point for point in recorded if point.time is not None]
    if not timed:
        raise TripError(f"{path}: none of its points has a time; use --assume-speed KMH")
    points = [_point(point, keep_time=not assume_times) for point in timed]
    if not all(abs(point.lat) <= 90.0 and abs(point.lon) <= 180.0 for point in points):
        raise TripError(f"{path}: a point does not lie on Earth")
    remarks: list[str] = []
    if len(timed) < len(recorded):
        untimed = len(recorded) - len(timed)
        remarks.append(f"{untimed} of {len(recorded)} points without time left out")
    if not assume_times:
        points.sort(key=lambda point: point.time or 0.0)
    return Trip(gpx.name or path.stem, tuple(points), str(path), tuple(remarks))


def _point(point: GPXTrackPoint, *, keep_time: bool) -> TripPoint:
    said = _extensions(point)
    speed_ms = point.speed if point.speed is not None else _number(said.get("speed"))
    course: float | None = getattr(point, "course", None)  # GPX 1.0; gpxpy declares it as None
    if course is None:
        course = _number(said.get("course"))
    ignition = said.get("ignition")
    return TripPoint(
        point.time.timestamp() if keep_time and point.time is not None else None,
        float(point.latitude),
        float(point.longitude),
        None if speed_ms is None else speed_ms * 3.6,
        course,
        point.elevation,
        None if point.satellites is None else int(point.satellites),
        None if ignition is None else ignition.strip().lower() in {"1", "true", "on"},
    )


def _extensions(point: GPXTrackPoint) -> dict[str, str]:
    """The texts of all extension elements, by local name."""
    return {
        element.tag.rpartition("}")[2]: element.text or ""
        for extension in point.extensions
        for element in extension.iter()
    }


def _number(text: str | None) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        return None


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
