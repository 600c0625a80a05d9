"""Random stories of vehicles and viewers, run against `World` and `Hub` and compared tick by tick.

What happens is drawn from a seed; what every viewer must hold comes from tests/unit/reference.py.
"""

from __future__ import annotations

import json
import random
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import Any
from unittest.mock import patch

from tests.unit.builders import T0, vehicle
from tests.unit.feed_client import FeedClient, Frames
from tests.unit.reference import (
    OFFLINE_S,
    STALE_PARKED_S,
    STALE_S,
    age_key,
    expected_row,
    label,
    state_at,
    tile,
)
from tracker.hub import Hub, Viewer
from tracker.model import Event, EventKind, Fix, Live, Position, State, Vehicle
from tracker.world import AgeRules, World

IDS = [f"v{n}" for n in range(12)]
GROUPS = ["", "north", "north/trucks", "south"]
# Near to each other at all levels, across an edge of each, and at the ends of the map.
PLACES = [
    (46.05, 14.5), (46.050001, 14.5), (46.051, 14.502), (46.06, 14.52), (46.5, 15.0), (47.0, 22.0),
    (0.0, 0.0), (0.000001, -0.000001), (-0.000001, 0.000001), (45.0, 90.0), (45.0, 89.999999),
    (10.0, 180.0), (10.0, -180.0), (10.0, 179.9999), (90.0, 0.0), (-90.0, 180.0), (86.0, -20.0),
]  # fmt: skip
BOXES = [
    None, [-180, -90, 180, 90], [14, 45, 16, 47], [14.49, 46.04, 14.51, 46.07],
    [14.4999, 46.0499, 14.5001, 46.0501], [-1, -1, 1, 1], [0, 0, 0, 0], [179, 9, -179, 11],
    [-20, 80, 0, 90], [100, -90, 90, 90], [0, 0, 45, 60],
]  # fmt: skip
BEHIND_TICKS, CLOSE_AFTER_S = 2, 30.0
MAX_WATCHERS = 8


@dataclass(eq=False)
class Watcher:
    """A viewer's end: its sink for the hub, its client, and what the reference knows of it."""

    deflated: bool
    client: FeedClient = field(default_factory=FeedClient)
    paused: bool = False
    acknowledges: bool = True
    frames: list[bytes] = field(default_factory=list)
    closed: list[int] = field(default_factory=list)
    unacknowledged: int = 0
    skipped: int = 0
    behind_since: float | None = None
    every: int = 1
    waiting: list[Event] = field(default_factory=list)  # that must come with the next message
    errors: int = 0

    def __post_init__(self) -> None:
        self.reader = Frames(deflated=self.deflated)

    def write(self, data: bytes) -> None:
        """A frame came."""
        self.frames.append(data)

    def close(self, code: int, _reason: str) -> None:
        """The server closes."""
        self.closed.append(code)


