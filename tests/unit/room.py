"""A hub with its world and some viewers, for tests that look at what each of them gets."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import orjson

from tests.unit.builders import T0, live, vehicle
from tests.unit.feed_client import FeedClient, Frames
from tracker.hub import Hub, Rules, Viewer
from tracker.model import Event, EventKind, Live
from tracker.world import World


class Socket:
    """A sink that keeps what is written, and a client that reads it."""

    def __init__(self, *, deflated: bool = True) -> None:
        self.deflated = deflated
        self.paused = False
        self.written: list[bytes] = []
        self.closed: list[tuple[int, str]] = []
        self.client = FeedClient()
        self._frames = Frames(deflated=deflated)
        self._read = 0

    def write(self, data: bytes) -> None:
        """A frame came."""
        self.written.append(data)

    def close(self, code: int, reason: str) -> None:
        """The server closes."""
        self.closed.append((code, reason))

    def read(self) -> list[dict[str, Any]]:
        """The messages since the last look, applied to the client."""
        messages = [self._frames.message(data) for data in self.written[self._read :]]
        self._read = len(self.written)
        for message in messages:
            self.client.take(message)
        return messages

    def held(self) -> dict[str, dict[str, Any]]:
        """The vehicles that the client holds now, by id."""
        self.read()
        return self.client.by_id()

    def parts(self) -> list[dict[str, Any]]:
        """The parts of the one message that came since the last look."""
        (message,) = self.read()
        parts: list[dict[str, Any]] = message["parts"]
        return parts

    def kinds(self) -> list[str]:
        """Their kinds."""
        return [part["kind"] for part in self.parts()]


class Room:
    """Ticks of one second, from T0 on."""

    def __init__(self, **rules: Any) -> None:
        self.world = World()
        self.hub = Hub(self.world, Rules(**rules))
        self.number = int(T0)

    def connect(self, *, deflated: bool = True, **more: Any) -> tuple[Viewer, Socket]:
        """A viewer who sees the world."""
        socket = Socket(deflated=deflated)
        viewer = Viewer(socket, deflated, **more)
        self.hub.add(viewer)
        return viewer, socket

    def say(self, viewer: Viewer, **message: Any) -> None:
        """A viewer's message."""
        self.hub.receive(viewer, orjson.dumps(message), self.number)

    def ack(self, *viewers: Viewer) -> None:
        """Viewers acknowledge what was sent last."""
        for viewer in viewers:
            self.say(viewer, type="ack", tick=viewer.last_tick)

    def place(self, id_: str, lat: float, lon: float, **more: Any) -> Live:
        """A described vehicle's report; to be handed to `tick`."""
        if id_ not in self.world.slots:
            self.world.describe(vehicle(id_, **more))
        return live(id_, self.number + 1 - T0, lat=lat, lon=lon)

    def tick(self, *news: Live, events: Iterable[Event] = (), number: int | None = None) -> int:
        """One tick later; how often the hub stopped to let others run."""
        self.number = self.number + 1 if number is None else number
        now = self.number + 0.004
        changes = self.world.step(news, now)
        sending = self.hub.send(
            changes,
            tuple(events),
            tick=self.number,
            tick_ms=self.number * 1000,
            now=now,
            degraded=False,
        )
        return sum(1 for _ in sending)


def alarm(id_: str, group: str = "") -> Event:
    """An event of a group of the main fleet."""
    return Event(id_, EventKind.ALARM, "a", T0, "sos", "main", group)
