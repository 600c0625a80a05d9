"""EGTS's authentication service: who is there."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import Any

from tracker.protocols.fields import text
from tracker.protocols.stream import handles

SUBRECORDS: dict[int, Callable[[dict[str, Any], bytes], None]] = {}

TERM_IDENTITY = 1

# Optional fields of an identity: flag, attribute, bytes. The flag of 16 announces no field.
FIELDS = (
    (1, "", 2),
    (2, "imei", 15),
    (4, "imsi", 16),
    (8, "", 3),
    (32, "", 3),
    (64, "", 2),
    (128, "phone", 15),
)


@handles(SUBRECORDS, TERM_IDENTITY)
def terminal(said: dict[str, Any], data: bytes) -> None:
    """1: terminal u32, flags u8 of what follows: 0 dispatcher u16, 1 IMEI 15, 2 IMSI 16, 3
    language 3, 5 network 3, 6 buffer u16, 7 telephone number 15.
    """
    number, flags = struct.unpack_from("<IB", data)
    said["terminal_id"] = number
    at = 5
    for flag, name, width in FIELDS:
        if not flags & flag:
            continue
        if at + width > len(data):
            raise IndexError("identity cut off")
        if name and (value := text(data[at : at + width])):
            said[name] = value
        at += width


@handles(SUBRECORDS, 2)
def module(said: dict[str, Any], data: bytes) -> None:
    """2: kind u8, maker u32, firmware u16, software u16, modification u8, state u8, serial number
    and description, each ended by 00.
    """
    kind, maker, firmware, _, _, _ = struct.unpack_from("<BIHHBB", data)
    if kind != 1 and "firmware" in said:
        return  # the main module is number 1; others are what is built into it
    said["manufacturer"] = str(maker)
    said["firmware"] = f"{firmware >> 8}.{firmware & 0xFF}"
    strings = data[11:].split(b"\0")
    if strings[0]:
        said["hardware"] = text(strings[0], "cp1251")


@handles(SUBRECORDS, 3)
def vehicle(said: dict[str, Any], data: bytes) -> None:
    """3: VIN 17, kind u32, propulsion u32."""
    if vin := text(data[:17]):
        said["vin"] = vin


@handles(SUBRECORDS, 5)
def dispatcher(said: dict[str, Any], data: bytes) -> None:
    """5: kind u8, number u32, description: another platform that hands on what its devices say."""
    said["dispatcher_id"] = int.from_bytes(data[1:5], "little")
    if description := text(data[5:], "cp1251"):
        said["model"] = description


@handles(SUBRECORDS, 7)
def credentials(said: dict[str, Any], data: bytes) -> None:
    """7: user and password, each ended by 00. The password is not kept."""
    if user := text(data.split(b"\0")[0], "cp1251"):
        said["user"] = user
