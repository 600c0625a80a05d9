"""The decoder of one connection that speaks GT06."""

from __future__ import annotations

from collections.abc import Iterator

from tracker.errors import DecodeError
from tracker.protocols.base import Family, Session
from tracker.protocols.framing import FramedDecoder, probe
from tracker.protocols.gt06 import commands, info, messages, modular, stations
from tracker.protocols.gt06.wire import FRAMING, Link, unpack
from tracker.protocols.stream import Outcome, merged

HANDLERS = merged(
    messages.HANDLERS,
    stations.HANDLERS,
    info.HANDLERS,
    modular.HANDLERS,
    commands.HANDLERS,
)


class Gt06Decoder(FramedDecoder):
    """Decoder of one connection. Options: docs/protocols/gt06.md."""

    name = "gt06"
    framing = FRAMING
    COMMANDS = commands.COMMANDS

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.link = Link(session)

    def decode(self, frame: bytes) -> Outcome:
        """Messages of one frame; none before the device has named itself."""
        received = unpack(frame)
        outcome = HANDLERS.get(received.kind, messages.unknown)(self.link, received)
        if self.session.ident is None and not isinstance(outcome, Iterator):
            # What states an identity of its own comes as an iterator that begins with its Login.
            raise DecodeError("login", f"gt06: {received.kind:02x} before login", frame)
        return outcome


FAMILY = Family(
    name="gt06",
    title="GT06 / Concox / Jimi",
    probe=lambda data: probe(FRAMING, data),
    decoder=Gt06Decoder,
    heartbeat_s=180.0,  # devices are shipped with a heartbeat of 3 to 5 minutes
)
