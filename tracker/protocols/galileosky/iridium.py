"""What a Galileosky device sends over Iridium, as that network's gateway hands it on."""

from __future__ import annotations

import struct

from tracker.errors import DecodeError
from tracker.protocols.galileosky.packet import Packet, read_compressed, read_tags
from tracker.protocols.galileosky.record import BY_CELLS, Record
from tracker.protocols.galileosky.wire import HEADER

SESSION, PAYLOAD, LOCATION = 0x01, 0x02, 0x03  # elements
SESSION_HEAD = struct.Struct(">I15sBHHI")
SOUTH, WEST = 2, 1  # bits


def read_iridium(frame: bytes, now: float) -> Packet:
    """Elements of id u8, length u16 and content: 01 session, 02 the device's tags or a compressed
    record, 03 where the network heard it.

    Session: reference u32, IMEI in ASCII, status u8, numbers u16 and u16, Unix seconds u32.
    """
    elements: dict[int, bytes] = {}
    at = HEADER
    while at < len(frame):
        end = at + HEADER + int.from_bytes(frame[at + 1 : at + HEADER], "big")
        elements[frame[at]] = frame[at + HEADER : end]
        at = end
    _, imei, _, _, _, heard_time = SESSION_HEAD.unpack(elements[SESSION])
    packet = _payload(elements.get(PAYLOAD, b""), now)
    for record in packet.records:
        record.ident = imei.decode("ascii")
        if record.time is None:
            record.time = float(heard_time)
    if LOCATION in elements and packet.records[-1].quality is None:
        _network_place(packet.records[-1], elements[LOCATION])
    return packet


def _payload(data: bytes, now: float) -> Packet:
    """Tags, if they fill it exactly; else compressed records, if those do."""
    tags = read_tags(data)
    if tags.error is None:
        return tags
    compressed = read_compressed(data, now)
    return compressed if compressed.error is None and compressed.records else tags


def _network_place(record: Record, data: bytes) -> None:
    """Bits u8 (1 south, 0 west), latitude in degrees u8 and 0.001 minute u16, longitude the same,
    radius of the error u32 km.
    """
    if len(data) < 11:
        raise DecodeError("length", "galileosky: Iridium place cut off", data)
    flags, lat, lat_minute, lon, lon_minute, radius_km = struct.unpack_from(">BBHBHI", data)
    record.lat = (lat + lat_minute / 60_000) * (-1 if flags & SOUTH else 1)
    record.lon = (lon + lon_minute / 60_000) * (-1 if flags & WEST else 1)
    record.quality = BY_CELLS
    record.precision = None
    record.attributes["accuracy_m"] = radius_km * 1000
