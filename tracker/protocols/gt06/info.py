"""GT06 information 94 (long frames): one function per information type."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tracker.protocols.base import Heartbeat, Message, Notice
from tracker.protocols.fields import bcd, text
from tracker.protocols.gt06.messages import Handler
from tracker.protocols.gt06.report import EXTRA_MOST, imei
from tracker.protocols.gt06.wire import Frame, Link
from tracker.protocols.stream import Outcome, after_login, handles

HANDLERS: dict[int, Handler] = {}
INFORMATION: dict[int, Callable[[Link, bytes], Outcome]] = {}


@handles(HANDLERS, 0x94)
def information(link: Link, frame: Frame) -> Outcome:
    """94: type u8, then what the type says. Not acknowledged."""
    kind, data = frame.info[0], frame.info[1:]
    handler = INFORMATION.get(kind)
    if handler is not None:
        return handler(link, data)
    kept = {"kind": f"94{kind:02x}", "data": data[:EXTRA_MOST].hex()}
    return Notice(kind="unknown", attributes=kept)


@handles(INFORMATION, 0x00, 0x0B)
def external_voltage(link: Link, data: bytes) -> Message:  # noqa: ARG001
    """00, 0B: external voltage u16 0.01 V."""
    return Heartbeat(attributes={"external_v": int.from_bytes(data[:2], "big") / 100})


@handles(INFORMATION, 0x04)
def settings(link: Link, data: bytes) -> Message:  # noqa: ARG001
    """04: settings as text, NAME=value;NAME=value;..."""
    said = text(data)
    pairs = (part.partition("=") for part in said.split(";") if "=" in part)
    return Notice(kind="settings", attributes={name: value for name, _, value in pairs})


@handles(INFORMATION, 0x05)
def door(link: Link, data: bytes) -> Message:  # noqa: ARG001
    """05: perhaps a date of six bytes; then u8: bit 0 door open, 1 trigger level, 2 port level."""
    bits = data[-1]
    return Heartbeat(
        attributes={"door_open": bool(bits & 1), "inputs": bits >> 2 & 1},
    )


@handles(INFORMATION, 0x09)
def satellites(link: Link, data: bytes) -> Message:  # noqa: ARG001
    """09: GPS receiver state u8 (1 searching, 2 2D, 3 3D, 4 asleep), satellites in use u8, their
    strengths, satellites visible u8 ...; then the same for BeiDou.
    """
    used = data[1]
    visible = data[2 + used] if len(data) > 2 + used else 0
    attributes = {"gnss_state": data[0], "satellites": used, "satellites_visible": used + visible}
    return Heartbeat(attributes=attributes)


@handles(INFORMATION, 0x0A)
def cards(link: Link, data: bytes) -> Outcome:
    """0A: IMEI BCD[8], IMSI BCD[8], ICCID BCD[10]."""
    ident = imei(data[:8])
    attributes = {"imei": ident, "imsi": bcd(data[8:16]).lstrip("0"), "iccid": data[16:26].hex()}
    notice = Notice(kind="sim", attributes=attributes)
    return after_login(link.session, ident, lambda: notice) if int(ident) else notice


@handles(INFORMATION, 0x0D)
def fuel_sensor(link: Link, data: bytes) -> Message:  # noqa: ARG001
    """0D: date of six bytes, then a fuel sensor's line: !AIOIL,id,...,temperature,...,level,..."""
    line = text(data[6:])
    attributes: dict[str, Any] = {"fuel_text": line}
    parts = line.split(",")
    if parts[0].endswith("AIOIL") and len(parts) > 6:
        attributes["temperature_c"] = float(parts[3])
        attributes["fuel_level"] = float(parts[6])
    return Heartbeat(attributes=attributes)


@handles(INFORMATION, 0x1B)
def rfid(link: Link, data: bytes) -> Message:  # noqa: ARG001
    """1B: identity of a card that was shown, padded with zeros."""
    return Notice(kind="driver", attributes={"driver_id": data.rstrip(b"\0").hex()})


@handles(INFORMATION, 0x1E)
def climate(link: Link, data: bytes) -> Message:  # noqa: ARG001
    """1E: temperature i32 0.1 °C, humidity u32 0.1 %. Seen."""
    temperature = int.from_bytes(data[:4], "big", signed=True)
    attributes = {
        "temperature_c": temperature / 10,
        "humidity_percent": int.from_bytes(data[4:8], "big") / 10,
    }
    return Heartbeat(attributes=attributes)
