"""Tracks as files: a writer for each format, fed with parts of segments, giving bytes.

A writer holds at most `PIECE_POINTS` positions, however long the track is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from tracker.history.exports.csv import CsvWriter
from tracker.history.exports.geojson import GeoJsonLines, GeoJsonPoints
from tracker.history.exports.gpx import GpxWriter
from tracker.history.exports.kml import KmlWriter
from tracker.history.track import Part
from tracker.model import Vehicle


class Writer(Protocol):
    """Turns parts into the bytes of one file."""

    def begin(self) -> bytes:
        """What stands before the first position."""

    def add(self, part: Part) -> bytes:
        """The next positions; may hold some of them back."""

    def end(self) -> bytes:
        """What was held back, and what stands after the last position."""


@dataclass(frozen=True, slots=True)
class Format:
    """How a track leaves. `drawn`: as lines, so without positions that are no places."""

    suffix: str
    content_type: str
    drawn: bool
    writer: Callable[[Vehicle], Writer]


FORMATS = {
    "gpx": Format("gpx", "application/gpx+xml", True, GpxWriter),
    "csv": Format("csv", "text/csv; charset=utf-8; header=present", False, CsvWriter),
    "geojson": Format("geojson", "application/geo+json", True, GeoJsonLines),
    "geojson-points": Format("geojson", "application/geo+json", False, GeoJsonPoints),
    "kml": Format("kml", "application/vnd.google-earth.kml+xml", True, KmlWriter),
}
