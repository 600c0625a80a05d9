"""A believable fleet for benchmarks: vehicles that drive, one step a second, seeded."""

from __future__ import annotations

import numpy as np

from tracker.model import Fix, Live, Position, State, Vehicle
from tracker.registry import vehicle_id

METRES_PER_DEGREE = 111_320.0


class Fleet:
    """`step(now)` moves every vehicle on by one second and gives their live states."""

    def __init__(self, count: int, seed: int = 1) -> None:
        random = np.random.default_rng(seed)
        self.random = random
        self.lat = 46.05 + random.normal(0, 0.15, count)
        self.lon = 14.5 + random.normal(0, 0.2, count)
        self.course = random.uniform(0, 360, count)
        self.speed_kmh = random.uniform(0, 90, count)
        self.vehicles = [
            Vehicle(vehicle_id(f"3563070{n:08}"), f"Vehicle {n}", f"3563070{n:08}")
            for n in range(count)
        ]
        self.sequence = 0

    def fixes(self, now: float) -> list[Fix]:
        count = len(self.vehicles)
        self.course = (self.course + self.random.normal(0, 6, count)) % 360
        self.speed_kmh = np.clip(self.speed_kmh + self.random.normal(0, 3, count), 6, 110)
        metres = self.speed_kmh / 3.6
        self.lat += metres * np.cos(np.radians(self.course)) / METRES_PER_DEGREE
        self.lon += metres * np.sin(np.radians(self.course)) / (METRES_PER_DEGREE * 0.69)
        return [
            Fix(now, round(a, 6), round(o, 6), round(s, 1), round(c, 1), 300.0, satellites=9)
            for a, o, s, c in zip(
                self.lat.tolist(), self.lon.tolist(), self.speed_kmh.tolist(),
                self.course.tolist(), strict=True,
            )
        ]  # fmt: skip

    def step(self, now: float) -> list[Live]:
        lives = []
        for vehicle, fix in zip(self.vehicles, self.fixes(now), strict=True):
            self.sequence += 1
            position = Position(vehicle.id, fix, now, self.sequence)
            lives.append(Live(vehicle.id, position, State.MOVING, 0.0, None, now, True))
        return lives
