"""From what was recorded to what a receiver would have said: speeds, courses, points between."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

from simulator.errors import TripError
from simulator.geodesy import between, distance_and_course
from simulator.model import Fix, Trip, TripPoint

STANDING_M = 0.3  # a step below that has no course of its own: it is the receiver's noise
# A longer gap is not filled in: the vehicle may have been anywhere meanwhile.
LONGEST_FILLED_S = 120.0
SATELLITES = 10  # stated where the recording does not say
EARLIEST_TIME = 946_684_800.0  # 2000-01-01: some protocols have two digits for the year


def assume_speed(trip: Trip, speed_kmh: float) -> Trip:
    """Times for a recording without any, as if it had been driven at one speed from second 0."""
    points, time = [replace(trip.points[0], time=0.0)], 0.0
    for one, other in pairwise(trip.points):
        distance_m, _ = distance_and_course(one.lat, one.lon, other.lat, other.lon)
        time += distance_m / (speed_kmh / 3.6)
        points.append(replace(other, time=time))
    return trip.with_points(tuple(points))


def shorten_gaps(trip: Trip, longest_s: float) -> Trip:
    """The same trip with each pause between two points at most so long; times before keep."""
    points, cut_s = [trip.points[0]], 0.0
    for one, other in pairwise(trip.points):
        cut_s += max(0.0, _time(other) - _time(one) - longest_s)
        points.append(replace(other, time=_time(other) - cut_s))
    return trip.with_points(tuple(points))


def fill_in(trip: Trip) -> Trip:
    """Speed and course from successive points, wherever the recording has none."""
    points: list[TripPoint] = []
    course = _first_course(trip.points)
    for index, point in enumerate(trip.points):
        one, other = (index - 1, index) if index else (0, min(1, len(trip.points) - 1))
        here, there = trip.points[one], trip.points[other]
        distance_m, azimuth = distance_and_course(here.lat, here.lon, there.lat, there.lon)
        passed_s = _time(there) - _time(here)
        if index and distance_m >= STANDING_M:
            course = azimuth
        speed_kmh = distance_m / passed_s * 3.6 if passed_s > 0.0 else 0.0
        points.append(
            replace(
                point,
                speed_kmh=speed_kmh if point.speed_kmh is None else point.speed_kmh,
                course_deg=course if point.course_deg is None else point.course_deg,
            )
        )
    return trip.with_points(tuple(points))


def interpolate(trip: Trip, rate_hz: float) -> Trip:
    """Points every 1/rate seconds between the recorded ones, linear in time on the geodesic."""
    points = [trip.points[0]]
    for one, other in pairwise(trip.points):
        gap_s = _time(other) - _time(one)
        if gap_s <= LONGEST_FILLED_S:
            steps = int(gap_s * rate_hz - 1e-9)
            points += [_between(one, other, step / rate_hz / gap_s) for step in range(1, steps + 1)]
        points.append(other)
    return trip.with_points(tuple(points))


def to_fixes(trip: Trip) -> list[Fix]:
    """What a receiver says along a prepared trip; the odometer counts from 0.

    An ignition that was not recorded counts as on: somebody recorded while driving.
    """
    fixes: list[Fix] = []
    odometer_m, before = 0.0, trip.points[0]
    for point in trip.points:
        odometer_m += distance_and_course(before.lat, before.lon, point.lat, point.lon)[0]
        before = point
        fixes.append(
            Fix(
                _time(point),
                point.lat,
                point.lon,
                max(0.0, point.speed_kmh or 0.0),
                (point.course_deg or 0.0) % 360.0,
                point.altitude_m or 0.0,
                SATELLITES if point.satellites is None else point.satellites,
                point.ignition is not False,
                odometer_m,
            )
        )
    return fixes


def check_kept_times(trip: Trip) -> None:
    """Raises TripError where the recorded times cannot be stated as they are."""
    if _time(trip.points[0]) < EARLIEST_TIME:
        raise TripError(f"{trip.source}: recorded before 2000, so its times cannot be kept")


def _between(one: TripPoint, other: TripPoint, share: float) -> TripPoint:
    lat, lon = between(one.lat, one.lon, other.lat, other.lon, share)
    altitude_m = one.altitude_m
    if altitude_m is not None and other.altitude_m is not None:
        altitude_m += (other.altitude_m - altitude_m) * share
    return TripPoint(
        _time(one) + (_time(other) - _time(one)) * share,
        lat,
        lon,
        altitude_m=altitude_m,
        satellites=one.satellites,
        ignition=one.ignition,
    )


def _first_course(points: tuple[TripPoint, ...]) -> float:
    """The course of the first step that is one."""
    for one, other in pairwise(points):
        distance_m, azimuth = distance_and_course(one.lat, one.lon, other.lat, other.lon)
        if distance_m >= STANDING_M:
            return azimuth
    return 0.0


def _time(point: TripPoint) -> float:
    if point.time is None:
        raise TripError("a point without a time has got this far")
    return point.time
