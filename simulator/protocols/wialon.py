"""Wialon IPS 2.0 over TCP: lines of text, a CRC in each, identity in the login only.

    #TYPE#message;CRC\\r\\n

The CRC is CRC-16/ARC of the message with its last separator, in hex. Answers carry a result and no
number, so one message of positions is under way at a time. Positions go as D (extended data),
stored ones as B (black box).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from fastcrc import crc16

from simulator.identity import imei
from simulator.model import Fix, Stated
from simulator.protocols.base import Answer, AnswerKind, Family, Frame, Memory
from simulator.protocols.terminal import LineTerminal, stated_as

END = b"\r\n"
SEPARATOR, BAR = ";", "|"
NOT_AVAILABLE = "NA"
OK = "1"


def crc(message: bytes) -> str:
    """The CRC of a message in four hex digits."""
    return f"{crc16.arc(message):04X}"


def line(kind: str, message: str) -> bytes:
    """One line with its CRC; the message ends in its last separator."""
    data = message.encode()
    return f"#{kind}#".encode() + data + crc(data).encode() + END


def stated(fix: Fix) -> Stated:
    """Whole seconds, 1e-6 degree, 0.1 km/h, 0.1 degree."""
    return stated_as(fix, round(fix.speed_kmh * 10), round(fix.course_deg * 10) % 3600)


def angle(value_e6: int, digits: int, halves: str) -> str:
    """Degrees in `digits` digits, minutes with six decimals, and the letter of the half."""
    degrees, rest = divmod(abs(value_e6), 1_000_000)
    minutes_e6 = rest * 60
    whole, fraction = divmod(minutes_e6, 1_000_000)
    half = halves[0] if value_e6 >= 0 else halves[1]
    return f"{degrees:0{digits}d}{whole:02d}.{fraction:06d};{half}"


def body(fix: Fix) -> str:
    """The body of D: sixteen fields."""
    said = stated(fix)
    moment = f"{datetime.fromtimestamp(said.fix_ms // 1000, UTC):%d%m%y;%H%M%S}"
    fields = (
        moment,
        angle(said.lat_e6, 2, "NS"),
        angle(said.lon_e6, 3, "EW"),
        f"{said.speed_dkmh / 10:g}",
        f"{said.course_ddeg / 10:g}",
        f"{round(fix.altitude_m)}",
        f"{fix.satellites}",
        *("0.9", "0", "0", "", NOT_AVAILABLE),  # HDOP, inputs, outputs, analog inputs, driver
        f"ign:1:{int(fix.ignition)},odometer_m:1:{round(fix.odometer_m)},pwr_ext:2:12.6",
    )
    return SEPARATOR.join(fields)


class WialonTerminal(LineTerminal):
    """The device's end of one connection."""

    end = END

    def __init__(self, ident: str, memory: Memory) -> None:
        super().__init__(ident, memory)
        self._fixes = 0  # of the message under way

    def hello(self) -> bytes:
        """L: version, identity, no password."""
        return line("L", f"2.0;{self._ident};{NOT_AVAILABLE};")

    def position(self, fix: Fix) -> Frame:
        """D."""
        return self._numbered("D", body(fix) + SEPARATOR, 1)

    def backlog(self, fixes: Sequence[Fix]) -> Frame:
        """B, which takes more than there ever are."""
        return self._numbered("B", "".join(body(fix) + BAR for fix in fixes), len(fixes))

    def _numbered(self, kind: str, message: str, fixes: int) -> Frame:
        self._serial += 1
        self._fixes = fixes
        return Frame(line(kind, message), self._serial, fixes)

    def heartbeat(self, fix: Fix | None) -> bytes:
        """P."""
        del fix
        return b"#P#" + END

    def _line(self, said: bytes) -> list[Answer]:
        return [self._answer(said)] if said else []

    def _answer(self, said: bytes) -> Answer:
        """What is no answer is a command in the device's own words."""
        text = said.decode("utf-8", "replace")
        mark, _, rest = text.partition("#")[2].partition("#")
        result = f"result {rest}"
        if not text.startswith("#"):
            return Answer(
                AnswerKind.COMMAND, reply=line("M", f"{text[:80]}: OK;"), detail=text[:80]
            )
        if mark == "AL":
            kind = AnswerKind.ACCEPTED if rest == OK else AnswerKind.REFUSED
            return Answer(kind, detail=result)
        if mark in {"AD", "AB"}:
            wanted = OK if mark == "AD" else str(self._fixes)
            kind = AnswerKind.ACKNOWLEDGED if rest == wanted else AnswerKind.REJECTED
            return Answer(kind, self._serial, detail=result)
        if mark == "AP":
            return Answer(AnswerKind.BEAT)
        if mark == "AM":  # of our words in answer to a command
            return Answer(AnswerKind.ACKNOWLEDGED if rest == OK else AnswerKind.REJECTED)
        if mark == "M":
            return self._told(said[3:])
        return Answer(AnswerKind.DAMAGED, detail=text[:80])

    def _told(self, message: bytes) -> Answer:
        """A text for the driver, with its CRC."""
        end = message.rfind(b";") + 1
        right = crc(message[:end]) == message[end:].decode("latin-1").upper()
        reply = b"#AM#1" + END if right else b"#AM#01" + END
        kind = AnswerKind.COMMAND if right else AnswerKind.DAMAGED
        return Answer(kind, reply=reply, detail=message[: end - 1].decode("utf-8", "replace"))


FAMILY = Family("wialon", "Wialon IPS 2.0", imei, WialonTerminal, stated)
