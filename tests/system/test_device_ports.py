"""Dedicated ports, and who is not understood: over real sockets, at REST and on the page."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.certificates import Authority
from tests.devices import Device, ack, frame, heartbeat, login, position
from tests.inprocess import InProcess, running_tracker
from tests.servers import free_port
from tests.waiting import until
from tracker.devices.strangers import Why
from tracker.web import keys

GT06 = bytes.fromhex("78780D0103563070424410130001D4A90D0A")
GT06_ANSWER = bytes.fromhex("787805010001D9DC0D0A")
WIALON = b"#L#356307042441013;NA\r\n"
NOISE = b"\xff\xfe\xfd\xfc" * 30


async def send_datagram(port: int, *datagrams: bytes) -> None:
    loop = asyncio.get_running_loop()
    address = ("127.0.0.1", port)
    transport, _ = await loop.create_datagram_endpoint(asyncio.DatagramProtocol, None, address)
    for data in datagrams:
        transport.sendto(data)
    await asyncio.sleep(0)
    transport.close()


def kept(tracker: InProcess) -> list[tuple[Why, str, str]]:
    return [(one.why, one.transport, one.protocol) for one in tracker.app[keys.GATEWAY].strangers]


async def test_what_is_on_the_list_may_come_and_nothing_else(tmp_path: Path) -> None:
    alone, few = free_port(), free_port()
    ports = {f"127.0.0.1:{alone}": ["gt06"], f"127.0.0.1:{few}": ["wialon", "frame55"]}
    async with running_tracker(tmp_path, device_ports=ports) as tracker:
        gateway = tracker.app[keys.GATEWAY]
        for port, said, answer in (
            (alone, GT06, GT06_ANSWER),
            (few, WIALON, b"#AL#1\r\n"),
            (few, login("1001"), ack(3)),
        ):
            device = await Device.connect(port)
            await device.ask(said, answer)
            await device.close()
        for port, said in ((alone, WIALON), (few, GT06)):
            device = await Device.connect(port)
            device.send(said)
            assert await device.closed() == b""
        await until(lambda: gateway.closed["not_allowed"] == 2)
        assert kept(tracker) == [
            (Why.NOT_ALLOWED, "tcp", "wialon"),
            (Why.NOT_ALLOWED, "tcp", "gt06"),
        ]
        assert [one.port for one in gateway.strangers] == [alone, few]


async def test_with_one_name_nothing_is_told_apart(tmp_path: Path) -> None:
    """Garbage is the decoder's matter: the frame behind it is found; none at all is too much."""
    alone = free_port()
    async with running_tracker(tmp_path, device_ports={f"127.0.0.1:{alone}": ["gt06"]}) as tracker:
        device = await Device.connect(alone)
        await device.ask(b"\xff\xfe\xfd" * 200 + GT06, GT06_ANSWER)
        await device.close()
        assert kept(tracker) == []
        silent = await Device.connect(alone)
        before = tracker.app[keys.GATEWAY].stats["bytes"]
        silent.send(b"\xff\xfe\xfd" * 10)
        await until(lambda: tracker.app[keys.GATEWAY].stats["bytes"] == before + 30)
        await silent.close()
        await until(lambda: kept(tracker) == [(Why.UNFINISHED, "tcp", "gt06")])


async def test_datagrams_have_the_same_list(tmp_path: Path) -> None:
    alone, few = free_port(), free_port()
    ports = {f"127.0.0.1:{alone}": ["frame55"], f"127.0.0.1:{few}": ["wialon", "gt06"]}
    async with running_tracker(tmp_path, device_ports=ports) as tracker:
        gateway, datagrams = tracker.app[keys.GATEWAY], tracker.app[keys.DATAGRAMS]
        await send_datagram(alone, login("1001"))
        await until(lambda: gateway.frames["frame55"] == 1)
        await send_datagram(few, login("1002"))
        await until(lambda: datagrams.dropped["not_allowed"] == 1)
        await send_datagram(alone, GT06)
        await until(lambda: datagrams.dropped["not_allowed"] == 2)
        assert kept(tracker) == [
            (Why.NOT_ALLOWED, "udp", "frame55"),
            (Why.NOT_ALLOWED, "udp", "gt06"),
        ]
        assert len(datagrams.sources) == 1