class Story:
    """`happen` does one random thing, `tick` sends and compares everything with the reference."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        self.log: list[str] = []
        self.counts: Counter[str] = Counter()
        rules = AgeRules(STALE_S, STALE_PARKED_S, OFFLINE_S)
        self.world = World(rules)
        self.hub = Hub(self.world)
        self.described: dict[str, Vehicle] = {}
        self.newest: dict[str, Live] = {}
        self.news: list[Live] = []
        self.events: list[Event] = []
        self.watchers: dict[Watcher, Viewer] = {}
        self.number = int(T0)
        self.serial = 0
        self.mostly = self.rng.choice(PLACES)  # crowds make cells with several vehicles

    @property
    def now(self) -> float:
        """The server's clock at a tick."""
        return self.number + 0.004

    # -- what can happen -----------------------------------------------------------------------

    def happen(self) -> None:
        """One random thing."""
        things = {
            self.report: 12, self.describe: 3, self.heartbeat: 2, self.remove: 0.5, self.event: 1,
            self.connect: 1, self.look: 2, self.rate: 0.7, self.restrict: 0.7, self.network: 3,
            self.drawing: 3, self.nonsense: 0.3, self.disconnect: 0.2,
        }  # fmt: skip
        (thing,) = self.rng.choices(list(things), list(things.values()))
        thing()

    def describe(self) -> None:
        """A vehicle appears, or changes its name or group."""
        rng = self.rng
        id_ = rng.choice(IDS)
        self.described[id_] = vehicle(id_, name=rng.choice("xyz"), group=rng.choice(GROUPS))
        self.world.describe(self.described[id_])
        self.log.append(f"describe {self.described[id_]}")

    def remove(self) -> None:
        """A vehicle is deleted."""
        id_ = self.rng.choice(IDS)
        self.world.remove(id_)
        self.described.pop(id_, None)
        self.newest.pop(id_, None)
        self.log.append(f"remove {id_}")

    def report(self) -> None:
        """A row of a vehicle: newer than what is known, or not; of a known vehicle, or not."""
        rng = self.rng
        self.serial += 1
        place = rng.choice(
            [self.mostly, rng.choice(PLACES), (rng.uniform(-90, 90), rng.uniform(-180, 180))]
        )
        fix = Fix(
            self.number - rng.choice([0.0, 0.0, 0.5, 1.0004, 19.0, 100.0, -5.0]),
            *place,
            speed_kmh=rng.choice([None, 0.0, 3.04, 50.06, 133.3]),
            course_deg=rng.choice([None, 0.0, 90.04, 359.97]),
        )
        id_ = rng.choice(IDS)
        live = Live(
            id_,
            Position(id_, fix, self.number, self.serial),
            rng.choice([State.MOVING, State.IDLE, State.PARKED]),
            self.number - rng.choice([0.0, 1.0, 500.0]),
            None,
            self.number - rng.choice([0.0, 0.0, 0.3, 60.0]),
            rng.choice([None, True, False]),
            rng.choice([(), (), ("sos",)]),
        )
        self.news.append(live)
        self.log.append(f"report {live}")

    def heartbeat(self) -> None:
        """A vehicle is heard without a position."""
        id_ = self.rng.choice(IDS)
        known = self.newest.get(id_) or Live(id_)
        live = replace(
            known,
            contact_time=self.number - self.rng.choice([0.0, 0.0, 30.0]),
            ignition=self.rng.choice([None, True, False]),
            alarms=self.rng.choice([(), ("sos",)]),
        )
        self.news.append(live)
        self.log.append(f"heartbeat {live}")

    def event(self) -> None:
        """Something happened once."""
        self.serial += 1
        kind, group = self.rng.choice(list(EventKind)), self.rng.choice(GROUPS)
        self.events.append(Event(f"e{self.serial}", kind, "v0", self.number, "sos", "main", group))

    def connect(self) -> None:
        """A viewer comes; it may see all, or some of the groups that there are."""
        if len(self.watchers) >= MAX_WATCHERS:
            return
        watcher = Watcher(deflated=self.rng.random() < 0.5)
        viewer = Viewer(watcher, watcher.deflated, groups=self._some_groups())
        self.watchers[watcher] = viewer
        self.hub.add(viewer)
        self.log.append(f"connect, groups {viewer.groups}")

    def look(self) -> None:
        """A viewer changes its view."""
        for _, viewer in self._anyone():
            message = {"type": "view", "bbox": self.rng.choice(BOXES), "zoom": 12}
            self._say(viewer, message)

    def rate(self) -> None:
        """A page goes to the background or comes back."""
        for watcher, viewer in self._anyone():
            watcher.every = self.rng.choice([1, 1, 2, 3])
            self._say(viewer, {"type": "rate", "every": watcher.every})

    def restrict(self) -> None:
        """A viewer's rights change."""
        for watcher, viewer in self._anyone():
            self.hub.restrict(viewer, self._some_groups())
            self.log.append(f"restrict to {viewer.groups}")
            waiting = watcher.waiting
            watcher.waiting = [event for event in waiting if self._may_see(viewer, event)]

    def network(self) -> None:
        """A viewer's network stalls, or takes data again."""
        for watcher, _ in self._anyone():
            watcher.paused = self.rng.random() < 0.3
            self.log.append(f"paused: {watcher.paused}")

    def drawing(self) -> None:
        """A page stops to draw, or draws again and acknowledges all that came."""
        for watcher, viewer in self._anyone():
            watcher.acknowledges = self.rng.random() < 0.7
            if watcher.acknowledges and watcher.client.tick is not None:
                self._acknowledge(watcher, viewer)

    def nonsense(self) -> None:
        """A viewer says what cannot be understood; the tenth would close: see test_hub."""
        for watcher, viewer in self._anyone():
            if watcher.errors < 9:
                watcher.errors += 1
                self.hub.receive(viewer, b"junk", 100.0 * self.serial)
                self.serial += 1

    def disconnect(self) -> None:
        """A viewer leaves."""
        for watcher, viewer in self._anyone():
            self.hub.remove(viewer)
            del self.watchers[watcher]
            self.log.append("disconnect")

    def _anyone(self) -> list[tuple[Watcher, Viewer]]:
        return self.rng.sample(list(self.watchers.items()), min(1, len(self.watchers)))

    def _some_groups(self) -> frozenset[int] | None:
        known = sorted(self.world.groups.values())
        if self.rng.random() < 0.5:
            return None
        return frozenset(self.rng.sample(known, self.rng.randint(0, len(known))))

    def _say(self, viewer: Viewer, message: dict[str, Any]) -> None:
        self.log.append(f"says {message}")
        self.hub.receive(viewer, json.dumps(message), self.now)

    def _acknowledge(self, watcher: Watcher, viewer: Viewer) -> None:
        self._say(viewer, {"type": "ack", "tick": watcher.client.tick})
        watcher.unacknowledged = 0

    # -- ticks ---------------------------------------------------------------------------------

    def tick(self, passed: int, interruptions: int = 0) -> None:
        """A tick some seconds later; while its frames go out so many things happen.

        What those change may or may not be in this tick's frames, so it is not compared: a tick
        without interruptions has to follow.
        """
        self.number += passed
        self.log.append(f"tick {self.number}, {interruptions} interruptions")
        self._learn()
        news, self.news = self.news, []
        events, self.events = tuple(self.events), []
        changes = self.world.step(news, self.now)
        with patch("tracker.hub.YIELD_EVERY", 1):
            sending = self.hub.send(
                changes, events, tick=self.number, tick_ms=self.number * 1000, now=self.now,
                degraded=False,
            )  # fmt: skip
            for watcher, viewer in list(self.watchers.items()):
                present = watcher in self.watchers
                due = present and self._due(watcher)
                watcher.waiting += [event for event in events if self._may_see(viewer, event)]
                next(sending)
                if present:
                    self._check(watcher, due, exact=not interruptions)
                for _ in range(interruptions):
                    self.happen()
            assert next(sending, "the end") == "the end"

    def _learn(self) -> None:
        for live in self.news:
            if live.vehicle_id not in self.described:
                continue
            known = self.newest.get(live.vehicle_id)
            if known is None:
                self.newest[live.vehicle_id] = live
                continue
            contact = max(known.contact_time, live.contact_time)
            winner = live if age_key(live) >= age_key(known) else known
            self.newest[live.vehicle_id] = replace(winner, contact_time=contact)

    def _due(self, watcher: Watcher) -> bool:
        """Whether a message must come now; keeps count of what must be said of it."""
        if watcher.unacknowledged >= BEHIND_TICKS or watcher.paused:
            watcher.skipped += 1
            if watcher.behind_since is None:
                watcher.behind_since = self.now
            return False
        watcher.behind_since = None
        return self.number % watcher.every == 0

    def _check(self, watcher: Watcher, due: bool, *, exact: bool) -> None:
        frames, watcher.frames = watcher.frames, []
        assert len(frames) == due
        viewer = self.watchers[watcher]
        if not due:
            self._check_patience(watcher, viewer)
            return
        client = watcher.client
        client.take(watcher.reader.message(frames[0]))
        assert client.tick == self.number
        assert client.status["conflated"] == watcher.skipped
        assert client.full or not (watcher.skipped or watcher.every > 1)
        assert [event["id"] for event in client.events] == [event.id for event in watcher.waiting]
        assert len(client.errors) == watcher.errors
        if exact:
            self._compare(client, viewer)
        self.counts["conflated"] += bool(watcher.skipped)
        self.counts["events"] += len(client.events)
        watcher.waiting, watcher.errors, watcher.skipped = [], 0, 0
        client.events, client.errors = [], []
        watcher.unacknowledged += 1
        if watcher.acknowledges:
            self._acknowledge(watcher, viewer)

    def _check_patience(self, watcher: Watcher, viewer: Viewer) -> None:
        since = watcher.behind_since
        if since is not None and self.now - since >= CLOSE_AFTER_S:
            assert watcher.closed == [4008]
            self.counts["closed"] += 1
            self.hub.remove(viewer)
            del self.watchers[watcher]
        else:
            assert watcher.closed == []

    def _compare(self, client: FeedClient, viewer: Viewer) -> None:
        """The client's rows and counts against the reference."""
        assert client.cells is not None
        assert client.groups is not None
        visible = {
            id_: live
            for id_, live in self.newest.items()
            if live.position is not None and self._may_see(viewer, self.described[id_])
        }
        assert {label(self.described[id_]) for id_ in visible} <= set(client.groups)
        expected = {}
        level = int(client.cells[0].partition("/")[0])
        for id_, live in visible.items():
            row = expected_row(self.described[id_], live, self.now)
            x, y = tile(row["lat"] / 1e6, row["lon"] / 1e6, level)
            if f"{level}/{x}/{y}" in client.cells:
                expected[id_] = row | {"cell": f"{level}/{x}/{y}"}
        assert client.by_id() == expected
        states = Counter(state_at(live, self.now)[0] for live in visible.values())
        assert client.status["counts"] == [states[state] for state in State]
        self.counts["full" if client.full else "differences"] += 1
        self.counts["rows"] += len(expected)

    def _may_see(self, viewer: Viewer, what: Event | Vehicle) -> bool:
        number = self.world.groups.get((what.fleet, what.group))
        return viewer.groups is None or number in viewer.groups
