"""Viewers on real sockets of this machine, against a feed that the test double speaks."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest
from aiohttp import web

from simulator.clock import Clock
from simulator.crowd import CrowdPlan, LocalViewers, RemoteViewers, split, start_all
from simulator.errors import TargetError
from simulator.model import Stated
from simulator.viewers import received_bytes
from simulator.viewing import ViewerStats, summarise
from tests.servers import free_port
from tests.waiting import PATIENCE_S, until

from .tracker_double import Fix, TrackerDouble, Vehicle, running


class Seen(list[tuple[int, str, Stated]]):
    """What the decoding viewers told."""

    def __call__(self, viewer: int, device: str, position: Stated, now: float) -> None:
        self.append((viewer, device, position))


@asynccontextmanager
async def watching(
    double: TrackerDouble, seen: Seen | None = None, troubles: list[str] | None = None, **plan: Any
) -> AsyncIterator[LocalViewers]:
    told = [] if troubles is None else troubles
    crowd = LocalViewers(CrowdPlan(double.url, **({"count": 3} | plan)), Clock(), told.append, seen)
    await crowd.open()
    try:
        yield crowd
    finally:
        await crowd.stop()


def total(crowd: LocalViewers, name: str) -> int:
    return sum(getattr(viewer.stats, name) for viewer in crowd.viewers)


def moving(double: TrackerDouble, device: str, step: int) -> None:
    vehicle = double.vehicles.setdefault(device, Vehicle(device))
    vehicle.newest = Fix(1_775_390_400_000 + 1000 * step, 45_000_000 + step, -14_000_000, 360, 900)


async def test_each_tick_is_counted_and_acknowledged() -> None:
    async with running(TrackerDouble(50)) as double, watching(double, decode=1) as crowd:
        await until(lambda: all(viewer.stats.frames >= 6 for viewer in crowd.viewers))
        counts = await crowd.measured()
        assert [one.missing for one in counts] == [0, 0, 0]
        assert [one.repeated for one in counts] == [0, 0, 0]
        ticks = {one.last_tick for one in counts}
        await until(lambda: ticks <= set(double.acks))
        assert crowd.tick_s == 0.05


async def test_decoding_viewers_tell_positions_and_the_others_do_not() -> None:
    seen = Seen()
    async with running(TrackerDouble(50)) as double, watching(double, seen, decode=2) as crowd:
        moving(double, "0123", 1)
        await until(lambda: {viewer for viewer, _, _ in seen} == {0, 1})
        moving(double, "0123", 2)
        expected = Stated(1_775_390_402_000, 45_000_002, -14_000_000, 360, 900)
        await until(lambda: {v for v, _, position in seen if position == expected} == {0, 1})
        assert {device for _, device, _ in seen} == {"0123"}
        assert total(crowd, "violations") == 0
        assert [viewer.stats.updates > 0 for viewer in crowd.viewers] == [True, True, False]


async def test_a_measurement_starts_from_nothing() -> None:
    async with running(TrackerDouble(50)) as double, watching(double, deflate=False) as crowd:
        await until(lambda: total(crowd, "frames") >= 9)
        await crowd.begin()
        assert total(crowd, "frames") == 0
        await until(lambda: total(crowd, "frames") >= 9)
        before = total(crowd, "frames")
        counts = await crowd.measured()
        received = sum(one.bytes for one in counts)
        # A tick without news is some 200 bytes of JSON and its WebSocket header. What the kernel
        # has received, the viewers may still have to read.
        assert received > 100 * before
        await until(lambda: received < 1000 * total(crowd, "frames"))
        assert sum(one.connects for one in counts) == 0


@pytest.mark.parametrize(("deflate", "offered"), [(True, True), (False, False)])
async def test_compression_is_offered_or_not(deflate: bool, offered: bool) -> None:
    extensions: list[str] = []

    async def live(request: web.Request) -> web.WebSocketResponse:
        extensions.append(request.headers.get("Sec-WebSocket-Extensions", ""))
        return await TrackerDouble(50).live(request)

    async with application(live) as url:
        crowd = LocalViewers(CrowdPlan(url, 1, deflate=deflate), Clock(), print)
        await crowd.open()
        await until(lambda: total(crowd, "frames") >= 2)
        await crowd.stop()
    assert ["permessage-deflate" in one for one in extensions] == [offered]


@asynccontextmanager
async def application(live: Any) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/api/v1/live", live)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


async def test_skipped_and_repeated_ticks_are_noticed() -> None:
    double = TrackerDouble(20)
    double.skip_tick_every = 5
    double.repeat_tick_every = 7
    async with running(double), watching(double) as crowd:
        await until(lambda: all(one.stats.missing and one.stats.repeated for one in crowd.viewers))


async def test_a_repeated_tick_contradicts_the_contract() -> None:
    double = TrackerDouble(20)
    double.repeat_tick_every = 3
    async with running(double), watching(double, count=1, decode=1) as crowd:
        await until(lambda: total(crowd, "violations") > 0)
        assert "after tick" in crowd.viewers[0].stats.examples[0]


async def test_a_closed_viewer_comes_back_and_its_code_is_counted() -> None:
    double = TrackerDouble(20)
    double.close_code = 4008
    async with running(double), watching(double, count=1) as crowd:
        await until(lambda: total(crowd, "connects") >= 2)
        assert crowd.viewers[0].stats.closes["4008"] >= 1
        assert crowd.failure() is None


@pytest.mark.parametrize("code", [4001, 4002, 4003])
async def test_some_close_codes_are_final(code: int) -> None:
    double = TrackerDouble(20)
    double.close_code = code
    async with running(double), watching(double, count=1) as crowd:
        await until(lambda: crowd.failure() is not None)
        assert str(code) in str(crowd.failure())
        assert total(crowd, "connects") == 1


async def test_credentials_are_sent_and_a_refusal_is_final() -> None:
    asked: list[str | None] = []

    async def live(request: web.Request) -> web.Response:
        asked.append(request.headers.get("Authorization"))
        return web.Response(status=401)

    async with application(live) as url:
        crowd = LocalViewers(CrowdPlan(url, 1, token="secret"), Clock(), lambda _: None)
        await crowd.open()
        await until(lambda: crowd.failure() is not None)
        await crowd.stop()
    assert asked == ["Bearer secret"]
    assert "refused with 401" in str(crowd.failure())


async def test_a_wrong_hello_is_a_violation() -> None:
    double = TrackerDouble(20)
    double.hello_version = 2
    async with running(double), watching(double, count=1) as crowd:
        await until(lambda: total(crowd, "violations") >= 1)
        assert total(crowd, "frames") == 0


async def test_a_view_is_asked_for() -> None:
    said: list[dict[str, Any]] = []

    async def live(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_json(
            {"type": "hello", "version": 1, "tick_interval_ms": 1000, "states": []}
        )
        said.append(await socket.receive_json())
        return socket

    async with application(live) as url:
        plan = CrowdPlan(url, 1, bbox=(170.0, -20.0, -170.0, -10.0), zoom=7)
        crowd = LocalViewers(plan, Clock(), lambda _: None)
        await crowd.open()
        await until(lambda: len(said) > 0)
        await crowd.stop()
    assert said[0] == {"type": "view", "bbox": [170.0, -20.0, -170.0, -10.0], "zoom": 7}


async def test_the_kernel_counts_what_a_viewer_receives() -> None:
    async def live(request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.receive()
        await socket.send_bytes(bytes(100_000))
        await socket.receive()
        return socket

    async with application(live) as url, aiohttp.ClientSession() as session:
        socket = await session.ws_connect(f"{url}/api/v1/live")
        before = received_bytes(socket)
        assert 0 < before < 1000  # the answer to the handshake
        await socket.send_str("go")
        await socket.receive_bytes()
        assert received_bytes(socket) - before == 100_000 + 10  # and the frame's header
        await socket.close()


async def test_a_stalled_viewer_reads_and_acknowledges_nothing_and_then_learns_why(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("simulator.viewers.STALL_EVERY_S", (0.0, 0.0))
    monkeypatch.setattr("simulator.viewers.STALL_S", (0.5, 0.5))
    double = TrackerDouble(20)
    double.close_code = 4008  # after three ticks, long before the stall ends
    async with running(double), watching(double, count=1, stalled_share=1.0) as crowd:
        await until(lambda: total(crowd, "frames") >= 1)
        assert double.acks == []
        await until(lambda: crowd.viewers[0].stats.closes["4008"] == 1)
        assert total(crowd, "frames") >= 3  # what had come before the close was read after all


async def test_the_same_viewers_stall_in_every_run() -> None:
    plan = CrowdPlan("http://nowhere", 200, decode=20, seed=5, stalled_share=0.3)
    stalling = [[one.stats.stalls for one in LocalViewers(plan, Clock(), print).viewers]
                for _ in range(2)]  # fmt: skip
    assert stalling[0] == stalling[1]
    assert not any(stalling[0][:20])  # who decodes does not stall
    assert 30 < sum(stalling[0]) < 80


def test_viewers_are_split_over_processes() -> None:
    plan = CrowdPlan("http://nowhere", 10, decode=3)
    here, elsewhere = split(plan, 2)
    assert (here.count, here.decode) == (3, 3)
    assert [(one.first, one.count, one.decode) for one in elsewhere] == [(3, 4, 0), (7, 3, 0)]
    assert split(plan, 0) == (plan, [])
    assert split(CrowdPlan("http://nowhere", 3, decode=3), 2)[1] == []


async def test_viewers_in_another_process_count_the_same() -> None:
    async with running(TrackerDouble(50)) as double:
        crowd = RemoteViewers(CrowdPlan(double.url, 4, first=3))
        try:
            await crowd.start()
            await crowd.begin()
            counts: list[ViewerStats] = []

            async with asyncio.timeout(PATIENCE_S):
                while not counts or min(one.frames for one in counts) < 5:
                    await asyncio.sleep(0.05)
                    counts = await crowd.measured()
        finally:
            await crowd.stop()
    assert [one.number for one in counts] == [3, 4, 5, 6]
    assert summarise(counts).frames_per_viewer_per_tick == 1.0


async def test_a_crowd_without_a_server_fails_to_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("simulator.crowd.READY_TIMEOUT_S", 0.3)
    troubles: list[str] = []
    crowd = LocalViewers(CrowdPlan(f"http://127.0.0.1:{free_port()}", 2), Clock(), troubles.append)
    with pytest.raises(TargetError, match="2 viewers got no tick"):
        await start_all([crowd])
    await crowd.stop()
    assert set(troubles) == {"connection refused"}
