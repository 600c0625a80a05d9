"""Teltonika elements of variable length (codec 8 Extended): texts and lists of Bluetooth tags."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tracker.protocols.fields import text
from tracker.protocols.stream import handles
from tracker.protocols.teltonika.said import Said

KEPT_BYTES = 64  # of a value without a meaning here, as hex

# True if the value was understood.
READERS: dict[int, Callable[[Said, bytes], bool]] = {}


def read_variable(said: Said, ident: int, value: bytes) -> None:
    """One element of variable length."""
    reader = READERS.get(ident)
    if reader is None or not reader(said, value):
        said.items[str(ident)] = value[:KEPT_BYTES].hex()


@handles(READERS, 256)
def vin(said: Said, value: bytes) -> bool:
    """256: VIN in ASCII."""
    if value and value.isascii():
        said.attributes["vin"] = text(value)
    return value.isascii()


@handles(READERS, 281)
def dtcs(said: Said, value: bytes) -> bool:
    """281: trouble codes in ASCII, with commas between them."""
    if value and value.isascii():
        said.attributes["dtcs"] = text(value)
    return value.isascii()


BEACON, VOLTAGE, TEMPERATURE, STRENGTH = 0x20, 0x02, 0x04, 0x01  # bits in front of a tag


@handles(READERS, 385)
def beacons(said: Said, value: bytes) -> bool:
    """385: part u8; then per tag flags u8 (bit 5 iBeacon of 20 bytes, else Eddystone of 16; bit 0
    strength i8, 1 battery u16 mV, 2 temperature i16 0.01 °C), its identity and what is flagged.
    """
    tags: list[dict[str, Any]] = []
    at = 1
    while at < len(value):
        flags = value[at]
        end = at + 1 + (20 if flags & BEACON else 16)
        tag: dict[str, Any] = {"id": value[at + 1 : end].hex()}
        if flags & STRENGTH:
            tag["rssi_dbm"] = int.from_bytes(value[end : end + 1], "big", signed=True)
            end += 1
        if flags & VOLTAGE:
            tag["battery_v"] = int.from_bytes(value[end : end + 2], "big") / 1000
            end += 2
        if flags & TEMPERATURE:
            tag["temperature_c"] = int.from_bytes(value[end : end + 2], "big", signed=True) / 100
            end += 2
        if end > len(value):
            return False
        tags.append(tag)
        at = end
    if tags:
        said.attributes["beacons"] = tags
    return True


TAG_STRENGTH, TAG_IDENTITY = 0, 1  # items of a tag in element 548


@handles(READERS, 548)
def tags(said: Said, value: bytes) -> bool:
    """548: 01; then per tag its length u8 and items of id u8, length u8: 00 strength i8, 01
    identity; others are kept as hex. Seen.
    """
    found: list[dict[str, Any]] = []
    at = 1
    while at < len(value):
        end = at + 1 + value[at]
        if end > len(value):
            return False
        tag = _tag(value[at + 1 : end])
        if tag is None:
            return False
        found.append(tag)
        at = end
    if found:
        said.attributes["beacons"] = found
    return True


def _tag(data: bytes) -> dict[str, Any] | None:
    tag: dict[str, Any] = {}
    at = 0
    while at + 2 <= len(data):
        kind, size = data[at], data[at + 1]
        value = data[at + 2 : at + 2 + size]
        if len(value) < size:
            return None
        if kind == TAG_STRENGTH:
            tag["rssi_dbm"] = int.from_bytes(value, "big", signed=True)
        elif kind == TAG_IDENTITY:
            tag["id"] = value.hex()
        else:
            tag[f"item_{kind:02x}"] = value.hex()
        at += 2 + size
    return tag
