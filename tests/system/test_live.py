"""The live feed over real sockets: handshake, frames, acknowledgements, limits, close codes."""

from __future__ import annotations

import asyncio
import contextlib
import time
from itertools import pairwise
from typing import Any

import aiohttp
import orjson
import pytest
from aiohttp import WSMsgType

from tests.inprocess import InProcess, running_tracker
from tests.waiting import PATIENCE_S, until
from tracker.model import Fix
from tracker.web import keys
from tracker.web.live import ADMISSION, FLOOD_PER_S, MAX_MESSAGES_PER_S

TICK_S = 0.2  # short ticks make these tests short; everything is counted in ticks


def report(tracker: InProcess, device: str, lat: float, lon: float) -> None:
    """One position of a device, as the gateway would hand it on."""
    now = time.time()
    vehicle = tracker.app[keys.REGISTRY].identify(device, "frame55", now)
    assert vehicle is not None
    tracker.app[keys.INGEST].accept(vehicle, [Fix(now, lat, lon, 36.5, 90.0)], now)


async def next_tick(ws: aiohttp.ClientWebSocketResponse, *, ack: bool = True) -> dict[str, Any]:
    message = await ws.receive(timeout=PATIENCE_S)
    assert message.type is WSMsgType.TEXT, message
    tick: dict[str, Any] = orjson.loads(message.data)
    assert tick["type"] == "tick"
    if ack:
        await ws.send_str(f'{{"type":"ack","tick":{tick["tick"]}}}')
    return tick


def check_every_tick_came(ticks: list[dict[str, Any]], missed: float) -> None:
    """Every tick that the server made is here, or was said to be skipped for this viewer.

    `missed` is how many the server passed over because the machine gave it no time.
    """
    unexplained = [
        after["tick"] - before["tick"] - 1 - after["parts"][0]["conflated"]
        for before, after in pairwise(ticks)
    ]
    assert min(unexplained) >= 0
    assert sum(unexplained) <= missed


def entered(tick: dict[str, Any]) -> list[str]:
    """The devices of all vehicles that a tick brings into view."""
    parts = [part for part in tick["parts"] if part["kind"] == "cell" and "enter" in part]
    return sorted(device for part in parts for device in part["enter"]["device"])


@pytest.mark.parametrize("compress", [0, 15])
async def test_hello_then_one_frame_per_tick(tmp_path, compress):
    async with running_tracker(tmp_path, tick_interval_s=TICK_S) as tracker:
        report(tracker, "100000000000001", 22.54, 114.059)
        async with tracker.feed(compress=compress) as ws:
            hello = orjson.loads((await ws.receive()).data)
            assert hello["type"] == "hello"
            assert hello["version"] == 1
            assert hello["tick_interval_ms"] == 200
            first = await next_tick(ws)
            assert [part["kind"] for part in first["parts"]] == ["status", "view", "cell"]
            assert entered(first) == ["100000000000001"]
            ticks = [first]
            for _ in range(10):
                tick = await next_tick(ws)  # nothing reports: the frames come all the same
                if not tick["parts"][0]["conflated"]:
                    assert [part["kind"] for part in tick["parts"]] == ["status"]
                ticks.append(tick)
            check_every_tick_came(ticks, tracker.app[keys.TICKER].stats["missed"])


async def test_every_frame_is_whole_when_joined_from_many_cells(tmp_path):
    async with running_tracker(tmp_path, tick_interval_s=TICK_S) as tracker:
        for row in range(20):
            report(tracker, f"1000000000{row:02}", 46.0 + row * 0.05, 14.5)
        async with tracker.feed(compress=15) as ws:
            await ws.receive()
            await next_tick(ws)
            await ws.send_json({"type": "view", "bbox": [14, 45.9, 15, 47.1], "zoom": 9})
            for _ in range(10):
                tick = await next_tick(ws)
                if any(part["kind"] == "view" for part in tick["parts"]):
                    break
            view = next(part for part in tick["parts"] if part["kind"] == "view")
            assert 1 < len(view["cells"]) <= 64
            assert len(entered(tick)) == 20
            assert len({part["cell"] for part in tick["parts"] if part["kind"] == "cell"}) > 3


async def test_view_hides_what_lies_elsewhere_and_null_shows_all(tmp_path):
    async with running_tracker(tmp_path, tick_interval_s=TICK_S) as tracker:
        report(tracker, "1001", 46.05, 14.5)
        report(tracker, "1002", -33.9, 151.2)
        async with tracker.feed() as ws:
            await ws.receive()
            assert entered(await next_tick(ws)) == ["1001", "1002"]
            await ws.send_json({"type": "view", "bbox": [14.4, 46.0, 14.6, 46.1], "zoom": 12})
            assert await _until_view(ws) == ["1001"]
            await ws.send_json({"type": "view", "bbox": [179, -40, -179, 40], "zoom": 5})
            assert await _until_view(ws) == []
            await ws.send_json({"type": "view", "bbox": None})
            assert await _until_view(ws) == ["1001", "1002"]


