"""Two nodes and a real Redis: one fleet, whatever happens to Redis or to a node."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from itertools import pairwise
from typing import Any

import aiohttp
import orjson
import pytest

from tests.devices import Device
from tests.nodes import TrackerNode, running_node
from tests.waiting import until, until_told

pytestmark = pytest.mark.servers

OUTAGE_S = 10.0  # longer than the Redis client's own patience, which ends after some seconds
# Three after Redis, the one under way at its return, and two for a machine that has more to do.
BACK_WITHIN_TICKS = 3 + 1 + 2


class Viewer:
    """Follows a live feed: keeps each vehicle's latitude by device, and every tick it got."""

    def __init__(self) -> None:
        self.ticks: list[dict[str, Any]] = []
        self.lat: dict[str, int] = {}
        self.shown: list[tuple[str, dict[str, int]]] = []  # per tick: the feed's state, `lat`
        self._device: dict[int, str] = {}

    async def follow(self, url: str) -> None:
        async with aiohttp.ClientSession() as session, session.ws_connect(url, compress=15) as ws:
            async for message in ws:
                tick = orjson.loads(message.data)
                if tick["type"] == "tick":
                    self._take(tick)
                    await ws.send_str(f'{{"type":"ack","tick":{tick["tick"]}}}')

    def _take(self, tick: dict[str, Any]) -> None:
        for part in tick["parts"]:
            for columns in (part.get("enter"), part.get("move")):
                if not columns:
                    continue
                handle = 0
                for row, step in enumerate(columns["n"]):
                    handle += step
                    if "device" in columns:
                        self._device[handle] = columns["device"][row]
                        self.lat[self._device[handle]] = 0
                    self.lat[self._device[handle]] += columns["lat"][row]
        self.ticks.append(tick)
        self.shown.append((self.feed, dict(self.lat)))

    async def well_again(self, device: str, lat_e6: int) -> int:
        """After how many ticks from now the feed is live, and shows a device so far north."""
        begin = len(self.shown)

        def when() -> int:
            news = enumerate(self.shown[begin:], start=1)
            return next((n for n, (f, lat) in news if f == "live" and lat[device] >= lat_e6), 0)

        return int(await until(when))

    @property
    def feed(self) -> str:
        return str(self.ticks[-1]["parts"][0]["feed"]) if self.ticks else ""

    @property
    def counts(self) -> list[int]:
        return list(self.ticks[-1]["parts"][0]["counts"]) if self.ticks else []


class Driver:
    """A device that reports once a second and counts its latitude up, so that each is known."""

    def __init__(self, ident: str) -> None:
        self.ident = ident
        self.step = 0
        self.node: TrackerNode | None = None

    @property
    def lat_e6(self) -> int:
        return 46_000_000 + self.step * 100

    async def drive(self, node: TrackerNode) -> None:
        device = await Device.connect(node.device_port, self.ident)
        try:
            while True:
                self.step += 1
                await device.report(time.time(), self.lat_e6 / 1e6, 14.5)
                await asyncio.sleep(1.0 - time.time() % 1.0 + 0.5)
        finally:
            await device.close()


def check_every_tick_came(ticks: list[dict[str, Any]], missed: float) -> None:
    """Every tick that the server made is here, or was said to be skipped for this viewer.

    `missed` is how many the server passed over because the machine gave it no time.
    """
    unexplained = [
        after["tick"] - before["tick"] - 1 - after["parts"][0]["conflated"]
        for before, after in pairwise(ticks)
    ]
    assert min(unexplained) >= 0
    assert sum(unexplained) <= missed


def stood_still(*nodes: TrackerNode) -> float:
    """How often the machine gave a node no time."""
    return sum(node.metric("tracker_loop_stalls_total") for node in nodes)


@asynccontextmanager
async def two_nodes(tmp_path, redis) -> AsyncIterator[tuple[TrackerNode, TrackerNode]]:
    url = f"redis://127.0.0.1:{redis.port}/0"
    async with AsyncExitStack() as stack:
        nodes = [
            stack.enter_context(running_node(tmp_path / name, bus=url, stale_after_s="5"))
            for name in ("a", "b")
        ]
        yield nodes[0], nodes[1]


