"""Commands to Galileosky devices: the text of an SMS, with a number that the answer repeats."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tracker.errors import CommandError
from tracker.model import Command, CommandKind
from tracker.protocols.commands import check_stream, interval_s, numeric_option, text_bytes
from tracker.protocols.galileosky.wire import TAGS, Link, pack

TEXT_MOST = 255  # its length has one byte
INTERVAL_MOST_S = 65_535
OUTPUTS = 16


def order(link: Link, command: Command, words: bytes) -> bytes:
    """03 IMEI, 04 the device's own number u16, E0 number of the command u32, E1 length and text."""
    ident = (link.session.ident or "").encode("ascii", "replace")
    if len(ident) != 15:
        raise CommandError("galileosky: a command needs an IMEI", value=link.session.ident)
    check_stream(link.session, "galileosky")
    content = b"\x03" + ident + b"\x04" + link.terminal_id.to_bytes(2, "little")
    content += b"\xe0" + command.reference.to_bytes(4, "little")
    return pack(TAGS, content + b"\xe1" + bytes((len(words),)) + words)


def fixed(words: str) -> Callable[[Link, Command], bytes]:
    """A command whose text has no parameters."""
    return lambda link, command: order(link, command, words.encode())


def output(state: int) -> Callable[[Link, Command], bytes]:
    """Switch the output that cuts the engine, option `galileosky_output`."""

    def encode(link: Link, command: Command) -> bytes:
        number = numeric_option(link.session, "galileosky_output", 0, 0, OUTPUTS - 1)
        return order(link, command, f"Out {number},{state}".encode())

    return encode


def interval(link: Link, command: Command) -> bytes:
    """WrPeriod: seconds between records, in motion and at rest."""
    seconds = interval_s(command, INTERVAL_MOST_S)
    return order(link, command, f"WrPeriod {seconds},{seconds}".encode())


def custom(link: Link, command: Command) -> bytes:
    """The text of an SMS command."""
    return order(link, command, text_bytes(command, "ascii", TEXT_MOST))


COMMANDS: Mapping[CommandKind, Callable[[Any, Command], bytes]] = {
    CommandKind.LOCATE: fixed("status"),
    CommandKind.INTERVAL: interval,
    CommandKind.REBOOT: fixed("reset"),
    CommandKind.ENGINE_CUT: output(1),
    CommandKind.ENGINE_RESTORE: output(0),
    CommandKind.CUSTOM: custom,
}
