"""Commands to GPS watches: a content, whose name the watch repeats when it has obeyed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tracker.errors import CommandError
from tracker.model import Command, CommandKind
from tracker.protocols.commands import interval_s, text_bytes
from tracker.protocols.watch.wire import Link

INTERVAL_MOST_S = 65_535
MESSAGE_MOST = 200  # bytes of UTF-16: what the display of a watch can hold
CUSTOM_MOST = 1000
RESERVED = frozenset("[]")


def message(link: Link, command: Command) -> bytes:
    """MESSAGE: text for the display, UTF-16BE in hex."""
    words = text_bytes(command, "utf-16-be", MESSAGE_MOST)
    return link.order(command, f"MESSAGE,{words.hex().upper()}")


def custom(link: Link, command: Command) -> bytes:
    """A content of the watch's own, such as FIND or LZ,0,+8."""
    words = text_bytes(command, "ascii", CUSTOM_MOST).decode()
    if not words.isprintable() or RESERVED & set(words):
        raise CommandError("a content is printable and has no brackets within", value=words)
    return link.order(command, words)


COMMANDS: Mapping[CommandKind, Callable[[Any, Command], bytes]] = {
    CommandKind.LOCATE: lambda link, command: link.order(command, "CR"),
    CommandKind.INTERVAL: lambda link, command: link.order(
        command, f"UPLOAD,{interval_s(command, INTERVAL_MOST_S)}"
    ),
    CommandKind.TEXT: message,
    CommandKind.REBOOT: lambda link, command: link.order(command, "RESET"),
    CommandKind.CUSTOM: custom,
}
