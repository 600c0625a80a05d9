"""KML 2.2 with Google's extension: a gx:Track for each segment, so that every point has its time.

In a gx:Track all times come before all places, so a long segment is written as several tracks of
one gx:MultiTrack; `interpolate` joins them. Segments are placemarks of their own: nothing joins
those.
https://developers.google.com/kml/documentation/kmlreference#gxtrack
"""

from __future__ import annotations

from collections.abc import Sequence

from tracker.history.exports.text import decimal, known, utc, xml
from tracker.history.track import Part
from tracker.model import Position, Vehicle

PIECE_POINTS = 5_000  # of a track, in memory until its places are written

_HEAD = """<?xml version="1.0" encoding="UTF-8"?>
<kml xmlns="http://www.opengis.net/kml/2.2" xmlns:gx="http://www.google.com/kml/ext/2.2">
<Document><name>%s</name>
<Style id="track"><LineStyle><color>ff0080ff</color><width>4</width></LineStyle></Style>
<Schema id="position"><gx:SimpleArrayField name="speed_kmh" type="float">\
<displayName>Speed (km/h)</displayName></gx:SimpleArrayField></Schema>
"""
_PLACEMARK = """<Placemark><name>%s</name><styleUrl>#track</styleUrl><gx:MultiTrack>\
<altitudeMode>clampToGround</altitudeMode><gx:interpolate>1</gx:interpolate>
"""
_PLACEMARK_END = "</gx:MultiTrack></Placemark>\n"


class KmlWriter:
    """A document of one vehicle, a placemark for each segment."""

    def __init__(self, vehicle: Vehicle) -> None:
        self._vehicle = vehicle
        self._piece: list[Position] = []
        self._joint = False  # the piece begins with a position that was written already
        self._open = False

    def begin(self) -> bytes:
        """The head of the file."""
        return (_HEAD % xml(self._vehicle.name)).encode()

    def add(self, part: Part) -> bytes:
        """The tracks that this part completes."""
        written: list[str] = []
        if part.opens:
            written += (self._track(), self._border())
        if not self._open and part.positions:
            written.append(_PLACEMARK % utc(part.positions[0].fix.fix_time))
            self._open = True
        for position in part.positions:
            self._piece.append(position)
            if len(self._piece) >= PIECE_POINTS:
                written.append(self._track())
                self._piece, self._joint = [position], True
        return "".join(written).encode()

    def end(self) -> bytes:
        """The last track, and the foot of the file."""
        return (self._track() + self._border() + "</Document></kml>\n").encode()

    def _border(self) -> str:
        closing = _PLACEMARK_END if self._open else ""
        self._open = False
        return closing

    def _track(self) -> str:
        piece, joint = self._piece, self._joint
        self._piece, self._joint = [], False
        return _track(piece) if len(piece) > joint else ""


def _track(positions: Sequence[Position]) -> str:
    times = "".join(f"<when>{utc(position.fix.fix_time)}</when>\n" for position in positions)
    places = "".join(f"<gx:coord>{_place(position)}</gx:coord>\n" for position in positions)
    speeds = "".join(f"<gx:value>{_speed(position)}</gx:value>\n" for position in positions)
    return (
        f"<gx:Track>{times}{places}"
        '<ExtendedData><SchemaData schemaUrl="#position"><gx:SimpleArrayData name="speed_kmh">\n'
        f"{speeds}</gx:SimpleArrayData></SchemaData></ExtendedData></gx:Track>\n"
    )


def _place(position: Position) -> str:
    fix = position.fix
    altitude = fix.altitude_m if fix.altitude_m is not None and known(fix.altitude_m) else 0.0
    return f"{decimal(fix.lon)} {decimal(fix.lat)} {decimal(altitude)}"


def _speed(position: Position) -> str:
    return "" if position.fix.speed_kmh is None else decimal(position.fix.speed_kmh)
