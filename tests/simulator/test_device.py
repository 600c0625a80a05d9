"""One tracker without its socket: what it sends, keeps and sends again. Time is an argument."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from simulator.device import ANSWER_TIMEOUT_S, ATTEMPTS, LOGIN_TIMEOUT_S, Device
from simulator.driven import Driven
from simulator.model import Fix
from simulator.protocols import FAMILIES, MIXED

from .tracker_double import TrackerDouble

START = 1_775_390_400.0
EVERY = pytest.mark.parametrize("name", [family.name for family in MIXED])


def fix(second: int) -> Fix:
    return Fix(START + second, 45.0 + second / 1e4, 14.0, 36.0, 90.0)


class Wire:
    """A device and a server joined in memory; what the device wrote can be lost on purpose."""

    def __init__(self, name: str, *, memory_fixes: int = 100, heartbeat_s: float = 30.0) -> None:
        self.driven = Driven()
        family = FAMILIES[name]
        self.ident = family.ident(1)
        self.device = Device(
            1, self.ident, family, self.driven, heartbeat_s=heartbeat_s, memory_fixes=memory_fixes
        )
        self.server = TrackerDouble()
        self.server_ident = ""
        self.written: list[bytes] = []

    def exchange(self, frames: Sequence[bytes], now: float, *, lose: bool = False) -> None:
        """Carry frames to the server and its answers back, until nobody has more to say."""
        waiting = list(frames)
        while waiting:
            frame = waiting.pop(0)
            self.written.append(frame)
            if lose:
                continue
            at = 0
            while at < len(frame):
                used, self.server_ident, answer = self.server.one_frame(
                    frame[at:], self.server_ident
                )
                assert used, "the server waits for the rest of a whole frame"
                at += used
                waiting += self.device.received(answer, now) if answer else []

    def login(self, now: float = START) -> None:
        self.server_ident = ""
        self.exchange(self.device.connected(now), now)
        assert self.device.accepted

    def times(self) -> list[int]:
        """Seconds after START of what the server has stored, in order of arrival."""
        vehicle = self.server.vehicles.get(self.ident)
        return [round(one.fix_ms / 1000 - START) for one in vehicle.fixes] if vehicle else []

    def stored(self) -> list[bool]:
        return [one.stored for one in self.server.vehicles[self.ident].fixes]


@EVERY
def test_login_then_positions_then_acknowledged(name: str) -> None:
    wire = Wire(name)
    wire.login()
    for second in range(5):
        wire.exchange(wire.device.take(fix(second), START + second), START + second)
    assert wire.server.logins == 1
    assert wire.times() == [0, 1, 2, 3, 4]
    assert not any(wire.stored())
    assert wire.device.kept == 0
    assert wire.driven.acknowledged_positions == 5


@EVERY
def test_what_was_taken_without_a_connection_comes_later_as_stored(name: str) -> None:
    wire = Wire(name)
    for second in range(9):
        assert wire.device.take(fix(second), START + second) == []
    wire.login(START + 20)
    assert wire.times() == list(range(9))
    assert name == "gt06" or all(wire.stored())
    assert wire.driven.stored == 9
    assert wire.device.kept == 0


@EVERY
def test_what_was_under_way_when_the_line_broke_comes_again_in_order(name: str) -> None:
    wire = Wire(name)
    wire.login()
    for second in range(3):
        wire.exchange(wire.device.take(fix(second), START + second), START + second, lose=True)
    assert wire.device.kept == 3
    wire.device.disconnected()
    wire.device.take(fix(3), START + 3)
    wire.login(START + 4)
    assert wire.times() == [0, 1, 2, 3]
    assert wire.device.kept == 0


@EVERY
def test_unanswered_frames_are_sent_again_and_then_the_line_is_given_up(name: str) -> None:
    wire = Wire(name)
    wire.login()
    wire.exchange(wire.device.take(fix(0), START), START)  # gt06 learns that it is answered
    wire.exchange(wire.device.take(fix(1), START), START, lose=True)
    wire.written.clear()
    now = START
    for attempt in range(1, ATTEMPTS):
        now += ANSWER_TIMEOUT_S + 1.0
        again = wire.device.poll(now)
        assert len(again) == 1, attempt
        assert not wire.device.closing
    wire.device.poll(now + ANSWER_TIMEOUT_S + 1.0)
    assert wire.device.closing
    assert wire.times() == [0]


@EVERY
def test_an_answer_ends_the_count_of_attempts(name: str) -> None:
    wire = Wire(name)
    wire.login()
    wire.exchange(wire.device.take(fix(0), START), START)
    now = START
    for second in range(1, 6):
        wire.exchange(wire.device.take(fix(second), now), now, lose=True)
        now += ANSWER_TIMEOUT_S + 1.0
        wire.exchange(wire.device.poll(now), now)
    assert wire.times() == [0, 1, 2, 3, 4, 5]
    assert not wire.device.closing


def test_one_position_at_a_time_where_acks_have_no_number() -> None:
    wire = Wire("frame55")
    wire.login()
    first = wire.device.take(fix(0), START)
    assert len(first) == 1
    assert wire.device.take(fix(1), START) == []
    wire.exchange(first, START)
    assert wire.times() == [0, 1]


def test_a_server_that_never_answers_positions_is_believed_by_its_heartbeats() -> None:
    wire = Wire("gt06", heartbeat_s=30.0)
    wire.server.answer_positions = False
    wire.login()
    for second in range(40):
        wire.exchange(wire.device.take(fix(second), START + second), START + second)
        wire.exchange(wire.device.poll(START + second), START + second)
    assert wire.driven.acknowledged_positions == 30 + 1
    wire.exchange(wire.device.beat(START + 41), START + 41)
    assert wire.device.kept == 0


@EVERY
def test_heartbeats_come_in_time_and_must_be_answered(name: str) -> None:
    wire = Wire(name, heartbeat_s=30.0)
    wire.login()
    assert wire.device.poll(START + 29.0) == []
    beats = wire.device.poll(START + 30.0)
    assert len(beats) == 1
    wire.exchange(beats, START + 30.0)
    unanswered = wire.device.poll(START + 60.0)
    assert len(unanswered) == 1
    assert not wire.device.closing
    wire.device.poll(START + 90.0)
    assert wire.device.closing


@EVERY
def test_a_login_without_an_answer_is_given_up(name: str) -> None:
    wire = Wire(name)
    wire.exchange(wire.device.connected(START), START, lose=True)
    wire.device.poll(START + LOGIN_TIMEOUT_S)
    assert not wire.device.closing
    wire.device.poll(START + LOGIN_TIMEOUT_S + 0.1)
    assert wire.device.closing


def test_a_refused_login_closes() -> None:
    wire = Wire("frame55")
    wire.device.connected(START)
    refusal = bytes((0x55, 1, 0x81, 2, 3, 2))
    wire.device.received(refusal + bytes((0xD6,)), START)
    assert wire.device.closing
    assert not wire.device.accepted
    assert wire.driven.answers["refused"] == 1


def test_a_full_memory_forgets_the_oldest() -> None:
    wire = Wire("jt808", memory_fixes=10)
    for second in range(25):
        wire.device.take(fix(second), START + second)
    assert wire.device.kept == 10
    assert wire.driven.forgotten_positions == 15
    wire.login(START + 30)
    assert wire.times() == list(range(15, 25))


@EVERY
def test_a_silent_device_says_nothing_and_then_tells_it_all(name: str) -> None:
    wire = Wire(name)
    wire.login()
    wire.device.silence(START + 60.0)
    for second in range(59):
        assert wire.device.take(fix(second), START + second) == []
        assert wire.device.poll(START + second) == []
    wire.exchange(wire.device.poll(START + 60.0), START + 60.0)
    assert sorted(wire.times()) == list(range(59))
    assert wire.device.kept == 0


def test_a_silent_device_does_not_answer_commands() -> None:
    wire = Wire("jt808")
    wire.login()
    query = bytes.fromhex("7e8104000001990000000100213d7e")
    assert len(wire.device.received(query, START)) == 1
    wire.device.silence(START + 60.0)
    assert wire.device.received(query, START) == []


@EVERY
def test_a_socket_that_takes_no_more_is_not_fed(name: str) -> None:
    wire = Wire(name)
    wire.login()
    wire.device.paused(paused=True, now=START)
    for second in range(3):
        assert wire.device.take(fix(second), START + second) == []
    wire.exchange(wire.device.paused(paused=False, now=START + 3), START + 3)
    assert wire.times() == [0, 1, 2]
    assert not any(wire.stored())


def test_fresh_positions_go_before_the_backlog() -> None:
    wire = Wire("frame55")
    wire.device.take(fix(0), START)
    wire.device.take(fix(1), START)
    wire.exchange(wire.device.connected(START), START, lose=True)
    first = wire.device.received(bytes.fromhex("55018102030 0d4".replace(" ", "")), START)
    wire.device.take(fix(2), START)
    wire.server_ident = wire.ident
    wire.exchange(first, START)
    assert wire.times() == [0, 2, 1]


def test_a_request_for_the_position_sends_it_again() -> None:
    wire = Wire("frame55")
    wire.login()
    wire.exchange(wire.device.take(fix(5), START), START)
    replies = wire.device.received(bytes.fromhex("5501110045"), START + 1)
    assert len(replies) == 2
    assert replies[0] == bytes.fromhex("55018102 1100c6".replace(" ", ""))
    assert replies[1][4:24] == wire.written[-1][4:24]


@EVERY
def test_a_fix_is_not_changed_on_its_way(name: str) -> None:
    wire = Wire(name)
    wire.login()
    here = replace(fix(0), lat=-1.234567, lon=-179.999999, speed_kmh=70.0, course_deg=12.0)
    wire.exchange(wire.device.take(here, START), START)
    (stored,) = wire.server.vehicles[wire.ident].fixes
    stated = FAMILIES[name].stated(here)
    assert (stored.fix_ms, stored.lat, stored.lon) == (
        stated.fix_ms,
        stated.lat_e6,
        stated.lon_e6,
    )
    assert (stored.speed, stored.course) == (stated.speed_dkmh, stated.course_ddeg)
