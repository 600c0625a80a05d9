"""A short run of the fuzz, and proof that each of its rules can be broken."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable
from typing import Any

import pytest

from tests.fuzz import run as rules
from tests.fuzz import work
from tests.fuzz.__main__ import from_json, to_json, whole
from tests.fuzz.plan import Plan, Read, load, plan
from tests.fuzz.run import BrokenError, Counts, HangError, held, hold, watchdog
from tests.fuzz.shape import learn
from tests.fuzz.work import attempt, share, traced
from tracker.errors import DecodeError
from tracker.model import Command, Fix
from tracker.protocols.base import (
    Decoder,
    Family,
    Heartbeat,
    Login,
    Match,
    Message,
    Positions,
    Session,
)
from tracker.protocols.registry import FAMILIES, family

SEED = 3
FRAMES = 20_000


@pytest.fixture(scope="module")
def seeds() -> list[Any]:
    return load()


@pytest.mark.slow
def test_a_short_run_breaks_no_rule(capsys: pytest.CaptureFixture[str]) -> None:
    """In a process of its own, as `make fuzz` does it."""
    status = whole(SEED, FRAMES, 1)
    told = capsys.readouterr().out
    assert status == 0, told
    assert "no rule was broken" in told
    for one in FAMILIES:
        assert f"\n{one.name} " in told


def test_a_connection_follows_from_the_seed_and_its_number(seeds: list[Any]) -> None:
    assert plan(seeds, SEED, 12) == plan(seeds, SEED, 12)
    assert plan(seeds, SEED, 12) != plan(seeds, SEED, 13)
    assert plan(seeds, SEED, 12) != plan(seeds, SEED + 1, 12)


def test_frames_reach_every_decoder_and_its_inside(seeds: list[Any]) -> None:
    counts = Counts()
    with watchdog():
        for number in range(1500):
            hold(plan(seeds, SEED, number), counts)
    for one in seeds:
        name = one.family.name
        assert counts.messages[name] > 0, name
        assert any(of == name for of, _ in counts.errors), name
        assert counts.detected[name] > 0, name
    assert counts.commands["written"] > 0
    assert counts.commands["refused"] > 0


def crc(data: bytes) -> bytes:
    """CRC-16/MODBUS as it is sent."""
    value = 0xFFFF
    for byte in data:
        value ^= byte
        for _ in range(8):
            value = value >> 1 ^ (0xA001 if value & 1 else 0)
    return value.to_bytes(2, "little")


def test_checksums_and_lengths_are_learned_and_put_right() -> None:
    """Of a protocol that nobody knows: a mark, a length, content, CRC-16/MODBUS."""
    rng = random.Random(SEED)
    frames = []
    for size in range(5, 25):
        content = b"\x42" + (size + 5).to_bytes(2, "big") + rng.randbytes(size)
        frames.append(content + crc(content))
    shape = learn(frames)
    assert [(seal.name, seal.start, seal.end) for seal in shape.seals] == [("crc16_modbus", 0, -2)]
    assert {(length.at, length.size) for length in shape.lengths} >= {(1, 2)}
    for frame in frames:
        spoiled = bytearray(frame)
        spoiled[5:7] = b"\xff\xff\xff\xff"
        shape.of(frame).repair(spoiled)
        assert int.from_bytes(spoiled[1:3], "big") == len(spoiled) == len(frame) + 2
        assert spoiled[-2:] == crc(bytes(spoiled[:-2]))


FIX = Fix(0.0, 0.0, 0.0)


class Misbehaving:
    """A decoder that breaks one rule: `misdeed` is called for each message, `data` in hand."""

    name = "misbehaving"

    def __init__(self, misdeed: Callable[[Misbehaving], Message | None]) -> None:
        self.misdeed = misdeed
        self.waiting: list[bytes] = []
        self.buffered = 0
        self.named = False

    def receive_data(self, data: bytes) -> None:
        self.waiting.append(data)

    def next_message(self) -> Message | None:
        if not self.waiting:
            return None
        if not self.named:
            self.named = True
            return Login(ident="1")
        self.waiting.clear()
        return self.misdeed(self)

    def encode(self, command: Command) -> bytes:
        return str(command.kind).encode()


def says(message: Message) -> Callable[[Misbehaving], Message]:
    return lambda _: message


def stumbles(_: Misbehaving) -> Message:
    raise KeyError("in a handler")


def never_ends(_: Misbehaving) -> Message:
    while True:
        pass


def talks_for_ever(decoder: Misbehaving) -> Message:
    decoder.waiting.append(b"")
    return Heartbeat()


def hoards(decoder: Misbehaving) -> Message | None:
    decoder.buffered = rules.BUFFERED_MOST + 1
    return None


def keeps_too_much(_: Misbehaving) -> Message:
    error = DecodeError("kind", "too long")
    error.value = bytes(DecodeError.KEPT_BYTES + 1)
    raise error


def changed(**changes: Any) -> Message:
    return Positions(fixes=(dataclasses.replace(FIX, **changes),))


MISDEEDS = {
    "another exception": (stumbles, KeyError),
    "hang": (never_ends, HangError),
    "endless": (talks_for_ever, BrokenError),
    "buffer": (hoards, BrokenError),
    "error": (keeps_too_much, BrokenError),
    "kind": (lambda _: says_error("Kind"), BrokenError),
    "not a message": (lambda _: "text", BrokenError),
    "nobody": (says(Login(ident="")), BrokenError),
    "off the Earth": (says(changed(lat=90.1)), BrokenError),
    "no time": (says(changed(fix_time=float("nan"))), BrokenError),
    "course": (says(changed(course_deg=360.0)), BrokenError),
    "speed": (says(changed(speed_kmh=float("inf"))), BrokenError),
    "satellites": (says(changed(satellites=-1)), BrokenError),
    "bytes in attributes": (says(changed(attributes={"a": b""})), BrokenError),
    "not a number in attributes": (says(Heartbeat(attributes={"a": float("nan")})), BrokenError),
    "a number of 65 bits": (says(Heartbeat(attributes={"a": 1 << 64})), BrokenError),
}


def says_error(kind: str) -> Message:
    raise DecodeError(kind, "a kind is in small letters")


@pytest.fixture
def one_decoder(monkeypatch: pytest.MonkeyPatch) -> Callable[[Any], None]:
    """Lets every plan be held with a decoder of the test's own."""

    def install(make: Callable[[Session], Decoder]) -> None:
        found = Family("misbehaving", "", lambda _: Match.NO, make)
        monkeypatch.setattr(rules, "family", lambda _: found)
        monkeypatch.setattr(rules, "HANG_S", 0.2)
        monkeypatch.setattr(rules, "MESSAGES_MOST", 500)
        monkeypatch.setattr(work, "TRACED_CONNECTIONS", 40)

    return install


