"""A lane without a broker: what is published when, what waits, and who is told what."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import dataclass, field

import pytest

from tracker.mqtt import lane as lanes
from tracker.mqtt.lane import Lane, Limits
from tracker.mqtt.latency import BOUNDS_S, Latency
from tracker.mqtt.requests import Code, Request

UNSPEAKABLE = b"unspeakable"
LIMITS = Limits(waiting=10, window=4, deadline_s=5.0)


@dataclass
class Broker:
    """A link to nowhere: remembers what is published, in order, as a broker would."""

    connected: bool = True
    receive_maximum: int = 65_535
    largest_packet: int | None = None
    state: str = "ok"
    packets: list[tuple[int, bytes]] = field(default_factory=list)
    forgotten: int = 0
    taken: int = 0

    def publish(self, topic: str, payload: bytes) -> int | None:
        if payload == UNSPEAKABLE:
            raise ValueError("no packet can be made of it")
        self.taken += 1
        self.packets.append((self.taken, payload))
        return self.taken

    def forget(self) -> None:
        self.forgotten += 1


class Desk:
    """A lane, and the answers that came from it."""

    def __init__(self, limits: Limits = LIMITS, **link) -> None:
        self.link = Broker(**link)
        self.lane = Lane("b", self.link, limits)
        self.answers: dict[int, tuple[Code, str]] = {}

    def submit(self, number: int, now: float = 0.0, payload: bytes | None = None) -> bool:
        request = Request(number, (0, 1, ""), "t", b"%d" % number if payload is None else payload)
        request.tell = self.tell
        return self.lane.submit(request, now)

    def tell(self, request: Request, code: Code, detail: str) -> None:
        assert request.id not in self.answers
        self.answers[request.id] = code, detail

    def words(self) -> Counter[str]:
        return Counter(code.word for code, _ in self.answers.values())


def test_only_a_confirmation_makes_it_ok():
    desk = Desk()
    desk.submit(1, now=1.0)
    assert desk.link.packets == [(1, b"1")]
    assert desk.answers == {}
    desk.lane.confirmed(1, None, 1.5)
    assert desk.answers == {1: (Code.OK, "")}
    assert desk.lane.latency.sum_s == 0.5
    assert desk.lane.stats == {"published": 1, "confirmed": 1}


def test_a_broker_may_refuse():
    desk = Desk()
    desk.submit(1)
    desk.lane.confirmed(1, "Not authorized", 0.1)
    assert desk.answers == {1: (Code.REFUSED, "Not authorized")}
    assert desk.lane.codes == {"refused": 1}


def test_what_cannot_be_published_ends_alone():
    desk = Desk(connected=False)
    for number in range(3):
        assert desk.submit(number, payload=UNSPEAKABLE if number == 1 else None)
    desk.link.connected = True
    desk.lane.pump()
    assert desk.submit(3, payload=UNSPEAKABLE)
    assert desk.submit(4)
    assert [payload for _, payload in desk.link.packets] == [b"0", b"2", b"4"]
    assert set(desk.answers) == {1, 3}
    assert desk.words() == desk.lane.codes == {"internal": 2}
    for packet_id in (1, 2, 3):
        desk.lane.confirmed(packet_id, None, 0.1)
    assert desk.words() == {"internal": 2, "ok": 3}
    assert (desk.lane._waiting_bytes, desk.lane._flight_bytes) == (0, 0)


def test_the_window_and_the_room_are_bounded_in_order():
    desk = Desk()
    assert [desk.submit(n) for n in range(20)] == [True] * 14 + [False] * 6
    assert [payload for _, payload in desk.link.packets] == [b"0", b"1", b"2", b"3"]
    woken = []
    desk.lane.on_room(lambda: woken.append(len(desk.lane.waiting)))
    for packet in range(1, 5):
        desk.lane.confirmed(packet, None, 0.0)
        assert not woken
        assert not desk.submit(99)  # until half of it is free
    desk.lane.confirmed(5, None, 0.0)
    assert woken == [5]
    assert [payload for _, payload in desk.link.packets] == [b"%d" % n for n in range(9)]


def test_a_broker_that_takes_less_gets_less():
    desk = Desk(receive_maximum=2)
    for number in range(3):
        desk.submit(number)
    assert len(desk.link.packets) == 2


def test_room_and_window_are_bounded_in_bytes(monkeypatch):
    monkeypatch.setattr(lanes, "WINDOW_BYTES", 100)
    monkeypatch.setattr(lanes, "WAITING_BYTES", 200)
    desk = Desk(Limits(waiting=1_000, window=1_000))
    taken = 0
    while desk.submit(taken, payload=b"x" * 49):
        taken += 1
    assert len(desk.link.packets) == 2
    assert len(desk.lane.waiting) == 4
    desk.lane.confirmed(1, None, 0.0)
    assert len(desk.link.packets) == 3
    assert not desk.submit(99)
    desk.lane.confirmed(2, None, 0.0)
    assert desk.submit(99, payload=b"")


def test_while_a_broker_is_away_requests_wait_and_then_go():
    desk = Desk(connected=False, state="away: gone")
    desk.submit(1, now=0.0)
    desk.submit(2, now=3.0)
    desk.lane.sweep(4.9)
    assert desk.answers == {}
    desk.lane.sweep(5.0)
    assert desk.answers == {1: (Code.AWAY, "away: gone")}
    desk.link.connected = True
    desk.lane.came_up()
    desk.lane.pump()
    assert desk.link.packets == [(1, b"2")]


def test_what_is_published_and_not_confirmed_is_unconfirmed_and_keeps_its_place():
    desk = Desk()
    for number in range(6):
        desk.submit(number)
    desk.lane.sweep(5.0)
    assert desk.words() == {"unconfirmed": 4, "away": 2}
    assert len(desk.lane.in_flight) == 4
    assert desk.submit(7, now=6.0)
    assert len(desk.link.packets) == 4
    desk.lane.confirmed(2, None, 7.0)
    assert desk.answers[1] == (Code.UNCONFIRMED, "ok")
    assert desk.lane.stats["confirmed_late"] == 1
    assert desk.link.packets[-1] == (5, b"7")


def test_a_late_one_behind_a_young_one_is_told_in_time():
    """One that waited long for room comes into it with little of its time left."""
    desk = Desk(connected=False)
    for number in range(10):
        desk.submit(number, now=1.0)
    old = Request(99, (0, 1, ""), "t", b"")
    old.tell = desk.tell
    assert not desk.lane.submit(old, 0.0)
    while desk.lane.waiting and len(desk.lane.waiting) > 5:
        desk.lane.waiting.pop()
    desk.lane._look_for_room()
    assert desk.lane.submit(old, 4.0)
    desk.lane.sweep(5.0)
    assert set(desk.answers) == {99}


def test_after_a_reconnect_what_is_unconfirmed_counts_as_published_again():
    desk = Desk()
    for number in range(3):
        desk.submit(number)
    desk.lane.confirmed(1, None, 0.0)
    desk.lane.came_up()
    assert desk.lane.stats["republished"] == 2
    assert desk.link.forgotten == 0
    assert list(desk.lane.in_flight) == [2, 3]


def test_a_broker_that_takes_less_than_before_starts_over_in_order():
    desk = Desk()
    for number in range(7):
        desk.submit(number)
    desk.link.receive_maximum = 2
    desk.lane.came_up()
    assert desk.link.forgotten == 1
    desk.lane.pump()
    assert [payload for _, payload in desk.link.packets[4:]] == [b"0", b"1"]
    assert [one.id for one in desk.lane.waiting] == [2, 3, 4, 5, 6]
    desk.lane.sweep(5.0)
    assert {n for n, (code, _) in desk.answers.items() if code is Code.AWAY} == {4, 5, 6}


def test_a_message_that_nobody_waits_for_and_that_ends_every_connection_is_given_up():
    desk = Desk()
    desk.submit(1)
    desk.lane.came_up()
    desk.lane.came_up()
    assert desk.lane.stats["given_up"] == 0  # somebody still waits
    desk.lane.sweep(5.0)
    desk.submit(2, now=5.0)
    desk.lane.came_up()
    assert desk.lane.stats["given_up"] == 1
    desk.lane.pump()
    assert desk.link.packets[-1][1] == b"2"
    assert [one.id for one in desk.lane.in_flight.values()] == [2]


def test_no_free_packet_id_is_waited_for(monkeypatch):
    desk = Desk()
    monkeypatch.setattr(desk.link, "publish", lambda topic, payload: None)
    assert desk.submit(1)
    assert len(desk.lane.waiting) == 1
    monkeypatch.undo()
    desk.lane.pump()
    assert desk.link.packets == [(1, b"1")]


def test_what_the_broker_says_it_does_not_take_is_too_large():
    desk = Desk(largest_packet=100)
    assert desk.submit(1, payload=b"x" * 83)
    assert desk.submit(2, payload=b"x" * 84)
    assert desk.answers[2][0] is Code.TOO_LARGE
    assert len(desk.link.packets) == 1


def test_at_the_end_everybody_is_told():
    desk = Desk()
    for number in range(8):
        desk.submit(number)
    desk.lane.stop()
    assert desk.words() == {"stopping": 4}
    desk.lane.confirmed(1, None, 0.0)
    desk.lane.abandon()
    assert desk.words() == {"stopping": 4, "ok": 1, "unconfirmed": 3}


def test_who_does_not_wait_for_room_any_more_is_not_woken():
    desk = Desk(connected=False)
    for number in range(10):
        desk.submit(number)
    woken = []
    callbacks = [lambda: woken.append("a"), lambda: woken.append("b")]
    for callback in callbacks:
        desk.lane.on_room(callback)
    desk.lane.forget_waiter(callbacks[0])
    desk.lane.forget_waiter(callbacks[0])
    desk.lane.sweep(5.0)
    assert woken == ["b"]


@pytest.mark.parametrize("seed", range(20))
def test_whatever_happens_every_request_is_told_once_and_the_bounds_hold(seed):
    chance = random.Random(seed)
    desk, now, number = Desk(), 0.0, 0
    for _ in range(2_000):
        now += chance.uniform(0, 0.2)
        what = chance.random()
        if what < 0.5:
            if desk.submit(number, now):
                number += 1
        elif what < 0.8:
            if desk.link.connected and desk.lane.in_flight:
                desk.lane.confirmed(chance.choice(list(desk.lane.in_flight)), None, now)
        elif what < 0.9:
            desk.lane.sweep(now)
        elif desk.link.connected:
            desk.link.connected = False
        else:
            desk.link.connected = True
            desk.link.receive_maximum = chance.choice([2, 4, 65_535])
            desk.lane.came_up()
            desk.lane.pump()
        assert len(desk.lane.in_flight) <= LIMITS.window
        assert len(desk.lane.waiting) <= LIMITS.waiting + LIMITS.window
        assert desk.lane._waiting_bytes == sum(one.size for one in desk.lane.waiting)
        assert desk.lane._flight_bytes == sum(one.size for one in desk.lane.in_flight.values())
    desk.lane.sweep(now + 100)
    assert set(desk.answers) == set(range(number))


def test_latencies_are_counted_by_bound():
    latency = Latency()
    for seconds in (0.0005, 0.001, 0.0011, 100.0):
        latency.observe(seconds)
    buckets = latency.buckets()
    assert [bound for bound, _ in buckets] == [*map(str, BOUNDS_S), "+Inf"]
    assert (buckets[0][1], buckets[1][1], buckets[-2][1], buckets[-1][1]) == (2, 3, 3, 4)
