"""Castel, byte for byte. The vectors were worked out by hand from the module's docstring; each CRC
is computed here once more, bit by bit.
"""

from __future__ import annotations

import dataclasses

import pytest

from simulator.model import Stated
from simulator.protocols.base import AnswerKind
from simulator.protocols.castel import BATCH, FAMILY, CastelTerminal, stated

from .protocol_cases import SOUTH_WEST, hexed, kinds, reflected_crc, three_ways

IDENT = "359099000000017"
NAME = "33 35 39 30 39 39 30 30 30 30 30 30 30 31 37 00 00 00 00 00"


def framed(kind: str, content: str = "") -> bytes:
    """A frame of version 4 around a type and a content, in hex."""
    rest = hexed("04" + NAME + kind + content)
    body = b"@@" + (len(rest) + 8).to_bytes(2, "little") + rest
    return body + (reflected_crc(body, 0x8408, 0xFFFF) ^ 0xFFFF).to_bytes(2, "little") + b"\r\n"


def terminal() -> CastelTerminal:
    return CastelTerminal(IDENT, {})


STATE = (
    "0C FC D1 69 0C FC D1 69"  # 1775369228 s, twice
    "BC CC 5B 07 00 00 00 00 00 00 00 00 00 00"  # 123,456,700 m; no trip, no fuel
    "00 00 04 00 00 00 00 00 00 00 00 00"  # ignition; eight reserved
)
PLACE = (
    "05 04 1A 06 07 08"  # 5 April 2026, 06:07:08
    "18 D6 2D 07"  # 120,444,440 units of latitude: 33.456789 degree
    "42 DA 28 0F"  # 254,335,554 of longitude
    "81 09 9A 0A BC"  # 2,433 cm/s, 271.4 degree; 11 satellites, fixed, south, west
)


def test_login_and_heartbeat() -> None:
    hello = terminal().hello()
    assert hello[25:27] == hexed("10 01")
    assert hello == framed("1001", "00" * 35 + b"IDD-213L V1.1.2\0IDD-213L V1.1.0\0\0\0".hex())
    assert terminal().heartbeat(None) == framed("1003")


def test_position() -> None:
    frame = terminal().position(SOUTH_WEST)
    assert frame.data == framed("4001", "00" + STATE + "01" + PLACE)
    assert frame.fixes == 1
    north_east = dataclasses.replace(SOUTH_WEST, lat=1.0, lon=1.0, satellites=40, ignition=False)
    data = terminal().position(north_east).data
    assert data[-5] == 0xFF
    assert data[50:54] == bytes(4), "no ignition"


def test_history() -> None:
    fixes = [SOUTH_WEST] * (BATCH + 3)
    frame = terminal().backlog(fixes)
    assert frame.fixes == BATCH
    assert frame.data == framed("4001", "01" + STATE + "0A" + PLACE * BATCH)


def test_stated() -> None:
    assert stated(SOUTH_WEST) == Stated(1775369228000, -33456789, -70648765, 876, 2714)


def test_answers_in_any_cut() -> None:
    login = framed("9001", "FFFFFFFF 0000 1755C267")
    for answers in three_ways(terminal, login):
        assert kinds(answers) == [AnswerKind.ACCEPTED]


def test_the_answer_to_a_heartbeat_stands_for_what_came_before() -> None:
    one = terminal()
    first, second = one.position(SOUTH_WEST), one.backlog([SOUTH_WEST])
    one.heartbeat(SOUTH_WEST)
    third = one.position(SOUTH_WEST)
    answers = one.receive(framed("9003"))
    assert answers[0].kind is AnswerKind.BEAT
    assert [answer.serial for answer in answers[1:]] == [first.serial, second.serial]
    assert third.serial not in {answer.serial for answer in answers}


def test_questions_are_answered_with_their_number() -> None:
    one = terminal()
    assert [answer.reply for answer in one.receive(framed("3001", "6712"))] == [b""]
    one.position(SOUTH_WEST)
    (answer,) = one.receive(framed("3001", "6712"))
    assert answer.reply == framed("B001", "6712" + STATE + "01" + PLACE)
    (answer,) = one.receive(framed("2002", "6712 02 0112 0212"))
    assert answer.reply == framed("A002", "6712 01 00 02 0112 0212 00")


@pytest.mark.parametrize("at", range(31))
def test_damage_is_noticed(at: int) -> None:
    beat = framed("9003")
    damaged = beat[:at] + bytes((beat[at] ^ 0x10,)) + beat[at + 1 :]
    found = kinds(terminal().receive(damaged + beat + beat))
    if at < 29:  # the end mark is not looked at
        assert AnswerKind.DAMAGED in found
    assert found[-1] is AnswerKind.BEAT


def test_the_family() -> None:
    assert FAMILY.ident(1) == IDENT
    assert not FAMILY.one_way
