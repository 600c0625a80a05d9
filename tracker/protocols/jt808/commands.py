"""Commands to JT/T 808 terminals."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping
from typing import Any

from tracker.errors import CommandError
from tracker.model import Command, CommandKind
from tracker.protocols.commands import interval_s, text_bytes
from tracker.protocols.jt808.link import Link
from tracker.protocols.jt808.outbound import LONG_MOST

SET_PARAMETERS = 0x8103
CONTROL = 0x8105
QUERY_LOCATION = 0x8201
TEXT = 0x8300
PASSTHROUGH = 0x8900

REPORT_INTERVAL = 0x0029  # parameter: seconds between reports
RESET, CUT, RESTORE = 0x04, 0x64, 0x65  # words of 8105; the last two are makers' own
TEXT_FLAGS = 0x05  # urgent, on the display; in 2019 the same bits say "service", on the display
TEXT_NOTICE = 1  # type of a text, 2019
TEXT_MOST = 1024  # bytes of a text, by the standard: with its flags two packets
SMS_LIKE = 0xF0  # passthrough type of the command language of dashcams
INTERVAL_MOST_S = 86_400  # a day: longer is a mistake

HEX = re.compile(r"8[0-9A-Fa-f]{3}(\s[0-9A-Fa-f\s]*)?")


def control(word: int) -> Callable[[Link, Command], bytes]:
    """8105: command word u8."""
    return lambda link, command: link.order(command, CONTROL, bytes((word,)))


def locate(link: Link, command: Command) -> bytes:
    """8201: nothing; answered by 0201."""
    return link.order(command, QUERY_LOCATION)


def interval(link: Link, command: Command) -> bytes:
    """8103: count u8, then id u32, length u8, value: here one, u32 seconds."""
    seconds = interval_s(command, INTERVAL_MOST_S)
    return link.order(command, SET_PARAMETERS, struct.pack(">BIBI", 1, REPORT_INTERVAL, 4, seconds))


def text(link: Link, command: Command) -> bytes:
    """8300: flags u8, [2019: type u8], text GBK."""
    head = bytes((TEXT_FLAGS,))
    if link.head is not None and link.head.is_2019:
        head += bytes((TEXT_NOTICE,))
    return link.order(command, TEXT, head + text_bytes(command, "gbk", TEXT_MOST))


def custom(link: Link, command: Command) -> bytes:
    """Either hex, "MSGID BODY", such as "8105 04", for any message of the platform (8xxx); or the
    device's own words, which travel in 8900: type u8 (F0), text.
    """
    words = str(command.parameters.get("text", "")).strip()
    if HEX.fullmatch(words):
        try:
            body = bytes.fromhex(words[4:])
        except ValueError:
            raise CommandError("a body in hex has two digits a byte", value=words) from None
        return link.order(command, int(words[:4], 16), body)
    data = text_bytes(command, "gbk", LONG_MOST - 1)
    return link.order(command, PASSTHROUGH, bytes((SMS_LIKE,)) + data)


COMMANDS: Mapping[CommandKind, Callable[[Any, Command], bytes]] = {
    CommandKind.LOCATE: locate,
    CommandKind.INTERVAL: interval,
    CommandKind.TEXT: text,
    CommandKind.REBOOT: control(RESET),
    CommandKind.ENGINE_CUT: control(CUT),
    CommandKind.ENGINE_RESTORE: control(RESTORE),
    CommandKind.CUSTOM: custom,
}
