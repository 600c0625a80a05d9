"""The relay by REST: one message, many, and what stands in the way as a problem document."""

from __future__ import annotations

import asyncio
import zlib

import orjson
import pytest
from yarl import URL

from tests.relaying import line, subscribed
from tests.system.mqtt.conftest import broker
from tests.waiting import PATIENCE_S, until
from tracker.brokers import device_key
from tracker.web import keys
from tracker.web.relay_api import UNWRITTEN_MOST

pytestmark = pytest.mark.servers

NDJSON = {"Content-Type": "application/x-ndjson"}


def post(tracker, body, **options):
    return tracker.session.post(f"{tracker.url}/api/v1/relay", data=body, **options)


async def problem(tracker, body, **options):
    async with post(tracker, body, **options) as answer:
        assert answer.content_type == "application/problem+json"
        found = await answer.json(content_type=None)
        assert found["status"] == answer.status
        return found, answer.headers


async def test_one_message(relaying, mosquitto_server):
    async with (
        relaying([broker(mosquitto_server)]) as (tracker, _),
        subscribed(mosquitto_server.port) as subscriber,
    ):
        async with post(tracker, line(3, "car-1")) as answer:
            assert answer.status == 200
            assert await answer.json() == {"id": 3, "code": 0, "result": "ok"}
        await subscriber.until(1)
        assert subscriber.payloads == {b"3": 1}


async def test_what_cannot_be_is_a_problem(relaying, mosquitto_server):
    one = broker(mosquitto_server, first="1", last="9")
    async with relaying([one], relay_max_message_bytes=100) as (tracker, _):
        for body, status, code, number in (
            (b"{", 400, "bad_request", 1),
            (line(1, 5, topic="a/+"), 400, "bad_request", 1),
            (line(1, 10), 404, "no_broker", 2),
            (line(1, 5, message="x" * 101), 413, "too_large", 5),
        ):
            found, _ = await problem(tracker, body)
            assert (found["status"], found["code"], found["result"]) == (status, code, number)


async def test_without_brokers_there_is_no_relay(relaying):
    async with relaying([], relay="", connected=False) as (tracker, _):
        found, _ = await problem(tracker, line(1))
        assert found["status"] == 404


async def test_it_needs_the_administrators_token_where_one_is_set(relaying, mosquitto_server):
    settings = {"admin_token": "root"}
    async with relaying([broker(mosquitto_server)], **settings) as (tracker, _):
        found, _ = await problem(tracker, line(1))
        assert found["status"] == 401
        async with post(tracker, line(1), headers={"Authorization": "Bearer root"}) as answer:
            assert answer.status == 200


async def test_a_broker_that_is_away_or_silent(relaying, mosquitto_server):
    settings = {"relay_deadline_s": 1.0, "relay_window": 2, "relay_max_waiting": 2}
    async with relaying([broker(mosquitto_server)], **settings) as (tracker, _):
        mosquitto_server.freeze()
        try:
            found = await asyncio.gather(*(problem(tracker, line(n)) for n in range(8)))
        finally:
            mosquitto_server.thaw()
        by_code: dict[str, list] = {}
        for one, headers in found:
            by_code.setdefault(one["code"], []).append((one["status"], headers.get("Retry-After")))
        assert by_code["unconfirmed"] == [(504, None)] * 2
        assert set(by_code["away"]) == {(503, "1")}
        assert set(by_code["busy"]) <= {(503, "1")}
        assert len(by_code["away"]) + len(by_code.get("busy", [])) == 6
        assert len(by_code["away"]) >= 2


async def test_many_at_once(relaying, mosquitto_server):
    async with (
        relaying([broker(mosquitto_server)]) as (tracker, _),
        subscribed(mosquitto_server.port) as subscriber,
    ):
        body = b"".join(line(n) for n in range(5_000)) + b"nonsense\n\n" + line(5_001).rstrip()
        async with post(tracker, body, headers=NDJSON) as answer:
            assert answer.status == 200
            assert answer.content_type == "application/x-ndjson"
            answers = [orjson.loads(found) async for found in answer.content]
        bad = [one for one in answers if one["code"]]
        assert [(one["id"], one["result"]) for one in bad] == [(5_001, "bad_request")]
        assert {one["id"] for one in answers} == set(range(5_002)) - {5_000}
        await subscriber.until(5_001)


