"""Turns: connections that have more to say than is listened to at once go on one after the other.

A connection that was read handles a bounded number of messages; for the rest it stands in line
here and is not read meanwhile. The line is served for a few milliseconds, then the loop runs: so
neither one talkative device nor many of them delay anybody else by more.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from typing import Protocol

# Messages, damaged frames and positions that a connection handles without a pause: less than a
# millisecond as a rule, and more than a healthy device says at once.
TURN_STEPS = 16
SERVE_S = 0.002  # that the line is served before everybody else gets a chance
# A connection that had to wait so often in so many seconds is told of: hundreds of messages a
# second, for which a device has no reason, though a relay of a whole fleet may.
TALKATIVE_TURNS = 200
TALKATIVE_S = 10.0
# Read at once, and so the most that each connection can have waiting here. Many times what a
# device says at once.
READ_BYTES = 16_384


class Talk:
    """How often one connection had to wait for its turn."""

    __slots__ = ("_since", "_told", "_turns")

    def __init__(self) -> None:
        self._turns = 0
        self._since = 0.0
        self._told = False

    def too_much(self, now: float) -> bool:
        """Once more, at `now` in seconds: True once, when it is worth telling."""
        if now - self._since > TALKATIVE_S:
            self._since, self._turns = now, 0
        self._turns += 1
        if self._told or self._turns < TALKATIVE_TURNS:
            return False
        self._told = True
        return True


class Waiting(Protocol):
    """Who stands in line."""

    def go_on(self) -> None:
        """Do a bounded piece of work, and join again if there is more."""


class Turns:
    """The line of one node, and the buffer that its connections are read into."""

    def __init__(self) -> None:
        self.buffer = memoryview(bytearray(READ_BYTES))  # used only within one call of the loop's
        self._line: deque[Waiting] = deque()
        self._planned = False

    def __len__(self) -> int:
        return len(self._line)

    def join(self, who: Waiting) -> None:
        """Let `who` go on when it is its turn. Nobody stands in line twice: that is for them."""
        self._line.append(who)
        if not self._planned:
            self._planned = True
            asyncio.get_running_loop().call_soon(self._serve)

    def _serve(self) -> None:
        until = time.monotonic() + SERVE_S
        try:
            while self._line:
                self._line.popleft().go_on()
                if time.monotonic() >= until:
                    break
        finally:
            self._planned = bool(self._line)
            if self._planned:
                asyncio.get_running_loop().call_soon(self._serve)
