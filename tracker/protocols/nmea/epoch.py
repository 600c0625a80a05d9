"""From sentences to positions: the RMC and the GGA of one moment become one position.

An RMC has date, speed and course; the GGA of the same moment has altitude, satellites and HDOP.
Which comes first is up to the device, and whether there are both, so it is learned: as long as no
pair was seen, each sentence is a position at once. From then on the first of a pair waits for the
second; when another moment begins instead, it goes out alone and nothing waits until the next
pair. So a position waits only while the rest of its own burst is under way.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from tracker.protocols.reports import Report
from tracker.protocols.textfields import CLOCKS_KEPT, nearest, time_of_day

# A sentence without a date takes that of the last RMC if they are so close in time of day.
SAME_DATE_S = 600.0


class Part(NamedTuple):
    """A sentence with a position: RMC or GGA, its time of day, what it says."""

    kind: str
    clock: str
    said: Report


class Epoch:
    """What is known of the moment that the sentences are about."""

    __slots__ = ("_first", "_last", "_motion", "_rmc_time", "_waiting")

    def __init__(self) -> None:
        self._first = ""  # the kind that begins a pair, as far as it is known
        self._waiting: Part | None = None
        self._last: Part | None = None
        self._rmc_time: float | None = None
        self._motion: tuple[float | None, float | None] = (None, None)  # of a VTG

    def add(self, part: Part) -> list[Report]:
        """The positions that are complete with this sentence. One of a pair that is out already
        comes without coordinates: what is left of it is what it says beside them.
        """
        if part.kind == "RMC":
            self._rmc_time = part.said.time
        done: list[Report] = []
        waiting, self._waiting = self._waiting, None
        last, self._last = self._last, part
        if waiting is not None:
            if pairs(waiting, part):
                return [joined(waiting, part)]
            done.append(waiting.said)
            self._first = ""
        elif last is not None and pairs(last, part):
            self._first = last.kind
            whole = joined(last, part)
            if part.kind == "GGA":
                whole.lat = whole.lon = None
            return [whole]
        if part.kind == self._first:
            self._waiting = part
            return done
        return [*done, part.said]

    @property
    def empty(self) -> bool:
        """Whether neither RMC nor GGA has come yet."""
        return self._last is None

    def move(self, speed_kmh: float | None, course_deg: float | None) -> None:
        """Speed and course of a VTG, for positions that have none of their own."""
        self._motion = (speed_kmh, course_deg)

    def date(self, clock: str, said: Report, now: float) -> None:
        """Give a report of a time of day its date, and its motion where that came on its own."""
        if clock:
            near = now if self._rmc_time is None else self._rmc_time
            said.time = nearest(clock, near)
            if near != now and abs(said.time - near) > SAME_DATE_S:
                said.time = nearest(clock, now)
        if said.speed_kmh is None:
            said.speed_kmh, said.course_deg = self._motion


def pairs(one: Part, other: Part) -> bool:
    """Whether two sentences are about the same moment, and not of the same kind."""
    return bool(one.clock) and one.clock == other.clock and one.kind != other.kind


def joined(one: Part, other: Part) -> Report:
    """The position of an RMC with what its GGA knows."""
    rmc, gga = (one.said, other.said) if one.kind == "RMC" else (other.said, one.said)
    rmc.altitude_m, rmc.satellites = gga.altitude_m, gga.satellites
    rmc.attributes = {**gga.attributes, **rmc.attributes}
    return rmc


@lru_cache(maxsize=CLOCKS_KEPT)
def same_clock(text: str) -> str:
    """A time of day in one spelling: 101112, 101112.0 and 101112.000 are the same."""
    if not text:
        return ""
    hour, minute, second, fraction = time_of_day(text)
    return f"{hour:02d}{minute:02d}{second:02d}.{round(fraction * 1000):03d}"
