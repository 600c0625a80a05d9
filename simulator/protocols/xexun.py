"""Xexun text: positions and nothing else. The server answers nothing at all.

    serial,telephone,GPRMC,…,A*CS,F,alarm, imei:<15 digits>,satellites,altitude,F:4.05V,charging,
        length,CRC,MCC,MNC,LAC,cell

CS is the XOR from GPRMC up to the A; the length is that of all before it, the CRC (CRC-16 of
XMODEM) that of all before it, commas included.
"""

from __future__ import annotations

from fastcrc import crc16

from simulator.identity import imei
from simulator.model import Fix, Stated
from simulator.protocols.base import Answer, AnswerKind, Family, Frame
from simulator.protocols.checks import xor8
from simulator.protocols.terminal import UNLIMITED, PlainTerminal
from simulator.protocols.texts import date, knots, place, stated_in_knots

DECIMALS = 5
STATION = "001,01,0000,0000"  # the test network 001-01, no real cell


def stated(fix: Fix) -> Stated:
    """Whole seconds, 1e-5 minute, 0.01 knot, 0.01 degree of course."""
    return stated_in_knots(fix, DECIMALS, 2)


def rmc(fix: Fix) -> str:
    """GPRMC with its checksum, without a $."""
    body = (
        f"GPRMC,{date(fix, '%H%M%S')}.000,A,{place(fix, DECIMALS)},"
        f"{knots(fix):.2f},{fix.course_deg % 360:.2f},"
        f"{date(fix, '%d%m%y')},,,A"
    )
    return f"{body}*{xor8(body.encode('ascii')):02X}"


class XexunTerminal(PlainTerminal):
    """The device's end of one connection."""

    window = UNLIMITED
    answered = False

    def hello(self) -> bytes:
        """There is no login."""
        return b""

    def heartbeat(self, fix: Fix | None) -> bytes:
        """There is none but the latest position."""
        return b"" if fix is None else self.position(fix).data

    def position(self, fix: Fix) -> Frame:
        """A full frame."""
        self._serial += 1
        event = "acc on" if fix.ignition else "acc off"
        text = f"{date(fix, '%y%m%d%H%M%S')},,{rmc(fix)},F,{event}, imei:{self._ident},"
        text += f"{fix.satellites:02d},{fix.altitude_m:.1f},F:4.05V,1,"
        text += f"{len(text)},"
        text += f"{crc16.xmodem(text.encode('ascii'))},{STATION}\r\n"
        return Frame(text.encode("ascii"), self._serial, 1)

    def receive(self, data: bytes) -> list[Answer]:
        """Texts as in an SMS; the device obeys and says nothing."""
        words = data.decode("ascii", "replace")
        return [Answer(AnswerKind.COMMAND, detail=words[:20])] if words.strip() else []


FAMILY = Family("xexun", "Xexun text", imei, XexunTerminal, stated, heartbeat_s=60.0, one_way=True)
