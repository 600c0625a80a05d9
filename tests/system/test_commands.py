"""Commands between two nodes with a real Redis, whatever happens to a node, a device or Redis."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from simulator.protocols import FAMILIES
from tests import waiting
from tests.devices import VALID, Device, login
from tests.nodes import TrackerNode, running_node
from tests.servers import RealServer
from tests.system.commanding import (
    Simulated,
    ask,
    asked,
    call,
    confirm,
    states,
    until,
    vehicle_of,
)
from tests.waiting import until_told
from tracker.cluster import STEADY_TICKS

pytestmark = pytest.mark.servers

INTERVAL, LOCATE, CUT, TEXT = 0x10, 0x11, 0x12, 0x13
DEVICE = "356307042441013"


@contextmanager
def two_nodes(folder: Path, redis: RealServer, **settings: str) -> Iterator[list[TrackerNode]]:
    settings = {"bus": f"redis://127.0.0.1:{redis.port}/0", "tick_interval_s": "0.5"} | settings
    with ExitStack() as stack:
        yield [
            stack.enter_context(running_node(folder / name, node=name, **settings))
            for name in ("a", "b")
        ]


async def parked(port: int, speed_kmh: float = 0.0) -> Device:
    """A device that stands, or not, and has said so."""
    device = await Device.connect(port, DEVICE)
    await device.report(time.time(), 46.05, 14.5, speed_kmh=speed_kmh, status=VALID)
    return device


async def steady(*nodes: TrackerNode) -> None:
    """All nodes hear each other, and have for as many ticks as they wait after an outage."""
    for node in nodes:
        await until_told(lambda node=node: not node.metric("tracker_bus_degraded"))
    for node in nodes:
        enough = node.metric("tracker_ticks_total") + STEADY_TICKS + 1
        await until_told(lambda n=node, t=enough: n.metric("tracker_ticks_total") >= t)


async def gone(node: TrackerNode) -> None:
    """The node has noticed that its device went away."""
    await until_told(lambda: not node.metric("tracker_devices"))


async def nothing_more(device: Device, seconds: float = 1.5) -> None:
    """The device is sent nothing for a while."""
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(device.reader.readexactly(1), seconds)


class Feed:
    """Keeps the command events of a live feed."""

    def __init__(self, url: str) -> None:
        self.events: list[dict[str, Any]] = []
        self.open = False
        self._task = asyncio.create_task(self._follow(url))

    async def _follow(self, url: str) -> None:
        async with aiohttp.ClientSession() as session, session.ws_connect(url) as ws:
            async for message in ws:
                told = orjson.loads(message.data)
                for part in told.get("parts", ()):
                    if part["kind"] == "events":
                        self.events += part["events"]
                if told["type"] == "tick":
                    self.open = True
                    await ws.send_str(f'{{"type":"ack","tick":{told["tick"]}}}')

    async def until(self, count: int) -> list[dict[str, Any]]:
        await waiting.until(lambda: len(self.events) >= count)
        return self.events

    async def close(self) -> None:
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)


@pytest.fixture
async def feeds() -> AsyncIterator[list[Feed]]:
    opened: list[Feed] = []
    yield opened
    for feed in opened:
        await feed.close()


async def test_created_on_one_node_and_answered_on_another(tmp_path, redis_server, feeds):
    """The simulator's own device; every transition on both nodes, in both stores, on both feeds."""
    with two_nodes(tmp_path, redis_server) as (a, b):
        device = Simulated(FAMILIES["gt06"])
        await device.connect(b.device_port)
        vehicle = await vehicle_of(a, device.ident)
        await steady(a, b)
        feeds += [Feed(a.feed_url), Feed(b.feed_url)]
        await waiting.until(lambda: all(feed.open for feed in feeds))
        command = await ask(a, vehicle, "custom", parameters={"text": "STATUS#"})
        for node in (a, b):
            shown = await until(node, command, "answered")
            assert states(shown) == ["queued", "sent", "answered"]
            assert [one["node"] for one in shown["transitions"]] == ["a", "b", "b"]
            assert shown["reply"] == "OK"
            listed = node.get(f"/api/v1/vehicles/{vehicle}/commands")
            assert [one["id"] for one in listed["commands"]] == [command]
            assert node.metric("tracker_replies_unmatched_total") == 0
        for feed in feeds:
            told = await feed.until(3)
            assert [one["state"] for one in told] == ["queued", "sent", "answered"]
            assert {one["command"] for one in told} == {command}
            assert {(one["event"], one["kind"], one["vehicle"]) for one in told} == {
                ("command", "custom", vehicle)
            }
            assert told[-1]["reply"] == "OK"
            assert len({one["id"] for one in told}) == 3
        await device.close()
    for name in ("a", "b"):  # each has it in its own file
        with running_node(tmp_path / name) as alone:
            shown = alone.get(f"/api/v1/commands/{command}")
            assert states(shown) == ["queued", "sent", "answered"]


