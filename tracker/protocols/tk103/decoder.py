"""The decoder of one connection that speaks TK103."""

from __future__ import annotations

import re

from tracker.errors import DecodeError
from tracker.protocols.base import Family, Session
from tracker.protocols.stream import Outcome, after_login
from tracker.protocols.textframes import TextDecoder, probe_text
from tracker.protocols.tk103 import classic, commas
from tracker.protocols.tk103.commands import COMMANDS
from tracker.protocols.tk103.wire import FRAMING, START, Frame, Link, unpack

# JT600 and others use parentheses as well, but not with these letters and digits.
EVIDENCE = re.compile(
    rb"(?:\A|\))\s*\((?:[0-9A-Za-z]{11,12}B[A-Z]\d\d|\d{11,15},(?:BP|BR|BO|BZ|ZC|DW)[0-9A-F]{2}[,)])"
)


class Tk103Decoder(TextDecoder):
    """Decoder of one connection."""

    name = "tk103"
    framing = FRAMING
    COMMANDS = COMMANDS

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.link = Link(session)

    def decode(self, frame: bytes) -> Outcome:
        """Messages of one frame: each names its device."""
        received = unpack(frame)
        if received is None:
            raise DecodeError("garbage", "tk103: no identity and code", frame)
        self.link.spoken = received.ident
        return after_login(self.session, received.ident, lambda: handle(self.link, received))


def handle(link: Link, frame: Frame) -> Outcome:
    """What the frame says, by its form and code."""
    if frame.fields is None:
        return classic.HANDLERS.get(frame.code, classic.other)(link, frame)
    handler = commas.HANDLERS.get(frame.code)
    if handler is None:
        return commas.other(link, frame, frame.fields)
    return handler(link, frame.fields)


FAMILY = Family(
    name="tk103",
    title="TK103 (KX402, VJoyCar)",
    probe=lambda data: probe_text(EVIDENCE, START, data),
    decoder=Tk103Decoder,
    heartbeat_s=300.0,  # the handshake comes every 5 minutes unless set otherwise
)
