"""GPS103 of Coban: a login, heartbeats, and reports that nobody answers.

    ##,imei:<15 digits>,A;        LOAD
    <15 digits>;                  ON
    imei:<15 digits>,keyword,yymmddhhmmss local,,F,hhmmss.sss UTC,A,ddmm.mmmmm,N,dddmm.mmmmm,E,
        knots,course,altitude,ignition,,,,;

The server reads one connection in order, so ON vouches for the reports before its heartbeat. A
command is `**,imei:<15 digits>,X`, confirmed by a report whose keyword is the letter and a t.
"""

from __future__ import annotations

import re

from simulator.identity import imei
from simulator.model import Fix, Stated
from simulator.protocols.base import Answer, AnswerKind, Family, Frame, Memory
from simulator.protocols.terminal import UNLIMITED, PlainTerminal
from simulator.protocols.texts import (
    ANSWER_MOST,
    date,
    knots,
    place,
    stated_in_knots,
)
from simulator.protocols.vouching import Vouched

DECIMALS = 5
LOCATE = "B"
# What a server says, one after the other without end marks; a command ends where the next begins.
SAID = re.compile(r"LOAD|ON|\*\*,imei:(\d{15}),([A-Z])(?:,[^;*LO]*)?;?")


def stated(fix: Fix) -> Stated:
    """Whole seconds, 1e-5 minute, 0.01 knot, 0.01 degree of course."""
    return stated_in_knots(fix, DECIMALS, 2)


class Gps103Terminal(PlainTerminal):
    """The device's end of one connection. Its clock runs in UTC."""

    window = UNLIMITED
    answered = False

    def __init__(self, ident: str, memory: Memory) -> None:
        super().__init__(ident, memory)
        self._vouched = Vouched()
        self._buffer = ""

    def hello(self) -> bytes:
        """The login."""
        return f"##,imei:{self._ident},A;".encode("ascii")

    def heartbeat(self, fix: Fix | None) -> bytes:
        """The identity alone."""
        del fix
        self._vouched.beat()
        return f"{self._ident};".encode("ascii")

    def position(self, fix: Fix) -> Frame:
        """A report with the keyword tracker."""
        self._last = fix
        return Frame(self._report("tracker", fix), self._vouched.position(), 1)

    def _report(self, keyword: str, fix: Fix) -> bytes:
        local, utc = date(fix, "%y%m%d%H%M%S"), date(fix, "%H%M%S")
        motion = f"{knots(fix):.2f},{fix.course_deg % 360:.2f},{fix.altitude_m:.1f}"
        text = (
            f"imei:{self._ident},{keyword},{local},,F,{utc}.000,A,{place(fix, DECIMALS)},"
            f"{motion},{fix.ignition:d},,,,;"
        )
        return text.encode("ascii")

    def receive(self, data: bytes) -> list[Answer]:
        """Words without end marks, in any cut."""
        buffer = self._buffer + data.decode("ascii", "replace")
        answers: list[Answer] = []
        while found := SAID.search(buffer):
            answers += self._answer(found)
            buffer = buffer[found.end() :]
        self._buffer = buffer[-ANSWER_MOST:]
        return answers

    def _answer(self, found: re.Match[str]) -> list[Answer]:
        if found[0] == "LOAD":
            return [Answer(AnswerKind.ACCEPTED)]
        if found[0] == "ON":
            return [Answer(AnswerKind.BEAT), *self._vouched.answered()]
        letter = found[2]
        if letter == LOCATE:
            return [Answer(AnswerKind.LOCATE, detail=letter)]
        reply = b"" if self._last is None else self._report(f"{letter.lower()}t", self._last)
        return [Answer(AnswerKind.COMMAND, reply=reply, detail=letter)]


FAMILY = Family("gps103", "GPS103 (Coban)", imei, Gps103Terminal, stated, heartbeat_s=60.0)
