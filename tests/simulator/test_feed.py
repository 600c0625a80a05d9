"""The client's side of the live feed, against messages written by hand from docs/live-feed.md."""

from __future__ import annotations

from typing import Any

import pytest

from simulator.errors import FeedError
from simulator.feed import Feed
from simulator.model import Stated

HELLO = {
    "type": "hello", "version": 1, "node": "north-1", "epoch": "6f1c", "time_ms": 1740789015123,
    "tick_interval_ms": 1000, "states": ["moving", "idle", "parked", "stale", "offline"],
    "behind_after_ticks": 2, "close_after_s": 30, "something_new": {},
}  # fmt: skip
STATUS = {
    "kind": "status", "time_ms": 1740789016004, "feed": "live", "conflated": 0,
    "counts": [1, 0, 1, 0, 0],
}  # fmt: skip
RESET = {"kind": "view", "reset": True, "cells": ["0/0/0"], "groups": [""]}
TICK = 1740789016


def message(*parts: dict[str, Any], tick: int = TICK, status: Any = None) -> dict[str, Any]:
    return {"type": "tick", "tick": tick, "parts": [status or STATUS, *parts]}


def cell(where: str = "0/0/0", group: str = "", **members: Any) -> dict[str, Any]:
    return {"kind": "cell", "cell": where, "group": group, **members}


def enter(*handles: int, lat: int = 22_540_000, age: int = 820) -> dict[str, Any]:
    """Columns for these handles, which come as they are: coded as differences here."""
    count = len(handles)
    steps = [handle - before for handle, before in zip(handles, (0, *handles[:-1]), strict=True)]
    return {
        "n": steps,
        "id": [f"id{handle}" for handle in handles],
        "name": [f"Truck {handle}" for handle in handles],
        "device": [f"35{handle}" for handle in handles],
        "lat": [lat] * count,
        "lon": [114_059_000] * count,
        "speed": [365] * count,
        "course": [900] * count,
        "age": [age] * count,
        "state": [0] * count,
        "since": [61_000] * count,
        "flags": [3] * count,
    }


def opened(*parts: dict[str, Any]) -> Feed:
    feed = Feed()
    feed.hello(HELLO)
    feed.tick_message(message(RESET, *parts))
    return feed


def test_the_example_of_the_contract() -> None:
    feed = Feed()
    feed.hello(HELLO)
    columns = {
        "n": [1, 1], "id": ["4zq0p8d1xk3ma", "9b2c71fh0v6te"], "name": ["Truck 1", "Van 7"],
        "device": ["356307042441013", "012345678901"],
        "lat": [22540000, 22541320], "lon": [114059000, 114060001],
        "speed": [365, 0], "course": [900, -1], "age": [820, 4004],
        "state": [0, 2], "since": [61000, 905000], "flags": [3, 2],
    }  # fmt: skip
    seen = feed.tick_message(message(RESET, cell(enter=columns)))
    assert (seen.tick, seen.reset, seen.counts) == (TICK, True, (1, 0, 1, 0, 0))
    assert [shown.device for shown in seen.moved] == ["356307042441013", "012345678901"]
    van = feed.vehicles[2]
    assert van.stated() == Stated(1740789011996, 22541320, 114060001, 0, -1)
    assert (van.state, van.since_ms, van.flags) == (2, TICK * 1000 - 905000, 2)
    assert feed.states[van.state] == "parked"


def test_a_move_adds_differences_and_replaces_speed_and_course() -> None:
    feed = opened(cell(enter=enter(3, 7)))
    move = {"n": [7], "lat": [-5], "lon": [12], "fix": [1000], "speed": [0], "course": [-1]}
    seen = feed.tick_message(message(cell(move=move), tick=TICK + 1))
    fix_ms = TICK * 1000 - 820
    assert [one.stated() for one in seen.moved] == [
        Stated(fix_ms + 1000, 22_539_995, 114_059_012, 0, -1)
    ]
    assert feed.vehicles[3].stated() == Stated(fix_ms, 22_540_000, 114_059_000, 365, 900)
    assert not seen.reset


def test_a_state_changes_no_position_and_is_no_move() -> None:
    feed = opened(cell(enter=enter(3)))
    columns = {"n": [3], "state": [3], "since": [0], "flags": [6]}
    seen = feed.tick_message(message(cell(state=columns), tick=TICK + 1))
    assert seen.moved == ()
    shown = feed.vehicles[3]
    assert (shown.state, shown.since_ms, shown.flags) == (3, (TICK + 1) * 1000, 6)


def test_a_leave_forgets() -> None:
    feed = opened(cell(enter=enter(3, 4)))
    feed.tick_message(message(cell(leave=[3]), tick=TICK + 1))
    assert set(feed.vehicles) == {4}


