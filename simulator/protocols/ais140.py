"""AIS-140: text from $ to *, fields between commas, identity in every frame.

    $,LGN,plate,IMEI,firmware,protocol,lat,N,lon,E*              answered by $LGN<date and time>*
    $,HBT,vendor,firmware,IMEI,battery %*                        answered by $HBT*
    $,NRM,vendor,firmware,NR,01,L,IMEI,plate,1,ddmmyyyy,hhmmss,lat,N,lon,E,speed,course,satellites,
        altitude,PDOP,HDOP,operator,ignition,mains,V,V,emergency,tamper,GSM,MCC,MNC,LAC,cell,
        neighbours,inputs,outputs,number,checksum*

Nobody answers a report. The server reads one connection in order, so $HBT* vouches for the reports
before its heartbeat. L becomes H in a stored report.
"""

from __future__ import annotations

from collections.abc import Sequence

from simulator.identity import imei
from simulator.model import Fix, Stated
from simulator.protocols.base import Answer, AnswerKind, Family, Frame, Memory
from simulator.protocols.terminal import UNLIMITED, stated_as
from simulator.protocols.texts import TextTerminal, date, east, north
from simulator.protocols.vouching import Vouched

MAKER = "SIM,1.0.0"
PLATE = "XX00XX0000"  # no state has these letters
STATION = "22,001,01,0001,0001" + ",0,0,0" * 4  # the test network 001-01, no real cell
NO_CHECK = "000000"


def stated(fix: Fix) -> Stated:
    """Whole seconds, 1e-6 degree, 0.1 km/h, 0.1 degree."""
    return stated_as(fix, round(fix.speed_kmh * 10), round(fix.course_deg * 10) % 3600)


def place(fix: Fix) -> str:
    """Latitude, N or S, longitude, E or W."""
    return f"{abs(fix.lat):.6f},{north(fix)},{abs(fix.lon):.6f},{east(fix)}"


class Ais140Terminal(TextTerminal):
    """The device's end of one connection."""

    marks = ("$", "*")
    window = UNLIMITED
    answered = False

    def __init__(self, ident: str, memory: Memory) -> None:
        super().__init__(ident, memory)
        self._number = 0
        self._vouched = Vouched()

    def hello(self) -> bytes:
        """The login, of a device that has no place yet."""
        text = f"$,LGN,{PLATE},{self._ident},1.0.0,AIS140,0.000000,N,0.000000,E*"
        return text.encode("ascii")

    def heartbeat(self, fix: Fix | None) -> bytes:
        """HBT."""
        del fix
        self._vouched.beat()
        return f"$,HBT,{MAKER},{self._ident},95*".encode("ascii")

    def position(self, fix: Fix) -> Frame:
        """NRM, live."""
        return Frame(self._report("L", fix), self._vouched.position(), 1)

    def backlog(self, fixes: Sequence[Fix]) -> Frame:
        """NRM of history."""
        return Frame(self._report("H", fixes[0]), self._vouched.position(), 1)

    def _report(self, history: str, fix: Fix) -> bytes:
        self._number = self._number % 999_999 + 1
        said = stated(fix)
        text = (
            f"$,NRM,{MAKER},NR,01,{history},{self._ident},{PLATE},1,{date(fix, '%d%m%Y,%H%M%S')},"
            f"{place(fix)},{said.speed_dkmh / 10:.1f},{said.course_ddeg / 10:.1f},{fix.satellites},"
            f"{fix.altitude_m:.1f},1.2,0.8,SIM,{fix.ignition:d},1,12.6,4.1,0,C,{STATION},0000,00,"
            f"{self._number:06d},{NO_CHECK}*"
        )
        return text.encode("ascii")

    def _answer(self, text: str) -> list[Answer]:
        if text.startswith("LGN"):
            return [Answer(AnswerKind.ACCEPTED)]
        if text == "HBT":
            return [Answer(AnswerKind.BEAT), *self._vouched.answered()]
        return [Answer(AnswerKind.COMMAND, detail=text[:20])]


FAMILY = Family("ais140", "AIS-140", imei, Ais140Terminal, stated, heartbeat_s=60.0)
