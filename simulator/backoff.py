"""Full-jitter exponential backoff, as the live feed's contract words it."""

from __future__ import annotations

import random

FIRST_S = 0.5
LONGEST_S = 30.0
GOOD_AFTER_S = 60.0  # a connection that lasted so long makes the next failure a first one


class Backoff:
    """How long to wait before the next attempt: random between 0 and a bound that doubles."""

    __slots__ = ("_bound_s", "_rng")

    def __init__(self, rng: random.Random) -> None:
        self._rng = rng
        self._bound_s = FIRST_S

    def next_delay_s(self) -> float:
        """The delay before the next attempt; doubles the bound up to 30 s."""
        delay_s = self._rng.uniform(0.0, self._bound_s)
        self._bound_s = min(LONGEST_S, self._bound_s * 2.0)
        return delay_s

    def ended(self, lasted_s: float) -> None:
        """A connection ended that had lasted `lasted_s`."""
        if lasted_s >= GOOD_AFTER_S:
            self._bound_s = FIRST_S
