"""Commands to Meitrack devices. Each has a flag of its own, which the device's answer repeats."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from tracker.errors import CommandError
from tracker.model import Command, CommandKind
from tracker.protocols.commands import interval_s, text_bytes
from tracker.protocols.meitrack.wire import Link

INTERVAL_UNIT_S = 10
INTERVAL_MOST_S = 65_535 * INTERVAL_UNIT_S  # the greatest number that A12 takes
TEXT_MOST = 512

CUSTOM = re.compile(rb"[A-Z][0-9A-Z]{2}(?:,[^*\r\n]*)?")


def fixed(words: str) -> Callable[[Link, Command], bytes]:
    """A command without parameters."""
    return lambda link, command: link.order(command, words.encode())


def interval(link: Link, command: Command) -> bytes:
    """A12: tens of seconds between reports; anything between is rounded up."""
    units = -(-interval_s(command, INTERVAL_MOST_S) // INTERVAL_UNIT_S)
    return link.order(command, f"A12,{units}".encode())


def custom(link: Link, command: Command) -> bytes:
    """Command and parameters as in the maker's text, such as "B07,60"."""
    words = text_bytes(command, "ascii", TEXT_MOST)
    if not CUSTOM.fullmatch(words):
        raise CommandError("a custom command is like B07,60", value=command.parameters)
    return link.order(command, words)


COMMANDS: Mapping[CommandKind, Callable[[Any, Command], bytes]] = {
    CommandKind.LOCATE: fixed("A10"),
    CommandKind.INTERVAL: interval,
    CommandKind.REBOOT: fixed("F01"),
    # Output 1 at once, whatever the speed; the other four outputs stay as they are.
    CommandKind.ENGINE_CUT: fixed("C01,0,12222"),
    CommandKind.ENGINE_RESTORE: fixed("C01,0,02222"),
    CommandKind.CUSTOM: custom,
}
