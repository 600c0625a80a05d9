"""The line of connections that have more to say than one turn is for."""

from __future__ import annotations

import asyncio
import time
from typing import cast

from tracker.devices.tls import TlsLayer, Turnstile
from tracker.devices.turns import SERVE_S, TALKATIVE_S, TALKATIVE_TURNS, Talk, Turns


class Talker:
    """Has so many pieces to do, each of at least a quarter of the time of service."""

    def __init__(self, turns: Turns, name: str, pieces: int, story: list[str]) -> None:
        self.turns, self.name, self.pieces, self.story = turns, name, pieces, story

    def go_on(self) -> None:
        until = time.monotonic() + SERVE_S / 4
        while time.monotonic() < until:
            pass
        self.story.append(self.name)
        self.pieces -= 1
        if self.pieces:
            self.turns.join(self)


async def test_one_after_the_other_and_the_loop_runs_in_between() -> None:
    turns, story = Turns(), list[str]()
    for name in "abcdefgh":
        turns.join(Talker(turns, name, 5, story))
    longest = before = 0
    while len(turns):
        await asyncio.sleep(0)
        longest, before = max(longest, len(story) - before), len(story)
    assert "".join(story) == "abcdefgh" * 5
    assert longest <= 4  # of forty: what fits into one time of service


async def test_who_fails_stops_nobody_else() -> None:
    class Failing:
        def go_on(self) -> None:
            raise ValueError("on purpose")

    turns, story = Turns(), list[str]()
    told: list[object] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, what: told.append(what["exception"]))
    turns.join(Failing())
    turns.join(Talker(turns, "a", 2, story))
    while len(turns):
        await asyncio.sleep(0)
    assert story == ["a", "a"]
    assert len(told) == 1


def test_a_talkative_one_is_told_of_once() -> None:
    talk = Talk()
    assert sum(talk.too_much(1.0) for _ in range(3 * TALKATIVE_TURNS)) == 1
    now_and_then = Talk()
    times = (n * TALKATIVE_S / (TALKATIVE_TURNS - 2) for n in range(1, 5 * TALKATIVE_TURNS))
    assert not any(now_and_then.too_much(now) for now in times)


class Layer:
    """A handshake's place in the turnstile."""

    def __init__(self, turnstile: Turnstile, address: str, crowded: list[Layer]) -> None:
        self.turnstile, self.address, self.crowded = turnstile, address, crowded

    def begin(self) -> bool:
        room = self.turnstile.make_room(self.address)
        if room:
            self.turnstile.enter(cast("TlsLayer", self), self.address)
        return room

    def make_way(self) -> None:
        self.crowded.append(self)
        self.turnstile.leave(cast("TlsLayer", self), self.address)


def test_no_address_has_more_than_a_quarter_and_the_oldest_of_the_busiest_makes_way() -> None:
    turnstile, crowded = Turnstile(8), list[Layer]()

    def begin(address: str) -> tuple[Layer, bool]:
        layer = Layer(turnstile, address, crowded)
        return layer, layer.begin()

    first = begin("a")[0]
    assert [begin("a")[1] for _ in range(3)] == [True, False, False]
    for address in "bcd":
        assert [begin(address)[1] for _ in range(2)] == [True, True]
    assert turnstile.under_way == 8
    assert begin("e")[1]
    assert crowded == [first]
    assert begin("f")[1]
    assert begin("g")[1]
    assert begin("h")[1]
    assert [layer.address for layer in crowded] == ["a", "b", "c", "d"]
    assert not begin("i")[1]  # eight with one each: among equals nobody makes way
    assert turnstile.under_way == 8
