"""Simulated devices and decoders joined in memory: what their tests share."""

from __future__ import annotations

from hypothesis import strategies as st

from simulator.model import Fix, Stated
from simulator.protocols.base import AnswerKind, Family, Terminal
from tests.unit.protocols.transcripts import drain, new_session
from tracker import model
from tracker.model import Command, CommandKind
from tracker.protocols.base import Decoder, Message, Positions, Reply
from tracker.protocols.registry import family as known

HERE = Fix(1_740_789_015.0, 22.54, 114.059, 36.5, 90.0, 50.0, 9, True, 12345.0)
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


def logged_in(family: Family) -> Line:
    """A simulated device that has said who it is."""
    line = Line(family)
    line.carry(line.terminal.hello())
    return line


def arrived(family: Family, fix: Fix) -> model.Fix:
    """What comes out of a fix, which is what the device has stated."""
    line = logged_in(family)
    (found,) = line.fixes(line.terminal.position(fix).data)
    assert close(as_stated(found), family.stated(fix))
    return found


def check_answers(line: Line) -> None:
    """A position and a heartbeat of a device that has logged in are answered as what they are."""
    line.carry(line.terminal.position(HERE).data)
    line.carry(line.terminal.heartbeat(HERE))
    assert line.kinds == [AnswerKind.ACCEPTED, AnswerKind.ACKNOWLEDGED, AnswerKind.BEAT]


def ordered(line: Line, kind: CommandKind, text: str = "") -> Reply:
    """The answer to a command, which finds the command again."""
    command = Command(kind, 4711, {"seconds": 60, "text": text})
    answers = line.terminal.receive(line.decoder.encode(command))
    assert [one.kind for one in answers] in ([AnswerKind.COMMAND], [AnswerKind.LOCATE])
    (reply,) = line.carry(answers[0].reply)
    assert isinstance(reply, Reply)
    assert reply.reference == 4711
    return reply
