"""Galileosky, byte for byte.

The vectors were worked out by hand from the layout in the module's docstring; each CRC is computed
here once more, bit by bit.
"""

from __future__ import annotations

import pytest

from simulator.model import Stated
from simulator.protocols.base import AnswerKind
from simulator.protocols.galileosky import (
    BATCH_RECORDS,
    FAMILY,
    GalileoskyTerminal,
    packet,
    stated,
)

from .protocol_cases import SOUTH_WEST, hexed, in_a_row, reflected_crc, three_ways

IDENT = "359099000000017"


def modbus(data: bytes) -> bytes:
    return reflected_crc(data, 0xA001, 0xFFFF).to_bytes(2, "little")


def terminal() -> GalileoskyTerminal:
    return GalileoskyTerminal(IDENT, {})


def order(words: bytes, ident: str = IDENT) -> bytes:
    tags = b"\x03" + ident.encode() + hexed("04 32 00 E0 67 12 00 00 E1")
    tags += bytes((len(words),)) + words
    data = b"\x01" + len(tags).to_bytes(2, "little") + tags
    return data + modbus(data)


def test_the_check_value() -> None:
    assert modbus(b"123456789") == hexed("37 4B")


def test_first_packet() -> None:
    body = hexed("01 17 00 01 82 02 13 03") + IDENT.encode() + hexed("04 32 00")
    assert terminal().hello() == body + modbus(body)


def test_position() -> None:
    body = hexed(
        "01 2A 00"
        "10 0C FC"
        "20 0C FC D1 69"  # 1775369228
        "30 0B 6B 7D 01 FE 43 FC C9 FB"  # 11 satellites, -33456789, -70648765
        "33 6C 03 9A 0A"  # 87.6 km/h, 271.4 degrees
        "34 37 02"  # 567 m
        "35 09"
        "40 00 02"  # started
        "41 38 31"  # 12,600 mV
        "42 04 10"  # 4,100 mV
        "D4 BC CC 5B 07"  # 123,456,700 m
    )
    frame = terminal().position(SOUTH_WEST)
    assert frame.data == body + modbus(body)
    assert (frame.serial, frame.fixes) == (1, 1)


def test_a_batch_of_stored_positions_says_that_more_is_waiting() -> None:
    fixes = in_a_row(30)
    frame = terminal().backlog(fixes)
    assert frame.fixes == BATCH_RECORDS
    assert len(frame.data) < 1000
    assert frame.data[2] & 0x80
    last = terminal().backlog(fixes[BATCH_RECORDS:])
    assert last.fixes == 30 - BATCH_RECORDS
    assert not last.data[2] & 0x80


def test_answers_name_the_packet_by_its_crc() -> None:
    one = terminal()
    hello = one.hello()
    assert [answer.kind for answer in one.receive(b"\x02" + hello[-2:])] == [AnswerKind.ACCEPTED]
    frame = one.position(SOUTH_WEST)
    assert one.receive(b"\x02" + bytes(2))[0].kind is AnswerKind.DAMAGED
    (answer,) = one.receive(b"\x02" + frame.data[-2:])
    assert (answer.kind, answer.serial) == (AnswerKind.ACKNOWLEDGED, 1)
    assert one.receive(b"\x02" + frame.data[-2:])[0].kind is AnswerKind.DAMAGED
    beat = one.heartbeat(None)
    assert one.receive(b"\x02" + beat[-2:])[0].kind is AnswerKind.BEAT


def test_a_heartbeat_may_come_between_a_position_and_its_answer() -> None:
    one = terminal()
    frame = one.position(SOUTH_WEST)
    beat = one.heartbeat(None)
    kinds = [answer.kind for answer in one.receive(b"\x02" + frame.data[-2:] + b"\x02" + beat[-2:])]
    assert kinds == [AnswerKind.ACKNOWLEDGED, AnswerKind.BEAT]


@pytest.mark.parametrize(
    ("words", "kind"),
    [(b"Out 0,1", AnswerKind.COMMAND), (b"status", AnswerKind.LOCATE)],
)
def test_commands_are_answered_under_their_number(words: bytes, kind: AnswerKind) -> None:
    said = words + b" OK"
    tags = b"\x03" + IDENT.encode() + hexed("04 32 00 E0 67 12 00 00 E1")
    reply = packet(tags + bytes((len(said),)) + said)
    for answers in three_ways(terminal, order(words)):
        assert [(answer.kind, answer.reply) for answer in answers] == [(kind, reply)]


@pytest.mark.parametrize(
    "data", [order(b"status")[:-1] + b"\x00", order(b"status", "359099000000025"), b"\x09"]
)
def test_what_is_not_for_us(data: bytes) -> None:
    assert {answer.kind for answer in terminal().receive(data)} == {AnswerKind.DAMAGED}


def test_stated() -> None:
    assert FAMILY.stated is stated
    assert stated(SOUTH_WEST) == Stated(1775369228000, -33456789, -70648765, 876, 2714)
