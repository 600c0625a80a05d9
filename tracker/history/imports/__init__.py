"""Tracks out of files: readers that take bytes as they arrive and give points, line by line.

A reader never holds more than one point. What is wrong with one point is said of its line, and the
points around it are taken all the same; what is wrong with the file ends the reading.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from tracker.history.imports.csv import CsvReader
from tracker.history.imports.gpx import GpxReader
from tracker.history.imports.points import RawPoint


class Reader(Protocol):
    """Bytes in, points out. Raises RequestError for what is not a file of its format."""

    def feed(self, data: bytes) -> list[RawPoint]:
        """The points that these bytes complete."""

    def close(self) -> list[RawPoint]:
        """The points that were left at the end of the file."""


READERS: dict[str, Callable[[], Reader]] = {"gpx": GpxReader, "csv": CsvReader}

# What clients and systems call these files.
CONTENT_TYPES = {
    "application/gpx+xml": "gpx",
    "application/gpx": "gpx",
    "application/xml": "gpx",
    "text/xml": "gpx",
    "text/csv": "csv",
    "application/csv": "csv",
}
