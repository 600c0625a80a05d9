"""AIS-140, character for character."""

from __future__ import annotations

import dataclasses

from simulator.model import Stated
from simulator.protocols.ais140 import FAMILY, Ais140Terminal, stated
from simulator.protocols.base import AnswerKind

from .protocol_cases import SOUTH_WEST, three_ways

IDENT = "359099000000017"


def terminal() -> Ais140Terminal:
    return Ais140Terminal(IDENT, {})


def test_frames() -> None:
    one = terminal()
    assert one.hello() == (b"$,LGN,XX00XX0000,359099000000017,1.0.0,AIS140,0.000000,N,0.000000,E*")
    assert one.heartbeat(None) == b"$,HBT,SIM,1.0.0,359099000000017,95*"
    assert one.position(SOUTH_WEST).data == (
        b"$,NRM,SIM,1.0.0,NR,01,L,359099000000017,XX00XX0000,1,05042026,060708,33.456789,S,"
        b"70.648765,W,87.6,271.4,11,567.0,1.2,0.8,SIM,1,1,12.6,4.1,0,C,22,001,01,0001,0001,"
        b"0,0,0,0,0,0,0,0,0,0,0,0,0000,00,000001,000000*"
    )
    stored = one.backlog([dataclasses.replace(SOUTH_WEST, ignition=False)] * 2)
    assert stored.fixes == 1
    assert b",NR,01,H," in stored.data
    assert b",SIM,0,1,12.6," in stored.data


def test_stated() -> None:
    assert stated(SOUTH_WEST) == Stated(1775369228000, -33456789, -70648765, 876, 2714)


def test_answers_in_any_cut() -> None:
    for answers in three_ways(terminal, b"$LGN01032025003015*"):
        assert [answer.kind for answer in answers] == [AnswerKind.ACCEPTED]
    for answers in three_ways(terminal, b"$HBT*$what*"):
        assert [answer.kind for answer in answers] == [AnswerKind.BEAT, AnswerKind.COMMAND]


def test_the_answer_to_a_heartbeat_stands_for_what_came_before() -> None:
    one = terminal()
    first = one.position(SOUTH_WEST)
    one.heartbeat(None)
    second = one.position(SOUTH_WEST)
    beat, acknowledged = one.receive(b"$HBT*")
    assert beat.kind is AnswerKind.BEAT
    assert (acknowledged.kind, acknowledged.serial) == (AnswerKind.ACKNOWLEDGED, first.serial)
    assert second.serial != first.serial


def test_the_family() -> None:
    assert FAMILY.ident(1) == IDENT
    assert not FAMILY.one_way
