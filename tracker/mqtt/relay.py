"""The relay: a message for a device goes to the broker whose range holds the device.

One `Lane` and one `Link` for each broker. Callers come in by TCP (`callers.py`) and by REST; both
ask `take` for a lane's room and are told the outcome by the request itself.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from typing import Any

from tracker.brokers import Key, RelayBroker
from tracker.mqtt.lane import Lane, Limits
from tracker.mqtt.link import Link
from tracker.mqtt.mistakes import Mistakes
from tracker.mqtt.requests import (
    MISTAKE,
    Code,
    Refusal,
    Request,
    line_most,
    read_request,
)

SWEEP_S = 0.25  # between two looks at deadlines
LAST_CONFIRMATIONS_S = 3.0  # that brokers have at a shutdown
# The broker keeps what it knows of us for so long while we are away; of the relay only that the
# session exists, so an hour serves as well as a day.
SESSION_S = 3_600


class Relay:
    """All brokers of this node's relay."""

    def __init__(self, brokers: Sequence[RelayBroker], node: str, limits: Limits) -> None:
        self.limits = limits
        self.codes: Counter[str] = Counter()  # of what came to no broker, by word
        self.stopping = False
        self.lanes: list[Lane] = []
        self.links: list[Link] = []
        self._low: list[Key] = []
        self._high: list[Key] = []
        self._sweeper: asyncio.Task[None] | None = None
        self._mistakes = Mistakes()
        for broker in sorted(brokers, key=lambda one: one.ends):
            client_id = broker.client_id or f"tracker-{node}-relay-{broker.name}"
            link = Link(broker, client_id, session_s=SESSION_S)
            lane = Lane(broker.name, link, limits)
            _join(link, lane)
            self.lanes.append(lane)
            self.links.append(link)
            low, high = broker.ends
            self._low.append(low)
            self._high.append(high)

    def start(self) -> None:
        """Begin to connect to all of them."""
        for link in self.links:
            link.start()
        self._sweeper = asyncio.create_task(self._sweep_forever(), name="relay sweep")

    def stop(self) -> None:
        """Publish nothing more; those who wait are told."""
        self.stopping = True
        for lane in self.lanes:
            lane.stop()

    async def close(self) -> None:
        """Wait a little for the last confirmations, then say goodbye to the brokers."""
        self.stop()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_CONFIRMATIONS_S):
                while self._unconfirmed:  # noqa: ASYNC110 - once, at the very end
                    await asyncio.sleep(0.01)
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.gather(self._sweeper, return_exceptions=True)
        for lane in self.lanes:
            lane.abandon()
        await asyncio.gather(*(link.close() for link in self.links))

    @property
    def _unconfirmed(self) -> bool:
        """Whether a broker that is there has something yet to confirm."""
        return any(
            lane.link.connected and any(not one.done for one in lane.in_flight.values())
            for lane in self.lanes
        )

    def read(self, line: bytes | None, default_id: int | None = None) -> tuple[Request, Lane]:
        """What a line asks for, and where it goes; None is a line that was too long.

        Raises Refusal, and nothing else.
        """
        most = self.limits.message_bytes
        id_: Any = default_id
        try:
            if line is None:
                detail = f"a line has at most {line_most(most)} bytes"
                raise Refusal(Code.TOO_LARGE, detail, default_id)
            request = read_request(line, most, default_id)
            id_ = request.id
            return request, self.lane_of(request)
        except Refusal as refusal:
            self.codes[refusal.code.word] += 1
            raise
        except Exception:  # noqa: BLE001 - it is told, and ends this line alone
            self._mistakes.tell("relay.line_failed", self.now())
            self.codes[Code.INTERNAL.word] += 1
            raise Refusal(Code.INTERNAL, MISTAKE, id_) from None

    def submit(self, lane: Lane, request: Request) -> bool:
        """Give a request to its lane; False: there is no room. What goes wrong is its answer."""
        try:
            return lane.submit(request, self.now())
        except Exception:  # noqa: BLE001 - it is told, and ends this request alone
            self._mistakes.tell("relay.request_failed", self.now(), broker=lane.name)
            lane.refuse(request, Code.INTERNAL, MISTAKE)
            return True

    def lane_of(self, request: Request) -> Lane:
        """Where a request goes. Raises Refusal."""
        place = bisect_right(self._low, request.device) - 1
        if place < 0 or request.device > self._high[place]:
            raise Refusal(Code.NO_BROKER, "no broker's range holds this device", request.id)
        if self.stopping:
            raise Refusal(Code.STOPPING, "the server stops", request.id)
        return self.lanes[place]

    def now(self) -> float:
        """Seconds, as deadlines count them."""
        return time.monotonic()

    async def _sweep_forever(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_S)
            for lane in self.lanes:
                lane.sweep(self.now())


def _join(link: Link, lane: Lane) -> None:
    link.on_up = lane.came_up
    link.on_ready = lane.pump
    link.on_confirmed = lambda packet_id, why: lane.confirmed(packet_id, why, time.monotonic())
