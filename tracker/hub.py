"""Who sees what: viewers, their views, and the one frame that each gets per tick.

Pure but for the sink that a viewer brings: no sockets, no clock. Everything that viewers share is
worked out at most once per tick (`_TickFrames`): a fragment per topic, a frame per distinct view.
Positions are never queued: a viewer who is behind is skipped, and gets one full frame of its view
when it has caught up. Events are kept for it in a bounded list.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Protocol

from tracker import wire
from tracker.cells import (
    WORLD_VIEW,
    Level,
    TopicRows,
    View,
    cover,
    label,
    topic_cell,
    topic_cell_number,
    topic_group,
)
from tracker.geo import IntArray
from tracker.model import Event
from tracker.wire import Piece
from tracker.world import Changes, World

YIELD_EVERY = 250  # viewers between two chances for everything else: about 2 ms of writing
MAX_KEPT_EVENTS = 1_000  # of one viewer who is behind: more than any fleet raises in 30 s
MAX_ERRORS_PER_MINUTE = 10  # of one viewer: beyond it the client is broken, not unlucky

CLOSE_BAD_MESSAGES = 4002
CLOSE_TOO_SLOW = 4008

Groups = frozenset[int] | None  # None: all of them


class Sink(Protocol):
    """The way to a viewer's socket."""

    @property
    def paused(self) -> bool:
        """Whether the network does not take what was written already."""
        ...

    def write(self, data: bytes) -> None:
        """Hand over one whole frame, without waiting."""
        ...

    def close(self, code: int, reason: str) -> None:
        """Close with a code; the viewer leaves the hub by itself."""
        ...


@dataclass(slots=True, eq=False)
class Viewer:
    """One open live feed."""

    sink: Sink
    deflated: bool
    groups: Groups = None
    view: View = WORLD_VIEW
    every: int = 1
    full: bool = True  # the next frame has to be a full one
    skipped: int = 0  # ticks since the last frame, for being behind
    behind_since: float | None = None
    outstanding: list[int] = field(default_factory=list)  # ticks sent and not acknowledged
    last_tick: int = -1
    events: tuple[Event, ...] = ()  # not sent yet
    errors: list[Piece] = field(default_factory=list)
    error_times: list[float] = field(default_factory=list)
    closing: bool = False


@dataclass(frozen=True, slots=True)
class Rules:
    """When a viewer is behind, and for how long that is borne."""

    behind_ticks: int = 2
    close_after_s: float = 30.0


