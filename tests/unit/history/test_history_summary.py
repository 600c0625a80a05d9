"""Days: their borders where clocks change, and that their parts make the whole."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.history.drives import START, Drive, pages, positions
from tracker.history.pieces import Rules
from tracker.history.summary import Day, Summary, midnight
from tracker.history.timeline import Timeline
from tracker.model import Fix

LATER = START + 1_000 * 86_400


def days_of(
    fixes: list[Fix], first: dt.date, last: dt.date, zone: str = "UTC", now: float = LATER
) -> list[Day]:
    summary = Summary(Rules(), first, last, ZoneInfo(zone), now)
    for page in pages(positions(fixes), 97):
        summary.add(page)
    return summary.end()


def parts(day: Day) -> float:
    return day.driving_s + day.idle_s + day.stopped_s + day.gap_s


@pytest.mark.parametrize(
    ("zone", "date", "hours"),
    [
        ("Europe/Ljubljana", dt.date(2026, 3, 28), 24),
        ("Europe/Ljubljana", dt.date(2026, 3, 29), 23),
        ("Europe/Ljubljana", dt.date(2026, 10, 25), 25),
        ("Australia/Lord_Howe", dt.date(2026, 4, 5), 24.5),
        ("Asia/Kathmandu", dt.date(2026, 3, 29), 24),
        ("America/Santiago", dt.date(2025, 9, 7), 23),  # midnight itself does not exist
        ("Pacific/Apia", dt.date(2011, 12, 30), 0),  # nor does this whole day
    ],
)
def test_a_day_is_as_long_as_its_clock_says(zone, date, hours):
    start = midnight(date, ZoneInfo(zone))
    end = midnight(date + dt.timedelta(1), ZoneInfo(zone))
    assert (end - start) / 3600 == hours
    [day] = days_of([], date, date, zone)
    assert day.gap_s == hours * 3600


def test_midnight_in_utc():
    assert midnight(dt.date(2026, 3, 29), ZoneInfo("Europe/Ljubljana")) == (
        dt.datetime(2026, 3, 28, 23, tzinfo=dt.UTC).timestamp()
    )
    assert midnight(dt.date(2026, 3, 30), ZoneInfo("Europe/Ljubljana")) == (
        dt.datetime(2026, 3, 29, 22, tzinfo=dt.UTC).timestamp()
    )


def test_what_crosses_midnight_is_shared():
    evening = dt.datetime(2026, 3, 28, 22, 30, tzinfo=dt.UTC).timestamp()  # 23:30 in Ljubljana
    drive = Drive(time=evening).stand(1_200, ignition=True).go(72, 1_800, ignition=True)
    drive.stand(1_200, ignition=False)
    first, second = days_of(
        drive.fixes, dt.date(2026, 3, 28), dt.date(2026, 3, 29), "Europe/Ljubljana"
    )
    assert first.distance_m == pytest.approx(600 * 20, rel=1e-3)
    assert second.distance_m == pytest.approx(1_200 * 20, rel=1e-3)
    assert first.idle_s == pytest.approx(1_190)
    assert second.stopped_s == pytest.approx(1_190, abs=11)
    assert (first.trips, second.trips) == (1, 0)
    assert (first.stops, second.stops) == (1, 1)
    assert parts(first) == pytest.approx(86_400)
    assert parts(second) == pytest.approx(23 * 3_600)
    assert first.first is not None
    assert second.last is not None
    assert first.first.fix_time == drive.fixes[0].fix_time
    assert second.last.fix_time == drive.fixes[-1].fix_time
    assert first.positions + second.positions == len(drive.fixes)
    assert first.max_speed_kmh == second.max_speed_kmh == 72


def test_a_night_of_silence_in_the_yard_is_standing():
    drive = Drive(time=START).go(50, 600).stand(300, ignition=False).silent(30 * 3_600)
    drive.stand(300, ignition=False)
    first, second = days_of(drive.fixes, dt.date(2026, 3, 1), dt.date(2026, 3, 2))
    assert first.stopped_s > 15 * 3_600
    assert second.stopped_s > 14 * 3_600
    assert first.gap_s == pytest.approx(8 * 3_600, abs=20)  # before the first fix


def test_a_day_that_is_not_over_ends_now():
    drive = Drive(time=START).stand(600)
    now = drive.time + 100
    [day] = days_of(drive.fixes, dt.date(2026, 3, 1), dt.date(2026, 3, 1), now=now)
    assert day.end_time == now
    assert parts(day) == pytest.approx(now - day.start_time)


def test_the_odometer_of_a_day():
    fixes = [
        Fix(START + n * 60, 46, 14.5, 0.0, attributes={"odometer_m": 5_000.0 + n * 10})
        for n in range(24 * 60)
    ]
    first, second = days_of(fixes, dt.date(2026, 3, 1), dt.date(2026, 3, 2))
    assert first.odometer_m == (16 * 60 - 1) * 10
    assert second.odometer_m == (8 * 60 - 1) * 10


def test_no_days_are_no_days():
    assert days_of([], dt.date(2026, 3, 2), dt.date(2026, 3, 1)) == []


@settings(max_examples=60)
@given(
    steps=st.lists(
        st.tuples(st.sampled_from(["go", "stand", "silent"]), st.integers(60, 40_000)),
        min_size=1,
        max_size=10,
    ),
    zone=st.sampled_from(["UTC", "Europe/Ljubljana", "Asia/Kolkata", "America/St_Johns"]),
)
def test_the_parts_of_all_days_make_the_whole(steps, zone):
    drive = Drive(every=60, time=START).stand(120)
    for number, (what, seconds) in enumerate(steps):
        ignition = (None, True, False)[number % 3]
        if what == "go":
            drive.go(60, seconds, number * 40, ignition=ignition)
        elif what == "stand":
            drive.stand(seconds, ignition=ignition)
        else:
            drive.silent(seconds)
    first, last = dt.date(2026, 2, 28), dt.date(2026, 3, 8)
    days = days_of(drive.fixes, first, last, zone)
    for day in days:
        assert parts(day) == pytest.approx(day.end_time - day.start_time, abs=1e-3)
        assert min(day.driving_s, day.idle_s, day.stopped_s, day.gap_s) >= -1e-6
    timeline = Timeline(Rules(), days[0].start_time, days[-1].end_time)
    pieces = [piece for page in pages(drive.positions) for piece in timeline.add(page)]
    pieces += timeline.end()
    total = sum(piece.tally.total(*timeline.inside).distance_m for piece in pieces)
    assert sum(day.distance_m for day in days) == pytest.approx(total)
