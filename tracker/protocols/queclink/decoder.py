"""The decoder of one connection that speaks one of Queclink's protocols."""

from __future__ import annotations

from tracker.protocols.base import Family, Session
from tracker.protocols.queclink import commands
from tracker.protocols.queclink.air import read_air
from tracker.protocols.queclink.hexform import read_hex
from tracker.protocols.queclink.messages import conclude
from tracker.protocols.queclink.report import Report
from tracker.protocols.queclink.wire import FRAMING, Link, is_text, probe
from tracker.protocols.stream import Outcome, after_login
from tracker.protocols.textframes import TextDecoder


class QueclinkDecoder(TextDecoder):
    """Decoder of one connection. Options: docs/protocols/queclink.md."""

    name = "queclink"
    framing = FRAMING
    COMMANDS = commands.COMMANDS

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.link = Link(session)

    def decode(self, frame: bytes) -> Outcome:
        """Messages of one frame, behind the Login of the identity that it states, if it is new."""
        if is_text(frame, 0):
            report = Report(frame)
            return after_login(self.session, report.ident, lambda: conclude(self.link, report))
        if frame[1] == 0:
            ident, self.link.device_type, messages = read_air(frame)
            return after_login(self.session, ident, lambda: messages)
        ident, message = read_hex(frame)
        return after_login(self.session, ident, lambda: message)


FAMILY = Family(
    name="queclink",
    title="Queclink @Track",
    probe=probe,
    decoder=QueclinkDecoder,
    # Heartbeats are set in minutes, five as a rule; a parked vehicle's reports are as rare.
    heartbeat_s=300.0,
)