async def test_one_source_on_two_ports_is_two(tmp_path: Path) -> None:
    """What may come to one port is no reason to listen to it on another."""
    few = free_port()
    async with running_tracker(
        tmp_path, device_ports={f"127.0.0.1:{few}": ["wialon", "gt06"]}
    ) as tracker:
        loop = asyncio.get_running_loop()
        transport, _ = await loop.create_datagram_endpoint(
            asyncio.DatagramProtocol, ("127.0.0.1", 0)
        )
        datagrams = tracker.app[keys.DATAGRAMS]
        transport.sendto(login("1001"), ("127.0.0.1", tracker.app[keys.GATEWAY].port))
        await until(lambda: len(datagrams.sources) == 1)
        transport.sendto(heartbeat(), ("127.0.0.1", few))
        await until(lambda: datagrams.dropped["not_allowed"] == 1)
        transport.close()


async def test_options_of_a_port(tmp_path: Path) -> None:
    other = free_port()
    ports = {f"127.0.0.1:{other}": {"protocols": ["*"], "options": {"frame55_ack": "echo"}}}
    async with running_tracker(tmp_path, device_ports=ports) as tracker:
        usual = await Device.connect(tracker.app[keys.GATEWAY].port, "1001")
        await usual.close()
        echoing = await Device.connect(other)
        await echoing.ask(login("1001"), frame(0x83, b"\x00"))
        await echoing.close()


