"""What trips are found in: one sample per moment, with the distance from the one before.

Taken out are fixes whose place is none, second fixes of one moment, and single fixes that lie where
no vehicle could have been. Distances are geodesics on WGS-84, a page at a time.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
from pyproj import Geod

from tracker.geo import distance_m
from tracker.model import Fix, Position

_GEOD = Geod(ellps="WGS84")

# A hop that would need more than this is an error of the receiver: no road vehicle, no ship and no
# train comes near. Shorter hops are left alone, whatever time they say they took.
JUMP_KMH = 500.0
JUMP_M = 200.0
# Where a device states no speed, it is worked out over this time: noise of 5 m is then 1 km/h.
BASELINE_S = 15.0
BASELINE_LEAST_S = 5.0
BASELINE_MOST_S = 300.0  # over a longer silence two fixes say nothing about speed


class Sample(NamedTuple):
    """A fix as the trip rules see it. `hop_m` is infinite where no hop was possible."""

    time: float
    lat: float
    lon: float
    speed_kmh: float | None  # stated, else worked out, None where neither can be known
    ignition: bool | None
    odometer_m: float | None
    hop_m: float


class Sampler:
    """Positions in, samples out; the newest waits until the next shows whether it can be true."""

    def __init__(self, *, use_ignition: bool = True) -> None:
        self._use_ignition = use_ignition
        self._waiting: Fix | None = None
        self._last: Fix | None = None  # the newest that came out
        self._recent: deque[tuple[float, float, float]] = deque()

    def add(self, positions: Iterable[Position]) -> list[Sample]:
        """Take a page in the order of the store."""
        fixes = self._usable(positions)
        if not fixes:
            return []
        self._waiting = fixes.pop()
        return self._samples(fixes, self._waiting)

    def end(self) -> list[Sample]:
        """The one that waited."""
        waiting, self._waiting = self._waiting, None
        return [] if waiting is None else self._samples([waiting], None)

    def _usable(self, positions: Iterable[Position]) -> list[Fix]:
        fixes: list[Fix] = []
        last = self._last
        if self._waiting is not None:
            last = self._waiting
            fixes.append(last)
        for position in positions:
            fix = position.fix
            if last is not None and fix.fix_time <= last.fix_time:
                continue
            if not fix.valid:
                # It has no place, but with the ignition off the vehicle has not left its last one.
                if last is None or fix.ignition is not False or not self._use_ignition:
                    continue
                fix = Fix(fix.fix_time, last.lat, last.lon, 0.0, ignition=False)
            fixes.append(fix)
            last = fix
        return fixes

    def _samples(self, fixes: list[Fix], following: Fix | None) -> list[Sample]:
        if not fixes:
            return []
        hops = self._hops(fixes)
        limit = [
            max(JUMP_M, JUMP_KMH / 3.6 * (fix.fix_time - before.fix_time))
            for before, fix in zip([self._last or fixes[0], *fixes], fixes, strict=False)
        ]
        if any(hop > most for hop, most in zip(hops, limit, strict=True)):
            fixes, hops = self._without_jumps(fixes, following)
        self._last = fixes[-1] if fixes else self._last
        return [self._sample(fix, hop) for fix, hop in zip(fixes, hops, strict=True)]

    def _hops(self, fixes: list[Fix]) -> list[float]:
        before = self._last or fixes[0]
        lat = np.array([before.lat, *(fix.lat for fix in fixes)])
        lon = np.array([before.lon, *(fix.lon for fix in fixes)])
        hops: list[float] = _GEOD.inv(lon[:-1], lat[:-1], lon[1:], lat[1:])[2].tolist()
        return hops

    def _without_jumps(
        self, fixes: list[Fix], following: Fix | None
    ) -> tuple[list[Fix], list[float]]:
        """Without a fix that is out of reach, where the next one is in reach of the one before.

        Where the next one is out of reach as well, the vehicle is there: the hop is endless.
        """
        kept: list[Fix] = []
        hops: list[float] = []
        last = self._last
        for index, fix in enumerate(fixes):
            hop = 0.0 if last is None else _reach(last, fix)
            if math.isinf(hop) and last is not None:
                after = fixes[index + 1] if index + 1 < len(fixes) else following
                if after is not None and not math.isinf(_reach(last, after)):
                    continue
            kept.append(fix)
            hops.append(hop)
            last = fix
        return kept, hops

    def _sample(self, fix: Fix, hop_m: float) -> Sample:
        odometer = fix.attributes.get("odometer_m") if fix.attributes else None
        return Sample(
            fix.fix_time,
            fix.lat,
            fix.lon,
            self._speed(fix) if fix.speed_kmh is None else fix.speed_kmh,
            fix.ignition if self._use_ignition else None,
            float(odometer) if isinstance(odometer, int | float) else None,
            hop_m,
        )

    def _speed(self, fix: Fix) -> float | None:
        """The mean speed over BASELINE_S, or over what there is of it."""
        recent, time = self._recent, fix.fix_time
        if recent and time - recent[-1][0] > BASELINE_MOST_S:
            recent.clear()
        while len(recent) > 1 and recent[1][0] <= time - BASELINE_S:
            recent.popleft()
        speed = None
        if recent and time - recent[0][0] >= BASELINE_LEAST_S:
            then, lat, lon = recent[0]
            speed = distance_m(lat, lon, fix.lat, fix.lon) / (time - then) * 3.6
        recent.append((time, fix.lat, fix.lon))
        return speed


def _reach(last: Fix, fix: Fix) -> float:
    """The hop between two fixes, infinite where no vehicle could have made it."""
    hop = distance_m(last.lat, last.lon, fix.lat, fix.lon)
    limit = max(JUMP_M, JUMP_KMH / 3.6 * (fix.fix_time - last.fix_time))
    return math.inf if hop > limit else hop
