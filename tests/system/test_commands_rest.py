"""Commands by REST, in the test's own event loop: what is taken, refused, repeated and shown."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from tests.devices import VALID, Device, ack, frame, heartbeat, login
from tests.inprocess import InProcess, running_tracker
from tests.system.commanding import WITHIN_S
from tests.waiting import until
from tracker import ways
from tracker.model import Fix, Live
from tracker.web.keys import COMMANDS, GATEWAY, INGEST, TAKER, WORLD

pytestmark = pytest.mark.servers

LOCATE, TEXT = 0x11, 0x13
DEVICE = "356307042441013"


class Rest:
    """A tracker, one vehicle of it, and short ways to its commands."""

    def __init__(self, tracker: InProcess, vehicle: str) -> None:
        self.tracker = tracker
        self.path = f"/api/v1/vehicles/{vehicle}/commands"

    async def call(self, method: str, path: str, **options: Any) -> tuple[int, Any]:
        request = self.tracker.session.request(method, self.tracker.url + path, **options)
        async with request as response:
            return response.status, await response.json(content_type=None)

    async def post(self, **body: Any) -> tuple[int, Any]:
        return await self.call("POST", self.path, json=body)

    async def until(self, id_: str, state: str) -> dict[str, Any]:
        async with asyncio.timeout(WITHIN_S):
            while True:
                shown: dict[str, Any] = await self.tracker.get(f"/api/v1/commands/{id_}")
                if shown["transitions"][-1]["state"] == state:
                    return shown
                await asyncio.sleep(0.01)


async def known(tracker: InProcess) -> Rest:
    """A vehicle that stands, and whose device has gone."""
    device = await Device.connect(tracker.app[GATEWAY].port, DEVICE)
    await device.report(time.time(), 46.05, 14.5, speed_kmh=0.0, status=VALID)
    await device.close()
    await until(lambda: not tracker.app[GATEWAY].connections)
    return Rest(tracker, (await tracker.get("/api/v1/vehicles"))["vehicles"][0]["id"])


@pytest.fixture
async def rest(tmp_path: Path) -> AsyncIterator[Rest]:
    async with running_tracker(tmp_path, max_open_commands=3) as tracker:
        yield await known(tracker)


async def test_a_command_is_stored_and_shown(rest: Rest) -> None:
    status, command = await rest.post(kind="interval", parameters={"seconds": 30}, expires_s=60)
    assert status == 201
    assert command["state"] == "queued"
    assert command["parameters"] == {"seconds": 30}
    assert (await rest.call("GET", f"/api/v1/commands/{command['id']}")) == (200, command)
    assert await rest.call("GET", rest.path) == (200, {"commands": [command], "next": None})
    created, expires = command["created_time"], command["expires_time"]
    assert created[:17] <= expires[:17]
    assert [one["state"] for one in command["transitions"]] == ["queued"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"kind": "explode"}, 400, "bad_request"),
        ({}, 400, "bad_request"),
        ({"kind": "locate", "colour": "red"}, 400, "bad_request"),
        ({"kind": "text", "parameters": "Halt"}, 400, "bad_request"),
        ({"kind": "locate", "expires_s": 0}, 400, "bad_request"),
        ({"kind": "locate", "expires_s": True}, 400, "bad_request"),
        ({"kind": "locate", "expires_s": 1e300}, 400, "bad_request"),
        ({"kind": "engine_cut", "confirm": 7}, 400, "bad_request"),
        ({"kind": "interval"}, 422, "command"),
        ({"kind": "interval", "parameters": {"seconds": 65_536}}, 422, "command"),
        ({"kind": "interval", "parameters": {"seconds": "30"}}, 422, "command"),
        ({"kind": "text", "parameters": {"text": ""}}, 422, "command"),
        ({"kind": "text", "parameters": {"text": "x" * 256}}, 422, "command"),
        ({"kind": "locate", "parameters": {"now": True}}, 422, "command"),
        ({"kind": "custom", "parameters": {"text": "no hex"}}, 422, "command"),
        ({"kind": "engine_cut"}, 409, "confirmation_required"),
        ({"kind": "engine_cut", "confirm": "356307042441014"}, 409, "confirmation_required"),
    ],
)
async def test_what_is_refused(rest: Rest, body: Any, status: int, code: str) -> None:
    got, problem = await rest.call("POST", rest.path, json=body)
    assert (got, problem["code"]) == (status, code)
    assert problem["detail"]
    assert (await rest.call("GET", rest.path))[1]["commands"] == []


async def test_bodies_that_are_none_and_things_that_are_not_there(rest: Rest) -> None:
    for body in (b"", b"[]", b"{", b"\xff"):
        status, problem = await rest.call("POST", rest.path, data=body)
        assert (status, problem["code"]) == (400, "bad_request")
    for method, path in (
        ("POST", "/api/v1/vehicles/nobody/commands"),
        ("GET", "/api/v1/vehicles/nobody/commands"),
        ("GET", "/api/v1/vehicles/nobody/command-kinds"),
        ("GET", "/api/v1/commands/none"),
        ("DELETE", "/api/v1/commands/none"),
    ):
        status, problem = await rest.call(method, path, json={"kind": "locate"})
        assert (status, problem["code"]) == (404, "not_found"), path


async def test_an_engine_cut_with_its_confirmation(rest: Rest) -> None:
    status, command = await rest.post(kind="engine_cut", confirm=f" {DEVICE} ")
    assert status == 201
    record = rest.tracker.app[COMMANDS].table.get(command["id"])
    assert record is not None
    assert record.expires_time - record.created_time == 900
    _, longer = await rest.post(kind="engine_cut", confirm=DEVICE, expires_s=2_592_000)
    record = rest.tracker.app[COMMANDS].table.get(longer["id"])
    assert record is not None
    assert record.expires_time - record.created_time == 900


async def test_an_engine_cut_is_judged_at_once_and_again_when_it_is_sent(rest: Rest) -> None:
    """Not as late as the next tick; the word for an unknown speed is none for a known one."""
    cut = {"kind": "engine_cut", "confirm": DEVICE}
    for body in (cut | {"speed_unknown": 1}, {"kind": "locate", "speed_unknown": True}):
        assert (await rest.post(**body))[0] == 400
    ingest = rest.tracker.app[INGEST]
    vehicle = rest.tracker.app[COMMANDS]._describe(rest.path.split("/")[4])
    assert vehicle is not None

    def says(speed_kmh: float | None, **more: Any) -> None:
        now = time.time()
        ingest.accept(vehicle, [Fix(now, 46.05, 14.5, speed_kmh, **more)], now)

    says(80.0, valid=False)
    says(None)
    for body in (cut, cut | {"speed_unknown": True}):
        status, problem = await rest.post(**body)
        assert (status, problem["code"]) == (409, "too_fast")
    ingest.fleet.forget(vehicle.id)  # a vehicle of which nothing is known
    ingest.ticks.flush(time.time())
    world = rest.tracker.app[WORLD]
    world.lives[world.slots[vehicle.id]] = Live(vehicle.id)
    status, problem = await rest.post(**cut)
    assert (status, problem["code"]) == (409, "speed_unknown")
    status, command = await rest.post(**cut, speed_unknown=True)
    assert (status, command["speed_unknown"], command["parameters"]) == (201, True, {})
    says(80.0)
    device = await Device.connect(rest.tracker.app[GATEWAY].port, DEVICE)
    shown = await rest.until(command["id"], "held")
    assert "80 km/h" in shown["detail"]
    says(3.0)
    assert await device.reader.readexactly(6) == frame(0x12, b"\1")
    await device.close()


async def test_the_same_key_is_the_same_command(rest: Rest) -> None:
    key = {"Idempotency-Key": "7b1d"}
    body = {"kind": "text", "parameters": {"text": "Halt"}}
    answers = await asyncio.gather(
        *(rest.call("POST", rest.path, json=body, headers=key) for _ in range(8))
    )
    assert sorted(status for status, _ in answers) == [200] * 7 + [201]
    assert len({command["id"] for _, command in answers}) == 1
    assert len((await rest.call("GET", rest.path))[1]["commands"]) == 1
    other = body | {"parameters": {"text": "Go"}}
    status, problem = await rest.call("POST", rest.path, json=other, headers=key)
    assert (status, problem["code"]) == (409, "conflict")
    status, _ = await rest.call("DELETE", f"/api/v1/commands/{answers[0][1]['id']}")
    assert status == 200
    status, again = await rest.call("POST", rest.path, json=body, headers=key)
    assert (status, again["state"]) == (200, "cancelled"), "also when it has ended"
    assert rest.tracker.app[TAKER]._keyed == {}, "nothing is kept of requests that have ended"
    for bad in ("", "x" * 201):
        status, _ = await rest.call("POST", rest.path, json=body, headers={"Idempotency-Key": bad})
        assert status == 400


async def test_so_many_and_no_more(rest: Rest) -> None:
    answers = await asyncio.gather(*(rest.post(kind="locate") for _ in range(6)))
    assert sorted(status for status, _ in answers) == [201, 201, 201, 429, 429, 429]
    first = next(command for status, command in answers if status == 201)
    assert (await rest.call("DELETE", f"/api/v1/commands/{first['id']}"))[0] == 200
    assert (await rest.post(kind="locate"))[0] == 201


async def test_taken_back_before_it_is_sent_and_not_after(rest: Rest) -> None:
    _, command = await rest.post(kind="text", parameters={"text": "x"})
    _, other = await rest.post(kind="locate")
    path = f"/api/v1/commands/{command['id']}"
    status, shown = await rest.call("DELETE", path)
    assert (status, shown["state"]) == (200, "cancelled")
    assert shown["ended_time"]
    assert (await rest.call("DELETE", path))[1]["code"] == "conflict"
    device = await Device.connect(rest.tracker.app[GATEWAY].port, DEVICE)
    assert await device.reader.readexactly(5) == frame(LOCATE)  # the other one was never sent
    status, problem = await rest.call("DELETE", f"/api/v1/commands/{other['id']}")
    assert (status, problem["code"]) == (409, "conflict")
    device.send(ack(LOCATE, 1))
    shown = await rest.until(other["id"], "failed")
    assert shown["reply"] == "result 1"
    assert (await rest.call("DELETE", f"/api/v1/commands/{other['id']}"))[0] == 409
    await device.close()


async def test_a_restore_overrules_a_cut_that_waits(rest: Rest) -> None:
    _, cut = await rest.post(kind="engine_cut", confirm=DEVICE)
    _, restore = await rest.post(kind="engine_restore")
    device = await Device.connect(rest.tracker.app[GATEWAY].port, DEVICE)
    assert await device.reader.readexactly(6) == frame(0x12, b"\0")
    device.send(ack(0x12))
    await rest.until(restore["id"], "answered")
    shown = await rest.until(cut["id"], "cancelled")
    assert "engine_restore" in shown["detail"]
    await device.close()


async def test_pages(rest: Rest) -> None:
    made = []
    for number in range(7):
        _, command = await rest.post(kind="interval", parameters={"seconds": number + 1})
        made.append(command["id"])
        await rest.call("DELETE", f"/api/v1/commands/{command['id']}")
    found, before = [], ""
    while True:
        _, page = await rest.call("GET", f"{rest.path}?limit=3{before}")
        assert len(page["commands"]) <= 3
        found += [command["id"] for command in page["commands"]]
        if page["next"] is None:
            break
        before = f"&before={page['next']}"
    assert found == made[::-1]
    for query in ("limit=0", "limit=501", "limit=x", "before=nothing"):
        status, problem = await rest.call("GET", f"{rest.path}?{query}")
        assert (status, problem["code"]) == (400, "bad_request")


async def test_the_numbers_are_measured(rest: Rest) -> None:
    _, command = await rest.post(kind="locate")
    await rest.post(kind="locate")
    await rest.call("DELETE", f"/api/v1/commands/{command['id']}")
    async with rest.tracker.session.get(f"{rest.tracker.url}/metrics") as response:
        lines = set((await response.text()).splitlines())
    assert {
        'tracker_commands_total{state="queued"} 2.0',
        'tracker_commands_total{state="cancelled"} 1.0',
        'tracker_commands_total{state="expired"} 0.0',
        'tracker_commands_open{state="queued"} 1.0',
        "tracker_replies_unmatched_total 0.0",
    } <= lines


async def test_a_reply_that_nobody_asked_for_is_kept_and_counted(rest: Rest) -> None:
    device = await Device.connect(rest.tracker.app[GATEWAY].port, DEVICE)
    device.send(ack(LOCATE, 3))
    await until(lambda: rest.tracker.app[COMMANDS].stats["unmatched"])
    async with asyncio.timeout(WITHIN_S):
        while True:
            (vehicle,) = (await rest.tracker.get("/api/v1/vehicles"))["vehicles"]
            if vehicle["attributes"].get("text") == "result 3":
                break
            await asyncio.sleep(0.05)
    await device.close()


async def test_others_may_look_and_not_ask(tmp_path: Path) -> None:
    async with running_tracker(tmp_path, admin_token="secret") as tracker:
        rest = await known(tracker)
        assert (await rest.post(kind="locate"))[0] == 401
        assert (await rest.call("DELETE", "/api/v1/commands/x"))[0] == 401
        assert (await rest.call("GET", rest.path))[0] == 200
        bearer = {"Authorization": "Bearer secret"}
        body = {"kind": "locate"}
        assert (await rest.call("POST", rest.path, json=body, headers=bearer))[0] == 201


async def test_by_datagrams_at_once_or_with_the_next_one(
    rest: Rest, monkeypatch: pytest.MonkeyPatch
) -> None:
    got: asyncio.Queue[bytes] = asyncio.Queue()

    class Line(asyncio.DatagramProtocol):
        def datagram_received(self, data: bytes, addr: Any) -> None:
            got.put_nowait(data)

    address = ("127.0.0.1", rest.tracker.app[GATEWAY].port)
    line, _ = await asyncio.get_running_loop().create_datagram_endpoint(Line, remote_addr=address)

    async def heard(data: bytes) -> None:
        assert await asyncio.wait_for(got.get(), WITHIN_S) == data

    line.sendto(login(DEVICE))
    await heard(ack(0x03))
    _, command = await rest.post(kind="locate")
    await heard(frame(LOCATE))
    line.sendto(ack(LOCATE))
    await rest.until(command["id"], "answered")
    monkeypatch.setattr(ways, "DATAGRAM_WAY_S", -1.0)  # as if a minute had passed
    _, command = await rest.post(kind="locate")
    await asyncio.sleep(1.5)
    assert got.empty()
    monkeypatch.undo()
    line.sendto(heartbeat())
    both = {await asyncio.wait_for(got.get(), WITHIN_S) for _ in range(2)}
    assert both == {ack(0x02), frame(LOCATE)}
    line.sendto(ack(LOCATE))
    await rest.until(command["id"], "answered")
    line.close()
