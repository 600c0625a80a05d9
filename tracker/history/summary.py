"""A vehicle's days in the time zone of who looks: distance, driving, idle, standing, silence.

A day is from midnight to midnight by the clock of its zone, so it has 23 or 25 hours where clocks
change. What crosses midnight is shared between both days by time; the parts of a day's time make
the whole day, and the days' distances make the whole distance.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from tracker.history.pieces import Count, Kind, Piece, Rules
from tracker.history.timeline import Timeline
from tracker.model import Fix, Position

MAX_DAYS = 92  # a quarter of a year: 8 million positions at 1 Hz, a minute of reading


@dataclass(slots=True)
class Day:
    """One day, as far as it is over. Every time in it is in exactly one of the four."""

    date: dt.date
    start_time: float
    end_time: float  # its end, or now
    driving_s: float = 0.0
    idle_s: float = 0.0
    stopped_s: float = 0.0
    gap_s: float = 0.0
    distance_m: float = 0.0
    odometer_m: float | None = None
    max_speed_kmh: float | None = None
    trips: int = 0  # that began on this day
    stops: int = 0  # likewise
    positions: int = 0
    first: Fix | None = None
    last: Fix | None = None


def midnight(date: dt.date, zone: ZoneInfo) -> float:
    """When a day begins. Where its first hour does not exist, it begins with the next."""
    return dt.datetime(date.year, date.month, date.day, tzinfo=zone).timestamp()


class Summary:
    """Days from one date to another, both included. `now` ends what is not over.

    `last` before `first` makes no days.
    """

    def __init__(
        self, rules: Rules, first: dt.date, last: dt.date, zone: ZoneInfo, now: float
    ) -> None:
        dates = [first + dt.timedelta(n) for n in range((last - first).days + 1)]
        edges = [midnight(date, zone) for date in (*dates, first + dt.timedelta(len(dates)))]
        edges = [min(edge, now) for edge in edges]
        self.days = [Day(date, edges[index], edges[index + 1]) for index, date in enumerate(dates)]
        self.timeline = Timeline(rules, edges[0], edges[-1], edges[1:-1])
        self._cuts = self.timeline.cuts
        self._odometers: dict[int, Count] = {}

    def add(self, positions: Iterable[Position]) -> None:
        """Take a page, in the order of the store, from a little before to a little after."""
        page = list(positions)
        for position in page:
            self._see(position.fix)
        self._share(self.timeline.add(page))

    def end(self) -> list[Day]:
        """The days."""
        self._share(self.timeline.end())
        for span, count in self._odometers.items():
            self.days[span - 1].odometer_m = count.odometer_m
        return self.days

    def _see(self, fix: Fix) -> None:
        span = self._cuts.span(fix.fix_time)
        if not 1 <= span <= len(self.days) or not fix.valid:
            return
        day = self.days[span - 1]
        day.positions += 1
        day.first = day.first or fix
        day.last = fix
        odometer = fix.attributes.get("odometer_m") if fix.attributes else None
        if isinstance(odometer, int | float):
            count = self._odometers.setdefault(span, Count(first_odometer_m=float(odometer)))
            count.last_odometer_m = float(odometer)

    def _share(self, pieces: Iterable[Piece]) -> None:
        """Give each day its part of the pieces."""
        for piece in pieces:
            began = self._cuts.span(piece.start_time) - 1
            if piece.kind is not Kind.GAP and 0 <= began < len(self.days) and not piece.cut[0]:
                self.days[began].trips += piece.kind is Kind.TRIP
                self.days[began].stops += piece.kind is Kind.STOP
            for span, share in self._cuts.split(piece.start_time, piece.end_time):
                if 1 <= span <= len(self.days):
                    count = piece.tally.counts.get(span, Count())
                    self._give(self.days[span - 1], piece, piece.duration_s * share, count)

    def _give(self, day: Day, piece: Piece, seconds: float, count: Count) -> None:
        if piece.kind is Kind.GAP:
            day.gap_s += seconds
            return
        idle_s = min(count.idle_s, seconds)
        day.idle_s += idle_s
        if piece.kind is Kind.STOP:
            day.stopped_s += seconds - idle_s
            return
        day.driving_s += seconds - idle_s
        day.distance_m += count.distance_m
        if count.max_speed_kmh is not None:
            day.max_speed_kmh = max(day.max_speed_kmh or 0.0, count.max_speed_kmh)
