"""What one tick costs to send, against a bare loop of `socket.send` of the same bytes.

Both write to the same real TCP sockets, whose other ends another process drains, in turn in one
run. CPU is this thread's own. The whole of a tick is counted: merging the vehicles' states into the
columns, encoding, deflating, joining, and one write per viewer.
"""

from __future__ import annotations

import asyncio
import gc
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import orjson
import uvloop

from bench.fleet import Fleet
from bench.table import Row
from tracker.hub import Hub, Viewer
from tracker.web.sink import SocketSink
from tracker.world import World

ROUNDS = 25
PAUSE_S = 0.05  # for the draining process, so that no round meets full buffers


class Remembering(SocketSink):
    """The server's own way to a socket, with the last frame kept. One of all is such."""

    last = b""

    def write(self, data: bytes) -> None:
        super().write(data)
        self.last = data


class _Accept(asyncio.Protocol):
    def __init__(self, sinks: list[SocketSink]) -> None:
        self.sinks = sinks

    writing_paused = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        kind = SocketSink if self.sinks else Remembering
        self.sinks.append(kind(cast("asyncio.WriteTransport", transport), self))


@asynccontextmanager
async def drained_sinks(count: int) -> AsyncIterator[list[SocketSink]]:
    """As many sockets as viewers, drained by another process."""
    sinks: list[SocketSink] = []
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: _Accept(sinks), "127.0.0.1", 0, backlog=4096)
    port = server.sockets[0].getsockname()[1]
    drain = subprocess.Popen(
        [sys.executable, "-m", "bench.drain", str(port), str(count)], stdout=subprocess.PIPE
    )
    try:
        while len(sinks) < count:
            await asyncio.sleep(0.02)
        yield sinks
    finally:
        drain.kill()
        drain.wait()
        server.close()


class Feed:
    """World, hub and viewers, ticked by hand."""

    def __init__(self, vehicles: int, sinks: list[SocketSink]) -> None:
        self.fleet = Fleet(vehicles)
        self.world = World()
        for vehicle in self.fleet.vehicles:
            self.world.describe(vehicle)
        self.hub = Hub(self.world)
        self.viewers = [Viewer(sink, deflated=True) for sink in sinks]
        for viewer in self.viewers:
            self.hub.add(viewer)
        self.tick = 1_800_000_000

    def run(self) -> float:
        """One tick; this thread's CPU seconds. Acknowledged outside of the measure."""
        self.tick += 1
        now = float(self.tick)
        lives = self.fleet.step(now)
        begun = time.thread_time()
        changes = self.world.step(lives, now)
        for _ in self.hub.send(
            changes, (), tick=self.tick, tick_ms=self.tick * 1000, now=now, degraded=False
        ):
            pass
        spent = time.thread_time() - begun
        for viewer in self.viewers:
            viewer.outstanding.clear()
        return spent


def _bare(sockets: list[socket.socket], data: bytes) -> float:
    begun = time.thread_time()
    for sock in sockets:
        sock.send(data)
    return time.thread_time() - begun


def _naive(sinks: list[SocketSink], fleet: Fleet, *, per_socket: bool) -> float:
    """One message per position and viewer, as JSON objects; encoded once, or for each socket."""
    now = time.time()
    shapes = [
        {
            "id": live.vehicle_id, "lat": fix.lat, "lon": fix.lon, "speed_kmh": fix.speed_kmh,
            "course_deg": fix.course_deg, "fix_time": fix.fix_time, "state": "moving",
        }
        for live in fleet.step(now)
        if (position := live.position) is not None and (fix := position.fix)
    ]  # fmt: skip
    begun = time.thread_time()
    for shape in shapes:
        data = orjson.dumps(shape)
        for sink in sinks:
            if per_socket:
                data = orjson.dumps(shape)
            sink.write(b"\x81\x7e" + len(data).to_bytes(2, "big") + data)
    return time.thread_time() - begun


async def _measure(viewers: int, vehicles: int) -> tuple[list[float], list[float], int]:
    async with drained_sinks(viewers) as sinks:
        feed = Feed(vehicles, sinks)
        sockets = [
            socket.socket(fileno=socket.dup(s._transport.get_extra_info("socket").fileno()))
            for s in sinks
        ]
        for sock in sockets:
            sock.setblocking(False)
        first = sinks[0]
        assert isinstance(first, Remembering)
        feed.run()  # the full frames of the first tick
        await asyncio.sleep(0.5)
        ours, bare = [], []
        gc.disable()
        for _ in range(ROUNDS):
            ours.append(feed.run())
            await asyncio.sleep(PAUSE_S)
            bare.append(_bare(sockets, first.last))
            await asyncio.sleep(PAUSE_S)
        gc.enable()
        size = len(first.last)
        for sock in sockets:
            sock.close()
        return ours, bare, size


async def _measure_naive() -> tuple[float, float, float]:
    async with drained_sinks(100) as sinks:
        feed = Feed(100, sinks)
        feed.run()
        await asyncio.sleep(0.3)
        ours, once, each = [], [], []
        for _ in range(ROUNDS):
            ours.append(feed.run())
            await asyncio.sleep(PAUSE_S)
            once.append(_naive(sinks, feed.fleet, per_socket=False))
            await asyncio.sleep(PAUSE_S * 4)
            each.append(_naive(sinks, feed.fleet, per_socket=True))
            await asyncio.sleep(PAUSE_S * 4)
        return statistics.median(ours), statistics.median(once), statistics.median(each)


def rows() -> list[Row]:
    """The budget's rows of fan-out."""
    ours, bare, size = uvloop.run(_measure(1_000, 1_000))
    mine, floor = statistics.median(ours), statistics.median(bare)
    batch, once, each = uvloop.run(_measure_naive())
    return [
        Row(
            "CPU of one tick to 1,000 viewers of 1,000 vehicles, against bare socket.send",
            mine / floor,
            "x",
            1.3,
            detail={"tick_ms": mine * 1e3, "bare_ms": floor * 1e3, "frame_bytes": size},
        ),
        Row(
            "100 x 100: one message per position costs",
            once / batch,
            "x ours",
            40,
            at_least=True,
            detail={
                "tick_ms": batch * 1e3,
                "encoded_once_ms": once * 1e3,
                "encoded_per_socket_ms": each * 1e3,
            },
        ),
        Row("bytes per vehicle update on the wire", size / 1_000, "bytes", 12),
    ]


if __name__ == "__main__":
    for row in rows():
        print(row)
