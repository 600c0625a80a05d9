"""The newest known speed: what counts, in whatever order it comes and whoever hears it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.builders import T0, fix, live
from tracker import speeds
from tracker.commands import pace
from tracker.fleet import Fleet
from tracker.model import Live, Position, Speed, SpeedSource
from tracker.protocols.base import Alarm, Heartbeat
from tracker.world import merge

KM_DEG = 1_000 / 111_320  # of latitude
OFF, ON = Heartbeat(ignition=False), Heartbeat(ignition=True)


def heard(at: float, speed_kmh: float | None = None, **more: Any) -> Position:
    """A fix received `at` seconds after T0, and fixed then unless `fixed` says otherwise."""
    fixed = more.pop("fixed", at)
    made = fix(fixed, speed_kmh=speed_kmh, **more)
    return Position("a", made, T0 + at, round((T0 + at) * 1e6))


def after(*news: Position | tuple[float, Heartbeat | Alarm | None]) -> Live:
    fleet = Fleet()
    for one in news:
        if isinstance(one, Position):
            fleet.update(one)
        else:
            fleet.contact("a", T0 + one[0], one[1])
    return fleet.get("a")


def verdict(*news: Any, now: float, **rules: float) -> str:
    found = pace.judge(after(*news).speed, T0 + now, pace.Rules(**rules))
    assert not (found.too_fast and found.unknown)
    return "fast" if found.too_fast else "unknown" if found.unknown else "slow"


FAR = {"lat": 46.0 + KM_DEG}
# What was heard, when it is asked (seconds after T0), and what is known then.
KNOWN = {
    "nothing": ([], 0, "unknown"),
    "a contact only": ([(0, ON)], 1, "unknown"),
    "it stands": ([heard(0, 0)], 5, "slow"),
    "at the limit": ([heard(0, 20)], 5, "slow"),
    "above it": ([heard(0, 20.01)], 5, "fast"),
    "fast, then none stated": ([heard(0, 100), heard(3)], 5, "fast"),
    "fast, then many without one at one place": (
        [heard(0, 100), *(heard(n) for n in range(3, 290, 10))], 290, "fast",
    ),
    "and when that is long ago": (
        [heard(0, 100), *(heard(n) for n in range(3, 320, 10))], 320, "slow",
    ),
    "slow and ahead of time, then fast": ([heard(0, 0, fixed=100), heard(1, 100)], 2, "fast"),
    "and slow again": ([heard(0, 0, fixed=100), heard(1, 100), heard(9, 0)], 9, "slow"),
    "fast and ahead of time, then slow": ([heard(0, 100, fixed=100), heard(5, 0)], 6, "slow"),
    "slow, then fast without satellites": ([heard(0, 0), heard(1, 100, valid=False)], 2, "fast"),
    "and fast without satellites long ago": (
        [heard(0, 0), heard(1, 100, valid=False)], 302, "unknown",
    ),
    "fast, then slow without satellites": ([heard(0, 100), heard(1, 0, valid=False)], 2, "fast"),
    "without satellites slow proves nothing": ([heard(0, 0, valid=False)], 1, "unknown"),
    "between slow and fast without satellites": ([heard(0, 15, valid=False)], 1, "unknown"),
    "noise without satellites": ([heard(0, 0), heard(1, 2, valid=False)], 2, "slow"),
    "slow ten hours ago": ([heard(0, 0, fixed=-36_000)], 1, "unknown"),
    "slow, and silent since": ([heard(0, 0)], 301, "unknown"),
    "slow, and silent for as long as may be": ([heard(0, 0)], 300, "slow"),
    "fast, and silent since": ([heard(0, 100)], 301, "unknown"),
    "fast by a clock that is an hour slow": ([heard(0, 100, fixed=-3_600)], 10, "fast"),
    "fast, then a backlog of standing": (
        [heard(0, 100), heard(1, 0, fixed=-600), heard(1, 0, fixed=-30)], 2, "fast",
    ),
    "slow, then a backlog of standing": ([heard(0, 0), heard(1, 0, fixed=-9_000)], 2, "slow"),
    "a backlog of driving, then slow": ([heard(0, 90, fixed=-600), heard(1, 0)], 2, "slow"),
    "heartbeats prove nothing": ([heard(0, 0), (200, Heartbeat()), (400, ON)], 401, "unknown"),
    "parked, ignition off by heartbeats": (
        [heard(0, 0), *((n, OFF) for n in range(240, 7_300, 240))], 7_300, "slow",
    ),
    "ignition off after the drive": ([heard(0, 100), (400, OFF)], 401, "unknown"),
    "ignition off, and nothing known": ([(0, OFF)], 1, "unknown"),
    "ignition off in a fix without satellites": (
        [heard(0, 0), heard(900, 0, valid=False, ignition=False)], 901, "slow",
    ),
    "ignition off, and fast on a ferry": ([heard(0, 100, ignition=False)], 1, "fast"),
    "ignition off in the backlog": (
        [heard(0, 0), heard(900, fixed=100, ignition=False, stored=True)], 901, "unknown",
    ),
    "moved fast, none stated": ([heard(0), heard(30, **FAR)], 31, "fast"),
    "moved slowly, none stated": ([heard(0), heard(30)], 31, "slow"),
    "moved fast, then stands": ([heard(0), heard(30, **FAR), heard(60, **FAR)], 61, "slow"),
    "one fix without speed": ([heard(0)], 1, "unknown"),
    "slow, then moved fast": ([heard(0, 0), heard(30, **FAR)], 31, "fast"),
    "moved after a long gap": ([heard(0, 0), heard(400, lat=46.1)], 401, "fast"),
    "slow and ahead, then moved fast": (
        [heard(0, 0, fixed=100), heard(30, **FAR)], 31, "fast",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("news", "now", "expected"), KNOWN.values(), ids=KNOWN.keys())
def test_what_is_known(news: Any, now: float, expected: str) -> None:
    assert verdict(*news, now=now) == expected


def test_the_rules_are_settings() -> None:
    assert verdict(heard(0, 30), now=1, max_speed_kmh=40) == "slow"
    assert verdict(heard(0, 0), now=61, age_s=60) == "unknown"


def test_the_words_name_speed_and_age() -> None:
    def judge(*news: Any, now: float) -> pace.Pace:
        return pace.judge(after(*news).speed, T0 + now, pace.Rules())

    assert judge(heard(0, 54.6), now=90).too_fast == "the vehicle was moving at 55 km/h 90 s ago"
    assert judge(heard(0, 0), now=600).unknown == (
        "the last known speed of the vehicle is from 10 min ago"
    )
    assert judge(now=0).unknown == "no speed of the vehicle is known"


EVENTS = st.lists(
    st.tuples(
        st.none() | st.floats(0, 150),
        st.floats(-7_200, 120),
        st.booleans(),
        st.none() | st.booleans(),
        st.booleans(),
    ),
    max_size=12,
)


@given(EVENTS)
def test_a_vehicle_that_was_just_said_to_drive_is_never_slow(events: Any) -> None:
    """Whatever came before, and from whatever time the device says that it is."""
    news = [
        heard(n, speed, fixed=n + late, valid=valid, ignition=ignition, stored=stored)
        for n, (speed, late, valid, ignition, stored) in enumerate(events)
    ]
    for valid in (True, False):
        last = heard(len(news), 100, fixed=len(news), valid=valid)
        assert verdict(*news, last, now=len(news) + 1) == "fast"
        quiet = heard(len(news) + 1, None)
        assert verdict(*news, last, quiet, now=len(news) + 2) == "fast"


@given(EVENTS)
def test_times_are_in_order(events: Any) -> None:
    fleet, before = Fleet(), 0.0
    for n, (speed, late, valid, ignition, stored) in enumerate(events):
        one = heard(n, speed, fixed=n + late, valid=valid, ignition=ignition, stored=stored)
        known = fleet.update(one).speed
        if known is not None:
            assert known.fix_time <= known.received_time
            assert known.received_time >= before
            before = known.received_time


def test_the_later_received_counts_wherever_it_was_heard() -> None:
    fast = Speed(100.0, T0 + 5, T0 + 5)
    slow = Speed(0.0, T0 + 1, T0 + 1)
    ahead = replace(live(time_s=100), speed=slow)  # its position is newer, its speed is not
    real = replace(live(time_s=5), speed=fast)
    for merged in (merge(ahead, real), merge(real, ahead)):
        assert merged.position == ahead.position
        assert merged.speed == fast
    fleet = Fleet()
    fleet.restore(ahead)
    fleet.restore(real)
    assert fleet.get("a").speed == fast
    assert fleet.get("a").position == ahead.position
    assert speeds.newest(None, slow) is slow
    assert speeds.newest(fast, None) is fast


def test_a_node_whose_clock_is_behind_goes_on_from_what_another_knew() -> None:
    fleet = Fleet()
    fleet.restore(Live("a", speed=Speed(0.0, T0 + 50, T0 + 50)))
    known = fleet.update(heard(1, 100)).speed
    assert known == Speed(100.0, T0 + 1, T0 + 50, SpeedSource.STATED)
