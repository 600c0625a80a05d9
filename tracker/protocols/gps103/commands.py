"""Commands to GPS103 devices: one letter, confirmed by a report whose keyword is it and a t."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tracker.errors import CommandError
from tracker.model import Command, CommandKind
from tracker.protocols.commands import interval_s, text_bytes
from tracker.protocols.gps103.wire import Link

TEXT_MOST = 160  # as an SMS, which most of these commands were first
INTERVAL_MOST_S = 99 * 3600
UNITS = (("s", 1), ("m", 60), ("h", 3600))
UNIT_MOST = 99  # two digits

# Relay on and off by letter or, on newer firmware, by number: option `gps103_relay`.
RELAYS = {"letters": ("J", "K"), "numbers": ("109", "110")}


def relay(which: int) -> Callable[[Link, Command], bytes]:
    """Cut (0) or restore (1) fuel or engine."""

    def encode(link: Link, command: Command) -> bytes:
        words = RELAYS.get(str(link.session.options.get("gps103_relay", "letters")))
        if words is None:
            raise CommandError("gps103_relay: letters or numbers", value=link.session.options)
        return link.order(command, words[which], ("jt", "kt")[which])

    return encode


def interval(link: Link, command: Command) -> bytes:
    """C: two digits and a unit. What these cannot say is refused, not rounded."""
    seconds = interval_s(command, INTERVAL_MOST_S)
    for unit, length_s in UNITS:
        if seconds % length_s == 0 and seconds // length_s <= UNIT_MOST:
            return link.order(command, f"C,{seconds // length_s:02d}{unit}", "ct")
    raise CommandError("1-99 s, whole minutes up to 99, or whole hours", value=seconds)


def custom(link: Link, command: Command) -> bytes:
    """A letter or number of the device's own with its parameters, such as H,080."""
    words = text_bytes(command, "ascii", TEXT_MOST).decode()
    if not words.isprintable() or ";" in words:
        raise CommandError("a command is printable and has no ; within", value=words)
    return link.order(command, words, f"{words.split(',')[0].lower()}t")


COMMANDS: Mapping[CommandKind, Callable[[Any, Command], bytes]] = {
    CommandKind.LOCATE: lambda link, command: link.order(command, "B", "bt"),
    CommandKind.INTERVAL: interval,
    CommandKind.ENGINE_CUT: relay(0),
    CommandKind.ENGINE_RESTORE: relay(1),
    CommandKind.CUSTOM: custom,
}
