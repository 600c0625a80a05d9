"""The way to one broker: a waiting room, a window of what is published and not confirmed.

Both are bounded, by number and by bytes. Time is an argument. Nothing is dropped: a request waits,
is published, is confirmed, or its deadline passes, and whoever asked is told which.
"""

from __future__ import annotations

import math
import time
from collections import Counter, deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import structlog

from tracker.mqtt.latency import Latency
from tracker.mqtt.mistakes import Mistakes
from tracker.mqtt.requests import MISTAKE, Code, Request

WAITING_BYTES = 16 << 20  # of one broker's waiting room
WINDOW_BYTES = 4 << 20  # published and not confirmed: what a socket and a broker hold for us
PACKET_OVERHEAD = 16  # bytes of a PUBLISH beside topic and payload, at most
# A message that ends every connection that carries it is given up after so many, once nobody
# waits for it any more: the others would never get through.
SENT_MOST = 3

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Limits:
    """What the relay bears for each broker."""

    waiting: int = 10_000  # requests
    window: int = 500  # published and not confirmed
    deadline_s: float = 20.0
    message_bytes: int = 65_536


class Publisher(Protocol):
    """The broker's connection, as a lane sees it."""

    connected: bool
    receive_maximum: int
    largest_packet: int | None

    @property
    def state(self) -> str: ...

    def publish(self, topic: str, payload: bytes) -> int | None: ...

    def forget(self) -> None: ...


class Lane:
    """All requests for one broker, in order."""

    def __init__(self, name: str, link: Publisher, limits: Limits) -> None:
        self.name = name
        self.link = link
        self.limits = limits
        self.stats: Counter[str] = Counter()
        self.codes: Counter[str] = Counter()  # answers other than ok, by word
        self.latency = Latency()
        self.waiting: deque[Request] = deque()
        self.in_flight: dict[int, Request] = {}  # by packet id, in the order of publishing
        self._waiting_bytes = 0
        self._flight_bytes = 0
        self._crowded = False
        self._on_room: list[Callable[[], None]] = []
        self._mistakes = Mistakes()

    # -- coming in ---------------------------------------------------------------------------------

    def submit(self, request: Request, now: float) -> bool:
        """Take a request; False: there is no room, see `on_room`.

        Its time runs from the first try, whatever comes of it.
        """
        if request.deadline == math.inf:
            request.begun, request.deadline = now, now + self.limits.deadline_s
        if self._crowded:
            return False
        largest = self.link.largest_packet
        if largest is not None and request.size + PACKET_OVERHEAD > largest:
            self.refuse(request, Code.TOO_LARGE, f"this broker takes {largest} bytes at most")
            return True
        self.waiting.append(request)
        self._waiting_bytes += request.size
        self._crowded = (
            len(self.waiting) >= self.limits.waiting or self._waiting_bytes >= WAITING_BYTES
        )
        self.pump()
        return True

    def on_room(self, callback: Callable[[], None]) -> None:
        """Call back once when there is room again; now if there is."""
        if self._crowded:
            self._on_room.append(callback)
        else:
            callback()

    def forget_waiter(self, callback: Callable[[], None]) -> None:
        """Whoever waited for room has gone."""
        if callback in self._on_room:
            self._on_room.remove(callback)

    @property
    def crowded(self) -> bool:
        """Full, and not yet half empty again."""
        return self._crowded

    # -- going out ---------------------------------------------------------------------------------

    def pump(self) -> None:
        """Publish what the window has room for."""
        link = self.link
        window = min(self.limits.window, link.receive_maximum)
        while (
            self.waiting
            and link.connected
            and len(self.in_flight) < window
            and self._flight_bytes < WINDOW_BYTES
        ):
            request = self.waiting[0]
            try:
                packet_id = link.publish(request.topic, request.payload)
            except Exception:  # noqa: BLE001 - it is told, and ends this request alone
                self._mistakes.tell("relay.publish_failed", time.monotonic(), broker=self.name)
                self.waiting.popleft()
                self._waiting_bytes -= request.size
                self.refuse(request, Code.INTERNAL, MISTAKE)
                continue
            if packet_id is None:  # no packet id is free; one is with the next confirmation
                break
            self.waiting.popleft()
            self._waiting_bytes -= request.size
            self._flight_bytes += request.size
            self.in_flight[packet_id] = request
            request.sent += 1
            self.stats["published"] += 1
        self._look_for_room()

    def _look_for_room(self) -> None:
        if (
            self._crowded
            and len(self.waiting) <= self.limits.waiting // 2
            and self._waiting_bytes <= WAITING_BYTES // 2
        ):
            self._crowded = False
            callbacks, self._on_room = self._on_room, []
            for callback in callbacks:
                callback()

    def confirmed(self, packet_id: int, refusal: str | None, now: float) -> None:
        """The broker has answered a message."""
        request = self.in_flight.pop(packet_id, None)
        if request is None:
            self.stats["strange_confirmations"] += 1
            return
        self._flight_bytes -= request.size
        if refusal is not None:
            self.refuse(request, Code.REFUSED, refusal)
        else:
            self.stats["confirmed"] += 1
            self.latency.observe(now - request.begun)
            if request.done:
                self.stats["confirmed_late"] += 1
            request.answer(Code.OK)
        if self.waiting:
            self.pump()

    def came_up(self) -> None:
        """The broker is back, and what it has not confirmed is about to be published again."""
        flight = self.in_flight
        poisoned = any(one.done and one.sent >= SENT_MOST for one in flight.values())
        if poisoned or len(flight) > self.link.receive_maximum:
            self._start_over()
            return
        for request in flight.values():
            request.sent += 1
        self.stats["republished"] += len(flight)

    def _start_over(self) -> None:
        """Put back what is in flight, but for what nobody waits for any more."""
        self.link.forget()
        kept = [one for one in self.in_flight.values() if not one.done]
        dropped = len(self.in_flight) - len(kept)
        self.stats["given_up"] += dropped
        self.stats["republished"] += len(kept)
        self.in_flight.clear()
        self._flight_bytes = 0
        self.waiting.extendleft(reversed(kept))
        self._waiting_bytes += sum(one.size for one in kept)
        _log.warning("relay.started_over", broker=self.name, kept=len(kept), given_up=dropped)

    # -- time --------------------------------------------------------------------------------------

    def sweep(self, now: float) -> None:
        """Tell those whose time is over."""
        late = [one for one in self.waiting if one.deadline <= now]
        if late:
            self.waiting = deque(one for one in self.waiting if one.deadline > now)
        for request in late:
            self._waiting_bytes -= request.size
            again = request.sent > 0  # put back after it had been published once
            self.refuse(request, Code.UNCONFIRMED if again else Code.AWAY, self.link.state)
        for request in self.in_flight.values():
            if not request.done and request.deadline <= now:
                self.refuse(request, Code.UNCONFIRMED, self.link.state)
        self._look_for_room()

    def stop(self) -> None:
        """Nothing more is published; who waits is told."""
        while self.waiting:
            self.refuse(self.waiting.popleft(), Code.STOPPING, "the server stops")
        self._waiting_bytes = 0
        self._look_for_room()

    def abandon(self) -> None:
        """The end: nobody waits for a confirmation any more."""
        for request in self.in_flight.values():
            self.refuse(request, Code.UNCONFIRMED, "the server stops")

    def refuse(self, request: Request, code: Code, detail: str) -> None:
        """Tell whoever asked, unless it has been told, and count it."""
        if not request.done:
            self.codes[code.word] += 1
            request.answer(code, detail)
