"""Frames of Castel's other lines: CC, trackers with a fuel relay, and MPIP."""

from __future__ import annotations

from collections.abc import Callable

from tracker.errors import DecodeError
from tracker.model import Fix
from tracker.protocols.base import Heartbeat, Login, Message
from tracker.protocols.castel.said import PLACE_BYTES, conclude, dressed, places
from tracker.protocols.castel.wire import Frame, Link, answer
from tracker.protocols.fields import extra, text
from tracker.protocols.reports import Batch, Unplaced
from tracker.protocols.stream import Outcome, handles

Handler = Callable[[Link, Frame], Outcome]
CC: dict[int, Handler] = {}
MPIP: dict[int, Handler] = {}

HISTORY = 1
CC_BYTES = PLACE_BYTES + 16  # of one report
BATCH, BATCH_STEP = 8, PLACE_BYTES + 31  # reports of an MPIP 4204, and from one to the next
ACCEPTED = bytes(4) + b"\xff" * 8  # number of a command (none), and nowhere else to go


@handles(CC, 0x4001)
def cc_login(link: Link, frame: Frame) -> Outcome:
    """4001: a report, more stations, software and hardware. Answer 8001: nothing."""
    ident = text(frame.id)
    link.session.ident = ident
    batch = Batch()
    cc_report(link, frame.content, 0, batch)
    return [Login(answer(frame, 0x8001), ident=ident), *batch.messages(b"")]


@handles(CC, 0x4206)
def cc_reports(link: Link, frame: Frame) -> Outcome:
    """4206: history u8, count u8, reports. Answer 8206: nothing."""
    content, batch = frame.content, Batch()
    count = content[1]
    if 2 + count * CC_BYTES > len(content):
        raise IndexError("reports cut off")
    taken = answer(frame, 0x8206)
    if not count:
        return Heartbeat(taken)
    for number in range(count):
        at = 2 + number * CC_BYTES
        cc_report(link, content, at, batch, stored=content[0] == HISTORY)
    return batch.messages(taken)


def cc_report(link: Link, content: bytes, at: int, batch: Batch, *, stored: bool = False) -> None:
    """Position, status u32, battery u8 in its own unit, odometer u32 m, fence u8, fence flags u8,
    flags u8, LAC u16, cell u16.
    """
    rest = at + PLACE_BYTES
    if rest + 16 > len(content):
        raise IndexError("report cut off")
    said = Unplaced()
    said.attributes.update(
        status=int.from_bytes(content[rest : rest + 4], "little"),
        battery_level=content[rest + 4],
        odometer_m=int.from_bytes(content[rest + 5 : rest + 9], "little"),
        lac=int.from_bytes(content[rest + 12 : rest + 14], "little"),
        cid=int.from_bytes(content[rest + 14 : rest + 16], "little"),
    )
    if content[rest + 9]:
        said.attributes["geofence_number"] = content[rest + 9]
    found = places(link, content, at, 1)
    if not found:
        batch.add(said)
    for one in found:
        if isinstance(one, DecodeError):
            batch.fail(one)
        else:
            batch.place(dressed(one, said, stored=stored))


@handles(MPIP, 0x2001)
def mpip_login(link: Link, frame: Frame) -> Outcome:
    """2001: number u32, UTC Unix seconds u32, reason u8, position. Answer 1001: number u32 of a
    command and eight bytes FF.
    """
    ident = text(frame.id)
    link.session.ident = ident
    said = Unplaced()
    extra(said.attributes, frame.content, 9 + PLACE_BYTES)
    login = Login(answer(frame, 0x1001, ACCEPTED), ident=ident)
    return [login, *conclude(link, places(link, frame.content, 9, 1), said)]


@handles(MPIP, 0x4001)
def mpip_start(link: Link, frame: Frame) -> Outcome:
    """4001: position. Answer 4001: nothing."""
    return mpip_place(link, frame, answer(frame, 0x4001))


@handles(MPIP, 0x4201, 0x4202, 0x4206)
def mpip_report(link: Link, frame: Frame) -> Outcome:
    """4201, 4202, 4206: position, and more."""
    return mpip_place(link, frame, b"")


def mpip_place(link: Link, frame: Frame, taken: bytes) -> list[Message | DecodeError]:
    """A position at the beginning."""
    said = Unplaced()
    extra(said.attributes, frame.content, PLACE_BYTES)
    return conclude(link, places(link, frame.content, 0, 1), said, taken)


@handles(MPIP, 0x4204)
def mpip_batch(link: Link, frame: Frame) -> Outcome:
    """4204: eight positions, each with 31 bytes behind it."""
    found: list[Fix | DecodeError] = []
    for number in range(BATCH):
        if number * BATCH_STEP + PLACE_BYTES <= len(frame.content):
            found += places(link, frame.content, number * BATCH_STEP, 1)
    return conclude(link, found, Unplaced())
