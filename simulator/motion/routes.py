"""Ways through the town: crossing to crossing, by avenue where one leads there, or by the ring.

Built step by step without a search, so that a fleet of ten thousand plans its trips in passing.
"""

from __future__ import annotations

import random

from simulator.motion.streets import AVENUE_EVERY, BLOCKS, RING_NODES, Node, Town

AVENUE_WEIGHT = 4.0  # how much rather a driver takes an avenue than a street
STRAIGHT_WEIGHT = 3.0  # and how much rather he goes straight on than turns


def random_crossing(rng: random.Random) -> Node:
    """Any crossing of the grid."""
    return Node(rng.randrange(BLOCKS), rng.randrange(BLOCKS))


def crossing_near(node: Node, blocks: int, rng: random.Random) -> Node:
    """Another crossing, at most so many blocks away in each direction."""
    while True:
        near = Node(
            min(BLOCKS - 1, max(0, node.column + rng.randint(-blocks, blocks))),
            min(BLOCKS - 1, max(0, node.row + rng.randint(-blocks, blocks))),
        )
        if near != node:
            return near


def by_streets(start: Node, end: Node, rng: random.Random) -> list[Node]:
    """A way through the grid that never leads away from its end."""
    way = [start]
    here, along_row = start, rng.random() < 0.5
    while here != end:
        can_row, can_column = here.column != end.column, here.row != end.row
        if can_row and can_column:
            weight_row = (AVENUE_WEIGHT if here.row % AVENUE_EVERY == 0 else 1.0) * (
                STRAIGHT_WEIGHT if along_row else 1.0
            )
            weight_column = (AVENUE_WEIGHT if here.column % AVENUE_EVERY == 0 else 1.0) * (
                1.0 if along_row else STRAIGHT_WEIGHT
            )
            along_row = rng.random() * (weight_row + weight_column) < weight_row
        else:
            along_row = can_row
        if along_row:
            here = Node(here.column + (1 if end.column > here.column else -1), here.row)
        else:
            here = Node(here.column, here.row + (1 if end.row > here.row else -1))
        way.append(here)
    return way


def by_ring(town: Town, start: Node, rng: random.Random) -> list[Node]:
    """From a crossing to a gate, along the ring to another gate, and into town again."""
    gates = list(town.gates)
    gate_out, gate_in = rng.sample(gates, 2)
    first, last = town.gates[gate_out].row, town.gates[gate_in].row
    step = rng.choice((1, -1))
    way = by_streets(start, gate_out, rng)
    index = first
    way.append(Node(-1, index))
    while index != last:
        index = (index + step) % RING_NODES
        way.append(Node(-1, index))
    return way + by_streets(gate_in, crossing_near(gate_in, 6, rng), rng)
