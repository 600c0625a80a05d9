"""Commands to Cellocator units, type 0. Code and data are written twice, as a check.

numerator u8 | authentication code u32 | code u8 u8 | data u8 u8 | data u8 u8 | specific 4 bytes
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from tracker.errors import CommandError
from tracker.model import Command, CommandKind
from tracker.protocols.cellocator.wire import Link
from tracker.protocols.commands import numeric_option, text_bytes

REPORT, CHANGE_STATE, SET_OUTPUT = 0x00, 0x02, 0x03  # codes
RESET = 0x02  # data of CHANGE_STATE
IMMOBILIZER = 5  # the output that units are sold with for it
OUTPUTS = 16
ACTIVE = 0x10  # bit of the data of SET_OUTPUT

SPECIFIC = 4  # bytes
CUSTOM = re.compile(rb"(?:[0-9A-Fa-f]{2} ?){1,7}")
CUSTOM_MOST = 20


def order(link: Link, command: Command, words: bytes) -> bytes:
    """Code, up to two bytes of data and up to four of specific data, put into their places."""
    code, first, second = (*words[:3], *bytes(3))[:3]
    doubled = bytes((code, code, first, first, second, second))
    return link.order(command, doubled + words[3:].ljust(SPECIFIC, b"\0"))


def fixed(*words: int) -> Callable[[Link, Command], bytes]:
    """A command without parameters."""
    return lambda link, command: order(link, command, bytes(words))


def output(active: int) -> Callable[[Link, Command], bytes]:
    """Output 5, or that of option `cellocator_output`, on or off."""

    def write(link: Link, command: Command) -> bytes:
        number = numeric_option(link.session, "cellocator_output", IMMOBILIZER, 0, OUTPUTS - 1)
        return order(link, command, bytes((SET_OUTPUT, active | number)))

    return write


def custom(link: Link, command: Command) -> bytes:
    """Code, data and specific data in hex, such as "03 14"; each is written twice where due."""
    words = text_bytes(command, "ascii", CUSTOM_MOST)
    if not CUSTOM.fullmatch(words):
        raise CommandError("a custom command is 1 to 7 bytes in hex", value=command.parameters)
    return order(link, command, bytes.fromhex(words.decode()))


COMMANDS: Mapping[CommandKind, Callable[[Any, Command], bytes]] = {
    CommandKind.LOCATE: fixed(REPORT),
    CommandKind.REBOOT: fixed(CHANGE_STATE, RESET),
    CommandKind.ENGINE_CUT: output(ACTIVE),
    CommandKind.ENGINE_RESTORE: output(0),
    CommandKind.CUSTOM: custom,
}
