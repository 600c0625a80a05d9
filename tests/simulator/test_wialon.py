"""Wialon IPS 2.0, line for line. Each CRC is computed here once more, bit by bit."""

from __future__ import annotations

import dataclasses

import pytest

from simulator.model import Stated
from simulator.protocols.base import AnswerKind
from simulator.protocols.wialon import FAMILY, WialonTerminal, stated

from .protocol_cases import SOUTH_WEST, kinds, reflected_crc, three_ways

IDENT = "359099000000017"
BODY = (
    "050426;060708;3327.407340;S;07038.925900;W;87.6;271.4;567;11;0.9;0;0;;NA;"
    "ign:1:1,odometer_m:1:123456700,pwr_ext:2:12.6"
)


def terminal() -> WialonTerminal:
    return WialonTerminal(IDENT, {})


def checked(kind: str, message: str) -> bytes:
    data = message.encode()
    return f"#{kind}#".encode() + data + f"{reflected_crc(data, 0xA001):04X}\r\n".encode()


def test_login() -> None:
    assert terminal().hello() == checked("L", f"2.0;{IDENT};NA;")


def test_position() -> None:
    frame = terminal().position(SOUTH_WEST)
    assert frame.data == checked("D", BODY + ";")
    assert (frame.serial, frame.fixes) == (1, 1)


def test_a_batch_of_stored_positions() -> None:
    frame = terminal().backlog([SOUTH_WEST, SOUTH_WEST])
    assert frame.data == checked("B", f"{BODY}|{BODY}|")
    assert frame.fixes == 2


@pytest.mark.parametrize(
    ("lat", "lon", "said"),
    [
        (0.0, 0.0, "0000.000000;N;00000.000000;E"),
        (-0.000001, 0.000001, "0000.000060;S;00000.000060;E"),
        (59.999999, -179.999999, "5959.999940;N;17959.999940;W"),
        (90.0, 180.0, "9000.000000;N;18000.000000;E"),
    ],
)
def test_angles(lat: float, lon: float, said: str) -> None:
    fix = dataclasses.replace(SOUTH_WEST, lat=lat, lon=lon)
    assert said.encode() in terminal().position(fix).data


def test_heartbeat() -> None:
    assert terminal().heartbeat(None) == b"#P#\r\n"


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        (b"#AL#1", AnswerKind.ACCEPTED),
        (b"#AL#01", AnswerKind.REFUSED),
        (b"#AD#1", AnswerKind.ACKNOWLEDGED),
        (b"#AD#16", AnswerKind.REJECTED),
        (b"#AP#", AnswerKind.BEAT),
        (b"VER?", AnswerKind.COMMAND),
        (b"#AXX#1", AnswerKind.DAMAGED),
    ],
)
def test_answers(said: bytes, kind: AnswerKind) -> None:
    for answers in three_ways(terminal, said + b"\r\n"):
        assert answers[-1].kind is kind


def test_a_black_box_must_be_taken_whole() -> None:
    one = terminal()
    one.backlog([SOUTH_WEST] * 3)
    answers = one.receive(b"#AB#2\r\n#AB#3\r\n")
    assert [answer.kind for answer in answers] == [AnswerKind.REJECTED, AnswerKind.ACKNOWLEDGED]
    assert answers[1].serial == 1


def test_a_text_for_the_driver_is_confirmed_if_its_crc_is_right() -> None:
    (told,) = terminal().receive(checked("M", "Stop;"))
    assert (told.kind, told.reply, told.detail) == (AnswerKind.COMMAND, b"#AM#1\r\n", "Stop")
    (damaged,) = terminal().receive(checked("M", "Stop;").replace(b"S", b"s"))
    assert (damaged.kind, damaged.reply) == (AnswerKind.DAMAGED, b"#AM#01\r\n")


def test_a_custom_command_is_answered_by_a_message() -> None:
    (answer,) = terminal().receive(b"VER?\r\n")
    assert answer.reply == checked("M", "VER?: OK;")


def test_a_line_without_end_is_not_kept_for_ever() -> None:
    one = terminal()
    assert kinds(one.receive(b"x" * (one.line_most + 1))) == [AnswerKind.DAMAGED]
    assert [answer.kind for answer in one.receive(b"#AP#\r\n")] == [AnswerKind.BEAT]


def test_stated() -> None:
    assert FAMILY.stated is stated
    assert stated(SOUTH_WEST) == Stated(1775369228000, -33456789, -70648765, 876, 2714)
