"""What nodes tell each other: there and back, and bytes that are no batch."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.builders import T0, live, vehicle
from tracker import batch
from tracker.commands import life
from tracker.errors import BusError
from tracker.model import (
    NOTHING,
    CommandKind,
    CommandRecord,
    CommandState,
    DeviceStatus,
    Event,
    EventKind,
    Fix,
    Live,
    Position,
    Speed,
    SpeedSource,
    State,
)

FULL = Live(
    "a",
    Position(
        "a",
        Fix(
            T0 + 0.123456, 46.0512345, -14.5, 36.5, 359.9, 301.5, stored=True, satellites=9,
            ignition=False,
        ),
        T0 + 1.5,
        1_740_000_001_500_000,
    ),
    State.IDLE,
    T0 - 10.25,
    T0 - 70.5,
    T0 + 2,
    ignition=True,
    alarms=("sos", "tow"),
    attributes={"battery": 80, "text": "ä", "deep": {"list": [1, None, 2.5]}},
)  # fmt: skip
NODE = {"node": "north-1", "boot": "6f1c", "sequence": 7, "tick": 1_740_000_001}


def there_and_back(*lives: Live, **more: Any) -> batch.Batch:
    rows = [batch.encode_row(one) for one in lives]
    parts: dict[str, Any] = {"vehicles": [], "events": []} | more
    return batch.decode(batch.encode(**NODE, rows=rows, **parts))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "one",
    [
        FULL,
        live("b"),
        Live("c"),
        replace(FULL, speed=Speed(80.5, T0, T0 + 1.5, SpeedSource.DOUBTFUL)),
        Live("e", speed=Speed(0.0, T0 - 1, T0)),
        Live("d", contact_time=T0, ignition=False, alarms=("sos",), attributes={"battery": 1}),
        replace(FULL, still_since=None, ignition=None),
    ],
)
def test_a_live_state_there_and_back(one):
    assert there_and_back(one).lives == (one,)


def test_what_rides_on_a_row_and_what_does_not():
    """Alarms and attributes travel as the vehicle's; those of the single fix stay at home."""
    assert FULL.position is not None
    fix = replace(FULL.position.fix, alarms=("sos",), attributes={"hdop": 0.9})
    sent = replace(FULL, position=replace(FULL.position, fix=fix))
    assert there_and_back(sent).lives == (FULL,)
    (bare,) = there_and_back(Live("c")).lives
    assert bare.attributes is NOTHING


def test_a_whole_message_there_and_back():
    vehicles = (
        vehicle("a", group="north", utc_offset_s=3_600, datum="gcj02", protocol="gt06"),
        vehicle("b", status=DeviceStatus.PENDING, created_time=T0),
    )
    events = (
        Event("e1", EventKind.ALARM, "a", T0, "sos", "main", "north", 46.0, 14.5),
        Event("e2", EventKind.ALARM_OVER, "a", T0, "sos"),
    )
    assert there_and_back(FULL, Live("c"), vehicles=vehicles, events=events) == batch.Batch(
        "north-1", "6f1c", 7, 1_740_000_001, (FULL, Live("c")), vehicles, events
    )


def test_an_empty_message_is_a_message():
    assert there_and_back() == batch.Batch("north-1", "6f1c", 7, 1_740_000_001, (), (), ())


def test_the_kept_state_there_and_back():
    fields = {
        batch.LIVE + "a": batch.encode_row(FULL),
        batch.VEHICLE + "a": batch.encode_vehicle(vehicle("a")),
        "else/x": b"not ours",
    }
    assert batch.decode_state(fields) == ([FULL], [vehicle("a")])
    assert batch.decode_state({}) == ([], [])


MESSAGE = orjson.loads(
    batch.encode(
        **NODE,  # type: ignore[arg-type]
        rows=[batch.encode_row(FULL)],
        vehicles=[vehicle("a")],
        events=[Event("e1", EventKind.ALARM, "a", T0, "sos")],
    )
)
VEHICLE, EVENT, ROW = MESSAGE["vehicles"][0], MESSAGE["events"][0], MESSAGE["rows"][0]


def row_with(index: int, value: object) -> bytes:
    row = [*ROW[:index], value, *ROW[index + 1 :]]
    return orjson.dumps(MESSAGE | {"rows": [row]})