def test_leave_and_enter_in_one_message_is_a_change_of_cell_whatever_the_order() -> None:
    feed = opened(cell("5/1/1", enter=enter(3)))
    parts = [cell("5/1/2", enter=enter(3, lat=1)), cell("5/1/1", leave=[3])]
    feed.tick_message(message(*parts, tick=TICK + 1))
    assert feed.vehicles[3].cell == ("5/1/2", "")
    assert feed.vehicles[3].lat_e6 == 1


def test_an_enter_of_what_is_known_replaces_it() -> None:
    feed = opened(cell(enter=enter(3)))
    feed.tick_message(message(cell(enter=enter(3, age=-40)), tick=TICK + 1))
    assert feed.vehicles[3].fix_ms == (TICK + 1) * 1000 + 40


def test_a_move_in_the_message_of_the_enter_comes_after_it() -> None:
    move = {"n": [3], "lat": [1], "lon": [1], "fix": [0], "speed": [1], "course": [1]}
    feed = opened(cell("5/1/1", move=move), cell("5/1/2", enter=enter(3)))
    assert feed.vehicles[3].lat_e6 == 22_540_001


def test_a_reset_forgets_everything_first() -> None:
    feed = opened(cell(enter=enter(3, 4)))
    seen = feed.tick_message(message(RESET, cell(enter=enter(9)), tick=TICK + 5))
    assert set(feed.vehicles) == {9}
    assert seen.reset


def test_a_view_without_reset_forgets_cells_and_groups_that_are_not_listed() -> None:
    feed = opened(
        cell("5/1/1", "a", enter=enter(1)),
        cell("5/1/1", "b", enter=enter(2)),
        cell("5/1/2", "a", enter=enter(3)),
    )
    view = {"kind": "view", "reset": False, "cells": ["5/1/1", "5/9/9"], "groups": ["a"]}
    feed.tick_message(message(view, tick=TICK + 1))
    assert set(feed.vehicles) == {1}


def test_a_skipped_tick_says_so_and_is_no_error() -> None:
    feed = opened()
    behind = STATUS | {"conflated": 4, "feed": "degraded"}
    seen = feed.tick_message(message(RESET, tick=TICK + 5, status=behind))
    assert (seen.conflated, seen.degraded) == (4, True)


def test_events_and_errors_are_handed_on_and_unknown_parts_ignored() -> None:
    feed = opened()
    event = {"id": "e", "event": "alarm", "vehicle": "id3", "name": "sos", "time_ms": 1}
    seen = feed.tick_message(
        message(
            {"kind": "weather", "sky": "blue"},
            {"kind": "events", "events": [event]},
            {"kind": "error", "code": "bad_message", "detail": "view.bbox: what?"},
            tick=TICK + 1,
        )
    )
    assert seen.events == (event,)
    assert seen.errors == ("view.bbox: what?",)


@pytest.mark.parametrize(
    ("parts", "why"),
    [
        ([cell(move={"n": [8], "lat": [0], "lon": [0], "fix": [0], "speed": [0], "course": [0]})],
         "vehicle 8 moves and has not entered"),
        ([cell(state={"n": [8], "state": [0], "since": [0], "flags": [0]})],
         "vehicle 8 changes its state and has not entered"),
        ([cell(leave=[8])], "vehicle 8 leaves and is not there"),
        ([cell(enter=enter(5, 6) | {"lat": [1]})], "columns of different length"),
        ([cell(enter=enter(5, 6) | {"n": [5, 0]})], "handles that do not rise"),
        ([cell(enter={"n": [5]})], "KeyError"),
        ([{"cell": "0/0/0"}], "KeyError"),
    ],
)  # fmt: skip
def test_what_contradicts_the_contract_is_told(parts: list[dict[str, Any]], why: str) -> None:
    feed = opened(cell(enter=enter(3)))
    with pytest.raises(FeedError, match=why):
        feed.tick_message(message(*parts, tick=TICK + 1))


@pytest.mark.parametrize("tick", [TICK, TICK - 1])
def test_ticks_rise(tick: int) -> None:
    with pytest.raises(FeedError, match=f"tick {tick} after tick {TICK}"):
        opened().tick_message(message(tick=tick))


def test_status_comes_first() -> None:
    with pytest.raises(FeedError, match="the first part is 'view'"):
        opened().tick_message(message(status=RESET, tick=TICK + 1))


@pytest.mark.parametrize("hello", [HELLO | {"version": 2}, {"type": "tick"}])
def test_the_feed_opens_with_hello_of_our_version(hello: dict[str, Any]) -> None:
    with pytest.raises(FeedError, match="hello of version 1"):
        Feed().hello(hello)


def test_nothing_comes_before_hello() -> None:
    with pytest.raises(FeedError, match="before hello"):
        Feed().tick_message(message())
