"""What viewers counted: pure, and small enough to be sent from another process."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from simulator.histogram import Histogram

KEPT_VIOLATIONS = 5  # in words, per viewer; the rest are only counted


@dataclass(slots=True)
class ViewerStats:
    """One viewer's count since the measurement began."""

    number: int
    stalls: bool = False  # it was told to stall: nothing is expected of its ticks
    frames: int = 0
    first_tick: int | None = None
    last_tick: int | None = None
    missing: int = 0  # tick numbers that never came, skipped ones included
    repeated: int = 0  # tick numbers that came again, or came late
    conflated: int = 0  # ticks that the server says it skipped
    updates: int = 0  # positions that came, where this viewer decodes
    bytes: int = 0  # on the wire, TCP payload from the server
    connects: int = 0
    closes: Counter[str] = field(default_factory=Counter)  # close codes of connections that ended
    violations: int = 0
    examples: list[str] = field(default_factory=list)
    lag_ms: Histogram = field(default_factory=Histogram)  # tick boundary to frame received

    def tick(self, number: int, conflated: int, lag_s: float) -> None:
        """One frame with one tick came in."""
        self.frames += 1
        self.conflated += conflated
        self.lag_ms.add(lag_s)
        if self.first_tick is None or self.last_tick is None:
            self.first_tick = self.last_tick = number
            return
        if number <= self.last_tick:
            self.repeated += 1
            return
        self.missing += number - self.last_tick - 1
        self.last_tick = number

    def violation(self, text: str) -> None:
        """The feed contradicted its contract."""
        self.violations += 1
        if len(self.examples) < KEPT_VIOLATIONS:
            self.examples.append(text)

    @property
    def ticks(self) -> int:
        """Ticks from the first to the last that came, both included."""
        if self.first_tick is None or self.last_tick is None:
            return 0
        return self.last_tick - self.first_tick + 1


@dataclass(frozen=True, slots=True)
class Seen:
    """All viewers together, as the report writes it."""

    viewers: int
    frames: int
    ticks: int  # sum over viewers of the ticks in their span
    frames_per_viewer_per_tick: float
    by_missing: dict[int, int]  # how many viewers missed so many ticks
    by_repeated: dict[int, int]
    silent: int  # viewers to which nothing came
    ended_early: int  # viewers whose last tick is well before the last of all
    conflated: int
    connects: int
    closes: dict[str, int]
    violations: int
    examples: tuple[str, ...]
    updates: int
    bytes: int
    bytes_per_viewer_per_tick: float
    bytes_per_update: float | None  # over the viewers that decode
    lag_ms: dict[str, int]
    stalled_viewers: int  # told to stall; all above is without them, all below of them
    stalled_conflated: int
    stalled_closes: dict[str, int]


ENDED_EARLY_TICKS = 2  # one tick may be on its way when the count ends


def summarise(viewers: list[ViewerStats]) -> Seen:
    """All viewers that were to keep up; those told to stall are not judged by their ticks."""
    judged = [one for one in viewers if not one.stalls]
    stalled = [one for one in viewers if one.stalls]
    ticks, frames = sum(one.ticks for one in judged), sum(one.frames for one in judged)
    last = max((one.last_tick for one in judged if one.last_tick is not None), default=0)
    lag_ms = Histogram()
    for one in judged:
        lag_ms.merge(one.lag_ms)
    decoding = [one for one in judged if one.updates]
    updates = sum(one.updates for one in decoding)
    return Seen(
        viewers=len(judged),
        frames=frames,
        ticks=ticks,
        frames_per_viewer_per_tick=frames / ticks if ticks else 0.0,
        by_missing=dict(sorted(Counter(one.missing for one in judged).items())),
        by_repeated=dict(sorted(Counter(one.repeated for one in judged).items())),
        silent=sum(1 for one in judged if one.last_tick is None),
        ended_early=sum(
            1 for one in judged if one.last_tick and last - one.last_tick > ENDED_EARLY_TICKS
        ),
        conflated=sum(one.conflated for one in judged),
        connects=sum(one.connects for one in judged),
        closes=_closes(judged),
        violations=sum(one.violations for one in viewers),
        examples=tuple(text for one in viewers for text in one.examples)[:KEPT_VIOLATIONS],
        updates=updates,
        bytes=sum(one.bytes for one in judged),
        bytes_per_viewer_per_tick=sum(one.bytes for one in judged) / ticks if ticks else 0.0,
        bytes_per_update=sum(one.bytes for one in decoding) / updates if updates else None,
        lag_ms=lag_ms.summary(),
        stalled_viewers=len(stalled),
        stalled_conflated=sum(one.conflated for one in stalled),
        stalled_closes=_closes(stalled),
    )


def _closes(viewers: list[ViewerStats]) -> dict[str, int]:
    return dict(sum((one.closes for one in viewers), Counter()))
