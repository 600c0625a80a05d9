"""The live feed's WebSocket: handshake, a viewer's messages, and the way to its socket.

Everything that a viewer gets as data comes as whole frames from `tracker.wire`; aiohttp itself
sends nothing but pong and close on these connections.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections import Counter

from aiohttp import WSMsgType, web

from tracker import wire
from tracker.errors import ForbiddenError
from tracker.hub import CLOSE_BAD_MESSAGES, Viewer
from tracker.web.keys import CONFIG, HUB, NODE
from tracker.web.sink import CLOSE_TIMEOUT_S, SocketSink

MAX_MESSAGE_BYTES = 4_096  # the largest message of the contract is a tenth of it
MAX_MESSAGES_PER_S = 20  # one ack per tick and a few views; beyond it the client is broken
FLOOD_PER_S = 100  # beyond it nobody waits for its half of the closing handshake
# What the kernel and the transport may hold for a viewer who does not read. Without these the
# kernel alone takes a thousand ticks before anybody notices.
SEND_BUFFER_BYTES = 65_536
WRITE_HIGH_BYTES = 65_536
WRITE_LOW_BYTES = 16_384
FULL_DEFLATE_BITS = 15  # with a smaller window our pieces could not be read: those get plain frames


class Admission:
    """How many viewers are let in, in all and from one address."""

    def __init__(self, limit: int, limit_per_address: int) -> None:
        self.limit = limit
        self.limit_per_address = limit_per_address
        self.by_address: Counter[str] = Counter()
        self.total = 0
        self.refused = 0

    @contextlib.contextmanager
    def admit(self, address: str):  # type: ignore[no-untyped-def]  # a generator of one step
        """Count a viewer in and out again; raises HTTPServiceUnavailable where there is no room."""
        if self.total >= self.limit or self.by_address[address] >= self.limit_per_address:
            self.refused += 1
            raise web.HTTPServiceUnavailable(text="too many viewers", headers={"Retry-After": "10"})
        self.total += 1
        self.by_address[address] += 1
        try:
            yield
        finally:
            self.total -= 1
            self.by_address[address] -= 1
            if not self.by_address[address]:
                del self.by_address[address]


ADMISSION = web.AppKey("admission", Admission)


def check_origin(request: web.Request) -> None:
    """A page of another site must not open our feed with our viewer's rights."""
    origin = request.headers.get("Origin")
    if origin is not None and origin.partition("://")[2] != request.host:
        raise ForbiddenError(f"origin {origin} is not {request.host}", value=origin)


async def live(request: web.Request) -> web.StreamResponse:
    """GET /api/v1/live."""
    check_origin(request)
    with request.app[ADMISSION].admit(request.remote or ""):
        ws = web.WebSocketResponse(
            max_msg_size=MAX_MESSAGE_BYTES, timeout=CLOSE_TIMEOUT_S, compress=True, autoping=False
        )
        await ws.prepare(request)
        transport = request.transport
        if transport is None:
            return ws
        sock: socket.socket | None = transport.get_extra_info("socket")
        if sock is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SEND_BUFFER_BYTES)
        transport.set_write_buffer_limits(high=WRITE_HIGH_BYTES, low=WRITE_LOW_BYTES)
        await _serve(request, ws, SocketSink(transport, request.protocol, ws))
        return ws


async def _serve(request: web.Request, ws: web.WebSocketResponse, sink: SocketSink) -> None:
    hub, config, node = request.app[HUB], request.app[CONFIG], request.app[NODE]
    viewer = Viewer(sink, deflated=ws.compress == FULL_DEFLATE_BITS)
    hello = wire.hello(
        node=node.name,
        epoch=node.epoch,
        now=time.time(),
        interval_s=config.tick_interval_s,
        behind=config.viewer_behind_ticks,
        close_after_s=config.viewer_close_after_s,
    )
    sink.write(wire.frame([hello], deflated=viewer.deflated))
    hub.add(viewer)
    second, count = 0, 0
    try:
        async for message in ws:
            now = time.time()
            if int(now) != second:
                second, count = int(now), 0
            count += 1
            if count > FLOOD_PER_S:
                sink.abort()
                break
            if count > MAX_MESSAGES_PER_S:
                sink.close(CLOSE_BAD_MESSAGES, "too many messages")
            elif message.type is WSMsgType.PING:
                await ws.pong(message.data)
            elif message.type is WSMsgType.PONG:
                continue
            elif message.type is WSMsgType.TEXT:
                hub.receive(viewer, message.data, now)
            else:
                hub.receive(viewer, b"binary", now)
    finally:
        hub.remove(viewer)
