"""Tracks for tests, driven by hand: legs, stands, drift and silence."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from typing import Any

from pyproj import Geod

from tracker.model import Fix, Position

START = 1_772_352_000.0  # 2026-03-01 08:00 UTC
_GEOD = Geod(ellps="WGS84")


class Drive:
    """A vehicle that does as it is told and reports every `every` seconds."""

    def __init__(
        self, lat: float = 46.05, lon: float = 14.5, *, every: float = 10.0, time: float = START
    ) -> None:
        self.lat, self.lon, self.every, self.time = lat, lon, every, time
        self.fixes: list[Fix] = []
        self.driven_m = 0.0

    def go(
        self,
        speed_kmh: float,
        seconds: float,
        course: float = 90.0,
        *,
        stated: bool = True,
        **more: Any,
    ) -> Drive:
        """Straight on along a geodesic."""
        for _ in range(round(seconds / self.every)):
            self.time += self.every
            metres = speed_kmh / 3.6 * self.every
            self.lon, self.lat, _ = _GEOD.fwd(self.lon, self.lat, course, metres)
            self.driven_m += metres
            speed = speed_kmh if stated else None
            self.fixes.append(Fix(self.time, self.lat, self.lon, speed, course, **more))
        return self

    def stand(
        self,
        seconds: float,
        *,
        drift_m: float = 0.0,
        seed: int = 1,
        stated: bool = True,
        **more: Any,
    ) -> Drive:
        """Where it is; with drift the receiver wanders around the place."""
        rng = random.Random(seed)
        for _ in range(round(seconds / self.every)):
            self.time += self.every
            lon, lat, _ = _GEOD.fwd(
                self.lon, self.lat, rng.uniform(0, 360), abs(rng.gauss(0, drift_m / 2))
            )
            self.fixes.append(Fix(self.time, lat, lon, 0.0 if stated else None, **more))
        return self

    def silent(self, seconds: float) -> Drive:
        """Nothing for so long."""
        self.time += seconds - self.every
        return self

    def jump(self, metres: float, course: float = 0.0, **more: Any) -> Drive:
        """One fix that far away; the vehicle stays where it is."""
        self.time += self.every
        lon, lat, _ = _GEOD.fwd(self.lon, self.lat, course, metres)
        self.fixes.append(Fix(self.time, lat, lon, **more))
        return self

    @property
    def positions(self) -> list[Position]:
        """As the store gives them."""
        return positions(self.fixes)


def positions(fixes: Iterable[Fix], vehicle_id: str = "v1") -> list[Position]:
    """Positions of fixes, each received a second later."""
    return [
        Position(vehicle_id, fix, fix.fix_time + 1.0, round(fix.fix_time * 1e6) + number)
        for number, fix in enumerate(fixes)
    ]


def pages(items: list[Position], size: int = 100) -> Iterator[list[Position]]:
    """Some at a time, as the store does."""
    for start in range(0, len(items), size):
        yield items[start : start + size]
