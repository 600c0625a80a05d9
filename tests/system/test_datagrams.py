"""Devices that report by UDP, over real sockets, and the limits of what is listened to."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.devices import Device, ack, heartbeat, login, position
from tests.inprocess import InProcess, running_tracker
from tests.waiting import PATIENCE_S, until
from tracker.devices.datagrams import BAD_MOST, BEHIND_MOST, Datagrams, Limits
from tracker.devices.source import DATAGRAM_STEPS
from tracker.model import DeviceStatus
from tracker.web import keys

NOW = 1_740_789_015.0


class Source(asyncio.DatagramProtocol):
    """A device's socket; what comes back waits in `answers`."""

    def __init__(self) -> None:
        self.answers: asyncio.Queue[bytes] = asyncio.Queue()
        self.transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.answers.put_nowait(data)

    def send(self, data: bytes) -> None:
        assert self.transport is not None
        self.transport.sendto(data)

    async def ask(self, data: bytes, *expected: bytes) -> None:
        """Send, and wait for exactly these datagrams."""
        self.send(data)
        for answer in expected:
            assert await asyncio.wait_for(self.answers.get(), PATIENCE_S) == answer


@asynccontextmanager
async def source(tracker: InProcess) -> AsyncIterator[Source]:
    address = ("127.0.0.1", tracker.app[keys.GATEWAY].port)
    loop = asyncio.get_running_loop()
    transport, device = await loop.create_datagram_endpoint(Source, remote_addr=address)
    try:
        yield device
    finally:
        transport.close()


async def track(tracker: InProcess, ident: str) -> list[float]:
    """Latitudes of what is stored of a device."""
    vehicle = (await tracker.get("/api/v1/vehicles", params={"device": ident}))["vehicles"][0]
    stored = await tracker.get(f"/api/v1/vehicles/{vehicle['id']}/positions")
    return [one["lat"] for one in stored["positions"]]


async def test_login_position_and_heartbeat(tmp_path: Path) -> None:
    """The answer to the position comes when it is on disk, and the heartbeat's behind it."""
    async with running_tracker(tmp_path, journal_linger_ms=50) as tracker, source(tracker) as one:
        await one.ask(login("1001"), ack(3))
        one.send(position(time.time(), 46.05, 14.5))
        await one.ask(heartbeat(), ack(1), ack(2))
        assert tracker.app[keys.JOURNAL].pending == 0
        assert await track(tracker, "1001") == [46.05]
        gateway = tracker.app[keys.GATEWAY]
        assert (gateway.stats["datagrams"], gateway.stats["datagrams_sent"]) == (3, 3)
        assert gateway.frames["frame55"] == 3
        assert not gateway.connections


async def test_several_frames_in_one_datagram(tmp_path: Path) -> None:
    async with running_tracker(tmp_path) as tracker, source(tracker) as one:
        frames = login("1001") + position(time.time(), 46.05, 14.5) + heartbeat()
        await one.ask(frames, ack(3), ack(1), ack(2))


async def test_more_than_one_turn_in_a_datagram(tmp_path: Path) -> None:
    """What comes behind it waits, in its order; what others say does not."""
    async with running_tracker(tmp_path) as tracker, source(tracker) as device:
        many = 3 * DATAGRAM_STEPS
        device.send(login("1001") + heartbeat() * many)
        device.send(position(time.time(), 1, 2) + heartbeat())
        answers = [ack(3), *[ack(2)] * many, ack(1), ack(2)]
        for answer in answers:
            assert await asyncio.wait_for(device.answers.get(), PATIENCE_S) == answer
        assert tracker.app[keys.GATEWAY].stats["turns_held"] >= 3


async def test_a_protocol_with_a_datagram_form_of_its_own(tmp_path: Path) -> None:
    """Wialon IPS names the device in each datagram; any port may send the next one."""
    async with running_tracker(tmp_path) as tracker:
        for age in (20, 10):
            async with source(tracker) as one:
                moment = time.strftime("%d%m%y;%H%M%S", time.gmtime(time.time() - age))
                line = f"#SD#{moment};2232.4000;N;11403.5400;E;36;90;50;9"
                await one.ask(b"356307042441013" + line.encode() + b"\r\n", b"#ASD#1\r\n")
        assert len(await track(tracker, "356307042441013")) == 2
        assert len(tracker.app[keys.DATAGRAMS].sources) == 2


