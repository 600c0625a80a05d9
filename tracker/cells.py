"""The map cut in cells, and who crossed from one into another in a tick.

A topic is one vehicle group in one cell, packed in a whole number: it is the unit that is encoded
once and shared. A `Level` knows the topic of every vehicle at one zoom level and turns the world's
changes into what each topic's viewers have to be told. Levels that nobody watches cost nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from tracker.geo import IntArray, cell_xy
from tracker.world import Changes, World

LEVELS = (0, 2, 4, 6, 8, 10, 12, 14, 16)  # 16: cells of about 600 m, finer than any fleet needs
MAX_CELLS = 64  # of one view: keeps joining a frame at about a microsecond
NOWHERE = -1
_GROUP_BITS = 20
_Y_BITS = 16

Cell = tuple[int, int]  # x, y


@dataclass(frozen=True, slots=True)
class View:
    """What a viewer watches: cells of one level.

    `numbers` are the cells as `topic_cell_number` gives them. They and the hash are worked out
    once: a view is looked up for each of its viewers in each tick.
    """

    level: int
    cells: tuple[Cell, ...]
    numbers: tuple[int, ...] = field(init=False, repr=False, compare=False)
    _hash: int = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "numbers", tuple(x << _Y_BITS | y for x, y in self.cells))
        object.__setattr__(self, "_hash", hash((self.level, self.numbers)))

    def __hash__(self) -> int:
        return self._hash

    def labels(self) -> list[str]:
        """The cells as the live feed names them."""
        return [label(self.level, cell) for cell in self.cells]


WORLD_VIEW = View(0, ((0, 0),))


def label(level: int, cell: Cell) -> str:
    """`level/x/y`."""
    return f"{level}/{cell[0]}/{cell[1]}"


def cover(west: float, south: float, east: float, north: float) -> View:
    """The cells of the finest level at which at most MAX_CELLS cover the box.

    Degrees; west > east crosses the antimeridian.
    """
    finest = LEVELS[-1]
    x, y = cell_xy(np.array([north, south]), np.array([west, east]), finest)
    (first, last), (top, bottom) = x.tolist(), y.tolist()
    best = WORLD_VIEW
    for level in LEVELS:
        up = finest - level  # a coarser cell's numbers are the finer one's without their last bits
        columns = _columns(first >> up, last >> up, west > east, 1 << level)
        rows = range(top >> up, (bottom >> up) + 1)
        if len(columns) * len(rows) > MAX_CELLS:
            break
        best = View(level, tuple((x, y) for y in rows for x in columns))
    return best


def _columns(first: int, last: int, wraps: bool, count: int) -> list[int]:
    if wraps and first <= last:
        return list(range(count))  # it starts and ends in one cell, or overlaps itself
    if wraps:
        return [*range(first, count), *range(last + 1)]
    return list(range(first, last + 1))


@dataclass(frozen=True, slots=True)
class TopicRows:
    """What happened in one topic in one tick: slots (ascending), and rows into `Changes.moved`."""

    leave: IntArray
    enter: IntArray
    move: IntArray  # indices into the arrays of Changes that go with `moved`
    restate: IntArray


_NONE: IntArray = np.empty(0, np.int64)


class Level:
    """The topic of every vehicle at one level, by slot."""

    def __init__(self, number: int, world: World) -> None:
        self.number = number
        everyone = np.flatnonzero(world.on_map).astype(np.int64)
        self.topics = np.full(len(world.on_map), NOWHERE, dtype=np.int64)
        self.topics[everyone] = self._topics_of(world, everyone)

    def _topics_of(self, world: World, slots: IntArray) -> IntArray:
        topics: IntArray = world.group[slots]
        if self.number:  # at level 0 every place is in the one cell 0, 0
            x, y = cell_xy(world.lat[slots] / 1e6, world.lon[slots] / 1e6, self.number)
            topics |= ((x << _Y_BITS) | y) << _GROUP_BITS
        topics[~world.on_map[slots]] = NOWHERE
        return topics

    def step(self, world: World, changes: Changes) -> dict[int, TopicRows]:
        """Move vehicles between topics; what each topic's viewers have to be told."""
        if len(self.topics) < len(world.on_map):
            more = len(world.on_map) - len(self.topics)
            self.topics = np.concatenate([self.topics, np.full(more, NOWHERE, dtype=np.int64)])
        placed = _union(_union(changes.moved, changes.entered), changes.left)
        old = self.topics[placed]
        new = self._topics_of(world, placed)
        self.topics[placed] = new
        crossed = old != new
        enters = (new != NOWHERE) & (crossed | _within(placed, changes.entered))
        leaves = (old != NOWHERE) & crossed
        entering = placed[enters]
        moves = np.flatnonzero(~_within(changes.moved, entering))
        restates = changes.restated[~_within(changes.restated, entering)]
        return _gather(
            _segments(old[leaves], placed[leaves]),
            _segments(new[enters], entering),
            _segments(self.topics[changes.moved[moves]], moves),
            _segments(self.topics[restates], restates),
        )

    def everyone(self) -> dict[int, IntArray]:
        """Every topic's slots, for full messages."""
        slots = np.flatnonzero(self.topics != NOWHERE)
        return _segments(self.topics[slots], slots)


def topic_cell(topic: int) -> Cell:
    """The cell that a topic lies in."""
    cell = topic_cell_number(topic)
    return cell >> _Y_BITS, cell & ((1 << _Y_BITS) - 1)


def topic_cell_number(topic: int) -> int:
    """The same, packed in a whole number as in `View.numbers`."""
    return topic >> _GROUP_BITS


def topic_group(topic: int) -> int:
    """The number of the group that a topic is of."""
    return topic & ((1 << _GROUP_BITS) - 1)


def _union(one: IntArray, other: IntArray) -> IntArray:
    """Of two ascending lists of slots; mostly one of them is empty."""
    if not len(other):
        return one
    return np.union1d(one, other) if len(one) else other


def _within(slots: IntArray, others: IntArray) -> npt.NDArray[np.bool_]:
    """Which of `slots` are among `others`; mostly there are no others."""
    if not len(others):
        return np.zeros(len(slots), dtype=np.bool_)
    return np.isin(slots, others, assume_unique=True)


def _segments(topics: IntArray, values: IntArray) -> dict[int, IntArray]:
    """Values by topic, in their order."""
    if not len(topics):
        return {}
    if topics[0] == topics[-1] and (topics == topics[0]).all():  # one cell: the usual small fleet
        return {int(topics[0]): values}
    order = np.argsort(topics, kind="stable")
    keys, starts = np.unique(topics[order], return_index=True)
    return dict(zip(keys.tolist(), np.split(values[order], starts[1:]), strict=True))


def _gather(
    leave: dict[int, IntArray],
    enter: dict[int, IntArray],
    move: dict[int, IntArray],
    restate: dict[int, IntArray],
) -> dict[int, TopicRows]:
    topics = leave.keys() | enter.keys() | move.keys() | restate.keys()
    return {
        topic: TopicRows(
            leave.get(topic, _NONE),
            enter.get(topic, _NONE),
            move.get(topic, _NONE),
            restate.get(topic, _NONE),
        )
        for topic in topics
    }
