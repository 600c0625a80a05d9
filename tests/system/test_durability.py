"""What was acknowledged is in the history, once: whatever happens to the node or to its store."""

from __future__ import annotations

import asyncio
import contextlib
import random
import sqlite3
import time
from collections import Counter
from collections.abc import Iterator
from itertools import pairwise

import aiohttp
import orjson
import psutil
import pytest

from tests.devices import Device, ack, position
from tests.nodes import TrackerNode
from tests.waiting import PATIENCE_S, until, until_told
from tracker.storage.postgresql import COMMAND_TIMEOUT_S

pytestmark = pytest.mark.servers

KILLS = 20
DEVICES = 12


class Reporter:
    """A device that keeps each position until it is acknowledged, over any number of connections.

    The latitude counts up, so each position is known by it.
    """

    def __init__(self, ident: str) -> None:
        self.ident = ident
        self.step = 0
        self.acknowledged: list[int] = []
        self._waiting: tuple[int, bytes] | None = None

    async def run(self, node: TrackerNode, pause_s: float = 0.0) -> None:
        while True:
            with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, OSError):
                device = await Device.connect(node.device_port, self.ident)
                try:
                    while True:
                        await self._report(device)
                        await asyncio.sleep(pause_s)
                finally:
                    device.writer.transport.abort()
            await asyncio.sleep(0.05)

    async def _report(self, device: Device) -> None:
        if self._waiting is None:
            self.step += 1
            lat_e6 = 40_000_000 + self.step
            self._waiting = lat_e6, position(int(time.time()), lat_e6 / 1e6, 14.5)
        lat_e6, frame = self._waiting
        await device.ask(frame, ack(0x01))
        self.acknowledged.append(lat_e6)
        self._waiting = None


async def stored(node: TrackerNode, ident: str) -> Counter[int]:
    """How often each latitude of a device is in the history."""
    vehicle = node.get(f"/api/v1/vehicles?device={ident}")["vehicles"][0]
    url = f"{node.url}/api/v1/vehicles/{vehicle['id']}/positions"
    headers = {"Accept": "application/x-ndjson"}
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
        lines = (await answer.read()).splitlines()
    return Counter(round(orjson.loads(line)["lat"] * 1e6) for line in lines)


def acknowledged(reporters: list[Reporter]) -> int:
    return sum(len(reporter.acknowledged) for reporter in reporters)


async def they_go_on(reporters: list[Reporter], each: int = 1) -> None:
    """Until every device has had so many more acknowledged."""
    enough = {one: len(one.acknowledged) + each for one in reporters}
    await until(lambda: all(len(one.acknowledged) >= least for one, least in enough.items()))


def failing(node: TrackerNode) -> float:
    """For how long the store has not taken what is in the journal, seconds."""
    return node.metric("tracker_store_failing_seconds")


async def ended(tasks: list[asyncio.Task[None]]) -> None:
    """End what would go on for ever. Raises what ended by itself."""
    for task in tasks:
        task.cancel()
    for result in await asyncio.gather(*tasks, return_exceptions=True):
        if not isinstance(result, asyncio.CancelledError):
            raise AssertionError("a device has given up") from result


async def check_all(node: TrackerNode, reporters: list[Reporter]) -> None:
    """Everything acknowledged is there, and nothing is there twice."""
    for reporter in reporters:
        found = await stored(node, reporter.ident)
        missing = [lat for lat in reporter.acknowledged if lat not in found]
        assert missing == []
        assert set(found.values()) <= {1}
        assert len(set(reporter.acknowledged)) == len(reporter.acknowledged)


@pytest.fixture(params=["sqlite", "postgresql"])
def store_settings(request) -> Iterator[dict[str, str]]:
    if request.param == "postgresql":
        server = request.getfixturevalue("postgresql_server")
        yield {"store": server.url()}
    else:
        yield {}


