"""One function per command that a device of the 0x55 profile sends."""

from __future__ import annotations

import hmac
import struct
from collections.abc import Callable

from tracker.errors import DecodeError
from tracker.model import Fix
from tracker.protocols.base import Heartbeat, Login, Message, Notice, Refused
from tracker.protocols.fields import text
from tracker.protocols.frame55.point import point, read_status
from tracker.protocols.frame55.wire import (
    ACK,
    ANSWER_BIT,
    LOGIN,
    NOT_LOGGED_IN,
    POINT,
    Frame,
    Link,
    pack,
)
from tracker.protocols.reports import Batch, Unplaced, placed, unplaced
from tracker.protocols.stream import Outcome, handles

IDENT_MOST = 20  # characters of an identity, as the profile has it

Handler = Callable[[Link, Frame], Outcome]
HANDLERS: dict[int, Handler] = {}


@handles(HANDLERS, 0x01)
def position(link: Link, frame: Frame) -> Message:
    """01: one position (see `point`), then extras (see `extras`)."""
    return report(link.ack(frame), point(frame.payload, 0, end=POINT))


@handles(HANDLERS, 0x05)
def alarm(link: Link, frame: Frame) -> Message:
    """05: alarm u8, then a position, then extras. Alarms: 1 SOS, 2 power cut, 3 vibration,
    4 overspeed, 5 low battery, 6 geofence, 7 tamper.
    """
    said = point(frame.payload, 1, alarm=frame.payload[0], end=1 + POINT)
    return report(link.ack(frame), said)


def report(answer: bytes, said: Fix | Unplaced) -> Message:
    """The message of a position, or of what else was said."""
    return placed(answer, said) if isinstance(said, Fix) else unplaced(answer, said)


@handles(HANDLERS, 0x02)
def heartbeat(link: Link, frame: Frame) -> Message:
    """02: nothing, or status u8 (bits as in `point`) and battery u8 in percent."""
    answer = link.ack(frame)
    if not frame.payload:
        return Heartbeat(answer)
    ignition, attributes, alarms = read_status(frame.payload[0])
    attributes["battery_percent"] = frame.payload[1]
    return Heartbeat(answer, ignition=ignition, alarms=alarms, attributes=attributes)


@handles(HANDLERS, LOGIN)
def login(link: Link, frame: Frame) -> Message:
    """03: ASCII identity, 1 to 20 bytes, then perhaps 00 and a token.

    Where the listener has a `frame55_token`, the token must be that one. It never leaves here.
    """
    name, _, token = frame.payload.partition(b"\0")
    ident = text(name)
    if len(name) > IDENT_MOST or not ident or not name.isascii() or not ident.isprintable():
        raise DecodeError("field", "frame55: identity must be 1 to 20 printable characters", name)
    refusal = link.ack(frame, NOT_LOGGED_IN)
    wanted = link.session.options.get("frame55_token")
    if wanted is not None and not hmac.compare_digest(token, str(wanted).encode()):
        return Refused(refusal, reason="token")
    link.bind(frame.address, ident)
    return Login(link.ack(frame), ident=ident, refusal=refusal)


@handles(HANDLERS, 0x04)
def batch(link: Link, frame: Frame) -> list[Message | DecodeError]:
    """04: count u8, then so many positions. Acknowledged with the count."""
    count = frame.payload[0]
    if len(frame.payload) != 1 + count * POINT:
        raise DecodeError("length", f"frame55: {count} positions do not fill the frame")
    positions = Batch()
    for index in range(count):
        try:
            said = point(frame.payload, 1 + index * POINT)
        except DecodeError as error:
            positions.fail(error)
            continue
        if isinstance(said, Fix):
            positions.place(said)
        else:
            positions.add(said)
    return positions.messages(link.ack(frame, count))


@handles(HANDLERS, 0x06)
def message_text(link: Link, frame: Frame) -> Message:
    """06: UTF-8 text, a log line or an answer in words."""
    return Notice(link.ack(frame), kind="text", attributes={"text": text(frame.payload, "utf-8")})


@handles(HANDLERS, 0x07)
def time_request(link: Link, frame: Frame) -> Message:
    """07: nothing. The answer 87 carries UTC Unix seconds u32."""
    now = struct.pack(">I", int(link.session.now) & 0xFFFFFFFF)
    return Heartbeat(pack(frame.address, frame.command | ANSWER_BIT, now))


@handles(HANDLERS, ACK)
def acknowledgement(link: Link, frame: Frame) -> Message:
    """81: command u8 that is answered, result u8."""
    return link.reply(frame.payload[0], frame.payload[1])


@handles(HANDLERS, *range(0x90, 0x96))
def echo_acknowledgement(link: Link, frame: Frame) -> Message:
    """90 to 95: the answered command with its top bit set; result u8."""
    return link.reply(frame.command & ~ANSWER_BIT, frame.payload[0])