async def _until_view(ws: aiohttp.ClientWebSocketResponse) -> list[str]:
    for _ in range(10):
        tick = await next_tick(ws)
        if any(part["kind"] == "view" for part in tick["parts"]):
            return entered(tick)
    raise AssertionError("no view part in ten ticks")


async def test_a_viewer_that_does_not_acknowledge_is_skipped_then_gets_a_full_frame(tmp_path):
    async with running_tracker(tmp_path, tick_interval_s=TICK_S) as tracker:
        report(tracker, "1001", 46.05, 14.5)
        async with tracker.feed() as ws:
            await ws.receive()
            await next_tick(ws, ack=False)
            second = await next_tick(ws, ack=False)
            with pytest.raises(TimeoutError):
                await ws.receive(timeout=TICK_S * 4)
            report(tracker, "1002", 46.06, 14.5)
            await ws.send_json({"type": "ack", "tick": second["tick"]})
            tick = await next_tick(ws)
            passed = tick["tick"] - second["tick"] - 1
            skipped = tick["parts"][0]["conflated"]
            assert skipped >= 1
            assert passed - tracker.app[keys.TICKER].stats["missed"] <= skipped <= passed
            assert entered(tick) == ["1001", "1002"]
            following = await next_tick(ws)
            assert following["parts"][0]["conflated"] == 0


async def test_a_viewer_that_stays_behind_is_closed_with_4008_and_costs_others_nothing(tmp_path):
    async with (
        running_tracker(tmp_path, tick_interval_s=TICK_S, viewer_close_after_s=1.0) as tracker,
        tracker.feed() as stalled,
        tracker.feed() as good,
    ):
        await stalled.receive()
        await good.receive()
        ticks = [await next_tick(good) for _ in range(12)]
        check_every_tick_came(ticks, tracker.app[keys.TICKER].stats["missed"])
        received = [await stalled.receive(timeout=PATIENCE_S) for _ in range(3)]
        assert [message.type for message in received] == [
            WSMsgType.TEXT, WSMsgType.TEXT, WSMsgType.CLOSE,
        ]  # fmt: skip
        assert received[-1].data == 4008


