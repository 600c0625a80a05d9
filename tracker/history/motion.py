"""Finds trips, stops and gaps in a stream of samples, one at a time.

    leg     a trip that is under way
    stand   a place where the vehicle stands: perhaps (for less than `stop_s`), or for sure
    parked  the stop that the leg has left, while the leg may still turn out to be drift

A stand begins with a slow sample and lasts while all are within its radius. After `stop_s`, or at
once with the ignition off, it is a stop and ends the leg where it began. Left earlier, it is a
part of the leg, and counts as the straight line across it: receivers wander while they stand, and
a wait at a traffic light must not add metres. A stop is left by a sample that is fast or outside;
the leg that begins with it is a trip only once it has come `min_trip_m` far, and is forgotten if it
comes back before. Pieces come out in order and without holes between them.
"""

from __future__ import annotations

import math

from tracker.geo import distance_m
from tracker.history.pieces import Cuts, Kind, Piece, Place, Rules, Spot, Tally
from tracker.history.samples import Sample

# An ignition wire that is not connected says "off" for ever. So far from where it stood, at speed
# and so many samples in a row, a vehicle drives, whatever its ignition says.
DRIVEN_OFF_M = 500.0
DRIVEN_OFF_SAMPLES = 3
OUTSIDE_SAMPLES = 2  # in a row: one alone is an error of the receiver


class _Leg:
    """A trip under way; distances are those of the samples in it."""

    __slots__ = ("far_m", "fast", "outside", "spot", "start_time", "tally")

    def __init__(self, start: Sample, cuts: Cuts) -> None:
        self.start_time = start.time
        self.spot = Spot(start.lat, start.lon)
        self.tally = Tally(cuts)
        self.tally.see(start.time, start.speed_kmh, start.odometer_m)
        self.far_m = 0.0
        self.outside = 0  # samples in a row outside the stop that it left
        self.fast = False

    def go(self, start_time: float, sample: Sample, metres: float) -> None:
        self.tally.add(start_time, sample.time, distance_m=metres)
        self.tally.see(sample.time, sample.speed_kmh, sample.odometer_m)
        self.far_m = max(self.far_m, self.spot.distance_m(sample.lat, sample.lon))


class _Stand:
    """A place where the vehicle stands, perhaps."""

    __slots__ = ("_d_lat", "_d_lon", "_samples", "certain", "spot", "start_time", "tally")

    def __init__(self, sample: Sample, cuts: Cuts) -> None:
        self.start_time = sample.time
        self.spot = Spot(sample.lat, sample.lon)
        self.tally = Tally(cuts)
        self.certain = False
        self._samples = 1
        self._d_lat = self._d_lon = 0.0

    def stay(self, since: float, sample: Sample, *, idle: bool, here: bool) -> None:
        seconds = sample.time - since
        self.tally.add(since, sample.time, idle_s=seconds if idle else 0.0)
        self.tally.see(sample.time, sample.speed_kmh, sample.odometer_m)
        if here:
            self._samples += 1
            self._d_lat += sample.lat - self.spot.lat
            self._d_lon += _turn(sample.lon - self.spot.lon)

    @property
    def place(self) -> Place:
        """The middle of all samples: better than any one of them."""
        lat = self.spot.lat + self._d_lat / self._samples
        return lat, _turn(self.spot.lon + self._d_lon / self._samples)


def _turn(degrees: float) -> float:
    """A longitude, or a difference of two, within ±180."""
    if -180.0 <= degrees <= 180.0:
        return degrees
    return degrees - math.copysign(360.0, degrees)


