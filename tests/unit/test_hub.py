"""Who gets what, and that it is worked out once. Limits and lateness: test_hub_limits.py."""

from __future__ import annotations

import json
from typing import Any
from unittest.mock import patch

import pytest

from tests.unit.builders import T0, live, vehicle
from tests.unit.room import Room, alarm
from tracker import wire
from tracker.cells import Level
from tracker.hub import YIELD_EVERY, Viewer
from tracker.model import State

LJUBLJANA, TRIESTE, SYDNEY = (46.05, 14.5), (45.65, 13.77), (-33.86, 151.21)
AROUND_LJUBLJANA = [14.4, 46.0, 14.6, 46.1]


# One frame per viewer per tick --------------------------------------------------------------------


@pytest.mark.parametrize("deflated", [True, False])
def test_one_frame_per_viewer_per_tick_also_when_nothing_happens(deflated):
    room = Room()
    everyone = [room.connect(deflated=deflated) for _ in range(20)]
    for n in range(5):
        room.tick(*([room.place("a", 46.0 + n, 14.5)] if n % 2 else []))
        room.ack(*(viewer for viewer, _ in everyone))
    for _, socket in everyone:
        assert [message["tick"] for message in socket.read()] == [int(T0) + n for n in range(1, 6)]
    assert room.hub.frames_sent == 100
    sent = sum(len(data) for _, socket in everyone for data in socket.written)
    assert room.hub.bytes_sent == sent


def test_the_first_tick_is_a_full_one_and_the_next_tells_what_changed():
    room = Room()
    a, b = room.place("a", *LJUBLJANA), room.place("b", *TRIESTE)
    room.tick(a, b)
    viewer, socket = room.connect()
    room.tick(room.place("a", 46.051, 14.5))
    parts = socket.parts()
    assert [part["kind"] for part in parts] == ["status", "view", "cell"]
    assert parts[1] == {"kind": "view", "reset": True, "cells": ["0/0/0"], "groups": ["main"]}
    assert parts[2]["enter"]["id"] == ["a", "b"]
    room.ack(viewer)
    room.tick(room.place("a", 46.052, 14.5))
    parts = socket.parts()
    assert [part["kind"] for part in parts] == ["status", "cell"]
    assert set(parts[1]) == {"kind", "cell", "group", "move"}
    assert socket.client.by_id()["a"]["lat"] == 46_052_000


def test_a_viewer_of_an_empty_world_gets_its_view():
    room = Room()
    _, socket = room.connect()
    room.tick()
    assert socket.parts()[1:] == [{"kind": "view", "reset": True, "cells": ["0/0/0"], "groups": []}]


def test_every_250_viewers_others_get_a_chance():
    room = Room()
    viewers = [room.connect() for _ in range(2 * YIELD_EVERY + 1)]
    assert room.tick() == 2
    assert all(len(socket.written) == 1 for _, socket in viewers)


def test_who_comes_in_between_waits_and_who_goes_gets_nothing():
    room = Room()
    with patch("tracker.hub.YIELD_EVERY", 1):
        _, first = room.connect()
        going, gone = room.connect()
        closing, closed = room.connect()
        changes = room.world.step([], T0)
        sending = room.hub.send(changes, (), tick=1, tick_ms=0, now=0.0, degraded=True)
        next(sending)
        room.hub.remove(going)
        closing.closing = True
        _, late = room.connect()
        for _ in sending:
            pass
    assert [len(socket.written) for socket in (first, gone, closed, late)] == [1, 0, 0, 0]
    assert first.parts()[0]["feed"] == "degraded"


def test_who_leaves_twice_has_left():
    room = Room()
    viewer, socket = room.connect()
    room.hub.remove(viewer)
    room.hub.remove(viewer)
    room.tick()
    assert (room.hub.viewers, socket.written) == ({}, [])


# Worked out once ----------------------------------------------------------------------------------


def deflations(room: Room, *news: Any, **more: Any) -> int:
    """How many pieces one tick deflates."""
    with patch.object(wire, "deflate", wraps=wire.deflate) as deflate:
        room.tick(*news, **more)
    return deflate.call_count


