"""Positions from brokers: whatever happens to node, broker or disk, none that was published is
lost, and none is stored twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
import sqlite3
import threading
import time
from collections import Counter
from pathlib import Path

import aiohttp
import aiomqtt
import orjson
import pytest

from tests.inprocess import running_tracker
from tests.nodes import TrackerNode
from tests.servers import run_mosquitto
from tests.system.mqtt.conftest import broker
from tests.waiting import PATIENCE_S, until, until_told
from tracker.model import DeviceStatus
from tracker.web import keys

pytestmark = pytest.mark.servers

START = int(time.time()) - 30 * 86_400  # far enough back for every step of a test
DEVICES = 10
PAUSE_S = 0.003  # a few hundred a second: 20 in flight, as mosquitto has it, keep up with that


def source(server, topics, **more):
    return broker(server, "fleet") | {"topics": topics} | more


async def publish(server, *messages, retain=False):
    async with aiomqtt.Client("127.0.0.1", server.port) as client:
        for topic, payload in messages:
            body = payload if isinstance(payload, bytes) else orjson.dumps(payload)
            await client.publish(topic, body, qos=1, retain=retain)


def fix(step: int) -> dict[str, object]:
    """The latitude counts up, so each position is known by it."""
    return {"time": START + step, "lat": (40_000_000 + step) / 1e6, "lon": 14.5, "speed": 36.5}


class Fleet:
    """Devices that publish to a broker, each position until the broker has confirmed it."""

    def __init__(self, server) -> None:
        self.confirmed: dict[str, list[int]] = {f"9{n:04}": [] for n in range(DEVICES)}
        self.count = 0  # of those
        self.stopping = False  # a cancellation may be lost in the client's own waiting
        self._server = server
        self._step = 0

    async def run(self, pause_s: float) -> None:
        waiting: list[tuple[str, int]] = []
        while not self.stopping:
            with contextlib.suppress(aiomqtt.MqttError):
                async with aiomqtt.Client(
                    "127.0.0.1", self._server.port, timeout=10, max_queued_outgoing_messages=1
                ) as client:
                    while not self.stopping:
                        if not waiting:
                            self._step += 1
                            waiting = [(device, self._step) for device in self.confirmed]
                        device, step = waiting[0]
                        await client.publish(
                            f"tracker/{device}/position", orjson.dumps(fix(step)), qos=1
                        )
                        del waiting[0]
                        self.confirmed[device].append(40_000_000 + step)
                        self.count += 1
                        await asyncio.sleep(pause_s)
            await asyncio.sleep(0.1)

    async def goes_on(self) -> None:
        """Until each device, on average, has had another position confirmed."""
        enough = self.count + DEVICES
        await until(lambda: self.count >= enough)


async def stored(node: TrackerNode, device: str) -> Counter[int]:
    """How often each latitude of a device is in the history."""
    found = node.get(f"/api/v1/vehicles?device={device}")["vehicles"]
    if not found:
        return Counter()
    url = f"{node.url}/api/v1/vehicles/{found[0]['id']}/positions?from={START - 60}"
    headers = {"Accept": "application/x-ndjson"}
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as answer:
        lines = (await answer.read()).splitlines()
    return Counter(round(orjson.loads(line)["lat"] * 1e6) for line in lines)


async def check_all(nodes: list[TrackerNode], fleet: Fleet) -> None:
    """Every confirmed position comes to be stored by one of the nodes, by each at most once.

    Brokers give in order: with the last one everything before it has come, also a second time.
    """
    for device, confirmed in fleet.confirmed.items():
        found: list[Counter[int]] = []
        missing = confirmed
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_S):
                while missing:
                    found = [await stored(node, device) for node in nodes]
                    everywhere = set().union(*found)
                    missing = [lat for lat in confirmed if lat not in everywhere]
        assert missing == []
        for counted in found:
            assert set(counted.values()) <= {1}
    for node in nodes:
        await until_told(lambda node=node: not node.metric("tracker_source_unacknowledged"))


async def until_subscribed(node: TrackerNode) -> None:
    """Until the broker keeps for a node what is published: what came earlier nobody asked for."""
    await until_told(lambda: node.part("source fleet") == "ok")


async def until_heard(node: TrackerNode, count: float = 0) -> None:
    """Until a node has got more than so many publications since its start."""
    await until_told(lambda: node.metric("tracker_source_messages_total") > count)


async def test_what_devices_publish_appears_and_what_is_damaged_is_counted(
    tmp_path, mosquitto_server
):
    mapping = {"topic": "gps/+/up", "device": "topic[1]", "lat": "p.la", "lon": "p.lo"}
    settings = {
        "mqtt_sources": [source(mosquitto_server, ["owntracks/#", "flespi/#", "gps/#", "x/#"])],
        "mqtt_mappings": [mapping],
    }
    now = time.time()
    async with running_tracker(tmp_path / "data", **settings) as tracker:
        (one,) = tracker.app[keys.SOURCES].all
        await until(lambda: one.state == "ok")
        owntracks = {"_type": "location", "lat": 22.5, "lon": 114.0, "tst": int(now), "tid": "JP"}
        flespi = {
            "ident": "356307042441013", "timestamp": now,
            "position.latitude": 46.0, "position.longitude": 14.5,
        }  # fmt: skip
        await publish(
            mosquitto_server,
            ("x/nothing", b"\xff\xfe"),
            ("x/nothing", {"some": "thing"}),
            ("owntracks/jane/phone", owntracks | {"lat": "north"}),
            ("x/large", b'"' + b"x" * 70_000 + b'"'),
            ("x/huge", b"x" * 400_000),  # more than the broker may send us
            ("owntracks/jane/phone", owntracks),
            ("flespi/message/gw/devices/1", flespi),
            ("flespi/batch", [flespi | {"ident": "77"}, flespi | {"ident": "78"}]),
            ("gps/van-7/up", {"p": {"la": 1.5, "lo": 2.5}}),
            ("owntracks/jane/phone", b""),
        )
        await until(lambda: one.stats["acknowledged"] == 9)
        vehicles: list[dict] = [{"position": None}]
        async with asyncio.timeout(PATIENCE_S):  # they are shown with the next tick
            while not all(vehicle["position"] for vehicle in vehicles):
                await asyncio.sleep(0.1)
                vehicles = (await tracker.get("/api/v1/vehicles"))["vehicles"]
        found = {v["device"]: (v["position"]["lat"], v["position"]["lon"]) for v in vehicles}
        assert found == {
            "owntracks/jane/phone": (22.5, 114.0), "356307042441013": (46.0, 14.5),
            "77": (46.0, 14.5), "78": (46.0, 14.5), "van-7": (1.5, 2.5),
        }  # fmt: skip
        assert sum(one.damaged.values()) == 4
        assert one.damaged["json"] == one.damaged["length"] == 1
        errors = tracker.app[keys.GATEWAY].decode_errors
        assert {kind: n for (name, kind), n in errors.items() if name == "mqtt"} == one.damaged
        assert (await tracker.get("/readyz"))["parts"]["source fleet"] == "ok"


async def test_a_device_that_may_not_report_holds_up_no_other(tmp_path, mosquitto_server):
    settings = {
        "mqtt_sources": [source(mosquitto_server, ["flespi/#"])],
        "unknown_devices": "pending",
    }
    async with running_tracker(tmp_path / "data", **settings) as tracker:
        (one,) = tracker.app[keys.SOURCES].all
        await until(lambda: one.state == "ok")
        report = {"timestamp": time.time(), "position.latitude": 46.0, "position.longitude": 14.5}
        batch = [report | {"ident": "71"}, report | {"ident": "72"}]
        await publish(mosquitto_server, ("flespi/x", batch))
        await until(lambda: one.stats["acknowledged"] == 1)
        registry = tracker.app[keys.REGISTRY]
        assert registry.pending_count() == 2
        registry.change(registry.find("72").id, status=DeviceStatus.ACTIVE)
        await publish(mosquitto_server, ("flespi/x", batch))
        await until(lambda: one.stats["acknowledged"] == 2)
        assert tracker.app[keys.INGEST].accepted == 1


async def test_a_broker_that_refuses_a_topic_is_seen(tmp_path):
    plugins = sorted(Path("/usr/lib").glob("*/mosquitto_dynamic_security.so"))
    if not plugins:
        pytest.skip("mosquitto has no plugin for access rules here")
    rules = tmp_path / "rules.json"
    allowed = {"publishClientSend": True, "publishClientReceive": True, "unsubscribe": True}
    rules.write_bytes(orjson.dumps({"defaultACLAccess": allowed | {"subscribe": False}}))
    lines = f"plugin {plugins[0]}", f"plugin_opt_config_file {rules}"
    with run_mosquitto(*lines) as server:
        settings = {"mqtt_sources": [source(server, ["tracker/#"])]}
        async with running_tracker(tmp_path / "data", **settings) as tracker:
            (one,) = tracker.app[keys.SOURCES].all
            await until(lambda: one.link.stats["losses"] > 1)  # and it is tried again
            assert one.state == "away: the broker refuses tracker/#: Not authorized"


@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_kill_nine_of_the_node_under_load(tmp_path, mosquitto_server, version):
    moments = random.Random(9)
    sources = [source(mosquitto_server, ["tracker/#"], version=version)]
    settings = {"mqtt_sources": orjson.dumps(sources).decode()}
    node = TrackerNode(tmp_path / "data", settings).start()
    await until_subscribed(node)
    fleet = Fleet(mosquitto_server)
    publishing = asyncio.create_task(fleet.run(PAUSE_S))
    try:
        for _ in range(8):
            await until_heard(node)
            await asyncio.sleep(moments.uniform(0.0, 0.3))
            node.kill()
            await asyncio.to_thread(node.start)
        await fleet.goes_on()
        fleet.stopping = True
        await publishing
        await check_all([node], fleet)
    finally:
        fleet.stopping = True
        publishing.cancel()
        node.kill()


async def test_restarts_of_the_broker_under_load(tmp_path, mosquitto_server):
    sources = [source(mosquitto_server, ["tracker/#"])]
    settings = {"mqtt_sources": orjson.dumps(sources).decode()}
    node = TrackerNode(tmp_path / "data", settings).start()
    await until_subscribed(node)
    fleet = Fleet(mosquitto_server)
    publishing = asyncio.create_task(fleet.run(PAUSE_S))
    try:
        for connects in range(1, 4):
            await until_told(lambda n=connects: node.metric("tracker_mqtt_connects_total") >= n)
            await fleet.goes_on()
            await asyncio.to_thread(mosquitto_server.restart)
        await until_told(lambda: node.metric("tracker_mqtt_connects_total") >= 4)
        await fleet.goes_on()
        fleet.stopping = True
        await publishing
        await check_all([node], fleet)
    finally:
        fleet.stopping = True
        publishing.cancel()
        node.kill()


def _hold(path, held: threading.Event, release: threading.Event) -> None:
    """Hold the write lock of the database."""
    connection = sqlite3.connect(path, timeout=PATIENCE_S, isolation_level=None)
    connection.execute("BEGIN IMMEDIATE")
    held.set()
    release.wait(5 * PATIENCE_S)
    connection.execute("ROLLBACK")
    connection.close()


@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_nothing_is_acknowledged_that_is_not_on_disk(tmp_path, mosquitto_server, version):
    """While the disk does not take them, publications stay the broker's; a kill loses none."""
    sources = [source(mosquitto_server, ["tracker/#"], version=version)]
    settings = {
        "mqtt_sources": orjson.dumps(sources).decode(), "journal_max_pending": "100",
    }  # fmt: skip
    node = TrackerNode(tmp_path / "data", settings).start()
    held, release = threading.Event(), threading.Event()
    try:
        await until_subscribed(node)
        path = tmp_path / "data" / "tracker.sqlite"
        holding = asyncio.create_task(asyncio.to_thread(_hold, path, held, release))
        assert await asyncio.to_thread(held.wait, PATIENCE_S)
        messages = [("tracker/90000/position", fix(step)) for step in range(1_500)]
        await publish(mosquitto_server, *messages)
        if version == "5":
            await until_told(lambda: node.metric("tracker_source_held") == 1)
        else:  # the broker waits for acknowledgements before the journal is full
            await until_told(lambda: node.metric("tracker_source_unacknowledged") > 0)
        await asyncio.sleep(1.0)  # in which nothing more may happen
        assert node.metric("tracker_source_acknowledged_total") == 0
        assert 0 < node.metric("tracker_source_unacknowledged") <= 1_000
        assert node.metric("tracker_journal_pending") <= 1_000
        node.kill()
        release.set()
        await holding
        await asyncio.to_thread(node.start)
        await until_told(lambda: node.metric("tracker_source_acknowledged_total") >= 1_500)
        found = await stored(node, "90000")
        assert found == Counter({40_000_000 + step: 1 for step in range(1_500)})
        assert node.metric("tracker_source_acknowledged_total") == 1_500
    finally:
        release.set()
        node.kill()


