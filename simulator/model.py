"""The nouns: one fix of a receiver, a recorded trip, and what a frame states of a fix.

Times are Unix seconds (UTC, float) unless a name says otherwise, coordinates degrees WGS-84.
"""

from __future__ import annotations

from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Fix:
    """What a vehicle's receiver knows at one moment, before any protocol rounds it."""

    fix_time: float
    lat: float
    lon: float
    speed_kmh: float = 0.0
    course_deg: float = 0.0
    altitude_m: float = 0.0
    satellites: int = 10
    ignition: bool = True
    odometer_m: float = 0.0


@dataclass(frozen=True, slots=True)
class Stated:
    """What a frame states of a fix after its protocol's rounding, in the live feed's whole numbers.

    The driven side of every comparison: a position is right when the feed shows these numbers.
    """

    fix_ms: int
    lat_e6: int
    lon_e6: int
    speed_dkmh: int  # 0.1 km/h
    course_ddeg: int  # 0.1 degree


@dataclass(frozen=True, slots=True)
class TripPoint:
    """One recorded point, with whatever the recording says. `time` None: it does not say when."""

    time: float | None
    lat: float
    lon: float
    speed_kmh: float | None = None
    course_deg: float | None = None
    altitude_m: float | None = None
    satellites: int | None = None
    ignition: bool | None = None


@dataclass(frozen=True, slots=True)
class Trip:
    """The recorded points of one vehicle, in order of time."""

    name: str
    points: tuple[TripPoint, ...]
    source: str = ""
    remarks: tuple[str, ...] = ()  # what the reader left out or corrected, for the operator

    @property
    def duration_s(self) -> float:
        """Seconds from the first point to the last; 0 where the recording has no times."""
        first, last = self.points[0].time, self.points[-1].time
        return 0.0 if first is None or last is None else last - first

    def with_points(self, points: tuple[TripPoint, ...]) -> Trip:
        """The same trip with other points."""
        return replace(self, points=points)