class Motion:
    """Samples in the order of time go in, raw pieces come out."""

    def __init__(self, rules: Rules, cuts: Cuts) -> None:
        self.rules = rules
        self.cuts = cuts
        self.places: dict[float, Place] = {}  # where the vehicle was at a cut, while it moved
        self._last: Sample | None = None
        self._ignition: bool | None = None  # as last stated
        self._wire_dead = False
        self._idle = False  # the ignition was on since the last sample
        self._leg: _Leg | None = None
        self._stand: _Stand | None = None
        self._parked: _Stand | None = None
        self._towed: _Leg | None = None  # moves with the ignition off

    def add(self, sample: Sample) -> list[Piece]:
        """The pieces that this sample has completed."""
        last = self._last
        self._idle = self._ignition is True
        if sample.ignition is not None:
            self._ignition = sample.ignition
            self._wire_dead = self._wire_dead and not sample.ignition
        if last is None:
            self._begin(sample)
            return []
        if sample.time - last.time > self.rules.gap_s or math.isinf(sample.hop_m):
            pieces = self._silence(last, sample)
        else:
            self._note_cut(last, sample)
            if self._stand is not None and self._stand.certain:
                self._standing(self._stand, last, sample)
                pieces = []
            else:
                pieces = self._moving(last, sample)
        self._last = sample
        return pieces

    def end(self) -> list[Piece]:
        """What is open at the end of the stream."""
        return [] if self._last is None else self._close(self._last)

    # -- what a sample is ------------------------------------------------------------------------

    def _slow(self, sample: Sample) -> bool:
        return sample.speed_kmh is None or sample.speed_kmh < self.rules.stop_speed_kmh

    def _off(self) -> bool:
        return self._ignition is False and not self._wire_dead

    def _within(self, stand: _Stand, sample: Sample) -> bool:
        return stand.spot.distance_m(sample.lat, sample.lon) <= self.rules.stop_radius_m

    # -- a run of samples without a gap ----------------------------------------------------------

    def _begin(self, sample: Sample) -> None:
        self._leg = self._stand = self._parked = self._towed = None
        if self._slow(sample):
            self._stand = _Stand(sample, self.cuts)
            self._stand.certain = self._off()
        else:
            self._leg = _Leg(sample, self.cuts)
        self._last = sample

    def _standing(self, stand: _Stand, last: Sample, sample: Sample) -> None:
        """A stop: does it go on?"""
        here, slow = self._within(stand, sample), self._slow(sample)
        if self._off() and not here and not slow:
            self._watch_tow(stand, last, sample)
            return
        towed, self._towed = self._towed, None
        if self._off() or (here and slow):
            since = last.time if towed is None else towed.start_time
            stand.stay(since, sample, idle=self._idle, here=here)
            return
        leg = towed or _Leg(last, self.cuts)
        leg.go(last.time, sample, sample.hop_m)
        leg.outside, leg.fast = (0 if here else leg.outside + 1), leg.fast or not slow
        self._leg, self._parked = leg, stand
        self._stand = _Stand(sample, self.cuts) if slow else None

    def _watch_tow(self, stand: _Stand, last: Sample, sample: Sample) -> None:
        """It moves with the ignition off: drift, or a wire that is not connected?"""
        leg = self._towed = self._towed or _Leg(last, self.cuts)
        leg.go(last.time, sample, sample.hop_m)
        leg.outside, leg.fast = leg.outside + 1, True
        far = stand.spot.distance_m(sample.lat, sample.lon) > DRIVEN_OFF_M
        if far and leg.outside >= DRIVEN_OFF_SAMPLES:
            self._wire_dead = True
            self._leg, self._parked, self._stand, self._towed = leg, stand, None, None

    def _moving(self, last: Sample, sample: Sample) -> list[Piece]:
        """On a leg, or before the first one; perhaps standing."""
        slow, stand = self._slow(sample), self._stand
        if self._parked is not None and slow and self._within(self._parked, sample):
            self._return_to(self._parked, last, sample)
            return []
        if stand is not None and self._within(stand, sample):
            stand.stay(last.time, sample, idle=self._idle, here=True)
            long = sample.time - stand.start_time >= self.rules.stop_s
            pieces = self._settle(stand) if slow and (long or self._off()) else []
            return pieces or self._leave_parked(sample)
        if stand is None:
            leg = self._leg or _Leg(last, self.cuts)
            leg.go(last.time, sample, sample.hop_m)
        else:
            leg = self._across(stand, sample)
        self._leg, self._stand = leg, None
        leg.fast = leg.fast or not slow
        pieces = self._leave_parked(sample)
        if slow:
            self._stand = _Stand(sample, self.cuts)
            if self._off():
                pieces += self._settle(self._stand)
        return pieces

    def _across(self, stand: _Stand, sample: Sample) -> _Leg:
        """The vehicle has left a place where it did not stand for long: the leg goes on."""
        leg = self._leg
        if leg is None:
            start = Sample(stand.start_time, stand.spot.lat, stand.spot.lon, None, None, None, 0.0)
            leg = _Leg(start, self.cuts)
        metres = distance_m(stand.spot.lat, stand.spot.lon, sample.lat, sample.lon)
        leg.tally.merge(stand.tally)
        leg.go(stand.start_time, sample, metres)
        return leg

    def _return_to(self, stand: _Stand, last: Sample, sample: Sample) -> None:
        """The leg was drift: the stop that it left goes on."""
        leg = self._leg
        since = last.time if leg is None else leg.start_time
        stand.stay(since, sample, idle=self._idle, here=self._within(stand, sample))
        self._stand, self._leg, self._parked = stand, None, None

    def _leave_parked(self, sample: Sample) -> list[Piece]:
        """The stop that the leg has left, once the leg is far enough to be a trip."""
        stand, leg = self._parked, self._leg
        if stand is None or leg is None:
            return []
        leg.outside = 0 if self._within(stand, sample) else leg.outside + 1
        if leg.outside < OUTSIDE_SAMPLES or leg.far_m < self.rules.min_trip_m:
            return []
        self._parked = None
        return [self._stop(stand, leg.start_time)]

    def _settle(self, stand: _Stand) -> list[Piece]:
        """It stands for sure: whatever was before ends where it began to stand."""
        pieces: list[Piece] = []
        leg, parked = self._leg, self._parked
        if leg is not None:
            if parked is not None:
                pieces.append(self._stop(parked, leg.start_time))
            pieces.append(self._trip(leg, stand.start_time, (stand.spot.lat, stand.spot.lon)))
        stand.certain = True
        self._leg = self._parked = self._towed = None
        return pieces

    # -- silence and ends ------------------------------------------------------------------------

    def _silence(self, last: Sample, sample: Sample) -> list[Piece]:
        """A gap, unless the vehicle stood before it and is where it was after it."""
        self._idle, self._towed = False, None  # nobody knows
        for stand in (self._parked, self._stand):
            if stand is not None and self._still_there(stand, sample):
                if stand is self._parked:
                    self._return_to(stand, last, sample)
                else:
                    here = self._within(stand, sample)
                    stand.stay(last.time, sample, idle=self._idle, here=here)
                stand.tally.add(last.time, sample.time, silent_s=sample.time - last.time)
                long = sample.time - stand.start_time >= self.rules.stop_s
                return self._settle(stand) if long and not stand.certain else []
        pieces = self._close(last)
        pieces.append(
            Piece(
                Kind.GAP,
                last.time,
                sample.time,
                (last.lat, last.lon),
                (sample.lat, sample.lon),
                Tally(self.cuts),
            )
        )
        self._ignition = sample.ignition
        self._begin(sample)
        return pieces

    def _still_there(self, stand: _Stand, sample: Sample) -> bool:
        """Whether a silence says nothing of a trip.

        A device that slept wakes when it is driven off: from where it stood for sure it may by
        then have come as far as no trip is.
        """
        reach = self.rules.stop_radius_m
        if stand.certain:
            reach = max(reach, self.rules.min_trip_m)
        return stand.spot.distance_m(sample.lat, sample.lon) <= reach

    def _close(self, last: Sample) -> list[Piece]:
        """Everything that is open, up to the last sample of a run."""
        pieces: list[Piece] = []
        stand, leg, parked = self._stand, self._leg, self._parked
        if parked is not None and leg is not None:
            if leg.outside < OUTSIDE_SAMPLES and not leg.fast:
                return [self._stop(parked, last.time)]
            pieces.append(self._stop(parked, leg.start_time))
        if leg is not None:
            if stand is not None:
                leg.tally.merge(stand.tally)
            pieces.append(self._trip(leg, last.time, (last.lat, last.lon)))
        elif stand is not None and last.time > stand.start_time:
            pieces.append(self._stop(stand, last.time))
        return [piece for piece in pieces if piece.duration_s > 0.0]

    def _stop(self, stand: _Stand, end_time: float) -> Piece:
        place = stand.place
        return Piece(Kind.STOP, stand.start_time, end_time, place, place, stand.tally)

    def _trip(self, leg: _Leg, end_time: float, end: Place) -> Piece:
        start = (leg.spot.lat, leg.spot.lon)
        return Piece(Kind.TRIP, leg.start_time, end_time, start, end, leg.tally, leg.far_m)

    def _note_cut(self, last: Sample, sample: Sample) -> None:
        """Remember where the vehicle was at each cut that lies between two samples."""
        span, times = self.cuts.span(last.time), self.cuts.times
        while span < len(times) and times[span] <= sample.time:
            share = (times[span] - last.time) / (sample.time - last.time)
            lat = last.lat + share * (sample.lat - last.lat)
            lon = last.lon + share * _turn(sample.lon - last.lon)
            self.places[times[span]] = (lat, _turn(lon))
            span += 1
