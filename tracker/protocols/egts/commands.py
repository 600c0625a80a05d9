"""EGTS's command service: what is asked of a device, and what it answers."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any

from tracker.model import Command, CommandKind
from tracker.protocols.base import Message, Notice, Reply
from tracker.protocols.commands import (
    check_stream,
    interval_s,
    known_reference,
    numeric_option,
    text_bytes,
)
from tracker.protocols.egts.wire import Link, subrecord
from tracker.protocols.fields import text

COMMAND_DATA = 51

CONFIRMED, MESSAGE_CONFIRMED, MESSAGE_FROM, MESSAGE_TO, ORDER = 1, 2, 3, 4, 5  # types, upper nibble
DONE, IN_PROGRESS = 0, 6  # confirmations, lower nibble
NEGATIVE = frozenset({1, 2, 4})  # error, not possible or not allowed, not found

HAS_CHARSET, HAS_CODE = 1, 2  # flags of a command
RUN, REQUEST, SET = 0, 1, 2  # actions

# Codes of commands and of one parameter.
RAW, RESTART, OUTPUT_ON, OUTPUT_OFF, POSITION = 0x0000, 0x0008, 0x0009, 0x000A, 0x000C
IGNITION_ON_PERIOD = 0x0262

TEXT_MOST = 512
INTERVAL_MOST_S = 65_535
OUTPUTS = 16

CHARSETS = {0: "cp1251", 1: "ascii", 3: "latin-1", 6: "iso8859-5", 8: "utf-16-be"}

_HEAD = struct.Struct("<BIIB")


def order(link: Link, command: Command, kind: int, content: bytes, *, charset: bool) -> bytes:
    """51: type and confirmation u8, command u32 (its reference), source u32, flags u8, [charset
    u8,] content.
    """
    check_stream(link.session, "egts")
    head = _HEAD.pack(kind << 4, command.reference, 0, HAS_CHARSET if charset else 0)
    head += b"\0" if charset else b""  # CP-1251
    return link.ask(command, subrecord(COMMAND_DATA, head + content))


def instruct(link: Link, command: Command, action: int, code: int, data: bytes = b"") -> bytes:
    """Address u16, action u8, code u16, data."""
    content = struct.pack("<HBH", 0, action, code) + data
    return order(link, command, ORDER, content, charset=False)


def output(code: int) -> Callable[[Link, Command], bytes]:
    """Switch the output that cuts the engine, option `egts_output`."""

    def encode(link: Link, command: Command) -> bytes:
        number = numeric_option(link.session, "egts_output", 1, 1, OUTPUTS)
        return instruct(link, command, RUN, code, (1 << (number - 1)).to_bytes(2, "little"))

    return encode


def interval(link: Link, command: Command) -> bytes:
    """Seconds between positions with the ignition on."""
    seconds = interval_s(command, INTERVAL_MOST_S)
    return instruct(link, command, SET, IGNITION_ON_PERIOD, seconds.to_bytes(4, "little"))


def message(link: Link, command: Command) -> bytes:
    """A text for the driver, in CP-1251."""
    words = text_bytes(command, "cp1251", TEXT_MOST)
    return order(link, command, MESSAGE_TO, words, charset=True)


def custom(link: Link, command: Command) -> bytes:
    """The device's own command language."""
    return instruct(link, command, RUN, RAW, text_bytes(command, "cp1251", TEXT_MOST))


ENCODERS: Mapping[CommandKind, Callable[[Any, Command], bytes]] = {
    CommandKind.LOCATE: lambda link, command: instruct(link, command, REQUEST, POSITION),
    CommandKind.INTERVAL: interval,
    CommandKind.TEXT: message,
    CommandKind.REBOOT: lambda link, command: instruct(link, command, RUN, RESTART),
    CommandKind.ENGINE_CUT: output(OUTPUT_ON),
    CommandKind.ENGINE_RESTORE: output(OUTPUT_OFF),
    CommandKind.CUSTOM: custom,
}


def read(link: Link, data: bytes) -> Message | None:
    """What a device says in 51: that it has done, or not, what was asked; or a text of its own."""
    kinds, reference, _, flags = _HEAD.unpack_from(data)
    at = _HEAD.size
    encoding = "cp1251"
    if flags & HAS_CHARSET:
        encoding = CHARSETS.get(data[at], encoding)
        at += 1
    if flags & HAS_CODE:
        at += 1 + data[at]
    kind, outcome = kinds >> 4, kinds & 0x0F
    content = data[at:]
    if kind == MESSAGE_FROM:
        return Notice(kind="text", attributes={"text": text(content, encoding)})
    if kind not in (CONFIRMED, MESSAGE_CONFIRMED):
        return None
    if kind == CONFIRMED:
        content = content[4:]  # address and code, once more
    if outcome != IN_PROGRESS:
        link.asked.forget(reference)
    success = True if outcome == DONE else False if outcome in NEGATIVE else None
    return Reply(
        reference=known_reference(reference),
        success=success,
        text=words(content, encoding),
        final=outcome != IN_PROGRESS,
    )


def words(content: bytes, encoding: str) -> str:
    """Readable content as text, anything else as hex."""
    said = content.decode(encoding, "replace").strip("\0 \r\n\t")
    return said if said.isprintable() and "\ufffd" not in said else content.hex()
