"""Commands to devices that report by HTTP: what rides in an answer, and what comes back."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.unit.protocols.transcripts import feed, new_session
from tracker.errors import CommandError, DecodeError
from tracker.model import Command, CommandKind
from tracker.protocols.base import Reply
from tracker.protocols.http import HttpDecoder

PLACE = {"_type": "location", "lat": 22.54, "lon": 114.059, "tst": 1740789015, "tid": "JP"}

LOCATE = Command(CommandKind.LOCATE, 7)
CUSTOM = Command(CommandKind.CUSTOM, 8, {"text": "RELAY 1 ON"})


def decoder() -> HttpDecoder:
    return HttpDecoder(new_session(), "osmand")


def get(query: str, *headers: str) -> bytes:
    return "\r\n".join([f"GET /?{query} HTTP/1.1", "Host: x", *headers, "", ""]).encode()


def post(body: bytes, *headers: str, target: str = "/") -> bytes:
    size = f"Content-Length: {len(body)}"
    lines = [f"POST {target} HTTP/1.1", "Host: x", size, *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def as_json(value: Any) -> bytes:
    return post(json.dumps(value).encode(), "Content-Type: application/json")


def filled(one: HttpDecoder, command: Command) -> tuple[bytes, bytes]:
    """Head and body of the answer to the newest request with a command in it."""
    assert one.session.room is not None
    room = one.session.room()
    assert room is not None
    assert room.deaf(command) == ""
    head, _, body = room.filled(room.encode(command)).partition(b"\r\n\r\n")
    assert f"Content-Length: {len(body)}".encode() in head
    return head, body


def test_osmand_gets_the_text_of_a_command() -> None:
    one = decoder()
    feed(one, get("id=1001&lat=1&lon=2"))
    head, body = filled(one, CUSTOM)
    assert head.startswith(b"HTTP/1.1 200 OK\r\nDate: ")
    assert b"Content-Type: text/plain; charset=utf-8" in head
    assert body == b"RELAY 1 ON"
    with pytest.raises(CommandError, match="no command locate"):
        one.encode(LOCATE)


def test_owntracks_gets_a_list_of_objects() -> None:
    one = decoder()
    feed(one, post(b'{"_type": "status", "tid": "ab"}'))
    assert filled(one, LOCATE)[1] == b'[{"_type":"cmd","action":"reportLocation"}]'
    interval = Command(CommandKind.INTERVAL, 9, {"seconds": 60})
    (wish,) = json.loads(filled(one, interval)[1])
    assert (wish["_type"], wish["action"]) == ("cmd", "setConfiguration")
    assert wish["configuration"] == {
        "_type": "configuration", "monitoring": 2, "locatorInterval": 60,
    }  # fmt: skip
    dump = Command(CommandKind.CUSTOM, 9, {"text": '{"_type":"cmd","action":"dump"}'})
    assert filled(one, dump)[1] == b'[{"_type":"cmd","action":"dump"}]'
    for text in ("RELAY 1 ON", "[1]", "7"):
        with pytest.raises(CommandError, match="JSON object"):
            one.encode(Command(CommandKind.CUSTOM, 9, {"text": text}))
    with pytest.raises(CommandError, match="no command reboot"):
        one.encode(Command(CommandKind.REBOOT))


def test_plain_json_gets_commands_where_it_asks_for_them() -> None:
    report = b'{"time": 1740789015, "battery": 9}'
    asking = post(report, "Accept: application/json", target="/tracker/7/position")
    one = decoder()
    (_, message) = feed(one, asking)
    assert message.answer.endswith(b'\r\n\r\n{"commands":[]}')
    head, body = filled(one, CUSTOM)
    assert b"Content-Type: application/json" in head
    assert json.loads(body) == {
        "commands": [{"id": 8, "type": "custom", "params": {"text": "RELAY 1 ON"}}]
    }
    (message,) = feed(one, post(report, target="/tracker/7/position"))
    assert b"Content-Length: 0" in message.answer
    assert one.session.room is not None
    room = one.session.room()
    assert room is not None
    assert "Accept" in room.deaf(CUSTOM)


def test_what_has_become_of_a_command_comes_by_its_path() -> None:
    one = decoder()
    done = post(b'{"id": 8, "result": "error", "text": "no relay"}', target="/tracker/7/ack")
    login, reply = feed(one, done)
    assert (login.ident, one.name) == ("7", "json")
    assert isinstance(reply, Reply)
    assert (reply.reference, reply.success, reply.text) == (8, False, "no relay")
    bad, refused = feed(one, post(b'{"id": 8, "result": "perhaps"}', target="/tracker/7/ack"))
    assert isinstance(bad, DecodeError)
    assert b" 400 " in refused.answer


def test_a_location_that_was_asked_for_is_a_reply() -> None:
    _, reply = feed(decoder(), post(json.dumps(PLACE | {"t": "r"}).encode()))
    assert isinstance(reply, Reply)
    assert (reply.to_kind, reply.reference, reply.success) == (CommandKind.LOCATE, None, True)
    assert (reply.durable, [fix.lat for fix in reply.fixes]) == (True, [PLACE["lat"]])
    assert reply.answer.endswith(b"[]")


def test_several_devices_in_one_request_leave_no_room() -> None:
    one = decoder()
    report = {"timestamp": 1740789015, "battery.level": 50}
    feed(one, as_json([report | {"ident": "1"}, report | {"ident": "2"}]))
    assert one.session.room is not None
    assert one.session.room() is None
    feed(one, get("id=1001&lat=1&lon=2"))
    assert one.session.room() is not None


def test_the_end_of_the_connection_is_in_an_answer_with_a_command_too() -> None:
    one = decoder()
    feed(one, get("id=1001&lat=1&lon=2", "Connection: close"))
    assert b"Connection: close" in filled(one, CUSTOM)[0]