async def test_two_nodes_share_a_subscription(tmp_path, mosquitto_server):
    """Each publication goes to one of them; what a killed one had comes when it is back."""
    sources = [source(mosquitto_server, ["$share/trackers/tracker/#"])]
    settings = {"mqtt_sources": orjson.dumps(sources).decode()}
    nodes = [
        TrackerNode(tmp_path / name, settings | {"node": name}).start() for name in ("one", "two")
    ]
    for node in nodes:
        await until_subscribed(node)
    fleet = Fleet(mosquitto_server)
    publishing = asyncio.create_task(fleet.run(PAUSE_S))
    try:
        for node in nodes:
            await until_heard(node)
        nodes[1].kill()
        await fleet.goes_on()
        await asyncio.to_thread(nodes[1].start)
        await until_heard(nodes[1])
        fleet.stopping = True
        await publishing
        await check_all(nodes, fleet)
        shares = [
            sum([len(await stored(node, device)) for device in fleet.confirmed]) for node in nodes
        ]
        assert min(shares) > 0
    finally:
        fleet.stopping = True
        publishing.cancel()
        for node in nodes:
            node.kill()


async def test_retained_messages_come_once(tmp_path, mosquitto_server):
    """By MQTT 5 only to a new subscription, not with every reconnect."""
    await publish(mosquitto_server, ("tracker/90000/position", fix(1)), retain=True)
    settings = {"mqtt_sources": [source(mosquitto_server, ["tracker/#"])]}
    async with running_tracker(tmp_path / "data", **settings) as tracker:
        (one,) = tracker.app[keys.SOURCES].all
        # With its acknowledgement on the way: a broker gives again what was not acknowledged.
        await until(lambda: one.stats["acknowledged"] == 1 and not one.link._client.want_write())
        one.link.lose("for the test")
        await until(lambda: one.link.stats["connects"] == 2 and one.state == "ok")
        await publish(mosquitto_server, ("tracker/90000/position", fix(2)))
        await until(lambda: one.stats["acknowledged"] == 2)
        assert one.stats["messages"] == 2


class Mistaken:
    """A reader with a mistake in it."""

    def read(self, topic: str, payload: bytes, now: float) -> list:
        if payload == b"0":
            raise ZeroDivisionError
        return []


async def test_a_mistake_of_a_reader_does_not_stop_the_source(tmp_path, mosquitto_server):
    settings = {"mqtt_sources": [source(mosquitto_server, ["x"])]}
    async with running_tracker(tmp_path / "data", **settings) as tracker:
        (one,) = tracker.app[keys.SOURCES].all
        one._reader = Mistaken()
        await until(lambda: one.state == "ok")
        await publish(mosquitto_server, ("x", b"0"), ("x", b"1"))
        await until(lambda: one.stats["acknowledged"] == 2)
        assert one.damaged == {"internal": 1}
        assert one.link.stats["losses"] == 0
