"""What the tests of all protocols share: fixes, CRCs bit by bit, and answers fed in three cuts."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from simulator.model import Fix
from simulator.protocols.base import Answer, AnswerKind, Terminal

# 2026-04-05 06:07:08 UTC, south and west, with numbers that leave traces in every field.
SOUTH_WEST = Fix(
    fix_time=1775369228.0,
    lat=-33.456789,
    lon=-70.648765,
    speed_kmh=87.6,
    course_deg=271.4,
    altitude_m=567.0,
    satellites=11,
    ignition=True,
    odometer_m=123_456_700.0,
)


def in_a_row(count: int) -> list[Fix]:
    """So many fixes, a second apart."""
    return [
        dataclasses.replace(SOUTH_WEST, fix_time=SOUTH_WEST.fix_time + at) for at in range(count)
    ]


def reflected_crc(data: bytes, polynomial: int, start: int = 0) -> int:
    """A CRC that takes the lowest bit first; the polynomial is reflected as well."""
    crc = start
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (polynomial if crc & 1 else 0)
    return crc


def plain_crc(data: bytes, width: int, polynomial: int, start: int) -> int:
    """A CRC of so many bits that takes the highest bit first."""
    crc, top = start, 1 << (width - 1)
    for byte in data:
        crc ^= byte << (width - 8)
        for _ in range(8):
            crc = (crc << 1 ^ (polynomial if crc & top else 0)) & ((1 << width) - 1)
    return crc


def kinds(answers: list[Answer]) -> list[AnswerKind]:
    """What each of them is."""
    return [answer.kind for answer in answers]


def hexed(text: str) -> bytes:
    """Bytes of a spaced hexadecimal text."""
    return bytes.fromhex(text)


def three_ways(make: Callable[[], Terminal], data: bytes) -> list[list[Answer]]:
    """The answers to `data` whole, byte by byte, and behind half of another copy of itself."""
    whole = make().receive(data)
    terminal = make()
    bytewise = [answer for byte in data for answer in terminal.receive(bytes((byte,)))]
    terminal = make()
    half = len(data) // 2
    joined = terminal.receive(data + data[:half]) + terminal.receive(data[half:])
    return [whole, bytewise, joined[: len(whole)]]
