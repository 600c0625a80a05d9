"""What is done on one connection, worked out from the seed of the run and its own number."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.fuzz.mutate import mutated
from tests.fuzz.shape import Shape, learn
from tests.unit.protocols.transcripts import NOW, cases_of
from tracker.protocols.base import Family
from tracker.protocols.registry import FAMILIES

FRAMES_MOST = 8  # of an ordinary connection
LONG_SHARE, LONG_FRAMES = 0.002, 400  # connections that go on, to see whether they grow
DATAGRAM_SHARE = 0.15
STRANGER_SHARE = 0.05  # frames of one protocol fed to the decoder of another

COMMAND_VALUES: tuple[Any, ...] = (
    None, True, 0, 1, -1, 30, 86_400, 10**30, 1.5, float("nan"), "", " ", "8105 04", "8104",
    "RESET#", "x" * 70_000, "é中\U0001f600", "\0\r\n", "a\r\nb", b"bytes", [], {}, "{",
    "AT+GTRTO={password}$", "{serial}", "{seconds:>1000}", "8", "80zz", "8103 0", "%s%n",
    "#;,*|", '{"a":1}',
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Seed:
    """A frame of a device, with its checksums and lengths."""

    data: bytes
    shape: Shape


@dataclass(frozen=True, slots=True)
class Seeds:
    """What the devices of one protocol say: conversations, each with the options of its session."""

    family: Family
    conversations: tuple[tuple[Mapping[str, Any], tuple[Seed, ...]], ...]


@dataclass(frozen=True, slots=True)
class Read:
    """Bytes that arrive at once, at a moment."""

    now: float
    data: bytes


@dataclass(frozen=True, slots=True)
class Plan:
    """One connection: whose decoder, how its session is set, what arrives, what is ordered."""

    number: int
    protocol: str
    options: Mapping[str, Any]
    reads: tuple[Read, ...]
    frames: int
    parameters: Mapping[str, Any]
    long: bool


def load(families: Sequence[Family] = FAMILIES) -> list[Seeds]:
    """The seeds of these protocols; those that have no transcripts yet are left out."""
    return [seeds_of(family) for family in families if cases_of(family)]


def seeds_of(family: Family) -> Seeds:
    """The seeds of one protocol."""
    sent: list[tuple[Mapping[str, Any], list[bytes]]] = []
    for case in cases_of(family):
        frames = [bytes.fromhex(step["send"]) for step in case["steps"] if step.get("send")]
        if frames:
            sent.append(((case.get("session") or {}).get("options", {}), frames))
    shape = learn([frame for _, frames in sent for frame in frames])
    return Seeds(
        family,
        tuple(
            (options, tuple(Seed(frame, shape.of(frame)) for frame in frames))
            for options, frames in sent
        ),
    )


def plan(seeds: Sequence[Seeds], seed: int, number: int) -> Plan:
    """The connection with this number."""
    rng = random.Random(seed << 40 | number)
    own = rng.choice(seeds)
    options, sent = rng.choice(own.conversations)
    if rng.random() < DATAGRAM_SHARE:
        options = {**options, "udp": True}
    long = rng.random() < LONG_SHARE
    frames = conversation(seeds, own, sent, LONG_FRAMES if long else FRAMES_MOST, rng)
    decoder = rng.choice(seeds) if rng.random() < STRANGER_SHARE else own
    return Plan(
        number=number,
        protocol=decoder.family.name,
        options=options,
        reads=cut(frames, rng, datagrams=options.get("udp") is True),
        frames=len(frames),
        parameters={"text": rng.choice(COMMAND_VALUES), "seconds": rng.choice(COMMAND_VALUES)},
        long=long,
    )


def conversation(
    seeds: Sequence[Seeds], own: Seeds, sent: Sequence[Seed], most: int, rng: random.Random
) -> list[bytes]:
    """Frames of a case in their order, most of them mutated, some from elsewhere or repeated. The
    first, which names the device, is mostly left as it is, so that those behind it are heard.
    """
    frames = [sent[0].data if rng.random() < 0.75 else spoiled(seeds, own, sent[0], rng)]
    for place in range(1, most if most > FRAMES_MOST else rng.randint(1, most)):
        if rng.random() < 0.08:
            frames.append(rng.choice(frames))
            continue
        if rng.random() < 0.6:
            seed = sent[place % len(sent)]
        else:
            seed = rng.choice(rng.choice(own.conversations)[1])
        frames.append(spoiled(seeds, own, seed, rng) if rng.random() < 0.92 else seed.data)
    return frames


def spoiled(seeds: Sequence[Seeds], own: Seeds, seed: Seed, rng: random.Random) -> bytes:
    """A frame mutated, with one of any protocol to splice it with."""
    strange = rng.choice(seeds) if rng.random() < 0.5 else own
    other = rng.choice(rng.choice(strange.conversations)[1])
    return mutated(seed.data, other.data, seed.shape, rng)


def cut(frames: Sequence[bytes], rng: random.Random, *, datagrams: bool) -> tuple[Read, ...]:
    """The frames as a network delivers them: each by itself, or joined and cut anywhere; at times
    after a silence.
    """
    now = NOW
    reads = []
    way = rng.random()
    pieces = list(frames)
    if not datagrams and way < 0.5:
        joined = b"".join(frames)
        most = rng.choice((3, 40, 400, 5000)) if len(joined) < 20_000 else 5000
        pieces = []
        while joined:
            size = rng.randint(1, most)
            pieces.append(joined[:size])
            joined = joined[size:]
    for piece in pieces:
        now += rng.choice((0.0, 0.0, 0.0, 0.01, 1.0, 45.0, 4000.0))
        reads.append(Read(now, piece))
    return tuple(reads)
