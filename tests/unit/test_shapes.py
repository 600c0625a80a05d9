"""What REST answers with, and what it understands of a query."""

from __future__ import annotations

from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.builders import T0, live, position, vehicle
from tracker.errors import RequestError
from tracker.model import DeviceStatus, Live, State
from tracker.web.shapes import (
    bounding_box,
    matches,
    moment,
    position_shape,
    rfc3339,
    stored_shape,
    vehicle_shape,
    whole_number,
)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, None),
        (0.0, None),  # what was never
        (T0, "2025-02-19T21:20:00.000Z"),
        (T0 + 0.1234, "2025-02-19T21:20:00.123Z"),
        (T0 + 0.9996, "2025-02-19T21:20:01.000Z"),
        (1.5, "1970-01-01T00:00:01.500Z"),
    ],
)
def test_times(seconds, text):
    assert rfc3339(seconds) == text


@pytest.mark.parametrize(
    "text",
    [
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+23:59",
        "1969-12-31T23:59:59.999Z",
        "1970-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59.9999Z",
        "9999-12-31T23:59:59-14:00",
    ],
)
def test_times_beyond_what_can_be_shown_are_refused(text):
    with pytest.raises(RequestError, match="from: must be within the years 1970 to 9999"):
        moment({"from": text}, "from", 0.0)


@pytest.mark.parametrize("text", ["1970-01-01T00:00:00.001Z", "9999-12-31T23:59:59.500Z"])
def test_the_first_and_the_last_time(text):
    assert rfc3339(moment({"from": text}, "from", 0.0)) == text


@given(st.integers(1, 4_000_000_000_000))
def test_times_are_exact_to_the_millisecond(milliseconds):
    text = rfc3339(milliseconds / 1000)
    assert text is not None
    assert round(moment({"t": text}, "t", 0.0) * 1000) == milliseconds


FULL = position(
    time_s=0.5, lat=46.05, lon=14.5, speed_kmh=36.5, course_deg=90.0, altitude_m=301.0,
    satellites=9, ignition=True, alarms=("sos",), attributes={"battery": 80}, stored=True,
)  # fmt: skip
SHAPE = {
    "lat": 46.05,
    "lon": 14.5,
    "speed_kmh": 36.5,
    "course_deg": 90.0,
    "altitude_m": 301.0,
    "fix_time": "2025-02-19T21:20:00.500Z",
    "received_time": "2025-02-19T21:20:00.500Z",
    "satellites": 9,
    "valid": True,
}


def test_positions():
    assert position_shape(FULL) == SHAPE
    assert stored_shape(FULL) == SHAPE | {
        "ignition": True,
        "stored": True,
        "alarms": ("sos",),
        "attributes": {"battery": 80},
    }
    bare = position_shape(position())
    assert [name for name, value in bare.items() if value is None] == [
        "speed_kmh", "course_deg", "altitude_m", "satellites",
    ]  # fmt: skip
    assert orjson.loads(orjson.dumps(stored_shape(position())))["attributes"] == {}


def test_vehicles():
    truck = vehicle("a", group="north", protocol="gt06")
    state = replace(live("a", alarms=("sos",), ignition=False), attributes={"battery": 80})
    shape = vehicle_shape(truck, state, State.STALE, T0 - 5)
    assert state.position is not None
    assert orjson.loads(orjson.dumps(shape)) == {
        "id": "a",
        "name": "Truck a",
        "device": "device-a",
        "protocol": "gt06",
        "fleet": "main",
        "group": "north",
        "status": "active",
        "state": "stale",
        "state_since": "2025-02-19T21:19:55.000Z",
        "contact_time": "2025-02-19T21:20:00.000Z",
        "ignition": False,
        "alarms": ["sos"],
        "attributes": {"battery": 80},
        "position": position_shape(state.position),
    }


def test_a_vehicle_that_waits_or_was_never_heard_of():
    waiting = vehicle("a", status=DeviceStatus.PENDING)
    shape = vehicle_shape(waiting, Live("a"), State.OFFLINE, 0.0)
    assert (shape["status"], shape["state"]) == ("pending", "pending")
    assert (shape["state_since"], shape["contact_time"], shape["position"]) == (None, None, None)


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("", True),
        ("truck", True),
        ("TRUCK 7", True),
        ("7 tru", True),
        ("356307 weiss", True),
        ("WEISS", True),  # sharp s folds to ss
        ("truck 8", False),
        ("idx", True),
        ("north", False),
    ],
)
def test_words_are_looked_for_in_name_device_and_id(words, found):
    truck = vehicle("idx", name="Truck 7 weiß", device="356307042441013", group="north")
    assert matches(truck, words) == found


# Queries ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "number"), [(None, 7), ("1", 1), ("10", 10), ("007", 7)])
def test_whole_numbers(text, number):
    query = {} if text is None else {"limit": text}
    assert whole_number(query, "limit", 7, 1, 10) == number


@pytest.mark.parametrize("text", ["", "0", "11", "-1", "1.0", "1e1", " 1", "٣", "9" * 10, "x"])
def test_what_is_no_whole_number_within_bounds(text):
    with pytest.raises(RequestError, match=r"limit: must be a whole number within 1..10"):
        whole_number({"limit": text}, "limit", 7, 1, 10)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        (None, 7.0),
        ("1740000000", T0),
        ("1740000000.5", T0 + 0.5),
        ("0", 0.0),
        ("2025-02-19T21:20:00Z", T0),
        ("2025-02-19T21:20:00", T0),
        ("2025-02-19T21:20:00.250Z", T0 + 0.25),
        ("2025-02-19T22:20:00+01:00", T0),
        ("2025-02-19T22:20:00 01:00", T0),  # a plus sign that was not escaped
        ("2025-02-19T20:20:00-01:00", T0),
        ("2025-02-19 21:20:00", T0),
        ("2025-02-19", T0 - 76_800),
    ],
)
def test_moments(text, seconds):
    assert moment({} if text is None else {"from": text}, "from", 7.0) == seconds


@pytest.mark.parametrize(
    "text", ["", "yesterday", "nan", "inf", "1e9", "-5", "2025-13-01", "2025-02-30T00:00:00Z", "T"]
)
def test_what_is_no_moment(text):
    with pytest.raises(RequestError, match="from: must be a time") as caught:
        moment({"from": text}, "from", 7.0)
    assert caught.value.value == text


@pytest.mark.parametrize(
    ("text", "box"),
    [
        (None, None),
        ("1,2,3,4", (1.0, 2.0, 3.0, 4.0)),
        ("-180,-90,180,90", (-180.0, -90.0, 180.0, 90.0)),
        ("179.5, 1, -179.5, 1", (179.5, 1.0, -179.5, 1.0)),
    ],
)
def test_boxes(text, box):
    assert bounding_box({} if text is None else {"bbox": text}) == box


@pytest.mark.parametrize(
    "text",
    ["", "1,2,3", "1,2,3,4,5", "a,b,c,d", "nan,2,3,4", "1,nan,3,4", "1e400,2,3,4", "1,2,inf,4",
     "-181,2,3,4", "1,-91,3,4", "1,2,181,4", "1,2,3,91", "1,5,3,4"],
)  # fmt: skip
def test_what_is_no_box(text):
    with pytest.raises(RequestError, match="bbox: "):
        bounding_box({"bbox": text})


@given(st.text())
def test_whatever_is_asked_is_understood_or_refused(text):
    for read in (
        lambda query: whole_number(query, "q", 1, 1, 9),
        lambda query: moment(query, "q", 0.0),
        bounding_box,
    ):
        try:
            read({"q": text, "bbox": text})
        except RequestError:
            continue
