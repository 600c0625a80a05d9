"""What comes by HTTP: what vectors do not show. Expectations, limits, detection, hostile bodies."""

from __future__ import annotations

import gzip
import json
from typing import Any
from urllib.parse import parse_qsl

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.protocols.transcripts import feed, new_session
from tracker.errors import DecodeError
from tracker.protocols.base import (
    PROBE_LIMIT,
    Aside,
    Heartbeat,
    Login,
    Logout,
    Match,
    Positions,
    Refused,
)
from tracker.protocols.detect import detect
from tracker.protocols.http import FLESPI, OSMAND, OWNTRACKS, HttpDecoder, osmand
from tracker.protocols.http.wire import BODY_MOST, HEAD_MOST, INFLATED_MOST

FIX = {"device_id": "1001", "location": {"coords": {"latitude": 1, "longitude": 2}}}


def decoder(**options: Any) -> HttpDecoder:
    return HttpDecoder(new_session({"options": options}), "osmand")


def post(body: bytes, *headers: str) -> bytes:
    lines = ["POST / HTTP/1.1", "Host: x", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


def as_json(value: Any) -> bytes:
    return post(json.dumps(value).encode(), "Content-Type: application/json")


def types(items: list[Any]) -> list[str]:
    return [type(item).__name__ for item in items]


def test_who_waits_to_be_told_is_told_before_the_body() -> None:
    one = decoder()
    whole = post(json.dumps(FIX).encode(), "Expect: 100-continue")
    head = whole[: whole.index(b"\r\n\r\n") + 4]
    (told,) = feed(one, head)
    assert told == Aside(b"HTTP/1.1 100 Continue\r\n\r\n")
    assert one.buffered > 0
    assert types(feed(one, whole[len(head) :])) == ["Login", "Positions"]
    assert one.buffered == 0


def test_who_sends_the_body_anyway_is_not_told() -> None:
    items = feed(decoder(), post(json.dumps(FIX).encode(), "Expect: 100-continue"))
    assert types(items) == ["Login", "Positions"]


def test_a_body_that_would_be_refused_is_not_asked_for() -> None:
    request = b"POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 99999\r\n\r\n"
    error, refused = feed(decoder(), request)
    assert isinstance(error, DecodeError)
    assert isinstance(refused, Refused)
    assert refused.last
    assert refused.answer.startswith(b"HTTP/1.1 413 ")


@pytest.mark.parametrize("promised", [True, False], ids=["promised", "in chunks"])
def test_the_largest_body_is_taken_and_one_byte_more_is_not(promised: bool) -> None:
    for size, kinds in (
        (BODY_MOST, ["Login", "Heartbeat"]),
        (BODY_MOST + 1, ["HttpError", "Refused"]),
    ):
        body = b'{"_type":"card","tid":"ab"}'.ljust(size)
        if promised:
            request = post(body)
        else:
            head = b"POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
            request = head + b"%x\r\n%b\r\n0\r\n\r\n" % (size, body)
        one = decoder()
        assert types(feed(one, request, 4096)) == kinds
        assert one.buffered == 0


def test_an_option_makes_room_for_larger_bodies() -> None:
    body = json.dumps([{"ident": "1001", "note": "x" * BODY_MOST}]).encode()
    assert types(feed(decoder(), post(body))) == ["HttpError", "Refused"]
    assert types(feed(decoder(http_body_bytes=1 << 20), post(body))) == ["Login", "Heartbeat"]


def test_a_head_without_end_is_refused() -> None:
    one = decoder()
    one.receive_data(b"GET /?id=1&lat=1&lon=2 HTTP/1.1\r\n")
    items: list[Any] = []
    for _ in range(HEAD_MOST // 1000 + 2):
        items += feed(one, b"X-Padding: " + b"x" * 1000 + b"\r\n")
    assert types(items) == ["HttpError", "Refused"]
    assert items[1].answer.startswith(b"HTTP/1.1 431 ")
    assert not feed(one, b"GET / HTTP/1.1\r\n\r\n"), "nothing is read after the end"


CHUNKED = b"POST /?id=1 HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "tail",
    [
        b"1;" + b"x" * 1_000 + b"\r\na\r\n",
        b"0\r\n" + b"".join(b"T%d: %s\r\n" % (n, b"x" * 1_000) for n in range(40)) + b"\r\n",
    ],
    ids=["extensions", "trailers"],
)
def test_what_is_around_a_body_is_bounded_like_a_head(tail: bytes) -> None:
    one = decoder()
    error, refused = feed(one, CHUNKED + tail * 40)[:2]
    assert isinstance(error, DecodeError)
    assert isinstance(refused, Refused)
    assert refused.answer.startswith(b"HTTP/1.1 431 ")
    assert one.buffered == 0


def test_a_chunk_for_every_byte_is_taken() -> None:
    body = b"id=1001&lat=1&lon=2&note=" + b"x" * 5_000
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
    assert types(feed(decoder(), CHUNKED.replace(b"/?id=1", b"/") + chunks)) == [
        "Login", "Positions",
    ]  # fmt: skip


@pytest.mark.parametrize("name", ["%ff%fe", "a%C3", "%EF%BF%BD"])
def test_an_identity_that_is_no_text_is_refused(name: str) -> None:
    """Different bytes would become one device."""
    items = feed(decoder(), f"GET /?id={name}&lat=1&lon=2 HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    assert types(items) == ["DecodeError", "Refused"]
    assert items[1].answer.startswith(b"HTTP/1.1 400 ")


def test_what_a_compressed_body_becomes_is_bounded() -> None:
    bomb = gzip.compress(b" " * (INFLATED_MOST + 1))
    assert len(bomb) < BODY_MOST
    error, refused = feed(decoder(), post(bomb, "Content-Encoding: gzip"))
    assert error.kind == "compression"
    assert refused.answer.startswith(b"HTTP/1.1 413 ")
    assert not refused.last, "the request was read whole"


def test_half_a_compressed_body_is_refused() -> None:
    half = gzip.compress(json.dumps(FIX).encode())[:-12]
    error, _ = feed(decoder(), post(half, "Content-Encoding: gzip"))
    assert error.kind == "compression"


def test_pipelined_requests_of_all_dialects() -> None:
    """One connection, three dialects; the name follows, and the login with the device."""
    one = decoder()
    assert types(feed(one, b"GET /?id=1001&lat=1&lon=2 HTTP/1.1\r\nHost: x\r\n\r\n")) == [
        "Login", "Positions",
    ]  # fmt: skip
    assert one.name == "osmand"
    feed(one, as_json([{"ident": "1002", "timestamp": 1}]))
    assert (one.name, one.session.ident) == ("flespi", "1002")
    feed(one, as_json({"_type": "card", "tid": "ab"}))
    assert (one.name, one.session.ident) == ("owntracks", "ab")


def test_a_refusal_is_a_whole_answer_of_its_own() -> None:
    (login, _) = feed(decoder(), as_json(FIX))
    assert isinstance(login, Login)
    head, _, body = login.refusal.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 403 Forbidden\r\n")
    assert b"Connection: close" in head
    assert f"Content-Length: {len(body)}".encode() in head
    assert orjson.loads(body)["status"] == 403


def test_only_the_last_message_of_a_request_answers_and_all_of_it_waits() -> None:
    batch = [{"ident": ident, "timestamp": 1} for ident in ("1001", "1001", "1002")]
    items = feed(decoder(), as_json(batch))
    assert types(items) == ["Login", "Heartbeat", "Heartbeat", "Login", "Heartbeat"]
    assert [bool(item.answer) for item in items] == [False, False, False, False, True]
    assert items[-1].durable


@pytest.mark.parametrize("end", [b"\r\n", b"\n"], ids=["CR LF", "LF"])
def test_small_devices_leave_things_out(end: bytes) -> None:
    """No Host, lines that end in LF alone, blank lines between requests; and every cut of it."""
    request = b"GET /?id=1&lat=1&lon=2 HTTP/1.1" + end + b"Accept: */*" + end + end
    for size in (None, 1, 7):
        items = feed(decoder(), end + request + end + end + request, size)
        assert types(items) == ["Login", "Positions", "Positions"]


def test_the_connection_ends_behind_the_answer() -> None:
    items = feed(decoder(), b"GET /?id=1&lat=1&lon=2 HTTP/1.0\r\n\r\nGET /?id=2 HTTP/1.0\r\n\r\n")
    assert types(items) == ["Login", "Positions", "Logout"]
    assert isinstance(items[-1], Logout)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text(),
        lambda inner: st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(
                ["_type", "ident", "device_id", "location", "coords", "latitude", "longitude",
                 "lat", "lon", "tst", "timestamp", "position.latitude", "position.longitude",
                 "battery", "level", "extras", "alarm", "t", "rty", "waypoints", "topic", "event",
                 "inregions", "mcc", "mnc", "lac", "cid", "din", "vehicle.mileage", "activity"]
            ) | st.text(max_size=8),
            st.sampled_from(["location", "transition", "waypoints", "lwt", "h", "enter"]) | inner,
            max_size=9,
        ),
        max_leaves=25,
    )
)  # fmt: skip
def test_any_json_gets_one_answer(value: Any) -> None:
    """Whatever is in a body: one answer, nothing left over, and the next request is read."""
    one = decoder()
    body = json.dumps(value).encode()
    items = feed(one, post(body, "Content-Type: application/json"))
    assert all(
        isinstance(item, DecodeError | Login | Positions | Heartbeat | Refused | Aside)
        or type(item).__name__ in ("Notice", "Alarm")
        for item in items
    )
    assert sum(bool(getattr(item, "answer", b"")) for item in items) == 1
    assert one.buffered == 0
    assert types(feed(one, as_json(FIX)))[-1] == "Positions"


