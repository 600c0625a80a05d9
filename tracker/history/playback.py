"""Playback in blocks of fixed length that a browser may keep, and the manifest of a timeline.

A block is everything that one or many vehicles reported between `block * BLOCK_S` and the next
one, as columns. Its address is its time, so every viewer who replays an hour asks for the same six
addresses.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from tracker.errors import RequestError

BLOCK_S = 600  # seconds: a fleet's block is some hundred KB, a day of one vehicle 144 requests
MINUTE_S = 60
MINUTES_IN_BLOCK = BLOCK_S // MINUTE_S
# After its end a block still changes while devices deliver what they could not send at once. Most
# do so in seconds, a device that was out of coverage in hours; after that it is kept for a day.
SETTLE_S = 60
BACKLOG_S = 86_400
KEEP_FRESH_S = 60
KEEP_OLD_S = 86_400
FIRST_STEP_S, LAST_STEP_S = 1, 60

# What was sent depends on who asked, so only the asker's own cache may keep it.
NOT_KEPT = "no-store"
KEPT_SHORTLY = f"private, max-age={KEEP_FRESH_S}"
KEPT_LONG = f"private, max-age={KEEP_OLD_S}, immutable"


def block_of(time: float) -> int:
    """The block in which a time lies."""
    return int(time // BLOCK_S)


def block_span(block: int) -> tuple[int, int]:
    """(first, last) microsecond of a block, both in it."""
    return block * BLOCK_S * 1_000_000, (block + 1) * BLOCK_S * 1_000_000 - 1


def cache_rule(block: int, now: float) -> str:
    """The Cache-Control of a block at a time."""
    age_s = now - (block + 1) * BLOCK_S
    if age_s < SETTLE_S:
        return NOT_KEPT
    return KEPT_SHORTLY if age_s < BACKLOG_S else KEPT_LONG


def is_closed(block: int, now: float) -> bool:
    """Whether a block is over, and has had its time to settle."""
    return now - (block + 1) * BLOCK_S >= SETTLE_S


class Coarse:
    """Lets one fix of a vehicle through per step of `step_s`: the first; 0 lets all through."""

    __slots__ = ("_last", "_step_us")

    def __init__(self, step_s: int) -> None:
        self._step_us = step_s * 1_000_000
        self._last = -1

    def takes(self, time_us: int) -> bool:
        """Whether a fix of this time belongs to the answer."""
        if not self._step_us:
            return True
        step = time_us // self._step_us
        if step == self._last:
            return False
        self._last = step
        return True


def manifest(counts: Mapping[int, int]) -> list[dict[str, Any]]:
    """The blocks with data, each with its positions minute by minute.

    `counts` has the number of positions by minute (floor(unix / 60)).
    """
    blocks: dict[int, list[int]] = {}
    for minute in sorted(counts):
        block, offset = divmod(minute, MINUTES_IN_BLOCK)
        blocks.setdefault(block, [0] * MINUTES_IN_BLOCK)[offset] = counts[minute]
    return [{"block": block, "minutes": minutes} for block, minutes in blocks.items()]


def minute_runs(minutes: Iterable[int]) -> list[tuple[int, int]]:
    """Ranges (first, last) of minutes that follow each other."""
    runs: list[tuple[int, int]] = []
    for minute in sorted(set(minutes)):
        if runs and minute == runs[-1][1] + 1:
            runs[-1] = (runs[-1][0], minute)
        else:
            runs.append((minute, minute))
    return runs


def check_block(text: str, now: float) -> int:
    """A block's number out of its address. Raises RequestError."""
    last = block_of(now) + 1
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and int(text) <= last):
        raise RequestError(
            f"block: must be floor(Unix time / {BLOCK_S}), from 0 to {last} now", value=text
        )
    return int(text)
