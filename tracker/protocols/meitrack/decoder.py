"""The decoder of one connection that speaks Meitrack's protocol."""

from __future__ import annotations

from tracker.protocols.base import Family, Session
from tracker.protocols.meitrack import commands, messages
from tracker.protocols.meitrack.wire import FRAMING, UNCHECKED, Frame, Link, probe, unpack
from tracker.protocols.stream import Outcome, after_login
from tracker.protocols.textframes import TextDecoder


class MeitrackDecoder(TextDecoder):
    """Decoder of one connection. Options: docs/protocols/meitrack.md."""

    name = "meitrack"
    framing = FRAMING
    COMMANDS = commands.COMMANDS

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.link = Link(session)
        if session.options.get("meitrack_checksum") is False:
            self.framing = UNCHECKED

    def decode(self, frame: bytes) -> Outcome:
        """Messages of one frame, behind the Login of the IMEI that it states, if that is new."""
        received = unpack(frame)
        return after_login(self.session, received.ident, lambda: self._handle(received))

    def _handle(self, frame: Frame) -> Outcome:
        return messages.HANDLERS.get(frame.command, messages.other)(self.link, frame)


FAMILY = Family(
    name="meitrack",
    title="Meitrack (AAA, CCC, CCE)",
    probe=probe,
    decoder=MeitrackDecoder,
    # Devices are set to a heartbeat of some minutes (A11), or to none; the longest interval that
    # is common for a parked vehicle is ten.
    heartbeat_s=300.0,
)