def test_a_frame_is_built_once_for_all_who_share_it():
    assert wire.TAIL.deflated  # once for the whole process: it is not counted, whoever comes first
    room = Room()
    room.tick(room.place("a", *LJUBLJANA))
    everyone = [room.connect() for _ in range(50)]
    assert deflations(room) == 3  # status, view, cell; the tail is deflated once and for all
    assert deflations(room, room.place("a", 46.06, 14.5)) == 2
    first = everyone[0][1].written[1]
    assert all(socket.written[1] is first for _, socket in everyone)


def test_a_cell_is_encoded_once_for_all_views_that_hold_it():
    room = Room()
    room.tick(*(room.place(f"v{n}", 46.0 + n / 50, 14.5) for n in range(10)))
    boxes = [[14.4 - n / 100, 46.0, 14.6, 46.2] for n in range(40)]
    viewers = [room.connect() for _ in boxes]
    for (viewer, _), box in zip(viewers, boxes, strict=True):
        room.say(viewer, type="view", bbox=box)
    views = {viewer.view for viewer, _ in viewers}
    assert len({view.level for view in views}) == 1
    level = Level(viewers[0][0].view.level, room.world)
    cells = len(level.everyone())
    assert cells > 3
    assert len(views) > 3
    assert deflations(room) == 1 + len(views) + cells  # the status, each view's list, each cell
    room.ack(*(viewer for viewer, _ in viewers))
    moved = [room.place(f"v{n}", 46.0 + n / 50, 14.5001) for n in range(10)]
    assert deflations(room, *moved) == 1 + cells
    assert all(len(socket.held()) == 10 for _, socket in viewers)


def test_events_are_encoded_once_for_all_who_wait_for_nothing_else():
    room = Room()
    everyone = [room.connect() for _ in range(50)]
    room.tick()
    room.ack(*(viewer for viewer, _ in everyone))
    assert deflations(room, events=[alarm("e1")]) == 2
    first = everyone[0][1].written[1]
    assert all(socket.written[1] is first for _, socket in everyone)


def test_events_are_encoded_once_also_for_those_who_look_elsewhere():
    room = Room()
    (viewer, socket), (_, other) = room.connect(), room.connect()
    room.say(viewer, type="view", bbox=AROUND_LJUBLJANA)
    assert deflations(room, events=[alarm("e1")]) == 4  # status, two views, events
    assert [len(s.read()[0]["parts"]) for s in (socket, other)] == [3, 3]


def test_two_who_differ_in_what_they_missed_do_not_share_a_frame():
    room = Room()
    (slow, slow_socket), (slower, slower_socket) = room.connect(), room.connect()
    slower_socket.paused = True
    room.tick()
    slow_socket.paused = True
    room.tick()
    slow_socket.paused = slower_socket.paused = False
    room.ack(slow)
    room.tick()
    assert slow_socket.read()[-1]["parts"][0]["conflated"] == 1
    assert slower_socket.parts()[0]["conflated"] == 2
    assert slower.skipped == 0


def test_views_that_were_forgotten_share_nothing_wrong():
    room = Room()
    room.tick(room.place("l", *LJUBLJANA), room.place("s", *SYDNEY))
    boxes = [AROUND_LJUBLJANA, [151, -34, 152, -33], None, [0, 0, 1, 1], [-50, 0, -49, 1]]
    expected = [{"l"}, {"s"}, {"l", "s"}, set(), set()]
    with patch("tracker.hub.MAX_SHARES", 2):
        viewers = [room.connect() for _ in range(3 * len(boxes))]
        for n, (viewer, _) in enumerate(viewers):
            room.say(viewer, type="view", bbox=boxes[n % len(boxes)])
    room.tick()
    for n, (_, socket) in enumerate(viewers):
        assert set(socket.held()) == expected[n % len(boxes)]


def test_a_level_is_built_once_per_tick_however_a_viewer_flits():
    room = Room()
    room.tick(room.place("a", *LJUBLJANA))
    viewer, socket = room.connect()
    with patch("tracker.hub.Level", wraps=Level) as built:
        for _ in range(10):
            room.say(viewer, type="view", bbox=AROUND_LJUBLJANA)
            room.say(viewer, type="view", bbox=None)
        assert built.call_count == 1
        room.tick(room.place("a", *TRIESTE))
        room.say(viewer, type="view", bbox=AROUND_LJUBLJANA)
        assert built.call_count == 2  # it was dropped: who is where then is not who is where now
    room.tick()
    assert socket.read()[-1]["parts"][1]["kind"] == "view"
    assert socket.client.by_id() == {}


