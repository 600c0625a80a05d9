"""Commands to GT06 devices: SMS texts in a frame 80, and the answers 15, 21."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from tracker.errors import CommandError
from tracker.model import Command, CommandKind, Fix
from tracker.protocols.base import Message, Reply
from tracker.protocols.commands import interval_s, known_reference, sms_bytes
from tracker.protocols.fields import check_coordinates, text
from tracker.protocols.gt06.messages import Handler
from tracker.protocols.gt06.wire import Frame, Link, pack
from tracker.protocols.stream import handles

HANDLERS: dict[int, Handler] = {}

ORDER = 0x80
FLAG = 4  # bytes of the server flag, which the device's answer repeats
TEXT_MOST = 200  # the length field of a short frame allows 240; an SMS, which it mimics, 160
INTERVAL_MOST_S = 18_000  # the greatest that TIMER takes

LANGUAGES = {"zh": b"\x00\x01", "en": b"\x00\x02"}
RELAYS = {"RELAY": ("RELAY,1#", "RELAY,0#"), "DYD": ("DYD#", "HFYD#")}


def order(link: Link, command: Command, words: bytes) -> bytes:
    """80: length u8 of flag and text, server flag u32, text, perhaps language u16.

    The flag is the command's reference. Newer devices expect a language, some old ones refuse
    frames that have one: option `gt06_language`, "en" or "zh".
    """
    content = command.reference.to_bytes(FLAG, "big") + words
    tail = LANGUAGES.get(str(link.session.options.get("gt06_language", "")), b"")
    info = bytes((len(content),)) + content + tail
    return pack(ORDER, info, link.next_serial())


def fixed(words: str) -> Callable[[Link, Command], bytes]:
    """A command whose text has no parameters."""
    return lambda link, command: order(link, command, words.encode())


def relay(which: int) -> Callable[[Link, Command], bytes]:
    """Cut (0) or restore (1) the engine, in the words that option `gt06_relay` chooses."""

    def encode(link: Link, command: Command) -> bytes:
        words = RELAYS.get(str(link.session.options.get("gt06_relay", "RELAY")))
        if words is None:
            raise CommandError("gt06_relay must be RELAY or DYD", value=link.session.options)
        return order(link, command, words[which].encode())

    return encode


def interval(link: Link, command: Command) -> bytes:
    """TIMER: seconds between reports, with ignition on and off."""
    seconds = interval_s(command, INTERVAL_MOST_S)
    return order(link, command, f"TIMER,{seconds},{seconds}#".encode())


def custom(link: Link, command: Command) -> bytes:
    """The device's own SMS command."""
    return order(link, command, sms_bytes(command, "ascii", TEXT_MOST))


COMMANDS: Mapping[CommandKind, Callable[[Any, Command], bytes]] = {
    CommandKind.LOCATE: fixed("WHERE#"),
    CommandKind.INTERVAL: interval,
    CommandKind.REBOOT: fixed("RESET#"),
    CommandKind.ENGINE_CUT: relay(0),
    CommandKind.ENGINE_RESTORE: relay(1),
    CommandKind.CUSTOM: custom,
}


@handles(HANDLERS, 0x15, 0x81)
def old_reply(link: Link, frame: Frame) -> Message:  # noqa: ARG001
    """15: length u8, server flag u32, ASCII, language u16."""
    return reply(frame.info[1 : 1 + FLAG], text(frame.info[1 + FLAG : -2], "utf-8"))


@handles(HANDLERS, 0x21)
def new_reply(link: Link, frame: Frame) -> Message:  # noqa: ARG001
    """21 (long): server flag u32, encoding u8 (1 ASCII, 2 UTF-16BE), text."""
    encoding = "utf-16-be" if frame.info[FLAG] == 2 else "utf-8"
    return reply(frame.info[:FLAG], text(frame.info[FLAG + 1 :], encoding))


def reply(flag: bytes, said: str) -> Message:
    """The device's words, with the position in them if there is one. Success is in the words
    alone, which differ with model and language, so it is not guessed.
    """
    if len(flag) < FLAG:
        raise IndexError("server flag cut off")
    reference = int.from_bytes(flag, "big")
    fix = spoken_fix(said)
    return Reply(
        reference=known_reference(reference),
        text=said,
        fixes=(fix,) if fix is not None else (),
    )


SPOKEN = re.compile(
    r"Lat:(?P<ns>[NS])(?P<lat>\d{1,2}\.\d+)[,;] ?Lon:(?P<ew>[EW])(?P<lon>\d{1,3}\.\d+)"
    r"[,;] ?Course:(?P<course>\d+(?:\.\d+)?)[,;] ?Speed:(?P<speed>\d+(?:\.\d+)?)"
    r".*?(?P<moment>\d{4}-\d\d-\d\d +\d\d:\d\d:\d\d)"
)


def spoken_fix(said: str) -> Fix | None:
    """The position in the answer to WHERE#; its time is UTC."""
    found = SPOKEN.search(said)
    if found is None:
        return None
    date, time = found["moment"].split()
    lat = float(found["lat"]) * (1 if found["ns"] == "N" else -1)
    lon = float(found["lon"]) * (1 if found["ew"] == "E" else -1)
    check_coordinates(lat, lon)
    return Fix(
        fix_time=datetime.fromisoformat(f"{date}T{time}+00:00").timestamp(),
        lat=lat,
        lon=lon,
        speed_kmh=float(found["speed"]),
        course_deg=float(found["course"]) % 360,
    )
