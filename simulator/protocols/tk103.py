"""TK103 in parentheses: identity of 12 digits, code, data, and nothing between them.

    (identity BP00 000+identity HSO)      (identity AP01HSO)
    (identity BR00 YYMMDD A DDmm.mmmm N DDDmm.mmmm E 000.0 hhmmss 000.00 status L mileage)

The handshake is login and heartbeat in one. Positions are not answered; the server reads one
connection in order, so the answer to a handshake vouches for them. A command begins with A; its
answer has B in place of it.
"""

from __future__ import annotations

from simulator.identity import phone
from simulator.model import Fix, Stated
from simulator.protocols.base import Answer, AnswerKind, Family, Frame, Memory
from simulator.protocols.terminal import UNLIMITED
from simulator.protocols.texts import (
    TextTerminal,
    angle,
    date,
    east,
    north,
    stated_angle,
)
from simulator.protocols.vouching import Vouched

DECIMALS = 4  # the widths are fixed
MOST_KMH = 999.9
IDENT = 12
HANDSHAKE_ANSWER, LOCATE, LOCATE_ANSWER = "AP01", "AP00", "BP04"
INTERVAL = "AR00"  # answered by the positions alone


def stated(fix: Fix) -> Stated:
    """Whole seconds, 1e-4 minute, 0.1 km/h, 0.01 degree of course."""
    return Stated(
        int(fix.fix_time) * 1000,
        stated_angle(fix.lat, DECIMALS),
        stated_angle(fix.lon, DECIMALS),
        round(min(MOST_KMH, round(fix.speed_kmh, 1)) * 10),
        round(round(fix.course_deg, 2) % 360 * 10) % 3600,
    )


def place(fix: Fix) -> str:
    """A position with status (power is there, ignition) and mileage in m."""
    return (
        f"{date(fix, '%y%m%d')}A{angle(fix.lat, 2, DECIMALS)}{north(fix)}"
        f"{angle(fix.lon, 3, DECIMALS)}{east(fix)}{min(MOST_KMH, fix.speed_kmh):05.1f}"
        f"{date(fix, '%H%M%S')}{round(fix.course_deg, 2) % 360:06.2f}"
        f"0{fix.ignition:d}000000L{round(fix.odometer_m) & 0xFFFFFFFF:08X}"
    )


class Tk103Terminal(TextTerminal):
    """The device's end of one connection."""

    marks = ("(", ")")
    window = UNLIMITED
    answered = False

    def __init__(self, ident: str, memory: Memory) -> None:
        super().__init__(ident, memory)
        self._vouched = Vouched()
        self._accepted = False

    def _text(self, words: str) -> bytes:
        return f"({self._ident}{words})".encode("ascii")

    def hello(self) -> bytes:
        """The handshake."""
        return self.heartbeat(None)

    def heartbeat(self, fix: Fix | None) -> bytes:
        """The handshake."""
        del fix
        self._vouched.beat()
        return self._text(f"BP00000{self._ident}HSO")

    def position(self, fix: Fix) -> Frame:
        """BR00."""
        self._last = fix
        return Frame(self._text(f"BR00{place(fix)}"), self._vouched.position(), 1)

    def _answer(self, text: str) -> list[Answer]:
        ident, code, rest = text[:IDENT], text[IDENT : IDENT + 4], text[IDENT + 4 :]
        if ident != self._ident or len(code) < 4:
            return [Answer(AnswerKind.DAMAGED, detail="identity")]
        if code == HANDSHAKE_ANSWER:
            kind = AnswerKind.BEAT if self._accepted else AnswerKind.ACCEPTED
            self._accepted = True
            return [Answer(kind), *self._vouched.answered()]
        if code == LOCATE and self._last is not None:
            reply = self._text(LOCATE_ANSWER + place(self._last))
            return [Answer(AnswerKind.COMMAND, reply=reply, detail=code)]
        reply = b"" if code == INTERVAL else self._text(f"B{code[1:]}{rest}")
        return [Answer(AnswerKind.COMMAND, reply=reply, detail=code)]


FAMILY = Family("tk103", "TK103 (KX402)", phone, Tk103Terminal, stated, heartbeat_s=60.0)
