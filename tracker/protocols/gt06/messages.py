"""One function per kind of GT06 message: login, positions, alarms, status, requests."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

from tracker.errors import DecodeError
from tracker.protocols.base import Heartbeat, Login, Message, Notice
from tracker.protocols.fields import is_imei, text, to_binary_time
from tracker.protocols.gt06.blocks import (
    OLDEST_YEAR,
    date,
    gps,
    holds_gps,
    place,
    read_place,
    signal,
    station_2g,
)
from tracker.protocols.gt06.layouts import (
    ALARMS,
    BY_LENGTH,
    POSITIONS,
    SOMETIMES,
    STATUSES,
    Layout,
)
from tracker.protocols.gt06.report import EXTRA_MOST, Report, imei, read, skip
from tracker.protocols.gt06.wire import Frame, Link, ack, pack
from tracker.protocols.reports import placed, unplaced
from tracker.protocols.stream import Outcome, after_login, handles

# Kinds of the first models, whose clock runs in the zone that the login tells.
LOCAL_KINDS = frozenset({0x10, 0x11, 0x12, 0x16, 0x17, 0x18, 0x19, 0x1A, 0x1E})

# Answers to our commands and information that no device waits to see confirmed.
SILENT_KINDS = frozenset({0x15, 0x21, 0x81, 0x8C, 0x94, 0x9B})

Handler = Callable[[Link, Frame], Outcome]
HANDLERS: dict[int, Handler] = {}


@handles(HANDLERS, 0x01)
def login(link: Link, frame: Frame) -> Message:
    """01: IMEI BCD[8], then perhaps device type u16 and zone u16.

    Zone: bits 15-4 hours x 100 + minutes, bit 3 west, bits 1-0 language.
    """
    ident = imei(frame.info[:8])
    attributes: dict[str, Any] = {}
    link.zone_s = 0
    if len(frame.info) >= 12:
        attributes["device_type"] = frame.info[8:10].hex()
        link.zone_s = zone_s(int.from_bytes(frame.info[10:12], "big"))
    link.session.ident = ident
    return Login(ack(frame), ident=ident, attributes=attributes)


def zone_s(word: int) -> int:
    """Offset from UTC in seconds of the zone word of a login; 0 for one that no place has."""
    hours, minutes = divmod(word >> 4, 100)
    if hours > 14 or minutes > 59:
        return 0
    seconds = hours * 3600 + minutes * 60
    return -seconds if word & 8 else seconds


@handles(HANDLERS, *POSITIONS)
def position(link: Link, frame: Frame) -> Outcome:
    """10, 12, 22, A0 ...: date, place, base station and more; see layouts.py."""
    if frame.long and frame.kind in (0x32, 0x33):
        return emit(link, frame, read(counted_place(frame.info), frame.info))
    if frame.kind == 0x22 and has_identity(frame.info):
        inner = BY_LENGTH.get((0x22, frame.size - 9)) or POSITIONS[0x22]
        report = read((skip(9), *inner), frame.info)
        report.attributes["imei"] = imei(frame.info[1:9])
        return emit(link, frame, report)
    return emit(link, frame, laid_out(frame, POSITIONS))


def laid_out(frame: Frame, layouts: Mapping[int, Layout]) -> Report:
    """Read a frame by its kind and length; of a length that is not known, or with another content
    than its length promises, by as much of its kind's layout as makes sense in it.
    """
    stated = BY_LENGTH.get((frame.kind, frame.size))
    layout = layouts[frame.kind]
    if stated is not None:
        with suppress(IndexError, struct.error, DecodeError):
            return read(stated, frame.info)
    for end in range(len(layout), 1, -1):
        with suppress(IndexError, struct.error, DecodeError):
            return read(layout[:end], frame.info)
    return read(layout[:1], frame.info)


def has_identity(info: bytes) -> bool:
    """Whether source u8 and IMEI BCD[8] stand in front of the date, as NT models have it."""
    if info[0] >= OLDEST_YEAR or len(info) < 27:
        return False
    digits = info[1:9].hex()
    return digits[0] == "0" and (
        is_imei(digits[1:]) or (digits.isdecimal() and holds_gps(info[9:]))
    )


def counted_place(info: bytes) -> Layout:
    """Layout of 7979 32/33 (AZ735): the place has its length in front, 0 for none."""
    located = (place, skip(info[6] - 12)) if info[6] >= 12 else (skip(info[6]),)
    return (date, skip(1), *located, skip(1), station_2g, signal)


@handles(HANDLERS, *ALARMS)
def alarm(link: Link, frame: Frame) -> Outcome:
    """16, 26, 27, A4 ...: as a position, then status with an alarm code, fence, mileage."""
    return emit(link, frame, laid_out(frame, ALARMS))


@handles(HANDLERS, *STATUSES)
def status(link: Link, frame: Frame) -> Outcome:
    """13, 23, 36: terminal information, battery, signal; 36 then has items of id u16, length u8.
    Some clones leave out all of it.

    36 with length 35 is a position of another make.
    """
    if not frame.info:
        return Heartbeat(ack(frame))
    layout = BY_LENGTH.get((frame.kind, frame.size))
    if frame.kind == 0x36 and layout is not None:
        return emit(link, frame, read(layout, frame.info))
    if frame.kind == 0x36:
        report = read(STATUSES[0x36], frame.info[:5])
        short_items(frame.info, 5, report.attributes)
    else:
        report = read(layout or STATUSES[frame.kind], frame.info)
    return Heartbeat(
        ack(frame),
        ignition=report.ignition,
        alarms=report.alarms,
        attributes=report.attributes,
    )


def short_items(info: bytes, at: int, attributes: dict[str, Any]) -> None:
    """Items of id u16, length u8: 18 battery 0.01 V, 6A battery percent; others as hex."""
    while at + 3 <= len(info):
        kind, size = int.from_bytes(info[at : at + 2], "big"), info[at + 2]
        value = info[at + 3 : at + 3 + size]
        if kind == 0x18:
            attributes["battery_v"] = int.from_bytes(value, "big") / 100
        elif kind == 0x6A:
            attributes["battery_percent"] = int.from_bytes(value, "big")
        else:
            attributes.setdefault("items", {})[f"{kind:04x}"] = value.hex()
        at += 3 + size


@handles(HANDLERS, 0x17, 0x1E, 0x34, 0xA3)
def sometimes_position(link: Link, frame: Frame) -> Outcome:
    """17, 1E, 34, A3: positions of some makers, A3 with an alarm; others fill them with something
    that is not known.
    """
    if (frame.kind, frame.size) in BY_LENGTH or holds_gps(frame.info):
        return emit(link, frame, laid_out(frame, SOMETIMES))
    return unknown(link, frame)


@handles(HANDLERS, 0x1A, 0x2A)
def address_request(link: Link, frame: Frame) -> Outcome:
    """1A, 2A: date, place, phone ASCII[21], alarm u8, language u8. Someone asked by SMS where the
    device is; the answer 97 (17 in Chinese) is text for the device to send on.

    Answer: length u8, server flag u32, ADDRESS, &&, text UTF-16BE, &&, phone, ##.
    """
    report = read((gps,), frame.info[:18])
    said = frame.info[18:]
    phone = said[-23:-2].ljust(21, b"\0")
    where = f"{report.lat:.6f},{report.lon:.6f}" if report.placed else "-"
    content = bytes(4) + b"ADDRESS&&" + where.encode("utf-16-be") + b"&&" + phone + b"##"
    chinese = said[-1:] == b"\1"
    info = bytes((len(content),)) + content
    answer = pack(0x17 if chinese else 0x97, info, frame.serial, long=not chinese)
    report.attributes["phone"] = text(phone)
    return emit(link, frame, report, answer)


@handles(HANDLERS, 0x8A)
def time_request(link: Link, frame: Frame) -> Message:
    """8A: nothing. The answer carries UTC as six bytes, year-2000 to second."""
    return Heartbeat(pack(0x8A, to_binary_time(link.session.now), frame.serial))


@handles(HANDLERS, 0x95)
def camera_event(link: Link, frame: Frame) -> Outcome:
    """95, dashcams: date, latitude u32, longitude u32, flags u16, event u8, data u16, file names.

    Short form: date, event. Form with FFFF in front: see camera_event_long.
    """
    info = frame.info
    if info[:2] == b"\xff\xff":
        return camera_event_long(link, frame)
    report = Report()
    at = date(report, info, 0)
    if len(info) >= at + 13:
        lat, lon, flags = (int.from_bytes(info[at + i : at + j], "big") for i, j in PLACE_PARTS)
        read_place(report, lat, lon, flags)
        at += 10
    return camera_report(link, frame, report, at)


PLACE_PARTS = ((0, 4), (4, 8), (8, 10))


def camera_event_long(link: Link, frame: Frame) -> Outcome:
    """95 with FFFF, u8: date, satellites u8, latitude u32, longitude u32, flags u16, speed u16
    km/h, external voltage u16 0.1 V, event u8, data u16, file names. Seen.
    """
    info = frame.info
    report = Report()
    at = date(report, info, 3)
    report.satellites = info[at] & 15
    lat, lon, flags = (int.from_bytes(info[at + 1 + i : at + 1 + j], "big") for i, j in PLACE_PARTS)
    read_place(report, lat, lon, flags)
    report.speed_kmh = float(int.from_bytes(info[at + 11 : at + 13], "big"))
    report.attributes["external_v"] = int.from_bytes(info[at + 13 : at + 15], "big") / 10
    return camera_report(link, frame, report, at + 15)


CAMERA_EVENTS = {0x01: "sos", 0x93: "collision"}


def camera_report(link: Link, frame: Frame, report: Report, at: int) -> Outcome:
    """What both forms of 95 end in: event u8, data u16, names of files."""
    code = frame.info[at]
    report.attributes["alarm_code"] = code
    report.alarm(CAMERA_EVENTS.get(code, "other"))
    files = text(frame.info[at + 3 :])
    if files:
        report.attributes["files"] = files
    return emit(link, frame, report)


def unknown(link: Link, frame: Frame) -> Message:  # noqa: ARG001
    """Any other kind: kept as it is, and acknowledged, since some devices insist."""
    data = frame.info[:EXTRA_MOST].hex()
    answer = b"" if frame.kind in SILENT_KINDS else ack(frame)
    return Notice(answer, kind="unknown", attributes={"kind": f"{frame.kind:02x}", "data": data})


@handles(HANDLERS, 0x8C, 0x9B, 0x66, 0xF2)
def passthrough(link: Link, frame: Frame) -> Message:  # noqa: ARG001
    """8C, 9B, 66, F2: what something behind the device said, handed through."""
    data = {"data": frame.info.hex(), "text": text(frame.info, "ascii")}
    answer = b"" if frame.kind in SILENT_KINDS else ack(frame)
    return Notice(answer, kind="passthrough", attributes=data)


def emit(link: Link, frame: Frame, report: Report, answer: bytes | None = None) -> Outcome:
    """A report as messages, behind the Login of the identity that it states, if that is new.

    With language 0 the alarms 26 and 27 want no answer.
    """
    if answer is None:
        unwanted = frame.kind in (0x26, 0x27) and report.language == 0
        answer = b"" if unwanted else ack(frame)
    named = report.attributes.get("imei")
    if not named or not int(named):
        return conclude(link, frame, report, answer)
    return after_login(link.session, named, lambda: conclude(link, frame, report, answer))


def conclude(link: Link, frame: Frame, report: Report, answer: bytes) -> Message:
    """A report as a message, its time taken to UTC."""
    offset_s = link.offset_s(local=frame.kind in LOCAL_KINDS)
    fix = report.fix(offset_s)
    return unplaced(answer, report.unplaced(offset_s)) if fix is None else placed(answer, fix)
