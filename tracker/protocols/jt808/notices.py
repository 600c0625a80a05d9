"""Messages of a JT/T 808 terminal that are neither location nor session: one function each."""

from __future__ import annotations

import struct
from typing import Any

from tracker.errors import DecodeError
from tracker.protocols.base import Heartbeat, Message, Notice
from tracker.protocols.fields import bcd_time, text
from tracker.protocols.jt808.link import Link
from tracker.protocols.jt808.location import BASIC, location
from tracker.protocols.jt808.messages import Handler
from tracker.protocols.jt808.splits import MEDIA, Split
from tracker.protocols.jt808.wire import Frame
from tracker.protocols.reports import placed, unplaced
from tracker.protocols.stream import STUMBLES, handles

HANDLERS: dict[int, Handler] = {}

MEDIA_ANSWER = 0x8800
MEDIA_HEADER = 8  # bytes of a media message before its location
KEPT_BYTES = 256  # of what is kept as hex of a message that is not decoded

MEDIA_TYPES = {0: "image", 1: "audio", 2: "video"}
MEDIA_FORMATS = {0: "jpeg", 1: "tif", 2: "mp3", 3: "wav", 4: "wmv"}


@handles(HANDLERS, 0x0107)
def device(link: Link, frame: Frame) -> Message:  # noqa: ARG001
    """0107: type u16, maker[5], model[20; 30 in 2019], id[7; 30], ICCID BCD[10], hardware and
    software versions with their length u8 each, satellite systems u8, radio u8. Not answered.
    """
    body = frame.body
    model_size, id_size = (30, 30) if frame.head.is_2019 else (20, 7)
    at = 7 + model_size
    attributes: dict[str, Any] = {
        "device_type": f"{int.from_bytes(body[:2], 'big'):04x}",
        "manufacturer": text(body[2:7], "gbk"),
        "model": text(body[7:at], "gbk"),
        "terminal_id": text(body[at : at + id_size], "gbk"),
    }
    at += id_size
    attributes["iccid"] = body[at : at + 10].hex().rstrip("f")
    at += 10
    for name in ("hardware", "firmware"):
        size = body[at]
        attributes[name] = text(body[at + 1 : at + 1 + size], "gbk")
        at += 1 + size
    return Notice(kind="device", attributes=attributes)


@handles(HANDLERS, 0x0702)
def driver(link: Link, frame: Frame) -> Message:
    """0702: card u8 (1 inserted, 2 taken), time BCD[6], result u8 (0 read), name with length u8,
    certificate[20], authority with length u8, expiry BCD[4].
    """
    body = frame.body
    if len(body) < 8 or body[0] not in (1, 2):
        return unknown(link, frame)
    attributes: dict[str, Any] = {"card_inserted": body[0] == 1}
    local_time = bcd_time(body[1:7])
    if local_time is not None:
        attributes["report_time"] = local_time - link.offset_s
    if body[0] == 1:
        attributes["card_result"] = body[7]
    if body[0] == 1 and body[7] == 0 and len(body) > 8:
        name_end = 9 + body[8]
        attributes["driver_name"] = text(body[9:name_end], "gbk")
        attributes["driver_id"] = text(body[name_end : name_end + 20], "gbk")
    return Notice(link.answer(frame), kind="driver", attributes=attributes)


@handles(HANDLERS, 0x0701)
def waybill(link: Link, frame: Frame) -> Message:
    """0701: length u32, text GBK."""
    said = text(frame.body[4:], "gbk")
    return Notice(link.answer(frame), kind="text", attributes={"text": said})


@handles(HANDLERS, 0x0900)
def passthrough(link: Link, frame: Frame) -> Message:
    """0900: type u8, data. With type 54, samples of sensors and where they were taken."""
    data = frame.body[1:]
    if frame.body[:1] == SAMPLES:
        try:
            return sampled(link, frame, data)
        except STUMBLES:
            pass  # another maker's
    attributes = {
        "passthrough_type": frame.body[0],
        "data": data.hex(),
        "text": text(data, "gbk") if is_words(data) else "",
    }
    return Notice(link.answer(frame), kind="passthrough", attributes=attributes)


SAMPLES = b"\x54"
SAMPLED_PLACE = 24  # bytes of a location without its alarms
ALL_SENSORS = 0x1F
_SAMPLE = struct.Struct(">H6sHhHhhhhH")


