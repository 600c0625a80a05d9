"""Simulated devices and decoders joined in memory: both were written from the protocol texts."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.model import Fix, Stated
from simulator.protocols import h02, nmea, tk103, watch, xexun
from simulator.protocols.base import AnswerKind, Family, Terminal
from simulator.protocols.gps103 import FAMILY as GPS103
from tests.unit.protocols.transcripts import drain, new_session
from tracker import model
from tracker.model import Command, CommandKind
from tracker.protocols.base import Decoder, Message, Positions, Reply
from tracker.protocols.registry import family as known

ANSWERED = [h02.FAMILY, GPS103, tk103.FAMILY, watch.FAMILY]
SILENT = [xexun.FAMILY, nmea.FAMILY]


def each(families: list[Family]) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("family", families, ids=[one.name for one in families])


FIXES = st.builds(
    Fix,
    fix_time=st.integers(1_500_000_000, 3_400_000_000).map(float),
    lat=st.floats(-90, 90),
    lon=st.floats(-180, 180),
    speed_kmh=st.floats(0, 400),
    course_deg=st.floats(0, 360),
    altitude_m=st.floats(-500, 9000),
    satellites=st.integers(0, 40),
    ignition=st.booleans(),
    odometer_m=st.floats(0, 4e9),
)


class Line:
    """A simulated device and a decoder, without a network between them."""

    def __init__(self, family: Family, number: int = 1) -> None:
        self.terminal: Terminal = family.terminal(family.ident(number), {})
        self.decoder: Decoder = known(family.name).decoder(new_session())
        self.kinds: list[AnswerKind] = []

    def carry(self, data: bytes) -> list[Message]:
        """To the decoder, and its answers back; no error may come out."""
        self.decoder.receive_data(data)
        messages = [item for item in drain(self.decoder) if isinstance(item, Message)]
        for message in messages:
            self.kinds += [one.kind for one in self.terminal.receive(message.answer)]
        return messages

    def fixes(self, data: bytes) -> list[model.Fix]:
        """The positions that come out."""
        found = [one for one in self.carry(data) if isinstance(one, Positions)]
        return [fix for one in found for fix in one.fixes]


def as_stated(fix: model.Fix) -> Stated:
    """A decoded fix in the whole numbers of the live feed."""
    return Stated(
        round(fix.fix_time * 1000),
        round(fix.lat * 1e6),
        round(fix.lon * 1e6),
        round((fix.speed_kmh or 0.0) * 10),
        round((fix.course_deg or 0.0) * 10) % 3600,
    )


def close(one: Stated, other: Stated) -> bool:
    """Equal but for the last digit, where both round a half."""
    turn = abs(one.course_ddeg - other.course_ddeg)
    return (
        one.fix_ms == other.fix_ms
        and abs(one.lat_e6 - other.lat_e6) <= 1
        and abs(one.lon_e6 - other.lon_e6) <= 1
        and abs(one.speed_dkmh - other.speed_dkmh) <= 1
        and min(turn, 3600 - turn) <= 1
    )


@each(ANSWERED)
def test_login_heartbeat_and_positions(family: Family) -> None:
    line = Line(family)
    messages = line.carry(line.terminal.hello())
    assert [type(one).__name__ for one in messages] == ["Login", "Heartbeat"]
    assert line.kinds == [AnswerKind.ACCEPTED]
    here = Fix(1_740_789_015.0, 22.54, 114.059, 36.5, 90.0, 50.0, 9, True, 12345.0)
    (fix,) = line.fixes(line.terminal.position(here).data)
    assert fix.valid
    assert close(as_stated(fix), family.stated(here))
    line.carry(line.terminal.heartbeat(here))
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
