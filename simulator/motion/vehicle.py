"""The life of one generated vehicle: drives and rests without end, and what its receiver says.

A pure function of (seed, vehicle, time): two vehicles made alike say the same at the same times,
however often they are asked in between. Time runs forwards only.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle, pairwise

from simulator.geodesy import Plane
from simulator.model import Fix
from simulator.motion.leg import Leg, Moment, Style
from simulator.motion.path import draw
from simulator.motion.routes import by_ring, by_streets, crossing_near, random_crossing
from simulator.motion.streets import AVENUE_EVERY, BLOCKS, Node, Town
from simulator.seeds import stream

LIVED_S = 1200.0  # how long ago lives began at most, so that a run starts in the middle of a day
RED_SHARE = 0.4  # of passes at a light
RED_S = (4.0, 40.0)
METRES_PER_DEGREE = 111_320.0  # on the equator: good enough for a receiver's noise


@dataclass(frozen=True, slots=True)
class Kind:
    """A way of using a vehicle."""

    name: str
    share: float
    trip_blocks: int
    rest_s: tuple[float, float]
    off_share: float  # of rests with the ignition off
    ring_share: float = 0.0  # of trips by the ring road


KINDS = (
    Kind("van", 0.35, 10, (45.0, 240.0), 0.6),
    Kind("taxi", 0.17, 14, (30.0, 300.0), 0.1),
    Kind("car", 0.23, 30, (300.0, 2400.0), 1.0, 0.2),
    Kind("truck", 0.12, 20, (300.0, 1200.0), 0.8, 0.9),
    Kind("bus", 0.13, 0, (120.0, 240.0), 0.0),
)
BUS_STOP_EVERY = 2  # crossings
BUS_STOP_S = (10.0, 30.0)
BUS_LINE_BLOCKS = (14, 30)


@dataclass(frozen=True, slots=True)
class Piece:
    """A drive (`leg`) or a rest (no leg) from `start` on, in seconds of the run."""

    start: float
    end: float
    ignition: bool
    odometer_m: float
    place: Moment  # where a rest is; of a drive, where it ends
    leg: Leg | None = None


class Noise:
    """A receiver's slow wander: two sines each way, about a metre and a half."""

    __slots__ = ("_waves",)

    def __init__(self, rng: random.Random) -> None:
        self._waves = tuple(
            (size, math.tau / rng.uniform(*period_s), rng.uniform(0.0, math.tau))
            for size, period_s in ((1.1, (80, 160)), (0.4, (20, 40))) * 2
        )

    def at(self, t: float) -> tuple[float, float]:
        """Metres east and north."""
        a, b, c, d = (size * math.sin(rate * t + phase) for size, rate, phase in self._waves)
        return a + b, c + d


class Vehicle:
    """One vehicle of a generated fleet."""

    __slots__ = ("_life", "_metres_per_degree_lon", "_noise", "_piece", "_satellites", "kind")

    def __init__(self, town: Town, plane: Plane, seed: int, number: int) -> None:
        rng = stream(seed, "vehicle", number)
        (self.kind,) = rng.choices(KINDS, [kind.share for kind in KINDS])
        self._noise = Noise(rng)
        self._satellites = rng.randint(7, 13)
        self._metres_per_degree_lon = METRES_PER_DEGREE * math.cos(math.radians(plane.lat))
        self._life = _life(town, plane, self.kind, rng)
        self._piece = next(self._life)

    def parked(self, t: float) -> bool:
        """Whether it stands with the ignition off."""
        piece = self._at(t)
        return piece.leg is None and not piece.ignition

    def fix(self, t: float, fix_time: float) -> Fix:
        """What its receiver says t seconds into the run; `fix_time` is the time it states."""
        piece = self._at(t)
        if piece.leg is None:
            moment, odometer_m = piece.place, piece.odometer_m
            noise_t = t if piece.ignition else piece.start  # a parked receiver holds its position
        else:
            moment = piece.leg.at(t - piece.start)
            odometer_m, noise_t = piece.odometer_m + moment.travelled_m, t
        east_m, north_m = self._noise.at(noise_t)
        lon = moment.lon + east_m / self._metres_per_degree_lon
        return Fix(
            fix_time,
            moment.lat + north_m / METRES_PER_DEGREE,
            (lon + 180.0) % 360.0 - 180.0,
            moment.speed_ms * 3.6,
            moment.course_deg,
            altitude_m(moment.lat, moment.lon),
            self._satellites,
            piece.ignition,
            odometer_m,
        )

    def _at(self, t: float) -> Piece:
        while self._piece.end <= t:
            self._piece = next(self._life)
        return self._piece


def altitude_m(lat: float, lon: float) -> float:
    """Gentle hills of some kilometres."""
    return 300.0 + 18.0 * math.sin(lat * 90.0) + 12.0 * math.cos(lon * 70.0)


def _life(town: Town, plane: Plane, kind: Kind, rng: random.Random) -> Iterator[Piece]:
    """Drives and rests, one after the other, for ever."""
    style = Style(rng.uniform(1.1, 2.0), rng.uniform(1.5, 2.5), rng.uniform(0.85, 1.04))
    time = -rng.uniform(0.0, LIVED_S)
    odometer_m = rng.uniform(5e6, 2e8)
    for way, stops in _ways(town, kind, rng):
        places = [town.places[node] for node in way]
        limits = [town.limit_kmh(one, other) for one, other in pairwise(way)]
        leg = Leg(draw(places, limits), stops, style, plane)
        end = leg.at(leg.duration_s)
        yield Piece(time, time + leg.duration_s, True, odometer_m, end, leg)
        time += leg.duration_s
        odometer_m += leg.length_m
        rest_s = rng.uniform(*kind.rest_s)
        yield Piece(time, time + rest_s, rng.random() >= kind.off_share, odometer_m, end)
        time += rest_s


def _ways(
    town: Town, kind: Kind, rng: random.Random
) -> Iterator[tuple[list[Node], dict[int, float]]]:
    """The crossings of each drive, with the stops on the way (way point -> seconds)."""
    if kind.name == "bus":
        yield from _bus_line(rng)
    here = random_crossing(rng)
    while True:
        if rng.random() < kind.ring_share:
            way = by_ring(town, here, rng)
        else:
            way = by_streets(here, crossing_near(here, kind.trip_blocks, rng), rng)
        stops = {
            index: rng.uniform(*RED_S)
            for index in range(1, len(way) - 1)
            if way[index] in town.lights and rng.random() < RED_SHARE
        }
        yield way, stops
        here = way[-1]


def _bus_line(rng: random.Random) -> Iterator[tuple[list[Node], dict[int, float]]]:
    """To and fro on one avenue, with stops at every second crossing."""
    avenue = rng.randrange(0, BLOCKS, AVENUE_EVERY)
    length = rng.randint(*BUS_LINE_BLOCKS)
    first = rng.randrange(BLOCKS - length)
    there = [
        Node(step, avenue) if avenue % 2 else Node(avenue, step)
        for step in range(first, first + length + 1)
    ]
    for line in cycle((there, there[::-1])):
        stops = range(BUS_STOP_EVERY, length, BUS_STOP_EVERY)
        yield line, {index: rng.uniform(*BUS_STOP_S) for index in stops}
