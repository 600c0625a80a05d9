"""How fast a vehicle is, as far as it is known, for whoever must not be wrong about that.

Not the speed of the newest fix: that may state none, lie in the future or be a memory of the
receiver's. What was received last counts, and where two things contradict each other, the faster:
a vehicle is believed to be slow only by a valid fix that is not older than what said it was fast.
"""

from __future__ import annotations

from dataclasses import replace

from tracker.model import Position, Speed, SpeedSource

# For so long no movement that we worked out ourselves outweighs a speed that the device has stated:
# a receiver that repeats its last place seems to stand.
STATED_COUNTS_S = 300.0

# By names of our own: to look them up in their class with every fix costs as much as using them.
STATED, DERIVED = SpeedSource.STATED, SpeedSource.DERIVED
DOUBTFUL = SpeedSource.DOUBTFUL


def newest(mine: Speed | None, theirs: Speed | None) -> Speed | None:
    """What was received later; of equal ones the first."""
    if mine is None or (theirs is not None and theirs.received_time > mine.received_time):
        return theirs
    return mine


def after_fix(
    known: Speed | None, position: Position, moved: Speed | None, moving_above_kmh: float
) -> Speed | None:
    """What is known after a position; `moved` is how fast movement says that it was.

    km/h up to `moving_above_kmh` are no driving, and come of noise too.
    """
    new = stated(position) or moved
    if new is not None:
        known = _of_two(known, new, moving_above_kmh)
    fix = position.fix
    if fix.ignition is False and (fix.speed_kmh is None or not fix.valid):
        return at_rest(known, fix.fix_time, position.received_time, moving_above_kmh)
    return known


def stated(position: Position) -> Speed | None:
    """What the device itself says; doubtful without satellites."""
    fix = position.fix
    if fix.speed_kmh is None:
        return None
    source = STATED if fix.valid else DOUBTFUL
    received = position.received_time
    return Speed(fix.speed_kmh, min(fix.fix_time, received), received, source)


def at_rest(
    known: Speed | None, time: float, received_time: float, moving_above_kmh: float
) -> Speed | None:
    """What is known after the device said at a time that its ignition is off: that a vehicle which
    stood stands still. Of one that drove, or of which nothing is known, it proves nothing.
    """
    if known is None or known.kmh > moving_above_kmh:
        return known
    return replace(
        known,
        fix_time=max(known.fix_time, min(time, received_time)),
        received_time=max(known.received_time, received_time),
    )


def _of_two(known: Speed | None, new: Speed, moving_above_kmh: float) -> Speed | None:
    """The one that counts."""
    if new.source is DOUBTFUL and new.kmh <= moving_above_kmh:
        return known  # it proves neither that it drives nor that it stands
    if known is None:
        return new
    old = new.received_time - known.received_time > STATED_COUNTS_S
    if new.kmh >= known.kmh:
        counts = new.fix_time >= known.fix_time or new.kmh > moving_above_kmh
    elif new.source is STATED:
        counts = new.fix_time >= known.fix_time
    elif new.source is DERIVED:
        weak = known.source is DERIVED or known.kmh <= moving_above_kmh
        counts = new.fix_time >= known.fix_time and (old or weak)
    else:
        counts = old
    if not counts:
        return known
    if new.received_time >= known.received_time:
        return new
    # In the order of reception, also where the clock of the node that knew it before is ahead.
    return replace(new, received_time=known.received_time)
