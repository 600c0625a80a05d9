"""What the text protocols share on the device's side: angles, dates, and words between marks.

angle   degrees and minutes without a mark between them, DDmm.mmmmm, and a letter
knot    1.852 km/h
"""

from __future__ import annotations

import abc
from datetime import UTC, datetime
from typing import ClassVar

from simulator.model import Fix, Stated
from simulator.protocols.base import Answer, Memory
from simulator.protocols.terminal import PlainTerminal

KNOT_KMH = 1.852
SCALES = {4: 10_000, 5: 100_000}  # units of a minute, by its decimals
# Bytes of an answer that is not complete: what comes beyond is no answer of a text protocol.
ANSWER_MOST = 1024


def units(value: float, decimals: int) -> tuple[int, int]:
    """Whole degrees, and minutes in units of their last decimal, of an angle without its sign."""
    scale = SCALES[decimals]
    return divmod(round(abs(value) * 60 * scale), 60 * scale)


def angle(value: float, width: int, decimals: int) -> str:
    """DDmm.mmm… with `width` digits of degrees."""
    degrees, minutes = units(value, decimals)
    whole, part = divmod(minutes, SCALES[decimals])
    return f"{degrees:0{width}d}{whole:02d}.{part:0{decimals}d}"


def stated_angle(value: float, decimals: int) -> int:
    """What `angle` says, in 1e-6 degree."""
    degrees, minutes = units(value, decimals)
    e6 = round((degrees + minutes / SCALES[decimals] / 60) * 1e6)
    return -e6 if value < 0 else e6


def place(fix: Fix, decimals: int) -> str:
    """Latitude, N or S, longitude, E or W, with commas between them."""
    lat, lon = angle(fix.lat, 2, decimals), angle(fix.lon, 3, decimals)
    return f"{lat},{north(fix)},{lon},{east(fix)}"


def north(fix: Fix) -> str:
    """N or S."""
    return "S" if fix.lat < 0 else "N"


def east(fix: Fix) -> str:
    """E or W."""
    return "W" if fix.lon < 0 else "E"


def date(fix: Fix, layout: str) -> str:
    """The time of a fix in UTC, cut to whole seconds."""
    return datetime.fromtimestamp(int(fix.fix_time), UTC).strftime(layout)


def knots(fix: Fix) -> float:
    """Speed in knots with two decimals."""
    return round(fix.speed_kmh / KNOT_KMH, 2)


def stated_in_knots(fix: Fix, decimals: int, course_decimals: int) -> Stated:
    """Whole seconds, angles of so many decimals of a minute, 0.01 knot, and the course."""
    return Stated(
        int(fix.fix_time) * 1000,
        stated_angle(fix.lat, decimals),
        stated_angle(fix.lon, decimals),
        round(knots(fix) * KNOT_KMH * 10),
        round(round(fix.course_deg, course_decimals) % 360 * 10) % 3600,
    )


def pieces(buffer: str, start: str, end: str) -> tuple[list[str], str]:
    """What stands between marks, and the rest that is not complete."""
    found: list[str] = []
    while True:
        begin = buffer.find(start)
        if begin < 0:
            return found, ""
        stop = buffer.find(end, begin + len(start))
        if stop < 0:
            return found, buffer[begin:][-ANSWER_MOST:]
        found.append(buffer[begin + len(start) : stop])
        buffer = buffer[stop + len(end) :]


class TextTerminal(PlainTerminal):
    """A terminal whose server speaks between two marks."""

    marks: ClassVar[tuple[str, str]]

    def __init__(self, ident: str, memory: Memory) -> None:
        super().__init__(ident, memory)
        self._buffer = ""

    def receive(self, data: bytes) -> list[Answer]:
        """Texts between their marks, in any cut."""
        found, self._buffer = pieces(self._buffer + data.decode("ascii", "replace"), *self.marks)
        return [answer for text in found for answer in self._answer(text)]

    @abc.abstractmethod
    def _answer(self, text: str) -> list[Answer]:
        """What stands between two marks means."""
