"""Cellocator, byte for byte; sums are worked out here once more."""

from __future__ import annotations

import dataclasses
import math

import pytest

from simulator.model import Stated
from simulator.protocols.base import AnswerKind
from simulator.protocols.cellocator import FAMILY, CellocatorTerminal, ident, stated

from .protocol_cases import SOUTH_WEST, hexed, three_ways

UNIT = hexed("12 2D 31 01")  # 20,000,018
HEAD = b"\0" + UNIT + b"\x08\0\x01"  # type, control, numerator
PLACE = hexed(
    "74 82 A6 F8"  # longitude: -123,305,356e-8 rad
    "E7 FD 84 FC"  # latitude: -58,393,113e-8 rad
    "7C DD 00 00"  # 56,700 cm
    "81 09 00 00"  # 2,433 cm/s
    "81 12"  # 4,737e-3 rad
    "08 07 06 05 04 EA 07"  # 06:07:08, 5 April 2026
)


def terminal() -> CellocatorTerminal:
    return CellocatorTerminal("20000018", {})


def framed(body: bytes) -> bytes:
    return b"MCGP" + body + bytes((sum(body) % 256,))


def acknowledgement(numerator: int) -> bytes:
    return framed(b"\x04" + UNIT + bytes(6) + bytes((numerator,)) + bytes(11))


def command(numerator: int, code: int, data: int) -> bytes:
    doubled = bytes((code, code, data, data, 0, 0))
    return framed(b"\x00" + UNIT + bytes((numerator,)) + bytes(4) + doubled + bytes(4))


def test_identities_are_numbers_of_their_own() -> None:
    assert ident(18) == "20000018"
    assert len({ident(number) for number in range(1000)}) == 1000


def test_login_and_heartbeat_are_a_status_without_a_place() -> None:
    one = terminal()
    said = one.hello()
    assert len(said) == 70
    assert said == framed(
        HEAD + hexed("1F 20 04 00 00 00 20 00 00 00 00 00 00 6B F5 00 00")
        + bytes(40)
    )  # fmt: skip
    one.heartbeat(None)
    answers = one.receive(acknowledgement(1) + acknowledgement(2))
    assert [answer.kind for answer in answers] == [AnswerKind.ACCEPTED, AnswerKind.BEAT]


def test_position() -> None:
    frame = terminal().position(SOUTH_WEST)
    assert frame.data == framed(
        HEAD + hexed("1F 20 04 00 00 00 2C 00 20 00 00 00 00 6B F5 00 00")
        + hexed("41 E2 01") + bytes(8) + hexed("00 04 02 0B") + PLACE
    )  # fmt: skip
    assert (frame.serial, frame.fixes, len(frame.data)) == (1, 1, 70)


def test_a_stored_position_comes_out_of_the_memory() -> None:
    frame = terminal().backlog([SOUTH_WEST, SOUTH_WEST])
    assert frame.fixes == 1
    assert frame.data[9] == 0
    assert frame.data[44:-1] == PLACE


def test_numerators_say_which_frame_is_answered() -> None:
    one = terminal()
    for _ in range(300):
        one.position(SOUTH_WEST)
    answers = one.receive(acknowledgement(300 % 256) + acknowledgement(250) + acknowledgement(250))
    assert [(answer.kind, answer.serial) for answer in answers] == [
        (AnswerKind.ACKNOWLEDGED, 300),
        (AnswerKind.ACKNOWLEDGED, 250),
        (AnswerKind.BEAT, -1),
    ]


@pytest.mark.parametrize(
    ("code", "data", "kind"), [(0, 0, AnswerKind.LOCATE), (3, 0x15, AnswerKind.COMMAND)]
)
def test_commands_are_answered_by_a_status_under_their_numerator(
    code: int, data: int, kind: AnswerKind
) -> None:
    for answers in three_ways(terminal, command(77, code, data)):
        assert answers[-1].kind is kind
        assert answers[-1].reply[9:12] == b"\x09\0\x4d"


@pytest.mark.parametrize(
    "said",
    [
        acknowledgement(1)[:-1] + b"\xff",
        command(1, 0, 0)[:14] + b"\x01" + command(1, 0, 0)[15:],
        framed(b"\x04\x01\0\0\0" + bytes(18)),
        b"hello, this is no frame",
    ],
)
def test_what_is_no_frame(said: bytes) -> None:
    assert {answer.kind for answer in terminal().receive(said)} == {AnswerKind.DAMAGED}


def test_stated() -> None:
    assert FAMILY.stated is stated
    assert stated(SOUTH_WEST) == Stated(1775369228000, -33456789, -70648765, 876, 2714)
    turned = dataclasses.replace(SOUTH_WEST, course_deg=359.999)
    assert stated(turned).course_ddeg == round(math.degrees(6.283) * 10) % 3600
