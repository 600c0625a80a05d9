"""Teltonika codec 8, byte for byte.

The vectors were worked out by hand from the layout in the module's docstring; each CRC is computed
here once more, bit by bit.
"""

from __future__ import annotations

import dataclasses

import pytest

from simulator.model import Stated
from simulator.protocols.base import AnswerKind
from simulator.protocols.teltonika import (
    BATCH_RECORDS,
    FAMILY,
    TeltonikaTerminal,
    packet,
    stated,
)

from .protocol_cases import SOUTH_WEST, hexed, in_a_row, reflected_crc, three_ways

IDENT = "359099000000017"


def arc(data: bytes) -> int:
    return reflected_crc(data, 0xA001)


def terminal() -> TeltonikaTerminal:
    return TeltonikaTerminal(IDENT, {})


def accepted() -> TeltonikaTerminal:
    one = terminal()
    assert [answer.kind for answer in one.receive(b"\x01")] == [AnswerKind.ACCEPTED]
    return one


def order(words: bytes) -> bytes:
    body = b"\x0c\x01\x05" + len(words).to_bytes(4, "big") + words + b"\x01"
    return bytes(4) + len(body).to_bytes(4, "big") + body + arc(body).to_bytes(4, "big")


def test_login() -> None:
    assert terminal().hello() == hexed("00 0F 33 35 39 30 39 39 30 30 30 30 30 30 30 31 37")


def test_position() -> None:
    body = hexed(
        "08 01"
        "00 00 01 9D 5C 40 8E E0"  # 1775369228000 ms
        "00"  # priority
        "D5 E3 DA 9E"  # -706,487,650e-7 degree
        "EC 0E E6 2E"  # -334,567,890e-7 degree
        "02 37 01 0F 0B 00 58"  # 567 m, 271 degree, 11 satellites, 88 km/h
        "00 04"
        "02 EF 01 15 04"  # ignition, signal
        "01 42 31 38"  # 12,600 mV
        "01 10 07 5B CA 5C"  # 123,456,092 m
        "00"
        "01"
    )
    fix = dataclasses.replace(SOUTH_WEST, odometer_m=123_456_092.0)
    frame = terminal().position(fix)
    assert frame.data == bytes(4) + b"\x00\x00\x00\x2d" + body + arc(body).to_bytes(4, "big")
    assert (frame.serial, frame.fixes) == (1, 1)


def test_a_batch_of_stored_positions() -> None:
    frame = terminal().backlog(in_a_row(30))
    assert frame.fixes == BATCH_RECORDS
    assert len(frame.data) < 1280
    assert frame.data[8:10] == bytes((8, BATCH_RECORDS))
    assert frame.data[-5] == BATCH_RECORDS
    assert arc(frame.data[8:-4]) == int.from_bytes(frame.data[-4:], "big")


def test_a_heartbeat_is_one_byte() -> None:
    assert terminal().heartbeat(None) == b"\xff"


@pytest.mark.parametrize(
    ("said", "kind"),
    [(b"\x01", AnswerKind.ACCEPTED), (b"\x00", AnswerKind.REFUSED), (b"\x7f", AnswerKind.DAMAGED)],
)
def test_the_answer_to_the_login(said: bytes, kind: AnswerKind) -> None:
    assert [answer.kind for answer in terminal().receive(said)] == [kind]


def test_counts_acknowledge_what_is_under_way() -> None:
    one = accepted()
    one.backlog([SOUTH_WEST] * 3)
    kinds = [(answer.kind, answer.serial) for answer in one.receive(hexed("00 00 00 03"))]
    assert kinds == [(AnswerKind.ACKNOWLEDGED, 1), (AnswerKind.BEAT, -1)]
    one.position(SOUTH_WEST)
    assert [answer.kind for answer in one.receive(bytes(4))] == [
        AnswerKind.REJECTED,
        AnswerKind.BEAT,
    ]
    one.position(SOUTH_WEST)
    assert one.receive(hexed("00 00 00 02"))[0].kind is AnswerKind.REJECTED
    assert one.receive(hexed("00 00 00 01"))[0].kind is AnswerKind.DAMAGED


@pytest.mark.parametrize(
    ("words", "kind"),
    [(b"getinfo", AnswerKind.COMMAND), (b"getrecord", AnswerKind.LOCATE)],
)
def test_commands_are_answered_in_codec_12(words: bytes, kind: AnswerKind) -> None:
    for answers in three_ways(accepted, order(words)):
        answer = answers[-1]
        assert answer.kind is kind
        assert answer.reply == packet(
            0x0C, 1, b"\x06" + bytes((0, 0, 0, len(words) + 4)) + words + b": OK"
        )
        assert arc(answer.reply[8:-4]) == int.from_bytes(answer.reply[-4:], "big")


def test_a_damaged_command() -> None:
    damaged = order(b"getinfo")[:-1] + b"\x00"
    assert [answer.kind for answer in accepted().receive(damaged)] == [AnswerKind.DAMAGED]


def test_stated() -> None:
    assert FAMILY.stated is stated
    assert stated(SOUTH_WEST) == Stated(1775369228000, -33456789, -70648765, 880, 2710)