# Views --------------------------------------------------------------------------------------------


def test_a_view_gets_what_lies_in_its_cells_and_nothing_else():
    room = Room()
    room.tick(*(room.place(id_, *at) for id_, at in
                (("l", LJUBLJANA), ("t", TRIESTE), ("s", SYDNEY))))  # fmt: skip
    viewer, socket = room.connect()
    room.say(viewer, type="view", bbox=AROUND_LJUBLJANA, zoom=12)
    room.tick()
    assert set(socket.held()) == {"l"}
    room.ack(viewer)
    room.tick(room.place("s", -33.8, 151.0), room.place("t", *LJUBLJANA))
    assert socket.kinds() == ["status", "cell"]
    assert set(socket.client.by_id()) == {"l", "t"}
    room.ack(viewer)
    room.tick(room.place("l", *SYDNEY), room.place("t", *TRIESTE))
    assert socket.held() == {}
    assert socket.client.status["counts"] == [3, 0, 0, 0, 0]  # of all that it may see, anywhere


def test_a_changed_view_comes_with_the_next_tick_and_the_same_one_does_not():
    room = Room()
    room.tick(room.place("l", *LJUBLJANA), room.place("s", *SYDNEY))
    viewer, socket = room.connect()
    room.tick()
    assert set(socket.held()) == {"l", "s"}
    for box, expected in ((AROUND_LJUBLJANA, {"l"}), ([151, -34, 152, -33], {"s"}),
                          (None, {"l", "s"})):  # fmt: skip
        room.say(viewer, type="view", bbox=box)
        room.ack(viewer)
        room.tick()
        assert "view" in socket.kinds()
        assert set(socket.client.by_id()) == expected
        room.say(viewer, type="view", bbox=box)
        room.ack(viewer)
        room.tick()
        assert "view" not in socket.kinds()


def test_names_travel_once_and_again_when_they_change():
    room = Room()
    viewer, socket = room.connect()
    room.tick(room.place("a", *LJUBLJANA))
    room.ack(viewer)
    room.world.describe(vehicle("a", name="new"))
    room.tick()
    parts = socket.read()[-1]["parts"]
    assert parts[1]["enter"]["name"] == ["new"]
    assert "leave" not in parts[1]


# Groups -------------------------------------------------------------------------------------------


def restricted_room() -> tuple[Room, Viewer, Any]:
    """Vehicle n in the group north, s in south; a viewer of north."""
    room = Room()
    room.tick(
        room.place("s", *LJUBLJANA, group="south"), room.place("n", *LJUBLJANA, group="north")
    )
    viewer, socket = room.connect(groups=frozenset({room.world.groups["main", "north"]}))
    return room, viewer, socket


def test_who_may_see_one_group_hears_of_no_other():
    room, viewer, socket = restricted_room()
    room.tick(events=[alarm("e1", "south"), alarm("e2", "north"), alarm("e3", "unheard of")])
    room.ack(viewer)
    room.tick(room.place("s", 46.06, 14.5), live("n", 99, motion=State.IDLE))
    room.ack(viewer)
    room.world.describe(vehicle("s", group="south", name="secret"))
    room.world.remove("s")
    room.tick()
    messages = socket.read()
    text = json.dumps(messages)
    for secret in ("south", '"s"', "secret", "e1", "e3"):
        assert secret not in text
    parts = [part for message in messages for part in message["parts"]]
    assert [part["groups"] for part in parts if part["kind"] == "view"] == [["main/north"]]
    assert [part["counts"] for part in parts if part["kind"] == "status"] == [
        [1, 0, 0, 0, 0], [0, 1, 0, 0, 0], [0, 1, 0, 0, 0],
    ]  # fmt: skip
    assert [event["id"] for event in socket.client.events] == ["e2"]


