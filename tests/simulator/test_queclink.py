"""Queclink @Track text, field by field."""

from __future__ import annotations

import dataclasses

import pytest

from simulator.model import Stated
from simulator.protocols.base import AnswerKind
from simulator.protocols.queclink import BATCH_FIXES, FAMILY, QueclinkTerminal, stated

from .protocol_cases import SOUTH_WEST, three_ways

IDENT = "359099000000017"
BLOCK = "1,87.6,271,567.0,-70.648765,-33.456789,20260405060708,0001,0001,0001,00000001,00"


def terminal() -> QueclinkTerminal:
    return QueclinkTerminal(IDENT, {})


def test_a_heartbeat_goes_first() -> None:
    assert terminal().hello() == b"+ACK:GTHBD,060228,359099000000017,,19700101000000,0001$"


def test_a_heartbeat_states_the_time_of_the_latest_fix() -> None:
    said = terminal().heartbeat(SOUTH_WEST)
    assert said == b"+ACK:GTHBD,060228,359099000000017,,20260405060708,0001$"


def test_position() -> None:
    frame = terminal().position(SOUTH_WEST)
    assert frame.data.decode() == (
        f"+RESP:GTFRI,060228,{IDENT},,12600,10,1,{BLOCK},123456.7,,,,100,220100,,,,"
        "20260405060708,0001$"
    )
    assert (frame.serial, frame.fixes) == (1, 1)


@pytest.mark.parametrize(
    ("ignition", "speed_kmh", "state"),
    [(False, 0.0, "11"), (False, 20.0, "12"), (True, 0.5, "21"), (True, 20.0, "22")],
)
def test_states(ignition: bool, speed_kmh: float, state: str) -> None:
    fix = dataclasses.replace(SOUTH_WEST, ignition=ignition, speed_kmh=speed_kmh)
    assert f",100,{state}0100," in terminal().position(fix).data.decode()


def test_stored_positions_share_a_report() -> None:
    frame = terminal().backlog([SOUTH_WEST] * 20)
    said = frame.data.decode()
    assert frame.fixes == BATCH_FIXES
    assert said.startswith(f"+BUFF:GTFRI,060228,{IDENT},,12600,10,15,{BLOCK},{BLOCK},")
    assert said.count(BLOCK) == 15


def test_an_answered_heartbeat_stands_for_what_was_sent_before_it() -> None:
    one = terminal()
    one.hello()
    serials = [one.position(SOUTH_WEST).serial, one.backlog([SOUTH_WEST] * 2).serial]
    one.heartbeat(None)
    late = one.position(SOUTH_WEST)
    (welcome,) = one.receive(b"+SACK:GTHBD,060228,0001$")
    assert welcome.kind is AnswerKind.ACCEPTED
    assert not one.answered
    beat, *vouched = one.receive(b"+SACK:GTHBD,,0004$")
    assert beat.kind is AnswerKind.BEAT
    assert [(answer.kind, answer.serial) for answer in vouched] == [
        (AnswerKind.ACKNOWLEDGED, serial) for serial in serials
    ]
    one.heartbeat(None)
    assert [answer.serial for answer in one.receive(b"+SACK:GTHBD,,0006$")] == [-1, late.serial]


def test_a_server_that_answers_positions_is_believed_alone() -> None:
    one = terminal()
    window = one.window
    serial = one.position(SOUTH_WEST).serial
    for answers in three_ways(lambda: one, f"+SACK:{serial:04X}$".encode()):
        assert (answers[-1].kind, answers[-1].serial) == (AnswerKind.ACKNOWLEDGED, serial)
    assert one.answered
    assert one.window < window
    one.heartbeat(None)
    assert len(one.receive(b"+SACK:GTHBD,,0002$")) == 1


@pytest.mark.parametrize(
    ("said", "kind", "command"),
    [
        ("AT+GTRTO=gv300,1,,,,,,00A7$", AnswerKind.LOCATE, "RTO"),
        ("AT+GTRTO=gv300,3,,,,,,00A7$", AnswerKind.COMMAND, "RTO"),
        ("AT+GTOUT=gv300,1,,,0,0,0,0,0,0,0,,,,,,,00A7$", AnswerKind.COMMAND, "OUT"),
    ],
)
def test_commands_are_answered_by_their_serial(said: str, kind: AnswerKind, command: str) -> None:
    (answer,) = terminal().receive(said.encode())
    assert answer.kind is kind
    assert answer.reply.decode() == (f"+ACK:GT{command},060228,{IDENT},,00A7,19700101000000,0001$")


@pytest.mark.parametrize("said", [b"hello$", b"+SACK:$", b"+SACK:xyz$", b"+NACK:0001$", b"$"])
def test_what_is_no_frame(said: bytes) -> None:
    assert [answer.kind for answer in terminal().receive(said)] == [AnswerKind.DAMAGED]


def test_a_frame_without_end_is_not_kept_for_ever() -> None:
    one = terminal()
    assert [a.kind for a in one.receive(b"x" * (one.line_most + 1))] == [AnswerKind.DAMAGED]
    assert [a.kind for a in one.receive(b"+SACK:GTHBD,,0001$")] == [AnswerKind.ACCEPTED]


def test_counts_are_sixteen_bits_wide() -> None:
    one = terminal()
    one.receive(b"+SACK:0001$")
    for _ in range(0xFFFF):
        one.heartbeat(None)
    assert one.position(SOUTH_WEST).serial == 1


def test_stated() -> None:
    assert FAMILY.stated is stated
    assert stated(SOUTH_WEST) == Stated(1775369228000, -33456789, -70648765, 876, 2710)
