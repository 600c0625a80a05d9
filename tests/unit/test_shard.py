"""The account of one fleet's topic: own echo, others' numbers, and what could not be published."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.builders import live, vehicle
from tracker import batch, shard
from tracker.batch import Batch
from tracker.commands import life
from tracker.model import CommandKind, CommandRecord, Event, EventKind
from tracker.shard import ECHO_TICKS, PEER_FORGOTTEN_TICKS, Heard, Shard

OURS, THEIRS = "b00t", "0ther"


def ready() -> Shard:
    """A shard whose kept state was loaded."""
    one = Shard("main", OURS)
    one.reload = False
    return one


def news(sequence: int, boot: str = THEIRS, tick: int = 1, **more: Any) -> Batch:
    parts: dict[str, Any] = {"lives": (), "vehicles": (), "events": ()} | more
    return Batch("north", boot, sequence, tick, **parts)


def event(number: int) -> Event:
    return Event(str(number), EventKind.ALARM, "a", float(number), "sos")


def record(number: int = 0) -> CommandRecord:
    return life.begun(CommandRecord(f"c{number}", "a", CommandKind.LOCATE, {}, 1.0, 601.0, "north"))


def test_a_new_one_needs_the_kept_state() -> None:
    assert Shard("main", OURS).degraded
    assert not ready().degraded


# -- others ---------------------------------------------------------------------------------------


def test_numbers_without_a_gap_are_believed() -> None:
    one = ready()
    assert [one.hear(news(number), 1) for number in (1, 2, 3)] == [Heard.OTHER] * 3
    assert not one.reload


def test_who_is_heard_late_has_told_things_that_were_missed() -> None:
    one = ready()
    assert one.hear(news(2), 1) is Heard.OTHER, "no gap: it was never heard before"
    assert one.reload


def test_a_gap_asks_for_the_kept_state_once() -> None:
    one = ready()
    heard = []
    for number in (1, 3, 4):
        heard.append(one.hear(news(number), 1))
        if number == 3:
            assert one.reload
            one.reload = False
    assert heard == [Heard.OTHER, Heard.GAP, Heard.OTHER]
    assert not one.reload


def test_what_comes_twice_or_late_is_no_gap_and_turns_nothing_back() -> None:
    one = ready()
    for number in (1, 2, 3):
        one.hear(news(number), 1)
    assert [one.hear(news(number), 1) for number in (2, 3, 4)] == [Heard.OTHER] * 3
    assert not one.reload


def test_a_new_start_of_a_node_is_another_one() -> None:
    one = ready()
    one.hear(news(1), 1)
    assert one.hear(news(1, boot="an0ther"), 1) is Heard.OTHER
    assert {boot: peer.node for boot, peer in one.peers.items()} == {
        THEIRS: "north",
        "an0ther": "north",
    }
    assert not one.reload


def test_who_is_silent_is_forgotten_and_when_it_comes_back_the_kept_state_is_needed() -> None:
    one = ready()
    one.hear(news(1), 10)
    one.hear(news(1, boot="an0ther"), 11)
    last = 10 + PEER_FORGOTTEN_TICKS
    assert one.forget_silent(last) == []
    assert one.forget_silent(last + 1) == ["north"]
    assert list(one.peers) == ["an0ther"]
    one.hear(news(2), last + 1)
    assert one.reload


def test_the_newest_of_each_vehicle_is_handed_on_once() -> None:
    one = ready()
    one.hear(news(1, lives=(live("a", 5.0), live("b", 1.0)), vehicles=(vehicle("a"),)), 1)
    one.hear(news(2, lives=(live("a", 2.0),), events=(event(1),)), 1)
    lives, vehicles, events = map(list, one.collect())
    assert lives == [live("a", 5.0), live("b", 1.0)]
    assert vehicles == [vehicle("a")]
    assert events == [event(1)]
    assert [list(part) for part in one.collect()] == [[], [], []]


def test_what_others_said_happened_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard, "MAX_EVENTS", 3)
    one = ready()
    for number in range(1, 6):
        one.hear(news(number, events=(event(number), event(-number))), 1)
    assert one.events_in == [event(-4), event(5), event(-5)]


# -- the echo -------------------------------------------------------------------------------------


def test_our_own_words_are_an_echo_and_no_news() -> None:
    one = ready()
    assert one.hear(news(9, boot=OURS, tick=7, lives=(live(),)), 8) is Heard.ECHO
    assert one.echo_tick == 7
    assert not one.peers
    assert not one.lives_in


def test_an_echo_that_comes_back_in_time_is_not_missed() -> None:
    one = ready()
    for tick in range(1, 20):
        assert one.miss_echo(tick) == 0
        if tick > ECHO_TICKS:  # as late as it may be
            one.hear(news(tick, boot=OURS, tick=tick - ECHO_TICKS + 1), tick)
    assert not one.lost


def test_patience_begins_with_the_first_tick_and_anew_with_each_rebuild() -> None:
    one = ready()
    missed = [tick for tick in range(100, 112) if one.miss_echo(tick)]
    assert missed == [104, 108]
    assert one.lost
    assert one.degraded


def test_for_how_long_it_was_missed() -> None:
    one = ready()
    one.hear(news(1, boot=OURS, tick=50), 50)
    assert one.miss_echo(50 + ECHO_TICKS) == 0
    assert one.miss_echo(50 + ECHO_TICKS + 4) == ECHO_TICKS + 4


def test_once_it_is_back_the_kept_state_is_needed() -> None:
    one = ready()
    one.hear(news(1, boot=OURS, tick=50), 50)
    one.miss_echo(60)
    assert one.hear(news(2, boot=OURS, tick=61), 61) is Heard.ECHO_RESTORED
    assert not one.lost
    assert one.reload
    one.reload = False
    assert one.hear(news(3, boot=OURS, tick=62), 62) is Heard.ECHO
    assert not one.degraded


# -- out ------------------------------------------------------------------------------------------


def test_what_is_taken_out_is_a_message_and_what_is_kept_of_it() -> None:
    one = ready()
    one.out.rows["a"] = live("a", 1.0)
    one.out.vehicles["a"] = vehicle("a")
    one.add_event(event(1))
    one.add_command(record())
    payload, kept = one.take_out().encode(node="south", boot=OURS, sequence=one.sequence, tick=8)
    assert batch.decode(payload) == Batch(
        "south", OURS, 1, 8, (live("a", 1.0),), (vehicle("a"),), (event(1),), (record(),)
    )
    assert sorted(kept) == ["command/c0", "live/a", "vehicle/a"]
    assert batch.decode_state(kept) == ([live("a", 1.0)], [vehicle("a")])
    assert batch.decode_commands(kept) == [record()]


def test_every_message_has_the_next_number_whether_it_leaves_or_not() -> None:
    one = ready()
    numbers = []
    for _ in range(3):
        one.put_back(one.take_out())
        numbers.append(one.sequence)
    assert numbers == [1, 2, 3]


def test_what_could_not_leave_goes_with_the_next_unless_newer_has_come() -> None:
    one = ready()
    one.out.rows |= {"a": live("a", 1.0), "b": live("b", 1.0)}
    one.out.vehicles["a"] = vehicle("a")
    one.add_event(event(1))
    one.add_command(record(1))
    out = one.take_out()
    assert one.out.rows == {}
    one.out.rows["a"] = live("a", 2.0)
    one.add_event(event(2))
    one.put_back(out)
    assert one.out.rows == {"a": live("a", 2.0), "b": live("b", 1.0)}
    assert one.out.vehicles == {"a": vehicle("a")}
    assert one.out.events == [event(1), event(2)]
    assert one.out.commands == {"c1": record(1)}


def test_what_happened_while_nothing_could_leave_is_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shard, "MAX_EVENTS", 3)
    one = ready()
    for number in range(5):
        one.add_event(event(number))
        one.put_back(one.take_out())
    out = one.take_out()
    assert out.events == [event(2), event(3), event(4)]
    one.add_event(event(5))
    one.put_back(out)
    assert one.out.events == [event(3), event(4), event(5)]


def test_what_is_forgotten_is_not_told_and_what_is_told_is_not_forgotten() -> None:
    one = ready()
    one.add_command(record(1))
    one.forget_command("c1")
    assert one.out.commands == {}
    assert list(one.forgotten) == ["command/c1"]
    one.add_command(record(1))
    assert list(one.out.commands) == ["c1"]
    assert not one.forgotten
