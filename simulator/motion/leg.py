"""One drive: where a vehicle is, and how fast, at each moment of it.

The speed profile is the fastest one that keeps to the limits, starts and ends at rest, and neither
speeds up nor brakes harder than its driver does: a backward pass for the brakes, a forward pass
for the engine, then up to three phases of constant acceleration for each stretch.
"""

from __future__ import annotations

import math
from array import array
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from simulator.geodesy import Plane
from simulator.motion.path import Path, Stretch

SHORTEST_PHASE_S = 1e-6


@dataclass(frozen=True, slots=True)
class Style:
    """How somebody drives. `speed_factor` times the limit is what he takes it for."""

    accelerate_ms2: float = 1.6
    brake_ms2: float = 2.0
    speed_factor: float = 1.0


@dataclass(frozen=True, slots=True)
class Moment:
    """Where a vehicle is at one moment of a leg."""

    lat: float
    lon: float
    speed_ms: float
    course_deg: float
    travelled_m: float


class Profile:
    """Speed over time: phases of constant acceleration, one after the other."""

    __slots__ = ("_accelerations", "_speeds", "_times", "_travelled", "duration_s", "length_m")

    def __init__(self, stretches: Sequence[Stretch], stops: Mapping[int, float], style: Style):
        """`stops`: stretch -> seconds at rest at its end."""
        self._times = array("d")
        self._travelled = array("d")
        self._speeds = array("d")
        self._accelerations = array("d")
        self.duration_s = 0.0
        self.length_m = 0.0
        speeds = joint_speeds(stretches, stops, style)
        for index, stretch in enumerate(stretches):
            limit_ms = stretch.limit_ms * style.speed_factor
            self._drive(stretch.length_m, limit_ms, speeds[index], speeds[index + 1], style)
            if index in stops:
                self._phase(stops[index], 0.0, 0.0)
        if not self._times:
            self._phase(1.0, 0.0, 0.0)

    def at(self, t: float) -> tuple[float, float]:
        """Metres travelled and speed (m/s), t seconds after the start."""
        if t >= self.duration_s:
            return self.length_m, 0.0  # exactly: a rounding error is no motion
        t = max(t, 0.0)
        index = bisect_right(self._times, t) - 1
        passed_s, speed = t - self._times[index], self._speeds[index]
        acceleration = self._accelerations[index]
        travelled = self._travelled[index] + (speed + acceleration * passed_s / 2) * passed_s
        return travelled, max(0.0, speed + acceleration * passed_s)

    def _drive(self, length_m: float, limit_ms: float, v0: float, v1: float, style: Style) -> None:
        a, b = style.accelerate_ms2, style.brake_ms2
        # Where accelerating from v0 and braking to v1 meet: v² = (2abL + b v0² + a v1²)/(a+b).
        peak = math.sqrt((2 * a * b * length_m + b * v0 * v0 + a * v1 * v1) / (a + b))
        peak = max(v0, v1, min(limit_ms, peak))
        up_s, down_s = (peak - v0) / a, (peak - v1) / b
        level_m = length_m - (v0 + peak) / 2 * up_s - (peak + v1) / 2 * down_s
        self._phase(up_s, v0, a)
        self._phase(max(0.0, level_m) / peak, peak, 0.0)
        self._phase(down_s, peak, -b)

    def _phase(self, duration_s: float, speed_ms: float, acceleration_ms2: float) -> None:
        if duration_s < SHORTEST_PHASE_S:
            return
        self._times.append(self.duration_s)
        self._travelled.append(self.length_m)
        self._speeds.append(speed_ms)
        self._accelerations.append(acceleration_ms2)
        self.duration_s += duration_s
        self.length_m += (speed_ms + acceleration_ms2 * duration_s / 2) * duration_s


def joint_speeds(
    stretches: Sequence[Stretch], stops: Mapping[int, float], style: Style
) -> list[float]:
    """The speed (m/s) at the start of each stretch and at the end of the last one."""
    count = len(stretches)
    speeds = [0.0] * (count + 1)
    for index in range(count - 1):
        if index not in stops:
            limit_ms = min(stretches[index].limit_ms, stretches[index + 1].limit_ms)
            speeds[index + 1] = min(limit_ms * style.speed_factor, stretches[index].end_ms)
    for index in range(count - 1, -1, -1):
        reachable = speeds[index + 1] ** 2 + 2 * style.brake_ms2 * stretches[index].length_m
        speeds[index] = min(speeds[index], math.sqrt(reachable))
    for index in range(count):
        reachable = speeds[index] ** 2 + 2 * style.accelerate_ms2 * stretches[index].length_m
        speeds[index + 1] = min(speeds[index + 1], math.sqrt(reachable))
    return speeds


class Leg:
    """A drive along a path."""

    __slots__ = ("_along", "_courses", "_lats", "_lons", "_profile", "duration_s", "length_m")

    def __init__(self, path: Path, stops: Mapping[int, float], style: Style, plane: Plane) -> None:
        """`stops`: way point -> seconds at rest there."""
        held = {path.stops[point]: seconds for point, seconds in stops.items()}
        self._profile = Profile(path.stretches, held, style)
        self.duration_s = self._profile.duration_s
        self._lats, self._lons = array("d"), array("d")
        self._along, self._courses = array("d"), array("d")
        along = 0.0
        last = len(path.xs) - 1
        for index, (x, y) in enumerate(zip(path.xs, path.ys, strict=True)):
            lat, lon = plane.degrees(x, y)
            self._lats.append(lat)
            self._lons.append(lon)
            self._along.append(along)
            if index < last:
                dx, dy = path.xs[index + 1] - x, path.ys[index + 1] - y
                self._courses.append(math.degrees(math.atan2(dx, dy)) % 360.0)
                along += math.hypot(dx, dy)
        if not self._courses:
            self._courses.append(0.0)
        self.length_m = along

    def at(self, t: float) -> Moment:
        """The moment t seconds after the start; before it and after the end: at rest there."""
        travelled, speed_ms = self._profile.at(t)
        travelled = min(travelled, self.length_m)
        index = max(0, min(bisect_right(self._along, travelled), len(self._along) - 1) - 1)
        course = self._courses[index]
        if index + 1 >= len(self._along):
            return Moment(self._lats[index], self._lons[index], speed_ms, course, travelled)
        start = self._along[index]
        share = (travelled - start) / (self._along[index + 1] - start)
        lat = self._lats[index] + (self._lats[index + 1] - self._lats[index]) * share
        lon = self._lons[index] + (self._lons[index + 1] - self._lons[index]) * share
        return Moment(lat, lon, speed_ms, course, travelled)
