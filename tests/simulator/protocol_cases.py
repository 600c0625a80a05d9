"""What the tests of all protocols share: a fix, and answers fed in three cuts."""

from __future__ import annotations

from collections.abc import Callable

from simulator.model import Fix
from simulator.protocols.base import Answer, Terminal

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
