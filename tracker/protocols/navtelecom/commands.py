"""Commands to Navtelecom devices: the words of an SMS, in an NTCB frame."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tracker.errors import CommandError
from tracker.model import Command, CommandKind
from tracker.protocols.commands import numeric_option, text_bytes
from tracker.protocols.navtelecom.wire import Link

TEXT_MOST = 512
OUTPUTS = 4


def fixed(words: str) -> Callable[[Link, Command], bytes]:
    """A command whose text has no parameters."""
    return lambda link, command: link.ask(command, words.encode())


def output(state: str) -> Callable[[Link, Command], bytes]:
    """Switch the output that cuts the engine, option `navtelecom_output`."""

    def encode(link: Link, command: Command) -> bytes:
        number = numeric_option(link.session, "navtelecom_output", 1, 1, OUTPUTS)
        return link.ask(command, f"*!{number}{state}".encode())

    return encode


def custom(link: Link, command: Command) -> bytes:
    """A command or question in the maker's words, such as "*!2Y" or "*?V"."""
    words = text_bytes(command, "cp1251", TEXT_MOST)
    if words[:2] not in (b"*!", b"*?"):
        raise CommandError("a custom command begins with *! or *?", value=command.parameters)
    return link.ask(command, words)


COMMANDS: Mapping[CommandKind, Callable[[Any, Command], bytes]] = {
    CommandKind.LOCATE: fixed("*?A"),
    CommandKind.REBOOT: fixed("*!DEV_RESET"),
    CommandKind.ENGINE_CUT: output("Y"),
    CommandKind.ENGINE_RESTORE: output("N"),
    CommandKind.CUSTOM: custom,
}