@asynccontextmanager
async def background(*coroutines: Any) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def test_two_nodes_merge_into_one_frame_per_viewer_per_tick(tmp_path, redis_server):
    on_a, on_b, viewer = Driver("1001"), Driver("1002"), Viewer()
    async with (
        two_nodes(tmp_path, redis_server) as (a, b),
        background(on_a.drive(a), on_b.drive(b), viewer.follow(b.feed_url)),
    ):
        await until(lambda: viewer.lat.keys() == {"1001", "1002"})
        first = len(viewer.ticks)
        await until(lambda: len(viewer.ticks) >= first + 5)
        check_every_tick_came(viewer.ticks, b.metric("tracker_ticks_missed_total"))
        for driver in (on_a, on_b):  # a tick or two are on their way
            await until(lambda d=driver: abs(viewer.lat[d.ident] - d.lat_e6) <= 200)

        def both_known() -> bool:  # REST of either node knows them
            listed = [node.get("/api/v1/vehicles")["vehicles"] for node in (a, b)]
            return all({one["device"] for one in x} == {"1001", "1002"} for x in listed)

        await until_told(both_known)
        listed = [node.get("/api/v1/vehicles")["vehicles"] for node in (a, b)]
        ids = [{vehicle["device"]: vehicle["id"] for vehicle in found} for found in listed]
        assert ids[0] == ids[1]


async def test_a_node_that_starts_later_knows_what_was_before(tmp_path, redis_server):
    url = f"redis://127.0.0.1:{redis_server.port}/0"
    with running_node(tmp_path / "a", bus=url) as a:
        device = await Device.connect(a.device_port, "1001")
        await device.report(time.time(), 46.05, 14.5)
        told = a.metric("tracker_bus_published_total") + 2  # and then nothing more is said
        await until_told(lambda: a.metric("tracker_bus_published_total") >= told)
        with running_node(tmp_path / "b", bus=url) as b:
            viewer = Viewer()
            async with background(viewer.follow(b.feed_url)):
                await until(lambda: viewer.lat == {"1001": 46_050_000})
                await until(lambda: viewer.feed == "live")
        await device.close()


@pytest.mark.parametrize("accident", ["killed", "frozen"])
async def test_redis_away_for_a_while(tmp_path, redis_server, accident):
    """Viewers are told, local vehicles keep flowing, all is well within 3 ticks of the return."""
    on_a, on_b, viewer = Driver("1001"), Driver("1002"), Viewer()
    async with (
        two_nodes(tmp_path, redis_server) as (a, b),
        background(on_a.drive(a), on_b.drive(b), viewer.follow(b.feed_url)),
    ):
        await until(lambda: viewer.lat.keys() == {"1001", "1002"} and viewer.feed == "live")
        begin = len(viewer.ticks)
        if accident == "killed":
            await asyncio.to_thread(redis_server.kill)
        else:
            redis_server.freeze()
        gone_at = time.time()
        await until(lambda: viewer.feed == "degraded")
        while time.time() < gone_at + OUTAGE_S:
            step = on_b.step
            await until(lambda step=step: on_b.step > step)
            await until(lambda: abs(viewer.lat["1002"] - on_b.lat_e6) <= 100)
        assert viewer.feed == "degraded"
        assert abs(viewer.lat["1001"] - on_a.lat_e6) > 500  # the other node's cannot be heard
        if accident == "killed":
            await asyncio.to_thread(redis_server.start)
        else:
            redis_server.thaw()
        stalls = stood_still(a, b)
        ticks = await viewer.well_again("1001", on_a.lat_e6)
        assert ticks <= BACK_WITHIN_TICKS + stood_still(a, b) - stalls
        missed = b.metric("tracker_ticks_missed_total")
        assert missed < OUTAGE_S / 3  # on a busy machine; Redis must cost no tick
        check_every_tick_came(viewer.ticks[begin:], missed)


async def test_redis_restarted_at_once_loses_nothing(tmp_path, redis_server):
    on_a, viewer = Driver("1001"), Viewer()
    async with (
        two_nodes(tmp_path, redis_server) as (a, b),
        background(on_a.drive(a), viewer.follow(b.feed_url)),
    ):
        await until(lambda: "1001" in viewer.lat)
        await asyncio.to_thread(redis_server.restart)
        stalls = stood_still(a, b)
        ticks = await viewer.well_again("1001", on_a.lat_e6 + 100)  # what it says next
        assert ticks <= BACK_WITHIN_TICKS + 1 + stood_still(a, b) - stalls


async def test_a_killed_node_goes_stale_everywhere_and_its_devices_come_back_elsewhere(
    tmp_path, redis_server
):
    on_a, viewer = Driver("1001"), Viewer()
    async with two_nodes(tmp_path, redis_server) as (a, b), background(viewer.follow(b.feed_url)):
        async with background(on_a.drive(a)):
            await until(lambda: viewer.counts[:1] == [1])
            a.kill()
            await until(lambda: viewer.counts == [0, 0, 0, 1, 0])
        # Redis is well; a dead node's vehicles say so by their age.
        await until(lambda: viewer.feed == "live")
        async with background(on_a.drive(b)):
            await until(lambda: viewer.counts == [1, 0, 0, 0, 0])
            await until(lambda: viewer.lat["1001"] == on_a.lat_e6)
        listed = b.get("/api/v1/vehicles")
        assert listed["total"] == 1
