"""The decoder of one connection that speaks the protocol of GPS watches."""

from __future__ import annotations

import re

from tracker.protocols.base import Family, Session
from tracker.protocols.stream import Outcome, after_login
from tracker.protocols.textframes import TextDecoder, probe_text
from tracker.protocols.watch.commands import COMMANDS
from tracker.protocols.watch.messages import HANDLERS, other
from tracker.protocols.watch.wire import FRAMING, HEAD, START, Link, unpack

EVIDENCE = re.compile(rb"(?:\A|\])\s*" + HEAD.pattern)


class WatchDecoder(TextDecoder):
    """Decoder of one connection."""

    name = "watch"
    framing = FRAMING
    COMMANDS = COMMANDS

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.link = Link(session)

    def decode(self, frame: bytes) -> Outcome:
        """Messages of one frame: each names its device."""
        link = self.link
        received = unpack(frame)
        link.heard(received)
        fields = received.content.decode("utf-8", "replace").split(",")
        handler = HANDLERS.get(fields[0], other)
        return after_login(self.session, received.ident, lambda: handler(link, received, fields))


FAMILY = Family(
    name="watch",
    title="GPS watches (SeTracker, Beesure)",
    probe=lambda data: probe_text(EVIDENCE, START, data),
    decoder=WatchDecoder,
    heartbeat_s=300.0,  # LK comes every 1 to 8 minutes
)
