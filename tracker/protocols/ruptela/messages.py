"""One function per command that a Ruptela device sends."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from tracker.protocols.base import Heartbeat, Message, Notice, Reply
from tracker.protocols.fields import text
from tracker.protocols.reports import conclude
from tracker.protocols.ruptela.records import read_dtcs, read_records
from tracker.protocols.ruptela.wire import (
    CONFIGURATION,
    DTCS,
    EXTENDED,
    FILES,
    FIRMWARE,
    HEARTBEAT,
    IDENTIFICATION,
    RECORDS,
    SET_IO,
    SMS,
    TAKEN,
    VERSION,
    Link,
    Packet,
    pack,
)
from tracker.protocols.stream import Outcome, handles

Handler = Callable[[Link, Packet], Outcome]
HANDLERS: dict[int, Handler] = {}

KEPT_BYTES = 256  # of a command that is not decoded
TEXT_MOST = 512  # characters of an answer that are kept

_IDENTIFICATION = struct.Struct(">QIIIH")
_FILE = struct.Struct(">BB8sHH")
FILE_DATA = 2  # the sub-command that carries data of a file
_NEXT = struct.Struct(">BB8sH")


@handles(HANDLERS, RECORDS, EXTENDED)
def records(link: Link, packet: Packet) -> Outcome:
    """1, 68: see read_records. Acknowledged alike."""
    found = read_records(packet.payload, extended=packet.command == EXTENDED)
    return conclude([record.said for record in found], TAKEN, link.session.now)


@handles(HANDLERS, DTCS)
def dtcs(link: Link, packet: Packet) -> Outcome:
    """9: see read_dtcs."""
    return conclude(read_dtcs(packet.payload), pack(DTCS, b"\x01"), link.session.now)


@handles(HANDLERS, IDENTIFICATION)
def identification(link: Link, packet: Packet) -> Message:  # noqa: ARG001
    """15: firmware in letters; IMSI u64, operator u32, coefficients of distance u32, time u32 and
    angle u16.
    """
    at = len(packet.payload) - _IDENTIFICATION.size
    imsi, operator, distance, time, angle = _IDENTIFICATION.unpack_from(packet.payload, max(at, 0))
    attributes: dict[str, Any] = {
        "firmware": text(packet.payload[:at]),
        "imsi": str(imsi),
        "operator": operator,
        "report_distance_m": distance,
        "report_interval_s": time,
        "report_angle_deg": angle,
    }
    return Notice(pack(IDENTIFICATION, b"\x01"), kind="device", attributes=attributes)


@handles(HANDLERS, HEARTBEAT)
def heartbeat(link: Link, packet: Packet) -> Message:  # noqa: ARG001
    """16: nothing."""
    return Heartbeat(pack(HEARTBEAT, b"\x01"))


@handles(HANDLERS, SMS, CONFIGURATION, VERSION, FIRMWARE)
def spoken(link: Link, packet: Packet) -> Message:
    """7: the words with which the device answers an order; 2, 3, 4: those about its settings, its
    version and its firmware. Success is in the words alone, so it is not guessed.
    """
    words = text(packet.payload, "utf-8")[:TEXT_MOST]
    return Reply(reference=link.asked.answered(packet.command), text=words)


@handles(HANDLERS, SET_IO)
def value_set(link: Link, packet: Packet) -> Message:
    """17: result u8: 1 done."""
    result, reference = packet.payload[0], link.asked.answered(SET_IO)
    return Reply(reference=reference, success=result == 1, text=f"result {result}")


@handles(HANDLERS, FILES)
def file(link: Link, packet: Packet) -> Message:  # noqa: ARG001
    """37: sub-command u8, source u8; for data of a file its name in 8 bytes, number of packets u16,
    index u16, data, which is not kept. The next packet is asked for.
    """
    if packet.payload[0] != FILE_DATA:
        return unknown(packet)
    sub, source, name, total, index = _FILE.unpack_from(packet.payload)
    taken = b""
    if index + 1 < total:
        taken = pack(FILES, _NEXT.pack(sub, source, name, index + 1))
    attributes: dict[str, Any] = {
        "media_type": "file",
        "channel": source,
        "name": text(name),
        "block": index,
        "blocks": total,
        "size_bytes": len(packet.payload) - _FILE.size,
    }
    return Notice(taken, kind="media", attributes=attributes)


def unknown(packet: Packet) -> Message:
    """Any other command: kept, not answered."""
    kept = {"kind": str(packet.command), "data": packet.payload[:KEPT_BYTES].hex()}
    return Notice(kind="unknown", attributes=kept)
