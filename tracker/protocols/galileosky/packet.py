"""From the bytes of a Galileosky packet to records: with tags, or compressed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import NamedTuple

from tracker.errors import DecodeError
from tracker.protocols.galileosky.record import BY_CELLS, FIXED, Record
from tracker.protocols.galileosky.tags import COUNTED, SIZES, STATED, UNKNOWN, read_tag
from tracker.protocols.galileosky.wire import MINIMAL

DAY_S = 86_400  # a device's clock may be that far ahead of ours

COUNT_MASK = 0x7F  # of the byte that says how many tags a compressed record has

LON_UNITS, LAT_UNITS = 1 << 22, 1 << 21  # of the whole circle, of half of it


class Packet(NamedTuple):
    """Records in the order of a packet. `error` is why the rest of it could not be read."""

    records: list[Record]
    error: DecodeError | None


def value_at(data: bytes, tag: int, at: int) -> tuple[bytes, int]:
    """The value of a tag, and where the next one starts. Raises DecodeError."""
    size = SIZES[tag]
    if size == UNKNOWN:
        raise DecodeError("field", f"galileosky: tag {tag:02x} of unknown length", data[at - 1 :])
    if size == STATED:
        width = COUNTED[tag]
        size = int.from_bytes(data[at : at + width], "little")
        at += width
    end = at + size
    if end > len(data):
        raise DecodeError("length", f"galileosky: tag {tag:02x} cut off", data[at:])
    return data[at:end], end


def read_tags(data: bytes) -> Packet:
    """Pairs of tag u8 and value. A tag that comes again begins the next record."""
    record = Record()
    records = [record]
    seen: set[int] = set()
    at = 0
    while at < len(data):
        tag = data[at]
        if tag in seen:
            record = Record()
            records.append(record)
            seen.clear()
        seen.add(tag)
        try:
            value, at = value_at(data, tag, at + 1)
        except DecodeError as error:
            return Packet(records, error)
        read_tag(record, tag, value)
    return Packet(records, None)


def read_compressed(data: bytes, now: float) -> Packet:
    """For each record the minimal set (see `minimal`), number of tags in 7 bits, so many tags u8,
    their values in the same order.
    """
    records: list[Record] = []
    at = 0
    while at < len(data):
        if at + MINIMAL >= len(data):
            error = DecodeError("length", "galileosky: compressed record cut off", data[at:])
            return Packet(records, error)
        record = minimal(data[at : at + MINIMAL], now)
        records.append(record)
        count = data[at + MINIMAL] & COUNT_MASK
        at += MINIMAL + 1
        tags = data[at : at + count]
        at += count
        try:
            for tag in tags:
                value, at = value_at(data, tag, at)
                read_tag(record, tag, value)
        except DecodeError as error:
            return Packet(records, error)
    return Packet(records, None)


def minimal(data: bytes, now: float) -> Record:
    """80 bits from the highest: 1 unused, 25 seconds since the year began, 1 no fix, 22 longitude
    of a circle from -180, 21 latitude of half a circle from -90, 1 alarm; the rest is the user's.

    The year is that of `now`, or the one before where the time would lie in the future.
    """
    bits = int.from_bytes(data, "big")
    record = Record()
    record.time = in_its_year(bits >> 54 & 0x1FFFFFF, now)
    record.quality = BY_CELLS + 1 if bits >> 53 & 1 else FIXED
    record.lon = (bits >> 31 & (LON_UNITS - 1)) * 360 / LON_UNITS - 180
    record.lat = (bits >> 10 & (LAT_UNITS - 1)) * 180 / LAT_UNITS - 90
    if bits >> 9 & 1:
        record.alarm("other")
        record.attributes["status"] = 0
    return record


def in_its_year(seconds: int, now: float) -> float:
    """Unix seconds of a moment of this year, or of the last one if this year's is yet to come."""
    year = datetime.fromtimestamp(now, UTC).year
    time = datetime(year, 1, 1, tzinfo=UTC).timestamp() + seconds
    if time > now + DAY_S:
        time = datetime(year - 1, 1, 1, tzinfo=UTC).timestamp() + seconds
    return time
