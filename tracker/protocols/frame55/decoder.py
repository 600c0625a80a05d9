"""The decoder of one connection that speaks the 0x55 profile, and its commands."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from tracker.errors import CommandError, DecodeError
from tracker.model import Command, CommandKind
from tracker.protocols.base import Family, Message, Refused, Session
from tracker.protocols.commands import interval_s, text_bytes
from tracker.protocols.frame55.messages import HANDLERS
from tracker.protocols.frame55.wire import (
    BAD_LENGTH,
    FRAMING,
    HEADER,
    LOGIN,
    NOT_LOGGED_IN,
    SANE,
    START,
    UNKNOWN_COMMAND,
    Frame,
    Link,
    any_size,
)
from tracker.protocols.framing import FramedDecoder, probe
from tracker.protocols.stream import Outcome, after_login


def custom(link: Link, command: Command) -> bytes:
    """Custom command: hex of the command byte (10 to 7F) and its payload."""
    try:
        data = bytes.fromhex(str(command.parameters.get("text", "")))
    except ValueError:
        raise CommandError("a custom command is hex", value=command.parameters) from None
    if not 1 <= len(data) <= 256 or not 0x10 <= data[0] <= 0x7F:
        raise CommandError("command byte 10..7F, then at most 255 bytes", value=data.hex())
    return link.order(command, data[0], data[1:])


class Frame55Decoder(FramedDecoder):
    """Decoder of one connection. Options: docs/protocols/frame55.md."""

    name = "frame55"
    framing = FRAMING
    COMMANDS: ClassVar[Mapping[CommandKind, Callable[[Any, Command], bytes]]] = {
        CommandKind.INTERVAL: lambda link, command: link.order(
            command, 0x10, struct.pack(">H", interval_s(command, 0xFFFF))
        ),
        CommandKind.LOCATE: lambda link, command: link.order(command, 0x11),
        CommandKind.ENGINE_CUT: lambda link, command: link.order(command, 0x12, b"\1"),
        CommandKind.ENGINE_RESTORE: lambda link, command: link.order(command, 0x12, b"\0"),
        CommandKind.TEXT: lambda link, command: link.order(
            command, 0x13, text_bytes(command, "utf-8", 255)
        ),
        CommandKind.REBOOT: lambda link, command: link.order(command, 0x14),
        CommandKind.CUSTOM: custom,
    }

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.link = Link(session)

    def head_size(self) -> int:
        """At the front any command is believed as long as nothing was skipped."""
        data = self.buffer.data
        if self._synced and data[0] == START:
            return any_size(data, 0)
        return super().head_size()

    def decode(self, frame: bytes) -> Outcome:
        """Messages of one frame: refused before login, or when its command or length is unknown."""
        link = self.link
        received = Frame(frame[1], frame[2], frame[HEADER:-1])
        link.address = received.address
        ident = link.ident(received.address)
        if ident is None and received.command != LOGIN:
            return Refused(link.ack(received, NOT_LOGGED_IN), reason="login")
        handler = HANDLERS.get(received.command)
        if handler is None:
            return Refused(link.ack(received, UNKNOWN_COMMAND), reason="command")
        if not SANE[received.command](len(received.payload)):
            return Refused(link.ack(received, BAD_LENGTH), reason="length")
        if ident is None or received.command == LOGIN:
            return handler(link, received)
        return after_login(self.session, ident, lambda: handler(link, received))

    def refuse(self, frame: bytes, error: DecodeError) -> Message | None:
        """A payload that contradicts its own length is answered; the profile has no more words."""
        if error.kind != "length":
            return None
        received = Frame(frame[1], frame[2], b"")
        return Refused(self.link.ack(received, BAD_LENGTH), reason=error.kind)


FAMILY = Family(
    name="frame55",
    title="Generic 0x55 frame",
    probe=lambda data: probe(FRAMING, data),
    decoder=Frame55Decoder,
    heartbeat_s=30.0,  # the profile's own: see docs/protocols/frame55.md
)