def bare(*data: bytes, protocol: str = "gt06", long: bool = False) -> Plan:
    reads = tuple(Read(0.0, each) for each in data or (b"x",))
    return Plan(0, protocol, {}, reads, len(reads), {}, long)


@pytest.mark.parametrize("name", MISDEEDS)
def test_every_rule_is_looked_at(name: str, one_decoder: Callable[[Any], None]) -> None:
    misdeed, error = MISDEEDS[name]
    one_decoder(lambda _: Misbehaving(misdeed))
    with watchdog(), pytest.raises(error):
        hold(bare(), Counts())


def test_a_well_behaved_decoder_passes(one_decoder: Callable[[Any], None]) -> None:
    one_decoder(lambda _: Misbehaving(says(changed(speed_kmh=1.0))))
    counts = Counts()
    with watchdog():
        hold(bare(b"x", b"y", long=True), counts)
    assert counts.messages["misbehaving"] == 3
    assert counts.commands["written"] > 0


def test_a_report_before_the_login_is_seen(one_decoder: Callable[[Any], None]) -> None:
    def early(_: Session) -> Misbehaving:
        decoder = Misbehaving(says(Heartbeat()))
        decoder.named = True
        return decoder

    one_decoder(early)
    with watchdog(), pytest.raises(BrokenError, match="Heartbeat first"):
        hold(bare(), Counts())


def test_a_decoder_that_grows_is_seen(one_decoder: Callable[[Any], None]) -> None:
    def grows(decoder: Misbehaving) -> Message:
        decoder.hoard = bytes(rules.HELD_MOST)  # type: ignore[attr-defined]
        return Heartbeat()

    one_decoder(lambda _: Misbehaving(grows))
    with watchdog(), pytest.raises(BrokenError, match="holds"):
        hold(bare(long=True), Counts())
    assert held([bytes(1000), bytes(1000)]) < 1200 + held([bytes(1000)])
    assert held([bytes(1000), bytearray(1000)]) > 2000


def test_what_connections_leave_behind_is_seen(
    seeds: list[Any], one_decoder: Callable[[Any], None]
) -> None:
    left: list[bytes] = []

    def leaks(_: Misbehaving) -> Message:
        left.append(bytes(20_000))
        return Heartbeat()

    one_decoder(lambda _: Misbehaving(leaks))
    with watchdog():
        assert "stay behind" in traced(seeds, SEED)
    one_decoder(lambda _: Misbehaving(says(Heartbeat())))
    with watchdog():
        assert traced(seeds, SEED) == ""


def test_failures_are_told_once_a_kind_and_can_be_held_again(
    seeds: list[Any], one_decoder: Callable[[Any], None]
) -> None:
    one_decoder(lambda _: Misbehaving(stumbles))
    at = [0]
    with watchdog():
        (*_, account) = share(seeds, SEED, 0, 1, 200, at)
    assert account.broken > len(account.failures) > 0
    assert at[0] > 0
    kinds = [failure.kind for failure in account.failures]
    assert len(kinds) == len(set(kinds))
    failure = account.failures[0]
    again = from_json(to_json(failure, SEED))
    assert dataclasses.replace(again, frames=failure.plan.frames) == failure.plan
    assert attempt(again, Counts()) is not None


def test_the_decoders_of_the_registry_are_those_that_run() -> None:
    assert rules.family is family
