"""Commands to Castel devices: questions to SC, the fuel relay of CC, and what devices answer."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tracker.errors import CommandError
from tracker.model import Command, CommandKind
from tracker.protocols.base import Message, Notice, Reply
from tracker.protocols.castel.said import conclude, dressed
from tracker.protocols.castel.sc import located
from tracker.protocols.castel.wire import SC_VERSIONS, Frame, Link, pack
from tracker.protocols.commands import text_bytes
from tracker.protocols.fields import text
from tracker.protocols.reports import Unplaced
from tracker.protocols.stream import Outcome, handles

Handler = Callable[[Link, Frame], Outcome]
SC: dict[int, Handler] = {}
CC: dict[int, Handler] = {}

LOCATE, LOCATED = 0x3001, 0xB001
QUERY, QUERIED = 0x2002, 0xA002
SET, WAS_SET = 0x2001, 0xA001
RELAY = 0x4583
RELAYED = (0x8583, 0xC583)  # an answer has the first bit of its question's type set
NUMBERED = frozenset({LOCATE, QUERY, SET})  # questions that begin with a number
ANSWER = 0x8000
VIN = 0x1201
CUSTOM_MOST = 2 * 1024  # hex digits


def send(link: Link, kind: int, content: bytes) -> bytes:
    """A frame to the device, by the name and version that it states."""
    if not link.id:
        raise CommandError("castel: the device has not said anything yet")
    return pack(link.version, link.id, kind, content)


def question(link: Link, command: Command, kind: int, content: bytes = b"") -> bytes:
    """A question with its number u16, which is the command's reference."""
    link.ask(kind | ANSWER, command.reference, command.reference)
    return send(link, kind, command.reference.to_bytes(2, "little") + content)


def locate(link: Link, command: Command) -> bytes:
    """3001: number u16. Of SC devices."""
    if link.version not in SC_VERSIONS:
        raise CommandError("castel: only OBD devices can be asked where they are")
    return question(link, command, LOCATE)


def relay(*, cut: bool) -> Callable[[Link, Command], bytes]:
    """4583: 01 cuts the fuel, 00 restores it. Of CC devices."""

    def encode(link: Link, command: Command) -> bytes:
        if link.version in SC_VERSIONS or link.version < 0:
            raise CommandError("castel: an OBD device has no relay")
        for kind in RELAYED:
            link.ask(kind, 0, command.reference)
        return send(link, RELAY, bytes((cut,)))

    return encode


def custom(link: Link, command: Command) -> bytes:
    """Type and content in hex. Into 2001, 2002 and 3001 the number is put, by which the answer is
    known again.
    """
    digits = text_bytes(command, "ascii", CUSTOM_MOST)
    try:
        data = bytes.fromhex(digits.decode())
    except ValueError:
        raise CommandError("castel: not hex", value=digits) from None
    if len(data) < 2:
        raise CommandError("castel: a type has four hex digits", value=digits)
    kind = int.from_bytes(data[:2], "big")
    if kind in NUMBERED:
        return question(link, command, kind, data[2:])
    return send(link, kind, data[2:])


COMMANDS: Mapping[CommandKind, Callable[[Any, Command], bytes]] = {
    CommandKind.LOCATE: locate,
    CommandKind.ENGINE_CUT: relay(cut=True),
    CommandKind.ENGINE_RESTORE: relay(cut=False),
    CommandKind.CUSTOM: custom,
}


@handles(SC, LOCATED)
def located_reply(link: Link, frame: Frame) -> Outcome:
    """B001: number u16, state, positions. Where nobody asked, it is a report like any other."""
    said = Unplaced()
    found, _end = located(link, frame.content, 2, said)
    reference = link.answered(LOCATED, number_of(frame))
    if reference is None:
        return conclude(link, found, said)
    fixes = tuple(dressed(one, said) for one in found if not isinstance(one, Exception))
    return Reply(reference=reference, success=True, fixes=fixes)


def number_of(frame: Frame) -> int:
    """The number u16 in front of an answer."""
    if len(frame.content) < 2:
        raise IndexError("number cut off")
    return int.from_bytes(frame.content[:2], "little")


@handles(SC, QUERIED)
def queried(link: Link, frame: Frame) -> Message:
    """A002: number u16, frames u8, this one u8, refused u8, their tags u16, told u8, of each: tag
    u16, length u16, value.
    """
    content, settings = frame.content, {}
    at = 5 + 2 * content[4]
    count, at = content[at], at + 1
    for _ in range(count):
        tag = int.from_bytes(content[at : at + 2], "little")
        end = at + 4 + int.from_bytes(content[at + 2 : at + 4], "little")
        if end > len(content):
            raise IndexError("value cut off")
        settings[f"{tag:04x}"] = readable(content[at + 4 : end])
        at = end
    reference = link.answered(QUERIED, number_of(frame))
    if reference is None:
        if f"{VIN:04x}" in settings:
            return Notice(kind="device", attributes={"vin": settings[f"{VIN:04x}"]})
        return Notice(kind="settings", attributes=settings)
    words = ", ".join(f"{tag}={value}" for tag, value in settings.items())
    return Reply(reference=reference, success=not content[4], text=words)


@handles(SC, WAS_SET)
def was_set(link: Link, frame: Frame) -> Message:
    """A001: number u16, refused u8, their tags u16, …."""
    reference = link.whose(WAS_SET, number_of(frame))
    refused = frame.content[2] if len(frame.content) > 2 else 0
    return Reply(reference=reference, success=not refused, text=frame.content[2:].hex())


def readable(value: bytes) -> str:
    """Text where it is text, hex otherwise."""
    trimmed = value.rstrip(b"\0")
    plain = bool(trimmed) and all(32 <= byte < 127 for byte in trimmed)
    return text(trimmed) if plain else value.hex()


@handles(CC, *RELAYED)
def relayed(link: Link, frame: Frame) -> Message:
    """8583, C583: what became of the relay."""
    references = [link.answered(kind, 0) for kind in RELAYED]
    return Reply(reference=references[0], text=frame.content.hex())
