"""The nouns: codes and names that others rely on, orders, and that nothing can be changed."""

from __future__ import annotations

import dataclasses

import pytest

from tests.unit.builders import T0, live, position
from tracker import model
from tracker.model import NOTHING, EventKind, Fix, Live, State


def test_the_codes_of_states_are_those_of_the_live_feed():
    assert [(int(state), state.label) for state in State] == [
        (0, "moving"),
        (1, "idle"),
        (2, "parked"),
        (3, "stale"),
        (4, "offline"),
    ]


def test_the_kinds_of_events_are_those_of_the_live_feed():
    assert {kind.value for kind in EventKind} == {"alarm", "alarm_over", "command"}


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        (position(time_s=1.0, sequence=9), position(time_s=2.0, sequence=1)),
        (position(time_s=1.0, sequence=1), position(time_s=1.0, sequence=2)),
        (position(time_s=-0.001, sequence=5), position(time_s=0.0, sequence=4)),
    ],
)
def test_positions_are_ordered_by_fix_time_and_then_by_sequence(older, newer):
    assert older.order < newer.order
    assert not newer.order < older.order


@pytest.mark.parametrize(
    ("older", "newer"),
    [
        (Live("a"), Live("a", contact_time=1.0)),
        (Live("a", contact_time=T0 + 99), live(time_s=-(10.0**9))),
        (live(time_s=1.0, contact=T0 + 99), live(time_s=2.0, contact=T0)),
        (live(time_s=1.0, contact=T0), live(time_s=1.0, contact=T0 + 1)),
    ],
)
def test_states_are_ordered_by_position_and_then_by_contact(older, newer):
    assert older.order < newer.order


FROZEN = [
    kind
    for kind in vars(model).values()
    if isinstance(kind, type) and dataclasses.is_dataclass(kind)
]


def test_there_are_dataclasses_to_look_at():
    assert {kind.__name__ for kind in FROZEN} == {
        "Fix", "Position", "Vehicle", "Live", "Event", "Tick", "Command", "CommandRecord",
        "Transition", "Speed",
    }  # fmt: skip


@pytest.mark.parametrize("kind", FROZEN)
def test_every_noun_is_frozen_and_slotted(kind):
    assert kind.__dataclass_params__.frozen
    assert "__dict__" not in dir(kind)


def test_what_was_not_said_is_an_empty_mapping_that_cannot_be_filled():
    assert Fix(0.0, 0.0, 0.0).attributes is NOTHING
    assert (len(NOTHING), list(NOTHING), dict(NOTHING), repr(NOTHING)) == (0, [], {}, "{}")
    assert NOTHING == {}
    assert NOTHING.get("battery") is None
    with pytest.raises(KeyError):
        NOTHING["battery"]
    with pytest.raises(TypeError):
        NOTHING["battery"] = 1  # type: ignore[index]
    assert hash(Fix(0.0, 0.0, 0.0)) == hash(Fix(0.0, 0.0, 0.0))
