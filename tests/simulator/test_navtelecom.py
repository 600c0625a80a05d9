"""Navtelecom, byte for byte.

The vectors were worked out by hand from the layout in the module's docstring; each checksum is
computed here once more, bit by bit.
"""

from __future__ import annotations

import pytest

from simulator.model import Stated
from simulator.protocols.base import AnswerKind
from simulator.protocols.navtelecom import (
    BATCH_RECORDS,
    FAMILY,
    NavtelecomTerminal,
    stated,
)

from .protocol_cases import SOUTH_WEST, hexed, in_a_row, plain_crc, three_ways

IDENT = "359099000000017"


def crc8(data: bytes) -> int:
    return plain_crc(data, 8, 0x31, 0xFF)


def xor(data: bytes) -> int:
    value = 0
    for byte in data:
        value ^= byte
    return value


def from_server(body: bytes) -> bytes:
    head = hexed("40 4E 54 43 00 00 00 00 01 00 00 00") + len(body).to_bytes(2, "little")
    head += bytes((xor(body),))
    return head + bytes((xor(head),)) + body


def taken(count: int) -> bytes:
    data = b"~A" + bytes((count,))
    return data + bytes((crc8(data),))


def terminal() -> NavtelecomTerminal:
    return NavtelecomTerminal(IDENT, {})


def test_the_check_value() -> None:
    assert crc8(b"123456789") == 0xF7


def test_identity_and_fields() -> None:
    named = hexed("40 4E 54 43 01 00 00 00 00 00 00 00 13 00 44 4F 2A 3E 53 3A") + IDENT.encode()
    fields = hexed("2A 3E 46 4C 45 58 B0 0A 0A 45 FB FE 30 00 00 00 00 00 00")  # 1-5, 7-15, 19, 20
    head = hexed("40 4E 54 43 01 00 00 00 00 00 00 00 13 00") + bytes((xor(fields),))
    assert terminal().hello() == named + head + bytes((xor(head),)) + fields


def test_position() -> None:
    body = hexed(
        "7E 41 01"
        "0C FC D1 69 00 FF 0C FC D1 69"  # record 1775369228, no event, 1775369228
        "00 A9 15 2F"  # the engine runs; 21; fix, 11 satellites
        "0C FC D1 69 A7 B1 CD FE F5 30 79 FD"  # -33.456789, -70.648765 in 0.0001 minute
        "26 16 00 00"  # 567.0 m
        "33 33 AF 42 0F 01"  # 87.6 km/h, 271 degrees
        "5A 20 F1 47"  # 123,456.7 km
        "38 31 04 10"  # 12,600 and 4,100 mV
    )
    frame = terminal().position(SOUTH_WEST)
    assert frame.data == body + bytes((crc8(body),))
    assert (frame.serial, frame.fixes) == (1, 1)


def test_a_batch_of_stored_positions() -> None:
    frame = terminal().backlog(in_a_row(30))
    assert frame.fixes == BATCH_RECORDS == frame.data[2]
    assert len(frame.data) < 1300
    assert crc8(frame.data[:-1]) == frame.data[-1]


def test_a_heartbeat_is_one_byte() -> None:
    assert terminal().heartbeat(None) == b"\x7f"


def test_the_answers_to_the_login() -> None:
    agreed = from_server(b"*<FLEX\xb0\x0a\x0a")
    for answers in three_ways(terminal, from_server(b"*<S") + agreed):
        assert [answer.kind for answer in answers] == [AnswerKind.ACCEPTED]


def test_counts_acknowledge_what_is_under_way() -> None:
    one = terminal()
    one.backlog([SOUTH_WEST] * 3)
    kinds = [(answer.kind, answer.serial) for answer in one.receive(taken(3))]
    assert kinds == [(AnswerKind.ACKNOWLEDGED, 1), (AnswerKind.BEAT, -1)]
    one.position(SOUTH_WEST)
    assert one.receive(taken(2))[0].kind is AnswerKind.REJECTED
    assert one.receive(taken(1))[0].kind is AnswerKind.DAMAGED


@pytest.mark.parametrize(
    ("words", "said", "kind"),
    [(b"*!1Y", b"*@1Y OK", AnswerKind.COMMAND), (b"*?A", b"*@A OK", AnswerKind.LOCATE)],
)
def test_commands_are_answered(words: bytes, said: bytes, kind: AnswerKind) -> None:
    head = hexed("40 4E 54 43 01 00 00 00 00 00 00 00") + len(said).to_bytes(2, "little")
    head += bytes((xor(said),))
    reply = head + bytes((xor(head),)) + said
    for answers in three_ways(terminal, from_server(words)):
        assert [(answer.kind, answer.reply) for answer in answers] == [(kind, reply)]


@pytest.mark.parametrize(
    "data",
    [
        from_server(b"*!1Y")[:-1] + b"\x00",
        b"@NTC" + bytes(11) + b"\x01",
        from_server(b"what?"),
        taken(1)[:-1] + b"\x00",
        b"\x00",
    ],
)
def test_damage(data: bytes) -> None:
    assert {answer.kind for answer in terminal().receive(data)} == {AnswerKind.DAMAGED}


def test_stated() -> None:
    assert FAMILY.stated is stated
    assert stated(SOUTH_WEST) == Stated(1775369228000, -33456788, -70648765, 876, 2710)
