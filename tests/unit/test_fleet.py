"""Live state as (before, after): motion with its hysteresis, backlogs, alarms, attributes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.builders import T0, fix, live, position, vehicle
from tracker.fleet import MAX_ATTRIBUTES, Fleet, MotionRules, alarm_events, speed_of
from tracker.model import Event, EventKind, Live, Position, State
from tracker.protocols.base import Alarm, Heartbeat

MOVING, IDLE, PARKED = State.MOVING, State.IDLE, State.PARKED
ON, OFF, UNKNOWN = True, False, None


def drive(fleet: Fleet, *fixes: tuple[float, float | None, bool | None]) -> Live:
    """Fixes of one place as (seconds after T0, km/h, ignition); the state after the last."""
    after = Live("a")
    for sequence, (time_s, speed_kmh, ignition) in enumerate(fixes, start=1):
        after = fleet.update(
            position(time_s=time_s, sequence=sequence, speed_kmh=speed_kmh, ignition=ignition)
        )
    return after


# Each row: what was reported, and (motion, since when, standing since when) after the last.
MOTION = {
    "the first fix is fast": ([(0, 50, UNKNOWN)], (MOVING, 0, None)),
    "the first fix is at the upper threshold": ([(0, 5.0, UNKNOWN)], (MOVING, 0, None)),
    "the first fix is below it": ([(0, 4.9, UNKNOWN)], (IDLE, 0, 0)),
    "the first fix states no speed": ([(0, None, UNKNOWN)], (IDLE, 0, 0)),
    "the first fix stands, ignition off": ([(0, 0, OFF)], (PARKED, 0, 0)),
    "the first fix stands, ignition on": ([(0, 0, ON)], (IDLE, 0, 0)),
    "slow but above the lower threshold": ([(0, 50, ON), (10, 3.0, ON)], (MOVING, 0, None)),
    "just below it": ([(0, 50, ON), (10, 2.9, ON)], (MOVING, 0, 10)),
    "a halt shorter than idle": ([(0, 50, ON), (10, 0, ON), (69, 0, ON)], (MOVING, 0, 10)),
    "idle since it stopped": ([(0, 50, ON), (10, 0, ON), (70, 0, ON)], (IDLE, 10, 10)),
    "it crept on in between": (
        [(0, 50, ON), (10, 0, ON), (40, 4, ON), (50, 0, ON), (109, 0, ON)],
        (MOVING, 0, 50),
    ),
    "and the count began anew": (
        [(0, 50, ON), (10, 0, ON), (40, 4, ON), (50, 0, ON), (110, 0, ON)],
        (IDLE, 50, 50),
    ),
    "a jam": ([(0, 50, ON), (10, 0, ON), (40, 20, ON)], (MOVING, 0, None)),
    "ignition off at once": ([(0, 50, ON), (10, 0, OFF)], (PARKED, 10, 10)),
    "ignition off after a while": ([(0, 50, ON), (10, 0, ON), (30, 0, OFF)], (PARKED, 10, 10)),
    "fast with the ignition off: on a ferry or a tow": ([(0, 50, OFF)], (MOVING, 0, None)),
    "idle for hours with the ignition on": (
        [(0, 50, ON), (10, 0, ON), (70, 0, ON), (9_000, 0, ON)],
        (IDLE, 10, 10),
    ),
    "ignition unknown, not long enough": (
        [(0, 50, UNKNOWN), (10, 0, UNKNOWN), (70, 0, UNKNOWN), (309, 0, UNKNOWN)],
        (IDLE, 10, 10),
    ),
    "ignition unknown, parked since it stopped": (
        [(0, 50, UNKNOWN), (10, 0, UNKNOWN), (70, 0, UNKNOWN), (310, 0, UNKNOWN)],
        (PARKED, 10, 10),
    ),
    "ignition unknown, parked without a fix between": (
        [(0, 50, UNKNOWN), (10, 0, UNKNOWN), (400, 0, UNKNOWN)],
        (PARKED, 10, 10),
    ),
    "switched off while idle: parked since then": (
        [(0, 50, ON), (10, 0, ON), (70, 0, ON), (500, 0, OFF), (600, 0, OFF)],
        (PARKED, 500, 10),
    ),
    "switched on while parked: idle since then": (
        [(0, 0, OFF), (600, 0, ON), (700, 0, ON)],
        (IDLE, 600, 0),
    ),
    "said once, the ignition is off until it is said to be on": (
        [(0, 0, OFF), (600, 0, UNKNOWN)],
        (PARKED, 0, 0),
    ),
    "wind moves a parked ship": ([(0, 0, OFF), (60, 4.9, OFF)], (PARKED, 0, 0)),
    "it starts": ([(0, 0, ON), (60, 5.0, ON)], (MOVING, 60, None)),
    "it starts from parked": ([(0, 0, OFF), (60, 30, ON), (70, 40, ON)], (MOVING, 60, None)),
    "a long gap while it moved": ([(0, 50, ON), (7_200, 60, ON)], (MOVING, 0, None)),
    "a long gap, and it stands now": ([(0, 50, ON), (7_200, 0, ON)], (MOVING, 0, 7_200)),
}


@pytest.mark.parametrize(("fixes", "expected"), MOTION.values(), ids=MOTION.keys())
def test_motion(fixes, expected):
    motion, since, still_since = expected
    after = drive(Fleet(), *fixes)
    assert (after.motion, after.motion_since, after.still_since) == (
        motion,
        T0 + since,
        None if still_since is None else T0 + still_since,
    )


def test_the_rules_are_the_fleets():
    rules = MotionRules(moving_above_kmh=20, still_below_kmh=10, idle_after_s=5, parked_after_s=7)
    fleet = Fleet(rules)
    assert drive(fleet, (0, 19, UNKNOWN)).motion is IDLE
    assert drive(Fleet(rules), (0, 20, UNKNOWN), (1, 11, UNKNOWN)).motion is MOVING
    assert drive(Fleet(rules), (0, 20, ON), (1, 9, ON), (6, 9, ON)).motion is IDLE
    assert drive(Fleet(rules), (0, 20, UNKNOWN), (1, 9, UNKNOWN), (8, 9, UNKNOWN)).motion is PARKED


HUNDRED_METRES_DEG = 100 / 111_320  # of longitude, on the equator


@pytest.mark.parametrize(
    ("last", "now", "expected"),
    [
        (None, fix(0, speed_kmh=7.0), 7.0),
        (fix(0, 0.0, 0.0), fix(10, 0.0, HUNDRED_METRES_DEG), 36.0),
        (fix(0, 0.0, 0.0), fix(10, 0.0, HUNDRED_METRES_DEG, speed_kmh=1.0), 1.0),
        (fix(0, 0.0, 0.0), fix(300, 0.0, HUNDRED_METRES_DEG), 1.2),
    ],
)
def test_speed_is_stated_or_follows_from_two_fixes(last, now, expected):
    assert speed_of(now, last) == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(
    ("last", "now"),
    [
        (None, fix(0)),
        (fix(0, 0.0, 0.0), fix(300.5, 0.0, HUNDRED_METRES_DEG)),  # too long ago
        (fix(0, 0.0, 0.0), fix(0, 0.0, HUNDRED_METRES_DEG)),  # at the same moment
    ],
)
def test_speed_is_unknown_where_nothing_tells(last, now):
    assert speed_of(now, last) is None


def test_a_device_without_speeds_moves_by_its_places():
    fleet = Fleet()
    fleet.update(position(time_s=0, lat=0.0, lon=0.0))
    after = fleet.update(position(time_s=10, lat=0.0, lon=HUNDRED_METRES_DEG))
    assert (after.motion, after.motion_since) == (MOVING, T0 + 10)


# Order --------------------------------------------------------------------------------------------


def test_a_backlog_never_moves_the_live_marker():
    fleet = Fleet()
    newest = position(time_s=100, sequence=1, speed_kmh=50, ignition=True, alarms=("sos",))
    before = fleet.update(newest)
    late = Position("a", fix(50, speed_kmh=0.0, ignition=False, stored=True), T0 + 160, 2)
    after = fleet.update(late)
    assert after == replace(before, contact_time=T0 + 160)


@pytest.mark.parametrize(("first", "second", "shown"), [(1, 2, 47.0), (2, 1, 46.0), (2, 2, 46.0)])
def test_of_equal_fix_times_the_later_reception_is_shown(first, second, shown):
    fleet = Fleet()
    fleet.update(position(time_s=0, sequence=first, lat=46.0))
    after = fleet.update(position(time_s=0, sequence=second, lat=47.0))
    assert after.position is not None
    assert after.position.fix.lat == shown


def test_contact_never_goes_back():
    fleet = Fleet()
    fleet.update(position(time_s=100))
    fleet.update(Position("a", fix(200), T0 + 90, 2))
    assert fleet.get("a").contact_time == T0 + 100


FIXES = st.lists(
    st.tuples(
        st.integers(0, 600),  # seconds
        st.sampled_from([None, 0.0, 2.0, 4.0, 6.0, 50.0]),
        st.sampled_from([None, True, False]),
        st.booleans(),  # valid
    ),
    max_size=30,
)


def reported(rows: list[tuple[int, float | None, bool | None, bool]]) -> list[Position]:
    return [
        position(time_s=t, sequence=n, lat=46 + t * 1e-5, speed_kmh=speed, ignition=on, valid=valid)
        for n, (t, speed, on, valid) in enumerate(rows, start=1)
    ]


@given(FIXES)
def test_a_burst_gives_what_the_same_fixes_give_one_by_one(rows):
    """When a fix arrives has no part in what the vehicle was doing."""
    live_fleet, burst_fleet = Fleet(), Fleet()
    for one in reported(rows):
        live_fleet.update(one)
        burst_fleet.update(replace(one, received_time=T0 + 9_000))
    one_by_one, at_once = live_fleet.get("a"), burst_fleet.get("a")
    if one_by_one.position and at_once.position:
        assert at_once.position.fix == one_by_one.position.fix
    assert replace(at_once, position=None, contact_time=0.0, speed=None) == replace(
        one_by_one, position=None, contact_time=0.0, speed=None
    )


@given(FIXES)
def test_late_fixes_have_no_part_in_the_live_state(rows):
    """Fixes that come behind a newer one could as well not have come, but for the contact and for
    the newest known speed, which counts by reception.
    """
    with_late, without, newest = Fleet(), Fleet(), (-1.0, 0)
    for one in reported(rows):
        with_late.update(one)
        if one.order > newest:
            without.update(one)
            if one.fix.valid:
                newest = one.order
    assert replace(with_late.get("a"), contact_time=0.0, speed=None) == replace(
        without.get("a"), contact_time=0.0, speed=None
    )


def test_an_invalid_fix_says_nothing_of_the_place():
    fleet = Fleet()
    before = fleet.update(position(time_s=0, speed_kmh=50.0, attributes={"battery": 80}))
    odd = position(
        time_s=10, sequence=2, lat=0.0, lon=0.0, valid=False, speed_kmh=0.0, ignition=True,
        alarms=("sos",), attributes={"power_v": 12.1},
    )  # fmt: skip
    assert fleet.update(odd) == replace(
        before,
        contact_time=T0 + 10,
        ignition=True,
        alarms=("sos",),
        attributes={"battery": 80, "power_v": 12.1},
    )


def test_before_the_first_valid_fix_there_is_no_position():
    fleet = Fleet()
    after = fleet.update(position(time_s=10, valid=False))
    assert (after.position, after.contact_time) == (None, T0 + 10)
    after = fleet.update(position(time_s=20, sequence=2, speed_kmh=0.0))
    assert (after.motion, after.motion_since) == (IDLE, T0 + 20)


# Messages without a position ----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fixes", "ignition", "expected"),
    [
        ([(0, 50, ON), (10, 0, ON)], False, (PARKED, 10)),  # moved as far as anyone could tell
        ([(0, 50, ON), (10, 0, ON), (70, 0, ON)], False, (PARKED, 100)),  # was idle until now
        ([(0, 0, OFF)], True, (IDLE, 100)),
        ([(0, 0, OFF)], False, (PARKED, 0)),
        ([(0, 0, ON)], True, (IDLE, 0)),
        ([(0, 0, ON)], None, (IDLE, 0)),
        ([(0, 50, ON)], False, (MOVING, 0)),  # moves still, by its last fix
    ],
)
def test_a_heartbeat_with_the_ignition(fixes, ignition, expected):
    fleet = Fleet()
    drive(fleet, *fixes)
    after = fleet.contact("a", T0 + 100, Heartbeat(ignition=ignition))
    assert (after.motion, after.motion_since) == (expected[0], T0 + expected[1])
    assert after.contact_time == T0 + 100
    assert after is fleet.get("a")


def test_a_heartbeat_that_says_nothing_is_a_contact():
    fleet = Fleet()
    before = fleet.update(position(alarms=("sos",)))
    assert fleet.contact("a", T0 + 5, None) == replace(before, contact_time=T0 + 5)
    assert fleet.contact("a", T0 + 4, Heartbeat()) == replace(before, contact_time=T0 + 5)


@pytest.mark.parametrize(
    ("message", "alarms"),
    [
        (Heartbeat(), ("sos",)),
        (Heartbeat(alarms=()), ()),
        (Heartbeat(alarms=("low_battery",)), ("low_battery",)),
        (Alarm(alarms=("power_cut",)), ("power_cut",)),
    ],
)
def test_alarms_without_a_position(message, alarms):
    fleet = Fleet()
    fleet.update(position(alarms=("sos",)))
    assert fleet.contact("a", T0 + 5, message).alarms == alarms


def test_an_unheard_of_vehicle_can_say_hello():
    fleet = Fleet()
    after = fleet.contact("new", T0, Heartbeat(ignition=True, attributes={"battery": 50}))
    assert (after.position, after.ignition, dict(after.attributes)) == (None, True, {"battery": 50})
    assert len(fleet) == 1


# Attributes ---------------------------------------------------------------------------------------


def test_what_a_device_said_holds_until_it_says_otherwise():
    fleet = Fleet()
    fleet.update(position(time_s=0, attributes={"battery": 80, "power_v": 12.0}))
    fleet.update(position(time_s=1, attributes={"battery": 79}))
    after = fleet.contact("a", T0 + 2, Heartbeat(attributes={"gsm": 4}))
    assert dict(after.attributes) == {"battery": 79, "power_v": 12.0, "gsm": 4}


def test_a_wrong_clock_is_the_matter_of_one_fix():
    fleet = Fleet()
    wrong = {"battery": 80, "clock": "wrong", "device_time": 0.0}
    assert fleet.update(position(time_s=0, attributes=wrong)).attributes == wrong
    assert fleet.update(position(time_s=1)).attributes == {"battery": 80}


def test_attributes_of_ever_new_names_do_not_pile_up():
    fleet = Fleet()
    for n in range(2 * MAX_ATTRIBUTES):
        after = fleet.update(position(time_s=n, attributes={f"name{n}": n}))
        assert len(after.attributes) <= MAX_ATTRIBUTES
        assert after.attributes[f"name{n}"] == n
    flood = {f"other{n}": n for n in range(2 * MAX_ATTRIBUTES)}
    assert len(fleet.contact("a", T0, Heartbeat(attributes=flood)).attributes) == MAX_ATTRIBUTES


# The fleet as a whole -----------------------------------------------------------------------------


def test_vehicles_are_apart_and_can_be_forgotten():
    fleet = Fleet()
    fleet.update(position("a"))
    fleet.update(position("b"))
    assert len(fleet) == 2
    assert fleet.everything() == [fleet.get("a"), fleet.get("b")]
    fleet.forget("a")
    fleet.forget("never seen")
    assert (len(fleet), fleet.get("a")) == (1, Live("a"))


@pytest.mark.parametrize(
    ("mine", "other", "taken"),
    [
        (None, live(time_s=1), True),
        (live(time_s=1), live(time_s=2), True),
        (live(time_s=2), live(time_s=1, contact=T0 + 99), False),
        (live(time_s=1), live(time_s=1, contact=T0 + 99), True),
        (live(time_s=1, contact=T0 + 99), live(time_s=1), False),
        (live(time_s=1), Live("a", contact_time=T0 + 99), False),
    ],
)
def test_what_is_known_from_elsewhere_is_taken_where_it_is_newer(mine, other, taken):
    fleet = Fleet()
    if mine is not None:
        fleet.restore(mine)
    fleet.restore(other)
    assert fleet.get("a") is (other if taken else mine)


# Alarms -------------------------------------------------------------------------------------------


def test_alarms_are_events_where_they_begin_and_end():
    truck = vehicle("a", fleet="main", group="north")
    before, after = live(alarms=("sos", "low_battery")), live(alarms=("tow", "sos", "geofence"))
    events = list(alarm_events(truck, before, after, T0 + 7))
    assert [(event.kind, event.name) for event in events] == [
        (EventKind.ALARM, "geofence"),
        (EventKind.ALARM, "tow"),
        (EventKind.ALARM_OVER, "low_battery"),
    ]
    assert events[0] == Event(
        events[0].id, EventKind.ALARM, "a", T0 + 7, "geofence", "main", "north", 46.0, 14.5
    )
    assert len({event.id for event in events}) == 3


def test_an_alarm_that_goes_on_is_no_event():
    assert not list(alarm_events(vehicle(), live(alarms=("sos",)), live(alarms=("sos",)), T0))


def test_an_alarm_before_the_first_position_is_nowhere():
    (event,) = alarm_events(vehicle(), Live("a"), Live("a", alarms=("sos",)), T0)
    assert (event.lat, event.lon) == (None, None)


def test_ids_tell_vehicles_times_and_sequences_apart():
    before, after = Live("a"), Live("a", alarms=("sos",))
    ids = [
        next(alarm_events(vehicle(id_), before, after, now, sequence)).id
        for id_ in ("a", "b")
        for now in (T0, T0 + 1)
        for sequence in (1, 2)
    ]
    assert len(set(ids)) == 8
    assert ids[0] == next(alarm_events(vehicle("a"), before, after, T0, 1)).id