async def test_half_a_frame_is_not_joined_to_the_next_datagram(tmp_path: Path) -> None:
    """And the device is still known."""
    async with running_tracker(tmp_path) as tracker, source(tracker) as one:
        await one.ask(login("1001"), ack(3))
        one.send(position(time.time(), 1, 2)[:10])
        await one.ask(login("1001"), ack(3))
        assert tracker.app[keys.GATEWAY].decode_errors["frame55", "unfinished"] == 1


async def test_the_same_device_on_both(tmp_path: Path) -> None:
    """UDP closes no connection."""
    async with running_tracker(tmp_path) as tracker, source(tracker) as one:
        device = await Device.connect(tracker.app[keys.GATEWAY].port, "1001")
        await one.ask(login("1001"), ack(3))
        now = time.time()
        await device.report(now, 46.05, 14.5)
        await one.ask(position(now + 1, 46.06, 14.5), ack(1))
        assert await track(tracker, "1001") == [46.05, 46.06]
        await device.close()


async def test_strangers_get_no_answer_and_are_not_remembered(tmp_path: Path) -> None:
    async with running_tracker(tmp_path) as tracker, source(tracker) as one:
        datagrams = tracker.app[keys.DATAGRAMS]
        for noise in (b"\xff\xfe\xfd", b"GET / HTTP/1.1\r\n\r\n", b"hello", b"\x16\x03\x01"):
            one.send(noise)
        await until(lambda: datagrams.dropped["unknown_protocol"] == 4)
        assert one.answers.empty()
        assert not datagrams.sources


async def test_who_is_turned_away_is_told_and_forgotten(tmp_path: Path) -> None:
    policy = {"unknown_devices": "reject"}
    async with running_tracker(tmp_path, **policy) as tracker, source(tracker) as one:
        await one.ask(login("1001"), ack(3, 2))
        datagrams = tracker.app[keys.DATAGRAMS]
        assert datagrams.forgotten["refused"] == 1
        assert not datagrams.sources


async def test_who_is_dismissed_must_name_itself_again(tmp_path: Path) -> None:
    async with running_tracker(tmp_path) as tracker, source(tracker) as one:
        await one.ask(login("1001"), ack(3))
        vehicle = (await tracker.get("/api/v1/vehicles"))["vehicles"][0]
        registry = tracker.app[keys.REGISTRY]
        registry.change(vehicle["id"], status=DeviceStatus.PENDING)
        await one.ask(login("1001"), ack(3, 2))
        assert tracker.app[keys.DATAGRAMS].forgotten["dismissed"] == 1


async def test_metrics(tmp_path: Path) -> None:
    async with running_tracker(tmp_path) as tracker, source(tracker) as one:
        await one.ask(login("1001"), ack(3))
        async with source(tracker) as stranger:
            stranger.send(b"hello")
        await until(lambda: tracker.app[keys.DATAGRAMS].dropped)
        async with tracker.session.get(f"{tracker.url}/metrics") as response:
            text = await response.text()
        assert "tracker_datagrams_total 2.0" in text
        assert "tracker_datagram_sources 1.0" in text
        assert 'tracker_datagrams_dropped_total{reason="unknown_protocol"} 1.0' in text


# -- limits, with time and addresses made up -------------------------------------------------------


