"""How a frame is spoiled: each mutation takes a frame and changes it in place."""

from __future__ import annotations

import random
import re
from collections.abc import Callable

from tests.fuzz.shape import Shape, put

LONGEST = 20_000  # bytes of one mutated frame: beyond every frame limit of the devices' protocols

NUMBERS = (0, 1, 2, 0x7D, 0x7E, 0x7F, 0x80, 0xFE, 0xFF, 0x0A, 0x0D, 0x24, 0x2A, 0x23)
TEXTS = (
    b"", b"-", b"+", b".", b"0", b"-0", b"NA", b"nan", b"inf", b"1e400", b"9" * 30, b"0" * 40, b"V",
    b"A", b"-1", b"180.000001", b"360", b"65536", b"4294967296", b"18446744073709551616", b"0x10",
    b"\xd9\xa1\xd9\xa2", b"\xc2\xb2", b"\xff\xfe", b"\x00", b" ", b"1_000", b"312399", b"999999",
    b"240230", b"6060", b"9099.9999", b"%00", b"[[[[", b'{"a":', b"true", b"null", b"1-2", b"..",
)  # fmt: skip
FIELD = re.compile(rb"[^,;:|*#()=&\r\n$@\[\]{}\"]+")


def flip(frame: bytearray, rng: random.Random) -> None:
    """One to four bits."""
    for _ in range(rng.randint(1, 4)):
        frame[rng.randrange(len(frame))] ^= 1 << rng.randrange(8)


def overwrite(frame: bytearray, rng: random.Random) -> None:
    """Some bytes by telling or random values."""
    at = rng.randrange(len(frame))
    for place in range(at, min(len(frame), at + rng.choice((1, 1, 2, 4, 8)))):
        frame[place] = rng.choice(NUMBERS) if rng.random() < 0.7 else rng.randrange(256)


def insert(frame: bytearray, rng: random.Random) -> None:
    """Random bytes."""
    at = rng.randint(0, len(frame))
    frame[at:at] = rng.randbytes(rng.choice((1, 1, 2, 3, 7, 20, 300)))


def delete(frame: bytearray, rng: random.Random) -> None:
    """A span."""
    at = rng.randrange(len(frame))
    del frame[at : at + rng.choice((1, 1, 2, 3, 8, 30))]


def repeat(frame: bytearray, rng: random.Random) -> None:
    """A span again and again."""
    at = rng.randrange(len(frame))
    span = bytes(frame[at : at + rng.choice((1, 2, 5, 17, 60))])
    frame[at:at] = span * min(rng.choice((1, 2, 20, 400)), LONGEST // len(span))


def truncate(frame: bytearray, rng: random.Random) -> None:
    """Only the beginning, or only the end."""
    at = rng.randrange(len(frame))
    del frame[at if rng.random() < 0.7 else 0 : len(frame) if rng.random() < 0.7 else at]


def stretch(frame: bytearray, rng: random.Random) -> None:
    """A number near the start, which may be a length or a count."""
    size = rng.choice((1, 2, 4))
    at = rng.randrange(min(len(frame), 24))
    value = rng.choice((0, 1, len(frame) * 2, 0xFF, 0x3FF, 0x7FFF, 0xFFFF, 1 << 31, (1 << 32) - 1))
    put(frame, at, size, rng.choice(("big", "little")), value)


def refill(frame: bytearray, rng: random.Random) -> None:
    """A field of a text, by what a reader may stumble over."""
    fields = list(FIELD.finditer(frame))
    if fields:
        field = rng.choice(fields)
        frame[field.start() : field.end()] = rng.choice(TEXTS)


def redigit(frame: bytearray, rng: random.Random) -> None:
    """Some digits of a text by others."""
    places = [at for at, byte in enumerate(frame) if 0x30 <= byte <= 0x39]
    for at in rng.sample(places, min(len(places), rng.randint(1, 4))):
        frame[at] = rng.choice(b"0123456789ABCDEF-. ")


MUTATIONS: tuple[Callable[[bytearray, random.Random], None], ...] = (
    flip, flip, overwrite, overwrite, insert, delete, repeat, truncate, stretch, refill, refill,
    redigit,
)  # fmt: skip


def mutated(frame: bytes, other: bytes, shape: Shape, rng: random.Random) -> bytes:
    """A frame of this shape after one to three mutations, perhaps spliced with another one, perhaps
    with its lengths and checksums put right.
    """
    spoiled = bytearray(frame)
    if rng.random() < 0.1 and other:
        at = rng.randrange(len(other))
        spoiled[rng.randint(0, len(spoiled)) :] = other[at:]
    for _ in range(rng.choice((1, 1, 1, 2, 3))):
        if spoiled:
            rng.choice(MUTATIONS)(spoiled, rng)
    del spoiled[LONGEST:]
    if rng.random() < 0.6:
        shape.repair(spoiled)
    return bytes(spoiled)
