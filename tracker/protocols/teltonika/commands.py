"""Commands to Teltonika devices, codecs 12 and 14, and what devices say in 12, 13, 14 and 15."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from tracker.errors import CommandError, DecodeError
from tracker.model import Command, CommandKind, Fix
from tracker.protocols.base import Message, Notice, Reply
from tracker.protocols.commands import interval_s, text_bytes
from tracker.protocols.fields import bcd, check_coordinates, text, unix_time
from tracker.protocols.stream import Outcome, handles
from tracker.protocols.teltonika.wire import (
    CODEC_12,
    CODEC_13,
    CODEC_14,
    CODEC_15,
    Link,
    Packet,
    pack,
)

HANDLERS: dict[int, Callable[[Link, Packet], Outcome]] = {}

ORDER, RESPONSE, REFUSAL = 0x05, 0x06, 0x11  # types of a packet
IMEI_BYTES = 8  # BCD, in front of the words of codec 14
TEXT_MOST = 512  # an SMS, whose text this is, has 160; lists of parameters are longer
INTERVAL_MOST_S = 2_592_000  # the greatest that the parameters below take
KEPT_BYTES = 256  # of passed-through data

# Seconds between two records and between two sendings while moving: on the home network, roaming
# and on an unknown one.
INTERVAL_PARAMETERS = (10050, 10055, 10150, 10155, 10250, 10255)


def order(link: Link, command: Command, words: bytes) -> bytes:
    """Type u8 (05), size u32, text. Option `teltonika_codec` 14 puts the IMEI in front of the
    text, so that a device which is not meant refuses.
    """
    if link.session.options.get("udp"):
        raise CommandError("teltonika: commands need TCP, a datagram may reach anyone")
    codec = CODEC_12
    if link.session.options.get("teltonika_codec") == CODEC_14:
        codec = CODEC_14
        words = bytes.fromhex((link.session.ident or "").rjust(2 * IMEI_BYTES, "0")) + words
    link.ask(command)
    content = bytes((ORDER,)) + len(words).to_bytes(4, "big") + words
    return pack(bytes((codec, 1)) + content + b"\x01")


def fixed(words: str) -> Callable[[Link, Command], bytes]:
    """A command whose text has no parameters."""
    return lambda link, command: order(link, command, words.encode())


def interval(link: Link, command: Command) -> bytes:
    """setparam with all INTERVAL_PARAMETERS."""
    seconds = interval_s(command, INTERVAL_MOST_S)
    words = ";".join(f"{parameter}:{seconds}" for parameter in INTERVAL_PARAMETERS)
    return order(link, command, f"setparam {words}".encode())


def custom(link: Link, command: Command) -> bytes:
    """The text of an SMS command, without login and password."""
    return order(link, command, text_bytes(command, "ascii", TEXT_MOST))


COMMANDS: Mapping[CommandKind, Callable[[Any, Command], bytes]] = {
    CommandKind.LOCATE: fixed("getrecord"),
    CommandKind.INTERVAL: interval,
    CommandKind.REBOOT: fixed("cpureset"),
    CommandKind.ENGINE_CUT: fixed("setdigout 1"),
    CommandKind.ENGINE_RESTORE: fixed("setdigout 0"),
    CommandKind.CUSTOM: custom,
}


def content(packet: Packet, prefix: int) -> bytes:
    """What stands behind type u8 and size u32, whose size counts the `prefix` or does not."""
    data = packet.data
    if len(data) < 5 + prefix:
        raise IndexError("packet cut off")
    size = int.from_bytes(data[1:5], "big")
    if size not in (len(data) - 5, len(data) - 5 - prefix):
        raise DecodeError("length", f"teltonika: {len(data) - 5} bytes instead of {size}", data)
    return data[5:]


@handles(HANDLERS, CODEC_12)
def said(link: Link, packet: Packet) -> Message:
    """0C: type u8, size u32, text: 06 is the answer to the oldest command. What comes unasked was
    passed through from a serial port or a camera.
    """
    if packet.data[0] != RESPONSE:
        return unknown(packet)
    words = content(packet, 0)
    reference = link.answered()
    if reference is None:
        return passthrough(words)
    return reply(reference, words, success=None)


@handles(HANDLERS, CODEC_14)
def said_by(link: Link, packet: Packet) -> Message:
    """0E: type u8, size u32, IMEI BCD[8], text: 06 an answer; 11 the IMEI was another's."""
    kind = packet.data[0]
    if kind not in (RESPONSE, REFUSAL):
        return unknown(packet)
    words = content(packet, IMEI_BYTES)[IMEI_BYTES:]
    success = False if kind == REFUSAL else None
    return reply(link.answered(), words, success=success)


