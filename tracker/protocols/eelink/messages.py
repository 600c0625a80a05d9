"""One function per kind of Eelink package: login, heartbeat, reports, warnings, texts."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from tracker.protocols.base import Heartbeat, Login, Message, Notice
from tracker.protocols.eelink.said import alarm, conclude, masked, status
from tracker.protocols.eelink.wire import (
    HEARTBEAT,
    LOGIN,
    NORMAL,
    REPORT,
    TEXT,
    WARNING,
    Link,
    Package,
    ack,
    imei,
)
from tracker.protocols.fields import EXTRA_MOST, extra, text
from tracker.protocols.reports import Unplaced
from tracker.protocols.stream import STUMBLES, Outcome, handles

Handler = Callable[[Link, Package], Outcome]
HANDLERS: dict[int, Handler] = {}

VERSION = 1  # of the protocol, in the answer to a login
QUARTER_S = 900  # the zone of a login counts quarters of an hour
PHONE_BYTES = 21


@handles(HANDLERS, LOGIN)
def login(link: Link, package: Package) -> Message:
    """01: IMEI BCD[8], language u8, zone s8 (quarters of an hour), system version u16, application
    version u16, …; first models end behind the language.

    Answer: UTC Unix seconds u32, version u16, action u8 (0: none).
    """
    content = package.content
    ident = imei(content[:8])
    attributes: dict[str, Any] = {}
    if len(content) >= 14:
        attributes["utc_offset_s"] = int.from_bytes(content[9:10], "big", signed=True) * QUARTER_S
        attributes["firmware"] = f"{content[12]}.{content[13]}"
    link.session.ident = ident
    now = int(link.session.now).to_bytes(4, "big")
    answer = ack(package, now + VERSION.to_bytes(2, "big") + b"\0")
    return Login(answer, ident=ident, attributes=attributes)


@handles(HANDLERS, HEARTBEAT)
def heartbeat(link: Link, package: Package) -> Message:  # noqa: ARG001
    """03: status u16."""
    said = Unplaced()
    if len(package.content) >= 2:
        status(said, int.from_bytes(package.content[:2], "big"), motion=False)
    return Heartbeat(ack(package), ignition=said.ignition, attributes=said.attributes)


@handles(HANDLERS, NORMAL)
def normal(link: Link, package: Package) -> Outcome:
    """12: place and surroundings, status u16, then as much as the model has; see `measured`."""
    content, said = package.content, Unplaced()
    place, at = masked(content, said)
    word = int.from_bytes(content[at : at + 2], "big")
    status(said, word)
    measured(content, at + 2, said.attributes)
    return conclude(link, package, place, said, valid=bool(word & 1))


@handles(HANDLERS, WARNING, REPORT)
def coded(link: Link, package: Package) -> Outcome:
    """14, 15: place and surroundings, code u8 of a warning or reason u8 of a report, status u16."""
    content, said = package.content, Unplaced()
    place, at = masked(content, said)
    word = int.from_bytes(content[at + 1 : at + 3], "big")
    if package.kind == WARNING:
        alarm(said, content[at])
    else:
        said.attributes["event"] = content[at]
    status(said, word)
    extra(said.attributes, content, at + 3)
    return conclude(link, package, place, said, valid=bool(word & 1))


@handles(HANDLERS, TEXT)
def message(link: Link, package: Package) -> Outcome:
    """16: place and surroundings, telephone ASCII[21], text. Someone sent it by SMS."""
    return statusless(link, package, told)


@handles(HANDLERS, 0x17, 0x18, 0x19)
def engine(link: Link, package: Package) -> Outcome:
    """17, 18, 19: place and surroundings, then engine data in a layout that is not published."""
    return statusless(link, package, extra)


def statusless(
    link: Link, package: Package, rest: Callable[[dict[str, Any], bytes, int], None]
) -> Outcome:
    """A report without a status word: satellites say whether its place is fixed. What cannot be
    read is kept, and acknowledged: it would be no better when sent again.
    """
    said = Unplaced()
    try:
        place, at = masked(package.content, said)
        rest(said.attributes, package.content, at)
        return conclude(link, package, place, said, valid=bool(said.satellites))
    except STUMBLES:
        return unknown(link, package)


def told(attributes: dict[str, Any], content: bytes, at: int) -> None:
    """Telephone and text, as far as they are there."""
    phone, words = text(content[at : at + PHONE_BYTES]), text(content[at + PHONE_BYTES :], "utf-8")
    if phone:
        attributes["phone"] = phone
    if words:
        attributes["text"] = words


def unknown(link: Link, package: Package) -> Message:  # noqa: ARG001
    """Any other kind: kept as it is, and acknowledged, since devices insist."""
    kept = {"kind": f"{package.kind:02x}", "data": package.content[:EXTRA_MOST].hex()}
    return Notice(ack(package), kind="unknown", attributes=kept)


_AIR = struct.Struct(">hHII")
_TAG = struct.Struct(">6sb3xHhH")
TAG_HEAD = 2  # count, and an id


def measured(content: bytes, at: int, attributes: dict[str, Any]) -> None:
    """Battery u16 mV, two analog inputs u16, odometer u32 m, two counters u16, steps u16, walking
    time u16; air: temperature s16 / 256, humidity u16 0.1 %, light u32 / 256 lux, CO2 u32 ppm;
    a wired sensor: temperature s16 / 16; tags. A model's report ends anywhere among them.

    A sensor that is not there says 0 of everything.
    """
    left = len(content) - at
    if left >= 2:
        attributes["battery_v"] = int.from_bytes(content[at : at + 2], "big") / 1000
    if left >= 6:
        attributes["adc0"] = int.from_bytes(content[at + 2 : at + 4], "big")
        attributes["adc1"] = int.from_bytes(content[at + 4 : at + 6], "big")
    if left >= 10:
        attributes["odometer_m"] = int.from_bytes(content[at + 6 : at + 10], "big")
    if left >= 18:
        attributes["steps"] = int.from_bytes(content[at + 14 : at + 16], "big")
    if left >= 30:
        air(content, at + 18, attributes)
    if left >= 32:
        wired = int.from_bytes(content[at + 30 : at + 32], "big", signed=True)
        if wired:
            attributes["temperature_c"] = round(wired / 16, 2)
    if left >= 32 + TAG_HEAD:
        tags(content, at + 32, attributes)


def air(content: bytes, at: int, attributes: dict[str, Any]) -> None:
    """The sensor of the air around the device."""
    temperature, humidity, light, co2 = _AIR.unpack_from(content, at)
    if temperature or humidity or light or co2:
        attributes["air_c"] = round(temperature / 256, 2)
        attributes["humidity_percent"] = humidity / 10
        attributes["light_lux"] = round(light / 256, 2)
        attributes["co2_ppm"] = co2


def tags(content: bytes, at: int, attributes: dict[str, Any]) -> None:
    """Count u8, id u8; of each: MAC[6], signal s8, reserved u8, model u8, version u8, battery u16
    mV, temperature s16 / 256, data u16. Tags that are cut off are left out.
    """
    room = (len(content) - at - TAG_HEAD) // _TAG.size
    found = []
    for number in range(min(content[at], room)):
        start = at + TAG_HEAD + number * _TAG.size
        mac, signal, battery, temperature, data = _TAG.unpack_from(content, start)
        found.append(
            {
                "mac": mac.hex(":"),
                "rssi_dbm": signal,
                "battery_v": battery / 1000,
                "temperature_c": round(temperature / 256, 2),
                "data": data,
            }
        )
    if found:
        attributes["beacons"] = found
