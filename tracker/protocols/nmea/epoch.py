"""From sentences to positions: those of one moment become one position.

An RMC has date, speed and course; the GGA of the same moment has altitude, satellites and HDOP.
Which comes first is up to the device, and whether there are both, so it is learned:

- Until a pair was seen, each sentence is a position of its own at once.
- With GGA first, a GGA waits for its RMC. If the next GGA comes instead, it is a position.
- With RMC first, an RMC waits for its GGA. If the next RMC comes instead, it is a position, and
  the RMCs after it do not wait.

So a position waits only while the rest of its own burst is under way.
"""

from __future__ import annotations

from collections.abc import Iterator

from tracker.protocols.textfields import DAY_S, Report, nearest, time_of_day

# A sentence without a date takes that of the last RMC if they are so close in time of day.
SAME_DATE_S = 600.0

RMC_FIRST, GGA_FIRST = "RMC", "GGA"


class Epoch:
    """What is known of the moment that the sentences are about."""

    __slots__ = ("_first", "_gga", "_motion", "_rmc_clock", "_rmc_time", "_waiting")

    def __init__(self) -> None:
        self._first = ""  # which sentence comes first, as far as it is known
        self._waiting: tuple[str, Report] | None = None  # time of day and report
        self._gga: tuple[str, Report] | None = None  # the last one, which was a position already
        self._rmc_clock = ""
        self._rmc_time: float | None = None
        self._motion: tuple[float | None, float | None] | None = None  # of a VTG

    def rmc(self, clock: str, said: Report) -> Iterator[Report]:
        """The positions that an RMC completes."""
        held, self._waiting = self._waiting, None
        if self._first == RMC_FIRST and held is not None:
            yield held[1]
            self._first, held = "", None
        if held is None and self._gga is not None and self._gga[0] == clock:
            held, self._first = self._gga, GGA_FIRST
        elif held is not None and held[0] != clock:
            yield held[1]
            held = None
        self._gga = None
        self._rmc_clock, self._rmc_time = clock, said.time
        if held is not None:
            complete(said, held[1])
        elif self._first == RMC_FIRST:
            self._waiting = (clock, said)
            return
        yield said

    def gga(self, clock: str, said: Report, now: float) -> Iterator[Report]:
        """The positions that a GGA completes."""
        held, self._waiting = self._waiting, None
        if self._first == RMC_FIRST and held is not None:
            if held[0] == clock:
                complete(held[1], said)
                yield held[1]
                return
            yield held[1]
            held = None
        if clock and clock == self._rmc_clock:
            self._first = RMC_FIRST  # from the next moment on they are one
            said.lat = said.lon = None
            yield said
            return
        if held is not None:
            yield held[1]
        self.date(clock, said, now)
        if self._first == GGA_FIRST:
            self._waiting = (clock, said)
            return
        self._gga = (clock, said)
        yield said

    def other(self, clock: str, said: Report, now: float) -> Iterator[Report]:
        """A position that only counts where there are neither RMC nor GGA."""
        if not self._rmc_clock and self._gga is None and not self._first:
            self.date(clock, said, now)
            yield said

    def motion(self, speed_kmh: float | None, course_deg: float | None) -> None:
        """Speed and course of a VTG, for positions that have none of their own."""
        self._motion = (speed_kmh, course_deg)

    def date(self, clock: str, said: Report, now: float) -> None:
        """Give a report of a time of day its date, and its motion if that came on its own."""
        if clock:
            time = nearest(clock, now)
            if self._rmc_time is not None:
                dated = nearest(clock, self._rmc_time)
                time = dated if abs(dated - self._rmc_time) <= SAME_DATE_S else time
            said.time = time
        if self._motion is not None and said.speed_kmh is None:
            said.speed_kmh, said.course_deg = self._motion


def complete(position: Report, more: Report) -> None:
    """Add what a GGA knows to the position of its RMC."""
    position.altitude_m, position.satellites = more.altitude_m, more.satellites
    position.attributes = {**more.attributes, **position.attributes}


def same_clock(text: str) -> str:
    """A time of day in one spelling: 101112, 101112.00 and 101112.000 are the same."""
    hour, minute, second, fraction = time_of_day(text)
    return f"{hour:02d}{minute:02d}{second:02d}.{round(fraction * 1000):03d}"


__all__ = ["DAY_S", "Epoch", "same_clock"]
