"""Viewers who are behind, page in the background, events that wait, and messages that are none."""

from __future__ import annotations

import pytest

from tests.unit.room import Room, alarm
from tracker.hub import (
    CLOSE_BAD_MESSAGES,
    CLOSE_TOO_SLOW,
    MAX_ERRORS_PER_MINUTE,
    MAX_KEPT_EVENTS,
)

LJUBLJANA, TRIESTE = (46.05, 14.5), (45.65, 13.77)


# Behind -------------------------------------------------------------------------------------------


def test_two_unacknowledged_ticks_are_behind_and_an_ack_catches_up():
    room = Room()
    viewer, socket = room.connect()
    for n in range(6):
        room.tick(room.place("a", 46.0 + n, 14.5))
    assert [message["tick"] - room.number for message in socket.read()] == [-5, -4]
    assert viewer.skipped == 4
    assert socket.client.by_id()["a"]["lat"] == 47_000_000
    room.ack(viewer)
    room.tick(room.place("a", 60.0, 14.5))
    parts = socket.parts()
    assert parts[0]["conflated"] == 4
    assert (parts[1]["kind"], parts[1]["reset"]) == ("view", True)
    assert socket.client.by_id()["a"]["lat"] == 60_000_000
    room.ack(viewer)
    room.tick(room.place("a", 61.0, 14.5))
    parts = socket.parts()
    assert parts[0]["conflated"] == 0
    assert parts[1]["move"]["lat"] == [1_000_000]
    assert (room.hub.stats["skipped"], room.hub.stats["conflated"]) == (4, 1)


@pytest.mark.parametrize(("acknowledged", "more"), [(-1, 0), (0, 1), (1, 2)])
def test_an_ack_stands_for_all_ticks_before_it(acknowledged, more):
    room = Room()
    viewer, socket = room.connect()
    room.tick()
    first = room.number
    room.tick()
    room.say(viewer, type="ack", tick=first + acknowledged)
    for _ in range(4):
        room.tick()
    assert len(socket.written) == 2 + more
    assert viewer.errors == ()


def test_an_ack_of_what_was_not_sent_is_an_error():
    room = Room()
    viewer, socket = room.connect()
    room.say(viewer, type="ack", tick=room.number + 1)
    room.tick()
    room.say(viewer, type="ack", tick=room.number + 1)
    room.tick()
    socket.read()
    assert [error.partition(": ")[0] for error in socket.client.errors] == ["ack.tick"] * 2


def test_how_many_ticks_are_behind_is_a_rule():
    room = Room(behind_ticks=5)
    _, socket = room.connect()
    for _ in range(9):
        room.tick()
    assert len(socket.written) == 5


def test_a_network_that_takes_nothing_is_behind_at_once():
    room = Room()
    viewer, socket = room.connect()
    room.tick()
    room.ack(viewer)
    socket.paused = True
    for _ in range(3):
        room.tick()
    socket.paused = False
    room.tick()
    messages = socket.read()
    assert [message["parts"][0]["conflated"] for message in messages] == [0, 3]


def test_one_who_is_behind_costs_the_others_nothing():
    room = Room()
    room.connect()
    good, good_socket = room.connect()
    for n in range(10):
        room.tick(room.place("a", 46.0 + n, 14.5))
        room.ack(good)
    assert [message["parts"][0]["conflated"] for message in good_socket.read()] == [0] * 10
    assert len(good_socket.client.rows) == 1


@pytest.mark.parametrize(("close_after_s", "ticks"), [(30.0, 33), (5.0, 8)])
def test_behind_for_too_long_closes_with_4008_once(close_after_s, ticks):
    room = Room(close_after_s=close_after_s)
    viewer, socket = room.connect()
    for n in range(1, ticks + 5):
        room.tick()
        assert bool(socket.closed) == (n >= ticks), n
    assert [code for code, _ in socket.closed] == [CLOSE_TOO_SLOW] == [4008]
    assert room.hub.stats["closed_4008"] == 1
    room.ack(viewer)
    room.tick()
    assert len(socket.written) == 2  # who is being closed gets nothing more


def test_patience_begins_anew_when_one_has_caught_up():
    room = Room(close_after_s=5.0)
    viewer, socket = room.connect()
    for _ in range(4):
        for _ in range(6):
            room.tick()
        room.ack(viewer)
    assert socket.closed == []


def test_a_clock_that_is_set_back_leaves_nobody_behind():
    room = Room()
    viewer, socket = room.connect()
    room.tick()
    room.tick()
    room.tick(number=room.number - 1_000)
    for _ in range(5):
        room.ack(viewer)
        room.tick()
    assert (len(socket.written), viewer.skipped, viewer.errors) == (8, 0, ())


# Pages in the background --------------------------------------------------------------------------


@pytest.mark.parametrize("every", [2, 3, 10, 60])
def test_every_kth_tick_as_a_full_message(every):
    room = Room()
    viewer, socket = room.connect()
    room.tick(room.place("a", *LJUBLJANA))
    socket.read()
    room.say(viewer, type="rate", every=every)
    first = room.number
    for n in range(2 * every):
        room.tick(room.place("a", 46.0 + n / 1_000, 14.5))
        room.ack(viewer)
    messages = socket.read()
    assert [m["tick"] for m in messages] == [
        tick for tick in range(first + 1, first + 2 * every + 1) if tick % every == 0
    ]
    for message in messages:
        assert [part["kind"] for part in message["parts"]] == ["status", "view", "cell"]
        assert message["parts"][0]["conflated"] == 0


