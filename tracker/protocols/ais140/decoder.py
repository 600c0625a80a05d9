"""The decoder of one connection that speaks AIS-140, and what its frames mean."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, ClassVar

from tracker.errors import CommandError
from tracker.model import Command, CommandKind
from tracker.protocols.ais140 import report
from tracker.protocols.ais140.wire import FRAMING, probe
from tracker.protocols.base import Family, Heartbeat, Login, Message
from tracker.protocols.commands import text_bytes
from tracker.protocols.reports import Report
from tracker.protocols.stream import Outcome, after_login
from tracker.protocols.textframes import TextDecoder

IMEI = re.compile(r"\d{15}", re.ASCII)
LETTERS = re.compile(r"[A-Z]{2}", re.ASCII)
STORED = frozenset({"H", "SP"})  # history; an emergency that was kept
TEXT_MOST = 512
EMERGENCY, EMERGENCY_OVER = "EMR", "SEM"
LOGIN, BEAT, NUMBERED = "LGN", "HBT", "01"


def custom(_link: Any, command: Command) -> bytes:
    """The maker's own words: the standard has commands by SMS, and none over a connection."""
    words = text_bytes(command, "ascii", TEXT_MOST)
    if not words.decode().isprintable():
        raise CommandError("one printable line", value=words.decode())
    return words + b"\r\n"


class Ais140Decoder(TextDecoder):
    """Decoder of one connection. Options: docs/protocols/ais140.md."""

    name = "ais140"
    framing = FRAMING
    COMMANDS: ClassVar[Mapping[CommandKind, Callable[[Any, Command], bytes]]] = {
        CommandKind.CUSTOM: custom
    }

    def decode(self, frame: bytes) -> Outcome:
        """Messages of one frame; each names its device."""
        fields = frame[1:-1].decode("ascii").split(",")
        fields = fields[1:] if not fields[0] else fields
        at = next(at for at, text in enumerate(fields) if len(text) == 15 and IMEI.fullmatch(text))
        head, ident, front, rest = fields[0], fields[at], fields[1:at], fields[at + 1 :]
        if head == LOGIN:
            self.session.ident = ident
            login = Login(self.welcome(), ident=ident, attributes=introduced(front, rest))
            return [login, *self.located(front, rest)]
        return after_login(self.session, ident, lambda: self.told(head, front, rest))

    def welcome(self) -> bytes:
        """$LGN, UTC as ddmmyyyyhhmmss, *."""
        now = datetime.fromtimestamp(self.session.now, UTC)
        return now.strftime("$LGN%d%m%Y%H%M%S*").encode()

    def told(self, head: str, front: Sequence[str], rest: Sequence[str]) -> Outcome:
        """Any frame but a login: with a place, or a heartbeat."""
        answer = {BEAT: b"$HBT*", NUMBERED: b"$,1,*"}.get(head, b"")
        found = self.located(front, rest, answer)
        if found:
            return found
        attributes: dict[str, Any] = {}
        battery = rest[0] if rest and rest[0].isdecimal() else ""
        if battery and int(battery) <= 100:
            attributes["battery_percent"] = int(battery)
        return Heartbeat(answer, attributes=attributes)

    def located(
        self, front: Sequence[str], rest: Sequence[str], answer: bytes = b""
    ) -> list[Message]:
        """The report in a frame; none where there is no date with a place behind it."""
        at = report.find_date(rest)
        if at is None:
            return []
        time, used = report.moment(rest[at:])
        said = Report(time=time - (self.session.utc_offset_s or 0), alarms=())
        self.opened(front, rest[:at], said)
        start = at + used
        said.valid = rest[at - 1] != "0" if at else True
        if rest[start] in ("0", "1", "A", "V"):
            said.valid, start = rest[start] in ("1", "A"), start + 1
        report.place(rest[start:], said)
        behind = rest[start + report.PLACE_FIELDS :]
        if EMERGENCY in front or EMERGENCY_OVER in front:
            report.motion([behind[1], "", "", behind[0]] if len(behind) > 1 else [], said)
        else:
            report.motion(behind, said)
            report.vehicle(behind[4:], said)
        return [said.message(answer=answer)]

    def opened(self, front: Sequence[str], middle: Sequence[str], said: Report) -> None:
        """What stands in front of the date: event and code, kind of emergency, plate, and whether
        the report was stored.
        """
        letters = next((text for text in front[1:] if LETTERS.fullmatch(text)), "")
        code = next((text for text in front[2:] if text.isdecimal()), "")
        report.event(said, letters, code)
        if EMERGENCY in front:
            said.alarms = ("sos",)
        elif middle and not LETTERS.fullmatch(middle[0]) and len(middle[0]) > 1:
            said.attributes["plate"] = middle[0]
        said.stored = not STORED.isdisjoint((*front[-1:], *middle[:1]))


def introduced(front: Sequence[str], rest: Sequence[str]) -> dict[str, Any]:
    """Of a login: the plate in front of the IMEI, the firmware behind it."""
    told = {"plate": front[-1] if front else "", "firmware": rest[0] if rest else ""}
    return {name: text for name, text in told.items() if text}


FAMILY = Family(
    name="ais140",
    title="AIS-140 (India)",
    probe=probe,
    decoder=Ais140Decoder,
    heartbeat_s=300.0,  # parked, a device reports every 10 minutes at the least
)
