"""Commands to Ruptela devices: the text of an SMS in command 108, answered by command 7; or a value
for an I/O element in command 117.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from tracker.errors import CommandError
from tracker.model import Command, CommandKind
from tracker.protocols.commands import numeric_option, text_bytes
from tracker.protocols.ruptela.wire import SET_IO, SMS, Link

TEXT_MOST = 512  # an SMS, whose text this is, has 160; lists of parameters are longer
PASSWORD = re.compile(r"[!-~]{0,16}")
SPEED_LEAST_KMH, SPEED_MOST_KMH = 1, 250  # what the order `immobilizer` takes
SPEED_KMH = 10  # slow enough to lose the engine
IO_ORDER = re.compile(rb"setio (?P<id>\d{1,5}),(?P<value>\d{1,10})")


def worded(words: str) -> Callable[[Link, Command], bytes]:
    """An order behind the device's password. Where there is none, a blank stands in its place."""

    def write(link: Link, command: Command) -> bytes:
        password = str(link.session.options.get("ruptela_password", ""))
        if PASSWORD.fullmatch(password) is None:
            raise CommandError("ruptela_password: up to 16 characters without blanks")
        return link.order(command, SMS, f"{password} {words}".encode())

    return write


def engine_cut(link: Link, command: Command) -> bytes:
    """`immobilizer`: the outputs are switched as soon as the vehicle is slower than option
    `ruptela_cut_speed_kmh`.
    """
    speed = numeric_option(
        link.session, "ruptela_cut_speed_kmh", SPEED_KMH, SPEED_LEAST_KMH, SPEED_MOST_KMH
    )
    return worded(f"immobilizer {speed}")(link, command)


def custom(link: Link, command: Command) -> bytes:
    """The text of an SMS, its password included; or "setio 405,1" for command 117."""
    words = text_bytes(command, "ascii", TEXT_MOST)
    found = IO_ORDER.fullmatch(words)
    if found is None:
        return link.order(command, SMS, words)
    ident, value = int(found["id"]), int(found["value"])
    if value >= 1 << 32:
        raise CommandError("a value of an I/O element has 32 bits", value=value)
    return link.order(command, SET_IO, ident.to_bytes(4, "big") + value.to_bytes(4, "big"))


COMMANDS: Mapping[CommandKind, Callable[[Any, Command], bytes]] = {
    CommandKind.LOCATE: worded("coords"),
    CommandKind.REBOOT: worded("reset"),
    CommandKind.ENGINE_CUT: engine_cut,
    CommandKind.ENGINE_RESTORE: worded("resetimmob"),
    CommandKind.CUSTOM: custom,
}
