"""GeoJSON by RFC 7946: a line for each segment, or a point for each position.

Lines have the time of each of their points in `coordinateProperties.times`. A line longer than
`PIECE_POINTS` goes on in the next feature, from the point where it was cut; `segment` numbers those
that belong together. Lines are cut where they cross the antimeridian, as section 3.1.9 asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import orjson

from tracker.history.exports.text import known, utc
from tracker.history.track import Part
from tracker.model import Fix, Position, Vehicle

PIECE_POINTS = 5_000  # of a line, in memory until its times are written


def _head(vehicle: Vehicle) -> bytes:
    head = {"type": "FeatureCollection", "vehicle": {"id": vehicle.id, "name": vehicle.name}}
    return orjson.dumps(head)[:-1] + b',"features":['


class _Features:
    """Features with what stands between them."""

    def __init__(self, vehicle: Vehicle) -> None:
        self._vehicle = vehicle
        self._first = True

    def begin(self) -> bytes:
        """The head of the file."""
        return _head(self._vehicle)

    def end(self) -> bytes:
        """The foot of the file."""
        return b"\n]}\n"

    def _joined(self, features: Iterable[dict[str, Any]]) -> bytes:
        pieces: list[bytes] = []
        for feature in features:
            pieces += (b"\n" if self._first else b",\n", orjson.dumps(feature))
            self._first = False
        return b"".join(pieces)


class GeoJsonPoints(_Features):
    """A feature for each position, with everything that is stored of it."""

    def add(self, part: Part) -> bytes:
        """A feature for each."""
        return self._joined(_point_feature(position) for position in part.positions)


def _point_feature(position: Position) -> dict[str, Any]:
    fix = position.fix
    return {
        "type": "Feature",
        "geometry": {"type": "Point", "coordinates": _coordinates(fix)},
        "properties": {
            "time": utc(fix.fix_time),
            "speed_kmh": fix.speed_kmh,
            "course_deg": fix.course_deg,
            "altitude_m": fix.altitude_m,
            "valid": fix.valid,
            "satellites": fix.satellites,
            "ignition": fix.ignition,
            "stored": fix.stored,
            "received_time": utc(position.received_time),
            "alarms": list(fix.alarms),
            "attributes": dict(fix.attributes),
        },
    }


class GeoJsonLines(_Features):
    """A feature for each segment, or for as much of it as fits."""

    def __init__(self, vehicle: Vehicle) -> None:
        super().__init__(vehicle)
        self._line: list[tuple[list[float], str]] = []
        self._joint = False  # the line begins with a point that was written already
        self._last: Fix | None = None
        self._segment = 0

    def add(self, part: Part) -> bytes:
        """The features that this part completes."""
        return self._joined(self._add(part))

    def end(self) -> bytes:
        """The last line, and the foot of the file."""
        return self._joined(self._finished()) + super().end()

    def _add(self, part: Part) -> Iterator[dict[str, Any]]:
        if part.opens:
            yield from self._finished()
            self._last = None
            self._segment += 1
        for position in part.positions:
            fix, last = position.fix, self._last
            if last is not None and abs(fix.lon - last.lon) > 180.0:
                yield from self._around(last, fix)
            self._line.append((_coordinates(fix), utc(fix.fix_time)))
            self._last = fix
            if len(self._line) >= PIECE_POINTS:
                joint = self._line[-1]
                yield from self._finished()
                self._line, self._joint = [joint], True

    def _around(self, last: Fix, fix: Fix) -> Iterator[dict[str, Any]]:
        """End the line on one side of the antimeridian, and begin it on the other."""
        edge = 180.0 if last.lon > 0.0 else -180.0
        width = (fix.lon + 2.0 * edge) - last.lon
        share = (edge - last.lon) / width if width else 0.0
        lat = last.lat + share * (fix.lat - last.lat)
        time = utc(last.fix_time + share * (fix.fix_time - last.fix_time))
        self._line.append(([edge, lat], time))
        yield from self._finished()
        self._line = [([-edge, lat], time)]

    def _finished(self) -> Iterator[dict[str, Any]]:
        line, joint = self._line, self._joint
        self._line, self._joint = [], False
        if len(line) <= joint:
            return
        coordinates, times = [point for point, _ in line], [time for _, time in line]
        geometry: dict[str, Any] = {"type": "LineString", "coordinates": coordinates}
        if len(line) == 1:  # a line has two points or more
            geometry = {"type": "Point", "coordinates": coordinates[0]}
        yield {
            "type": "Feature",
            "geometry": geometry,
            "properties": {
                "segment": self._segment,
                "start_time": times[0],
                "end_time": times[-1],
                "coordinateProperties": {"times": times},
            },
        }


def _coordinates(fix: Fix) -> list[float]:
    if fix.altitude_m is None or not known(fix.altitude_m):
        return [fix.lon, fix.lat]
    return [fix.lon, fix.lat, fix.altitude_m]
