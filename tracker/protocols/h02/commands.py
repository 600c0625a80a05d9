"""Commands to H02 devices: code, time in UTC, parameters. They are confirmed by V4."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tracker.errors import CommandError
from tracker.model import Command, CommandKind
from tracker.protocols.commands import interval_s, text_bytes
from tracker.protocols.h02.wire import Link

TEXT_MOST = 200
INTERVAL_MOST_S = 65_535

# How models are told their interval, option `h02_interval`; {} stands for the seconds.
INTERVALS = {"S71": ("S71", "22", "{}"), "D1": ("D1", "{}"), "S17": ("S17", "{}")}


def fixed(code: str, *parameters: str) -> Callable[[Link, Command], bytes]:
    """A command without parameters of its own."""
    return lambda link, command: link.order(command, code, *parameters)


def interval(link: Link, command: Command) -> bytes:
    """Seconds between reports, in the words of the model."""
    words = INTERVALS.get(str(link.session.options.get("h02_interval", "S71")))
    if words is None:
        raise CommandError("h02_interval must be S71, D1 or S17", value=link.session.options)
    seconds = str(interval_s(command, INTERVAL_MOST_S))
    code, *parameters = (word.replace("{}", seconds) for word in words)
    return link.order(command, code, *parameters)


def custom(link: Link, command: Command) -> bytes:
    """Code and parameters, such as S26,0: time and identity are put in. Or a frame from * to #,
    which goes out as it is.
    """
    words = text_bytes(command, "ascii", TEXT_MOST)
    if words.startswith(b"*") and words.endswith(b"#"):
        return words
    if not words.decode().isprintable() or b"#" in words or b"*" in words:
        raise CommandError("a command has no * and no # within", value=words.decode())
    code, *parameters = words.decode().split(",")
    return link.order(command, code, *parameters)


COMMANDS: Mapping[CommandKind, Callable[[Any, Command], bytes]] = {
    CommandKind.LOCATE: fixed("D1", "30", "1"),
    CommandKind.INTERVAL: interval,
    CommandKind.REBOOT: fixed("R1"),
    CommandKind.ENGINE_CUT: fixed("S20", "1", "1"),
    CommandKind.ENGINE_RESTORE: fixed("S20", "1", "0"),
    CommandKind.CUSTOM: custom,
}
