"""Suntech text, as an ST300: positions and a keep-alive. The server answers nothing.

    ST300STT;id;model;software;date;time;cell;latitude;longitude;speed km/h;course;satellites;fixed;
        distance m;supply V;inputs;mode;number;run time min;battery V;1 live or 0 stored\\r

The identity is the last nine digits of the IMEI. Commands are ST300CMD;id;02;word, answered by
ST300CMD;Res;id;software;word; StatusReq by a report.
"""

from __future__ import annotations

from collections.abc import Sequence

from simulator.identity import imei
from simulator.model import Fix, Stated
from simulator.protocols.base import Answer, AnswerKind, Family, Frame
from simulator.protocols.terminal import UNLIMITED, LineTerminal, stated_as
from simulator.protocols.texts import ANSWER_MOST, date

MODEL, KIND_ID, SOFTWARE = "ST300", "04", "101"
DIGITS = 9
END = "\r"
STANDING, DRIVING = 1, 2  # modes
MOVING_ABOVE_KMH = 1.0
NUMBERS = 10_000


def ident(number: int) -> str:
    """The last digits of the IMEI of vehicle `number`."""
    return imei(number)[-DIGITS:]


def stated(fix: Fix) -> Stated:
    """Whole seconds, 1e-6 degree, 1e-3 km/h, 0.01 degree of course."""
    speed_dkmh = round(round(fix.speed_kmh, 3) * 10)
    return stated_as(fix, speed_dkmh, round(round(fix.course_deg % 360, 2) % 360 * 10) % 3600)


class SuntechTerminal(LineTerminal):
    """The device's end of one connection."""

    end, line_most = END.encode(), ANSWER_MOST
    window = UNLIMITED
    answered = False

    def hello(self) -> bytes:
        """A keep-alive: there is no login."""
        return f"{MODEL}ALV;{self._ident}{END}".encode("ascii")

    def position(self, fix: Fix) -> Frame:
        """A live report."""
        self._last = fix
        return self._report(fix, live=True)

    def backlog(self, fixes: Sequence[Fix]) -> Frame:
        """A stored report."""
        return self._report(fixes[0], live=False)

    def _report(self, fix: Fix, *, live: bool) -> Frame:
        self._serial += 1
        course = round(fix.course_deg % 360, 2) % 360
        mode = DRIVING if fix.speed_kmh > MOVING_ABOVE_KMH else STANDING
        fields = (
            f"{MODEL}STT", self._ident, KIND_ID, SOFTWARE,
            date(fix, "%Y%m%d"), date(fix, "%H:%M:%S"), "00000",
            f"{fix.lat:+010.6f}", f"{fix.lon:+011.6f}", f"{fix.speed_kmh:07.3f}", f"{course:06.2f}",
            fix.satellites, 1, round(fix.odometer_m), "12.60", f"{fix.ignition:d}00000",
            mode, f"{self._serial % NUMBERS:04d}", "000000", "4.1", f"{live:d}",
        )  # fmt: skip
        text = ";".join(str(field) for field in fields) + END
        return Frame(text.encode("ascii"), self._serial, 1)

    def _line(self, said: bytes) -> list[Answer]:
        return [self._obey(said.decode("latin-1"))]

    def _obey(self, line: str) -> Answer:
        head, _, rest = line.partition(";")
        fields = rest.split(";")
        if head[:5] != MODEL or fields[0] != self._ident or fields[1:2] != ["02"]:
            return Answer(AnswerKind.DAMAGED, detail=line[:40])
        words = ";".join(fields[2:])
        if words == "StatusReq" and self._last is not None:
            reply = self._report(self._last, live=True).data
            return Answer(AnswerKind.COMMAND, reply=reply, detail=words)
        reply = f"{head};Res;{self._ident};{SOFTWARE};{words}{END}".encode("ascii", "replace")
        return Answer(AnswerKind.COMMAND, reply=reply, detail=words)


FAMILY = Family(
    "suntech", "Suntech text", ident, SuntechTerminal, stated, heartbeat_s=60.0, one_way=True
)
