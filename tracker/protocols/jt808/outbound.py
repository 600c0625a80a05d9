"""Long messages to a JT/T 808 terminal: cut into packets, and kept to be sent again on request.

A body that does not fit into one frame goes out in packets with serials in a row (attribute bit 13,
then packets u16 and packet u16 from 1). The terminal may ask for some of them again, by the serial
of the first. Memory is bounded by the size of one message and the number of messages kept.
"""

from __future__ import annotations

from tracker.errors import CommandError
from tracker.protocols.jt808.wire import BODY_MOST, Head, pack

# The longest body: 16 packets. Texts and parameter lists come to a few of them.
LONG_MOST = 16 * BODY_MOST

# Messages kept for a terminal that misses packets: the one under way and the one before it.
KEPT_MOST = 2


class Outbound:
    """The packets of the last long messages of one connection."""

    __slots__ = ("_kept",)

    def __init__(self) -> None:
        self._kept: dict[int, tuple[bytes, ...]] = {}  # by the serial of the first packet

    @property
    def held(self) -> int:
        """Bytes that are kept."""
        return sum(len(packet) for packets in self._kept.values() for packet in packets)

    def cut(self, head: Head, message: int, serial: int, body: bytes) -> tuple[bytes, ...]:
        """The frames of a message whose first has this serial; kept if they are several.

        Raises CommandError for a body of more than LONG_MOST bytes.
        """
        if len(body) <= BODY_MOST:
            return (pack(head, message, serial, body),)
        if len(body) > LONG_MOST:
            raise CommandError(f"jt808: a body has at most {LONG_MOST} bytes", value=len(body))
        parts = [body[at : at + BODY_MOST] for at in range(0, len(body), BODY_MOST)]
        packets = tuple(
            pack(head, message, (serial + index) & 0xFFFF, part, (len(parts), index + 1))
            for index, part in enumerate(parts)
        )
        self._kept.pop(serial, None)
        if len(self._kept) >= KEPT_MOST:
            del self._kept[next(iter(self._kept))]
        self._kept[serial] = packets
        return packets

    def again(self, first_serial: int, numbers: tuple[int, ...]) -> bytes:
        """Those packets, as they were sent; b"" for what is not kept."""
        packets = self._kept.get(first_serial, ())
        wanted = dict.fromkeys(number for number in numbers if 1 <= number <= len(packets))
        return b"".join(packets[number - 1] for number in wanted)

    def last_serial(self, serial: int) -> int:
        """The serial of the last packet of the message that has a packet with this serial; the
        serial itself where that is none.
        """
        for first, packets in self._kept.items():
            if (serial - first) & 0xFFFF < len(packets):
                return (first + len(packets) - 1) & 0xFFFF
        return serial
