"""Split JT/T 808 messages: putting packets together, asking again for those that are missing.

Memory is bounded by the number of messages, of their packets and of their bytes; time by the
number of times that missing packets are asked for. Time comes from outside, with every packet.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import islice

from tracker.errors import DecodeError
from tracker.protocols.jt808.wire import Frame, Head

MEDIA = 0x0801

# Terminals send one split message after the other; more at once are remains of lost ones.
MESSAGES_MOST = 4

# Bytes held for one connection. Batches and answers come to some 10 KB; of media only the first
# packet is held.
BYTES_MOST = 65_536

# Packets of one message: a video of 4 MB.
PACKETS_MOST = 4096

# Missing packets are asked for again after this long, three times in all; terminals repeat on
# their own within a minute.
PATIENCE_S = 60.0
REQUESTS_MOST = 3

# Packets named in one request: as many as fit into a count of one byte, and into one body.
NAMED_MOST = 125

Key = tuple[Head, int, int, int]


@dataclass(slots=True)
class Split:
    """One message that is being put together."""

    head: Head
    message: int
    packets: int
    first_serial: int
    heard: float
    came: int = 0  # bit n: packet n has come
    parts: dict[int, bytes] = field(default_factory=dict)  # those that are held
    size: int = 0  # bytes of all packets, held or not
    held: int = 0
    requests: int = 0

    @property
    def complete(self) -> bool:
        """Whether every packet has come."""
        return self.came.bit_count() == self.packets

    @property
    def missing(self) -> list[int]:
        """Numbers of the packets that have not come, at most as many as a request can name."""
        absent = (number for number in range(1, self.packets + 1) if not self.came >> number & 1)
        return list(islice(absent, NAMED_MOST))

    @property
    def body(self) -> bytes:
        """The packets that are held, in their order."""
        return b"".join(self.parts[number] for number in sorted(self.parts))


class Splits:
    """The split messages of one connection."""

    __slots__ = ("_open",)

    def __init__(self) -> None:
        self._open: dict[Key, Split] = {}

    @property
    def held(self) -> int:
        """Bytes held of messages that are not complete."""
        return sum(split.held for split in self._open.values())

    def add(self, frame: Frame, now: float) -> Split:
        """Take one packet. Once the split is complete it is forgotten here."""
        if frame.packets > PACKETS_MOST:
            raise DecodeError("split", f"jt808: a message of {frame.packets} packets")
        first_serial = (frame.serial - frame.packet + 1) & 0xFFFF
        key = (frame.head, frame.message, first_serial, frame.packets)
        split = self._open.get(key)
        if split is None:
            split = Split(frame.head, frame.message, frame.packets, first_serial, now)
            self._make_room()
            self._open[key] = split
        split.heard = now
        if not split.came >> frame.packet & 1:
            split.came |= 1 << frame.packet
            split.size += len(frame.body)
            if frame.message != MEDIA or frame.packet == 1:
                split.parts[frame.packet] = frame.body
                split.held += len(frame.body)
        if split.complete:
            del self._open[key]
        elif self.held > BYTES_MOST:
            del self._open[key]
            raise DecodeError("split", f"jt808: more than {BYTES_MOST} bytes in split messages")
        return split

    def overdue(self, now: float) -> tuple[list[Split], int]:
        """Splits whose missing packets should be asked for now, and how many were given up."""
        due: list[Split] = []
        lost = 0
        for key, split in list(self._open.items()):
            if now - split.heard < PATIENCE_S:
                continue
            split.heard = now
            split.requests += 1
            if split.requests > REQUESTS_MOST:
                del self._open[key]
                lost += 1
            else:
                due.append(split)
        return due, lost

    def __bool__(self) -> bool:
        return bool(self._open)

    def _make_room(self) -> None:
        if len(self._open) >= MESSAGES_MOST:
            oldest = min(self._open, key=lambda key: self._open[key].heard)
            del self._open[oldest]
