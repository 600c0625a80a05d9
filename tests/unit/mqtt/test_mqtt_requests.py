"""Requests and answers of the relay, and the lines that they come in."""

from __future__ import annotations

import base64

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.mqtt.lines import SKIP_MOST, Lines
from tracker.mqtt.requests import (
    Code,
    Refusal,
    answer_line,
    line_most,
    read_request,
    request_of,
)

GOOD = {"id": 1, "device_id": "7", "topic": "a/b", "message": "x"}


def refused(**changes):
    asked = {k: v for k, v in (GOOD | changes).items() if v is not ...}
    with pytest.raises(Refusal) as caught:
        request_of(asked, 100)
    return caught.value


@pytest.mark.parametrize(
    ("message", "payload"),
    [
        ("text", b"text"),
        ("", b""),
        ("é\u0000", "é\0".encode()),
        ({"a": [1, 2.5, None]}, b'{"a":[1,2.5,null]}'),
        ([], b"[]"),
        (None, b"null"),
        (7, b"7"),
        (True, b"true"),
    ],
)
def test_a_message_is_text_or_json(message, payload):
    request = request_of(GOOD | {"message": message}, 100)
    assert (request.id, request.topic, request.payload) == (1, "a/b", payload)


def test_or_bytes_in_base64():
    raw = bytes(range(90))
    asked = GOOD | {"message": base64.b64encode(raw).decode(), "encoding": "base64"}
    assert request_of(asked, 100).payload == raw


@pytest.mark.parametrize(
    ("changes", "member"),
    [
        ({"device_id": ...}, "device_id"),
        ({"device_id": True}, "device_id"),
        ({"device_id": 1.5}, "device_id"),
        ({"device_id": " "}, "device_id"),
        ({"device_id": "x" * 65}, "device_id"),
        ({"device_id": "a\nb"}, "device_id"),
        ({"topic": ...}, "topic"),
        ({"topic": ""}, "topic"),
        ({"topic": 5}, "topic"),
        ({"topic": "a/+"}, "topic"),
        ({"topic": "#"}, "topic"),
        ({"topic": "$SYS/x"}, "topic"),
        ({"topic": "a\0"}, "topic"),
        ({"topic": "a\x1f"}, "topic"),
        ({"topic": "a\x85"}, "topic"),
        ({"topic": "a\ufdd0"}, "topic"),
        ({"topic": "a\U0010ffff"}, "topic"),
        ({"topic": "é" * 513}, "topic"),
        ({"topic": "/" * 100}, "topic"),
        ({"message": ...}, "message"),
        ({"message": 5, "encoding": "base64"}, "message"),
        ({"message": "a", "encoding": "base64"}, "message"),
        ({"message": "é", "encoding": "base64"}, "message"),
        ({"encoding": "hex"}, "encoding"),
        ({"id": "x" * 300}, "id"),
    ],
)
def test_what_cannot_be_names_its_member(changes, member):
    refusal = refused(**changes)
    assert refusal.code is Code.BAD_REQUEST
    assert refusal.detail.startswith(f"{member}: ")
    assert refusal.id == (None if member == "id" else 1)


def test_a_topic_may_just_be_so_long():
    request_of(GOOD | {"topic": "x" * 1_024}, 100)
    request_of(GOOD | {"topic": "/" * 99}, 100)
    request_of(GOOD | {"topic": "ü/語/𝄞"}, 100)


def nested(levels):
    return b"[" * levels + b"]" * levels


@pytest.mark.parametrize("member", ["id", "message", "device_id", "topic", "encoding", "other"])
@pytest.mark.parametrize("levels", [200, 250, 256, 300, 1_000, 1_025, 9_999])
def test_however_deep_a_member_is_it_is_answered(member, levels):
    rest = {name: value for name, value in GOOD.items() if name != member}
    line = orjson.dumps(rest)[:-1] + b',"%s":%s}' % (member.encode(), nested(levels))
    sent = levels <= 250 if member == "message" else levels <= 1_000 and member == "other"
    if sent:
        request = read_request(line, 10_000, 5)
        assert request.payload == (nested(levels) if member == "message" else b"x")
        return
    with pytest.raises(Refusal) as caught:
        read_request(line, 10_000, 5)
    refusal = caught.value
    assert refusal.code is Code.BAD_REQUEST
    assert orjson.loads(answer_line(refusal.id, refusal.code, refusal.detail))["code"] == 1


def test_too_deep_to_be_sent_is_said_of_the_member():
    deep = orjson.loads(nested(300))
    assert refused(message=deep).detail == "message: is nested too deep"
    refusal = refused(id=deep)
    assert (refusal.detail, refusal.id) == ("id: is nested too deep", None)


def test_a_message_has_a_limit():
    request_of(GOOD | {"message": "x" * 100}, 100)
    assert refused(message="x" * 101).code is Code.TOO_LARGE
    assert refused(message="é" * 51).code is Code.TOO_LARGE


@given(st.binary(max_size=200))
def test_whatever_comes_is_a_request_or_a_refusal(line):
    code, answer = Code.OK, answer_line(5, Code.OK)
    try:
        read_request(line, 100, 5)
    except Refusal as refusal:
        code, answer = refusal.code, answer_line(refusal.id, refusal.code, refusal.detail)
    assert code in (Code.OK, Code.BAD_REQUEST, Code.TOO_LARGE)
    assert orjson.loads(answer)["code"] == code


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.text(max_size=9),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
        max_leaves=4,
    )
)
def test_an_id_comes_back_as_it_was(id_):
    line = orjson.dumps(GOOD | {"id": id_})
    try:
        request = read_request(line, 100)
    except Refusal:
        assert len(orjson.dumps(id_)) > 256
        return
    for code in Code:
        answer = answer_line(request.id, code)
        assert answer.endswith(b"\n")
        assert orjson.loads(answer) == {"id": id_, "code": int(code), "result": code.word}


def test_a_request_is_answered_once():
    told = []
    request = request_of(GOOD, 100)
    request.tell = lambda *values: told.append(values)
    request.answer(Code.AWAY, "gone")
    request.answer(Code.OK)
    assert told == [(request, Code.AWAY, "gone")]


def test_the_longest_line_is_long_enough():
    asked = {
        "id": "\x01" * 40, "device_id": "x" * 64, "topic": "x" * 1_024, "message": "\x1f" * 5_000,
    }  # fmt: skip
    line = orjson.dumps(asked)
    assert len(line) <= line_most(5_000)
    assert read_request(line, 5_000).payload == b"\x1f" * 5_000


# Lines --------------------------------------------------------------------------------------------


def all_of(lines):
    return [lines.pop() for _ in range(len(lines))]


@given(
    st.lists(st.binary(max_size=30).map(lambda b: b.replace(b"\n", b"")), max_size=20),
    st.lists(st.integers(1, 40), max_size=200),
)
def test_lines_are_the_same_in_any_cut(wanted, cuts):
    stream = b"".join(line + b"\n" for line in wanted) + b"rest"
    lines, found = Lines(20), []
    while stream:
        size = cuts.pop() if cuts else 7
        lines.feed(stream[:size])
        stream = stream[size:]
        found += all_of(lines)
    lines.end()
    found += all_of(lines)
    assert found == [line if len(line) <= 20 else None for line in wanted] + [b"rest"]


def test_a_line_without_an_end_is_not_kept():
    lines = Lines(10)
    for _ in range(SKIP_MOST // 1_000_000 + 1):
        assert not lines.endless
        lines.feed(b"x" * 1_000_000)
    assert lines.endless
    assert all_of(lines) == [None]
    assert lines._rest == b""