def test_back_to_every_tick():
    room = Room()
    viewer, socket = room.connect()
    room.tick(room.place("a", *LJUBLJANA), number=room.number + 60)
    room.say(viewer, type="rate", every=10)
    room.tick(room.place("a", *TRIESTE))
    room.say(viewer, type="rate", every=1)
    room.say(viewer, type="rate", every=1)
    room.ack(viewer)
    socket.read()
    room.tick()
    assert socket.kinds() == ["status", "view", "cell"]
    assert socket.client.by_id()["a"]["lat"] == 45_650_000
    room.ack(viewer)
    room.tick()
    assert socket.kinds() == ["status"]


# Events -------------------------------------------------------------------------------------------


def test_events_reach_everybody_who_may_see_them_whatever_they_look_at():
    room = Room()
    viewer, socket = room.connect()
    room.say(viewer, type="view", bbox=[0, 0, 1, 1])
    room.tick(events=[alarm("e1"), alarm("e2", "north")])
    room.ack(viewer)
    room.tick()
    first, second = socket.read()
    (events,) = [part for part in first["parts"] if part["kind"] == "events"]
    assert [event["id"] for event in events["events"]] == ["e1", "e2"]
    assert [part["kind"] for part in second["parts"]] == ["status"]


def test_events_wait_for_one_who_is_behind_and_come_in_order_and_once():
    room = Room()
    viewer, socket = room.connect()
    for n in range(10):
        room.tick(events=[alarm(f"e{n}")])
    room.ack(viewer)
    room.tick(events=[alarm("e10")])
    room.ack(viewer)
    room.tick()
    socket.read()
    assert [event["id"] for event in socket.client.events] == [f"e{n}" for n in range(11)]


def test_more_events_than_can_wait_close_one_who_is_behind():
    room = Room()
    viewer, socket = room.connect()
    socket.paused = True
    room.tick(events=[alarm(f"a{n}") for n in range(MAX_KEPT_EVENTS)])
    assert socket.closed == []
    room.tick(events=[alarm("one too many")])
    assert [code for code, _ in socket.closed] == [CLOSE_TOO_SLOW]
    assert len(viewer.events) == MAX_KEPT_EVENTS + 1


def test_many_events_at_once_are_no_fault_of_one_who_keeps_up():
    room = Room()
    _, socket = room.connect()
    room.tick(events=[alarm(f"e{n}") for n in range(3 * MAX_KEPT_EVENTS)])
    socket.read()
    assert len(socket.client.events) == 3 * MAX_KEPT_EVENTS
    assert socket.closed == []


def test_a_page_in_the_background_gets_too_many_events_before_its_turn():
    room = Room()
    viewer, socket = room.connect()
    room.say(viewer, type="rate", every=60)
    room.tick(number=room.number + 61, events=[alarm(f"a{n}") for n in range(MAX_KEPT_EVENTS)])
    assert socket.written == []
    room.tick(events=[alarm("one more")])
    socket.read()
    assert len(socket.client.events) == MAX_KEPT_EVENTS + 1
    assert socket.closed == []


# Messages that are none ---------------------------------------------------------------------------


def test_nonsense_is_answered_in_the_next_tick_and_changes_nothing():
    room = Room()
    viewer, socket = room.connect()
    other, other_socket = room.connect()
    room.tick()
    room.ack(viewer, other)
    view = viewer.view
    room.hub.receive(viewer, "junk", room.number)
    room.say(viewer, type="view", bbox=[-181, 0, 0, 0])
    room.tick()
    error = socket.read()[-1]["parts"][-1]
    assert error == {
        "kind": "error",
        "code": "bad_message",
        "detail": "view.bbox: west must lie within -180..180",
    }
    assert [e.partition(":")[0] for e in socket.client.errors] == ["not JSON", "view.bbox"]
    assert (viewer.view, viewer.every) == (view, 1)
    other_socket.read()
    assert other_socket.client.errors == []
    room.ack(viewer)
    room.tick()
    assert socket.kinds() == ["status"]
    assert room.hub.stats["client_errors"] == 2


def test_errors_wait_for_one_who_is_behind():
    room = Room()
    viewer, socket = room.connect()
    socket.paused = True
    room.hub.receive(viewer, "junk", room.number)
    room.tick()
    socket.paused = False
    room.tick()
    assert socket.kinds() == ["status", "view", "error"]


def test_the_tenth_within_a_minute_closes_with_4002():
    room = Room()
    viewer, socket = room.connect()
    for n in range(MAX_ERRORS_PER_MINUTE):
        assert socket.closed == []
        room.hub.receive(viewer, "junk", room.number + 5 * n)
    assert [code for code, _ in socket.closed] == [CLOSE_BAD_MESSAGES] == [4002]
    room.hub.receive(viewer, "junk", room.number + 46)
    room.tick()
    assert len(socket.closed) == 1
    assert socket.written == []
    assert room.hub.stats["closed_4002"] == 1


def test_now_and_then_a_bad_message_is_borne():
    room = Room()
    viewer, socket = room.connect()
    for n in range(50):
        room.hub.receive(viewer, "junk", room.number + 6.7 * n)
        if n % 5 == 0:
            room.tick()
            room.ack(viewer)
    assert socket.closed == []
    assert len(viewer.error_times) <= MAX_ERRORS_PER_MINUTE
