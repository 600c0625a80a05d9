"""H02, the text of SinoTrack and its relatives, without records.

    *HQ,identity,V1,hhmmss,A,DDmm.mmmmm,N,DDDmm.mmmmm,E,knots,course,ddmmyy,status,MCC,MNC,LAC,cell,battery#

A server that confirms positions does so by V4,V1 with its time, which carries no number, so one
position is under way at a time. A heartbeat (HTBT with the battery) comes back as it is. Commands
of the server have a code, its time and parameters, and are confirmed by V4 with code and time.
"""

from __future__ import annotations

from simulator.identity import imei
from simulator.model import Fix, Stated
from simulator.protocols.base import Answer, AnswerKind, Family, Frame, Memory
from simulator.protocols.texts import TextTerminal, date, knots, place, stated_in_knots

DECIMALS = 5
IGNITION_OFF = 1 << 10  # low is active: with this bit at 0 the ignition is off
QUIET = 0xFFFFFFFF
STATION = "001,01,0,0"  # the test network 001-01, no real cell
BATTERY_FULL = 6
LOCATE = "D1"


def identity(number: int) -> str:
    """Ten digits: those of the IMEI behind its first four."""
    return imei(number)[4:14]


def stated(fix: Fix) -> Stated:
    """Whole seconds, 1e-5 minute, 0.01 knot, whole degrees of course."""
    return stated_in_knots(fix, DECIMALS, 0)


def fields_of(fix: Fix) -> str:
    """The fields of a position, from its time of day to the status."""
    status = QUIET if fix.ignition else QUIET & ~IGNITION_OFF
    return (
        f"{date(fix, '%H%M%S')},A,{place(fix, DECIMALS)},{knots(fix):06.2f},"
        f"{round(fix.course_deg) % 360:03d},{date(fix, '%d%m%y')},{status:08X}"
    )


class H02Terminal(TextTerminal):
    """The device's end of one connection."""

    marks = ("*", "#")

    def __init__(self, ident: str, memory: Memory) -> None:
        super().__init__(ident, memory)
        self._accepted = False

    def _text(self, *fields: str) -> bytes:
        return f"*HQ,{self._ident},{','.join(fields)}#".encode("ascii")

    def hello(self) -> bytes:
        """There is no login: a heartbeat shows who is there."""
        return self.heartbeat(None)

    def heartbeat(self, fix: Fix | None) -> bytes:
        """HTBT with the battery in percent."""
        del fix
        return self._text("HTBT", "100")

    def position(self, fix: Fix) -> Frame:
        """V1."""
        self._serial += 1
        return Frame(self._text("V1", fields_of(fix), STATION, str(BATTERY_FULL)), self._serial, 1)

    def _answer(self, text: str) -> list[Answer]:
        return [self._meant(text.split(","))]

    def _meant(self, fields: list[str]) -> Answer:
        kind = fields[2] if len(fields) > 2 else ""
        if fields[1:2] != [self._ident]:
            return Answer(AnswerKind.DAMAGED, detail="identity")
        if kind == "HTBT" and not self._accepted:
            self._accepted = True
            return Answer(AnswerKind.ACCEPTED)
        if kind == "HTBT":
            return Answer(AnswerKind.BEAT)
        if kind == "V4" and fields[3:4] == ["V1"]:
            return Answer(AnswerKind.ACKNOWLEDGED, self._serial)
        if len(fields) > 3:
            reply = self._text("V4", kind, "DONE", fields[3])
            sort = AnswerKind.LOCATE if kind == LOCATE else AnswerKind.COMMAND
            return Answer(sort, reply=reply, detail=kind)
        return Answer(AnswerKind.DAMAGED, detail=kind)


FAMILY = Family("h02", "H02 (SinoTrack)", identity, H02Terminal, stated, heartbeat_s=60.0)