NOT_BATCHES = {
    "nothing": b"",
    "no JSON": b"{",
    "no UTF-8": b"\xff",
    "a list": b"[]",
    "null": b"null",
    "no rows": orjson.dumps({k: v for k, v in MESSAGE.items() if k != "rows"}),
    "rows are a number": orjson.dumps(MESSAGE | {"rows": 7}),
    "a row is a number": orjson.dumps(MESSAGE | {"rows": [7]}),
    "a row is an object": orjson.dumps(MESSAGE | {"rows": [{}]}),
    "a short row": orjson.dumps(MESSAGE | {"rows": [ROW[:7]]}),
    "half a position": orjson.dumps(MESSAGE | {"rows": [ROW[:12]]}),
    "a long row": orjson.dumps(MESSAGE | {"rows": [[*ROW, 1]]}),
    "an unknown state": row_with(3, 9),
    "no state": row_with(3, None),
    "contact is text": row_with(1, "now"),
    "contact is null": row_with(1, None),
    "motion_since is null": row_with(4, None),
    "still_since is a list": row_with(5, [1]),
    "alarms are a number": row_with(6, 7),
    "received is null": row_with(8, None),
    "sequence is text": row_with(9, "7"),
    "the time is null": row_with(10, None),
    "the time is no number": row_with(10, 1e308).replace(b"1e+308", b"1e999"),
    "the latitude is null": row_with(11, None),
    "the latitude is off the globe": row_with(11, 90.1),
    "the longitude is text": row_with(12, "14.5"),
    "the longitude is off the globe": row_with(12, -180.1),
    "the speed is text": row_with(13, "fast"),
    "the course is a list": row_with(14, [1]),
    "the time is huge": row_with(10, 1e16),
    "the contact is long ago": row_with(1, -1e300),
    "sums to infinity": row_with(13, 1.7e308).replace(b"359.9", b"1.7e308"),
    "the ignition is text": row_with(2, "on"),
    "the ignition is a list": row_with(2, []),
    "the known speed is a number": orjson.dumps(MESSAGE | {"rows": [[*ROW, 7]]}),
    "the known speed is text": orjson.dumps(MESSAGE | {"rows": [[*ROW, ["x", 1, 1, 0]]]}),
    "the known speed is huge": orjson.dumps(MESSAGE | {"rows": [[*ROW, [1e300, 1, 1, 0]]]}),
    "by no known means": orjson.dumps(MESSAGE | {"rows": [[*ROW, [1, 1, 1, 3]]]}),
    "an unknown field of a vehicle": orjson.dumps(MESSAGE | {"vehicles": [VEHICLE | {"x": 1}]}),
    "an unknown status": orjson.dumps(MESSAGE | {"vehicles": [VEHICLE | {"status": "x"}]}),
    "a vehicle without status": orjson.dumps(MESSAGE | {"vehicles": [{"id": "a"}]}),
    "an unknown kind of event": orjson.dumps(MESSAGE | {"events": [EVENT | {"kind": "x"}]}),
    "an event is text": orjson.dumps(MESSAGE | {"events": ["x"]}),
}


def test_the_message_that_the_bad_ones_are_made_of_is_good():
    assert batch.decode(orjson.dumps(MESSAGE)).lives == (FULL,)
    assert batch.decode(row_with(13, None)).lives[0].position.fix.speed_kmh is None  # type: ignore[union-attr]


@pytest.mark.parametrize("payload", NOT_BATCHES.values(), ids=NOT_BATCHES.keys())
def test_bytes_that_are_no_batch(payload):
    with pytest.raises(BusError) as caught:
        batch.decode(payload)
    assert caught.value.value == payload[:64]


@pytest.mark.parametrize(
    "fields",
    [
        {"live/a": b"junk"},
        {"live/a": orjson.dumps(ROW[:5])},
        {"vehicle/a": b"{}"},
        {"vehicle/a": b"7"},
    ],
)
def test_kept_state_that_cannot_be_read(fields):
    with pytest.raises(BusError):
        batch.decode_state(fields)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63) | st.floats(allow_nan=False,
    allow_infinity=False) | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(),
    inner), max_leaves=20,
)  # fmt: skip


@given(st.sampled_from(["rows", "vehicles", "events", "node", "seq"]), JSON)
def test_whatever_stands_in_a_message_it_is_a_batch_or_a_bus_error(name, value):
    try:
        batch.decode(orjson.dumps(MESSAGE | {name: value}))
    except BusError:
        return


@given(st.integers(0, len(ROW) - 1), JSON)
def test_whatever_stands_in_a_row_numbers_are_numbers(index, value):
    try:
        (one,) = batch.decode(row_with(index, value)).lives
    except BusError:
        return
    assert one.position is not None
    fix = one.position.fix
    for number in (one.contact_time, one.motion_since, fix.fix_time, fix.lat, fix.lon):
        assert isinstance(number, int | float)


COMMAND = life.step(
    life.begun(
        CommandRecord("c", "a", CommandKind.TEXT, {"text": "粤B"}, T0, T0 + 600.5, "north-1")
    ),
    CommandState.SENT,
    T0 + 1,
    "north-2",
    reference=65_535,
)


def test_commands_there_and_back():
    answered = life.step(COMMAND, CommandState.ANSWERED, T0 + 2, "north-2", reply="好", detail="x")
    assert there_and_back(commands=[COMMAND, answered]).commands == (COMMAND, answered)
    assert there_and_back().commands == ()
    fields = {"command/c": batch.encode_command(answered), "live/a": batch.encode_row(FULL)}
    assert batch.decode_commands(fields) == [answered]
    assert batch.decode_state(fields) == ([FULL], [])


def test_a_node_of_before_tells_of_no_commands():
    message = orjson.loads(batch.encode(**NODE, rows=[], vehicles=[], events=[]))  # type: ignore[arg-type]
    del message["commands"]
    assert batch.decode(orjson.dumps(message)).commands == ()


@pytest.mark.parametrize(
    "damage",
    [
        {"kind": "explode"},
        {"transitions": []},
        {"transitions": [1]},
        {"created_time": 1e300},
        {"parameters": 7},
        {"colour": "red"},
    ],
)
def test_what_is_no_command(damage):
    broken = orjson.dumps(orjson.loads(batch.encode_command(COMMAND)) | damage)
    with pytest.raises(BusError):
        batch.decode_commands({"command/c": broken})