class Hub:
    """All viewers of one node."""

    def __init__(self, world: World, rules: Rules | None = None) -> None:
        self.world = world
        self.rules = rules or Rules()
        self.viewers: dict[Viewer, None] = {}
        self.stats: Counter[str] = Counter()
        self._levels: dict[int, Level] = {}
        self._watchers: Counter[int] = Counter()  # of each level
        self._sharers: Counter[View] = Counter()  # of each view
        self._groups_told = 0  # of the world's groups, in `view` parts to viewers who see all

    # -- viewers -----------------------------------------------------------------------------------

    def add(self, viewer: Viewer) -> None:
        """A viewer came; its first tick is a full one."""
        self.viewers[viewer] = None
        self._watch(viewer.view)

    def remove(self, viewer: Viewer) -> None:
        """A viewer left. Safe to call twice."""
        if viewer in self.viewers:
            del self.viewers[viewer]
            self._unwatch(viewer.view)

    def restrict(self, viewer: Viewer, groups: Groups) -> None:
        """Its rights changed: true from the next tick on."""
        viewer.groups = groups
        viewer.full = True
        viewer.events = self.visible(viewer.events, groups)

    def visible(self, events: tuple[Event, ...], groups: Groups) -> tuple[Event, ...]:
        """The events of groups that may be seen; the very same tuple where these are all."""
        if groups is None:
            return events
        numbers = self.world.groups
        return tuple(e for e in events if numbers.get((e.fleet, e.group)) in groups)

    def resync(self) -> None:
        """A tick broke off: nobody knows who has been told what. The next one starts afresh."""
        self._levels = {number: Level(number, self.world) for number in self._levels}
        for viewer in self.viewers:
            viewer.full = True

    def receive(self, viewer: Viewer, text: str | bytes, now: float) -> None:
        """Take a viewer's message; one that cannot be understood is answered in the next tick."""
        try:
            message = wire.parse_client(text)
            getattr(self, f"_on_{message['type']}")(viewer, message)
        except wire.ClientMessageError as exc:
            self._complain(viewer, str(exc), now)

    def _on_ack(self, viewer: Viewer, message: dict[str, Any]) -> None:
        tick = message["tick"]
        if tick > viewer.last_tick:
            raise wire.ClientMessageError(f"ack.tick: {tick} was not sent yet")
        viewer.outstanding = [sent for sent in viewer.outstanding if sent > tick]

    def _on_view(self, viewer: Viewer, message: dict[str, Any]) -> None:
        view = WORLD_VIEW if message["bbox"] is None else cover(*message["bbox"])
        if view != viewer.view:
            self._watch(view)
            self._unwatch(viewer.view)
            viewer.view = view
            viewer.full = True

    def _on_rate(self, viewer: Viewer, message: dict[str, Any]) -> None:
        if message["every"] != viewer.every:
            viewer.every = message["every"]
            viewer.full = True

    def _complain(self, viewer: Viewer, detail: str, now: float) -> None:
        self.stats["client_errors"] += 1
        recent = [time for time in viewer.error_times if now - time < 60.0]
        viewer.error_times = [*recent, now]
        if len(viewer.error_times) >= MAX_ERRORS_PER_MINUTE:
            self._close(viewer, CLOSE_BAD_MESSAGES, detail)
        else:
            viewer.errors.append(wire.error_part("bad_message", detail))

    def _close(self, viewer: Viewer, code: int, reason: str) -> None:
        if not viewer.closing:
            viewer.closing = True
            self.stats[f"closed_{code}"] += 1
            viewer.sink.close(code, reason)

    def _watch(self, view: View) -> None:
        self._sharers[view] += 1
        self._watchers[view.level] += 1
        if view.level not in self._levels:
            self._levels[view.level] = Level(view.level, self.world)

    def _unwatch(self, view: View) -> None:
        self._sharers[view] -= 1
        if not self._sharers[view]:
            del self._sharers[view]
        # Dropped in the next tick: a viewer flitting between two levels must not build them anew.
        self._watchers[view.level] -= 1

    # -- ticks -------------------------------------------------------------------------------------

    def send(
        self,
        changes: Changes,
        events: tuple[Event, ...],
        *,
        tick: int,
        tick_ms: int,
        now: float,
        degraded: bool,
    ) -> Iterator[None]:
        """One frame to every viewer who is due and not behind.

        A generator: it stops after each YIELD_EVERY viewers so that the caller can let others run.
        Whoever comes in between waits for the next tick; whoever changes its view in between gets
        a full frame of the new one, which is right at any moment.
        """
        for idle in [number for number in self._levels if not self._watchers[number]]:
            del self._levels[idle], self._watchers[idle]
        try:
            rows = {n: level.step(self.world, changes) for n, level in self._levels.items()}
            frames = _TickFrames(self, changes, rows, events, tick, tick_ms, now, degraded)
            for number, viewer in enumerate(list(self.viewers), start=1):
                if viewer in self.viewers and not viewer.closing:
                    self._send_one(viewer, frames, now)
                if number % YIELD_EVERY == 0:
                    yield
        except BaseException:  # the caller's business, but some viewers have missed this tick
            self.resync()
            raise

    def _send_one(self, viewer: Viewer, frames: _TickFrames, now: float) -> None:
        news = frames.news(viewer.groups)
        viewer.events = viewer.events + news if viewer.events else news
        if frames.tick <= viewer.last_tick:  # the clock was set back: no ack can reach those above
            viewer.outstanding.clear()
        if len(viewer.outstanding) >= self.rules.behind_ticks or viewer.sink.paused:
            self._skip(viewer, now)
            return
        viewer.behind_since = None
        if viewer.every > 1:
            if frames.tick % viewer.every and len(viewer.events) <= MAX_KEPT_EVENTS:
                return
            viewer.full = True
        data = frames.frame_for(viewer)
        viewer.outstanding.append(frames.tick)
        viewer.last_tick = frames.tick
        if viewer.skipped:
            self.stats["conflated"] += 1
        viewer.full, viewer.skipped = False, 0
        viewer.events, viewer.errors = (), []
        viewer.sink.write(data)
        self.stats["frames"] += 1
        self.stats["bytes"] += len(data)

    def _skip(self, viewer: Viewer, now: float) -> None:
        self.stats["skipped"] += 1
        viewer.skipped += 1
        viewer.full = True
        if viewer.behind_since is None:
            viewer.behind_since = now
        if now - viewer.behind_since >= self.rules.close_after_s:
            self._close(viewer, CLOSE_TOO_SLOW, "behind for too long")
        elif len(viewer.events) > MAX_KEPT_EVENTS:
            self._close(viewer, CLOSE_TOO_SLOW, "too many events are waiting")