@pytest.mark.parametrize(
    ("data", "name"),
    [
        (b"GET /?id=1001&lat=1&lon=2 HTTP/1.1\r\nHost: x\r\n\r\n", "osmand"),
        (b"HEAD / HTTP/1.0\r\n\r\n", "osmand"),
        (as_json(FIX), "osmand"),
        (as_json({"_type": "location"}), "owntracks"),
        (post(b"", "X-Limit-U: jane"), "owntracks"),
        (as_json([{"a": 1}]), "flespi"),
        (b"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 9\r\n\r\n", "osmand"),
        (b"GET /?" + b"x" * PROBE_LIMIT, "osmand"),
    ],
)
def test_detection(data: bytes, name: str) -> None:
    family = detect(data)
    assert family is not None
    assert family.name == name


def test_a_request_is_waited_for_while_it_may_still_tell() -> None:
    request = as_json({"_type": "location"})
    for size in range(request.index(b'"_type"')):
        assert detect(request[:size]) is None, request[:size]
    assert detect(request) is OWNTRACKS


@pytest.mark.parametrize("family", [OSMAND, OWNTRACKS, FLESPI], ids=lambda family: family.name)
def test_only_methods_begin_a_request(family: Any) -> None:
    assert family.probe(b"GE") is Match.MORE
    assert family.probe(b"GEX") is Match.NO
    assert family.probe(b"GETTING STARTED") is Match.NO
    assert family.probe(b"get / HTTP/1.1") is Match.NO


@given(st.text("ab=&%2+;é ", max_size=20))
def test_a_query_of_which_nothing_is_encoded_is_read_as_any_other(text: str) -> None:
    assert osmand.parsed(text) == parse_qsl(text, keep_blank_values=True)


@pytest.mark.parametrize("pair", ["a=1", "a=%31"])
def test_a_query_of_too_many_values_is_refused(pair: str) -> None:
    most = osmand.PAIRS_MOST
    assert osmand.parsed("&".join([pair] * most)) == [("a", "1")] * most
    with pytest.raises(ValueError, match="fields"):
        osmand.parsed("&".join([pair] * (most + 1)))
