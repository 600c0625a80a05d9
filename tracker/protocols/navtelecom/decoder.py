"""The decoder of one Navtelecom device."""

from __future__ import annotations

from tracker.protocols.base import Family, Heartbeat, Session
from tracker.protocols.framing import FramedDecoder
from tracker.protocols.navtelecom.commands import COMMANDS
from tracker.protocols.navtelecom.messages import BODIES, MESSAGES, body_kind, unknown
from tracker.protocols.navtelecom.wire import HEADER, PING, TILDE, Link, framing, probe
from tracker.protocols.stream import Outcome


class NavtelecomDecoder(FramedDecoder):
    """Decoder of one connection. Options: docs/protocols/navtelecom.md."""

    name = "navtelecom"
    link_type = Link
    COMMANDS = COMMANDS

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.framing = framing(self.link)

    def cut(self) -> bytes | None:
        """The next frame, message or ping. FLEX before anything was agreed cannot be cut."""
        data = self.buffer.data
        if self._synced and data[:1] == bytes((PING,)):
            return self.buffer.take(1)
        if self._synced and data[:1] == bytes((TILDE,)) and self.link.layout is None:
            raise self._skip("length")
        return super().cut()

    def decode(self, frame: bytes) -> Outcome:
        """Messages of one frame."""
        if frame[0] == PING:
            return Heartbeat() if self.session.ident is not None else ()
        if frame[0] == TILDE:
            return MESSAGES[frame[1]](self.link, frame)
        self.link.server_id = int.from_bytes(frame[4:8], "little")
        self.link.device_id = int.from_bytes(frame[8:12], "little")
        body = frame[HEADER:]
        handler = BODIES.get(body_kind(body), unknown)
        return handler(self.link, body)


FAMILY = Family(
    name="navtelecom",
    title="Navtelecom (NTCB, FLEX 1.0, 2.0, 3.0)",
    probe=probe,
    decoder=NavtelecomDecoder,
    # A ping every two minutes is the maker's setting.
    heartbeat_s=180.0,
)