class _TickFrames:
    """What viewers share in one tick, each thing worked out when the first of them asks."""

    def __init__(
        self,
        hub: Hub,
        changes: Changes,
        rows: dict[int, dict[int, TopicRows]],
        events: tuple[Event, ...],
        tick: int,
        tick_ms: int,
        now: float,
        degraded: bool,
    ) -> None:
        self.tick = tick
        self._events = events
        self._hub = hub
        self._world = hub.world
        self._new_groups = len(hub.world.group_keys) > hub._groups_told
        hub._groups_told = len(hub.world.group_keys)
        self._changes = changes
        self._rows = rows
        self._tick_ms = tick_ms
        self._time_ms = round(now * 1000)
        self._degraded = degraded
        self._heads: dict[tuple[Groups, int], Piece] = {}
        self._news: dict[Groups, tuple[Event, ...]] = {}
        self._news_parts: dict[Groups, Piece] = {}
        self._parts: dict[tuple[int, int, bool], Piece] = {}
        self._slots: dict[int, dict[int, IntArray]] = {}
        self._by_cell: dict[tuple[int, bool], dict[int, list[int]]] = {}
        self._joined: dict[tuple[View, Groups, bool], list[Piece]] = {}
        self._frames: dict[tuple[View, Groups, bool, int, bool], bytes] = {}

    def news(self, groups: Groups) -> tuple[Event, ...]:
        """This tick's events of groups that may be seen."""
        if not self._events:
            return ()
        events = self._news.get(groups)
        if events is None:
            events = self._news[groups] = self._hub.visible(self._events, groups)
        return events

    def frame_for(self, viewer: Viewer) -> bytes:
        """The viewer's frame: from the shelf unless it, or something in it, is for it alone."""
        alone = self._hub._sharers[viewer.view] == 1
        if alone or viewer.errors or viewer.events is not self.news(viewer.groups):
            return wire.frame(self._pieces(viewer), deflated=viewer.deflated)
        key = (viewer.view, viewer.groups, viewer.full, viewer.skipped, viewer.deflated)
        data = self._frames.get(key)
        if data is None:
            data = wire.frame(self._pieces(viewer), deflated=viewer.deflated)
            self._frames[key] = data
        return data

    def _pieces(self, viewer: Viewer) -> list[Piece]:
        pieces = [self._head(viewer.groups, viewer.skipped)]
        pieces += self._cells(viewer.view, viewer.groups, viewer.full)
        if viewer.events:
            pieces.append(self._events_part(viewer))
        return [*pieces, *viewer.errors, wire.TAIL]

    def _events_part(self, viewer: Viewer) -> Piece:
        """Shared by all who wait for nothing but the news."""
        if viewer.events is not self.news(viewer.groups):
            return wire.events_part(viewer.events)
        piece = self._news_parts.get(viewer.groups)
        if piece is None:
            piece = self._news_parts[viewer.groups] = wire.events_part(viewer.events)
        return piece

    def _head(self, groups: Groups, conflated: int) -> Piece:
        piece = self._heads.get((groups, conflated))
        if piece is None:
            piece = self._heads[groups, conflated] = wire.head(
                self.tick,
                time_ms=self._time_ms,
                degraded=self._degraded,
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
                self._slots[level] = self._hub._levels[level].everyone()
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
                content["enter"] = wire.enter_columns(self._world, slots, self._tick_ms)
            else:
                self._fill(content, self._rows[level][topic])
            piece = self._parts[level, topic, full] = wire.part(content)
        return piece

    def _fill(self, content: dict[str, Any], rows: TopicRows) -> None:
        if len(rows.leave):
            content["leave"] = rows.leave + 1
        if len(rows.enter):
            content["enter"] = wire.enter_columns(self._world, rows.enter, self._tick_ms)
        if len(rows.move):
            content["move"] = wire.move_columns(self._world, self._changes, rows.move)
        if len(rows.restate):
            content["state"] = wire.state_columns(self._world, rows.restate, self._tick_ms)
