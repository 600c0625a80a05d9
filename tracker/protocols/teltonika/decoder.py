"""The decoder of one Teltonika device, over TCP or UDP."""

from __future__ import annotations

from collections.abc import Callable

from tracker.errors import DecodeError
from tracker.protocols.base import (
    Alarm,
    Family,
    Heartbeat,
    Login,
    Message,
    Positions,
    Refused,
    Session,
)
from tracker.protocols.framing import NEVER, PacketDecoder
from tracker.protocols.stream import Outcome, after_login, handles, merged
from tracker.protocols.teltonika import commands, gh3000, records
from tracker.protocols.teltonika.records import Record
from tracker.protocols.teltonika.wire import (
    CODEC_7,
    FIRST,
    HEADER,
    PACKETS,
    PING,
    POSITION_CODECS,
    PREAMBLE,
    Link,
    Packet,
    answer,
    packet_size,
    probe,
    size,
    unpack,
    unpack_datagram,
)

ACCEPTED, REFUSED = b"\x01", b"\x00"

POSITIONS: dict[int, Callable[[Link, Packet], Outcome]] = {}


@handles(POSITIONS, *POSITION_CODECS)
def positions(link: Link, packet: Packet) -> Outcome:  # noqa: ARG001
    """07, 08, 8E, 10: records. Their number is acknowledged when they are stored; one with
    impossible content is counted as well, since it would be no better when sent again.
    """
    read = gh3000.read_records if packet.codec == CODEC_7 else records.read_records
    found = read(packet)
    fixes = tuple(record.fix for record in found if isinstance(record, Record) and record.fix)
    taken = answer(packet, packet.records)
    if len(fixes) == len(found):
        return Positions(taken, durable=True, fixes=fixes)
    placeless = [record for record in found if isinstance(record, Record) and not record.fix]
    errors = [record for record in found if isinstance(record, DecodeError)]
    before: list[Message | DecodeError] = [_without_place(record) for record in placeless]
    return [*before, Positions(taken, durable=True, fixes=fixes), *errors]


def _without_place(record: Record) -> Message:
    said = record.said
    if said.alarms:
        return Alarm(alarms=tuple(said.alarms), attributes=said.attributes)
    return Heartbeat(ignition=said.ignition, attributes=said.attributes)


def _has_positions(frame: object) -> bool:
    """Whether the beginning of a damaged packet says that there are positions in it."""
    return isinstance(frame, bytes) and len(frame) > HEADER and frame[HEADER] in POSITION_CODECS


HANDLERS = merged(POSITIONS, commands.HANDLERS)


class TeltonikaDecoder(PacketDecoder):
    """Decoder of one connection. Options: docs/protocols/teltonika.md."""

    name = "teltonika"
    framing = FIRST
    COMMANDS = commands.COMMANDS

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.link = Link(session)
        if session.ident is not None:
            self.framing = PACKETS

    def head_size(self) -> int:
        """At the front a codec is believed whatever it is, as long as nothing was skipped."""
        data = self.buffer.data
        if not self._synced:
            return super().head_size()
        if any(data[:PREAMBLE]):
            return NEVER if data[0] else size(data, 0)
        return packet_size(data, 0)

    def cut(self) -> bytes | None:
        """The next login, packet, ping or datagram; a damaged packet is answered with 0 records,
        which makes the device send it again.
        """
        if self.udp:
            return self.datagrams.popleft() if self.datagrams else None
        if self._synced and self.buffer.data[:1] == bytes((PING,)):
            return self.buffer.take(1)
        synced = self._synced
        try:
            return super().cut()
        except DecodeError as error:
            if synced and error.kind == "checksum" and _has_positions(error.value):
                self._ready.append(Refused(bytes(4), reason=error.kind))
            raise

    def decode(self, frame: bytes) -> Outcome:
        """Messages of one frame; none before the device has named itself."""
        if self.udp:
            ident, packet = unpack_datagram(frame)
            return after_login(self.session, ident, lambda: self._handle(packet))
        if len(frame) == 1:
            return Heartbeat() if self.session.ident is not None else ()
        if frame[1]:
            return self._login(frame[2:].decode())
        packet = unpack(frame)
        if self.session.ident is None:
            raise DecodeError("login", f"teltonika: codec {packet.codec:02x} before login", frame)
        return self._handle(packet)

    def refuse(self, frame: bytes, error: DecodeError) -> Message | None:
        """A packet of positions that cannot be read is not acknowledged: 0 records taken."""
        if error.kind == "login":
            return None  # silence makes the device connect anew and name itself
        try:
            packet = unpack_datagram(frame)[1] if self.udp else unpack(frame)
        except DecodeError:
            return None if self.udp else Refused(bytes(4), reason=error.kind)
        if packet.codec not in POSITION_CODECS:
            return None
        return Refused(answer(packet, 0), reason=error.kind)

    def _login(self, ident: str) -> Message:
        self.session.ident = ident
        self.framing = PACKETS
        return Login(ACCEPTED, ident=ident, refusal=REFUSED)

    def _handle(self, packet: Packet) -> Outcome:
        handler = HANDLERS.get(packet.codec)
        return handler(self.link, packet) if handler is not None else commands.unknown(packet)


FAMILY = Family(
    name="teltonika",
    title="Teltonika (codecs 8, 8E, 16, 12 to 14)",
    probe=probe,
    decoder=TeltonikaDecoder,
    # A parked device sends its next record when its longest period is over: an hour from the
    # factory, but then it closes the connection as well. What stays open speaks within minutes.
    heartbeat_s=300.0,
)
