"""One function per message of a JT/T 808 terminal: session, locations, answers."""

from __future__ import annotations

import hmac
import struct
from collections.abc import Callable
from typing import Any

from tracker.errors import DecodeError
from tracker.protocols.base import (
    Heartbeat,
    Login,
    Logout,
    Message,
    Refused,
    Reply,
)
from tracker.protocols.fields import text, to_bcd_time
from tracker.protocols.jt808.link import FAILED, Link
from tracker.protocols.jt808.location import BASIC, location
from tracker.protocols.jt808.wire import Frame, pack
from tracker.protocols.reports import Batch, placed, unplaced
from tracker.protocols.stream import STUMBLES, Outcome, handles, stumble

REGISTER_ANSWER = 0x8100
NO_SUCH_TERMINAL = 4  # result of a registration
TIME_ANSWER = 0x8004
VENDOR_TIME_ANSWER = 0x8109

# Body lengths and field sizes of a registration: maker, model, terminal id.
REGISTER_2011_MOST = 37
REGISTER_FIELDS = {2011: (5, 8, 7), 2013: (5, 20, 7), 2019: (11, 30, 30)}

Handler = Callable[[Link, Frame], Outcome]
HANDLERS: dict[int, Handler] = {}


@handles(HANDLERS, 0x0100)
def register(link: Link, frame: Frame) -> Message:
    """0100: province u16, city u16, maker, model, terminal id (sizes in REGISTER_FIELDS), colour of
    the plate u8, plate GBK. Version 2011 is recognised by its shorter body.

    Answer 8100: serial u16, result u8, authentication code.
    """
    year = 2013 if len(frame.body) >= REGISTER_2011_MOST else 2011
    sizes = REGISTER_FIELDS[2019 if frame.head.is_2019 else year]
    province, city = struct.unpack_from(">HH", frame.body)
    body = frame.body.ljust(5 + sum(sizes), b"\0")  # some leave out what they have no use for
    at = 4
    fields = []
    for size in sizes:
        fields.append(text(body[at : at + size], "gbk"))
        at += size
    attributes: dict[str, Any] = {
        "province": province,
        "city": city,
        "manufacturer": fields[0],
        "model": fields[1],
        "terminal_id": fields[2],
        "plate": text(body[at + 1 :], "gbk"),
        "plate_colour": body[at],
    }
    ident = link.ident(frame.head)
    refused = struct.pack(">HB", frame.serial, NO_SUCH_TERMINAL)
    refusal = pack(frame.head, REGISTER_ANSWER, link.serial, refused)
    accepted = struct.pack(">HB", frame.serial, 0) + link.code(ident).encode()
    answer = link.send(frame.head, REGISTER_ANSWER, accepted)
    link.session.ident = ident
    return Login(answer, ident=ident, refusal=refusal, attributes=attributes)


@handles(HANDLERS, 0x0102)
def authenticate(link: Link, frame: Frame) -> Message:
    """0102: authentication code; 2019: its length u8, code, IMEI[15], software version[20].

    A wrong code is accepted (terminals keep codes of other platforms) unless the listener has
    `jt808_strict_auth`.
    """
    code = frame.body
    attributes: dict[str, Any] = {}
    if frame.head.is_2019 and code and code[0] < len(code):
        size = 1 + code[0]
        attributes["imei"] = text(code[size : size + 15])
        attributes["firmware"] = text(code[size + 15 :], "gbk")
        code = code[1:size]
    ident = link.ident(frame.head)
    right = hmac.compare_digest(code.strip(b"\0 "), link.code(ident).encode())
    attributes["authenticated"] = right
    if not right and link.session.options.get("jt808_strict_auth"):
        return Refused(link.answer(frame, FAILED), reason="authentication")
    refusal = link.refusal(frame)
    link.authentic = ident
    link.session.ident = ident
    return Login(link.answer(frame), ident=ident, refusal=refusal, attributes=attributes)


@handles(HANDLERS, 0x0002)
def heartbeat(link: Link, frame: Frame) -> Message:
    """0002: nothing; with some makers battery u8 percent, CSQ u8, state u8."""
    attributes: dict[str, Any] = {}
    if len(frame.body) == 3 and frame.body[0] <= 100:
        attributes = {"battery_percent": frame.body[0], "signal_csq": frame.body[1]}
    return Heartbeat(link.answer(frame), attributes=attributes)


@handles(HANDLERS, 0x0003)
def logout(link: Link, frame: Frame) -> Message:
    """0003: nothing."""
    link.authentic = None
    return Logout(link.answer(frame))


@handles(HANDLERS, 0x0004)
def time_request(link: Link, frame: Frame) -> Message:
    """0004 (2019): nothing. Answer 8004: UTC as BCD[6]."""
    return Heartbeat(link.send(frame.head, TIME_ANSWER, to_bcd_time(link.session.now)))


@handles(HANDLERS, 0x0109)
def vendor_time_request(link: Link, frame: Frame) -> Message:
    """0109: whatever. Answer 8109: UTC as year u16, month, day, hour, minute, second, result u8."""
    digits = to_bcd_time(link.session.now).hex()
    parts = [int(digits[at : at + 2]) for at in range(0, 12, 2)]
    body = struct.pack(">H6B", 2000 + parts[0], *parts[1:], 0)
    return Heartbeat(link.send(frame.head, VENDOR_TIME_ANSWER, body))