async def test_with_one_postgresql_each_transition_is_stored_once(
    tmp_path, redis_server, shared_postgresql, postgresql_url
):
    with two_nodes(tmp_path, redis_server, store=postgresql_url) as (a, b):
        device = await parked(b.device_port)
        vehicle = await vehicle_of(a, DEVICE)
        await steady(a, b)
        command = await ask(a, vehicle, "locate")
        await asked(device, LOCATE)
        confirm(device, LOCATE)
        for node in (a, b):
            assert states(await until(node, command, "answered")) == ["queued", "sent", "answered"]
        for node in (a, b):
            await until_told(lambda node=node: not node.metric("tracker_commands_unsaved"))
        database = postgresql_url.rpartition("/")[2]
        rows = "SELECT state FROM command_transitions ORDER BY step"
        found = await asyncio.to_thread(shared_postgresql.sql, rows, database)
        assert found.split() == ["queued", "sent", "answered"]
        rows = "SELECT id, is_open FROM commands"
        assert await asyncio.to_thread(shared_postgresql.sql, rows, database) == f"{command}|0"
        await device.close()


async def test_many_commands_from_both_nodes_are_each_sent_once(tmp_path, redis_server):
    with two_nodes(tmp_path, redis_server) as (a, b):
        device = await parked(b.device_port)
        vehicle = await vehicle_of(a, DEVICE)
        await steady(a, b)
        commands = [
            await ask((a, b)[n % 2], vehicle, "interval", parameters={"seconds": n + 1})
            for n in range(12)
        ]
        for number in range(12):
            await asked(device, INTERVAL, (number + 1).to_bytes(2, "big"))
            confirm(device, INTERVAL)
        for command in commands:
            shown = await until(a, command, "answered")
            assert states(shown) == ["queued", "sent", "answered"]
        await nothing_more(device)
        await device.close()


async def test_a_device_that_is_away_gets_it_on_whichever_node_it_comes_to(tmp_path, redis_server):
    with two_nodes(tmp_path, redis_server) as (a, b):
        device = await parked(a.device_port)
        vehicle = await vehicle_of(b, DEVICE)
        await device.close()
        await gone(a)
        await steady(a, b)
        command = await ask(a, vehicle, "text", parameters={"text": "Halt"})
        await asyncio.sleep(1.5)  # in which nothing may happen
        assert states(b.get(f"/api/v1/commands/{command}")) == ["queued"]
        device = await Device.connect(b.device_port, DEVICE)
        await asked(device, TEXT, b"Halt")
        confirm(device, TEXT)
        shown = await until(a, command, "answered")
        assert [one["node"] for one in shown["transitions"]] == ["a", "b", "b"]
        await device.close()


