"""A seeded town: a grid of streets with a ring road around it, in metres east and north of a place.

Streets are not straight (every crossing is moved a little), some are avenues, and four pairs of
link roads lead from the edge of the grid to the ring.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from simulator.seeds import stream

BLOCKS = 40  # streets in each direction: a town of 7 km, large enough for 10,000 vehicles
SPACING_M = 180.0
JITTER_M = 16.0  # how far a crossing lies from its place in a perfect grid
AVENUE_EVERY = 5
AVENUE_KMH = 60.0
STREET_KMH = (30.0, 50.0, 50.0)  # drawn per street
LINK_KMH = 70.0
RING_KMH = 90.0
RING_NODES = 64
RING_FACTOR = 1.5  # radius of the ring against half the width of the grid: outside its corners
RING_WAVE = 0.04  # how far the ring deviates from a circle
GATE_LINES = (10, 30)  # the avenues that go on to the ring
LIGHTS_SHARE = 0.3  # of crossings of an avenue with a street; two avenues always have lights


@dataclass(frozen=True, slots=True)
class Node:
    """A crossing of the grid (column, row), or a point of the ring (-1, index)."""

    column: int
    row: int


@dataclass(frozen=True, slots=True)
class Town:
    """Where everything is. Coordinates are metres east and north."""

    places: dict[Node, tuple[float, float]]
    column_kmh: tuple[float, ...]  # speed limits of the streets running north
    row_kmh: tuple[float, ...]  # and of those running east
    lights: frozenset[Node]
    gates: dict[Node, Node]  # crossing at the edge of the grid -> point of the ring

    def limit_kmh(self, one: Node, other: Node) -> float:
        """The speed limit between two neighbours."""
        if one.column < 0 and other.column < 0:
            return RING_KMH
        if one.column < 0 or other.column < 0:
            return LINK_KMH
        return self.column_kmh[one.column] if one.column == other.column else self.row_kmh[one.row]


def build_town(seed: int) -> Town:
    """The town of a seed."""
    rng = stream(seed, "streets")
    turn = rng.uniform(0.0, math.pi / 2)
    half = (BLOCKS - 1) / 2
    places: dict[Node, tuple[float, float]] = {}
    for column in range(BLOCKS):
        for row in range(BLOCKS):
            x = (column - half) * SPACING_M + rng.gauss(0.0, JITTER_M)
            y = (row - half) * SPACING_M + rng.gauss(0.0, JITTER_M)
            places[Node(column, row)] = _turned(x, y, turn)
    radius = RING_FACTOR * half * SPACING_M
    wave, phase = rng.uniform(0.5, 1.0) * RING_WAVE, rng.uniform(0.0, math.tau)
    for index in range(RING_NODES):
        angle = math.tau * index / RING_NODES
        here = radius * (1.0 + wave * math.sin(3 * angle + phase))
        places[Node(-1, index)] = (here * math.cos(angle), here * math.sin(angle))
    avenues = {line for line in range(BLOCKS) if line % AVENUE_EVERY == 0}
    column_kmh, row_kmh = (
        tuple(AVENUE_KMH if line in avenues else rng.choice(STREET_KMH) for line in range(BLOCKS))
        for _ in range(2)
    )
    lights = frozenset(
        node
        for node in places
        if node.column >= 0
        and (
            (node.column in avenues and node.row in avenues)
            or ((node.column in avenues or node.row in avenues) and rng.random() < LIGHTS_SHARE)
        )
    )
    return Town(places, column_kmh, row_kmh, lights, _gates(places))


def _turned(x: float, y: float, angle: float) -> tuple[float, float]:
    cos, sin = math.cos(angle), math.sin(angle)
    return x * cos - y * sin, x * sin + y * cos


def _gates(places: dict[Node, tuple[float, float]]) -> dict[Node, Node]:
    """Each end of the gate avenues, with the nearest point of the ring."""
    ends = [Node(line, edge) for line in GATE_LINES for edge in (0, BLOCKS - 1)]
    ends += [Node(edge, line) for line in GATE_LINES for edge in (0, BLOCKS - 1)]
    ring = [Node(-1, index) for index in range(RING_NODES)]
    return {end: min(ring, key=lambda point: math.dist(places[point], places[end])) for end in ends}
