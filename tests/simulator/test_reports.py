"""The plan of a run: when which device reports what."""

from __future__ import annotations

from itertools import islice, pairwise

import pytest

from simulator.geodesy import Plane
from simulator.model import Trip, TripPoint
from simulator.motion.streets import build_town
from simulator.motion.vehicle import Vehicle
from simulator.reports import (
    LOOP_PAUSE_S,
    SLEEPING_REPORT_S,
    Pace,
    Playback,
    Report,
    fleet_reports,
    trip_reports,
)

START = 1_775_390_400.0
TOWN, PLACE = build_town(5), Plane(46.0, 14.5)


def vehicles(count: int, seed: int = 5) -> list[Vehicle]:
    return [Vehicle(TOWN, PLACE, seed, number) for number in range(1, count + 1)]


def plan(count: int = 20, seed: int = 5, **pace: float | bool) -> list[Report]:
    return list(fleet_reports(vehicles(count, seed), Pace(START, **pace), seed))  # type: ignore[arg-type]


# -- fleets


def test_the_same_seed_gives_the_same_run() -> None:
    assert plan(duration_s=10.0) == plan(duration_s=10.0)
    assert plan(duration_s=10.0) != plan(seed=6, duration_s=10.0)


def test_a_longer_run_begins_as_a_shorter_one() -> None:
    assert plan(duration_s=20.0)[: 20 * 10] == plan(duration_s=10.0)


def test_each_vehicle_reports_at_the_rate_on_whole_seconds() -> None:
    reports = plan(rate_hz=0.5, duration_s=20.0)
    assert len(reports) == 20 * 10
    for index in range(20):
        times = [one.fix.fix_time for one in reports if one.index == index]
        assert times == [START + 2.0 * step for step in range(10)]


def test_sends_are_spread_over_the_interval_in_order() -> None:
    reports = plan(count=200, duration_s=3.0)
    assert all(one.due <= other.due for one, other in pairwise(reports))
    delays = [one.due - one.fix.fix_time for one in reports[:200]]
    assert all(0.0 <= delay < 1.0 for delay in delays)
    tenths = [sum(1 for delay in delays if int(delay * 10) == tenth) for tenth in range(10)]
    assert all(8 <= count <= 34 for count in tenths)


def test_a_burst_is_not_spread() -> None:
    reports = plan(burst=True, duration_s=2.0)
    assert {one.due for one in reports} == {START, START + 1.0}


def test_without_a_duration_it_goes_on() -> None:
    endless = fleet_reports(vehicles(3), Pace(START), 5)
    assert len(list(islice(endless, 3000))) == 3000


def test_parked_devices_that_sleep_report_seldom_and_moving_ones_always() -> None:
    awake = plan(count=30, duration_s=700.0)
    asleep = plan(count=30, duration_s=700.0, sleep_when_parked=True)
    sent = {(one.index, one.fix.fix_time) for one in asleep}
    parked = [one for one in awake if not one.fix.ignition]
    assert 0 < len(parked) < len(awake)
    assert all(
        (one.index, one.fix.fix_time) in sent for one in awake if one.fix.ignition
    )  # nothing of a drive or an idle wait is missing
    resting = [one for one in asleep if not one.fix.ignition]
    assert len(resting) < len(parked) / 20
    for index in range(30):
        times = [one.fix.fix_time for one in resting if one.index == index]
        assert all(other - one >= SLEEPING_REPORT_S or _moved(awake, index, one, other)
                   for one, other in pairwise(times))  # fmt: skip


def _moved(reports: list[Report], index: int, after: float, before: float) -> bool:
    """Whether the vehicle's ignition was on between two times."""
    return any(
        one.fix.ignition
        for one in reports
        if one.index == index and after < one.fix.fix_time < before
    )


# -- trips


def trip(*times: float) -> Trip:
    points = tuple(
        TripPoint(time, 45.0 + index / 1000, 14.0, 50.0, 0.0) for index, time in enumerate(times)
    )
    return Trip("trip", points)


def test_a_trip_is_shifted_to_now_and_keeps_its_intervals() -> None:
    reports = list(trip_reports([trip(100.0, 101.0, 111.5)], Playback(START)))
    assert [one.due for one in reports] == [START, START + 1.0, START + 11.5]
    assert [one.fix.fix_time for one in reports] == [one.due for one in reports]


def test_speed_scales_sending_and_stated_times_alike() -> None:
    reports = list(trip_reports([trip(100.0, 110.0)], Playback(START, speed=4.0)))
    assert [one.fix.fix_time - START for one in reports] == [0.0, 2.5]
    assert [one.due - START for one in reports] == [0.0, 2.5]
    assert reports[1].fix.speed_kmh == 50.0  # what the instrument said stays


def test_kept_times_are_the_recorded_ones() -> None:
    reports = list(trip_reports([trip(100.0, 110.0)], Playback(START, 2.0, keep_time=True)))
    assert [one.fix.fix_time for one in reports] == [100.0, 110.0]
    assert [one.due - START for one in reports] == [0.0, 5.0]


def test_several_trips_run_at_once() -> None:
    reports = list(trip_reports([trip(0.0, 10.0), trip(500.0, 505.0, 515.0)], Playback(START)))
    assert [(one.index, one.due - START) for one in reports] == [
        (0, 0.0),
        (1, 0.0),
        (1, 5.0),
        (0, 10.0),
        (1, 15.0),
    ]


def test_a_loop_starts_again_after_a_pause_with_rising_times() -> None:
    endless = trip_reports([trip(0.0, 10.0)], Playback(START, loop=True))
    times = [one.fix.fix_time - START for one in islice(endless, 6)]
    lap = 10.0 + LOOP_PAUSE_S
    assert times == [0.0, 10.0, lap, lap + 10.0, 2 * lap, 2 * lap + 10.0]


@pytest.mark.parametrize("speed", [0.5, 1.0, 8.0])
def test_laps_of_different_trips_keep_in_order(speed: float) -> None:
    endless = trip_reports(
        [trip(0.0, 3.0), trip(0.0, 7.0)], Playback(START, speed=speed, loop=True)
    )
    reports = list(islice(endless, 40))
    assert all(one.due <= other.due for one, other in pairwise(reports))
