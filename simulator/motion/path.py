"""A drawn way: corners rounded as a car takes them, with what may be driven on each stretch.

In: way points in metres and the speed limit of each street between them. Out: a fine polyline for
the position, and a coarser list of stretches for the speed.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

LATERAL_MS2 = 2.2  # sideways acceleration that passengers put up with in a bend
CORNER_RADIUS_M = 9.0  # of a right angle at a crossing
WIDEST_RADIUS_M = 200.0
STRAIGHT_BELOW_DEG = 8.0  # a smaller change of course is no bend
U_TURN_ABOVE_DEG = 150.0  # taken from a standstill
LARGEST_SHARE = 0.4  # of a street that a rounded corner may use
ARC_POINTS = 5
LEAST_TURN_MS = 2.5
SHORTEST_M = 0.01  # stretches below that are nothing


@dataclass(frozen=True, slots=True)
class Stretch:
    """A piece of the way with one speed limit. `end_ms`: the most allowed at its end."""

    length_m: float
    limit_ms: float
    end_ms: float = math.inf


@dataclass(slots=True)
class Path:
    """The polyline with its stretches; `stops[k]` is the stretch that ends at way point k."""

    xs: list[float] = field(default_factory=list)
    ys: list[float] = field(default_factory=list)
    stretches: list[Stretch] = field(default_factory=list)
    stops: dict[int, int] = field(default_factory=dict)

    def line_to(self, x: float, y: float) -> float:
        length_m = math.hypot(x - self.xs[-1], y - self.ys[-1])
        if length_m >= SHORTEST_M:
            self.xs.append(x)
            self.ys.append(y)
            return length_m
        return 0.0

    def add_stretch(self, length_m: float, limit_ms: float, end_ms: float = math.inf) -> None:
        if length_m > 0.0:
            self.stretches.append(Stretch(length_m, limit_ms, end_ms))


@dataclass(frozen=True, slots=True)
class Corner:
    """How one way point is rounded: tangent length and the speed in the bend."""

    tangent_m: float
    speed_ms: float


def round_corner(
    before: tuple[float, float], here: tuple[float, float], after: tuple[float, float]
) -> Corner:
    """The bend at `here`: tighter for sharper corners, within the length of both streets."""
    length_in, length_out = math.dist(before, here), math.dist(here, after)
    course_in = math.atan2(here[0] - before[0], here[1] - before[1])
    course_out = math.atan2(after[0] - here[0], after[1] - here[1])
    turn_deg = abs((math.degrees(course_out - course_in) + 180.0) % 360.0 - 180.0)
    if turn_deg < STRAIGHT_BELOW_DEG:
        return Corner(0.0, math.inf)
    if turn_deg > U_TURN_ABOVE_DEG:
        return Corner(0.0, 0.0)
    radius_m = min(WIDEST_RADIUS_M, CORNER_RADIUS_M * max(1.0, 90.0 / turn_deg) ** 2)
    half = math.tan(math.radians(turn_deg / 2.0))
    tangent_m = min(radius_m * half, LARGEST_SHARE * min(length_in, length_out))
    speed_ms = math.sqrt(LATERAL_MS2 * tangent_m / half)
    return Corner(tangent_m, max(LEAST_TURN_MS, speed_ms))


def draw(points: Sequence[tuple[float, float]], limits_kmh: Sequence[float]) -> Path:
    """The path along `points`; `limits_kmh[i]` holds from point i to point i + 1."""
    path = Path([points[0][0]], [points[0][1]])
    for index in range(1, len(points)):
        here, limit_ms = points[index], limits_kmh[index - 1] / 3.6
        if index == len(points) - 1:
            path.add_stretch(path.line_to(*here), limit_ms, 0.0)
            break
        before, after = points[index - 1], points[index + 1]
        corner = round_corner(before, here, after)
        into = _towards(here, before, corner.tangent_m)
        path.add_stretch(path.line_to(*into), limit_ms, corner.speed_ms)
        path.stops[index] = len(path.stretches) - 1
        if corner.tangent_m > 0.0:
            out = _towards(here, after, corner.tangent_m)
            bend_ms = min(corner.speed_ms, limit_ms, limits_kmh[index] / 3.6)
            path.add_stretch(_arc(path, into, here, out), bend_ms)
    return path


def _towards(
    start: tuple[float, float], end: tuple[float, float], metres: float
) -> tuple[float, float]:
    share = metres / math.dist(start, end) if metres else 0.0
    return start[0] + (end[0] - start[0]) * share, start[1] + (end[1] - start[1]) * share


def _arc(
    path: Path, into: tuple[float, float], here: tuple[float, float], out: tuple[float, float]
) -> float:
    """A quadratic Bézier curve from `into` to `out`; returns its length in metres."""
    length_m = 0.0
    for step in range(1, ARC_POINTS + 1):
        t = step / ARC_POINTS
        a, b, c = (1.0 - t) ** 2, 2.0 * t * (1.0 - t), t**2
        length_m += path.line_to(
            a * into[0] + b * here[0] + c * out[0], a * into[1] + b * here[1] + c * out[1]
        )
    return length_m