@handles(HANDLERS, CODEC_13)
def passed_timed(link: Link, packet: Packet) -> Message:  # noqa: ARG001
    """0D: type u8, size u32, UTC Unix seconds u32, data. Some firmware leaves the seconds out of
    the size.
    """
    data = content(packet, 4)
    return passthrough(data[4:], report_time=float(int.from_bytes(data[:4], "big")))


@handles(HANDLERS, CODEC_15)
def passed_named(link: Link, packet: Packet) -> Message:  # noqa: ARG001
    """0F: type u8, size u32, UTC Unix seconds u32, IMEI BCD[8], data."""
    data = content(packet, 4 + IMEI_BYTES)
    return passthrough(
        data[4 + IMEI_BYTES :],
        report_time=float(int.from_bytes(data[:4], "big")),
        imei=bcd(data[4 : 4 + IMEI_BYTES]).lstrip("0"),
    )


def passthrough(data: bytes, **attributes: Any) -> Message:
    """What something behind the device said."""
    kept: dict[str, Any] = {"data": data[:KEPT_BYTES].hex(), **attributes}
    if data.isascii() and all(byte >= 32 or byte in b"\r\n\t" for byte in data):
        kept["text"] = text(data[:KEPT_BYTES])
    return Notice(kind="passthrough", attributes=kept)


def unknown(packet: Packet) -> Message:
    """A codec or a type that is not known, such as that of cameras: kept, not answered."""
    kept = {"kind": f"{packet.codec:02x}", "data": packet.data[:KEPT_BYTES].hex()}
    return Notice(kind="unknown", attributes=kept)


def reply(reference: int | None, words: bytes, *, success: bool | None) -> Message:
    """The device's words, with the position in them if there is one. Success is in the words
    alone, which differ with the command, so it is not guessed.
    """
    spoken = text(words, "utf-8")
    fix = spoken_fix(spoken)
    return Reply(
        reference=reference,
        success=success,
        text=spoken,
        fixes=(fix,) if fix is not None else (),
    )


# The answer to getgps. "GPS:0" stands for no fix.
SPOKEN = re.compile(
    r"GPS:(?P<fixed>\d) +Sat:(?P<satellites>\d+) +Lat:(?P<lat>-?\d+\.\d+) +Long:(?P<lon>-?\d+\.\d+)"
    r" +Alt:(?P<alt>-?\d+) +Speed:(?P<speed>\d+) +Dir:(?P<course>\d+)"
    r" +Date: *(?P<date>\d+/\d+/\d+) +Time: *(?P<time>\d+:\d+:\d+)"
)


def spoken_fix(said: str) -> Fix | None:
    """The position in the answer to getgps; its time is UTC."""
    found = SPOKEN.search(said)
    if found is None:
        return None
    lat, lon = float(found["lat"]), float(found["lon"])
    if not (lat or lon):
        return None
    check_coordinates(lat, lon)
    year, month, day = (int(part) for part in found["date"].split("/"))
    hour, minute, second = (int(part) for part in found["time"].split(":"))
    return Fix(
        fix_time=unix_time(year, month, day, hour, minute, second),
        lat=lat,
        lon=lon,
        speed_kmh=float(found["speed"]),
        course_deg=float(found["course"]) % 360,
        altitude_m=float(found["alt"]),
        valid=found["fixed"] != "0",
        satellites=int(found["satellites"]),
    )
