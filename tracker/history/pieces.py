"""The words of a timeline: the rules by which it is cut, its pieces, and what is counted in them.

A timeline is trips, stops and gaps without a hole and without an overlap. What happens in a piece
is counted by the spans between given times (`Cuts`: a window's ends, midnights), so that a piece
can be cut there afterwards and every metre falls to exactly one day.
"""

from __future__ import annotations

import enum
import math
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from tracker.history.track import GAP_S

Place = tuple[float, float]  # (lat, lon)


@dataclass(frozen=True, slots=True)
class Rules:
    """When a vehicle stands, and what counts as a trip (docs/history.md gives the reasons)."""

    stop_speed_kmh: float = 5.0
    stop_radius_m: float = 50.0
    stop_s: float = 180.0
    min_trip_m: float = 300.0
    min_trip_s: float = 60.0
    gap_s: float = GAP_S
    use_ignition: bool = True

    @property
    def lead_s(self) -> float:
        """How far before and after a window one has to look to know what happens at its ends."""
        return self.gap_s + self.stop_s


class Kind(enum.StrEnum):
    """What a piece of a timeline is."""

    TRIP = "trip"
    STOP = "stop"
    GAP = "gap"


@dataclass(slots=True)
class Count:
    """What is counted in one span."""

    distance_m: float = 0.0
    idle_s: float = 0.0  # stands with the ignition on
    silent_s: float = 0.0  # of a stop: stretches longer than a gap without a word
    max_speed_kmh: float | None = None
    first_odometer_m: float | None = None
    last_odometer_m: float | None = None

    def merge(self, other: Count) -> None:
        """Add what was counted later in the same span."""
        self.distance_m += other.distance_m
        self.idle_s += other.idle_s
        self.silent_s += other.silent_s
        if other.max_speed_kmh is not None:
            self.max_speed_kmh = max(self.max_speed_kmh or 0.0, other.max_speed_kmh)
        if self.first_odometer_m is None:
            self.first_odometer_m = other.first_odometer_m
        if other.last_odometer_m is not None:
            self.last_odometer_m = other.last_odometer_m

    @property
    def odometer_m(self) -> float | None:
        """What the vehicle's own odometer counted, None where it did not say or was set back."""
        if self.first_odometer_m is None or self.last_odometer_m is None:
            return None
        driven = self.last_odometer_m - self.first_odometer_m
        return driven if driven >= 0.0 else None


class Cuts:
    """Times, ascending, at which counting begins anew. Span 0 lies before the first of them."""

    __slots__ = ("times",)

    def __init__(self, times: Sequence[float] = ()) -> None:
        self.times = list(times)

    def span(self, time: float) -> int:
        """The span in which a time lies."""
        return bisect_right(self.times, time)

    def split(self, start: float, end: float) -> Iterator[tuple[int, float]]:
        """The spans of a stretch of time, each with its share of it; the shares make 1."""
        first = bisect_right(self.times, start)
        last = max(bisect_left(self.times, end), first)
        if first == last:
            yield first, 1.0
            return
        edges = [start, *self.times[first:last], end]
        for offset in range(last - first + 1):
            yield first + offset, (edges[offset + 1] - edges[offset]) / (end - start)


class Tally:
    """Counts by span."""

    __slots__ = ("counts", "cuts")

    def __init__(self, cuts: Cuts) -> None:
        self.cuts = cuts
        self.counts: dict[int, Count] = {}

    def at(self, span: int) -> Count:
        """The count of a span, to be added to."""
        count = self.counts.get(span)
        if count is None:
            count = self.counts[span] = Count()
        return count

    def add(
        self,
        start: float,
        end: float,
        *,
        distance_m: float = 0.0,
        idle_s: float = 0.0,
        silent_s: float = 0.0,
    ) -> None:
        """Add what went on evenly over a stretch of time."""
        for span, share in self.cuts.split(start, end):
            count = self.at(span)
            count.distance_m += distance_m * share
            count.idle_s += idle_s * share
            count.silent_s += silent_s * share

    def see(self, time: float, speed_kmh: float | None, odometer_m: float | None) -> None:
        """Take what was said at one moment."""
        count = self.at(self.cuts.span(time))
        if speed_kmh is not None and (
            count.max_speed_kmh is None or speed_kmh > count.max_speed_kmh
        ):
            count.max_speed_kmh = speed_kmh
        if odometer_m is not None:
            if count.first_odometer_m is None:
                count.first_odometer_m = odometer_m
            count.last_odometer_m = odometer_m

    def merge(self, other: Tally) -> None:
        """Add what was counted later."""
        for span, count in other.counts.items():
            self.at(span).merge(count)

    def total(self, first: int, last: int) -> Count:
        """Everything in the spans from one to another, both included."""
        total = Count()
        for span in sorted(self.counts):
            if first <= span <= last:
                total.merge(self.counts[span])
        return total


@dataclass(slots=True)
class Piece:
    """One piece of a timeline, from `start_time` to `end_time`.

    `far_m` is how far from its start a trip has come. Both places of a stop are the same one; a gap
    has those where silence began and ended.
    """

    kind: Kind
    start_time: float
    end_time: float
    start: Place | None
    end: Place | None
    tally: Tally
    far_m: float = 0.0
    cut: tuple[bool, bool] = field(default=(False, False))  # whether a window cuts it: start, end

    @property
    def duration_s(self) -> float:
        """How long it is."""
        return self.end_time - self.start_time


class Spot:
    """A place to which many near ones are measured.

    On the plane that touches the ellipsoid there: exact to 0.1 % within 10 km, which is more than
    a radius of tens of metres needs and forty times cheaper than a geodesic.
    """

    __slots__ = ("_metres_lat", "_metres_lon", "lat", "lon")

    def __init__(self, lat: float, lon: float) -> None:
        self.lat, self.lon = lat, lon
        # Radii of curvature of WGS-84: a (1 - e2) / w^3 along the meridian, a / w across it.
        sine = math.sin(math.radians(lat))
        w2 = 1.0 - 0.00669437999014 * sine * sine
        across = 6_378_137.0 / math.sqrt(w2)
        self._metres_lat = math.radians(across * (1.0 - 0.00669437999014) / w2)
        self._metres_lon = math.radians(across * math.cos(math.radians(lat)))

    def distance_m(self, lat: float, lon: float) -> float:
        """To another place."""
        d_lon = lon - self.lon
        if d_lon > 180.0 or d_lon < -180.0:
            d_lon -= math.copysign(360.0, d_lon)
        return math.hypot((lat - self.lat) * self._metres_lat, d_lon * self._metres_lon)
