"""Devices that report by HTTP to the one port, through real sockets and a real client."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import aiohttp

from tests.devices import Device
from tests.inprocess import InProcess, running_tracker
from tests.waiting import PATIENCE_S
from tracker.web import keys


def address(tracker: InProcess) -> str:
    return f"http://127.0.0.1:{tracker.app[keys.GATEWAY].port}/"


def place(ident: str, age_s: float = 0.0, lat: float = 46.05) -> dict[str, str]:
    moment = int(time.time() - age_s)
    return {"id": ident, "lat": str(lat), "lon": "14.5", "timestamp": str(moment)}


async def stored(tracker: InProcess, ident: str) -> list[float]:
    vehicles = (await tracker.get("/api/v1/vehicles", params={"device": ident}))["vehicles"]
    if not vehicles:
        return []
    track = await tracker.get(f"/api/v1/vehicles/{vehicles[0]['id']}/positions")
    return [one["lat"] for one in track["positions"]]


async def test_the_answer_comes_when_the_position_is_on_disk(tmp_path: Path) -> None:
    async with running_tracker(tmp_path, journal_linger_ms=50) as tracker:
        async with tracker.session.get(address(tracker), params=place("1001")) as answer:
            assert (answer.status, await answer.read()) == (200, b"")
        journal = tracker.app[keys.JOURNAL]
        assert (journal.pending, journal.committed_positions) == (0, 1)
        found = (await tracker.get("/api/v1/vehicles"))["vehicles"]
        assert [vehicle["device"] for vehicle in found] == ["1001"]
        assert tracker.app[keys.REGISTRY].find("1001").protocol == "osmand"


async def test_one_connection_for_many_requests_of_many_devices(tmp_path: Path) -> None:
    async with running_tracker(tmp_path) as tracker:
        connector = aiohttp.TCPConnector(limit=1)
        async with aiohttp.ClientSession(connector=connector) as session:
            for age in (3, 2, 1):
                for ident in ("1001", "1002"):
                    sent = place(ident, age, lat=46 + age / 100)
                    async with session.get(address(tracker), params=sent) as answer:
                        assert answer.status == 200
            gateway = tracker.app[keys.GATEWAY]
            assert gateway.stats["opened"] == 1
            assert len(gateway.by_vehicle) == 1, "the connection belongs to who spoke last"
        for ident in ("1001", "1002"):
            assert await stored(tracker, ident) == [46.03, 46.02, 46.01]


async def test_one_device_on_two_connections_closes_neither(tmp_path: Path) -> None:
    async with running_tracker(tmp_path) as tracker, aiohttp.ClientSession() as other:
        for session in (tracker.session, other, tracker.session, other):
            async with session.get(address(tracker), params=place("1001")) as answer:
                assert answer.status == 200
        gateway = tracker.app[keys.GATEWAY]
        assert (gateway.stats["opened"], gateway.closed["replaced"]) == (2, 0)


async def test_pipelined_answers_in_order_and_the_end_behind_them(tmp_path: Path) -> None:
    """A fault between two positions is answered between them, and the last request closes."""
    async with running_tracker(tmp_path, journal_linger_ms=50) as tracker:
        device = await Device.connect(tracker.app[keys.GATEWAY].port)
        moment = int(time.time())
        good = f"GET /?id=1001&lat=1&lon=2&timestamp={moment} HTTP/1.1\r\nHost: x\r\n\r\n"
        last = f"GET /?id=1001&lat=1&lon=3&timestamp={moment} HTTP/1.0\r\n\r\n"
        device.send((good + "GET /?lat=1 HTTP/1.1\r\nHost: x\r\n\r\n" + last).encode())
        answers = (await device.closed()).split(b"HTTP/1.1 ")
        assert [answer[:3] for answer in answers] == [b"", b"200", b"400", b"200"]
        gateway = tracker.app[keys.GATEWAY]
        assert gateway.closed["logout"] == 1
        assert gateway.decode_errors["osmand", "field"] == 1
        assert tracker.app[keys.JOURNAL].committed_positions == 2


async def test_a_batch_is_answered_when_all_of_it_is_on_disk(tmp_path: Path) -> None:
    """Also where its last message has nothing to store."""
    now = time.time()
    batch: list[dict[str, Any]] = [
        {"ident": "1001", "timestamp": now, "position.latitude": 46.05, "position.longitude": 14.5},
        {"ident": "1002", "timestamp": now, "battery.level": 50},
    ]
    async with running_tracker(tmp_path, journal_linger_ms=50) as tracker:
        async with tracker.session.post(address(tracker), json=batch) as answer:
            assert answer.status == 200
        assert tracker.app[keys.JOURNAL].committed_positions == 1
        assert await stored(tracker, "1001") == [46.05]


async def test_faults_are_problems(tmp_path: Path) -> None:
    async with running_tracker(tmp_path) as tracker:
        async with tracker.session.get(address(tracker)) as answer:
            assert answer.status == 400
            assert answer.content_type == "application/problem+json"
            assert (await answer.json(content_type=None))["status"] == 400
        async with tracker.session.delete(address(tracker)) as answer:
            assert (answer.status, answer.headers["Allow"]) == (405, "GET, POST, PUT")
        async with tracker.session.post(address(tracker), data=b"{" + b" " * 70_000) as answer:
            assert answer.status == 413


async def test_who_is_not_admitted_is_told(tmp_path: Path) -> None:
    async with running_tracker(tmp_path, unknown_devices="reject") as tracker:
        async with tracker.session.get(address(tracker), params=place("1001")) as answer:
            assert answer.status == 403
        assert tracker.app[keys.GATEWAY].closed["refused"] == 1


async def test_a_request_that_does_not_end_is_not_waited_for(tmp_path: Path) -> None:
    async with running_tracker(tmp_path, frame_timeout_s=1) as tracker:
        device = await Device.connect(tracker.app[keys.GATEWAY].port)
        padding = b"X-Padding: " + b"x" * 300
        device.send(b"POST /?id=1001 HTTP/1.1\r\nContent-Length: 9\r\n" + padding + b"\r\n\r\nlat=")
        assert await device.closed() == b""
        assert tracker.app[keys.GATEWAY].closed["unfinished_frame"] == 1


async def test_who_waits_to_be_told_to_go_on(tmp_path: Path) -> None:
    async with running_tracker(tmp_path) as tracker:
        body = '{"_type": "card", "tid": "ab"}'
        async with asyncio.timeout(PATIENCE_S):
            async with tracker.session.post(address(tracker), data=body, expect100=True) as answer:
                assert (answer.status, await answer.json()) == (200, [])


async def test_other_protocols_are_still_told_apart(tmp_path: Path) -> None:
    async with running_tracker(tmp_path) as tracker:
        device = await Device.connect(tracker.app[keys.GATEWAY].port, "1001")
        await device.report(time.time(), 1, 2)
        async with tracker.session.get(address(tracker), params=place("1002")) as answer:
            assert answer.status == 200
        await device.close()
