"""One function per type of frame of Castel's OBD devices (SC: versions 3 and 4)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from tracker.protocols.base import Heartbeat, Login, Logout, Message, Notice
from tracker.protocols.castel import obd
from tracker.protocols.castel.extras import extras
from tracker.protocols.castel.said import (
    PLACE_BYTES,
    STATE_BYTES,
    alarms,
    conclude,
    places,
    state,
)
from tracker.protocols.castel.wire import Frame, Link, answer
from tracker.protocols.fields import EXTRA_MOST, extra, text
from tracker.protocols.reports import Unplaced, unplaced
from tracker.protocols.stream import Outcome, handles

Handler = Callable[[Link, Frame], Outcome]
HANDLERS: dict[int, Handler] = {}

# In the answer to a login: the server to go to, FFFFFFFF port 0 for the one that it is at.
STAY = b"\xff\xff\xff\xff\x00\x00"
HISTORY = 1
GRAVITY_UNITS = 64  # to 1 g


@handles(HANDLERS, 0x1001)
def login(link: Link, frame: Frame) -> Outcome:
    """1001: state, positions, software ASCII and 00, hardware ASCII and 00, count u16, settings.

    Answer 9001: address of another server u32 and port u16, or `STAY`; UTC Unix seconds u32.
    """
    ident = text(frame.id)
    link.session.ident = ident
    now = int(link.session.now).to_bytes(4, "little")
    said = Unplaced()
    found, at = located(link, frame.content, 0, said)
    words = frame.content[at:].split(b"\0", 2)
    names = ("firmware", "hardware")
    attributes: dict[str, Any] = {
        name: text(word) for name, word in zip(names, words, strict=False) if word.isascii()
    }
    taken = answer(frame, 0x9001, STAY + now)
    return [Login(taken, ident=ident, attributes=attributes), *conclude(link, found, said)]


def located(link: Link, content: bytes, at: int, said: Unplaced) -> tuple[list[Any], int]:
    """State, count u8, positions; where they end."""
    state(content, at, said)
    at += STATE_BYTES
    count = content[at]
    end = at + 1 + count * PLACE_BYTES
    if end > len(content):
        raise IndexError("positions cut off")
    return places(link, content, at + 1, count), end


@handles(HANDLERS, 0x1002)
def logout(link: Link, frame: Frame) -> Outcome:
    """1002: state, positions."""
    said = Unplaced()
    found, _end = located(link, frame.content, 0, said)
    return [*conclude(link, found, said), Logout()]


@handles(HANDLERS, 0x1003)
def heartbeat(link: Link, frame: Frame) -> Message:  # noqa: ARG001
    """1003: nothing. Answer 9003: nothing."""
    return Heartbeat(answer(frame, 0x9003))


@handles(HANDLERS, 0x4001)
def report(link: Link, frame: Frame) -> Outcome:
    """4001: history u8, state, positions."""
    said = Unplaced()
    found, end = located(link, frame.content, 1, said)
    extra(said.attributes, frame.content, end)
    return conclude(link, found, said, stored=frame.content[0] == HISTORY)


@handles(HANDLERS, 0x400E)
def fuel(link: Link, frame: Frame) -> Outcome:
    """400E: state, positions, then of each position the level of fuel u16 in the sensor's unit."""
    said = Unplaced()
    found, end = located(link, frame.content, 0, said)
    if end + 2 <= len(frame.content):
        said.attributes["fuel_level"] = int.from_bytes(frame.content[-2:], "little")
    return conclude(link, found, said)


@handles(HANDLERS, 0x4007)
def alarm(link: Link, frame: Frame) -> Outcome:
    """4007: number u32, state, positions, alarms. Answer C007: the number."""
    said = Unplaced()
    found, end = located(link, frame.content, 4, said)
    alarms(frame.content, end, said)
    return conclude(link, found, said, answer(frame, 0xC007, frame.content[:4]))


@handles(HANDLERS, 0x401F)
def comprehensive(link: Link, frame: Frame) -> Outcome:
    """401F: history u8, number u32, state, positions, then items; see extras.py."""
    said = Unplaced()
    found, end = located(link, frame.content, 5, said)
    extras(frame.content, end, said)
    return conclude(link, found, said, stored=frame.content[0] == HISTORY)


@handles(HANDLERS, 0x4009)
def asleep(link: Link, frame: Frame) -> Outcome:
    """4009: UTC Unix seconds u32, position: of a device that sleeps."""
    return alone(link, frame, 4)


