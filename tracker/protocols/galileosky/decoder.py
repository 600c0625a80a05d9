"""The decoder of one Galileosky device."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace

from tracker.errors import DecodeError
from tracker.protocols.base import (
    Family,
    Heartbeat,
    Login,
    Message,
    Notice,
    Reply,
)
from tracker.protocols.commands import known_reference
from tracker.protocols.framing import NEVER, FramedDecoder
from tracker.protocols.galileosky.commands import COMMANDS
from tracker.protocols.galileosky.iridium import read_iridium
from tracker.protocols.galileosky.packet import Packet, read_compressed, read_tags
from tracker.protocols.galileosky.record import Record
from tracker.protocols.galileosky.tags import IMEI_SIZE
from tracker.protocols.galileosky.wire import (
    ACKNOWLEDGED,
    COMPRESSED,
    FRAMING,
    HEADER,
    PHOTO,
    TAGS,
    Link,
    answer,
    is_iridium,
    probe,
    size,
)
from tracker.protocols.reports import Batch, conclude, mark_stored
from tracker.protocols.stream import Outcome, handles, items

HANDLERS: dict[int, Callable[[Link, bytes], Outcome]] = {}


@handles(HANDLERS, TAGS)
def tags(link: Link, frame: bytes) -> Outcome:
    """01: records of tags, or the Iridium form, which is not answered."""
    if is_iridium(frame):
        return announced(link, read_iridium(frame, link.session.now), b"")
    packet = read_tags(frame[HEADER:-2])
    return announced(link, packet, answer(ACKNOWLEDGED, frame))


@handles(HANDLERS, COMPRESSED)
def compressed(link: Link, frame: bytes) -> Outcome:
    """08: compressed records, answered like those of tags."""
    packet = read_compressed(frame[HEADER:-2], link.session.now)
    return announced(link, packet, answer(ACKNOWLEDGED, frame))


@handles(HANDLERS, PHOTO)
def photo(link: Link, frame: bytes) -> Outcome:
    """07: part u8 of a JPEG, data; none in the last one. The picture itself is not kept."""
    _named(link, frame)
    attributes = {
        "media_type": "image",
        "block": frame[HEADER],
        "size_bytes": len(frame) - HEADER - 3,
    }
    return Notice(answer(PHOTO, frame), kind="media", attributes=attributes)


def _named(link: Link, frame: bytes) -> str:
    if link.session.ident is None:
        raise DecodeError("login", "galileosky: the device has not named itself", frame)
    return link.session.ident


def announced(link: Link, packet: Packet, taken: bytes) -> Iterator[Message | DecodeError]:
    """The Login where the packet names a device that did not speak last; then its records."""
    ident = next((one.ident for one in packet.records if one.ident is not None), None)
    if ident is not None and ident != link.session.ident:
        if len(ident) != IMEI_SIZE or not ident.isdigit():
            raise DecodeError("field", "galileosky: no IMEI", ident.encode("ascii", "replace"))
        link.session.ident = ident
        yield Login(ident=ident, attributes=packet.records[0].device)
    _named(link, b"")
    yield from messages(link, packet, taken)


def messages(link: Link, packet: Packet, taken: bytes) -> Iterator[Message | DecodeError]:
    """Answers to commands, then positions. The packet is acknowledged even if not all of it could
    be read: it would be no better when sent again.
    """
    wired = link.session.options.get("galileosky_ignition_input")
    for record in packet.records:
        record.finish(wired if isinstance(wired, int) else None)
        link.terminal_id = record.attributes.get("terminal_id", link.terminal_id)
    replies = [_reply(record) for record in packet.records if record.spoken is not None]
    told = [record for record in packet.records if not record.empty]
    if not told and packet.error is None:
        yield from replies[:-1]
        yield replace(replies[-1], answer=taken) if replies else Heartbeat(taken)
        return
    yield from replies
    mark_stored(told)
    if packet.error is None:
        yield from items(conclude(told, taken))
        return
    batch = Batch()
    for record in told:
        batch.take(record)
    batch.fail(packet.error)
    yield from batch.messages(taken)


def _reply(record: Record) -> Message:
    reference = known_reference(record.reference or 0)
    return Reply(reference=reference, text=record.spoken or "")


class GalileoskyDecoder(FramedDecoder):
    """Decoder of one connection. Options: docs/protocols/galileosky.md."""

    name = "galileosky"
    framing = FRAMING
    link_type = Link
    COMMANDS = COMMANDS

    def head_size(self) -> int:
        """At the front a packet is believed by its first byte, as long as nothing was skipped."""
        data = self.buffer.data
        if self._synced:
            return size(data, 0) if data[0] in HANDLERS else NEVER
        return super().head_size()

    def decode(self, frame: bytes) -> Outcome:
        """Messages of one packet; none before the device has named itself."""
        return HANDLERS[frame[0]](self.link, frame)


FAMILY = Family(
    name="galileosky",
    title="Galileosky",
    probe=probe,
    decoder=GalileoskyDecoder,
    # A parked device makes a record every few minutes; what is silent longer has lost its link.
    heartbeat_s=300.0,
)