async def test_a_device_that_moved_is_not_spoken_to_over_the_dead_connection(
    tmp_path, redis_server
):
    """It left a connection on A that nobody has closed, and speaks to B now."""
    with two_nodes(tmp_path, redis_server) as (a, b):
        old = await parked(a.device_port)
        vehicle = await vehicle_of(b, DEVICE)
        await steady(a, b)
        new = await parked(b.device_port, speed_kmh=1.0)
        shown = f"/api/v1/vehicles/{vehicle}"  # a tick later A has been told
        await until_told(lambda: a.get(shown)["position"]["speed_kmh"] == 1.0)
        command = await ask(a, vehicle, "text", parameters={"text": "x"})
        await asked(new, TEXT, b"x")
        confirm(new, TEXT)
        await until(a, command, "answered")
        await nothing_more(old)
        for device in (old, new):
            await device.close()


@pytest.mark.parametrize("kind", ["locate", "text"])
async def test_a_node_is_killed_between_sent_and_reply(tmp_path, kind):
    """What does no harm done twice is asked again; a text is not, and its late reply counts."""
    node = TrackerNode(tmp_path / "one")
    node.start()
    try:
        device = await parked(node.device_port)
        vehicle = await vehicle_of(node, DEVICE)
        parameters = {"text": "x"} if kind == "text" else {}
        command = await ask(node, vehicle, kind, parameters=parameters)
        code, payload = (TEXT, b"x") if kind == "text" else (LOCATE, b"")
        await asked(device, code, payload)
        node.kill()
        await device.close()
        node.start()
        assert states(node.get(f"/api/v1/commands/{command}")) == ["queued", "sent"]
        device = await Device.connect(node.device_port, DEVICE)
        if kind == "locate":
            await asked(device, code, payload)
        else:
            await nothing_more(device)
        confirm(device, code)
        shown = await until(node, command, "answered")
        again = ["queued", "sent"] if kind == "locate" else []
        assert states(shown) == ["queued", "sent", *again, "answered"]
        await device.close()
    finally:
        node.kill()


async def test_a_killed_nodes_command_is_taken_over_by_the_node_that_the_device_comes_to(
    tmp_path, redis_server
):
    with two_nodes(tmp_path, redis_server) as (a, b):
        device = await parked(b.device_port)
        vehicle = await vehicle_of(a, DEVICE)
        await steady(a, b)
        command = await ask(b, vehicle, "locate")
        await asked(device, LOCATE)
        await until(a, command, "sent")
        b.kill()
        await device.close()
        device = await Device.connect(a.device_port, DEVICE)
        await asked(device, LOCATE)
        confirm(device, LOCATE)
        shown = await until(a, command, "answered")
        assert [one["node"] for one in shown["transitions"]] == ["b", "b", "a", "a", "a"]
        b.start()  # it knew only of its own steps, and is told before it does anything
        shown = await until(b, command, "answered")
        assert [one["node"] for one in shown["transitions"]] == ["b", "b", "a", "a", "a"]
        await nothing_more(device)
        await device.close()


async def test_redis_is_killed_and_comes_back(tmp_path, redis_server):
    """A node goes on with what it was given and holds; the rest waits, and is sent once."""
    with two_nodes(tmp_path, redis_server) as (a, b):
        device = await parked(b.device_port)
        vehicle = await vehicle_of(a, DEVICE)
        await steady(a, b)
        await asyncio.to_thread(redis_server.kill)
        await until_told(lambda: b.metric("tracker_bus_degraded"))
        here = await ask(b, vehicle, "interval", parameters={"seconds": 7})
        await asked(device, INTERVAL, b"\x00\x07")
        confirm(device, INTERVAL)
        await until(b, here, "answered")
        there = await ask(a, vehicle, "text", parameters={"text": "x"})
        await nothing_more(device)
        assert states(a.get(f"/api/v1/commands/{there}")) == ["queued"]
        await asyncio.to_thread(redis_server.start)
        await asked(device, TEXT, b"x")
        confirm(device, TEXT)
        for node in (a, b):
            assert states(await until(node, there, "answered")) == ["queued", "sent", "answered"]
            assert states(await until(node, here, "answered")) == ["queued", "sent", "answered"]
        await nothing_more(device)
        await device.close()


