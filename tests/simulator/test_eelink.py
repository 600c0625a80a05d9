"""Eelink, byte for byte. The vectors were worked out by hand from the module's docstring."""

from __future__ import annotations

import dataclasses

from simulator.model import Stated
from simulator.protocols.base import Answer, AnswerKind
from simulator.protocols.eelink import FAMILY, EelinkTerminal, stated

from .protocol_cases import SOUTH_WEST, hexed, kinds, three_ways

IDENT = "359099000000017"


def terminal() -> EelinkTerminal:
    return EelinkTerminal(IDENT, {})


def test_login() -> None:
    assert terminal().hello() == hexed(
        "67 67 01 00 10 00 01 03 59 09 90 00 00 00 17 01 00 02 05 02 05"
    )


def test_position() -> None:
    fix = dataclasses.replace(SOUTH_WEST, odometer_m=123_456_092.0)
    frame = terminal().position(fix)
    assert frame.data == hexed(
        "67 67 12 00 22 00 01"
        "69 D1 FC 0C 01"  # 1775369228 s, a place
        "FC 69 14 F4"  # -60,222,220 units: 33.456789 degree south
        "F8 6B 92 DF"  # -127,167,777 units
        "02 37 00 58 01 0F 0B"  # 567 m, 88 km/h, 271 degree, 11 satellites
        "07 EF 10 04 00 00 00 00"  # status, 4,100 mV, two analog inputs
        "07 5B CA 5C"  # 123,456,092 m
    )
    assert (frame.serial, frame.fixes) == (1, 1)
    parked = dataclasses.replace(fix, ignition=False)
    assert terminal().position(parked).data[27:29] == hexed("07 EB")


def test_stated() -> None:
    assert stated(SOUTH_WEST) == Stated(1775369228000, -33456789, -70648765, 880, 2710)


def test_heartbeat() -> None:
    assert terminal().heartbeat(SOUTH_WEST) == hexed("67 67 03 00 04 00 01 07 EF")
    assert terminal().heartbeat(None) == hexed("67 67 03 00 04 00 01 00 00")


def test_answers_in_any_cut() -> None:
    login = hexed("67 67 01 00 09 00 01 67 C2 55 17 00 01 00")
    for answers in three_ways(terminal, login):
        assert kinds(answers) == [AnswerKind.ACCEPTED]
    said = hexed("67 67 12 00 02 12 34") + hexed("67 67 03 00 02 00 05")
    for answers in three_ways(terminal, said):
        assert answers == [Answer(AnswerKind.ACKNOWLEDGED, 0x1234), Answer(AnswerKind.BEAT)]


def test_a_command_is_answered_with_its_number() -> None:
    order = hexed("67 67 80 00 0E 00 09 01 00 00 12 67") + b"RESET#"
    order = order[:4] + b"\x0d" + order[5:]
    (answer,) = terminal().receive(order)
    assert answer.kind is AnswerKind.COMMAND
    assert answer.reply == hexed("67 67 80 00 10 00 09 01 00 00 12 67") + b"RESET OK!"
    where = order[:4] + b"\x0d" + order[5:12] + b"WHERE#"
    assert kinds(terminal().receive(where)) == [AnswerKind.LOCATE]


def test_garbage_is_passed_over() -> None:
    answers = terminal().receive(b"what? " + hexed("67 67 03 00 02 00 05"))
    assert kinds(answers)[-1] is AnswerKind.BEAT
    assert set(kinds(answers)[:-1]) == {AnswerKind.DAMAGED}
    assert kinds(terminal().receive(hexed("67 67 44 00 02 00 05"))) == [AnswerKind.DAMAGED]


def test_the_family() -> None:
    assert FAMILY.ident(1) == IDENT
    assert not FAMILY.one_way
