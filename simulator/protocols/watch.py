"""GPS watches: [maker*identity*length*content], length in four hex digits.

    LK,steps,turnovers,battery       LK
    UD,ddmmyy,hhmmss,A,lat,N,lon,E,km/h,course,altitude,satellites,GSM,battery,steps,turnovers,status
    UD2,…                            the same, of the time without a connection

LK is login and heartbeat in one, and a watch says nothing before it is answered. Positions are
not; the server reads one connection in order, so the answer to LK vouches for them. Any other
content of the server is a command, confirmed by its name.
"""

from __future__ import annotations

from collections.abc import Sequence

from simulator.identity import imei
from simulator.model import Fix, Stated
from simulator.protocols.base import Answer, AnswerKind, Family, Frame, Memory
from simulator.protocols.terminal import UNLIMITED, stated_as
from simulator.protocols.texts import TextTerminal, date, east, north
from simulator.protocols.vouching import Vouched

MAKER = "3G"
BATTERY = 95
SIGNAL = 80
STEP_M = 0.75  # so an odometer becomes steps
STEPS_MOST = 99_999
LOCATE = "CR"


def identity(number: int) -> str:
    """Ten digits: 5 to 14 of the IMEI."""
    return imei(number)[4:14]


def stated(fix: Fix) -> Stated:
    """Whole seconds, 1e-6 degree, 0.01 km/h, 0.1 degree of course."""
    speed_dkmh = round(round(fix.speed_kmh, 2) * 10)
    return stated_as(fix, speed_dkmh, round(round(fix.course_deg, 1) % 360 * 10) % 3600)


def steps(fix: Fix | None) -> int:
    """Steps so far, of a bearer who walked all the way."""
    return 0 if fix is None else int(fix.odometer_m / STEP_M) % STEPS_MOST


def place(fix: Fix) -> str:
    """The fields of a position."""
    where = f"{abs(fix.lat):.6f},{north(fix)},{abs(fix.lon):.6f},{east(fix)}"
    motion = f"{fix.speed_kmh:.2f},{round(fix.course_deg, 1) % 360:.1f},{fix.altitude_m:.1f}"
    return (
        f"{date(fix, '%d%m%y,%H%M%S')},A,{where},{motion},{fix.satellites},"
        f"{SIGNAL},{BATTERY},{steps(fix)},0,00000000,0,0"
    )


class WatchTerminal(TextTerminal):
    """The watch's end of one connection."""

    marks = ("[", "]")
    window = UNLIMITED
    answered = False

    def __init__(self, ident: str, memory: Memory) -> None:
        super().__init__(ident, memory)
        self._vouched = Vouched()
        self._accepted = False

    def _text(self, content: str) -> bytes:
        return f"[{MAKER}*{self._ident}*{len(content):04X}*{content}]".encode("ascii", "replace")

    def hello(self) -> bytes:
        """LK."""
        return self.heartbeat(None)

    def heartbeat(self, fix: Fix | None) -> bytes:
        """LK with steps and battery."""
        self._vouched.beat()
        return self._text(f"LK,{steps(fix)},0,{BATTERY}")

    def position(self, fix: Fix) -> Frame:
        """UD."""
        return Frame(self._text(f"UD,{place(fix)}"), self._vouched.position(), 1)

    def backlog(self, fixes: Sequence[Fix]) -> Frame:
        """UD2 of the first fix."""
        return Frame(self._text(f"UD2,{place(fixes[0])}"), self._vouched.position(), 1)

    def _answer(self, text: str) -> list[Answer]:
        parts = text.split("*")
        if len(parts) < 4 or parts[1] != self._ident:
            return [Answer(AnswerKind.DAMAGED, detail="identity")]
        name = parts[3].split(",")[0]
        if name == "LK":
            kind = AnswerKind.BEAT if self._accepted else AnswerKind.ACCEPTED
            self._accepted = True
            return [Answer(kind), *self._vouched.answered()]
        kind = AnswerKind.LOCATE if name == LOCATE else AnswerKind.COMMAND
        return [Answer(kind, reply=self._text(name), detail=name)]


FAMILY = Family("watch", "GPS watches", identity, WatchTerminal, stated, heartbeat_s=60.0)
