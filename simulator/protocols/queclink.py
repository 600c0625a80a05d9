"""Queclink @Track in text over TCP, as a GV300: fields between commas, no checksum.

    +RESP:GTFRI,version,IMEI,name,...,send time,count$       stored: +BUFF

The server answers a heartbeat (+ACK:GTHBD) with +SACK:GTHBD and its count; other frames, with
+SACK:count, only where it is set up for that. The identity is in every frame; since there is no
login, a heartbeat goes first.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from simulator.identity import imei
from simulator.model import Fix, Stated
from simulator.protocols.base import Answer, AnswerKind, Family, Frame, Memory
from simulator.protocols.terminal import LineTerminal, stated_as
from simulator.protocols.vouching import VouchingTerminal

VERSION = "060228"
END = b"$"
HEARTBEAT = "HBD"
BATCH_FIXES = 15  # the greatest number of positions in one report
PERIODIC = "10"  # report id and type
EXTERNAL_MV, BATTERY_PERCENT = 12_600, 100
STATES = {(False, False): "11", (False, True): "12", (True, False): "21", (True, True): "22"}
MOVING_ABOVE_KMH = 1.0
CELL = "0001,0001,0001,00000001"  # network 001-01, the test network: no real cell


def stated(fix: Fix) -> Stated:
    """Whole seconds, 1e-6 degree, 0.1 km/h, whole degrees of course."""
    return stated_as(fix, round(fix.speed_kmh * 10), round(fix.course_deg) % 360 * 10)


def stamp(unix_s: float) -> str:
    """YYYYMMDDHHMMSS in UTC."""
    return f"{datetime.fromtimestamp(unix_s, UTC):%Y%m%d%H%M%S}"


def block(fix: Fix) -> str:
    """Accuracy, speed, course, altitude, longitude, latitude, time, base station, reserved."""
    said = stated(fix)
    return (
        f"1,{said.speed_dkmh / 10:.1f},{said.course_ddeg // 10},{fix.altitude_m:.1f},"
        f"{said.lon_e6 / 1e6:.6f},{said.lat_e6 / 1e6:.6f},{stamp(said.fix_ms // 1000)},{CELL},00"
    )


class QueclinkTerminal(VouchingTerminal, LineTerminal):
    """The device's end of one connection."""

    end = END

    def __init__(self, ident: str, memory: Memory) -> None:
        super().__init__(ident, memory)
        self._accepted = False
        self._clock = 0.0  # the time of the latest fix; the protocol wants a time in each frame

    def hello(self) -> bytes:
        """A heartbeat."""
        return self._frame("ACK", HEARTBEAT, "")

    def heartbeat(self, fix: Fix | None) -> bytes:
        """A heartbeat."""
        if fix is not None:
            self._clock = fix.fix_time
        return self.hello()

    def position(self, fix: Fix) -> Frame:
        """FRI with one position."""
        return self._report("RESP", [fix])

    def backlog(self, fixes: Sequence[Fix]) -> Frame:
        """FRI with as many stored positions as one report holds."""
        return self._report("BUFF", fixes[:BATCH_FIXES])

    def _report(self, source: str, fixes: Sequence[Fix]) -> Frame:
        last = fixes[-1]
        self._clock = last.fix_time
        state = STATES[last.ignition, last.speed_kmh > MOVING_ABOVE_KMH]
        head = f"{EXTERNAL_MV},{PERIODIC},{len(fixes)}"
        tail = f"{last.odometer_m / 1000:.1f},,,,{BATTERY_PERCENT},{state}0100,,,"
        body = ",".join((head, *(block(fix) for fix in fixes), tail))
        return Frame(self._frame(source, "FRI", body + ","), self._serial, len(fixes))

    def _frame(self, source: str, kind: str, body: str) -> bytes:
        """One whole frame with the next count."""
        end = f"{stamp(self._clock)},{self._next_serial():04X}"
        return f"+{source}:GT{kind},{VERSION},{self._ident},,{body}{end}".encode() + END

    def _line(self, said: bytes) -> list[Answer]:
        return self._answer(said.decode("latin-1"))

    def _answer(self, said: str) -> list[Answer]:
        if said.startswith("AT+GT"):
            return [self._obey(said)]
        mark, _, rest = said.partition(":")
        fields = rest.split(",")
        try:
            serial = int(fields[-1], 16)
        except ValueError:
            serial = -1
        if mark != "+SACK" or serial < 0:
            return [Answer(AnswerKind.DAMAGED, detail=said[:40])]
        if fields[0] == f"GT{HEARTBEAT}":
            kind = AnswerKind.BEAT if self._accepted else AnswerKind.ACCEPTED
            self._accepted = True
            return [Answer(kind), *self._vouched_for(serial)]
        return [self._acknowledged(serial)]

    def _obey(self, said: str) -> Answer:
        """AT+GTxxx=password,...,serial: +ACK repeats the serial. RTO,1 wants the position."""
        command, _, words = said[5:].partition("=")
        fields = words.split(",")
        reply = self._frame("ACK", command[:3], f"{fields[-1]},")
        locate = command == "RTO" and fields[1:2] == ["1"]
        kind = AnswerKind.LOCATE if locate else AnswerKind.COMMAND
        return Answer(kind, reply=reply, detail=said[:40])


FAMILY = Family("queclink", "Queclink @Track", imei, QueclinkTerminal, stated)
