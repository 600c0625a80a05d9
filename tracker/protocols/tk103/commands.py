"""Commands to TK103 devices: a code that begins with A and its data, without separators."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from tracker.errors import CommandError
from tracker.model import Command, CommandKind
from tracker.protocols.commands import interval_s, text_bytes
from tracker.protocols.tk103.wire import Link

INTERVAL_MOST_S = 0xFFFF
TEXT_MOST = 200
ORDER = re.compile(r"[A-Z]{2}\d\d[\x20-\x27\x2a-\x7e]*", re.ASCII)  # no parentheses within


def fixed(words: str) -> Callable[[Link, Command], bytes]:
    """A command without parameters."""
    return lambda link, command: link.order(command, words)


def interval(link: Link, command: Command) -> bytes:
    """AR00: seconds u16 in hex, then hours and minutes for which it holds: 0000 for good."""
    return link.order(command, f"AR00{interval_s(command, INTERVAL_MOST_S):04X}0000")


def custom(link: Link, command: Command) -> bytes:
    """A code and its data, such as AX01 or AP07."""
    words = text_bytes(command, "ascii", TEXT_MOST).decode()
    if ORDER.fullmatch(words) is None:
        raise CommandError("two letters, two digits, data without parentheses", value=words)
    return link.order(command, words)


COMMANDS: Mapping[CommandKind, Callable[[Any, Command], bytes]] = {
    CommandKind.LOCATE: fixed("AP00"),
    CommandKind.INTERVAL: interval,
    CommandKind.REBOOT: fixed("AT00"),
    CommandKind.ENGINE_CUT: fixed("AV010"),
    CommandKind.ENGINE_RESTORE: fixed("AV011"),
    CommandKind.CUSTOM: custom,
}