@handles(HANDLERS, 0x5101)
def assistance(link: Link, frame: Frame) -> Outcome:
    """5101: position. It asks for satellite data, which is not ours to give."""
    return alone(link, frame, 0)


def alone(link: Link, frame: Frame, at: int) -> Outcome:
    """A position without a state."""
    said = Unplaced()
    extra(said.attributes, frame.content, at + PLACE_BYTES)
    return conclude(link, places(link, frame.content, at, 1), said)


def stated(link: Link, frame: Frame) -> Unplaced:
    """The state that a frame without positions begins with, its time taken to UTC."""
    said = Unplaced()
    state(frame.content, 0, said)
    if said.time is not None:
        said.time -= link.session.utc_offset_s or 0
    return said


@handles(HANDLERS, 0x4002)
def engine(link: Link, frame: Frame) -> Outcome:
    """4002: state, period u16 s, count u8, PIDs u16, groups u8, size of a group u8, values: one
    group for each moment within the period, the latest last.
    """
    said = stated(link, frame)
    content, at = frame.content, STATE_BYTES + 2
    found = obd.pids(content, at + 1, content[at])
    at += 1 + 2 * len(found)
    groups, size = content[at], content[at + 1]
    start = at + 2 + max(0, groups - 1) * size
    obd.values(found, content[start : start + size], said.attributes)
    return unplaced(b"", said)


@handles(HANDLERS, 0x4003)
def shaken(link: Link, frame: Frame) -> Outcome:
    """4003: state, period u16, count u8, acceleration of each: x, y, z s16 of 1/64 g. The strongest
    of them is kept.
    """
    said = stated(link, frame)
    content, at = frame.content, STATE_BYTES + 3
    samples = [
        tuple(
            int.from_bytes(content[start + axis : start + axis + 2], "little", signed=True)
            / GRAVITY_UNITS
            for axis in (0, 2, 4)
        )
        for start in range(at, min(len(content) - 5, at + 6 * content[at - 1]), 6)
    ]
    if samples:
        said.attributes["acceleration_g"] = list(max(samples, key=lambda axes: math.hypot(*axes)))
    return unplaced(b"", said)


@handles(HANDLERS, 0x4004)
def supported(link: Link, frame: Frame) -> Message:  # noqa: ARG001
    """4004: state, flag u8, count u8, PIDs u16 that the vehicle answers."""
    content, at = frame.content, STATE_BYTES + 2
    found = obd.pids(content, at, content[at - 1])
    return Notice(kind="device", attributes={"pids": [f"{pid:04x}" for pid in found]})


@handles(HANDLERS, 0x4005)
def snapshot(link: Link, frame: Frame) -> Outcome:
    """4005: state, flag u8, count u8, PIDs u16, values."""
    said = stated(link, frame)
    content, at = frame.content, STATE_BYTES + 1
    found = obd.pids(content, at + 1, content[at])
    obd.values(found, content[at + 1 + 2 * len(found) :], said.attributes)
    return unplaced(b"", said)


@handles(HANDLERS, 0x4006)
def trouble(link: Link, frame: Frame) -> Outcome:
    """4006, cars: state, flag u8, count u8, trouble codes u16."""
    return faults(link, frame, 2)


@handles(HANDLERS, 0x400B)
def trouble_of_trucks(link: Link, frame: Frame) -> Outcome:
    """400B, trucks: state, flag u8, count u8, of each: code u16, attribute u8, occurrences u8."""
    return faults(link, frame, 4)


def faults(link: Link, frame: Frame, step: int) -> Message:
    """A state and trouble codes."""
    said = stated(link, frame)
    count = frame.content[STATE_BYTES + 1]
    said.attributes["dtcs"] = obd.codes(frame.content, STATE_BYTES + 2, count, step)
    return unplaced(b"", said)


@handles(HANDLERS, 0x4008)
def station(link: Link, frame: Frame) -> Outcome:
    """4008: state, LAC u16, cell u16."""
    said = stated(link, frame)
    at = STATE_BYTES
    if at + 4 > len(frame.content):
        raise IndexError("station cut off")
    said.attributes["lac"] = int.from_bytes(frame.content[at : at + 2], "little")
    said.attributes["cid"] = int.from_bytes(frame.content[at + 2 : at + 4], "little")
    return unplaced(b"", said)


def unknown(link: Link, frame: Frame) -> Message:  # noqa: ARG001
    """Any other type: kept as it is, and not answered."""
    kept = {"kind": f"{frame.type:04x}", "data": frame.content[:EXTRA_MOST].hex()}
    return Notice(kind="unknown", attributes=kept)
