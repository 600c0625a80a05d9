"""The relay against real brokers: what is asked for arrives, and every caller is told the truth."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import dataclasses
import socket
import struct
from collections import Counter

import orjson
import pytest
import trustme

from tests.relaying import Caller, line, subscribed
from tests.servers import free_port, run_mosquitto
from tests.system.mqtt.conftest import broker
from tests.waiting import PATIENCE_S, until
from tracker.brokers import device_key
from tracker.web import keys

pytestmark = pytest.mark.servers


def lane(tracker, place=0):
    return tracker.app[keys.RELAY].lanes[place]


def let_wait(tracker, deadline_s, place=0):
    """From now on requests wait so long for a broker."""
    one = lane(tracker, place)
    one.limits = dataclasses.replace(one.limits, deadline_s=deadline_s)


@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_a_message_arrives_and_the_caller_is_told(relaying, mosquitto_server, version):
    async with (
        relaying([broker(mosquitto_server, version=version)]) as (_, port),
        subscribed(mosquitto_server.port) as subscriber,
    ):
        caller = await Caller.connect(port)
        assert await caller.ask(line(7, "car-1")) == {"id": 7, "code": 0, "result": "ok"}
        wanted = {"x": [1, None, "é"]}
        await caller.ask(line(8, "car-1", message=wanted))
        raw = bytes(range(256))
        await caller.ask(line(9, 12, message=base64.b64encode(raw).decode(), encoding="base64"))
        await subscriber.until(3)
        assert subscriber.topics == ["fleet/car-1/cmd", "fleet/car-1/cmd", "fleet/12/cmd"]
        assert set(subscriber.payloads) == {b"7", orjson.dumps(wanted), raw}
        await caller.close()


async def test_each_device_has_its_broker(relaying, mosquitto_server):
    with run_mosquitto() as other:
        brokers = [
            broker(mosquitto_server, "small", first="1", last="999"),
            broker(other, "large", first="1000", last="99999999999999999999"),
            broker(other, "names", first="a", last="m"),
        ]
        async with (
            relaying(brokers) as (_, port),
            subscribed(mosquitto_server.port) as small,
            subscribed(other.port) as large,
        ):
            caller = await Caller.connect(port)
            devices = ["9", 999, "0999", "1000", "10", "356307042441013", "Bus", "lorry", "m", "ma"]
            found = [(await caller.ask(line(n, d)))["result"] for n, d in enumerate(devices)]
            assert found == ["ok"] * 9 + ["no_broker"]
            await small.until(4)
            await large.until(5)
            assert set(small.payloads) == {b"0", b"1", b"2", b"4"}
            assert set(large.payloads) == {b"3", b"5", b"6", b"7", b"8"}
            await caller.close()


async def test_a_broker_that_is_away_holds_up_only_its_own(relaying, mosquitto_server):
    with run_mosquitto() as other:
        brokers = [
            broker(mosquitto_server, "low", first="1", last="9"),
            broker(other, "high", first="10", last="99"),
        ]
        async with relaying(brokers, relay_deadline_s=PATIENCE_S) as (tracker, port):
            await asyncio.to_thread(other.kill)
            await until(lambda: not tracker.app[keys.RELAY].links[1].connected)
            let_wait(tracker, 1.0, place=1)
            caller = await Caller.connect(port)
            await caller.say(line(1, 50) + line(2, 5) + line(3, 60))
            assert await caller.answer() == {"id": 2, "code": 0, "result": "ok"}
            late = [await caller.answer() for _ in range(2)]
            assert [(one["id"], one["code"], one["result"]) for one in late] == [
                (1, 3, "away"), (3, 3, "away"),
            ]  # fmt: skip
            assert "away: " in late[0]["detail"]
            ready = await tracker.get("/readyz")
            assert ready["status"] == "ready"
            assert ready["parts"]["relay low"] == "ok"
            assert ready["parts"]["relay high"].startswith("away: ")
            await asyncio.to_thread(other.start)
            await until(lambda: tracker.app[keys.RELAY].links[1].connected)
            let_wait(tracker, PATIENCE_S, place=1)
            assert (await caller.ask(line(4, 50)))["code"] == 0
            await caller.close()


async def pipeline(port, numbers, answers):
    """Ask for all of them at once; collect the answers."""
    caller = await Caller.connect(port)
    writing = asyncio.create_task(caller.say(b"".join(line(n, n % 1000 + 1) for n in numbers)))
    for _ in numbers:
        answers.append(await caller.answer())
    await writing
    await caller.close()


@pytest.mark.parametrize("version", ["5", "3.1.1"])
async def test_none_of_20_000_is_lost_when_the_broker_restarts(relaying, mosquitto_server, version):
    async with (
        relaying([broker(mosquitto_server, version=version)], relay_deadline_s=2 * PATIENCE_S) as (
            tracker,
            port,
        ),
        subscribed(mosquitto_server.port) as subscriber,
    ):
        answers: list[dict] = []
        asking = asyncio.create_task(pipeline(port, range(20_000), answers))
        await until(lambda: len(answers) > 4_000)
        await asyncio.to_thread(mosquitto_server.restart)
        await asking
        assert Counter(one["code"] for one in answers) == {0: 20_000}
        assert sorted(one["id"] for one in answers) == list(range(20_000))
        await subscriber.until(20_000)
        assert set(subscriber.payloads) == {str(n).encode() for n in range(20_000)}
        stats = lane(tracker).stats
        assert stats["confirmed"] == 20_000
        assert 0 < stats["republished"] <= tracker.app[keys.CONFIG].relay_window
        assert len(lane(tracker).in_flight) == len(lane(tracker).waiting) == 0


async def test_a_broker_killed_under_load_answers_all_in_the_end(relaying, mosquitto_server):
    settings = {"relay_deadline_s": 2 * PATIENCE_S}
    async with relaying([broker(mosquitto_server)], **settings) as (tracker, port):
        answers: list[dict] = []
        asking = asyncio.create_task(pipeline(port, range(20_000), answers))
        await until(lambda: len(answers) > 2_000)
        await asyncio.to_thread(mosquitto_server.kill)
        link = tracker.app[keys.RELAY].links[0]
        await until(lambda: link.stats["failures"])  # and it is not there yet
        await asyncio.to_thread(mosquitto_server.start)
        await asking
        assert Counter(one["code"] for one in answers) == {0: 20_000}


async def test_a_frozen_broker_is_unconfirmed_then_goes_on(relaying, mosquitto_server):
    settings = {"relay_deadline_s": 1.5, "relay_window": 5, "relay_max_waiting": 10}
    async with (
        relaying([broker(mosquitto_server)], **settings) as (tracker, port),
        subscribed(mosquitto_server.port) as subscriber,
    ):
        mosquitto_server.freeze()
        try:
            caller = await Caller.connect(port)
            await caller.say(b"".join(line(n) for n in range(30)))
            answers = await caller.answers(30)
        finally:
            mosquitto_server.thaw()
        let_wait(tracker, PATIENCE_S)
        codes = {one["id"]: one["result"] for one in answers}
        assert {n for n, word in codes.items() if word == "unconfirmed"} == set(range(5))
        assert {word for n, word in codes.items() if n >= 5} == {"away"}
        await until(lambda: not lane(tracker).in_flight)
        await subscriber.until(5)
        assert set(subscriber.payloads) == {b"%d" % n for n in range(5)}  # and none that is "away"
        assert lane(tracker).stats["confirmed_late"] == 5
        assert (await caller.ask(line(99)))["code"] == 0
        await caller.close()


async def test_the_room_is_bounded_and_the_caller_waits(relaying, mosquitto_server):
    settings = {"relay_window": 10, "relay_max_waiting": 100, "relay_deadline_s": PATIENCE_S}
    async with relaying([broker(mosquitto_server)], **settings) as (tracker, port):
        mosquitto_server.freeze()
        try:
            answers: list[dict] = []
            asking = asyncio.create_task(pipeline(port, range(30_000), answers))
            await until(lambda: lane(tracker).crowded)
            await asyncio.sleep(0.5)
            assert len(lane(tracker).waiting) == 100
            assert len(lane(tracker).in_flight) == 10
            callers = tracker.app[keys.RELAY_CALLERS]
            assert callers.stats["requests"] == 111  # and one that waits for room
            assert callers.stats["bytes"] < 1_000_000  # the rest of 2 MB is TCP's
            assert answers == []
        finally:
            mosquitto_server.thaw()
        await asking
        assert Counter(one["code"] for one in answers) == {0: 30_000}


async def test_a_message_that_ends_connections_is_given_up_for_the_others(relaying):
    """By MQTT 3.1.1 nobody tells us what the broker bears."""
    with run_mosquitto("max_packet_size 20000") as server:
        settings = {"relay_deadline_s": 1.0}
        async with relaying([broker(server, version="3.1.1")], **settings) as (tracker, port):
            caller = await Caller.connect(port)
            await caller.say(line(1, message="x" * 30_000))
            assert (await caller.answer())["result"] == "unconfirmed"
            await until(lambda: lane(tracker).stats["given_up"] == 1)
            let_wait(tracker, PATIENCE_S)
            assert (await caller.ask(line(2)))["code"] == 0
            await caller.close()


async def test_what_a_broker_says_it_does_not_bear_is_refused(relaying):
    with run_mosquitto("max_packet_size 20000") as server:
        async with relaying([broker(server)]) as (_, port):
            caller = await Caller.connect(port)
            answer = await caller.ask(line(1, message="x" * 30_000))
            assert (answer["code"], answer["result"]) == (5, "too_large")
            assert "20000 bytes" in answer["detail"]
            await caller.close()


async def test_a_broker_that_bears_less_after_a_restart_is_not_overrun(relaying):
    with run_mosquitto("max_inflight_messages 200") as server:
        settings = {"relay_deadline_s": 2 * PATIENCE_S}
        async with relaying([broker(server)], **settings) as (tracker, port):
            answers: list[dict] = []
            server.freeze()
            asking = asyncio.create_task(pipeline(port, range(300), answers))
            await until(lambda: len(lane(tracker).in_flight) == 200)
            file = server.folder / "mosquitto.conf"
            file.write_text(file.read_text().replace("messages 200", "messages 7"))
            await asyncio.to_thread(server.kill)
            await asyncio.to_thread(server.start)
            await asking
            assert Counter(one["code"] for one in answers) == {0: 300}
            assert tracker.app[keys.RELAY].links[0].receive_maximum == 7
            assert lane(tracker).stats["republished"] == 200


async def test_a_broker_that_says_no(relaying, tmp_path):
    rules = tmp_path / "acl"
    rules.write_text("topic readwrite fleet/#\n")
    rules.chmod(0o600)
    with run_mosquitto(f"acl_file {rules}") as server:
        async with relaying([broker(server)]) as (_, port):
            caller = await Caller.connect(port)
            answer = await caller.ask(line(1, topic="else/where"))
            assert (answer["code"], answer["result"]) == (8, "refused")
            assert answer["detail"] == "Not authorized"
            assert (await caller.ask(line(2)))["code"] == 0
            await caller.close()


# Callers ------------------------------------------------------------------------------------------


async def test_bad_lines_are_answered_and_counted(relaying, mosquitto_server):
    async with relaying([broker(mosquitto_server)]) as (tracker, port):
        caller = await Caller.connect(port)
        await caller.say(b'nonsense\n\n  \r\n{"id":"a"}\n[1]\n' + line(5))
        answers = await caller.answers(4)
        assert [(a["id"], a["code"]) for a in answers] == [(1, 1), ("a", 1), (5, 1), (5, 0)]
        assert tracker.app[keys.RELAY].codes["bad_request"] == 3
        await caller.close()


async def test_a_giant_line_is_passed_over(relaying, mosquitto_server):
    async with relaying([broker(mosquitto_server)], relay_max_message_bytes=100) as (_, port):
        caller = await Caller.connect(port)
        await caller.say(b'{"id":1,"message":"' + b"x" * 1_000_000)
        assert (await caller.answer())["result"] == "too_large"
        await caller.say(b'"}\n' + line(2))
        assert await caller.answer() == {"id": 2, "code": 0, "result": "ok"}
        answer = await caller.ask(line(3, message="x" * 101))
        assert (answer["id"], answer["result"]) == (3, "too_large")
        await caller.close()


async def test_who_sends_only_nonsense_is_let_go(relaying, mosquitto_server):
    async with relaying([broker(mosquitto_server)]) as (tracker, port):
        caller = await Caller.connect(port)
        await caller.say(b"GET / HTTP/1.1\n" * 200)
        assert len(await caller.rest()) == 100
        assert tracker.app[keys.RELAY_CALLERS].closed["bad_lines"] == 1
        await caller.close()
        caller = await Caller.connect(port)
        with contextlib.suppress(ConnectionError):
            for _ in range(40):
                await caller.say(b"x" * 1_000_000)
        await until(lambda: tracker.app[keys.RELAY_CALLERS].closed["endless_line"] == 1)
        await caller.close()


async def test_a_half_closed_caller_gets_all_answers(relaying, mosquitto_server):
    async with relaying([broker(mosquitto_server)]) as (tracker, port):
        caller = await Caller.connect(port)
        await caller.say(b"".join(line(n) for n in range(2_000)) + line(2_000).rstrip())
        caller.writer.write_eof()
        answers = await caller.rest()
        assert sorted(one["id"] for one in answers) == list(range(2_001))
        assert {one["code"] for one in answers} == {0}
        await until(lambda: tracker.app[keys.RELAY_CALLERS].closed["done"] == 1)
        await caller.close()


async def flooding(loop, sock, data):
    for _ in range(2_000):  # 100 MB, of which only buffers' worth is taken
        await loop.sock_sendall(sock, data)


async def test_a_caller_that_does_not_read_is_not_read(relaying, mosquitto_server, monkeypatch):
    monkeypatch.setattr("tracker.mqtt.callers.ANSWERS_S", 2.0)
    async with (
        relaying([broker(mosquitto_server)]) as (tracker, port),
        subscribed(mosquitto_server.port, "none/of/it"),
    ):
        callers = tracker.app[keys.RELAY_CALLERS]
        slow = socket.socket()
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        slow.setblocking(False)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(slow, ("127.0.0.1", port))
        flood = line(1, message="", id="i" * 200) * 200
        sending = asyncio.create_task(flooding(loop, slow, flood))
        await until(lambda: callers.closed["slow"] == 1)
        with pytest.raises(ConnectionError):
            await sending
        requests = callers.stats["requests"]
        assert requests < 200_000
        other = await Caller.connect(port)
        assert (await other.ask(line(2)))["code"] == 0
        slow.close()
        await other.close()


async def test_a_caller_that_goes_away_is_forgotten_and_its_messages_go_on(
    relaying, mosquitto_server
):
    async with (
        relaying([broker(mosquitto_server)], relay_window=5) as (tracker, port),
        subscribed(mosquitto_server.port) as subscriber,
    ):
        mosquitto_server.freeze()
        try:
            caller = await Caller.connect(port)
            await caller.say(b"".join(line(n) for n in range(50)))
            await until(lambda: len(lane(tracker).waiting) == 45)
            sock = caller.writer.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            caller.writer.transport.abort()  # with a reset: an end alone may be half a close
            callers = tracker.app[keys.RELAY_CALLERS]
            await until(lambda: not callers.open)
            assert callers.stats["unheard"] == 50
        finally:
            mosquitto_server.thaw()
        await subscriber.until(50)


async def test_a_token_must_come_first_where_one_is_set(relaying, mosquitto_server):
    settings = {"relay_token": "open sesame", "admin_token": "root"}
    async with relaying([broker(mosquitto_server)], **settings) as (tracker, port):
        for first in (b"wrong\n", line(1), b"\n", b"open\n"):
            caller = await Caller.connect(port)
            await caller.say(first + line(2))
            (answer,) = await caller.rest()
            assert (answer["code"], answer["result"]) == (7, "unauthorized")
            await caller.close()
        for token in (b"open sesame", b"root"):
            caller = await Caller.connect(port)
            assert (await caller.ask(token + b"\r\n" + line(2)))["code"] == 0
            await caller.close()
        assert tracker.app[keys.RELAY_CALLERS].closed["unauthorized"] == 4


async def test_at_a_stop_everybody_is_told(relaying, mosquitto_server):
    async with relaying([broker(mosquitto_server)], relay_window=3) as (tracker, port):
        mosquitto_server.freeze()
        caller = await Caller.connect(port)
        await caller.say(b"".join(line(n) for n in range(10)))
        await until(lambda: len(lane(tracker).waiting) == 7)
    # the tracker has stopped
    mosquitto_server.thaw()
    words = Counter(one["result"] for one in await caller.rest())
    assert words == {"stopping": 7, "unconfirmed": 3}
    await caller.close()


# What is seen of it -------------------------------------------------------------------------------


async def test_metrics_and_the_log_show_no_secret(relaying, tmp_path, capfd):
    passwords = tmp_path / "passwords"
    passwords.write_text("")
    passwords.chmod(0o600)
    with run_mosquitto(f"password_file {passwords}") as server:
        file = server.folder / "mosquitto.conf"
        file.write_text(file.read_text().replace("anonymous true", "anonymous false"))
        await asyncio.to_thread(server.restart)
        one = broker(server, username="user-1", password="hush-hush")
        async with relaying([one], connected=False) as (tracker, _):
            await until(lambda: tracker.app[keys.RELAY].links[0].stats["failures"])
            async with tracker.session.get(f"{tracker.url}/readyz") as answer:
                state = (await answer.json(content_type=None))["parts"]["relay only"]
            async with tracker.session.get(f"{tracker.url}/metrics") as answer:
                text = await answer.text()
            shown = repr(tracker.app[keys.CONFIG])
    assert state == "away: refused: Not authorized"
    assert 'tracker_mqtt_connected{broker="only",part="relay"} 0.0' in text
    logged = capfd.readouterr()
    assert "mqtt.away" in logged.out + logged.err
    assert "hush" not in text + state + shown + logged.out + logged.err


async def test_what_is_measured(relaying, mosquitto_server):
    async with relaying([broker(mosquitto_server)]) as (tracker, port):
        caller = await Caller.connect(port)
        await caller.say(b"".join(line(n) for n in range(20)) + b"x\n")
        await caller.answers(21)
        async with tracker.session.get(f"{tracker.url}/metrics") as answer:
            lines = set((await answer.text()).splitlines())
        assert {
            'tracker_mqtt_connected{broker="only",part="relay"} 1.0',
            'tracker_relay_published_total{broker="only"} 20.0',
            'tracker_relay_confirmed_total{broker="only"} 20.0',
            'tracker_relay_republished_total{broker="only"} 0.0',
            'tracker_relay_waiting{broker="only"} 0.0',
            'tracker_relay_in_flight{broker="only"} 0.0',
            'tracker_relay_refused_total{broker="",code="bad_request"} 1.0',
            'tracker_relay_confirm_seconds_count{broker="only"} 20.0',
            "tracker_relay_callers 1.0",
        } <= lines
        await caller.close()


async def test_a_broker_with_tls_must_show_a_certificate_that_is_trusted(relaying, tmp_path):
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    for name, host in (("good", "localhost"), ("bad", "elsewhere.example")):
        pair = authority.issue_cert(host)
        pair.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / f"{name}.pem"))
        port = free_port()
        lines = (
            f"listener {port} 127.0.0.1",
            f"certfile {tmp_path / name}.pem",
            f"keyfile {tmp_path / name}.pem",
        )
        with run_mosquitto(*lines):
            one = {"name": "tls", "url": f"mqtts://localhost:{port}"}
            trusting = one | {"ca_file": str(tmp_path / "ca.pem")}
            if name == "good":
                async with relaying([trusting]) as (_, relay):
                    caller = await Caller.connect(relay)
                    await caller.say(b"".join(line(n) for n in range(2_000)))
                    answers = await caller.answers(2_000)
                    assert Counter(found["code"] for found in answers) == {0: 2_000}
                    await caller.close()
            for settings in [one] if name == "good" else [trusting]:
                async with relaying([settings], connected=False) as (tracker, _):
                    link = tracker.app[keys.RELAY].links[0]
                    await until(lambda link=link: link.stats["failures"] >= 2)
                    assert "certificate" in link.state.lower()
                    assert not link.connected


DEEP = b"[" * 260 + b"]" * 260
TOO_DEEP = {
    "id": b'{"device_id":1,"topic":"t","message":"x","id":%s}\n' % DEEP,
    "message": b'{"device_id":1,"topic":"t","message":%s,"id":500}\n' % DEEP,
}


@pytest.mark.parametrize("member", TOO_DEEP)
async def test_a_line_nested_too_deep_is_answered_like_any_other(
    relaying, mosquitto_server, member
):
    async with relaying([broker(mosquitto_server)]) as (tracker, port):
        caller = await Caller.connect(port)
        before, after = (
            b"".join(map(line, numbers)) for numbers in (range(500), range(501, 1_001))
        )
        await caller.say(before + TOO_DEEP[member] + after)
        answers = await caller.answers(1_001)
        bad = [one for one in answers if one["code"]]
        detail = f"{member}: is nested too deep"
        number = 501 if member == "id" else 500  # without an id, that of the line
        assert bad == [{"id": number, "code": 1, "result": "bad_request", "detail": detail}]
        assert Counter(one["id"] for one in answers) == Counter(
            [*range(500), *range(501, 1_001), number]
        )
        assert (await caller.ask(line(7)))["result"] == "ok"  # the connection goes on
        assert tracker.app[keys.RELAY].codes == {"bad_request": 1}
        await caller.close()


def breaking(tracker, monkeypatch, device):
    """A mistake of the relay's that one device brings to light."""
    relay, lane_of = tracker.app[keys.RELAY], tracker.app[keys.RELAY].lane_of

    def lane_of_or_not(request):
        if request.device == device:
            raise RuntimeError("a mistake")
        return lane_of(request)

    monkeypatch.setattr(relay, "lane_of", lane_of_or_not)
    return relay


async def test_a_mistake_with_one_line_ends_that_line_alone(
    relaying, mosquitto_server, monkeypatch, capfd
):
    async with relaying([broker(mosquitto_server)]) as (tracker, port):
        relay = breaking(tracker, monkeypatch, device_key("bad"))
        caller = await Caller.connect(port)
        await caller.say(b"".join(line(n, "bad" if n % 10 == 3 else "good") for n in range(300)))
        answers = await caller.answers(300)
        by_result = {one["id"]: one["result"] for one in answers}
        assert by_result == {n: "internal" if n % 10 == 3 else "ok" for n in range(300)}
        assert relay.codes == {"internal": 30}
        assert next(iter(tracker.app[keys.RELAY_CALLERS].open))._unanswered == 0
        await caller.close()
    logged = capfd.readouterr()
    assert (logged.out + logged.err).count("relay.line_failed") == 1