class Wire:
    """A transport that keeps what is sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, Any]] = []

    def sendto(self, data: bytes, address: Any) -> None:
        self.sent.append((data, address))

    def is_closing(self) -> bool:
        return False

    def get_extra_info(self, name: str) -> Any:
        return ("192.0.2.9", 9501)


@asynccontextmanager
async def listening(tmp_path: Path, **limits: Any) -> AsyncIterator[tuple[Datagrams, Any]]:
    """Datagrams of a started tracker, and a function that hands one over."""
    async with running_tracker(tmp_path) as tracker:
        datagrams = Datagrams(tracker.app[keys.GATEWAY], Limits(**limits))
        wire: Any = Wire()

        def give(port: int, data: bytes, now: float = NOW) -> list[tuple[bytes, Any]]:
            datagrams.received(wire, ("192.0.2.1", port), data, now)
            sent, wire.sent = wire.sent, []
            return sent

        yield datagrams, give


async def test_a_source_is_remembered_for_ten_minutes_of_silence(tmp_path: Path) -> None:
    async with listening(tmp_path) as (datagrams, give):
        assert give(1, login("1001")) == [(ack(3), ("192.0.2.1", 1))]
        assert give(1, heartbeat(), NOW + 600) == [(ack(2), ("192.0.2.1", 1))]
        assert give(1, heartbeat(), NOW + 1201) == [(ack(2, 2), ("192.0.2.1", 1))]
        assert datagrams.forgotten == {"silent": 1}


async def test_the_source_that_was_silent_longest_makes_room(tmp_path: Path) -> None:
    async with listening(tmp_path, sources=3) as (datagrams, give):
        for port in (1, 2, 3, 1, 4):
            give(port, login(f"100{port}"))
        assert [address[1] for _, address in datagrams.sources] == [3, 1, 4]
        assert datagrams.forgotten == {"room": 1}


async def test_strangers_are_limited_per_minute_and_friends_are_not(tmp_path: Path) -> None:
    async with listening(tmp_path, strangers_per_minute=2) as (datagrams, give):
        assert [len(give(port, login(f"100{port}"))) for port in (1, 2, 3)] == [1, 1, 0]
        assert len(give(1, heartbeat(), NOW + 59)) == 1
        assert datagrams.dropped == {"strangers": 1}
        assert len(give(3, login("1003"), NOW + 60)) == 1


async def test_nothing_is_read_beyond_a_size_or_while_the_disk_is_behind(tmp_path: Path) -> None:
    async with listening(tmp_path, size_bytes=100) as (datagrams, give):
        give(1, login("1001"))
        assert not give(1, heartbeat() * 21)
        assert not give(1, b"")
        datagrams.gateway.journal.full = True
        assert not give(1, heartbeat())
        datagrams.gateway.journal.full = False
        assert len(give(1, heartbeat())) == 1
        assert datagrams.dropped == {"size": 1, "empty": 1, "journal_full": 1}


async def test_what_waits_behind_a_long_datagram_is_bounded(tmp_path: Path) -> None:
    async with listening(tmp_path) as (datagrams, give):
        answers = give(1, login("1001") + heartbeat() * 3 * DATAGRAM_STEPS)
        assert len(answers) == DATAGRAM_STEPS
        for _ in range(BEHIND_MOST + 2):
            assert not give(1, heartbeat())
        assert datagrams.dropped == {"busy": 2}
        assert len(give(2, login("1002"))) == 1  # nobody else waits
        (one,) = [source for source in datagrams.sources.values() if source.behind]
        await until(lambda: not one.behind and not one.dialogue.more)
        assert len(give(1, heartbeat())) == 1 + 1 + 2 * DATAGRAM_STEPS + BEHIND_MOST


async def test_a_source_that_speaks_something_else_is_told_anew(tmp_path: Path) -> None:
    async with listening(tmp_path) as (datagrams, give):
        give(1, login("1001"))
        line = b"356307042441013#P#\r\n"
        answers = [give(1, line) for _ in range(BAD_MOST + 1)]
        assert answers[:-1] == [[]] * BAD_MOST
        assert answers[-1] == [(b"#AP#\r\n", ("192.0.2.1", 1))]
        assert datagrams.forgotten == {"bad_frames": 1}


@pytest.mark.parametrize("devices", ["127.0.0.1:0", "[::1]:0"])
async def test_the_addresses_are_those_of_tcp(tmp_path: Path, devices: str) -> None:
    async with running_tracker(tmp_path, devices=devices) as tracker:
        host, port = tracker.app[keys.GATEWAY].addresses[0][:2]
        loop = asyncio.get_running_loop()
        transport, one = await loop.create_datagram_endpoint(Source, remote_addr=(host, port))
        await one.ask(login("1001"), ack(3))
        transport.close()


def test_the_limits_are_documented() -> None:
    page = (Path(__file__).parents[2] / "docs/protocols/README.md").read_text("utf-8")
    limits = Limits()
    for stated in (
        f"more than {limits.size_bytes:,} bytes",
        f"more than {limits.strangers_per_minute:,} from sources",
        f"{limits.sources:,} sources are remembered",
    ):
        assert stated in page
    assert (limits.forget_s, "for ten minutes" in page) == (600.0, True)
