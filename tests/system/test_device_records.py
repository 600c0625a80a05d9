"""What is changed in a vehicle's record while its device is connected: from then on it holds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.inprocess import InProcess, running_tracker
from tracker.geo import TO_WGS84
from tracker.web import keys

IDENT = "4106012345"
HOUR_S = 3_600
LAT, LON = 22.54, 114.059  # where GCJ-02 differs from WGS-84

Ask = Callable[[bytes], Awaitable[bytes]]


def report(time_s: float) -> bytes:
    """The V1 of an H02 device whose clock shows this."""
    clock = time.gmtime(time_s)
    at, on = time.strftime("%H%M%S", clock), time.strftime("%d%m%y", clock)
    place = "2232.4000,N,11403.5400,E"
    return f"*HQ,{IDENT},V1,{at},A,{place},019.71,090,{on},FFFFFBFF#".encode()


@asynccontextmanager
async def by_connection(port: int) -> AsyncIterator[Ask]:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)

    async def ask(data: bytes) -> bytes:
        writer.write(data)
        async with asyncio.timeout(20):
            return await reader.readuntil(b"#")

    yield ask
    writer.close()
    await writer.wait_closed()


class Heard(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.answers: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: Any) -> None:
        self.answers.put_nowait(data)


@asynccontextmanager
async def by_datagrams(port: int) -> AsyncIterator[Ask]:
    loop = asyncio.get_running_loop()
    transport, heard = await loop.create_datagram_endpoint(Heard, remote_addr=("127.0.0.1", port))

    async def ask(data: bytes) -> bytes:
        transport.sendto(data)
        async with asyncio.timeout(20):
            return await heard.answers.get()

    yield ask
    transport.close()


async def change(tracker: InProcess, ident: str, **fields: Any) -> str:
    (vehicle,) = (await tracker.get(f"/api/v1/vehicles?device={ident}"))["vehicles"]
    address = f"{tracker.url}/api/v1/vehicles/{vehicle['id']}"
    async with tracker.session.patch(address, json=fields) as answer:
        assert answer.status == 200, await answer.text()
    return str(vehicle["id"])


@pytest.mark.parametrize("carried", [by_connection, by_datagrams])
async def test_clock_and_datum_hold_from_the_next_report_on(tmp_path: Path, carried: Any) -> None:
    async with running_tracker(tmp_path) as tracker:
        now = int(time.time()) - 10
        async with carried(tracker.app[keys.GATEWAY].port) as ask:
            assert b"V4" in await ask(report(now))
            vehicle = await change(tracker, IDENT, utc_offset_s=HOUR_S, datum="gcj02")
            assert b"V4" in await ask(report(now + 1 + HOUR_S))
            await change(tracker, IDENT, utc_offset_s=None, datum="wgs84")
            assert b"V4" in await ask(report(now + 2))
        reading = f"/api/v1/vehicles/{vehicle}/positions?from={now - 2 * HOUR_S}"
        found = (await tracker.get(reading))["positions"]
        at = [time.strftime("%FT%T.000Z", time.gmtime(now + step)) for step in range(3)]
        assert [one["fix_time"] for one in found] == at
        shifted = TO_WGS84["gcj02"](LAT, LON)
        for one, place in zip(found, ((LAT, LON), shifted, (LAT, LON)), strict=True):
            assert (one["lat"], one["lon"]) == pytest.approx(place, abs=1e-6)


async def test_who_is_suspended_is_heard_on_no_connection(tmp_path: Path) -> None:
    """A device that asks by HTTP may have several; only the newest is known as its own."""
    async with running_tracker(tmp_path) as tracker, aiohttp.ClientSession() as older:
        address = f"http://127.0.0.1:{tracker.app[keys.GATEWAY].port}/"
        asked = {"id": "1001", "lat": "46.05", "lon": "14.5", "timestamp": str(int(time.time()))}
        for session in (older, tracker.session):
            async with session.get(address, params=asked) as answer:
                assert answer.status == 200
        assert tracker.app[keys.GATEWAY].stats["opened"] == 2
        await change(tracker, "1001", status="pending")
        async with older.get(address, params=asked) as answer:
            assert answer.status == 403
