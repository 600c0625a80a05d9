"""Between two ticks: the newest state per vehicle, all events, and numbers from the clock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.builders import live
from tracker.model import Event, EventKind, Tick
from tracker.ticks import Ticks


def sos(id_: str) -> Event:
    return Event(id_, EventKind.ALARM, "a", 0.0, "sos")


def test_the_newest_state_of_each_vehicle_and_every_event():
    ticks = Ticks()
    old, new, other = live("a", 1), live("a", 2), live("b", 1)
    for one in (old, other, new):
        ticks.add(one)
    for event in (sos("1"), sos("2"), sos("1")):
        ticks.add_event(event)
    assert ticks.flush(100.0) == Tick(100, 100.0, (new, other), (sos("1"), sos("2"), sos("1")))


def test_what_was_flushed_is_gone_and_an_empty_tick_is_a_tick():
    ticks = Ticks()
    ticks.add(live())
    ticks.add_event(sos("1"))
    ticks.flush(100.0)
    assert ticks.flush(101.0) == Tick(101, 101.0)


@pytest.mark.parametrize(
    ("interval_s", "now", "number", "time"),
    [
        (1.0, 1_740_789_016.0, 1_740_789_016, 1_740_789_016.0),
        (1.0, 1_740_789_016.9, 1_740_789_016, 1_740_789_016.0),
        (1.0, 1_740_789_015.9996, 1_740_789_016, 1_740_789_016.0),  # woken a hair early
        (1.0, 1_740_789_015.9994, 1_740_789_015, 1_740_789_015.0),
        (0.2, 1_740_789_016.4, 8_703_945_082, 1_740_789_016.4),
        (5.0, 1_740_789_019.99, 348_157_803, 1_740_789_015.0),
    ],
)
def test_the_number_is_the_time_over_the_interval(interval_s, now, number, time):
    tick = Ticks(interval_s).flush(now)
    assert (tick.number, tick.time) == (number, pytest.approx(time, abs=1e-6))


@given(st.integers(1_000_000_000, 3_000_000_000), st.sampled_from([0.1, 0.2, 0.25, 1.0, 2.0]))
def test_a_timer_that_fires_on_the_boundary_gets_its_number(number, interval_s):
    assert Ticks(interval_s).number(number * interval_s) == number
