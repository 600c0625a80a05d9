"""What viewers share in one tick: fragments, heads and whole frames, each made at most once.

A fragment belongs to a topic (one group in one cell), a frame to a distinct view and set of rights.
Each is worked out when the first viewer asks for it, and thrown away with the tick.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tracker import wire
from tracker.cells import (
    Level,
    TopicRows,
    View,
    label,
    topic_cell,
    topic_cell_number,
    topic_group,
)
from tracker.geo import IntArray
from tracker.model import Event
from tracker.wire import Piece
from tracker.world import Changes, World

Groups = frozenset[int] | None  # the vehicle groups that may be seen, by number; None: all of them


@dataclass(frozen=True, slots=True)
class Moment:
    """Which tick it is. `now` is the server's clock, Unix seconds."""

    tick: int
    tick_ms: int
    now: float
    degraded: bool


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one viewer is to get in this tick."""

    view: View
    groups: Groups
    full: bool
    conflated: int
    events: tuple[Event, ...]
    errors: tuple[Piece, ...]


class TickFrames:
    """What viewers share in one tick, each thing worked out when the first of them asks."""

    def __init__(
        self,
        world: World,
        levels: Mapping[int, Level],
        changes: Changes,
        events: tuple[Event, ...],
        moment: Moment,
        *,
        new_groups: bool,
    ) -> None:
        self.moment = moment
        self._world = world
        self._levels = levels
        self._changes = changes
        self.events = events
        self._new_groups = new_groups
        self._rows = {number: level.step(world, changes) for number, level in levels.items()}
        self._heads: dict[tuple[Groups, int], Piece] = {}
        self._news: dict[Groups, tuple[Event, ...]] = {}
        self._news_parts: dict[Groups, Piece] = {}
        self._parts: dict[tuple[int, int, bool], Piece] = {}
        self._slots: dict[int, dict[int, IntArray]] = {}
        self._by_cell: dict[tuple[int, bool], dict[int, list[int]]] = {}
        self._joined: dict[tuple[View, Groups, bool], list[Piece]] = {}

    def news(self, groups: Groups) -> tuple[Event, ...]:
        """This tick's events of groups that may be seen."""
        if not self.events:
            return ()
        events = self._news.get(groups)
        if events is None:
            events = self._news[groups] = visible(self._world, self.events, groups)
        return events

    def frame(self, wanted: Wanted, *, deflated: bool) -> bytes:
        """The frame that carries what is wanted."""
        pieces = [self._head(wanted.groups, wanted.conflated)]
        pieces += self._cells(wanted.view, wanted.groups, wanted.full)
        if wanted.events:
            pieces.append(self._events_part(wanted.events, wanted.groups))
        return wire.frame([*pieces, *wanted.errors, wire.TAIL], deflated=deflated)

    def _events_part(self, events: tuple[Event, ...], groups: Groups) -> Piece:
        """Shared by all who wait for nothing but the news."""
        if events is not self.news(groups):
            return wire.events_part(events)
        piece = self._news_parts.get(groups)
        if piece is None:
            piece = self._news_parts[groups] = wire.events_part(events)
        return piece

    def _head(self, groups: Groups, conflated: int) -> Piece:
        piece = self._heads.get((groups, conflated))
        if piece is None:
            piece = self._heads[groups, conflated] = wire.head(
                self.moment.tick,
                time_ms=round(self.moment.now * 1000),
                degraded=self.moment.degraded,
                conflated=conflated,
                counts=self._world.counts(groups),
            )
        return piece

    def _cells(self, view: View, groups: Groups, full: bool) -> list[Piece]:
        """The parts of a view: all that is in it, or what changed."""
        pieces = self._joined.get((view, groups, full))
        if pieces is None:
            there = self._topics_by_cell(view.level, full)
            pieces = self._joined[view, groups, full] = [
                self._part(view.level, topic, full)
                for number in view.numbers
                if number in there
                for topic in there[number]
                if groups is None or topic_group(topic) in groups
            ]
            if full or (self._new_groups and groups is None):
                labels = self._group_labels(groups)
                pieces.insert(0, wire.view_part(view.labels(), labels, reset=full))
        return pieces

    def _topics_by_cell(self, level: int, full: bool) -> dict[int, list[int]]:
        """Topics with something to tell; so that a view costs its cells and not the world's."""
        there = self._by_cell.get((level, full))
        if there is None:
            there = self._by_cell[level, full] = {}
            if full:
                self._slots[level] = self._levels[level].everyone()
            for topic in self._slots[level] if full else self._rows.get(level, ()):
                there.setdefault(topic_cell_number(topic), []).append(topic)
        return there

    def _group_labels(self, groups: Groups) -> list[str]:
        numbers = range(len(self._world.group_keys)) if groups is None else sorted(groups)
        return [self._world.group_label(number) for number in numbers]

    def _part(self, level: int, topic: int, full: bool) -> Piece:
        """One topic's fragment."""
        piece = self._parts.get((level, topic, full))
        if piece is None:
            content: dict[str, Any] = {
                "kind": "cell",
                "cell": label(level, topic_cell(topic)),
                "group": self._world.group_label(topic_group(topic)),
            }
            if full:
                slots = self._slots[level][topic]
                content["enter"] = wire.enter_columns(self._world, slots, self.moment.tick_ms)
            else:
                self._fill(content, self._rows[level][topic])
            piece = self._parts[level, topic, full] = wire.part(content)
        return piece

    def _fill(self, content: dict[str, Any], rows: TopicRows) -> None:
        if len(rows.leave):
            content["leave"] = rows.leave + 1
        if len(rows.enter):
            content["enter"] = wire.enter_columns(self._world, rows.enter, self.moment.tick_ms)
        if len(rows.move):
            content["move"] = wire.move_columns(self._world, self._changes, rows.move)
        if len(rows.restate):
            content["state"] = wire.state_columns(self._world, rows.restate, self.moment.tick_ms)


def visible(world: World, events: tuple[Event, ...], groups: Groups) -> tuple[Event, ...]:
    """The events of groups that may be seen; the very same tuple where these are all."""
    if groups is None:
        return events
    numbers = world.groups
    return tuple(event for event in events if numbers.get((event.fleet, event.group)) in groups)
