"""Commands to Eelink devices: SMS texts in a package 80, and the devices' answers."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from tracker.model import Command, CommandKind, Fix
from tracker.protocols.base import Message, Reply
from tracker.protocols.commands import interval_s, known_reference, sms_bytes
from tracker.protocols.eelink.messages import Handler
from tracker.protocols.eelink.wire import REPLY, Link, Package, pack
from tracker.protocols.fields import check_coordinates, text, unix_time
from tracker.protocols.stream import handles

HANDLERS: dict[int, Handler] = {}

ORDER = 1  # type of a package 80: a command in words
FLAG = 4  # bytes of the server's number, which the device's answer repeats
TEXT_MOST = 512  # an SMS, whose text this is, has 160; lists of settings are longer
INTERVAL_MOST_S = 86_400


def order(link: Link, command: Command, words: bytes) -> bytes:
    """80: type u8, server's number u32, text. The number is the command's reference."""
    content = bytes((ORDER,)) + command.reference.to_bytes(FLAG, "big") + words
    return pack(REPLY, link.next_serial(), content, link.sender())


def fixed(words: str) -> Callable[[Link, Command], bytes]:
    """A command whose text has no parameters."""
    return lambda link, command: order(link, command, words.encode())


def interval(link: Link, command: Command) -> bytes:
    """TIMER: seconds between reports."""
    return order(link, command, f"TIMER,{interval_s(command, INTERVAL_MOST_S)},1#".encode())


def custom(link: Link, command: Command) -> bytes:
    """The device's own SMS command."""
    return order(link, command, sms_bytes(command, "utf-8", TEXT_MOST))


COMMANDS: Mapping[CommandKind, Callable[[Any, Command], bytes]] = {
    CommandKind.LOCATE: fixed("WHERE#"),
    CommandKind.INTERVAL: interval,
    CommandKind.REBOOT: fixed("RESET#"),
    CommandKind.ENGINE_CUT: fixed("RELAY,1#"),
    CommandKind.ENGINE_RESTORE: fixed("RELAY,0#"),
    CommandKind.CUSTOM: custom,
}


@handles(HANDLERS, REPLY)
def reply(link: Link, package: Package) -> Message:
    """80: type u8, server's number u32, text, with a position in it if there is one.

    Success is in the words alone, which differ with model and language, so it is not guessed. It
    is an answer, so there is none to it.
    """
    number = int.from_bytes(package.content[1 : 1 + FLAG], "big")
    said = text(package.content[1 + FLAG :], "utf-8")
    fix = spoken_fix(said, link.session.utc_offset_s or 0)
    return Reply(
        reference=known_reference(number),
        text=said,
        fixes=(fix,) if fix is not None else (),
    )


SPOKEN = re.compile(
    r"Lat:(?P<ns>[NS])(?P<lat>\d{1,2}\.\d+)\W+Lon:(?P<ew>[EW])(?P<lon>\d{1,3}\.\d+)"
    r"\W+Course:(?P<course>\d+(?:\.\d+)?)\W+Speed:(?P<speed>\d+(?:\.\d+)?)"
    r".*?Date ?Time:(?P<date>\d{4}-\d\d-\d\d) (?P<time>\d\d:\d\d:\d\d)",
    re.DOTALL,
)


def spoken_fix(said: str, offset_s: int) -> Fix | None:
    """The position in the answer to WHERE#."""
    found = SPOKEN.search(said)
    if found is None:
        return None
    lat = float(found["lat"]) * (1 if found["ns"] == "N" else -1)
    lon = float(found["lon"]) * (1 if found["ew"] == "E" else -1)
    check_coordinates(lat, lon)
    year, month, day = (int(part) for part in found["date"].split("-"))
    hour, minute, second = (int(part) for part in found["time"].split(":"))
    return Fix(
        fix_time=unix_time(year, month, day, hour, minute, second) - offset_s,
        lat=lat,
        lon=lon,
        speed_kmh=float(found["speed"]),
        course_deg=float(found["course"]) % 360,
    )
