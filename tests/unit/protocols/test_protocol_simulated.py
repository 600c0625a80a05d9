"""Simulated devices and decoders joined in memory: both were written from the protocol texts."""

from __future__ import annotations

import pytest
from hypothesis import given, settings

from simulator.model import Fix
from simulator.protocols import h02, nmea, tk103, watch, xexun
from simulator.protocols.base import AnswerKind, Family
from simulator.protocols.gps103 import FAMILY as GPS103
from tests.unit.protocols.simulated import FIXES, HERE, Line, as_stated, close
from tests.unit.protocols.transcripts import drain, new_session
from tracker.model import Command, CommandKind
from tracker.protocols.base import Reply
from tracker.protocols.registry import family as known

ANSWERED = [h02.FAMILY, GPS103, tk103.FAMILY, watch.FAMILY]
SILENT = [xexun.FAMILY, nmea.FAMILY]


def each(families: list[Family]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("family", families, ids=[one.name for one in families])


@each(ANSWERED)
def test_login_heartbeat_and_positions(family: Family) -> None:
    line = Line(family)
    messages = line.carry(line.terminal.hello())
    assert [type(one).__name__ for one in messages] == ["Login", "Heartbeat"]
    assert line.kinds == [AnswerKind.ACCEPTED]
    (fix,) = line.fixes(line.terminal.position(HERE).data)
    assert fix.valid
    assert close(as_stated(fix), family.stated(HERE))
    line.carry(line.terminal.heartbeat(HERE))
    assert AnswerKind.BEAT in line.kinds
    assert AnswerKind.ACKNOWLEDGED in line.kinds
    assert AnswerKind.DAMAGED not in line.kinds


@each([*ANSWERED, *SILENT])
@settings(max_examples=150, deadline=None)
@given(fix=FIXES)
def test_any_fix_arrives_as_it_was_stated(family: Family, fix: Fix) -> None:
    line = Line(family)
    line.carry(line.terminal.hello())
    found = line.fixes(line.terminal.position(fix).data)
    assert found
    for one in found[-1:]:  # of a pair of sentences the second has it all
        assert close(as_stated(one), family.stated(fix))


ORDERS = [
    pytest.param(family, kind, id=f"{family.name} {kind}")
    for family in ANSWERED
    for kind in CommandKind
    if kind in known(family.name).decoder.COMMANDS  # type: ignore[attr-defined]
]
PARAMETERS = {
    CommandKind.INTERVAL: {"seconds": 60},
    CommandKind.TEXT: {"text": "hello"},
}
CUSTOM = {"h02": "S26,0", "gps103": "G", "tk103": "AX01", "watch": "FIND"}


@pytest.mark.parametrize(("family", "kind"), ORDERS)
def test_commands_find_their_answers(family: Family, kind: CommandKind) -> None:
    line = Line(family)
    line.carry(line.terminal.hello())
    line.carry(line.terminal.position(Fix(1_740_789_015.0, 22.54, 114.059)).data)
    parameters = PARAMETERS.get(kind) or {"text": CUSTOM[family.name]}
    frame = line.decoder.encode(Command(kind, 4711, parameters))
    answers = line.terminal.receive(frame)
    assert [one.kind for one in answers] in ([AnswerKind.COMMAND], [AnswerKind.LOCATE])
    if answers[0].reply:
        (reply,) = line.carry(answers[0].reply)
        assert isinstance(reply, Reply)
        assert reply.reference == 4711


def test_the_second_pair_of_sentences_is_one_position() -> None:
    line = Line(nmea.FAMILY)
    line.carry(line.terminal.hello())
    at = 1_740_789_015.0
    counts = [
        len(line.fixes(line.terminal.position(Fix(at + second, 22.54, 114.059)).data))
        for second in range(4)
    ]
    assert counts == [2, 1, 1, 1]


def test_both_work_out_the_same_crc() -> None:
    """With option `xexun_strict` nothing but a right one is taken."""
    terminal = xexun.FAMILY.terminal(xexun.FAMILY.ident(1), {})
    decoder = known("xexun").decoder(new_session({"options": {"xexun_strict": True}}))
    data = terminal.position(Fix(1_740_789_015.0, 22.54, 114.059)).data
    decoder.receive_data(data.replace(b"*", b"*0").replace(b"*0", b"*", 1))
    assert [type(one).__name__ for one in drain(decoder)] == ["Login", "Positions"]
