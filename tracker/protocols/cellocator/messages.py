"""One function per type of message that a Cellocator unit sends. Each is acknowledged."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tracker.errors import DecodeError
from tracker.protocols.base import Heartbeat, Message, Notice, Reply
from tracker.protocols.cellocator.modules import read_modules, read_parts
from tracker.protocols.cellocator.status import read_status
from tracker.protocols.cellocator.wire import (
    FRAGMENT,
    MODULAR,
    MODULES,
    PROGRAMMING,
    SERIAL,
    STATUS,
    Frame,
    Link,
    answer,
)
from tracker.protocols.fields import text
from tracker.protocols.stream import Outcome, handles

Handler = Callable[[Link, Frame], Outcome]
HANDLERS: dict[int, Handler] = {}

KEPT_BYTES = 256  # of a message that is not decoded
PASSIVE = 0x01  # bit of the control field: sent because a command asked for it


@handles(HANDLERS, STATUS)
def status(link: Link, frame: Frame) -> Outcome:
    """0: see read_status. With the passive bit it is the answer to the command whose numerator it
    has.
    """
    said = read_status(frame)
    fix = said.fix(link.session.now)
    reference = link.asked.answered(frame.numerator) if frame.control & PASSIVE else None
    if reference is not None:
        fixes = (fix,) if fix is not None else ()
        return Reply(answer(frame), durable=True, reference=reference, success=True, fixes=fixes)
    return said.message(link.session.now, answer(frame))


@handles(HANDLERS, MODULES)
def modular(link: Link, frame: Frame) -> Message:
    """11: see read_modules."""
    return read_modules(frame).message(link.session.now, answer(frame))


@handles(HANDLERS, MODULAR)
def parts(link: Link, frame: Frame) -> Message:  # noqa: ARG001
    """9: see read_parts."""
    return kept(frame, items=read_parts(frame))


@handles(HANDLERS, PROGRAMMING, FRAGMENT)
def undecoded(link: Link, frame: Frame) -> Message:  # noqa: ARG001
    """3: a block of the unit's settings; 7: a fragment of a log. Both are kept as they are."""
    return kept(frame, data=frame.data[12:-1][:KEPT_BYTES].hex())


def kept(frame: Frame, **attributes: Any) -> Message:
    """A message that is not decoded."""
    return Notice(answer(frame), kind="unknown", attributes={"kind": str(frame.kind), **attributes})


@handles(HANDLERS, SERIAL)
def serial(link: Link, frame: Frame) -> Message:  # noqa: ARG001
    """8: byte 9 numerator, 16 length u16, 18 data of a serial port."""
    data = frame.data[18:-1][:KEPT_BYTES]
    attributes: dict[str, Any] = {"data": data.hex()}
    if data.isascii() and all(byte >= 32 or byte in b"\r\n\t" for byte in data):
        attributes["text"] = text(data)
    return Notice(answer(frame), kind="passthrough", attributes=attributes)


def unreadable(frame: Frame, error: DecodeError) -> Outcome:
    """A right frame with impossible content: it would be no better if it were sent again, so it is
    acknowledged all the same.
    """
    return [Heartbeat(answer(frame)), error]
