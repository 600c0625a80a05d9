"""The timeline of one vehicle in one window: trips, stops and gaps that cover it.

Positions from a little before the window to a little after it go in page by page (`Rules.lead_s`),
pieces come out in order. What is too short to be a trip becomes a part of the stop beside it, with
no distance; what reaches over an end of the window is cut there.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tracker.history.motion import Motion
from tracker.history.pieces import Cuts, Kind, Piece, Rules, Tally
from tracker.history.samples import Sampler
from tracker.model import Position


class _Joiner:
    """Joins what is too short to what is beside it; holds one piece back to do so."""

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._held: Piece | None = None

    def add(self, piece: Piece) -> list[Piece]:
        held = self._held
        if piece.duration_s <= 0.0:  # a stop that ended with the sample that began it
            return []
        if held is not None and held.kind is piece.kind is Kind.TRIP:
            _prolong(held, piece)
            return []
        if held is not None and held.kind is Kind.STOP and self._joins(piece):
            _extend(held, piece)
            return []
        if held is not None and piece.kind is Kind.STOP and self._short(held):
            piece.start_time = held.start_time
            _add_idle(piece.tally, held.tally)
            held = None
        self._held = piece
        return [] if held is None else [held]

    def end(self) -> list[Piece]:
        held, self._held = self._held, None
        return [] if held is None else [held]

    def _joins(self, piece: Piece) -> bool:
        return piece.kind is Kind.STOP or self._short(piece)

    def _short(self, piece: Piece) -> bool:
        rules = self._rules
        return piece.kind is Kind.TRIP and (
            piece.far_m < rules.min_trip_m or piece.duration_s < rules.min_trip_s
        )


def _prolong(trip: Piece, piece: Piece) -> None:
    """Two trips without a stop between them are one."""
    trip.end_time, trip.end = piece.end_time, piece.end
    trip.far_m = max(trip.far_m, piece.far_m)
    trip.tally.merge(piece.tally)


def _extend(stop: Piece, piece: Piece) -> None:
    """A stop goes on through a piece after it; of two stops the longer one gives the place."""
    if piece.kind is Kind.STOP and piece.duration_s > stop.duration_s:
        stop.start = stop.end = piece.start
    stop.end_time = piece.end_time
    _add_idle(stop.tally, piece.tally)


def _add_idle(tally: Tally, other: Tally) -> None:
    for span, count in other.counts.items():
        mine = tally.at(span)
        mine.idle_s += count.idle_s
        mine.silent_s += count.silent_s


class Timeline:
    """Pieces that cover a window exactly. `to_time` must not lie in the future."""

    def __init__(
        self, rules: Rules, from_time: float, to_time: float, days: Sequence[float] = ()
    ) -> None:
        self.from_time, self.to_time = from_time, max(from_time, to_time)
        self.cuts = Cuts([self.from_time, *days, self.to_time])
        self._sampler = Sampler(use_ignition=rules.use_ignition)
        self._motion = Motion(rules, self.cuts)
        self._joiner = _Joiner(rules)
        self._covered = self.from_time  # up to here pieces have come out

    @property
    def inside(self) -> tuple[int, int]:
        """The first and the last span of the cuts that lie in the window."""
        return 1, len(self.cuts.times) - 1

    def add(self, positions: Iterable[Position]) -> list[Piece]:
        """Take a page; the pieces of the window that are settled by it."""
        return self._out(
            joined
            for sample in self._sampler.add(positions)
            for piece in self._motion.add(sample)
            for joined in self._joiner.add(piece)
        )

    def end(self) -> list[Piece]:
        """The pieces that are left, up to the end of the window."""
        raw = [piece for sample in self._sampler.end() for piece in self._motion.add(sample)]
        raw += self._motion.end()
        joined = [out for piece in raw for out in self._joiner.add(piece)]
        pieces = self._out(joined + self._joiner.end())
        if self._covered < self.to_time:
            pieces.append(self._gap(self._covered, self.to_time))
            self._covered = self.to_time
        return pieces

    def _out(self, pieces: Iterable[Piece]) -> list[Piece]:
        shown: list[Piece] = []
        for piece in pieces:
            if piece.end_time <= self.from_time or piece.start_time >= self.to_time:
                continue
            if piece.start_time > self._covered:  # nothing was heard before the first sample
                shown.append(self._gap(self._covered, piece.start_time))
            shown.append(self._cut(piece))
            self._covered = piece.end_time
        return shown

    def _gap(self, start_time: float, end_time: float) -> Piece:
        cut = (start_time == self.from_time, end_time == self.to_time)
        return Piece(Kind.GAP, start_time, end_time, None, None, Tally(self.cuts), cut=cut)

    def _cut(self, piece: Piece) -> Piece:
        """The piece as far as it lies in the window."""
        before, after = piece.start_time < self.from_time, piece.end_time > self.to_time
        if not before and not after:
            return piece
        places = self._motion.places
        if piece.kind is Kind.TRIP:
            piece.start = places.get(self.from_time, piece.start) if before else piece.start
            piece.end = places.get(self.to_time, piece.end) if after else piece.end
        elif piece.kind is Kind.GAP:
            piece.start = None if before else piece.start
            piece.end = None if after else piece.end
        piece.start_time = max(piece.start_time, self.from_time)
        piece.end_time = min(piece.end_time, self.to_time)
        piece.cut = (before, after)
        return piece
