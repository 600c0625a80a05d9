"""NMEA 0183 with a sentence in front that names the device. The server answers nothing.

    $PVTID,identity*CS
    $GPRMC,hhmmss.ss,A,ddmm.mmmmm,N,dddmm.mmmmm,E,knots,course,ddmmyy,,,A*CS
    $GPGGA,hhmmss.ss,ddmm.mmmmm,N,dddmm.mmmmm,E,1,satellites,HDOP,altitude,M,,M,,*CS

CS is the XOR of all between $ and *. Lines end in CR LF.
"""

from __future__ import annotations

from simulator.identity import imei
from simulator.model import Fix, Stated
from simulator.protocols.base import Answer, AnswerKind, Family, Frame
from simulator.protocols.checks import xor8
from simulator.protocols.terminal import UNLIMITED, PlainTerminal
from simulator.protocols.texts import date, knots, place, stated_in_knots

DECIMALS = 5
ACKNOWLEDGED = "OK1"  # of a server that is set to it


def stated(fix: Fix) -> Stated:
    """Whole seconds, 1e-5 minute, 0.01 knot, 0.01 degree of course."""
    return stated_in_knots(fix, DECIMALS, 2)


def sentence(body: str) -> bytes:
    """A whole line."""
    return f"${body}*{xor8(body.encode('ascii')):02X}\r\n".encode("ascii")


class NmeaTerminal(PlainTerminal):
    """The device's end of one connection."""

    window = UNLIMITED
    answered = False

    def hello(self) -> bytes:
        """Who is there."""
        return sentence(f"PVTID,{self._ident}")

    def position(self, fix: Fix) -> Frame:
        """GGA and RMC of one moment: the pair that a receiver sends."""
        self._serial += 1
        clock = f"{date(fix, '%H%M%S')}.00"
        where = place(fix, DECIMALS)
        gga = f"GPGGA,{clock},{where},1,{fix.satellites:02d},0.9,{fix.altitude_m:.1f},M,,M,,"
        rmc = (
            f"GPRMC,{clock},A,{where},{knots(fix):.2f},{fix.course_deg % 360:.2f},"
            f"{date(fix, '%d%m%y')},,,A"
        )
        return Frame(sentence(gga) + sentence(rmc), self._serial, 1)

    def receive(self, data: bytes) -> list[Answer]:
        """OK1 for each position, where the server is set to that; else lines from its people."""
        lines = data.decode("ascii", "replace").split()
        return [
            Answer(AnswerKind.ACKNOWLEDGED, self._serial)
            if line == ACKNOWLEDGED
            else Answer(AnswerKind.COMMAND, detail=line[:20])
            for line in lines
        ]


FAMILY = Family("nmea", "NMEA 0183", imei, NmeaTerminal, stated, heartbeat_s=60.0, one_way=True)