@handles(HANDLERS, 0x0200)
def position(link: Link, frame: Frame) -> Message:
    """0200: one location, see location.py."""
    said = location(frame.body, link.offset_s, is_2019=frame.head.is_2019)
    answer = link.answer(frame)
    return unplaced(answer, said.unplaced()) if said.fix is None else placed(answer, said.fix)


@handles(HANDLERS, 0x0704)
def batch(link: Link, frame: Frame) -> list[Message | DecodeError]:
    """0704: count u16, kind u8 (1: from memory), then so many of length u16 and a location.

    Locations beyond the count are taken as well: some terminals count what is new only.
    """
    count, kind = struct.unpack_from(">HB", frame.body)
    return listed(link, frame, frame.body[3:], 2, count, stored=kind == 1)


@handles(HANDLERS, 0x0210)
def short_batch(link: Link, frame: Frame) -> Outcome:
    """0210 of some makers: length u8 and a location, as often as they fit."""
    return listed(link, frame, frame.body, 1, 1, stored=False)


def listed(
    link: Link, frame: Frame, data: bytes, length_size: int, count: int, *, stored: bool
) -> list[Message | DecodeError]:
    """The messages of at least `count` locations, each behind its length of `length_size` bytes."""
    positions = Batch()
    at = 0
    while count > 0 or at + length_size + BASIC <= len(data):
        size = int.from_bytes(data[at : at + length_size], "big")
        body = data[at + length_size : at + length_size + size]
        at += length_size + size
        if not size or len(body) < size:
            if count > 0:
                positions.fail(DecodeError("length", "jt808: batch shorter than its count", data))
            break
        count -= 1
        try:
            said = location(body, link.offset_s, is_2019=frame.head.is_2019, stored=stored)
        except STUMBLES as error:
            positions.fail(stumble("jt808", error))
            continue
        if said.fix is not None:
            positions.place(said.fix)
        else:
            positions.add(said.unplaced())
    return positions.messages(link.answer(frame))


@handles(HANDLERS, 0x0001)
def general_reply(link: Link, frame: Frame) -> Message:
    """0001: serial u16 and id u16 of the answered message, result u8: 0 ok, 1 failed, 2 bad
    message, 3 unsupported. A query is not answered for good by it, nor is a message in packets
    by "ok" to any but the last.
    """
    serial, message, result = struct.unpack_from(">HHB", frame.body)
    last = link.outbound.last_serial(serial)
    if result == 0 and serial != last:
        return Heartbeat()
    said = "" if result == 0 else f"{message:04x}: {RESULTS.get(result, result)}"
    for_good = result != 0 or message not in QUERIES
    reference = link.answered(last, for_good=for_good)
    if reference is None and message in OURS:
        return Heartbeat()
    return Reply(reference=reference, success=result == 0, text=said, final=for_good)


RESULTS = {1: "failed", 2: "bad message", 3: "unsupported"}
OURS = frozenset({0x8001, 0x8003, 0x8004, 0x8100, 0x8109, 0x8800})  # answers and requests
QUERIES = frozenset({0x8104, 0x8106, 0x8201, 0x8500})  # have an answer of their own


@handles(HANDLERS, 0x0201, 0x0500)
def located_reply(link: Link, frame: Frame) -> Message:
    """0201, 0500: serial u16 of the answered 8201 or 8500, then a location."""
    serial = int.from_bytes(frame.body[:2], "big")
    said = location(frame.body[2:], link.offset_s, is_2019=frame.head.is_2019)
    fixes = (said.fix,) if said.fix is not None else ()
    return Reply(reference=link.answered(serial), success=True, fixes=fixes)


@handles(HANDLERS, 0x0104)
def parameters(link: Link, frame: Frame) -> Message:
    """0104: serial u16 of the answered query, count u8, then id u32, length u8, value each."""
    body = frame.body
    serial, count = struct.unpack_from(">HB", body)
    words = []
    at = 3
    for _ in range(count):
        kind, size = struct.unpack_from(">IB", body, at)
        value = body[at + 5 : at + 5 + size]
        shown = str(int.from_bytes(value, "big")) if size <= 4 else text(value, "gbk")
        words.append(f"{kind:04X}={shown}")
        at += 5 + size
    return Reply(reference=link.answered(serial), success=True, text=";".join(words))


@handles(HANDLERS, 0x6006)
def text_reply(link: Link, frame: Frame) -> Message:
    """6006: encoding u8 (0 GBK, 1 UTF-16BE), text. Some makers answer a text (8300) so; it does
    not say which.
    """
    encoding = "utf-16-be" if frame.body[0] == 1 else "gbk"
    return Reply(link.answer(frame), text=text(frame.body[1:], encoding))


@handles(HANDLERS, 0x1300)
def wide_text_reply(link: Link, frame: Frame) -> Message:
    """1300: serial u16 of the answered message or 0, text UTF-16BE."""
    serial = int.from_bytes(frame.body[:2], "big")
    reference = link.answered(serial) if serial else None
    return Reply(link.answer(frame), reference=reference, text=text(frame.body[2:], "utf-16-be"))
