"""The decoder of one connection, or of the datagrams of one source, that speaks Castel."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tracker.errors import DecodeError
from tracker.protocols.base import Family
from tracker.protocols.castel import commands, others, sc
from tracker.protocols.castel.wire import (
    FRAMING,
    IDENT,
    MPIP,
    SC_VERSIONS,
    Frame,
    Link,
    probe,
    unpack,
)
from tracker.protocols.fields import text
from tracker.protocols.framing import FramedDecoder
from tracker.protocols.stream import Outcome, after_login, merged

Handlers = Mapping[int, Callable[[Link, Frame], Outcome]]

SC: Handlers = merged(sc.HANDLERS, commands.SC)
CC: Handlers = merged(others.CC, commands.CC)


class CastelDecoder(FramedDecoder):
    """Decoder of one connection. Options: docs/protocols/castel.md."""

    name = "castel"
    framing = FRAMING
    link_type = Link
    COMMANDS = commands.COMMANDS

    def decode(self, frame: bytes) -> Outcome:
        """Messages of one frame; every frame names its device."""
        received = unpack(frame)
        if IDENT.fullmatch(received.id) is None:
            raise DecodeError("field", "castel: an identity that is none", received.id)
        link = self.link
        link.version, link.id = received.version, received.id
        handler = handlers(received.version).get(received.type, sc.unknown)
        if handler in NAMING:
            return handler(link, received)
        return after_login(self.session, text(received.id), lambda: handler(link, received))


def handlers(version: int) -> Handlers:
    """What the types of a version mean."""
    if version in SC_VERSIONS:
        return SC
    return others.MPIP if version == MPIP else CC


# Logins: they bring a Login of their own.
NAMING = frozenset({sc.login, others.cc_login, others.mpip_login})

FAMILY = Family(
    name="castel",
    title="Castel / Sinocastel (OBD, CC, MPIP)",
    probe=probe,
    decoder=CastelDecoder,
    heartbeat_s=300.0,  # devices are shipped with a heartbeat of 3 to 5 minutes
)
