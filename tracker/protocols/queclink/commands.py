"""Commands to Queclink devices: AT+GT lines, whose serial the device's +ACK repeats."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tracker.errors import CommandError
from tracker.model import Command, CommandKind
from tracker.protocols.commands import interval_s, text_bytes
from tracker.protocols.queclink.wire import Link

INTERVAL_MOST_S = 86_400  # the greatest that AT+GTFRI takes
TEXT_MOST = 1024

LOCATE, REBOOT = 1, 3  # sub-commands of AT+GTRTO


def line(link: Link, command: Command, template: str) -> bytes:
    """A line with password and serial put in."""
    words = template.replace("{password}", link.password())
    return (words.replace("{serial}", link.ask(command)) + "$").encode()


def real_time(sub: int) -> Callable[[Link, Command], bytes]:
    """AT+GTRTO: do it now."""
    return lambda link, command: line(link, command, f"AT+GTRTO={{password}},{sub},,,,,,{{serial}}")


def output(level: int) -> Callable[[Link, Command], bytes]:
    """AT+GTOUT: output 1 to a level, without wave shape; outputs 2 and 3 stay off."""
    template = f"AT+GTOUT={{password}},{level},,,0,0,0,0,0,0,0,,,,,,,{{serial}}"
    return lambda link, command: line(link, command, template)


def interval(link: Link, command: Command) -> bytes:
    """AT+GTFRI, whose fields differ with the model: as option `queclink_fri` has it."""
    template = link.session.options.get("queclink_fri")
    seconds = interval_s(command, INTERVAL_MOST_S)
    if not isinstance(template, str):
        raise CommandError("queclink: AT+GTFRI differs with the model; set queclink_fri")
    return line(link, command, template.replace("{seconds}", str(seconds)).rstrip("$"))


def custom(link: Link, command: Command) -> bytes:
    """A whole line AT+GT...; {password} and {serial} are put in, the closing $ may be left out."""
    words = text_bytes(command, "ascii", TEXT_MOST).decode()
    if not words.startswith("AT+GT") or "\r" in words or "\n" in words:
        raise CommandError("a custom command begins with AT+GT", value=words)
    if "{password}" in words:
        words = words.replace("{password}", link.password())
    if "{serial}" in words:
        words = words.replace("{serial}", link.ask(command))
    return (words.rstrip("$") + "$").encode()


COMMANDS: Mapping[CommandKind, Callable[[Any, Command], bytes]] = {
    CommandKind.LOCATE: real_time(LOCATE),
    CommandKind.INTERVAL: interval,
    CommandKind.REBOOT: real_time(REBOOT),
    CommandKind.ENGINE_CUT: output(1),
    CommandKind.ENGINE_RESTORE: output(0),
    CommandKind.CUSTOM: custom,
}
