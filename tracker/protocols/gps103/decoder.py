"""The decoder of one connection that speaks GPS103."""

from __future__ import annotations

import re
from collections.abc import Callable

from tracker.protocols.base import Family, Heartbeat, Match, Message, Session
from tracker.protocols.fields import is_imei
from tracker.protocols.framing import MORE
from tracker.protocols.gps103 import reports
from tracker.protocols.gps103.commands import COMMANDS
from tracker.protocols.gps103.wire import BARE, FRAMING, IDENT, START, Link
from tracker.protocols.stream import Outcome, after_login, handles
from tracker.protocols.textframes import TextDecoder, pass_over, probe_text

# An IMEI with a ; behind it is a heartbeat; with a line end it might introduce NMEA as well.
EVIDENCE = re.compile(rb"(?:\A|[;\r\n])[;\r\n]*(?:\d{15})?(?:##,)?imei:\d{15},")
BEAT = re.compile(rb"(\d{15});")
MARK = re.compile(rb"(?:\d{1,14}\Z|(?:\d{15}[;\r\n]*)?(?:\Z|" + START.pattern + rb"))")

Handler = Callable[[Link, list[str]], Outcome]
HANDLERS: dict[str, Handler] = {}

handles(HANDLERS, "OBD")(reports.engine)
handles(HANDLERS, "vr")(reports.photograph)


@handles(HANDLERS, "L")
def short_login(link: Link, fields: list[str]) -> Message:
    """imei:...,L,*: a login as well. More fields than that are a report."""
    return reports.report(link, fields) if len(fields) > 4 else Heartbeat(b"LOAD")


class Gps103Decoder(TextDecoder):
    """Decoder of one connection. Options: docs/protocols/gps103.md."""

    name = "gps103"
    framing = FRAMING
    separators = b";\r\n\0\t "
    datagram_end = b";"
    COMMANDS = COMMANDS

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.link = Link(session)

    @property
    def buffered(self) -> int:
        """Bytes of a frame that is not complete yet; one that lacks only its end mark is."""
        data = self.buffer.data
        return 0 if data.count(b",") >= reports.LEAST - 1 else len(data)

    def cut(self) -> bytes | None:
        """The next frame. An end mark proves that a frame can begin behind it."""
        if pass_over(self, self.separators):
            self._drop(0)
            self._synced = True
        return super().cut()

    def head_size(self) -> int:
        """An identity alone is a frame, but only where one must begin."""
        data = self.buffer.data
        if self._synced and data[:1].isdigit():
            if BARE.match(data):
                return IDENT
            if data.isdigit():
                return MORE
        return super().head_size()

    def decode(self, frame: bytes) -> Outcome:
        """Messages of one frame: each names its device."""
        link = self.link
        if BARE.match(frame):
            link.spoken = frame.decode("ascii")
            return after_login(self.session, link.spoken, lambda: Heartbeat(b"ON"))
        fields = frame.decode("ascii").rstrip(";\r\n").split(",")
        if fields[0] == "##":
            link.spoken = fields[1][5:]
            return after_login(self.session, link.spoken, lambda: Heartbeat(b"LOAD"))
        link.spoken = fields[0][5:]
        starred = fields[-1] == "*" and len(fields) >= reports.STARRED
        handler = reports.starred if starred else HANDLERS.get(fields[1], reports.report)
        return after_login(self.session, link.spoken, lambda: handler(link, fields))


def probe(data: bytes) -> Match:
    """A login or report, or a heartbeat of an IMEI that is right."""
    beat = BEAT.match(data)
    if beat is not None and is_imei(beat[1].decode()):
        return Match.YES
    return probe_text(EVIDENCE, MARK, data)


FAMILY = Family(
    name="gps103",
    title="GPS103 (Coban)",
    probe=probe,
    decoder=Gps103Decoder,
    heartbeat_s=60.0,
)
