"""Commands to devices behind a real broker: published where each listens, answered through the
subscription, and never published behind the back of their life.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from tests.inprocess import InProcess, running_tracker
from tests.servers import RealServer, run_mosquitto
from tests.system.commanding import TICK_S
from tests.system.mqtt.conftest import broker
from tests.system.test_commands_asking import ask, asked, kinds, shown
from tests.system.test_commands_protocols import ended, vehicle_of
from tests.waiting import PATIENCE_S, until
from tracker.web import keys

pytestmark = pytest.mark.servers

PHONE = "owntracks/jane/phone"
MAPPING = {
    "topic": "fleet/+/up", "device": "topic[1]", "time": "t", "lat": "lat", "lon": "lon",
    "command_topic": "fleet/{device}/down", "ack_topic": "fleet/{device}/done",
}  # fmt: skip
DEAF = {"topic": "deaf/#", "device": "topic[1]", "time": "t", "lat": "lat", "lon": "lon"}
TOPICS = ["tracker/#", "owntracks/#", "fleet/#", "flespi/#", "deaf/#"]


@asynccontextmanager
async def listening(
    folder: Path, server: RealServer, *, commands: bool = True, **more: Any
) -> AsyncIterator[InProcess]:
    """A tracker that is subscribed to a broker."""
    own = {name: more.pop(name) for name in ("version",) if name in more}
    settings = {
        "mqtt_sources": [broker(server, "fleet", topics=TOPICS, commands=commands, **own)],
        "mqtt_mappings": [MAPPING, DEAF],
        "tick_interval_s": TICK_S,
    } | more
    async with running_tracker(folder, **settings) as tracker:
        await until(lambda: source(tracker).state == "ok")
        yield tracker


def source(tracker: InProcess) -> Any:
    (one,) = tracker.app[keys.SOURCES].all
    return one


class Behind:
    """A device that reports to the broker, and keeps what it is sent."""

    def __init__(self, client: aiomqtt.Client) -> None:
        self.client = client

    async def say(self, topic: str, **said: Any) -> None:
        await self.client.publish(topic, json.dumps(said), qos=1)

    async def report(self, device: str = "van-7") -> None:
        await self.say(f"tracker/{device}/position", time=time.time(), lat=46.05, lon=14.5)

    async def wish(self) -> tuple[str, Any]:
        async with asyncio.timeout(PATIENCE_S):
            message = await anext(aiter(self.client.messages))
        return message.topic.value, json.loads(message.payload)


@asynccontextmanager
async def device(server: RealServer, *topics: str) -> AsyncIterator[Behind]:
    async with aiomqtt.Client("127.0.0.1", server.port) as client:
        for topic in topics:
            await client.subscribe(topic, qos=1)
        yield Behind(client)


def subscriber(server: RealServer) -> aiomqtt.Client:
    """A device whose subscriptions the broker keeps while it is away."""
    return aiomqtt.Client("127.0.0.1", server.port, identifier="van", clean_session=False)


@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_there_and_back(tmp_path, mosquitto_server, version):
    async with (
        listening(tmp_path, mosquitto_server, version=version) as tracker,
        device(mosquitto_server, "tracker/van-7/cmd") as van,
    ):
        await van.report()
        vehicle = await vehicle_of(tracker, "van-7")
        id_ = await asked(tracker, vehicle, "interval", parameters={"seconds": 60})
        topic, wish = await van.wish()
        assert topic == "tracker/van-7/cmd"
        assert wish == {"id": wish["id"], "type": "interval", "params": {"seconds": 60}}
        await shown(tracker, id_, "queued", "sent")
        await van.say("tracker/van-7/ack", id=wish["id"], result="ok", text="every minute")
        command = await shown(tracker, id_, "queued", "sent", "answered")
        assert command["reply"] == "every minute"
        stats = source(tracker).outbox.stats
        await until(lambda: stats["commands_confirmed"] == 1)
        assert stats["commands_published"] == 1
        assert not source(tracker).damaged, "what we publish comes back to us, and says nothing"
        found = await kinds(tracker, vehicle)
        assert found["locate"]["supported"]
        assert found["engine_cut"]["supported"] is (version == "5")


async def test_a_phone_and_a_device_with_a_mapping(tmp_path, mosquitto_server):
    async with (
        listening(tmp_path, mosquitto_server) as tracker,
        device(mosquitto_server, f"{PHONE}/cmd", "fleet/9/down") as both,
    ):
        place = {"_type": "location", "lat": 46.05, "lon": 14.5, "tst": int(time.time())}
        await both.say(PHONE, **place)
        phone = await vehicle_of(tracker, PHONE)
        found = await kinds(tracker, phone)
        assert {name: one["replies"] for name, one in found.items() if one["supported"]} == {
            "locate": True, "interval": False, "custom": False,
        }  # fmt: skip
        id_ = await asked(tracker, phone, "locate")
        assert await both.wish() == (f"{PHONE}/cmd", {"_type": "cmd", "action": "reportLocation"})
        await both.say(PHONE, **place | {"t": "r", "lat": 46.06})
        await shown(tracker, id_, "queued", "sent", "answered")
        await asked(tracker, phone, "interval", parameters={"seconds": 60})
        _, wish = await both.wish()
        assert wish["action"] == "setConfiguration"
        await both.say("fleet/9/up", t=time.time(), lat=46.05, lon=14.5)
        truck = await vehicle_of(tracker, "9")
        id_ = await asked(tracker, truck, "custom", parameters={"text": "RELAY 1"})
        topic, wish = await both.wish()
        assert (topic, wish["params"]) == ("fleet/9/down", {"text": "RELAY 1"})
        await both.say("fleet/9/done", id=wish["id"], result="error", text="no relay")
        command = await shown(tracker, id_, "queued", "sent", "failed")
        assert command["reply"] == "no relay"


async def test_who_never_replies_is_known_for_it(tmp_path, mosquitto_server):
    async with (
        listening(tmp_path, mosquitto_server, command_answer_s=1.0) as tracker,
        device(mosquitto_server) as phone,
    ):
        place = {"_type": "location", "lat": 46.05, "lon": 14.5, "tst": int(time.time())}
        await phone.say(PHONE, **place)
        vehicle = await vehicle_of(tracker, PHONE)
        silent = await asked(tracker, vehicle, "interval", parameters={"seconds": 60})
        command = await shown(tracker, silent, "queued", "sent", "expired")
        assert command["detail"].startswith("no reply: devices")


async def test_what_cannot_be_reached_is_refused_with_the_reason(tmp_path, mosquitto_server):
    async with (
        listening(tmp_path, mosquitto_server) as tracker,
        device(mosquitto_server) as any_,
    ):
        await any_.say("deaf/5/up", t=time.time(), lat=46.05, lon=14.5)
        report = {"position.latitude": 46.05, "position.longitude": 14.5}
        await any_.say("flespi/x", ident="71", timestamp=time.time(), **report)
        for name, why in (("5", "no command_topic"), ("71", "nothing is known of where")):
            vehicle = await vehicle_of(tracker, name)
            found = await kinds(tracker, vehicle)
            assert not any(one["supported"] for one in found.values())
            assert why in found["locate"]["reason"]
            status, problem = await ask(tracker, vehicle, "locate")
            assert (status, problem["detail"]) == (422, found["locate"]["reason"])


async def test_a_source_gives_no_commands_unless_it_is_told_to(tmp_path, mosquitto_server):
    async with (
        listening(tmp_path, mosquitto_server, commands=False) as tracker,
        device(mosquitto_server, "tracker/van-7/cmd") as van,
    ):
        await van.report()
        vehicle = await vehicle_of(tracker, "van-7")
        status, problem = await ask(tracker, vehicle, "locate")
        assert (status, problem["code"]) == (422, "command")
        assert problem["detail"].endswith("which is given no commands")
        port = tracker.app[keys.GATEWAY].port
        async with aiomqtt.Client("127.0.0.1", port) as direct:  # it comes to us itself
            await direct.subscribe("tracker/van-7/cmd", qos=1)
            said = {"time": time.time(), "lat": 46.05, "lon": 14.5}
            await direct.publish("tracker/van-7/position", json.dumps(said), qos=1)
            assert (await kinds(tracker, vehicle))["locate"]["supported"]
            id_ = await asked(tracker, vehicle, "locate")
            async with asyncio.timeout(PATIENCE_S):
                wish = json.loads((await anext(aiter(direct.messages))).payload)
            done = {"id": wish["id"], "result": "ok"}
            await direct.publish("tracker/van-7/ack", json.dumps(done), qos=1)
            await shown(tracker, id_, "queued", "sent", "answered")


async def test_while_the_broker_is_away_commands_wait(tmp_path, mosquitto_server):
    async with listening(tmp_path, mosquitto_server) as tracker:
        van = subscriber(mosquitto_server)  # before we are back: nobody keeps it for strangers
        async with van as client:
            await client.subscribe("tracker/van-7/cmd", qos=1)
            await Behind(client).report()
        vehicle = await vehicle_of(tracker, "van-7")
        await asyncio.to_thread(mosquitto_server.stop)
        await until(lambda: not source(tracker).link.connected)
        id_ = await asked(tracker, vehicle, "text", parameters={"text": "Halt"})
        await asyncio.sleep(1.5)
        await shown(tracker, id_, "queued")
        await asyncio.to_thread(mosquitto_server.start)
        async with van as client:
            assert (await Behind(client).wish())[1]["type"] == "text"
            await shown(tracker, id_, "queued", "sent")


async def test_what_was_not_confirmed_is_not_published_again_behind_our_back(
    tmp_path, mosquitto_server
):
    """The broker stands still and is killed with the command: a text is sent once, and given up."""
    async with listening(tmp_path, mosquitto_server, command_answer_s=1.0) as tracker:
        async with device(mosquitto_server) as van:
            await van.report()
        vehicle = await vehicle_of(tracker, "van-7")
        await until(lambda: not source(tracker).unacknowledged)
        mosquitto_server.freeze()
        id_ = await asked(tracker, vehicle, "text", parameters={"text": "Halt"})
        await until(lambda: source(tracker).outbox.stats["commands_published"] == 1)
        await asyncio.to_thread(mosquitto_server.kill)
        await asyncio.to_thread(mosquitto_server.start)
        async with device(mosquitto_server, "tracker/van-7/cmd") as van:
            await until(lambda: source(tracker).state == "ok")
            command = await ended(tracker, id_)
            assert [one["state"] for one in command["transitions"]] == ["queued", "sent", "expired"]
            await asked(tracker, vehicle, "reboot")
            assert (await van.wish())[1]["type"] == "reboot", "and nothing before it"
        assert source(tracker).outbox.stats["commands_forgotten"] == 1


async def test_a_broker_does_not_keep_commands_for_long(tmp_path, mosquitto_server):
    """A device that is away for longer than a reply is waited for does not get them any more."""
    async with listening(tmp_path, mosquitto_server, command_answer_s=1.0) as tracker:
        away = subscriber(mosquitto_server)
        async with away as client:
            await client.subscribe("tracker/van-7/cmd", qos=1)
            await Behind(client).report()
            vehicle = await vehicle_of(tracker, "van-7")
        id_ = await asked(tracker, vehicle, "text", parameters={"text": "Halt"})
        command = await ended(tracker, id_)
        assert command["state"] == "expired"
        await asyncio.sleep(1.5)  # a broker counts whole seconds
        async with away as client:
            await asked(tracker, vehicle, "reboot")
            assert (await Behind(client).wish())[1]["type"] == "reboot", "and nothing before it"


async def test_a_broker_that_says_no(tmp_path):
    rules = tmp_path / "acl"
    rules.write_text("topic read #\ntopic write tracker/+/position\n")
    rules.chmod(0o600)
    with run_mosquitto(f"acl_file {rules}") as server:
        async with (
            listening(tmp_path / "data", server) as tracker,
            device(server, "tracker/van-7/cmd") as van,
        ):
            await van.report()
            vehicle = await vehicle_of(tracker, "van-7")
            id_ = await asked(tracker, vehicle, "locate")
            command = await shown(tracker, id_, "queued", "sent", "failed")
            assert command["reply"] == "refused by the broker fleet: Not authorized"
            assert source(tracker).outbox.stats["commands_refused"] == 1


async def test_two_nodes_that_share_a_subscription_publish_it_once(
    tmp_path, mosquitto_server, redis_server
):
    """Asked at either, answered to either."""
    url = f"redis://127.0.0.1:{redis_server.port}/0"
    topics = ["$share/nodes/tracker/#"]
    own = {
        "bus": url,
        "tick_interval_s": 1.0,
        "mqtt_sources": [broker(mosquitto_server, "fleet", topics=topics, commands=True)],
    }
    async with (
        listening(tmp_path / "a", mosquitto_server, **own, node="a") as a,
        listening(tmp_path / "b", mosquitto_server, **own, node="b") as b,
        device(mosquitto_server, "tracker/van-7/cmd") as van,
    ):
        while not all(source(node).outbox.by_vehicle for node in (a, b)):  # both have heard it
            await van.report()
            await asyncio.sleep(0.1)
        await vehicle_of(b, "van-7")
        vehicle = await vehicle_of(a, "van-7")
        await until(lambda: a.app[keys.CLUSTER].steady and b.app[keys.CLUSTER].steady)
        for tracker in (a, b, a, b):
            id_ = await asked(tracker, vehicle, "text", parameters={"text": "Halt"})
            for _ in range(3):
                await van.report()
            _, wish = await van.wish()
            await van.say("tracker/van-7/ack", id=wish["id"], result="ok")
            for node in (a, b):
                await shown(node, id_, "queued", "sent", "answered")
        published = [source(node).outbox.stats["commands_published"] for node in (a, b)]
        assert sum(published) == 4
