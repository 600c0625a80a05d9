"""The checksums of device protocols, one name each; all take bytes and return an int.

CRCs come from fastcrc, under the names that protocol texts use. In brackets stands the check
value, that of the nine bytes "123456789", which tells variants of one polynomial apart.
"""

from __future__ import annotations

from collections.abc import Callable

from fastcrc import crc8, crc16

Checksum = Callable[[bytes], int]

crc16_x25: Checksum = crc16.ibm_sdlc  # "CRC-ITU" of GT06; also Castel (906E)
crc16_arc: Checksum = crc16.arc  # "CRC-16/IBM" of Teltonika and Wialon IPS (BB3D)
crc16_modbus: Checksum = crc16.modbus  # Galileosky (4B37)
crc16_kermit: Checksum = crc16.kermit  # Ruptela (2189)
crc16_ccitt_false: Checksum = crc16.ibm_3740  # EGTS body (29B1)
crc8_egts: Checksum = crc8.nrsc_5  # polynomial 31, start FF: EGTS header (F7)

# By the bit length of a number of bytes: the widths, in bits, that such data is folded to.
_FOLDS = tuple(tuple(8 << half for half in reversed(range(bits))) for bits in range(48))


def xor8(data: bytes) -> int:
    """Exclusive or of all bytes: 0 to 255, 0 of nothing.

    Folds the whole as one integer, which is several times faster than a loop over the bytes: what
    a fold leaves above its width is never looked at again.
    """
    value = int.from_bytes(data, "big")
    for width in _FOLDS[len(data).bit_length()]:
        value ^= value >> width
    return value & 0xFF


def sum8(data: bytes) -> int:
    """Sum of all bytes, modulo 256."""
    return sum(data) & 0xFF