async def test_no_reply_is_asked_again_and_then_given_up(tmp_path):
    with running_node(tmp_path / "one", command_answer_s="1") as node:
        device = await parked(node.device_port)
        vehicle = await vehicle_of(node, DEVICE)
        command = await ask(node, vehicle, "locate")
        await asked(device, LOCATE)
        await asked(device, LOCATE)  # once more on this connection
        await nothing_more(device, 3.0)
        await device.close()
        device = await Device.connect(node.device_port, DEVICE)
        await asked(device, LOCATE)  # and once on the next
        shown = await until(node, command, "expired")
        assert states(shown) == [*["queued", "sent"] * 3, "expired"]
        assert shown["detail"] == "no reply within 1 s, sent 3 times"
        text = await ask(node, vehicle, "text", parameters={"text": "x"})
        await asked(device, TEXT, b"x")
        shown = await until(node, text, "expired")
        assert (states(shown), shown["detail"]) == (
            ["queued", "sent", "expired"], "no reply within 1 s"
        )  # fmt: skip
        confirm(device, TEXT)  # too late: it belongs to nothing any more
        await until_told(lambda: node.metric("tracker_replies_unmatched_total"))
        await device.close()


async def test_what_is_never_sent_expires(tmp_path):
    with running_node(tmp_path / "one") as node:
        device = await parked(node.device_port)
        vehicle = await vehicle_of(node, DEVICE)
        await device.close()
        await gone(node)
        command = await ask(node, vehicle, "locate", expires_s=1)
        shown = await until(node, command, "expired")
        assert states(shown) == ["queued", "expired"]
        assert shown["detail"] == "not sent in time: the device was away"
        device = await Device.connect(node.device_port, DEVICE)
        await nothing_more(device)
        await device.close()


async def test_an_engine_cut_is_confirmed_and_waits_for_a_slow_vehicle(tmp_path, redis_server):
    with two_nodes(tmp_path, redis_server) as (a, b):
        device = await parked(b.device_port, speed_kmh=54.6)
        vehicle = await vehicle_of(a, DEVICE)
        await steady(a, b)
        path = f"/api/v1/vehicles/{vehicle}/commands"
        status, problem = call(a, "POST", path, {"kind": "engine_cut"})
        assert (status, problem["code"]) == (409, "confirmation_required")
        assert DEVICE in problem["detail"]
        cut = {"kind": "engine_cut", "confirm": DEVICE}
        status, problem = call(a, "POST", path, cut)  # known from the other node's report
        assert (status, problem["code"]) == (409, "too_fast")
        assert "55 km/h" in problem["detail"]
        assert "s ago" in problem["detail"]
        await device.close()
        await gone(b)
        device = await parked(a.device_port)
        await device.close()
        shown = f"/api/v1/vehicles/{vehicle}"
        await until_told(lambda: not b.get(shown)["position"]["speed_kmh"])
        status, command = call(b, "POST", path, cut)
        assert status == 201
        other = await ask(b, vehicle, "locate")
        device = Device(*await asyncio.open_connection("127.0.0.1", a.device_port))
        device.send(login(DEVICE))
        await device.reader.readexactly(7)
        await device.report(time.time(), 46.05, 14.5, speed_kmh=80.0, status=VALID)
        await asked(device, LOCATE)  # which need not wait with it
        confirm(device, LOCATE)
        await until(b, other, "answered")
        shown = await until(b, command["id"], "held")
        assert shown["state"] == "queued"
        assert "80 km/h" in shown["detail"]
        await device.report(time.time() + 1, 46.05, 14.5, speed_kmh=3.0, status=VALID)
        await asked(device, CUT, b"\1")
        confirm(device, CUT)
        shown = await until(b, command["id"], "answered")
        assert states(shown) == ["queued", "held", "sent", "answered"]
        await device.close()
