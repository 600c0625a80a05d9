"""The decoder of one connection that speaks Cellocator's protocol."""

from __future__ import annotations

from tracker.protocols.base import Family
from tracker.protocols.cellocator import commands, messages
from tracker.protocols.cellocator.wire import FRAMING, Link, probe, unpack
from tracker.protocols.framing import DatagramDecoder
from tracker.protocols.stream import STUMBLES, Outcome, after_login, stumble


class CellocatorDecoder(DatagramDecoder):
    """Decoder of one connection. Options: docs/protocols/cellocator.md."""

    name = "cellocator"
    framing = FRAMING
    link_type = Link
    COMMANDS = commands.COMMANDS

    def decode(self, frame: bytes) -> Outcome:
        """Messages of one frame, behind the Login of the unit that it states, if that is new."""
        received = unpack(frame)
        self.link.unit = received.unit

        def finish() -> Outcome:
            try:
                return messages.HANDLERS[received.kind](self.link, received)
            except STUMBLES as error:
                return messages.unreadable(received, stumble(self.name, error))

        return after_login(self.session, str(received.unit), finish)


FAMILY = Family(
    name="cellocator",
    title="Cellocator (MCGP)",
    probe=probe,
    decoder=CellocatorDecoder,
    # A parked unit is set to one report in some minutes up to half an hour.
    heartbeat_s=600.0,
)