def sampled(link: Link, frame: Frame, data: bytes) -> Message:
    """A location without its alarm bits; then samples: which sensors u16, time BCD[6], and of all
    five light u16, device temperature i16 0.1 °C, humidity u16 0.1 %, temperature i16 0.1 °C, axes
    3 x i16, pressure u16 hPa. Seen. The last sample is taken; other sets of sensors stay hex.
    """
    place, samples = data[:SAMPLED_PLACE], data[SAMPLED_PLACE:]
    said = location(bytes(4) + place, link.offset_s, is_2019=frame.head.is_2019)
    last = samples[-_SAMPLE.size :]
    if len(samples) % _SAMPLE.size == 0 and last[:2] == ALL_SENSORS.to_bytes(2, "big"):
        _, _, light, device_c, humidity, air_c, *axes, pressure = _SAMPLE.unpack(last)
        said.attributes.update(
            light=light,
            device_temperature_c=device_c / 10,
            humidity_percent=humidity / 10,
            temperature_c=air_c / 10,
            axes=axes,
            pressure_hpa=pressure,
        )
    elif samples:
        said.attributes["samples"] = samples[:KEPT_BYTES].hex()
    answer, heard = link.answer(frame), said.unplaced()
    heard.alarms = None  # there is no word on them
    return unplaced(answer, heard) if said.fix is None else placed(answer, said.fix)


def is_words(data: bytes) -> bool:
    """Whether data can be read as text."""
    return all(byte >= 32 or byte in b"\r\n\t" for byte in data)


@handles(HANDLERS, 0x0800)
def media_event(link: Link, frame: Frame) -> Message:
    """0800: media id u32, type u8, format u8, event u8, channel u8."""
    return Notice(link.answer(frame), kind="media_event", attributes=media_head(frame.body))


@handles(HANDLERS, MEDIA)
def media(link: Link, frame: Frame) -> Message:
    """0801: as 0800; then, since 2013, a location of 28 bytes; then data, which is not kept.

    Answer 8800: media id u32 alone, which says that no packet is missing.
    """
    return recording(link, frame, len(frame.body))


def recording(link: Link, frame: Frame, size: int) -> Message:
    """A media message whose whole body has `size` bytes, though only its beginning be held."""
    attributes = media_head(frame.body)
    attributes["size_bytes"] = size - MEDIA_HEADER
    place = frame.body[MEDIA_HEADER : MEDIA_HEADER + BASIC]
    try:
        said = location(place, link.offset_s, is_2019=frame.head.is_2019)
    except (DecodeError, struct.error, IndexError):
        pass  # before 2013 the data begins here
    else:
        if said.time is not None:
            attributes["size_bytes"] -= BASIC
            attributes["report_time"] = said.time
        if said.fix is not None:
            attributes["lat"], attributes["lon"] = said.fix.lat, said.fix.lon
    answer = link.send(frame.head, MEDIA_ANSWER, frame.body[:4])
    return Notice(answer, kind="media", attributes=attributes)


def media_head(body: bytes) -> dict[str, Any]:
    """The eight bytes that name a recording."""
    ident, kind, encoding, event, channel = struct.unpack_from(">IBBBB", body)
    return {
        "media_id": ident,
        "media_type": MEDIA_TYPES.get(kind, str(kind)),
        "media_format": MEDIA_FORMATS.get(encoding, str(encoding)),
        "media_event": event,
        "channel": channel,
    }


def unknown(link: Link, frame: Frame) -> Message:
    """Any other message: kept as it is, and answered, since terminals repeat what is not."""
    attributes = {"kind": f"{frame.message:04x}", "data": frame.body[:KEPT_BYTES].hex()}
    return Notice(link.answer(frame), kind="unknown", attributes=attributes)


@handles(HANDLERS, 0x0005, 0x8003)
def resend_request(link: Link, frame: Frame) -> Message:
    """0005 (2019): serial u16 of the first packet of a long message of ours, count u16, packets u16
    each that the terminal misses; before 2019 some ask by 8003, where the count is u8.

    Answered by those packets, as they were.
    """
    short = frame.message == 0x8003 and not frame.head.is_2019
    first_serial, count = struct.unpack_from(">HB" if short else ">HH", frame.body)
    numbers = struct.unpack_from(f">{count}H", frame.body, 3 if short else 4)
    again = link.outbound.again(first_serial, numbers)
    if again:
        return Heartbeat(again)
    attributes = {"kind": f"{frame.message:04x}", "data": frame.body[:KEPT_BYTES].hex()}
    return Notice(kind="unknown", attributes=attributes)


def media_request(link: Link, split: Split) -> bytes:
    """8800: media id u32, count u8, packets u16 each that are missing of a recording."""
    missing = split.missing
    body = split.parts[1][:4] + struct.pack(f">B{len(missing)}H", len(missing), *missing)
    return link.send(split.head, MEDIA_ANSWER, body)
