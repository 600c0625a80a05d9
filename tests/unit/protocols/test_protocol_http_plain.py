"""Requests that are read without h11 are those that h11 reads, and they are read alike."""

from __future__ import annotations

import h11
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.protocols.transcripts import feed, new_session
from tracker.protocols.base import Positions
from tracker.protocols.http import HttpDecoder
from tracker.protocols.http.plain import (
    FIELD_COUNT_MOST,
    FIELDS_MOST,
    REMEMBERED,
    Plain,
    plain,
    verified,
)
from tracker.protocols.http.wire import BODY_MOST

HEAD = b"GET /?id=1&lat=1&lon=2 HTTP/1.1\r\nHost: x\r\n\r\n"


def judged(head: bytes, behind: bytes = b"") -> Plain | None:
    return plain(head, bytearray(behind), BODY_MOST)


def by_h11(head: bytes, body: bytes) -> tuple[bytes, str, dict[str, str], bool]:
    """What h11 says of the same bytes. Raises h11.RemoteProtocolError."""
    connection = h11.Connection(h11.SERVER)
    connection.receive_data(head + body)
    request, found = connection.next_event(), b""
    assert isinstance(request, h11.Request)
    while isinstance(event := connection.next_event(), h11.Data):
        found += event.data
    assert isinstance(event, h11.EndOfMessage)
    assert found == body
    headers = {name.decode(): value.decode() for name, value in request.headers}
    last = connection.their_state is not h11.DONE
    return request.method, request.target.decode(), headers, last


LINES = st.sampled_from(
    [b"GET / HTTP/1.1", b"POST /a?b=c HTTP/1.1", b"PUT /%20 HTTP/1.1", b"HEAD / HTTP/1.1",
     b"GET / HTTP/1.0", b"GET  / HTTP/1.1", b"get / HTTP/1.1", b"GET /\xff HTTP/1.1",
     b"GET / HTTP/1.1 ", b"GET /a b HTTP/1.1", b"GET /\t HTTP/1.1"]
)  # fmt: skip
FIELD = st.sampled_from(
    [b"Host: x", b"host:y", b"Host : x", b" folded", b"Connection: close", b"Connection:Keep-Alive",
     b"Connection: close, te", b"Content-Length: 3", b"Content-Length: +3", b"Content-Length: 3, 3",
     b"content-length:  3\t", b"Transfer-Encoding: chunked", b"Expect: 100-continue",
     b"Upgrade: websocket", b"X-A: \x00", b"X-A: \x7f", b"X-A: \xc3\xa9", b"X-A:", b"X-A: b c  ",
     b": nothing", b"X(A): b", b"X-A: a\rb", b"X-A: a\nHost: b", b"no colon"]
) | st.binary(max_size=12)  # fmt: skip


@settings(max_examples=1000, deadline=None)
@given(line=LINES, fields=st.lists(FIELD, max_size=5), end=st.sampled_from([b"\r\n", b"\n", b"\r"]))
def test_what_is_plain_is_read_as_h11_reads_it(
    line: bytes, fields: list[bytes], end: bytes
) -> None:
    head = end.join([line, b"Host: tracker", *fields, b"", b""])
    found = judged(head, b"abc")
    if found is None:
        return
    method, target, headers, last = by_h11(head, b"abc"[: found.size])
    assert (found.method, found.target, found.last) == (method, target, last)
    assert dict(found.headers) == headers


@pytest.mark.parametrize(
    ("change", "right"),
    [
        ((b"", b""), True), ((b"GET", b"PUT"), True), ((b"Host: x\r\n", b""), True),
        ((b"1.1", b"1.0"), False), ((b"GET", b"HEAD"), False), ((b"\r\n", b"\n"), False),
        ((b"Host: x", b"Host: x\r\nHost: y"), False), ((b"Host: x", b"Host: x\r\n y"), False),
        ((b"Host: x", b"Expect: 100-continue"), False), ((b"Host: x", b"Host : x"), False),
        ((b"Host: x", b"Transfer-Encoding: chunked"), False), ((b"Host: x", b"Host: \x01"), False),
        ((b"Host: x", b"Content-Length: 4"), False), ((b"Host: x", b"Content-Length: -1"), False),
        ((b"Host: x", b"X: " + b"x" * FIELDS_MOST), False),
        ((b"Host: x\r\n", b"".join(b"X%d:\r\n" % n for n in range(FIELD_COUNT_MOST + 1))), False),
    ],
)  # fmt: skip
def test_what_is_plain(change: tuple[bytes, bytes], right: bool) -> None:
    assert (judged(HEAD.replace(*change), b"abc") is not None) is right


def test_a_body_that_is_too_large_is_not_plain() -> None:
    head = HEAD.replace(b"GET", b"POST").replace(b"Host: x", b"Content-Length: 9")
    assert plain(head, bytearray(9), 9) is not None
    assert plain(head, bytearray(9), 8) is None


def test_fields_that_are_remembered_are_bounded() -> None:
    verified.cache_clear()
    for number in range(2 * REMEMBERED):
        judged(HEAD.replace(b"Host: x", b"Host: x%d" % number))
    assert verified.cache_info().currsize == REMEMBERED


def test_plain_and_other_requests_take_turns_on_one_connection() -> None:
    decoder = HttpDecoder(new_session(), "osmand")
    other = HEAD.replace(b"Host: x", b"Host: x\r\nExpect: nothing\r\nX: \xff")
    chunks = b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"
    chunks += b"12\r\nid=1&lat=1&lon=2.5\r\n0\r\n\r\n"
    items = feed(decoder, (HEAD + other + HEAD + chunks) * 3)
    assert [type(item) for item in items[1:]] == [Positions] * 12
    assert decoder.buffered == 0


def test_the_end_that_a_plain_request_asks_for() -> None:
    decoder = HttpDecoder(new_session(), "osmand")
    asked = HEAD.replace(b"Host: x", b"Host: x\r\nConnection: close")
    items = feed(decoder, HEAD + asked + HEAD)
    assert [type(item).__name__ for item in items] == ["Login", "Positions", "Positions", "Logout"]
    assert b"Connection: close" in items[2].answer
    assert b"Connection: close" not in items[1].answer
