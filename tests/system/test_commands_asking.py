"""Commands to devices that ask (HTTP) and to those of MQTT, against the simulator's devices and by
hand: every kind there and back, once for each attempt, and the truth about silence.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from simulator.protocols import FAMILIES
from tests.inprocess import InProcess, running_tracker
from tests.system.commanding import TICK_S, WITHIN_S, Simulated, hurry
from tests.system.test_commands_protocols import ended, vehicle_of
from tests.waiting import until
from tracker.web import keys

pytestmark = pytest.mark.servers

ALL = ("locate", "interval", "text", "reboot", "engine_cut", "engine_restore", "custom")
APP = ("locate", "interval", "custom")
KINDS = {"osmand": ("custom",), "owntracks": APP, "json": ALL, "mqtt": APP, "mqtt-json": ALL}
MATRIX = [pytest.param(name, kind, id=f"{name} {kind}") for name in KINDS for kind in KINDS[name]]
UNABLE = [
    pytest.param(name, kind, id=f"{name} {kind}")
    for name in KINDS
    for kind in ALL
    if kind not in KINDS[name]
]
PARAMETERS: dict[str, dict[str, Any]] = {"interval": {"seconds": 60}, "text": {"text": "Halt"}}
CUSTOM = {
    "osmand": "RELAY 1 ON", "json": "RELAY 1 ON", "mqtt-json": "RELAY 1 ON",
    "owntracks": '{"_type":"cmd","action":"dump"}', "mqtt": '{"_type":"cmd","action":"dump"}',
}  # fmt: skip
SILENT = {("osmand", "custom"), ("owntracks", "interval"), ("owntracks", "custom")}
ASKING = ("osmand", "owntracks", "json")


@pytest.fixture
async def tracker(tmp_path: Path) -> AsyncIterator[InProcess]:
    async with running_tracker(tmp_path, tick_interval_s=TICK_S) as one:
        yield one


@pytest.fixture
async def hasty(tmp_path: Path) -> AsyncIterator[InProcess]:
    """A tracker that waits for a reply as short as it may."""
    async with running_tracker(tmp_path, command_answer_s=1.0, tick_interval_s=TICK_S) as one:
        yield one


def parameters_of(name: str, kind: str) -> dict[str, Any]:
    return PARAMETERS.get(kind, {"text": CUSTOM[name]} if kind == "custom" else {})


async def ask(tracker: InProcess, vehicle: dict[str, Any], kind: str, **more: Any) -> Any:
    """Status and answer of a request for a command."""
    async with tracker.session.post(
        f"{tracker.url}/api/v1/vehicles/{vehicle['id']}/commands",
        json={"kind": kind, "confirm": vehicle["device"], **more},
    ) as response:
        return response.status, await response.json(content_type=None)


async def asked(tracker: InProcess, vehicle: dict[str, Any], kind: str, **more: Any) -> str:
    status, command = await ask(tracker, vehicle, kind, **more)
    assert status == 201, command
    return str(command["id"])


async def kinds(tracker: InProcess, vehicle: dict[str, Any]) -> dict[str, dict[str, Any]]:
    found = (await tracker.get(f"/api/v1/vehicles/{vehicle['id']}/command-kinds"))["kinds"]
    return {one["kind"]: one for one in found}


async def shown(tracker: InProcess, id_: str, *states: str) -> dict[str, Any]:
    """A command once its transitions are these."""
    command: dict[str, Any] = {}
    try:
        async with asyncio.timeout(WITHIN_S):
            while [one["state"] for one in command.get("transitions", ())] != list(states):
                command = await tracker.get(f"/api/v1/commands/{id_}")
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"not {states}: {command}") from None
    return command


@pytest.mark.parametrize(("name", "kind"), MATRIX)
async def test_there_and_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, kind: str
) -> None:
    hurry(monkeypatch)
    answer_s = 1.0 if (name, kind) in SILENT else 2 * WITHIN_S
    async with running_tracker(
        tmp_path, command_answer_s=answer_s, tick_interval_s=TICK_S
    ) as tracker:
        await there_and_back(tracker, name, kind)


async def there_and_back(tracker: InProcess, name: str, kind: str) -> None:
    device = Simulated(FAMILIES[name])
    await device.connect(tracker.app[keys.GATEWAY].port)
    vehicle = await vehicle_of(tracker, device.ident)
    known = (await kinds(tracker, vehicle))[kind]
    assert known["supported"]
    assert known["replies"] is ((name, kind) not in SILENT)
    id_ = await asked(tracker, vehicle, kind, parameters=parameters_of(name, kind))
    if name in ASKING:
        await asyncio.sleep(0.1)
        assert (await tracker.get(f"/api/v1/commands/{id_}"))["state"] == "queued"
        device.report()
    command = await ended(tracker, id_)
    states = [one["state"] for one in command["transitions"]]
    if (name, kind) in SILENT:
        assert states == ["queued", "sent", "expired"]
        assert command["detail"].startswith("no reply")
    else:
        assert states == ["queued", "sent", "answered"], command
    device.report()
    answers = device.driven.answers
    assert answers["command"] + answers["locate"] == 1, "it got the command, once"
    assert not answers["damaged"]
    await device.close()


@pytest.mark.parametrize(("name", "kind"), UNABLE)
async def test_what_cannot_be_asked_is_refused(tracker: InProcess, name: str, kind: str) -> None:
    device = Simulated(FAMILIES[name])
    await device.connect(tracker.app[keys.GATEWAY].port)
    vehicle = await vehicle_of(tracker, device.ident)
    known = (await kinds(tracker, vehicle))[kind]
    assert (known["supported"], known["parameters"]) == (False, [])
    status, problem = await ask(tracker, vehicle, kind, parameters=PARAMETERS.get(kind, {}))
    assert (status, problem["code"], problem["detail"]) == (422, "command", known["reason"])
    await device.close()


# Devices that ask ---------------------------------------------------------------------------------


def pub(tracker: InProcess, path: str = "pub") -> str:
    return f"http://127.0.0.1:{tracker.app[keys.GATEWAY].port}/{path}"


PHONE = {"X-Limit-U": "jane", "X-Limit-D": "phone"}


async def location(tracker: InProcess, **more: Any) -> Any:
    """What an app is told when it reports."""
    said = {"_type": "location", "lat": 46.05, "lon": 14.5, "tst": int(time.time()), **more}
    async with tracker.session.post(pub(tracker), json=said, headers=PHONE) as answer:
        assert answer.status == 200
        return await answer.json()


async def test_each_answer_carries_one_command_in_their_order(tracker: InProcess) -> None:
    assert await location(tracker) == []
    vehicle = await vehicle_of(tracker, "owntracks/jane/phone")
    first = await asked(tracker, vehicle, "locate")
    second = await asked(tracker, vehicle, "interval", parameters={"seconds": 30})
    assert await location(tracker) == [{"_type": "cmd", "action": "reportLocation"}]
    await shown(tracker, first, "queued", "sent")
    assert await location(tracker) == [], "one at a time"
    (wish,) = await location(tracker, t="r")  # answers the first, and its answer has the second
    assert wish["configuration"]["locatorInterval"] == 30
    command = await shown(tracker, first, "queued", "sent", "answered")
    assert command["reply"] == "46.050000, 14.500000"
    await shown(tracker, second, "queued", "sent")
    assert tracker.app[keys.COMMANDS].stats["unmatched"] == 0


async def test_what_is_not_answered_is_asked_again_and_then_given_up(hasty: InProcess) -> None:
    """A new connection alone is no reason: the answer to an older one may be on its way."""
    tracker = hasty
    await location(tracker)
    vehicle = await vehicle_of(tracker, "owntracks/jane/phone")
    id_ = await asked(tracker, vehicle, "locate")
    got = 0
    async with asyncio.timeout(WITHIN_S):
        while not (command := await tracker.get(f"/api/v1/commands/{id_}"))["ended_time"]:
            got += len(await location(tracker))
            await asyncio.sleep(0.1)
    assert got == 3
    assert [one["state"] for one in command["transitions"]] == [*["queued", "sent"] * 3, "expired"]
    assert command["detail"] == "no reply within 1 s, sent 3 times"


async def test_two_requests_at_once_get_it_once(tracker: InProcess) -> None:
    await location(tracker)
    vehicle = await vehicle_of(tracker, "owntracks/jane/phone")
    wish = '{"_type":"cmd","action":"dump"}'
    await asked(tracker, vehicle, "custom", parameters={"text": wish})
    answers = await asyncio.gather(*(location(tracker) for _ in range(8)))
    assert sorted(map(len, answers)) == [0] * 7 + [1]


async def test_the_answer_waits_for_the_disk_with_a_command_too(tmp_path: Path) -> None:
    async with running_tracker(tmp_path, journal_linger_ms=50) as tracker:
        await location(tracker)
        vehicle = await vehicle_of(tracker, "owntracks/jane/phone")
        await asked(tracker, vehicle, "locate")
        before = tracker.app[keys.JOURNAL].committed_positions
        assert len(await location(tracker, lat=46.06)) == 1
        journal = tracker.app[keys.JOURNAL]
        assert (journal.pending, journal.committed_positions) == (0, before + 1)


async def test_osmand_runs_what_stands_in_the_body(hasty: InProcess) -> None:
    tracker = hasty
    place = {"id": "1001", "lat": "46.05", "lon": "14.5"}
    async with tracker.session.get(pub(tracker, ""), params=place) as answer:
        assert await answer.read() == b""
    vehicle = await vehicle_of(tracker, "1001")
    id_ = await asked(tracker, vehicle, "custom", parameters={"text": "Größe=7"})
    async with tracker.session.get(pub(tracker, ""), params=place) as answer:
        assert (answer.status, answer.content_type) == (200, "text/plain")
        assert await answer.text() == "Größe=7"
    async with tracker.session.get(pub(tracker, ""), params=place) as answer:
        assert await answer.read() == b""
    await shown(tracker, id_, "queued", "sent", "expired")


async def test_plain_json_waits_until_it_is_asked_for(tracker: InProcess) -> None:
    report = {"time": time.time(), "lat": 46.05, "lon": 14.5}
    path = pub(tracker, "tracker/van-7/position")
    async with tracker.session.post(path, json=report) as answer:
        assert await answer.read() == b""
    vehicle = await vehicle_of(tracker, "van-7")
    id_ = await asked(tracker, vehicle, "text", parameters={"text": "Halt"})
    async with tracker.session.post(path, json=report) as answer:
        assert await answer.read() == b""
    command = await shown(tracker, id_, "queued", "held")
    assert command["state"] == "queued"
    assert "Accept: application/json" in command["detail"]
    asking = {"Accept": "application/json"}
    async with tracker.session.post(path, json=report, headers=asking) as answer:
        (wish,) = (await answer.json())["commands"]
    assert (wish["type"], wish["params"]) == ("text", {"text": "Halt"})
    done = {"id": wish["id"], "result": "error", "text": "no display"}
    ack = pub(tracker, "tracker/van-7/ack")
    async with tracker.session.post(ack, json=done, headers=asking) as answer:
        assert await answer.json() == {"commands": []}
    command = await shown(tracker, id_, "queued", "held", "sent", "failed")
    assert command["reply"] == "no display"


# MQTT ---------------------------------------------------------------------------------------------


async def test_who_has_not_subscribed_gets_it_when_it_does(tracker: InProcess) -> None:
    """With the reason for all to see meanwhile."""
    topic = "owntracks/jane/phone"
    place = {"_type": "location", "lat": 46.05, "lon": 14.5, "tst": int(time.time())}
    port = tracker.app[keys.GATEWAY].port
    async with aiomqtt.Client("127.0.0.1", port, identifier="phone") as phone:
        await phone.publish(topic, json.dumps(place), qos=1)
        vehicle = await vehicle_of(tracker, topic)
        id_ = await asked(tracker, vehicle, "locate")
        command = await shown(tracker, id_, "queued", "held")
        assert command["state"] == "queued"
        assert command["detail"] == f"{topic} has not subscribed to a topic ending in /cmd"
        await phone.subscribe(f"{topic}/cmd", qos=1)
        async with asyncio.timeout(WITHIN_S):
            message = await anext(aiter(phone.messages))
        assert json.loads(message.payload) == {"_type": "cmd", "action": "reportLocation"}
        await shown(tracker, id_, "queued", "held", "sent")
        await phone.publish(topic, json.dumps(place | {"t": "r"}), qos=1)
        await shown(tracker, id_, "queued", "held", "sent", "answered")


async def test_who_never_subscribes_is_told_of_at_the_end(tracker: InProcess) -> None:
    topic = "owntracks/jane/phone"
    place = {"_type": "location", "lat": 46.05, "lon": 14.5, "tst": int(time.time())}
    async with aiomqtt.Client("127.0.0.1", tracker.app[keys.GATEWAY].port) as phone:
        await phone.publish(topic, json.dumps(place), qos=1)
        vehicle = await vehicle_of(tracker, topic)
        id_ = await asked(tracker, vehicle, "locate", expires_s=1)
        command = await ended(tracker, id_)
    assert command["state"] == "expired"
    why = f"{topic} has not subscribed to a topic ending in /cmd"
    assert command["detail"] == f"not sent in time: {why}"


async def test_a_reply_is_matched_by_its_id_and_no_other(tracker: InProcess) -> None:
    report = json.dumps({"time": time.time(), "lat": 46.05, "lon": 14.5})
    async with aiomqtt.Client("127.0.0.1", tracker.app[keys.GATEWAY].port) as van:
        await van.subscribe("tracker/van-7/cmd", qos=0)
        await van.publish("tracker/van-7/position", report, qos=1)
        vehicle = await vehicle_of(tracker, "van-7")
        id_ = await asked(tracker, vehicle, "engine_cut", speed_unknown=True)
        async with asyncio.timeout(WITHIN_S):
            wish = json.loads((await anext(aiter(van.messages))).payload)
        assert wish == {"id": wish["id"], "type": "engine_cut", "params": {}}
        other = {"id": wish["id"] % 65_535 + 1, "result": "ok"}
        await van.publish("tracker/van-7/ack", json.dumps(other), qos=1)
        assert (await tracker.get(f"/api/v1/commands/{id_}"))["state"] == "sent"
        assert tracker.app[keys.COMMANDS].stats["unmatched"] == 1
        done = {"id": wish["id"], "result": "ok", "text": "relay open"}
        await van.publish("tracker/van-7/ack", json.dumps(done), qos=1)
        command = await shown(tracker, id_, "queued", "sent", "answered")
        assert command["reply"] == "relay open"


# Several nodes ------------------------------------------------------------------------------------


async def test_whichever_node_is_asked_gives_it_once(tmp_path: Path, redis_server: Any) -> None:
    """As behind a balancer, where every request may go to another."""
    url = f"redis://127.0.0.1:{redis_server.port}/0"
    async with (
        running_tracker(tmp_path / "a", bus=url, node="a") as a,
        running_tracker(tmp_path / "b", bus=url, node="b") as b,
    ):
        await location(b)
        vehicle = await vehicle_of(a, "owntracks/jane/phone")
        await until(lambda: a.app[keys.CLUSTER].steady and b.app[keys.CLUSTER].steady)
        wish = '{"_type":"cmd","action":"dump"}'
        id_ = await asked(a, vehicle, "custom", parameters={"text": wish})
        await until(lambda: b.app[keys.COMMANDS].table.get(id_) is not None)
        answers = [await asyncio.gather(*(location(one) for one in (a, b) * 4)) for _ in range(5)]
        assert sum(len(answer) for round_ in answers for answer in round_) == 1
        for node in (a, b):
            await shown(node, id_, "queued", "sent")


async def test_an_answer_is_not_held_up_for_long(tmp_path: Path, redis_server: Any) -> None:
    """Redis stands still: the answer leaves all the same, and the command is sent once."""
    url = f"redis://127.0.0.1:{redis_server.port}/0"
    async with running_tracker(tmp_path / "a", bus=url) as tracker:
        await location(tracker)
        vehicle = await vehicle_of(tracker, "owntracks/jane/phone")
        redis_server.freeze()
        try:
            wish = '{"_type":"cmd","action":"dump"}'
            id_ = await asked(tracker, vehicle, "custom", parameters={"text": wish})
            async with asyncio.timeout(WITHIN_S):
                answers = [await location(tracker)]
        finally:
            redis_server.thaw()
        async with asyncio.timeout(2 * WITHIN_S):
            while not any(answers):
                answers.append(await location(tracker))
                await asyncio.sleep(0.2)
        answers += [await location(tracker) for _ in range(3)]
        assert sum(map(len, answers)) == 1
        await shown(tracker, id_, "queued", "sent")
