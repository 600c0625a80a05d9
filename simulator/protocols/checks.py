"""The checksums of the device protocols."""

from __future__ import annotations

from functools import reduce
from operator import xor

from fastcrc import crc16


def xor8(data: bytes) -> int:
    """The XOR of all bytes."""
    return reduce(xor, data, 0)


def crc_itu(data: bytes) -> int:
    """CRC-16/X-25 (poly 0x1021 reflected, init and xorout FFFF); 906E over "123456789"."""
    return int(crc16.ibm_sdlc(data))
