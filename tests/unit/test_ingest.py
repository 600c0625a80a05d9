"""The steps on one fix as tables, and the desk where fixes become positions, state and events."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.unit.builders import T0, fix, vehicle
from tracker.fleet import Fleet
from tracker.geo import gcj02_to_wgs84
from tracker.ingest import (
    Circumstances,
    Ingest,
    Limits,
    check_coordinates,
    check_extras,
    check_motion,
    convert_datum,
    correct_clock,
    plain,
)
from tracker.model import EventKind, Fix, Position
from tracker.protocols.base import Alarm, Heartbeat
from tracker.ticks import Ticks

NAN, INF = float("nan"), float("inf")


def at(now: float = T0, datum: str = "wgs84") -> Circumstances:
    return Circumstances(vehicle(datum=datum), now, Limits(), Counter())


def unix(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


# Steps --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("lat", "lon"), [(NAN, 0), (0, NAN), (INF, 0), (0, -INF), (90.0001, 0), (0, -180.0001)]
)
def test_what_lies_nowhere_is_rejected(lat, lon):
    here = at()
    assert check_coordinates(fix(lat=lat, lon=lon), here) is None
    assert here.notes == {"coordinates": 1}


@pytest.mark.parametrize(
    ("lat", "lon"), [(90, 180), (-90, -180), (0.0, 14.5), (46.0, 0.0), (0.0, 1e-6)]
)
def test_what_lies_somewhere_is_left_alone(lat, lon):
    here, one = at(), fix(lat=lat, lon=lon)
    assert check_coordinates(one, here) is one
    assert not here.notes


def test_null_island_is_no_place():
    here = at()
    assert check_coordinates(fix(lat=0.0, lon=-0.0), here) == fix(lat=0.0, lon=0.0, valid=False)
    assert here.notes == {"null_island": 1}
    assert check_coordinates(fix(lat=0.0, lon=0.0, valid=False), here) == fix(
        lat=0.0, lon=0.0, valid=False
    )
    assert here.notes == {"null_island": 1}


WEEKS_1024 = "week_rollover"
# now, the device's time, the time that counts, the note
CLOCKS = {
    "right": ("2026-03-01T12:00:00", "2026-03-01T11:59:58", None, None),
    "as far ahead as allowed": ("2026-03-01T12:00:00", "2026-03-01T12:02:00", None, None),
    "a year of backlog": ("2026-03-01T12:00:00", "2025-03-01T12:00:00", None, None),
    "an archive, played back": ("2026-03-01T12:00:00", "2010-05-01T12:00:00", None, None),
    "ahead": ("2026-03-01T12:00:00", "2026-03-01T12:02:01", "now", "clock_ahead"),
    "years ahead": ("2026-03-01T12:00:00", "2045-10-15T12:00:00", "now", "clock_ahead"),
    "never set: 1970": ("2026-03-01T12:00:00", "1970-01-01T00:00:09", "now", "clock_unset"),
    "never set: 1980": ("2026-03-01T12:00:00", "1980-01-06T00:00:00", "now", "clock_unset"),
    "never set: 2000": ("2026-03-01T12:00:00", "2000-01-01T00:01:00", "now", "clock_unset"),
    # 1,024 weeks are 7,168 days. The second rollover was in the night to 2019-04-07.
    "the rollover of 2019": (
        "2019-04-07T00:00:05", "1999-08-22T00:00:05", "2019-04-07T00:00:05", WEEKS_1024,
    ),
    "missed for years": (
        "2026-03-01T12:00:00", "2006-07-16T12:00:00", "2026-03-01T12:00:00", WEEKS_1024,
    ),
    "missed, a month of backlog": (
        "2026-03-01T12:00:00", "2006-06-16T12:00:00", "2026-01-30T12:00:00", WEEKS_1024,
    ),
    "missed, and ten minutes ahead": (
        "2026-03-01T12:00:00", "2006-07-16T12:10:00", "now", "clock_ahead",
    ),
    "too old to be today, 1,024 weeks earlier": (
        "2026-03-01T12:00:00", "2004-01-01T00:00:00", None, None,
    ),
    "too young for it": ("2026-03-01T12:00:00", "2008-04-12T00:00:00", None, None),
}  # fmt: skip


@pytest.mark.parametrize(("now", "stated", "counts", "note"), CLOCKS.values(), ids=CLOCKS.keys())
def test_clocks(now, stated, counts, note):
    here, time = at(unix(now)), unix(stated)
    one = Fix(time, 46.0, 14.5, attributes={"battery": 80})
    checked = correct_clock(one, here)
    assert checked is not None
    expected = time if counts is None else here.now if counts == "now" else unix(counts)
    assert checked.fix_time == expected
    assert here.notes[note] == 1 if note else not here.notes
    if counts == "now":
        assert checked.attributes["clock"] == "wrong"
        assert abs(checked.attributes["device_time"] - time) in (0, 1024 * 7 * 86_400)
        assert checked.attributes["battery"] == 80
    else:
        assert checked.attributes == {"battery": 80}


@pytest.mark.parametrize("time", [NAN, INF, -INF])
def test_a_time_that_is_none_rejects_the_fix(time):
    here = at()
    assert correct_clock(Fix(time, 46.0, 14.5), here) is None
    assert here.notes == {"time": 1}


@pytest.mark.parametrize("time", [1e300, -1e300, 1e18])
def test_absurd_times_are_a_wrong_clock(time):
    checked = correct_clock(Fix(time, 46.0, 14.5), at())
    assert checked is not None
    assert checked.fix_time == T0


def test_datums_are_undone_at_the_door():
    shifted = fix(lat=39.91012547566846, lon=116.40363255334069)
    assert convert_datum(shifted, at()) is shifted
    lat, lon = gcj02_to_wgs84(shifted.lat, shifted.lon)
    assert convert_datum(shifted, at(datum="gcj02")) == replace(shifted, lat=lat, lon=lon)
    assert (lat, lon) == pytest.approx((39.908722, 116.397389), abs=1e-7)
    from_bd09 = convert_datum(fix(lat=39.908722, lon=116.397389), at(datum="bd09"))
    assert from_bd09 is not None
    assert (from_bd09.lat, from_bd09.lon) == pytest.approx((39.901016, 116.384762), abs=1e-6)


@pytest.mark.parametrize(
    ("speed", "course", "expected", "notes"),
    [
        (0.0, 0.0, (0.0, 0.0), {}),
        (1_000.0, 359.99, (1_000.0, 359.99), {}),
        (None, None, (None, None), {}),
        (1_000.1, 10.0, (None, 10.0), {"speed": 1}),
        (-0.1, 10.0, (None, 10.0), {"speed": 1}),
        (NAN, NAN, (None, None), {"speed": 1, "course": 1}),
        (INF, -INF, (None, None), {"speed": 1, "course": 1}),
        (50.0, 360.0, (50.0, 0.0), {}),
        (50.0, 360.1, (50.0, None), {"course": 1}),
        (50.0, -1.0, (50.0, None), {"course": 1}),
    ],
)
def test_speeds_and_courses_that_cannot_be(speed, course, expected, notes):
    here = at()
    checked = check_motion(fix(speed_kmh=speed, course_deg=course), here)
    assert checked is not None
    assert (checked.speed_kmh, checked.course_deg) == expected
    assert here.notes == notes


@pytest.mark.parametrize(
    ("altitude", "satellites", "expected", "notes"),
    [
        (-430.0, 0, (-430.0, 0), {}),
        (None, None, (None, None), {}),
        (NAN, 255, (None, 255), {"altitude": 1}),
        (-INF, 256, (None, None), {"altitude": 1, "satellites": 1}),
        (300.0, -1, (300.0, None), {"satellites": 1}),
    ],
)
def test_altitudes_and_satellites_that_cannot_be(altitude, satellites, expected, notes):
    here = at()
    checked = check_extras(fix(altitude_m=altitude, satellites=satellites), here)
    assert checked is not None
    assert (checked.altitude_m, checked.satellites) == expected
    assert here.notes == notes


@pytest.mark.parametrize(
    ("attributes", "expected"),
    [
        ({"raw": b"\x01\xff"}, {"raw": "01ff"}),
        ({"inputs": {3, 1, 2}}, {"inputs": [1, 2, 3]}),
        ({"cell": fix().attributes}, {"cell": {}}),
        ({"odometer_m": 2**64, "battery": 80}, {"battery": 80}),
        ({"text": "\ud800", "battery": 80}, {"battery": 80}),
        ({"what": object(), "battery": 80}, {"battery": 80}),
        ({7: "number for a name", "battery": 80}, {"battery": 80}),
        ({"deep": {"raw": b"\x00"}}, {"deep": {"raw": "00"}}),
    ],
)
def test_attributes_that_no_json_can_hold(attributes, expected):
    here = at()
    checked = check_extras(fix(attributes=attributes), here)
    assert checked is not None
    assert checked.attributes == expected
    assert here.notes == {"attributes": 1}


def test_plain_attributes_are_left_alone():
    here, one = at(), fix(attributes={"battery": 80, "cells": [{"mcc": 293}], "odd": NAN})
    assert check_extras(one, here) is one
    assert not here.notes
    nothing: dict[str, Any] = {}
    assert plain(nothing, here.notes) is nothing


# The desk -----------------------------------------------------------------------------------------


def desk() -> Ingest:
    return Ingest(Fleet(), Ticks())


def test_accepted_fixes_become_positions_state_and_a_row_of_the_tick():
    ingest, truck = desk(), vehicle()
    first, second = fix(-2, speed_kmh=50.0), fix(-1, speed_kmh=51.0)
    positions = ingest.accept(truck, [first, second], T0)
    received = round(T0 * 1e6)
    assert positions == [
        Position("a", first, T0, received),
        Position("a", second, T0, received + 1),
    ]
    assert ingest.accepted == 2
    tick = ingest.ticks.flush(T0 + 1)
    assert tick.changed == (ingest.fleet.get("a"),)
    assert tick.changed[0].position == positions[1]
    assert tick.events == ()


def test_every_step_has_its_turn():
    ingest = desk()
    chinese = vehicle(datum="gcj02")
    odd = Fix(T0 + 9_999, 39.91012547566846, 116.40363255334069, 5_000.0, 360.0, NAN, satellites=-1)
    (position,) = ingest.accept(chinese, [odd], T0)
    one = position.fix
    assert (one.fix_time, one.speed_kmh, one.course_deg) == (T0, None, 0.0)
    assert (one.altitude_m, one.satellites) == (None, None)
    assert (one.lat, one.lon) == pytest.approx((39.908722, 116.397389), abs=1e-7)
    assert ingest.notes == {"clock_ahead": 1, "speed": 1, "altitude": 1, "satellites": 1}


def test_what_is_rejected_is_counted_and_the_rest_goes_on():
    ingest = desk()
    positions = ingest.accept(vehicle(), [fix(lat=NAN), fix(-1), fix(lat=99.0)], T0)
    assert [p.fix for p in positions] == [fix(-1)]
    assert (ingest.notes, ingest.accepted) == ({"coordinates": 2}, 1)
    assert desk().accept(vehicle(), [fix(lat=NAN)], T0) == []


def test_a_backlog_is_stored_and_not_shown():
    ingest = desk()
    (newest,) = ingest.accept(vehicle(), [fix(-1)], T0)
    ingest.ticks.flush(T0)
    backlog = [fix(-300, stored=True), fix(-200, stored=True)]
    assert [p.fix for p in ingest.accept(vehicle(), backlog, T0 + 5)] == backlog
    (shown,) = ingest.ticks.flush(T0 + 5).changed
    assert (shown.position, shown.contact_time) == (newest, T0 + 5)


@given(st.lists(st.floats(T0 - 5, T0 + 5), min_size=1, max_size=20))
def test_sequences_rise_whatever_the_clock_does(times):
    ingest = desk()
    sequences = [
        position.sequence
        for now in times
        for position in ingest.accept(vehicle(), [fix(-10), fix(-9)], now)
    ]
    assert sequences == sorted(set(sequences))
    assert sequences[0] == int(times[0] * 1e6)


def test_an_alarm_that_comes_goes_and_comes_again_within_one_frame():
    ingest = desk()
    ingest.accept(
        vehicle(),
        [fix(-3, alarms=("sos",)), fix(-2), fix(-1, alarms=("sos",))],
        T0,
    )
    events = ingest.ticks.flush(T0).events
    assert [event.kind for event in events] == [
        EventKind.ALARM, EventKind.ALARM_OVER, EventKind.ALARM,
    ]  # fmt: skip
    assert len({event.id for event in events}) == 3
    assert {event.time for event in events} == {T0}


def test_a_contact_is_shown_and_its_alarms_are_events():
    ingest, truck = desk(), vehicle()
    ingest.contact(truck, T0)
    ingest.contact(truck, T0 + 1, Heartbeat(ignition=True, attributes={"raw": b"\x01"}))
    ingest.contact(truck, T0 + 1, Alarm(alarms=("sos",)))
    ingest.contact(truck, T0 + 1, Heartbeat(alarms=()))
    tick = ingest.ticks.flush(T0 + 1)
    (shown,) = tick.changed
    assert (shown.contact_time, shown.ignition, shown.position) == (T0 + 1, True, None)
    assert shown.attributes == {"raw": "01"}
    assert [event.kind for event in tick.events] == [EventKind.ALARM, EventKind.ALARM_OVER]


@given(
    st.builds(
        Fix,
        st.floats(),
        st.floats(),
        st.floats(),
        st.none() | st.floats(),
        st.none() | st.floats(),
        st.none() | st.floats(),
        valid=st.booleans(),
        satellites=st.none() | st.integers(),
        attributes=st.dictionaries(
            st.text() | st.integers(), st.integers() | st.floats() | st.binary() | st.text()
        ),
    ),
    st.sampled_from(["wgs84", "gcj02", "bd09"]),
)
@example(Fix(T0, 0.0, -180.0), "bd09")
@example(Fix(T0, -90.0, 1.0), "bd09")
def test_whatever_comes_in_what_goes_out_is_sound(odd, datum):
    for position in desk().accept(vehicle(datum=datum), [odd], T0):
        one = position.fix
        assert -90 <= one.lat <= 90
        assert -180 <= one.lon <= 180
        assert 0 <= one.fix_time <= T0 + 120
        assert one.speed_kmh is None or 0 <= one.speed_kmh <= 1_000
        assert one.course_deg is None or 0 <= one.course_deg < 360
        assert one.satellites is None or 0 <= one.satellites <= 255
        orjson.dumps(dict(one.attributes))
