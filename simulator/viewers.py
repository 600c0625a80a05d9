"""Live-feed clients on aiohttp, as many as wanted, written from docs/live-feed.md alone.

A few of them decode everything; the others read the tick number off the head of each message. All
acknowledge each tick. Bytes are counted by the kernel (TCP_INFO): what a viewer received on its
connection, WebSocket headers and compressed payload alike, whatever library sits on top.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import re
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import aiohttp
import orjson

from simulator.backoff import Backoff
from simulator.clock import Clock
from simulator.errors import FeedError, TargetError
from simulator.faults import STALL_EVERY_S, STALL_S
from simulator.feed import Feed
from simulator.link import connect_trouble
from simulator.model import Stated
from simulator.viewing import ViewerStats

PATH = "/api/v1/live"
WINDOW_BITS = 15  # what we offer for permessage-deflate: the largest window, as browsers do
MAX_MESSAGE_BYTES = 64 << 20  # a first tick of 100,000 vehicles is some 15 MB
NO_RECONNECT = frozenset({1009, 4001, 4002, 4003})
HEAD_BYTES = 400  # tick and status come first in a message
TICK = re.compile(rb'"tick":\s*(\d+)')
CONFLATED = re.compile(rb'"conflated":\s*(\d+)')
BYTES_RECEIVED = struct.Struct("=Q")
BYTES_RECEIVED_AT = 128  # tcpi_bytes_received in Linux's struct tcp_info, since 4.1

SeenBy = Callable[[int, str, Stated, float], None]  # viewer, device, position, time


@dataclass(frozen=True, slots=True)
class Audience:
    """What all viewers of a run share."""

    url: str  # of the server, http://host:port
    clock: Clock
    gate: asyncio.Semaphore  # how many handshakes may be under way at once
    trouble: Callable[[str], None]  # told of each failed connect, in words
    token: str | None = None
    deflate: bool = True
    bbox: tuple[float, float, float, float] | None = None  # west, south, east, north
    zoom: int = 12
    seen: SeenBy | None = None  # told of each position by the viewers that decode

    def headers(self) -> dict[str, str]:
        """Credentials, where there are any."""
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}


class Viewer:
    """One live-feed client."""

    def __init__(
        self,
        number: int,
        audience: Audience,
        rng: random.Random,
        *,
        decode: bool = False,
        stalls: bool = False,
    ) -> None:
        self.stats = ViewerStats(number, stalls)
        self.ready = asyncio.Event()  # the first tick has come
        self.failure: TargetError | None = None  # why it gave up, if it did
        self._audience = audience
        self._rng = rng
        self._backoff = Backoff(rng)
        self._decode = decode
        self._stalls = stalls
        self._feed = Feed()
        self._socket: aiohttp.ClientWebSocketResponse[Any] | None = None
        self._bytes_before = 0

    @property
    def interval_ms(self) -> int:
        """The tick interval that the server has named; 0 before."""
        return self._feed.interval_ms

    def begin(self) -> None:
        """Start the measurement: forget what was counted so far."""
        self.stats = ViewerStats(self.stats.number, self._stalls)
        self._bytes_before = self._received_bytes()

    def measured(self) -> ViewerStats:
        """The count so far, bytes of the open connection included."""
        received = self._received_bytes()
        self.stats.bytes += received - self._bytes_before
        self._bytes_before = received
        return self.stats

    async def run(self, session: aiohttp.ClientSession) -> None:
        """Watch until cancelled; reconnect as the contract says."""
        while self.failure is None:
            started = self._audience.clock.now()
            try:
                await self._watch(session)
            except aiohttp.WSServerHandshakeError as error:
                if error.status in {401, 403}:
                    self.failure = TargetError(f"{self._audience.url}: refused with {error.status}")
                self._audience.trouble(f"refused with {error.status}")
            except (aiohttp.ClientError, OSError) as error:
                self._audience.trouble(connect_trouble(error))
            except FeedError as error:
                self.stats.violation(str(error))
            if self.failure is None:
                self._backoff.ended(self._audience.clock.now() - started)
                await asyncio.sleep(self._backoff.next_delay_s())

    async def _watch(self, session: aiohttp.ClientSession) -> None:
        audience = self._audience
        async with audience.gate:
            socket_ = await session.ws_connect(
                audience.url + PATH,
                compress=WINDOW_BITS if audience.deflate else 0,
                max_msg_size=MAX_MESSAGE_BYTES,
                decode_text=False,
            )
        self.stats.connects += 1
        self._socket = socket_
        self._feed = Feed()
        self._bytes_before = 0
        try:
            await self._listen(socket_)
        finally:
            self.measured()
            self._socket = None
            with contextlib.suppress(aiohttp.ClientError, OSError):
                await socket_.close()

    async def _listen(self, socket_: aiohttp.ClientWebSocketResponse[Any]) -> None:
        audience = self._audience
        stall_at = self._next_stall()
        while True:
            message = await socket_.receive()
            now = audience.clock.now()
            if message.type is not aiohttp.WSMsgType.TEXT:
                break
            head = message.data[:HEAD_BYTES]
            found = TICK.search(head)
            if found is None:
                self._feed.hello(orjson.loads(message.data))
                await self._ask_for_view(socket_)
                continue
            tick = int(found[1])
            self._count(tick, head, now)
            if self._decode:
                self._decode_tick(message.data, now)
            if now >= stall_at:
                await asyncio.sleep(self._rng.uniform(*STALL_S))  # reads nothing, answers nothing
                stall_at = self._next_stall()
            with contextlib.suppress(aiohttp.ClientConnectionResetError):
                # Closed meanwhile: why, says the close frame that is still to be read.
                await socket_.send_str(f'{{"type":"ack","tick":{tick}}}')
            self.ready.set()
        # aiohttp replaces the code by 1006 where its own close frame can no longer be sent.
        code = message.data if message.type is aiohttp.WSMsgType.CLOSE else socket_.close_code
        self.stats.closes[str(code)] += 1
        if code in NO_RECONNECT:
            self.failure = TargetError(f"{audience.url}: the live feed closed with {code}")

    async def _ask_for_view(self, socket_: aiohttp.ClientWebSocketResponse[Any]) -> None:
        if self._audience.bbox is not None:
            view = {"type": "view", "bbox": self._audience.bbox, "zoom": self._audience.zoom}
            await socket_.send_str(orjson.dumps(view).decode())

    def _count(self, tick: int, head: bytes, now: float) -> None:
        conflated = CONFLATED.search(head)
        lag_s = now - tick * self._feed.interval_ms / 1000.0
        self.stats.tick(tick, int(conflated[1]) if conflated else 0, lag_s)

    def _decode_tick(self, data: bytes, now: float) -> None:
        tick = self._feed.tick_message(orjson.loads(data))
        for error in tick.errors:
            self.stats.violation(f"the server could not understand us: {error}")
        self.stats.updates += len(tick.moved)
        if self._audience.seen is not None:
            for shown in tick.moved:
                self._audience.seen(self.stats.number, shown.device, shown.stated(), now)

    def _next_stall(self) -> float:
        if not self._stalls:
            return float("inf")
        return self._audience.clock.now() + self._rng.uniform(*STALL_EVERY_S)

    def _received_bytes(self) -> int:
        return 0 if self._socket is None else received_bytes(self._socket)


def received_bytes(websocket: aiohttp.ClientWebSocketResponse[Any]) -> int:
    """Payload bytes that the kernel has received on this connection; 0 where it does not say."""
    sock = websocket.get_extra_info("socket")
    if sock is None or not hasattr(socket, "TCP_INFO"):
        return 0
    try:
        info = sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
    except OSError:
        return 0  # closed meanwhile
    if len(info) < BYTES_RECEIVED_AT + BYTES_RECEIVED.size:
        return 0
    (received,) = BYTES_RECEIVED.unpack_from(info, BYTES_RECEIVED_AT)
    return int(received)
