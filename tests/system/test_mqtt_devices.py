"""Devices that report by MQTT to the one port, through real sockets and real clients."""

from __future__ import annotations

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiomqtt
import nacl.secret
import pytest
from aiomqtt import ProtocolVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.devices import Device
from tests.inprocess import InProcess, running_tracker
from tests.waiting import PATIENCE_S, until
from tracker.model import Command, CommandKind
from tracker.web import keys

TOPIC = "owntracks/jane/phone"
VERSIONS = pytest.mark.parametrize(
    "version", [ProtocolVersion.V31, ProtocolVersion.V311, ProtocolVersion.V5], ids=str
)


def port_of(tracker: InProcess) -> int:
    return tracker.app[keys.GATEWAY].port


@asynccontextmanager
async def client(tracker: InProcess, **settings: Any) -> AsyncIterator[aiomqtt.Client]:
    async with aiomqtt.Client("127.0.0.1", port_of(tracker), timeout=PATIENCE_S, **settings) as one:
        yield one


def place(lat: float = 46.05, age_s: float = 0.0, **more: Any) -> bytes:
    moment = int(time.time() - age_s)
    said = {"_type": "location", "lat": lat, "lon": 14.5, "tst": moment, "tid": "JP"}
    return json.dumps({**said, **more}).encode()


async def stored(tracker: InProcess, ident: str) -> list[float]:
    vehicles = (await tracker.get("/api/v1/vehicles", params={"device": ident}))["vehicles"]
    if not vehicles:
        return []
    track = await tracker.get(f"/api/v1/vehicles/{vehicles[0]['id']}/positions")
    return [one["lat"] for one in track["positions"]]


@VERSIONS
async def test_every_quality_of_service_of_every_version(
    tmp_path: Path, version: ProtocolVersion
) -> None:
    async with running_tracker(tmp_path, journal_linger_ms=50) as tracker:
        journal = tracker.app[keys.JOURNAL]
        async with client(tracker, protocol=version, identifier="phone") as phone:
            for qos in (1, 2):
                await phone.publish(TOPIC, place(46 + qos / 100, 10 - qos), qos=qos, retain=True)
                assert (journal.pending, journal.committed_positions) == (0, qos)
            await phone.publish(TOPIC, place(46.03, 5), qos=0)
            await phone.publish(TOPIC, place(46.04, 4), qos=1)
            assert journal.committed_positions == 4
        assert await stored(tracker, TOPIC) == [46.01, 46.02, 46.03, 46.04]
        gateway = tracker.app[keys.GATEWAY]
        await until(lambda: gateway.closed["logout"] == 1)
        assert not gateway.decode_errors
        assert tracker.app[keys.REGISTRY].find(TOPIC).protocol == "mqtt"


@VERSIONS
async def test_a_command_comes_to_who_has_subscribed_and_its_arrival_is_told(
    tmp_path: Path, version: ProtocolVersion
) -> None:
    async with running_tracker(tmp_path) as tracker:
        gateway = tracker.app[keys.GATEWAY]
        async with client(tracker, protocol=version, identifier="phone") as phone:
            await phone.subscribe(f"{TOPIC}/cmd", qos=1)
            await phone.publish(TOPIC, place(), qos=1)
            vehicle = tracker.app[keys.REGISTRY].find(TOPIC)
            connection = gateway.by_vehicle[vehicle.id]
            frame = connection._decoder.encode(Command(CommandKind.LOCATE, 77))
            connection.write([frame])
            async with asyncio.timeout(PATIENCE_S):
                message = await anext(aiter(phone.messages))
            assert message.topic.value == f"{TOPIC}/cmd"
            assert json.loads(message.payload) == {"_type": "cmd", "action": "reportLocation"}
            await until(lambda: not connection._decoder.link.commands)
            await phone.unsubscribe(f"{TOPIC}/cmd")


async def test_topics_of_others_are_not_granted(tmp_path: Path) -> None:
    async with (
        running_tracker(tmp_path) as tracker,
        client(tracker, protocol=ProtocolVersion.V311) as phone,
    ):
        (code,) = await phone.subscribe("owntracks/+/+", qos=0)
        assert code >= 0x80 if isinstance(code, int) else code.is_failure


async def test_5_0_with_its_properties(tmp_path: Path) -> None:
    async with running_tracker(tmp_path) as tracker:
        stated = Properties(PacketTypes.PUBLISH)
        stated.TopicAlias = 1
        stated.UserProperty = ("by", "the test")
        stated.MessageExpiryInterval = 60
        async with client(tracker, protocol=ProtocolVersion.V5) as phone:
            await phone.publish(TOPIC, place(46.01, 2), qos=1, properties=stated)
            await phone.publish(TOPIC, b"no JSON", qos=1)  # is not taken, and is not sent again
        assert await stored(tracker, TOPIC) == [46.01]
        assert tracker.app[keys.GATEWAY].decode_errors["mqtt", "json"] == 1


