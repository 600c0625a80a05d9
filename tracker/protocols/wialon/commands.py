"""Commands to Wialon IPS devices: texts for the driver, and lines in the device's own language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tracker.errors import CommandError
from tracker.model import Command, CommandKind
from tracker.protocols.commands import text_bytes
from tracker.protocols.wialon.wire import Link, with_crc

TEXT_MOST = 1024  # no device is known to show more
CUSTOM_MOST = 1024


def one_line(link: Link, command: Command, most: int) -> bytes:
    """The parameter `text`, which must be one line. Raises CommandError, over UDP always."""
    if link.session.options.get("udp"):
        raise CommandError("wialon: commands need TCP, a datagram may reach anyone")
    words = text_bytes(command, "utf-8", most)
    if any(byte < 32 for byte in words):
        raise CommandError("wialon: a command is one line", value=command.parameters)
    return words


def text(link: Link, command: Command) -> bytes:
    """#M#text, in 2.x with CRC; answered by AM."""
    words = one_line(link, command, TEXT_MOST)
    link.ask(link.texts, command)
    return b"#M#" + (with_crc(words + b";") if link.version >= 2 else words) + b"\r\n"


def custom(link: Link, command: Command) -> bytes:
    """The text as a line of its own; devices answer with M, or with parameters in D."""
    words = one_line(link, command, CUSTOM_MOST)
    link.ask(link.customs, command)
    return words + b"\r\n"


COMMANDS: Mapping[CommandKind, Callable[[Any, Command], bytes]] = {
    CommandKind.TEXT: text,
    CommandKind.CUSTOM: custom,
}
