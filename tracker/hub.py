"""Who sees what: viewers, their views, and the one frame that each gets per tick.

Pure but for the sink that a viewer brings: no sockets, no clock. Everything that viewers share is
worked out at most once per tick (`tracker.frames`): a fragment per topic, a frame per view.
Positions are never queued: a viewer who is behind is skipped, and gets one full frame of its view
when it has caught up. Events are kept for it in a bounded list.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Protocol

from tracker import wire
from tracker.cells import WORLD_VIEW, Level, View, cover
from tracker.frames import Groups, Moment, TickFrames, Wanted, visible
from tracker.model import Event
from tracker.wire import Piece
from tracker.world import Changes, World

YIELD_EVERY = 250  # viewers between two chances for everything else: about 2 ms of writing
MAX_KEPT_EVENTS = 1_000  # of one viewer who is behind: more than any fleet raises in 30 s
MAX_SHARES = 100_000  # remembered distinct views; forgetting one costs a frame made twice
MAX_ERRORS_PER_MINUTE = 10  # of one viewer: beyond it the client is broken, not unlucky

CLOSE_BAD_MESSAGES = 4002
CLOSE_TOO_SLOW = 4008


# Frames of a tick by share; full ones by share and how many ticks were skipped before them.
_Shelf = dict[int | tuple[int, int], bytes]


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
    errors: tuple[Piece, ...] = ()
    error_times: list[float] = field(default_factory=list)
    closing: bool = False
    share: int = -1  # equal for viewers with the same view, rights and compression


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
        self.frames_sent = 0
        self.bytes_sent = 0
        self._levels: dict[int, Level] = {}
        self._watchers: Counter[int] = Counter()  # of each level
        self._sharers: Counter[View] = Counter()  # of each view
        self._shares: dict[tuple[View, Groups, bool], int] = {}
        self._numbers = count()
        self._groups_told = 0  # of the world's groups, in `view` parts to viewers who see all

    # -- viewers -----------------------------------------------------------------------------------

    def add(self, viewer: Viewer) -> None:
        """A viewer came; its first tick is a full one."""
        viewer.closing = False
        self.viewers[viewer] = None
        self._watch(viewer.view)
        viewer.share = self._share(viewer)

    def remove(self, viewer: Viewer) -> None:
        """A viewer left. Safe to call twice."""
        if viewer in self.viewers:
            viewer.closing = True
            del self.viewers[viewer]
            self._unwatch(viewer.view)

    def restrict(self, viewer: Viewer, groups: Groups) -> None:
        """Its rights changed: true from the next tick on."""
        viewer.groups = groups
        viewer.full = True
        viewer.events = visible(self.world, viewer.events, groups)
        viewer.share = self._share(viewer)

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
            viewer.share = self._share(viewer)

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
            viewer.errors += (wire.error_part("bad_message", detail),)

    def _close(self, viewer: Viewer, code: int, reason: str) -> None:
        if not viewer.closing:
            viewer.closing = True
            self.stats[f"closed_{code}"] += 1
            viewer.sink.close(code, reason)

    def _share(self, viewer: Viewer) -> int:
        """A number for what a viewer gets, so that the send loop need not compare views."""
        key = (viewer.view, viewer.groups, viewer.deflated)
        if len(self._shares) > MAX_SHARES and key not in self._shares:
            self._shares.clear()
        return self._shares.setdefault(key, next(self._numbers))

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
        groups = len(self.world.group_keys)
        new_groups, self._groups_told = groups > self._groups_told, groups
        try:
            moment = Moment(tick, tick_ms, now, degraded)
            frames = TickFrames(
                self.world, self._levels, changes, events, moment, new_groups=new_groups
            )
            shelf: _Shelf = {}
            for number, viewer in enumerate(list(self.viewers), start=1):
                if not viewer.closing:
                    self._send_one(viewer, frames, shelf)
                if number % YIELD_EVERY == 0:
                    yield
        except BaseException:  # the caller's business, but some viewers have missed this tick
            self.resync()
            raise

    def _send_one(self, viewer: Viewer, frames: TickFrames, shelf: _Shelf) -> None:
        tick = frames.moment.tick
        news = frames.news(viewer.groups) if frames.events else ()
        if news:
            viewer.events = viewer.events + news if viewer.events else news
        outstanding = viewer.outstanding
        if outstanding and tick <= viewer.last_tick:
            outstanding.clear()  # the clock was set back: no ack can reach those above
        if len(outstanding) >= self.rules.behind_ticks or viewer.sink.paused:
            self._skip(viewer, frames.moment.now)
            return
        viewer.behind_since = None
        if viewer.every > 1:
            if tick % viewer.every and len(viewer.events) <= MAX_KEPT_EVENTS:
                return
            viewer.full = True
        if viewer.full or viewer.errors or viewer.events is not news:
            data = self._special(viewer, frames, shelf, news)
        else:  # what all who share its view get: mostly another one had it made already
            found = shelf.get(viewer.share)
            data = self._shared(viewer, frames, shelf, viewer.share) if found is None else found
        if viewer.events:
            viewer.events = ()
        outstanding.append(tick)
        viewer.last_tick = tick
        viewer.sink.write(data)
        self.frames_sent += 1
        self.bytes_sent += len(data)

    def _special(
        self, viewer: Viewer, frames: TickFrames, shelf: _Shelf, news: tuple[Event, ...]
    ) -> bytes:
        """A full frame, or one with something in it that is for this viewer alone."""
        if viewer.errors or viewer.events is not news:
            data = self._frame(viewer, frames)
        else:
            key = (viewer.share, viewer.skipped)
            data = shelf.get(key) or self._shared(viewer, frames, shelf, key)
        if viewer.skipped:
            self.stats["conflated"] += 1
        viewer.full, viewer.skipped, viewer.errors = False, 0, ()
        return data

    def _shared(
        self,
        viewer: Viewer,
        frames: TickFrames,
        shelf: _Shelf,
        key: int | tuple[int, int],
    ) -> bytes:
        """Make a frame, and keep it where others want it too: alone, it would only take room."""
        data = self._frame(viewer, frames)
        if self._sharers[viewer.view] > 1:
            shelf[key] = data
        return data

    def _frame(self, viewer: Viewer, frames: TickFrames) -> bytes:
        wanted = Wanted(
            viewer.view, viewer.groups, viewer.full, viewer.skipped, viewer.events, viewer.errors
        )
        return frames.frame(wanted, deflated=viewer.deflated)

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
