"""Suntech text, line for line."""

from __future__ import annotations

import dataclasses

import pytest

from simulator.model import Stated
from simulator.protocols.base import AnswerKind
from simulator.protocols.suntech import FAMILY, SuntechTerminal, ident, stated
from simulator.protocols.texts import ANSWER_MOST

from .protocol_cases import SOUTH_WEST, three_ways

IDENT = "000000017"
REPORT = (
    "ST300STT;000000017;04;101;20260405;06:07:08;00000;-33.456789;-070.648765;087.600;271.40;11;1;"
    "123456700;12.60;100000;2;{number};000000;4.1;{live}\r"
)


def terminal() -> SuntechTerminal:
    return SuntechTerminal(IDENT, {})


def test_identities_are_the_last_digits_of_the_imei() -> None:
    assert ident(1) == IDENT


def test_a_keep_alive_goes_first() -> None:
    assert terminal().hello() == b"ST300ALV;000000017\r"
    assert terminal().heartbeat(SOUTH_WEST) == terminal().hello()


def test_positions_live_and_stored() -> None:
    one = terminal()
    live, stored = one.position(SOUTH_WEST), one.backlog([SOUTH_WEST, SOUTH_WEST])
    assert live.data == REPORT.format(number="0001", live=1).encode()
    assert stored.data == REPORT.format(number="0002", live=0).encode()
    assert (stored.serial, stored.fixes) == (2, 1)


@pytest.mark.parametrize("words", ["Reboot", "Enable1", "Preset"])
def test_commands_are_answered_by_their_words(words: str) -> None:
    line = f"ST300CMD;{IDENT};02;{words}\r".encode()
    for answers in three_ways(terminal, line):
        assert answers[-1].kind is AnswerKind.COMMAND
        assert answers[-1].reply == f"ST300CMD;Res;{IDENT};101;{words}\r".encode()


def test_a_request_for_the_status_is_answered_by_a_report() -> None:
    one = terminal()
    one.position(SOUTH_WEST)
    (answer,) = one.receive(f"ST300CMD;{IDENT};02;StatusReq\r".encode())
    assert answer.reply == REPORT.format(number="0002", live=1).encode()


@pytest.mark.parametrize(
    "line", [b"ST300CMD;1;02;Reboot\r", b"hello\r", b"SA200CMD;000000017;02;X\r"]
)
def test_what_is_no_command(line: bytes) -> None:
    assert [answer.kind for answer in terminal().receive(line)] == [AnswerKind.DAMAGED]


def test_a_line_without_end_is_not_kept_for_ever() -> None:
    one = terminal()
    assert [answer.kind for answer in one.receive(b"x" * (ANSWER_MOST + 1))] == [AnswerKind.DAMAGED]
    assert one.receive(b"") == []


def test_stated() -> None:
    assert FAMILY.stated is stated
    assert stated(SOUTH_WEST) == Stated(1775369228000, -33456789, -70648765, 876, 2714)
    turned = dataclasses.replace(SOUTH_WEST, course_deg=359.999)
    assert b";000.00;11;" in terminal().position(turned).data