async def test_a_bridge_of_several_devices_and_their_mapping(tmp_path: Path) -> None:
    mapping = {
        "topic": "fleet/+/position", "device": "topic[1]", "time": "at", "time_format": "unix_ms",
        "lat": "where.lat", "lon": "where.lon", "speed": "v", "speed_unit": "ms",
    }  # fmt: skip
    async with running_tracker(tmp_path, mqtt_mappings=[mapping]) as tracker:
        now_ms = int(time.time() * 1000) - 5000
        async with client(tracker) as bridge:
            for step in range(3):
                for name in ("van-7", "van-8"):
                    where = {"lat": 46 + step / 1e5, "lon": 14}
                    report = {"at": now_ms + 1000 * step, "where": where, "v": 10}
                    await bridge.publish(f"fleet/{name}/position", json.dumps(report), qos=1)
        for name in ("van-7", "van-8"):
            assert await stored(tracker, name) == [46, 46.00001, 46.00002]
        report = {"at": now_ms + 3000, "where": {"lat": 46.0001, "lon": 14}, "v": 10}
        url = f"http://127.0.0.1:{port_of(tracker)}/fleet/van-7/position"
        async with tracker.session.post(url, json=report) as answer:
            assert answer.status == 200
        assert await stored(tracker, "van-7") == [46, 46.00001, 46.00002, 46.0001]
        vehicle = tracker.app[keys.REGISTRY].find("van-7")
        live = tracker.app[keys.INGEST].fleet.get(vehicle.id)
        assert live.position.fix.speed_kmh == 36


async def test_who_has_no_password_is_refused(tmp_path: Path) -> None:
    async with running_tracker(tmp_path, mqtt_users={"jane": "secret"}) as tracker:
        for settings in ({}, {"username": "jane", "password": "wrong"}, {"username": "joe"}):
            with pytest.raises(aiomqtt.MqttError):
                async with client(tracker, **settings):
                    pass
        assert tracker.app[keys.GATEWAY].decode_errors["mqtt", "credentials"] == 3
        async with client(tracker, username="jane", password="secret") as phone:
            await phone.publish(TOPIC, place(), qos=1)
        assert await stored(tracker, TOPIC) == [46.05]


async def test_who_may_not_report_is_sent_away(tmp_path: Path) -> None:
    async with running_tracker(tmp_path, unknown_devices="reject") as tracker:
        with pytest.raises(aiomqtt.MqttError):
            async with client(tracker, protocol=ProtocolVersion.V5) as phone:
                await phone.publish(TOPIC, place(), qos=1, timeout=1)  # it waits for nobody
        await until(lambda: tracker.app[keys.GATEWAY].closed["refused"] == 1)


async def test_what_is_encrypted_is_opened_by_its_secret(tmp_path: Path) -> None:
    box = nacl.secret.SecretBox(b"correct horse".ljust(32, b"\0"))
    sealed = base64.b64encode(box.encrypt(place(46.01))).decode()
    message = json.dumps({"_type": "encrypted", "data": sealed})
    async with running_tracker(tmp_path, owntracks_secrets={"jane": "correct horse"}) as tracker:
        async with client(tracker) as phone:
            await phone.publish(TOPIC, message, qos=1)
            await phone.publish("owntracks/joe/phone", message, qos=1)
        assert await stored(tracker, TOPIC) == [46.01]
        assert await stored(tracker, "owntracks/joe/phone") == []
        assert tracker.app[keys.GATEWAY].decode_errors["mqtt", "encrypted"] == 1


async def test_the_will_of_a_lost_device_is_heard_and_that_of_a_polite_one_is_not(
    tmp_path: Path,
) -> None:
    will = aiomqtt.Will(TOPIC, place(46.09, 1), qos=1)
    async with running_tracker(tmp_path) as tracker:
        async with client(tracker, will=will) as phone:
            await phone.publish(TOPIC, place(46.01, 3), qos=1)
        assert await stored(tracker, TOPIC) == [46.01]
        gateway = tracker.app[keys.GATEWAY]
        phone = aiomqtt.Client("127.0.0.1", port_of(tracker), will=will)
        await phone.__aenter__()
        await phone.publish(TOPIC, place(46.02, 2), qos=1)
        phone._client.socket().shutdown(2)
        await until(lambda: not gateway.connections)

        async def heard() -> bool:
            return await stored(tracker, TOPIC) == [46.01, 46.02, 46.09]

        await until(heard)


async def test_a_client_is_held_to_its_own_keep_alive(tmp_path: Path) -> None:
    async with running_tracker(tmp_path) as tracker:
        gateway = tracker.app[keys.GATEWAY]
        connect = bytes.fromhex("100D00044D5154540402012C000178")  # keep alive 300 s
        device = await Device.connect(port_of(tracker))
        await device.ask(connect, bytes.fromhex("20020000"))
        (connection,) = gateway.connections
        heard = asyncio.get_running_loop().time()
        connection.check_age(heard + 449)
        assert not connection.closing
        connection.check_age(heard + 451)
        assert connection.closing
        await device.closed()
        assert gateway.closed["silent"] == 1


@pytest.mark.parametrize("version", ["mqttv31", "mqttv311", "mqttv5"])
async def test_mosquitto_pub(tmp_path: Path, version: str) -> None:
    async with running_tracker(tmp_path) as tracker:
        for qos in ("0", "1", "2"):
            process = await asyncio.create_subprocess_exec(
                "mosquitto_pub", "-h", "127.0.0.1", "-p", str(port_of(tracker)), "-V", version,
                "-i", "van", "-t", "tracker/van-7/position", "-q", qos, "-r",
                "-m", json.dumps({"time": time.time(), "lat": 46 + int(qos), "lon": 14.5}),
            )  # fmt: skip
            async with asyncio.timeout(PATIENCE_S):
                assert await process.wait() == 0
        await until(lambda: tracker.app[keys.JOURNAL].committed_positions == 3)
        assert await stored(tracker, "van-7") == [46, 47, 48]
