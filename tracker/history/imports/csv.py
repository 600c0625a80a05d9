"""CSV as it arrives: a header that names the columns, then one point a line.

The columns are those of the export; `time`, `lat` and `lon` must be there, in any order, and what
is not known is ignored. Quotes may hold line ends, so a record is complete when its quotes are.
"""

from __future__ import annotations

import codecs
import csv

from tracker.errors import RequestError
from tracker.history.exports.csv import ALARM_SEPARATOR, COLUMNS, unguarded
from tracker.history.imports.points import RawPoint

MAX_RECORD = 16_384  # characters of one record: attributes of 4 KiB with all quotes doubled
_NEEDED = ("time", "lat", "lon")
_OTHER_NAMES = {
    "timestamp": "time",
    "fix_time": "time",
    "latitude": "lat",
    "longitude": "lon",
    "lng": "lon",
    "speed": "speed_kmh",
    "course": "course_deg",
    "heading": "course_deg",
    "altitude": "altitude_m",
}


class CsvReader:
    """Bytes of one file in, points out."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8-sig")()
        self._rest = ""  # a line whose end has not arrived
        self._record = ""  # lines of a record whose quotes are open
        self._line = 0  # that was read last
        self._began = 1  # the line where the record that is being read began
        self._header: list[str] | None = None

    def feed(self, data: bytes) -> list[RawPoint]:
        """The points that these bytes complete. Raises RequestError."""
        return self._take(self._decode(data, last=False), last=False)

    def close(self) -> list[RawPoint]:
        """The last point. Raises RequestError where a record is cut off, or there is no header."""
        points = self._take(self._decode(b"", last=True), last=True)
        if self._record:
            raise RequestError(f"line {self._began}: a quote is not closed")
        if self._header is None:
            raise RequestError("line 1: a header is missing")
        return points

    def _decode(self, data: bytes, *, last: bool) -> str:
        try:
            return self._decoder.decode(data, last)
        except UnicodeDecodeError as exc:
            line = self._line + 1 + exc.object.count(b"\n", 0, exc.start)
            raise RequestError(f"line {line}: is not UTF-8") from None

    def _take(self, text: str, *, last: bool) -> list[RawPoint]:
        lines = (self._rest + text).split("\n")
        self._rest = "" if last else lines.pop()
        points: list[RawPoint] = []
        for line in lines:
            self._line += 1
            self._record += line + "\n"
            if len(self._record) > MAX_RECORD:
                break
            if self._record.count('"') % 2 == 0:
                record, self._record = self._record, ""
                points += self._point(record)
                self._began = self._line + 1
        if len(self._record) + len(self._rest) > MAX_RECORD:
            raise RequestError(f"line {self._began}: is longer than {MAX_RECORD} characters")
        return points

    def _point(self, record: str) -> list[RawPoint]:
        try:
            cells = next(csv.reader([record], strict=True), [])
        except csv.Error as exc:
            return [RawPoint(self._began, {}, error=f"is not CSV: {exc}")]
        if not any(cells):
            return []
        if self._header is None:
            self._header = self._columns(cells)
            return []
        if len(cells) != len(self._header):
            why = f"has {len(cells)} cells, the header {len(self._header)}"
            return [RawPoint(self._began, {}, error=why)]
        texts = {name: unguarded(cell) for name, cell in zip(self._header, cells, strict=True)}
        alarms = [name for name in texts.pop("alarms", "").split(ALARM_SEPARATOR) if name]
        return [RawPoint(self._began, texts, alarms)]

    def _columns(self, cells: list[str]) -> list[str]:
        names = [cell.strip().lower() for cell in cells]
        names = [_OTHER_NAMES.get(name, name) for name in names]
        missing = [name for name in _NEEDED if name not in names]
        if missing:
            raise RequestError(f"line {self._began}: the header has no {', '.join(missing)}")
        twice = [name for name in COLUMNS if names.count(name) > 1]
        if twice:
            raise RequestError(f"line {self._began}: the header has {twice[0]} twice")
        return names
