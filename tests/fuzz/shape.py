"""What the frames of a protocol have in common, found by looking at them: checksums and lengths.

A mutated frame whose checksum is wrong is refused at the door. So that its inside is reached,
checksums and lengths are put right again. Where they stand is learned from the seeds, by trying
the checksums in use over the spans in use: a new protocol needs nothing here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from tracker.protocols import checks

# A checksum or length counts when it holds in so many seeds with different values: the same start
# of all frames has the same sums. Of eight bits one is right by chance in one of 256, so these are
# asked for in a share of the seeds as well.
VALUES_LEAST, SHARE_LEAST = 3, 0.12

SEEDS_MOST = 80  # looked at of one protocol
HEAD_MOST = 10  # a checked span begins within so many bytes
HEADER_MOST = 20  # a checked header is at most so long
TAIL_MOST = 6  # a checksum stands within so many bytes of the end
LENGTHS_WITHIN = 12  # a length stands within so many bytes of the start
LENGTH_ERROR = 24  # and differs from the length of the frame by at most so many

SUMS: dict[str, tuple[Callable[[bytes], int], int]] = {
    "xor8": (checks.xor8, 1),
    "sum8": (checks.sum8, 1),
    "crc8_egts": (checks.crc8_egts, 1),
    "crc16_x25": (checks.crc16_x25, 2),
    "crc16_arc": (checks.crc16_arc, 2),
    "crc16_modbus": (checks.crc16_modbus, 2),
    "crc16_kermit": (checks.crc16_kermit, 2),
    "crc16_ccitt_false": (checks.crc16_ccitt_false, 2),
}
WRITINGS = ("big", "little", "hex")


class Seal(NamedTuple):
    """A checksum over the bytes `start` to `end`, which stands at `end`. `end` is counted from the
    end of the frame if negative; `skip` bytes lie between the span and the checksum.
    """

    name: str
    start: int
    end: int
    skip: int
    writing: str

    def place(self, frame: bytes) -> tuple[int, bytes] | None:
        """Where the checksum stands and what it should be; None in a frame that is too short."""
        end = self.end if self.end > 0 else len(frame) + self.end
        if not self.start < end < len(frame):
            return None
        function, size = SUMS[self.name]
        value = function(frame[self.start : end])
        if self.writing == "hex":
            return end + self.skip, b"%0*X" % (2 * size, value)
        return end + self.skip, value.to_bytes(
            size, "little" if self.writing == "little" else "big"
        )

    def value(self, frame: bytes) -> bytes:
        """The right checksum as it is written; b"" in a frame that is too short."""
        placed = self.place(frame)
        return b"" if placed is None else placed[1]

    def holds(self, frame: bytes) -> bool:
        """Whether this checksum is right."""
        placed = self.place(frame)
        if placed is None:
            return False
        there = frame[placed[0] : placed[0] + len(placed[1])]
        return (there.upper() if self.writing == "hex" else there) == placed[1]


class Length(NamedTuple):
    """A number at `at` that is the length of the frame less `less`."""

    at: int
    size: int
    order: str
    less: int

    def holds(self, frame: bytes) -> bool:
        """Whether this length is right."""
        field = frame[self.at : self.at + self.size]
        order = "little" if self.order == "little" else "big"
        return len(field) == self.size and int.from_bytes(field, order) == len(frame) - self.less  # type: ignore[arg-type]


class Shape(NamedTuple):
    """The seals and lengths of one frame, those of headers first."""

    seals: tuple[Seal, ...]
    lengths: tuple[Length, ...]

    def repair(self, frame: bytearray) -> None:
        """Put right the lengths and then the checksums of what the frame has become."""
        for length in self.lengths:
            put(frame, length.at, length.size, length.order, len(frame) - length.less)
        for seal in self.seals:
            placed = seal.place(bytes(frame))
            if placed is not None and placed[0] + len(placed[1]) <= len(frame):
                frame[placed[0] : placed[0] + len(placed[1])] = placed[1]

    def of(self, frame: bytes) -> Shape:
        """What of it is true of a frame."""
        return Shape(
            tuple(seal for seal in self.seals if seal.holds(frame)),
            tuple(length for length in self.lengths if length.holds(frame)),
        )


def put(frame: bytearray, at: int, size: int, order: str, value: int) -> None:
    """Write a number into a frame, cut to its size."""
    if at + size <= len(frame):
        value &= (1 << 8 * size) - 1
        frame[at : at + size] = value.to_bytes(size, "little" if order == "little" else "big")


def learn(frames: Sequence[bytes]) -> Shape:
    """What the frames of a protocol may have."""
    distinct = sorted(set(frames), key=lambda frame: (len(frame), frame))
    looked_at = distinct[:: max(1, len(distinct) // SEEDS_MOST)][:SEEDS_MOST]
    seals: dict[Seal, set[bytes]] = {}
    lengths: dict[Length, set[int]] = {}
    for frame in looked_at:
        for seal in seals_of(frame):
            seals.setdefault(seal, set()).add(seal.value(frame))
        for length in lengths_of(frame):
            lengths.setdefault(length, set()).add(len(frame))
    share = max(VALUES_LEAST, SHARE_LEAST * len(looked_at))
    found = [
        seal
        for seal, values in seals.items()
        if len(values) >= (share if SUMS[seal.name][1] == 1 else VALUES_LEAST)
    ]
    found.sort(key=lambda seal: (seal.end < 0, len(seals[seal])))
    return Shape(
        tuple(found), tuple(length for length, sizes in lengths.items() if len(sizes) >= share)
    )


def seals_of(frame: bytes) -> Iterator[Seal]:
    """The checksums that hold in a frame."""
    ends = [*range(-TAIL_MOST, 0), *range(4, min(HEADER_MOST, len(frame)))]
    for name, (function, size) in SUMS.items():
        for start in range(min(HEAD_MOST, len(frame))):
            for end in ends:
                stop = end if end > 0 else len(frame) + end
                if stop - start < 3:
                    continue
                value = function(frame[start:stop])
                for skip in (0, 1, 2) if end < 0 else (0,):
                    yield from written(frame, Seal(name, start, end, skip, ""), stop, value, size)


def written(frame: bytes, seal: Seal, stop: int, value: int, size: int) -> Iterator[Seal]:
    """The writings in which a value stands behind its span."""
    there = frame[stop + seal.skip : stop + seal.skip + 2 * size]
    if there[:size] == value.to_bytes(size, "big") and value:
        yield seal._replace(writing="big")
    if size > 1 and there[:size] == value.to_bytes(size, "little") and value:
        yield seal._replace(writing="little")
    if there.upper() == b"%0*X" % (2 * size, value):
        yield seal._replace(writing="hex")


def lengths_of(frame: bytes) -> Iterator[Length]:
    """The lengths that hold in a frame."""
    for at in range(min(LENGTHS_WITHIN, len(frame))):
        for size, order in ((1, "big"), (2, "big"), (2, "little"), (4, "big")):
            field = frame[at : at + size]
            value = int.from_bytes(field, "little" if order == "little" else "big")
            less = len(frame) - value
            if len(field) == size and 0 <= less <= LENGTH_ERROR and value > 0:
                yield Length(at, size, order, less)