def test_a_vehicle_that_changes_its_group_comes_and_goes():
    room, viewer, socket = restricted_room()
    room.tick()
    socket.read()
    room.ack(viewer)
    room.world.describe(vehicle("s", group="north"))
    room.world.describe(vehicle("n", group="south"))
    room.tick()
    (cell,) = socket.parts()[1:]
    assert (cell["leave"], cell["enter"]["id"]) == ([2], ["s"])
    assert set(socket.client.by_id()) == {"s"}


@pytest.mark.parametrize(
    ("groups", "expected"), [({"south"}, {"s"}), ({"north", "south"}, {"n", "s"}), (set(), set())]
)
def test_changed_rights_hold_from_the_next_tick_on(groups, expected):
    room, viewer, socket = restricted_room()
    room.tick()
    room.ack(viewer)
    socket.read()
    room.hub.restrict(viewer, frozenset(room.world.groups["main", group] for group in groups))
    room.tick()
    assert socket.kinds()[:2] == ["status", "view"]
    assert set(socket.client.by_id()) == expected


def test_events_that_wait_are_forgotten_with_the_right_to_see_them():
    room, viewer, socket = restricted_room()
    socket.paused = True
    room.tick(events=[alarm("e1", "north")])
    room.hub.restrict(viewer, frozenset({room.world.groups["main", "south"]}))
    socket.paused = False
    room.tick(events=[alarm("e2", "south")])
    socket.read()
    assert [event["id"] for event in socket.client.events] == ["e2"]


def test_a_group_that_appears_is_told_to_those_who_see_all():
    room, viewer, socket = restricted_room()
    everything, all_socket = room.connect()
    room.tick()
    room.ack(viewer, everything)
    socket.read()
    all_socket.read()
    room.tick(room.place("e", *LJUBLJANA, group="east"))
    view = all_socket.parts()[1]
    assert view == {
        "kind": "view",
        "reset": False,
        "cells": ["0/0/0"],
        "groups": ["main/south", "main/north", "main/east"],
    }
    assert set(all_socket.client.by_id()) == {"e", "n", "s"}
    assert socket.kinds() == ["status"]


# A tick that breaks off ---------------------------------------------------------------------------


class BrokenError(Exception):
    """What a sink of these tests raises."""


def test_after_a_tick_that_broke_off_everybody_starts_afresh():
    room = Room()
    (first, first_socket), (_, broken), (last, last_socket) = (room.connect() for _ in range(3))
    room.tick(room.place("a", *LJUBLJANA))
    room.ack(first, last)

    def fail(_data: bytes) -> None:
        raise BrokenError

    broken.write = fail  # type: ignore[method-assign]
    with pytest.raises(BrokenError):
        room.tick(room.place("a", *TRIESTE))
    broken.write = lambda _data: None  # type: ignore[method-assign]
    room.ack(first, last)
    room.tick()
    for socket, frames in ((first_socket, 3), (last_socket, 2)):
        assert len(socket.written) == frames
        assert socket.held()["a"]["lat"] == 45_650_000
        assert socket.client.full


def test_after_a_tick_that_broke_off_cells_are_sorted_afresh():
    room = Room()
    viewer, socket = room.connect()
    room.say(viewer, type="view", bbox=AROUND_LJUBLJANA)
    room.tick(room.place("a", *TRIESTE))
    room.ack(viewer)
    with patch.object(Level, "step", side_effect=BrokenError), pytest.raises(BrokenError):
        room.tick(room.place("a", *LJUBLJANA))
    assert socket.held() == {}
    room.tick()
    assert set(socket.held()) == {"a"}


def test_a_tick_that_is_not_finished_is_made_up_for():
    room = Room()
    with patch("tracker.hub.YIELD_EVERY", 1):
        (first, _), (last, last_socket) = room.connect(), room.connect()
        room.tick(room.place("a", *LJUBLJANA))
        room.ack(first, last)
        changes, tick = room.world.step([room.place("a", *TRIESTE)], T0 + 2), room.number + 1
        sending = room.hub.send(changes, (), tick=tick, tick_ms=0, now=0.0, degraded=False)
        next(sending)
        sending.close()
        room.tick(number=tick + 1)
    assert last_socket.held()["a"]["lat"] == 45_650_000