async def test_a_client_that_reads_nothing_at_all_leaves_no_trace(tmp_path):
    """Its kernel buffers fill, the transport pauses, it is cut; the hub forgets it."""
    async with running_tracker(tmp_path, tick_interval_s=0.1, viewer_close_after_s=1.0) as tracker:
        host, port = "127.0.0.1", int(tracker.url.rpartition(":")[2])
        _reader, writer = await asyncio.open_connection(host, port)
        writer.transport.pause_reading()
        writer.write(
            b"GET /api/v1/live HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\n"
            b"Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        )
        hub = tracker.app[keys.HUB]
        await until(lambda: len(hub.viewers) == 1)
        await until(lambda: not hub.viewers)
        assert hub.stats["closed_4008"] == 1
        writer.close()


@pytest.mark.parametrize(
    ("text", "detail"),
    [
        ("junk", "not JSON"),
        ('{"type":"dance"}', "type:"),
        ('{"type":["ack"]}', "type:"),
        ('{"type":"ack","tick":"1"}', "ack.tick"),
        ('{"type":"ack","tick":99999999999}', "not sent yet"),
        ('{"type":"view","bbox":[1,2,3]}', "view.bbox"),
        ('{"type":"view","bbox":[0,50,10,40]}', "south"),
        ('{"type":"rate","every":0}', "rate.every"),
        ("[]", "not a JSON object"),
    ],
)
async def test_a_bad_message_is_answered_in_the_next_tick(tmp_path, text, detail):
    async with (
        running_tracker(tmp_path, tick_interval_s=TICK_S) as tracker,
        tracker.feed() as ws,
    ):
        await ws.receive()
        await next_tick(ws)
        await ws.send_str(text)
        for _ in range(5):
            errors = [p for p in (await next_tick(ws))["parts"] if p["kind"] == "error"]
            if errors:
                break
        assert errors
        assert errors[0]["code"] == "bad_message"
        assert detail in errors[0]["detail"]


async def test_ten_bad_messages_close_with_4002(tmp_path):
    async with running_tracker(tmp_path) as tracker, tracker.feed() as ws:
        for _ in range(10):
            await ws.send_str("junk")
        await _until_closed(ws)
        assert ws.close_code == 4002


async def test_a_flood_of_messages_closes_with_4002(tmp_path):
    async with running_tracker(tmp_path) as tracker, tracker.feed() as ws:
        for _ in range(100):
            await ws.send_str('{"type":"rate","every":1}')
        await _until_closed(ws)
        assert ws.close_code == 4002


async def test_pings_are_answered_and_count_as_messages(tmp_path):
    async with running_tracker(tmp_path) as tracker:
        async with tracker.feed(autoping=False) as ws:
            await ws.ping(b"are you there")
            while (message := await ws.receive(timeout=PATIENCE_S)).type is WSMsgType.TEXT:
                pass
            assert (message.type, bytes(message.data)) == (WSMsgType.PONG, b"are you there")
        async with tracker.feed(autoping=False) as ws:
            for _ in range(MAX_MESSAGES_PER_S * 3):
                await ws.ping()
            pongs = [message async for message in ws if message.type is WSMsgType.PONG]
            assert ws.close_code == 4002
            assert len(pongs) <= 2 * MAX_MESSAGES_PER_S  # a new second may begin meanwhile


async def test_who_floods_is_cut_off(tmp_path):
    async with running_tracker(tmp_path) as tracker, tracker.feed() as ws:
        hub = tracker.app[keys.HUB]
        with contextlib.suppress(ConnectionError):
            while hub.viewers:
                for _ in range(3 * FLOOD_PER_S):
                    await ws.ping()
                await asyncio.sleep(0)
        await until(lambda: not hub.viewers)
        assert ws.close_code in (None, 1006, 4002)


async def test_a_message_that_is_too_large_closes_with_1009(tmp_path):
    async with running_tracker(tmp_path) as tracker, tracker.feed() as ws:
        await ws.send_str(" " * 5_000)
        await _until_closed(ws)
        assert ws.close_code == 1009


async def _until_closed(ws: aiohttp.ClientWebSocketResponse) -> None:
    async with asyncio.timeout(PATIENCE_S):
        async for _ in ws:
            pass


async def test_a_page_of_another_site_is_refused(tmp_path):
    async with running_tracker(tmp_path) as tracker:
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await tracker.feed(origin="https://evil.example")
        assert caught.value.status == 403
        host = tracker.url.removeprefix("http://")
        async with tracker.feed(origin=f"http://{host}") as ws:
            assert orjson.loads((await ws.receive()).data)["type"] == "hello"


async def test_a_wrong_token_is_refused_and_the_right_one_is_not(tmp_path):
    async with running_tracker(tmp_path, admin_token="right") as tracker:
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await tracker.feed(headers={"Authorization": "Bearer wrong"})
        assert caught.value.status == 401
        async with tracker.feed(headers={"Authorization": "Bearer right"}) as ws:
            assert orjson.loads((await ws.receive()).data)["type"] == "hello"


async def test_no_more_viewers_than_there_is_room_for(tmp_path):
    async with running_tracker(tmp_path, max_viewers=2) as tracker:
        first, second = await tracker.feed(), await tracker.feed()
        with pytest.raises(aiohttp.WSServerHandshakeError) as caught:
            await tracker.feed()
        assert caught.value.status == 503
        assert caught.value.headers is not None
        assert caught.value.headers["Retry-After"] == "10"
        await first.close()
        await until(lambda: tracker.app[ADMISSION].total == 1)
        third = await tracker.feed()
        assert orjson.loads((await third.receive()).data)["type"] == "hello"
        await second.close()
        await third.close()


async def test_a_page_in_the_background_gets_every_third_tick_as_a_full_one(tmp_path):
    async with running_tracker(tmp_path, tick_interval_s=TICK_S) as tracker:
        report(tracker, "1001", 46.05, 14.5)
        async with tracker.feed() as ws:
            await ws.receive()
            await next_tick(ws)
            await ws.send_json({"type": "rate", "every": 3})
            await next_tick(ws)
            ticks = [await next_tick(ws) for _ in range(3)]
            assert [tick["tick"] % 3 for tick in ticks[1:]] == [0, 0]
            missed = tracker.app[keys.TICKER].stats["missed"]
            assert 0 < ticks[2]["tick"] - ticks[1]["tick"] <= 3 + 3 * missed
            assert entered(ticks[2]) == ["1001"]
            assert ticks[2]["parts"][0]["conflated"] == 0


async def test_viewers_are_told_when_the_server_stops(tmp_path):
    async with running_tracker(tmp_path) as tracker:
        ws = await tracker.feed()
        await ws.receive()
        tracker.stop.set()
        await _until_closed(ws)
        assert ws.close_code == 1001
