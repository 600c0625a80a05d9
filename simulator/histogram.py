"""Counts of durations in steps of one millisecond, from which percentiles are read.

Bounded however long a run lasts, and two of them add up: viewers in other processes count on their
own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

PERCENTILES = (50.0, 90.0, 99.0)


class Histogram:
    """Durations in whole milliseconds; negative ones (a clock ahead of ours) stay as they are."""

    __slots__ = ("_counts",)

    def __init__(self, counts: Counter[int] | None = None) -> None:
        self._counts: Counter[int] = Counter() if counts is None else Counter(counts)

    def __len__(self) -> int:
        return self._counts.total()

    def add(self, duration_s: float) -> None:
        """Count one duration."""
        self._counts[round(duration_s * 1000.0)] += 1

    def merge(self, other: Histogram) -> None:
        """Add all that another one has counted."""
        self._counts.update(other._counts)

    def percentiles(self, wanted: Sequence[float]) -> list[int]:
        """Milliseconds below or at which so many percent lie (nearest rank); empty: zeros."""
        total = self._counts.total()
        values = sorted(self._counts.items())
        found: list[int] = []
        for percent in wanted:
            rank = max(1, -(-total * percent // 100))  # ceiling
            below = 0
            for value, count in values:
                below += count
                if below >= rank:
                    found.append(value)
                    break
            else:
                found.append(0)
        return found

    def summary(self) -> dict[str, int]:
        """Count, percentiles and maximum, as the report writes them."""
        *middle, highest = self.percentiles([*PERCENTILES, 100.0])
        named = {f"p{percent:g}": value for percent, value in zip(PERCENTILES, middle, strict=True)}
        return {"count": len(self), **named, "max": highest}