async def test_tls_on_a_port_of_its_own(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    never, may, must = free_port(), free_port(), free_port()
    ports = {
        f"127.0.0.1:{never}": ["frame55"],
        f"127.0.0.1:{may}": ["frame55", "tls"],
        f"127.0.0.1:{must}": {"protocols": ["frame55"], "tls": "required"},
    }
    settings = authority.settings(device_ports=ports)
    async with running_tracker(tmp_path / "data", **settings) as tracker:
        gateway = tracker.app[keys.GATEWAY]

        async def secure(port: int) -> Device:
            context = authority.client()
            return Device(*await asyncio.open_connection("127.0.0.1", port, ssl=context))

        for port in (may, must):
            device = await secure(port)
            await device.ask(login("1001"), ack(3))
            await device.close()
        bare = await Device.connect(may, "1001")
        await bare.close()
        with pytest.raises(OSError):  # noqa: PT011 - which one is the client's matter
            await secure(never)
        refused = await Device.connect(must)
        refused.send(login("1001"))
        assert await refused.closed() == b""
        await until(lambda: gateway.closed["not_allowed"] == 2)
        assert kept(tracker) == [
            (Why.NOT_ALLOWED, "tcp", "tls"),
            (Why.NOT_ALLOWED, "tcp", "frame55"),
        ]
        listening = {port.number for port, _ in gateway.listening if port.by_datagrams}
        assert must not in listening
        assert {never, may} <= listening


async def test_a_carriers_other_protocol_on_an_open_connection(tmp_path: Path) -> None:
    port = free_port()
    async with running_tracker(tmp_path, device_ports={f"127.0.0.1:{port}": ["osmand"]}) as tracker:
        url = f"http://127.0.0.1:{port}/"
        query = {"id": "77", "lat": "46.05", "lon": "14.5", "timestamp": str(int(time.time()))}
        async with tracker.session.get(url, params=query) as answer:
            assert answer.status == 200
        body = {"_type": "location", "lat": 1, "lon": 2, "tst": int(time.time())}
        with pytest.raises(Exception, match=r"disconnect|reset|closed"):
            await tracker.session.post(url, json=body, headers={"X-Limit-U": "ann"})
        await until(lambda: tracker.app[keys.GATEWAY].closed["not_allowed"] >= 1)
        assert (await tracker.get("/api/v1/vehicles"))["total"] == 1


# -- who was not understood ------------------------------------------------------------------------


async def test_rest_shows_first_bytes_of_both_transports(tmp_path: Path) -> None:
    async with running_tracker(tmp_path) as tracker:
        port = tracker.app[keys.GATEWAY].port
        for _ in range(3):
            device = await Device.connect(port)
            device.send(NOISE)
            await device.closed()
        await send_datagram(port, b"hello, \x00world", b"SSH-2.0-x")
        await until(lambda: len(kept(tracker)) == 3)
        await until(lambda: next(iter(tracker.app[keys.GATEWAY].strangers)).count == 3)
        said = await tracker.get("/api/v1/devices/unknown")
        assert (said["limit"], said["forgotten"]) == (100, 0)
        ssh, hello, noise = said["unknown"]  # the newest first
        assert (ssh["mark"], ssh["transport"]) == ("SSH", "udp")
        assert (hello["text"], hello["hex"]) == ("hello, .world", b"hello, \x00world".hex())
        assert noise["hex"] == NOISE.hex()
        assert (noise["reason"], noise["transport"], noise["count"]) == ("unknown", "tcp", 3)
        assert (noise["address"], noise["port"]) == ("127.0.0.1", port)
        assert noise["first_time"] <= noise["last_time"]
        async with tracker.session.delete(f"{tracker.url}/api/v1/devices/unknown") as answer:
            assert await answer.json() == {"cleared": 3}
        assert (await tracker.get("/api/v1/devices/unknown"))["unknown"] == []


async def test_who_says_too_little_is_not_waited_for(tmp_path: Path) -> None:
    async with running_tracker(tmp_path, login_timeout_s=0.5) as tracker:
        gateway = tracker.app[keys.GATEWAY]
        waited = await Device.connect(gateway.port)
        waited.send(b"\x7e\x02\x00")
        assert await waited.closed() == b""
        await until(lambda: gateway.closed["undecided"] == 1)
        assert kept(tracker) == [(Why.UNDECIDED, "tcp", "")]


async def test_too_little_to_tell_and_no_right_frame(tmp_path: Path) -> None:
    async with running_tracker(tmp_path) as tracker:
        gateway = tracker.app[keys.GATEWAY]
        left = await Device.connect(gateway.port)
        left.send(GT06[:6])
        await until(lambda: gateway.stats["bytes"] == 6)
        await left.close()
        await until(lambda: kept(tracker) == [(Why.UNDECIDED, "tcp", "")])
        nobody = await Device.connect(gateway.port)
        await nobody.close()  # a look at whether the port is open leaves nothing
        understood = await Device.connect(gateway.port, "1001")
        understood.send(NOISE)
        await understood.close()
        await until(lambda: not gateway.connections)
        assert len(kept(tracker)) == 1


async def test_the_log_says_something_new_once(tmp_path: Path) -> None:
    async with running_tracker(tmp_path) as tracker:
        with capture_logs() as logs:
            for _ in range(3):
                device = await Device.connect(tracker.app[keys.GATEWAY].port)
                device.send(NOISE)
                await device.closed()
            await until(lambda: not tracker.app[keys.GATEWAY].connections)
        levels = [log["log_level"] for log in logs if log["event"] == "device.unknown"]
        assert levels == ["warning", "debug", "debug"]


async def test_rest_shows_ports_and_damage(tmp_path: Path) -> None:
    other = free_port()
    async with running_tracker(tmp_path, device_ports={f"127.0.0.1:{other}": ["gt06"]}) as tracker:
        device = await Device.connect(tracker.app[keys.GATEWAY].port, "1001")
        bad = bytearray(position(time.time(), 46.05, 14.5))
        bad[10] ^= 0x40
        await device.ask(bytes(bad) + heartbeat(), ack(2))
        said = await tracker.get("/api/v1/devices")
        assert said["ports"][1] == {
            "address": f"127.0.0.1:{other}", "protocols": ["gt06"], "tls": "refused", "udp": True,
        }  # fmt: skip
        assert said["ports"][0]["protocols"] is None
        (counted,) = said["protocols"]
        assert (counted["protocol"], counted["messages"]) == ("frame55", 2)
        assert sum(counted["damaged"].values()) >= 1
        assert (said["connections"], said["tls"], said["pending"]) == (1, False, 0)
        await device.close()


@pytest.mark.parametrize("method", ["GET", "DELETE"])
async def test_only_the_administrator_may_look(tmp_path: Path, method: str) -> None:
    async with running_tracker(tmp_path, admin_token="hush") as tracker:
        url = f"{tracker.url}/api/v1/devices/unknown"
        token = {"Authorization": "Bearer hush"}
        for headers, status in (({}, 401), (token, 200)):
            async with tracker.session.request(method, url, headers=headers) as answer:
                assert answer.status == status
        async with tracker.session.get(f"{tracker.url}/api/v1/devices") as answer:
            assert answer.status == 401
        page: Any
        async with tracker.session.get(f"{tracker.url}/admin/devices") as page:
            assert page.status == 200  # a shell: what is in it comes by REST
            text = await page.text()
        assert "script-src 'self'" in page.headers["Content-Security-Policy"]
        assert "<style" not in text
        assert " style=" not in text
        assert text.count("<script") == text.count("<script src=") + 2  # the settings, the module
