"""Gathers what changed on this node between two ticks: the newest state per vehicle."""

from __future__ import annotations

import math

from tracker.model import Event, Live, Tick


class Ticks:
    """`add` as reports come, `flush(now)` once per tick. Memory is bounded by the fleet's size."""

    def __init__(self, interval_s: float = 1.0) -> None:
        self.interval_s = interval_s
        self._changed: dict[str, Live] = {}
        self._events: list[Event] = []

    def add(self, live: Live) -> None:
        """The newest state of a vehicle; replaces what the same tick had of it."""
        self._changed[live.vehicle_id] = live

    def add_event(self, event: Event) -> None:
        """Something that happened once; never merged."""
        self._events.append(event)

    def number(self, now: float) -> int:
        """The number of the tick that `now` falls on: floor(unix time / interval)."""
        # A timer may fire a hair early by the wall clock: half a millisecond counts as there.
        return math.floor((now + 0.0005) / self.interval_s)

    def flush(self, now: float) -> Tick:
        """What changed since the last flush. An empty tick is a tick too."""
        number = self.number(now)
        tick = Tick(
            number,
            number * self.interval_s,
            tuple(self._changed.values()),
            tuple(self._events),
        )
        self._changed = {}
        self._events = []
        return tick
