"""The decoder of one EGTS connection: a device, or a platform that hands on what many say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from tracker.errors import DecodeError
from tracker.protocols.base import Aside, Family, Message, Positions, Refused, Reply
from tracker.protocols.egts.appdata import Appdata
from tracker.protocols.egts.commands import ENCODERS
from tracker.protocols.egts.wire import (
    APPDATA,
    AUTH_DENIED,
    COMPRESSED,
    DATA_CRC,
    DATA_FORM,
    DECRYPT_ERROR,
    ENCRYPTED,
    FIXED,
    FRAMING,
    OK,
    RECORD_RESPONSE,
    RESPONSE,
    SIGNED,
    TYPE_UNSUPPORTED,
    Link,
    Packet,
    probe,
    records,
    subrecords,
    unpack,
)
from tracker.protocols.framing import FramedDecoder
from tracker.protocols.stream import Outcome, handles

PACKETS: dict[int, Callable[[Link, Packet], Outcome]] = {}


@handles(PACKETS, RESPONSE)
def response(link: Link, packet: Packet) -> Outcome:
    """0: number u16 of our packet, result u8, and records with a result for each of ours."""
    refused: list[Message | DecodeError] = []
    for record in records(packet.data[3:]):
        for kind, content in subrecords(record.content):
            if kind != RECORD_RESPONSE or len(content) < 3 or content[2] == OK:
                continue
            reference = link.asked.answered(int.from_bytes(content[:2], "little"))
            if reference is not None:
                refused.append(Reply(reference=reference, success=False, text=f"{content[2]}"))
    return refused


@handles(PACKETS, APPDATA)
def appdata(link: Link, packet: Packet) -> Outcome:
    """1: records. One that cannot be read does not cost the others; each has its own result."""
    whole = Appdata(link)
    for record in records(packet.data):
        whole.read(record)
    before = link.numbers
    refusal = link.response(packet, [(record, AUTH_DENIED) for record, _ in whole.told])
    if whole.device is not None:
        refusal += link.result(AUTH_DENIED)
    link.numbers = before  # only one of the two answers is sent
    answer = link.response(packet, whole.told)
    if whole.device is not None:
        answer += link.result(OK)
    return answered(whole.messages(refusal), answer)


@handles(PACKETS, SIGNED)
def signed(link: Link, packet: Packet) -> Outcome:
    """2: length u16 of a signature, the signature, which is not verified; then as type 1."""
    length = int.from_bytes(packet.data[:2], "little")
    return appdata(link, packet._replace(data=packet.data[2 + length :]))


def answered(
    found: Iterator[Message | DecodeError], answer: bytes
) -> Iterator[Message | DecodeError]:
    """The same, with the answer on the last message. What it promises holds for all of them,
    because positions are stored in their order.
    """
    held: Message | None = None
    durable = False
    for item in found:
        if isinstance(item, DecodeError):
            yield item
            continue
        if held is not None:
            yield held
        held = item
        durable = durable or isinstance(item, Positions) or item.durable
    if held is None:
        yield Aside(answer)
    elif durable:
        yield replace(held, answer=answer, durable=True)
    else:
        yield replace(held, answer=answer)


class EgtsDecoder(FramedDecoder):
    """Decoder of one connection. Options: docs/protocols/egts.md."""

    name = "egts"
    framing = FRAMING
    link_type = Link
    COMMANDS = ENCODERS

    def cut(self) -> bytes | None:
        """The next packet; one with a right header and damaged data is answered as such."""
        try:
            return super().cut()
        except DecodeError as error:
            head = error.value
            if error.kind == "checksum" and isinstance(head, bytes) and len(head) >= FIXED:
                damaged = Packet(head[9], int.from_bytes(head[7:9], "little"), head[2], b"")
                if damaged.kind != RESPONSE:
                    told = self.link.response(damaged, (), DATA_CRC)
                    self._ready.append(Refused(told, reason=error.kind))
            raise

    def decode(self, frame: bytes) -> Outcome:
        """Messages of one packet."""
        packet = unpack(frame)
        if packet.flags & (ENCRYPTED | COMPRESSED):
            return Refused(self.link.response(packet, (), DECRYPT_ERROR), reason="encrypted")
        handler = PACKETS.get(packet.kind)
        if handler is None:
            return Refused(self.link.response(packet, (), TYPE_UNSUPPORTED), reason="kind")
        return handler(self.link, packet)

    def refuse(self, frame: bytes, error: DecodeError) -> Message | None:
        """A packet whose records cannot be told apart."""
        packet = unpack(frame)
        if packet.kind == RESPONSE:
            return None
        return Refused(self.link.response(packet, (), DATA_FORM), reason=error.kind)


FAMILY = Family(
    name="egts",
    title="EGTS (ERA-GLONASS, Order 285, GOST 33472)",
    probe=probe,
    decoder=EgtsDecoder,
    # Positions come every 30 to 180 s with the ignition on, a few times an hour without it.
    heartbeat_s=600.0,
    shared=True,
)