async def test_of_many_only_some_are_taken_up_at_a_time(relaying, mosquitto_server):
    async with relaying([broker(mosquitto_server)]) as (tracker, _):
        lane = tracker.app[keys.RELAY].lanes[0]
        mosquitto_server.freeze()
        try:
            body = b"".join(line(n) for n in range(3 * UNWRITTEN_MOST))
            asking = asyncio.create_task(post(tracker, body, headers=NDJSON).__aenter__())
            await until(lambda: len(lane.in_flight) + len(lane.waiting) >= UNWRITTEN_MOST)
            await asyncio.sleep(0.3)
            assert len(lane.in_flight) + len(lane.waiting) == UNWRITTEN_MOST
        finally:
            mosquitto_server.thaw()
        answer = await asking
        assert len((await answer.read()).splitlines()) == 3 * UNWRITTEN_MOST
        answer.close()


async def many(tracker, body, **headers):
    """The answers to many lines, in the order of their coming."""
    async with asyncio.timeout(PATIENCE_S), post(tracker, body, headers=NDJSON | headers) as answer:
        assert answer.status == 200
        return [orjson.loads(found) async for found in answer.content]


DEEP = b'{"id":"deep","device_id":1,"topic":"t","message":%s}\n' % (b"[" * 300 + b"]" * 300)
DEEP_ID = DEEP.replace(b'"deep"', b"[" * 300 + b"]" * 300)


async def test_what_is_nested_too_deep_is_that_line_s_answer(relaying, mosquitto_server):
    async with relaying([broker(mosquitto_server)]) as (tracker, _):
        # More of them than are taken up at a time: each answer makes room for another line.
        answers = await many(tracker, (DEEP + line(1)) * (UNWRITTEN_MOST + 1) + DEEP_ID)
        found = [(one["id"], one["result"]) for one in answers]
        assert found.count(("deep", "bad_request")) == UNWRITTEN_MOST + 1
        assert found.count((1, "ok")) == UNWRITTEN_MOST + 1
        assert found.count((2 * UNWRITTEN_MOST + 3, "bad_request")) == 1
        for body in (DEEP, DEEP_ID):
            refused, _ = await problem(tracker, body)
            assert (refused["status"], refused["code"]) == (400, "bad_request")


async def test_a_mistake_with_one_line_is_its_answer(relaying, mosquitto_server, monkeypatch):
    async with relaying([broker(mosquitto_server)]) as (tracker, _):
        relay, lane_of = tracker.app[keys.RELAY], tracker.app[keys.RELAY].lane_of

        def lane_of_or_not(request):
            if request.device == device_key("bad"):
                raise RuntimeError("a mistake")
            return lane_of(request)

        monkeypatch.setattr(relay, "lane_of", lane_of_or_not)
        body = (line(1, "bad") + line(2, "good")) * (UNWRITTEN_MOST + 1)
        answers = await many(tracker, body)
        assert len(answers) == 2 * (UNWRITTEN_MOST + 1)
        assert relay.codes == {"internal": UNWRITTEN_MOST + 1}
        failed, _ = await problem(tracker, line(1, "bad"))
        assert (failed["status"], failed["code"], failed["result"]) == (500, "internal", 10)


@pytest.mark.parametrize("encoding", ["gzip", "deflate"])
async def test_a_body_that_is_not_what_its_encoding_says(relaying, mosquitto_server, encoding):
    async with relaying([broker(mosquitto_server)]) as (tracker, _):
        wrong = {"Content-Encoding": encoding, "Connection": "close"}
        [answer] = await many(tracker, b"garbage", **wrong)
        assert (answer["id"], answer["result"]) == (1, "bad_request")
        refused, headers = await problem(tracker, b"garbage", headers=wrong)
        assert (refused["status"], refused["code"]) == (400, "bad_request")
        assert headers["Connection"] == "close"


HEAD = b"""POST /api/v1/relay HTTP/1.1\r
Host: 127.0.0.1\r
Content-Type: application/x-ndjson\r
Content-Encoding: gzip\r
Transfer-Encoding: chunked\r
\r
"""


async def test_lines_before_the_break_of_an_encoding_are_answered(relaying, mosquitto_server):
    async with relaying([broker(mosquitto_server)]) as (tracker, _):
        compressor = zlib.compressobj(wbits=31)
        whole = compressor.compress(line(1) + line(2)) + compressor.flush(zlib.Z_SYNC_FLUSH)
        url = URL(tracker.url)
        reader, writer = await asyncio.open_connection(url.host, url.port)
        writer.write(HEAD + b"%x\r\n%s\r\n" % (len(whole), whole))
        async with asyncio.timeout(PATIENCE_S):
            for _ in range(2):
                await reader.readuntil(b'"result":"ok"}\n')
            writer.write(b"64\r\n%s\r\n0\r\n\r\n" % (b"\xff" * 100))
            rest = await reader.read()  # to the end: the connection is closed
        assert rest.count(b'{"id":3,"code":1,"result":"bad_request"') == 1
        assert rest.count(b"result") == 1
        assert rest.endswith(b"\r\n0\r\n\r\n")  # and the answer is whole
        writer.close()
