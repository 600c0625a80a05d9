"""How the FLEX records of one connection are read: the fields that its device says it sends.

A layout is worked out once, from the bits of `*>FLEX`; a record is then unpacked in one step.
"""

from __future__ import annotations

import struct

from tracker.errors import DecodeError
from tracker.protocols.navtelecom.fields import CODES, NUMBERS, READERS, SIZES
from tracker.protocols.navtelecom.said import Said

UNSAID = frozenset({b"\xff\x7f"})  # of fields that are kept as they are: no value


class Layout:
    """The fields of every record of a connection, in order."""

    __slots__ = ("_readers", "_unpack", "fields", "size")

    def __init__(self, fields: list[int]) -> None:
        self.fields = tuple(fields)
        codes = [CODES.get(field, f"{SIZES[field]}s") for field in fields]
        unpacker = struct.Struct("<" + "".join(codes))
        self._unpack = unpacker.unpack_from
        self.size = unpacker.size
        self._readers = tuple((field, NUMBERS.get(field), READERS.get(field)) for field in fields)

    def read(self, data: bytes, at: int) -> Said:
        """The record that starts at `at`."""
        said = Said()
        attributes = said.attributes
        values = self._unpack(data, at)
        for (field, number, reader), value in zip(self._readers, values, strict=True):
            if number is not None:
                if value != number.none:
                    factor = number.factor
                    attributes[number.name] = value if factor == 1 else round(value * factor, 3)
            elif reader is not None:
                reader(said, value, field)
            elif value not in UNSAID and value.strip(b"\x00") and value.strip(b"\xff"):
                said.items[str(field)] = value.hex()
        return said


def agreed(count: int, mask: bytes) -> Layout:
    """The layout that a device states: one bit per field, the highest of each byte first.

    Raises DecodeError if the mask is shorter than its fields, or announces none.
    """
    if len(mask) < -(-count // 8):
        raise DecodeError("length", f"navtelecom: {len(mask)} bytes for {count} fields", mask)
    bits = int.from_bytes(mask, "big")
    most = 8 * len(mask)
    fields = [field for field in range(1, count + 1) if bits >> (most - field) & 1]
    if not fields:
        raise DecodeError("field", "navtelecom: a record without fields", mask)
    return Layout(fields)