async def test_kill_nine_twenty_times_under_load(tmp_path, store_settings):
    moments = random.Random(20)
    node = TrackerNode(tmp_path / "data", store_settings).start()
    reporters = [Reporter(f"1000{n}") for n in range(DEVICES)]
    tasks = [asyncio.create_task(reporter.run(node)) for reporter in reporters]
    try:
        for _ in range(KILLS):
            await they_go_on(reporters)
            await asyncio.sleep(moments.uniform(0.0, 0.3))
            node.kill()
            await asyncio.to_thread(node.start)
        await they_go_on(reporters)
        await ended(tasks)
        await check_all(node, reporters)
    finally:
        node.kill()


async def test_postgresql_killed_and_unreachable_while_devices_report(tmp_path, postgresql_server):
    node = TrackerNode(tmp_path / "data", {"store": postgresql_server.url()}).start()
    reporters = [Reporter(f"1000{n}") for n in range(DEVICES)]
    tasks = [asyncio.create_task(reporter.run(node, 0.05)) for reporter in reporters]
    try:
        await they_go_on(reporters)
        await asyncio.to_thread(postgresql_server.kill)
        await until_told(lambda: failing(node))
        await they_go_on(reporters, 8)  # acknowledged all the same: the journal has them
        await asyncio.to_thread(postgresql_server.start)
        await until_told(lambda: not failing(node))
        await they_go_on(reporters)
        postgresql_server.freeze()
        await until_told(lambda: failing(node), COMMAND_TIMEOUT_S + PATIENCE_S)
        await they_go_on(reporters)
        postgresql_server.thaw()
        await ended(tasks)
        await until_told(lambda: not failing(node))
        await check_all(node, reporters)
    finally:
        node.kill()


async def test_a_store_a_hundred_times_too_slow_is_borne(tmp_path):
    """Devices at 1 Hz while another program holds the database nearly all of the time.

    Memory stays flat, viewers get every tick, nothing acknowledged is lost.
    """
    settings = {"journal_max_pending": "200"}
    node = TrackerNode(tmp_path / "data", settings).start()
    reporters = [Reporter(f"10{n:03}") for n in range(100)]
    tasks = [asyncio.create_task(reporter.run(node, 1.0)) for reporter in reporters]
    ticks: list[tuple[int, int]] = []
    viewer = asyncio.create_task(_watch(node, ticks))
    try:
        await they_go_on(reporters, 2)
        assert node.process is not None
        process = psutil.Process(node.process.pid)
        before = process.memory_info().rss
        seen = len(ticks)
        await asyncio.to_thread(_hold_database, tmp_path / "data" / "tracker.sqlite", 12.0)
        seen = len(ticks) - seen
        grown = process.memory_info().rss - before
        assert grown < 20_000_000
        waited = node.metric("tracker_journal_pending")
        assert waited <= 200 + len(reporters)  # each connection may add one frame to a full one
        await they_go_on(reporters, 2)
        await ended(tasks)
        await check_all(node, reporters)
        # What is not there was skipped for this viewer, or the machine gave the server no time for
        # it. The store's slowness alone would cost nearly all of twelve.
        missed = node.metric("tracker_ticks_missed_total")
        gaps = sum(a - b - 1 - conflated for (b, _), (a, conflated) in pairwise(ticks))
        assert 0 <= gaps <= missed
        assert seen > 6
    finally:
        viewer.cancel()
        await asyncio.gather(viewer, return_exceptions=True)
        node.kill()


def _hold_database(path, seconds: float) -> None:
    """Hold the write lock for 0.99 of the time."""
    connection = sqlite3.connect(path, timeout=PATIENCE_S, isolation_level=None)
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        connection.execute("BEGIN IMMEDIATE")
        time.sleep(1.98)
        connection.execute("ROLLBACK")
        time.sleep(0.02)
    connection.close()


async def _watch(node: TrackerNode, ticks: list[tuple[int, int]]) -> None:
    """Collect (tick, how many were skipped before it)."""
    async with aiohttp.ClientSession() as session, session.ws_connect(node.feed_url) as ws:
        async for message in ws:
            tick = orjson.loads(message.data)
            if tick["type"] == "tick":
                ticks.append((tick["tick"], tick["parts"][0]["conflated"]))
                await ws.send_str(f'{{"type":"ack","tick":{tick["tick"]}}}')
