"""The columns: what they hold, what differs from tick to tick, and states that follow from age."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.builders import T0, live, position, vehicle
from tracker.model import Live, State
from tracker.world import AgeRules, Changes, World, merge


def world_of(*ids: str, **more: Any) -> World:
    world = World(**more)
    for id_ in ids:
        world.describe(vehicle(id_))
    return world


def told(changes: Changes) -> dict[str, list[int]]:
    """The members of Changes that say something."""
    columns = {name: getattr(changes, name).tolist() for name in Changes.__slots__}
    return {name: values for name, values in columns.items() if values}


# Static data --------------------------------------------------------------------------------------


def test_slots_are_handed_out_in_order_and_kept():
    world = world_of("a", "b")
    assert world.slots == {"a": 0, "b": 1}
    assert world.describe(vehicle("a", name="other")) == 0
    assert world.describe(vehicle("c")) == 2
    assert [v.name for v in world.vehicles] == ["other", "Truck b", "Truck c"]


def test_a_vehicle_described_anew_enters_again_if_it_is_on_the_map():
    world = world_of("a", "b")
    world.step([live("a")], T0)
    for id_ in "ab":
        world.describe(vehicle(id_, name="new"))
        world.describe(vehicle(id_, name="new"))
    assert told(world.step([], T0)) == {"entered": [0]}
    assert told(world.step([], T0)) == {}


def test_the_same_description_is_no_news():
    world = world_of("a")
    world.step([live("a")], T0)
    world.describe(vehicle("a"))
    assert told(world.step([], T0)) == {}


def test_groups_get_numbers_and_labels():
    world = World()
    for id_, fleet, group in (("a", "main", ""), ("b", "main", "north"), ("c", "x", "north")):
        world.describe(vehicle(id_, fleet=fleet, group=group))
    world.describe(vehicle("d", fleet="main", group="north"))
    assert world.group[:4].tolist() == [0, 1, 2, 1]
    assert [world.group_label(n) for n in range(3)] == ["main", "main/north", "x/north"]
    world.describe(vehicle("d", fleet="main", group="north/trucks"))
    assert world.group_label(int(world.group[3])) == "main/north/trucks"


# Columns ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given_", "column", "expected"),
    [
        ({"lat": 46.0512346}, "lat", 46_051_235),
        ({"lat": -46.0512344}, "lat", -46_051_234),
        ({"lon": 179.9999999}, "lon", 180_000_000),
        ({"lon": -180.0}, "lon", -180_000_000),
        ({"time_s": 0.8204}, "fix_ms", round(T0) * 1000 + 820),
        ({"speed_kmh": 36.46}, "speed", 365),
        ({"speed_kmh": 0.0}, "speed", 0),
        ({"speed_kmh": None}, "speed", -1),
        ({"course_deg": 90.04}, "course", 900),
        ({"course_deg": 0.0}, "course", 0),
        ({"course_deg": 359.94}, "course", 3599),
        ({"course_deg": 359.96}, "course", 0),
        ({"course_deg": None}, "course", -1),
        ({"motion": State.IDLE}, "motion", 1),
        ({"motion_since": T0 - 0.5}, "motion_since_ms", round(T0) * 1000 - 500),
        ({"contact": T0 + 3.25}, "contact_ms", round(T0) * 1000 + 3250),
        ({"ignition": None}, "shown_flags", 0),
        ({"ignition": False}, "shown_flags", 2),
        ({"ignition": True}, "shown_flags", 3),
        ({"ignition": True, "alarms": ["sos"]}, "shown_flags", 7),
        ({"alarms": ["sos", "tow"]}, "shown_flags", 4),
    ],
)
def test_the_units_of_the_wire(given_, column, expected):
    world = world_of("x", "a")
    world.step([live("a", **given_)], T0 + 1)
    assert getattr(world, column)[1] == expected


def test_columns_grow_and_keep_what_they_hold():
    ids = [f"v{n}" for n in range(2_500)]
    world = world_of(*ids[:1_000])
    world.step([live(id_, lat=n / 1_000) for n, id_ in enumerate(ids[:1_000])], T0)
    for id_ in ids[1_000:]:
        world.describe(vehicle(id_))
    changes = world.step([live(id_, lat=n / 1_000) for n, id_ in enumerate(ids) if n >= 1_000], T0)
    assert changes.entered.tolist() == list(range(1_000, 2_500))
    assert world.lat[:2_500].tolist() == [1_000 * n for n in range(2_500)]
    assert world.counts() == [2_500, 0, 0, 0, 0]


# Changes ------------------------------------------------------------------------------------------


def test_the_first_position_brings_a_vehicle_onto_the_map():
    world = world_of("a", "b", "c")
    contact = Live("b", contact_time=T0)
    assert told(world.step([live("c"), contact, live("a")], T0)) == {
        "entered": [0, 2],
        "restated": [0, 2],  # it has a state for the first time
    }
    assert world.on_map[:3].tolist() == [True, False, True]
    assert told(world.step([live("b", 1)], T0 + 1)) == {"entered": [1], "restated": [1]}


def test_differences_are_to_what_the_last_step_held():
    world = world_of("a", "b")
    world.step([live("a", 0), live("b", 0)], T0)
    changes = world.step([live("b", 1.5, lat=46.00001, lon=14.499999)], T0 + 2)
    assert told(changes) == {"moved": [1], "d_lat": [10], "d_lon": [-1], "d_fix_ms": [1500]}
    assert told(world.step([], T0 + 3)) == {}


@pytest.mark.parametrize(
    "news",
    [
        {"speed_kmh": 10.0, "course_deg": 0.0},
        {"speed_kmh": None, "course_deg": 90.0},
        {"speed_kmh": 50.0, "course_deg": 91.0},
    ],
)
def test_another_speed_or_course_of_the_same_fix_time_is_a_move_too(news):
    """Two fixes of one second and one place: the later one counts."""
    world = world_of("a")
    world.step([live("a", speed_kmh=50.0, course_deg=90.0)], T0)
    changes = world.step([live("a", sequence=2, **news)], T0)
    assert (changes.moved.tolist(), changes.d_lat.tolist(), changes.d_fix_ms.tolist()) == (
        [0], [0], [0],
    )  # fmt: skip


def test_the_same_again_is_no_news():
    world = world_of("a")
    world.step([live("a", speed_kmh=50.0)], T0)
    assert told(world.step([live("a", speed_kmh=50.0, sequence=2)], T0)) == {}


def test_several_rows_of_one_vehicle_make_one_move():
    world = world_of("a")
    world.step([live("a", 0)], T0)
    rows = [live("a", 2, lat=46.2), live("a", 3, lat=46.3), live("a", 1, lat=46.1)]
    changes = world.step(rows, T0 + 3)
    assert (changes.moved.tolist(), changes.d_lat.tolist()) == ([0], [300_000])


def test_a_vehicle_that_moves_and_is_renamed_is_in_both_lists():
    world = world_of("a")
    world.step([live("a", 0)], T0)
    world.describe(vehicle("a", name="new"))
    changes = world.step([live("a", 1)], T0 + 1)
    assert (changes.moved.tolist(), changes.entered.tolist()) == ([0], [0])


def test_rows_of_vehicles_that_nobody_described_are_counted_and_left_out():
    world = world_of("a")
    assert told(world.step([live("b"), live("c")], T0)) == {}
    assert world.unknown_rows == 2


def test_a_removed_vehicle_leaves_and_its_slot_is_not_used_again():
    world = world_of("a", "b", "c")
    world.step([live("a"), live("b")], T0)
    world.describe(vehicle("a", name="renamed first"))
    for id_ in ("a", "c", "never seen"):
        world.remove(id_)
    assert told(world.step([live("a", 1)], T0 + 1)) == {"left": [0]}
    assert world.unknown_rows == 1
    assert world.counts() == [1, 0, 0, 0, 0]
    assert world.describe(vehicle("a")) == 3
    changes = world.step([live("a", 2)], T0 + 2)
    assert changes.entered.tolist() == [3]


def test_what_was_known_before_the_start_is_told_as_new():
    world = world_of("a", "b")
    world.restore([live("a", 5)])
    assert world.lives[0] == live("a", 5)
    assert told(world.step([live("a", 1)], T0 + 6)) == {"entered": [0], "restated": [0]}
    assert world.lives[0].position == position("a", 5)
    assert told(world.step([], T0 + 6)) == {}


@given(st.lists(st.tuples(st.floats(-90, 90), st.floats(-180, 180)), min_size=1, max_size=20))
def test_differences_add_up_to_the_place(places):
    world, lat, lon = world_of("a"), 0, 0
    for n, place in enumerate(places):
        changes = world.step([live("a", n, lat=place[0], lon=place[1])], T0 + n)
        if n == 0:
            lat, lon = int(world.lat[0]), int(world.lon[0])
        else:
            lat, lon = lat + int(changes.d_lat[0]), lon + int(changes.d_lon[0])
    assert abs(lat / 1e6 - places[-1][0]) <= 0.5e-6 + 1e-12
    assert abs(lon / 1e6 - places[-1][1]) <= 0.5e-6 + 1e-12


# Merging ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("mine", "news", "wins"),
    [
        (None, live(time_s=1), "news"),
        (live(time_s=1), live(time_s=2), "news"),
        (live(time_s=2), live(time_s=1), "mine"),
        (live(time_s=1, sequence=1), live(time_s=1, sequence=2), "news"),
        (live(time_s=1, sequence=2), live(time_s=1, sequence=1), "mine"),
        (live(time_s=1, contact=T0), live(time_s=1, contact=T0 + 1, alarms=["sos"]), "news"),
        (live(time_s=1, contact=T0 + 1, alarms=["sos"]), live(time_s=1, contact=T0), "mine"),
        (live(time_s=1), live(time_s=1), "news"),
        (Live("a", contact_time=T0), live(time_s=1), "news"),
        (live(time_s=1), Live("a", contact_time=T0), "mine"),
        (Live("a", contact_time=T0 + 1), Live("a", contact_time=T0), "mine"),
    ],
)
def test_the_newer_of_two_states_wins(mine, news, wins):
    assert merge(mine, news) is (news if wins == "news" else mine)


def test_the_later_contact_counts_whoever_wins():
    old, new = live(time_s=1, contact=T0 + 9), live(time_s=2, contact=T0 + 3)
    assert merge(old, new) == merge(new, old) == replace(new, contact_time=T0 + 9)


# Ages ---------------------------------------------------------------------------------------------

# motion, seconds since the fix, seconds since the contact: (state, its age in seconds)
AGES = [
    (State.MOVING, 60, 60, (State.MOVING, 1_000)),
    (State.MOVING, 61, 0, (State.STALE, 61)),  # it is heard, but not where it is
    (State.IDLE, 60, 0, (State.IDLE, 1_000)),
    (State.IDLE, 61, 61, (State.STALE, 61)),
    (State.PARKED, 5_000, 420, (State.PARKED, 1_000)),
    (State.PARKED, 5_000, 421, (State.STALE, 421)),
    (State.MOVING, 900, 900, (State.STALE, 900)),
    (State.MOVING, 901, 901, (State.OFFLINE, 901)),
    (State.MOVING, 5_000, 900, (State.STALE, 5_000)),
    (State.PARKED, 5_000, 901, (State.OFFLINE, 901)),
    (State.MOVING, -30, 0, (State.MOVING, 1_000)),  # its clock is ahead
]


@pytest.mark.parametrize(("motion", "fix_age_s", "silent_s", "expected"), AGES)
def test_states_by_age(motion, fix_age_s, silent_s, expected):
    world, now = world_of("a"), T0 + 10_000
    news = live(
        "a",
        now - fix_age_s - T0,
        motion=motion,
        motion_since=now - 1_000,
        contact=now - silent_s,
    )
    world.step([news], now)
    state, since = world.state_of(0)
    assert (state, since) == (expected[0], now - expected[1])


def test_the_rules_of_age_are_the_worlds():
    rules = AgeRules(stale_after_s=5, stale_parked_after_s=7, offline_after_s=9)
    world = world_of("a", "b", rules=rules)
    world.step([live("a"), live("b", motion=State.PARKED)], T0)
    states = []
    for seconds in (5, 6, 7, 8, 9, 10):
        world.step([], T0 + seconds)
        states.append((world.state_of(0)[0].label, world.state_of(1)[0].label))
    assert states == [
        ("moving", "parked"),
        ("stale", "parked"),
        ("stale", "parked"),
        ("stale", "stale"),
        ("stale", "stale"),
        ("offline", "offline"),
    ]


def test_a_state_that_comes_of_age_is_told_once():
    world = world_of("a", "b")
    world.step([live("a")], T0)
    assert told(world.step([], T0 + 60)) == {}
    assert told(world.step([], T0 + 61)) == {"restated": [0]}
    assert told(world.step([], T0 + 62)) == {}
    assert told(world.step([], T0 + 901)) == {"restated": [0]}
    changes = world.step([live("a", 902)], T0 + 902)
    assert (changes.moved.tolist(), changes.restated.tolist()) == ([0], [0])


@pytest.mark.parametrize(
    "news",
    [
        {"alarms": ["sos"]},
        {"ignition": True},
        {"motion": State.IDLE},
        {"motion_since": T0 + 1},  # it stopped and started again between two ticks
    ],
)
def test_flags_states_and_their_beginnings_are_told(news):
    world = world_of("a")
    world.step([live("a")], T0)
    assert told(world.step([live("a", contact=T0 + 1, **news)], T0 + 1)) == {"restated": [0]}
    assert told(world.step([], T0 + 1)) == {}


def test_a_stale_vehicle_that_reports_late_is_stale_since_its_newest_fix():
    world = world_of("a")
    world.step([live("a", 0)], T0 + 100)
    changes = world.step([live("a", 30, contact=T0 + 100)], T0 + 100)
    assert (changes.moved.tolist(), changes.restated.tolist()) == ([0], [0])
    assert world.state_of(0) == (State.STALE, T0 + 30)


def test_states_are_counted_by_group():
    world = World()
    motions = [State.MOVING, State.IDLE, State.PARKED, State.IDLE]
    for n, motion in enumerate(motions):
        world.describe(vehicle(f"v{n}", group="north" if n < 2 else ""))
        world.step([live(f"v{n}", motion=motion)], T0)
    world.describe(vehicle("not on the map"))
    assert world.counts() == [1, 2, 1, 0, 0]
    assert world.counts(frozenset({0})) == [1, 1, 0, 0, 0]
    assert world.counts(frozenset({1})) == [0, 1, 1, 0, 0]
    assert world.counts(frozenset({0, 1})) == world.counts()
    assert world.counts(frozenset()) == [0, 0, 0, 0, 0]


def test_lists_of_changes_ascend():
    world = world_of(*"abcdef")
    world.step([live(id_) for id_ in "fbdac"], T0)
    changes = world.step([live(id_, 1) for id_ in "eacbfd"], T0 + 1)
    assert changes.moved.tolist() == [0, 1, 2, 3, 5]
    assert all(column.dtype == np.int64 for column in (changes.moved, changes.entered))
