"""Driven against seen: every position that was sent, and what each decoding viewer made of it.

For each viewer a position is *exact* (seen with the numbers that its frame stated), *merged* (a
newer one of the same vehicle came in time instead: positions are latest-value), *late* (seen, but
too long after it was sent) or *lost* (neither it nor a newer one came within three ticks). What is
seen and was never sent is *wrong*; a fix older than the one shown before is *backwards*.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

from simulator.histogram import Histogram
from simulator.identity import same_ident
from simulator.model import Fix, Stated
from simulator.protocols.base import Family

LOST_AFTER_TICKS = 3
KEPT_PER_VEHICLE = 128  # more than any viewer can be behind before the server closes it, at 1 Hz
EXAMPLES = 10
# One unit of the feed: the server may round where a protocol's units and the feed's do not meet.
TOLERANCE = 1
FULL_TURN_DDEG = 3600


@dataclass(slots=True)
class Sent:
    """One position as it was driven."""

    index: int  # in order of sending, per vehicle
    stated: Stated
    sent_time: float
    prompt: bool  # it should be seen at once: not stored, not hit by a fault
    acknowledged: bool = False


@dataclass(slots=True)
class Track:
    """One vehicle: its latest positions, and how far each viewer has got."""

    family: Family
    resolved: list[int]  # per viewer: the index of the newest position whose fate is known
    shown: list[Stated | None]  # per viewer: what it shows
    recent: deque[Sent] = field(default_factory=deque)
    by_time: dict[int, list[Sent]] = field(default_factory=dict)
    sent: int = 0
    newest: Sent | None = None  # by time of fix: what the server must show in the end
    kept: list[Sent] | None = None  # all of them, where the stored track will be checked


@dataclass(slots=True)
class Fates:
    """Counts over all positions and all decoding viewers."""

    exact: int = 0
    merged: int = 0
    late: int = 0
    lost: int = 0
    wrong: int = 0
    backwards: int = 0
    excused: int = 0  # stored, or hit by a fault: they may come late or not at all
    examples: list[str] = field(default_factory=list)

    def example(self, text: str) -> None:
        """Keep the first few in words."""
        if len(self.examples) < EXAMPLES:
            self.examples.append(text)


class Ledger:
    """The comparison of one run. `now` is Unix seconds."""

    def __init__(
        self,
        vehicles: Iterable[tuple[int, str, Family]],
        viewers: int,
        *,
        late_after_s: float = 2.0,
        keep: Collection[int] = (),
    ) -> None:
        """`vehicles`: number, identity, protocol. `keep`: numbers whose every position is kept."""
        self.fates = Fates()
        self.lag_ms = Histogram()
        self._started_ms = math.inf  # older fixes were there before the run
        self._viewers = viewers
        self._late_after_s = late_after_s
        self._lost_after_s = late_after_s
        self.tracks: dict[int, Track] = {}
        self._by_ident: dict[str, Track] = {}
        for number, ident, family in vehicles:
            track = Track(family, [-1] * viewers, [None] * viewers)
            track.kept = [] if number in keep else None
            self.tracks[number] = track
            self._by_ident[same_ident(ident)] = track

    def begin(self, start: float, tick_s: float) -> None:
        """The run's first fix is at `start` (Unix seconds); what was seen before does not count."""
        self._started_ms = start * 1000.0
        self._lost_after_s = max(LOST_AFTER_TICKS * tick_s, self._late_after_s)

    def sent(self, number: int, fix: Fix, now: float, *, prompt: bool) -> None:
        """A position was written to the socket."""
        track = self.tracks[number]
        sent = Sent(track.sent, track.family.stated(fix), now, prompt)
        track.sent += 1
        track.recent.append(sent)
        of_its_time = track.by_time.setdefault(sent.stated.fix_ms, [])
        of_its_time.append(sent)
        if track.newest is None or sent.stated.fix_ms >= track.newest.stated.fix_ms:
            track.newest = sent
        if track.kept is not None:
            track.kept.append(sent)
        if len(of_its_time) > 1:
            self._repeats(track, sent, now)
        if len(track.recent) > KEPT_PER_VEHICLE:
            self._forget_oldest(track, now)

    def acknowledged(self, number: int, fix: Fix) -> None:
        """The server has a position for good."""
        track = self.tracks[number]
        stated = track.family.stated(fix)
        for sent in track.by_time.get(stated.fix_ms, ()):
            if sent.stated == stated:
                sent.acknowledged = True

    def seen(self, viewer: int, device: str, seen: Stated, now: float) -> None:
        """A viewer got the position of the vehicle whose tracker reports itself as `device`."""
        track = self._by_ident.get(same_ident(device))
        if track is None or seen.fix_ms < self._started_ms:
            return  # not ours, or from before the run
        shown = track.shown[viewer]
        if shown is not None and seen.fix_ms < shown.fix_ms:
            self.fates.backwards += 1
            self.fates.example(f"{device}: back from {shown} to {seen}")
        track.shown[viewer] = seen
        found = self._match(track, seen, track.resolved[viewer])
        if found is None:
            self.fates.wrong += 1
            candidates = [sent.stated for sent in track.by_time.get(seen.fix_ms, ())]
            self.fates.example(f"{device}: saw {seen}, sent {candidates or 'no such fix'}")
        elif found.index > track.resolved[viewer]:
            self._resolve(track, viewer, found.index - 1, now)
            track.resolved[viewer] = found.index
            self._came(found, now)
            twins = (one for one in track.by_time[seen.fix_ms] if same(one.stated, seen))
            self._resolve(track, viewer, max(twin.index for twin in twins), now)

    def finish(self, now: float) -> Fates:
        """Decide on what is still open: older than three ticks and never seen is lost."""
        for track in self.tracks.values():
            for viewer in range(self._viewers):
                self._resolve(track, viewer, track.sent - 1, now)
        return self.fates

    def _match(self, track: Track, seen: Stated, resolved: int) -> Sent | None:
        """The position that was seen: of several alike, the oldest that is still open."""
        alike = [sent for sent in track.by_time.get(seen.fix_ms, ()) if same(sent.stated, seen)]
        return next((sent for sent in alike if sent.index > resolved), alike[-1] if alike else None)

    def _repeats(self, track: Track, sent: Sent, now: float) -> None:
        """A position that says again what a viewer shows already has nothing to show it.

        Faster than 1 Hz, a vehicle that stands still says the same several times a second, as
        protocols state whole seconds; a server shows and stores it once.
        """
        for viewer, shown in enumerate(track.shown):
            if shown is not None and same(sent.stated, shown):
                self._resolve(track, viewer, sent.index, now)

    def _came(self, sent: Sent, now: float) -> None:
        if not sent.prompt:
            self.fates.excused += 1
            return
        lag_s = now - sent.sent_time
        self.lag_ms.add(lag_s)
        self.fates.exact += 1
        if lag_s > self._late_after_s:
            self.fates.late += 1
            self.fates.example(f"seen {lag_s:.3f} s after it was sent: {sent.stated}")

    def _resolve(self, track: Track, viewer: int, through: int, now: float) -> None:
        """Decide on the open positions up to and including `through`: they were not seen."""
        resolved = track.resolved[viewer]
        track.resolved[viewer] = max(resolved, through)
        for sent in reversed(track.recent):
            if sent.index <= resolved:
                break
            if sent.index <= through:
                self._passed_over(sent, now)

    def _passed_over(self, sent: Sent, now: float) -> None:
        if not sent.prompt:
            self.fates.excused += 1
        elif now - sent.sent_time > self._lost_after_s:
            self.fates.lost += 1
            self.fates.example(f"not seen {now - sent.sent_time:.3f} s later: {sent.stated}")
        else:
            self.fates.merged += 1

    def _forget_oldest(self, track: Track, now: float) -> None:
        oldest = track.recent[0]
        for viewer, resolved in enumerate(track.resolved):
            if resolved < oldest.index:
                self._resolve(track, viewer, oldest.index, now)
        track.recent.popleft()
        alike = track.by_time[oldest.stated.fix_ms]
        alike.remove(oldest)
        if not alike:
            del track.by_time[oldest.stated.fix_ms]


def same(stated: Stated, seen: Stated) -> bool:
    """Whether what is seen is what a frame stated, to one unit of the feed."""
    turn = abs(stated.course_ddeg - seen.course_ddeg)
    return (
        stated.fix_ms == seen.fix_ms
        and abs(stated.lat_e6 - seen.lat_e6) <= TOLERANCE
        and abs(stated.lon_e6 - seen.lon_e6) <= TOLERANCE
        and abs(stated.speed_dkmh - seen.speed_dkmh) <= TOLERANCE
        and min(turn, FULL_TURN_DDEG - turn) <= TOLERANCE
    )
