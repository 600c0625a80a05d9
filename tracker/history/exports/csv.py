"""CSV by RFC 4180: a header, one position a line, UTC, decimal points, in UTF-8.

No text can become a formula in a spreadsheet: one that begins with a character that could start one
gets an apostrophe before it (`guarded`), which the import takes away again (`unguarded`).
"""

from __future__ import annotations

import csv
import io
import re

import orjson

from tracker.history.exports.text import decimal, known, utc
from tracker.history.track import Part
from tracker.model import Position, Vehicle

COLUMNS = (
    "time",
    "lat",
    "lon",
    "speed_kmh",
    "course_deg",
    "altitude_m",
    "valid",
    "satellites",
    "ignition",
    "stored",
    "received_time",
    "alarms",
    "attributes",
)
ALARM_SEPARATOR = ";"
_RISKY = re.compile(r"'*[=+\-@\t\r\n]")


def guarded(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if _RISKY.match(text) else text


def unguarded(text: str) -> str:
    """The text that was guarded."""
    return text[1:] if text.startswith("'") and _RISKY.match(text) else text


class CsvWriter:
    """All positions of one vehicle, those without a valid place included."""

    def __init__(self, vehicle: Vehicle) -> None:
        del vehicle  # a table of one vehicle does not repeat its name in every line

    def begin(self) -> bytes:
        """The header."""
        return ",".join(COLUMNS).encode() + b"\r\n"

    def add(self, part: Part) -> bytes:
        """A line for each position."""
        text = io.StringIO(newline="")
        csv.writer(text).writerows(_line(position) for position in part.positions)
        return text.getvalue().encode()

    def end(self) -> bytes:
        """Nothing."""
        return b""


def _line(position: Position) -> tuple[str, ...]:
    fix = position.fix
    return (
        utc(fix.fix_time),
        decimal(fix.lat),
        decimal(fix.lon),
        _number(fix.speed_kmh),
        _number(fix.course_deg),
        _number(fix.altitude_m),
        _yes_no(fix.valid),
        "" if fix.satellites is None else str(fix.satellites),
        _yes_no(fix.ignition),
        _yes_no(fix.stored),
        utc(position.received_time),
        guarded(ALARM_SEPARATOR.join(fix.alarms)),
        guarded(orjson.dumps(dict(fix.attributes)).decode()) if fix.attributes else "",
    )


def _number(value: float | None) -> str:
    return decimal(value) if value is not None and known(value) else ""


def _yes_no(value: bool | None) -> str:
    return "" if value is None else "true" if value else "false"
