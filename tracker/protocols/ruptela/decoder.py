"""The decoder of one connection that speaks Ruptela's protocol."""

from __future__ import annotations

from tracker.errors import DecodeError
from tracker.protocols.base import Family, Message, Refused
from tracker.protocols.framing import DatagramDecoder
from tracker.protocols.ruptela import commands, messages
from tracker.protocols.ruptela.wire import (
    EXTENDED,
    FRAMING,
    HEADER,
    NOT_TAKEN,
    RECORDS,
    Link,
    Packet,
    probe,
    unpack,
)
from tracker.protocols.stream import Outcome, after_login


def has_records(frame: object) -> bool:
    """Whether the beginning of a packet says that there are records in it."""
    return (
        isinstance(frame, bytes)
        and len(frame) >= HEADER
        and frame[HEADER - 1] in (RECORDS, EXTENDED)
    )


class RuptelaDecoder(DatagramDecoder):
    """Decoder of one connection. Options: docs/protocols/ruptela.md."""

    name = "ruptela"
    framing = FRAMING
    link_type = Link
    COMMANDS = commands.COMMANDS

    def cut(self) -> bytes | None:
        """The next right packet; records whose CRC is wrong are refused, and come again."""
        synced = self._synced
        try:
            return super().cut()
        except DecodeError as error:
            if synced and error.kind == "checksum" and has_records(error.value):
                self._ready.append(Refused(NOT_TAKEN, reason=error.kind))
            raise

    def decode(self, frame: bytes) -> Outcome:
        """Messages of one packet, behind the Login of the IMEI that it states, if that is new."""
        packet = unpack(frame)
        return after_login(self.session, packet.ident, lambda: self._handle(packet))

    def refuse(self, frame: bytes, error: DecodeError) -> Message | None:
        """Records that cannot be read are not acknowledged."""
        return Refused(NOT_TAKEN, reason=error.kind) if has_records(frame) else None

    def _handle(self, packet: Packet) -> Outcome:
        handler = messages.HANDLERS.get(packet.command)
        return handler(self.link, packet) if handler is not None else messages.unknown(packet)


FAMILY = Family(
    name="ruptela",
    title="Ruptela (records, extended records)",
    probe=probe,
    decoder=RuptelaDecoder,
    # A parked device reports once in some minutes up to an hour; what stays open sends a heartbeat
    # within that.
    heartbeat_s=600.0,
)
