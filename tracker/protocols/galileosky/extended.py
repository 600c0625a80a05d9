"""The extended tags of Galileosky: numbers of 16 bits, inside tag FE."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from tracker.protocols.fields import cell, text
from tracker.protocols.galileosky.record import Record
from tracker.protocols.stream import handles

KEPT_BYTES = 64  # of what stands behind a tag without a known length


def _sizes() -> Mapping[int, int]:
    sizes = dict.fromkeys(range(0x0001, 0x0081), 4)  # Modbus 0-31, Bluetooth 0-63, Modbus 32-63
    sizes.update(dict.fromkeys(range(0x0081, 0x0085), 2))
    sizes.update(dict.fromkeys(range(0x0086, 0x0092), 4))
    sizes.update(dict.fromkeys(range(0x00D9, 0x00FB), 3))
    sizes.update(dict.fromkeys((0x85, 0x93, *range(0xA4, 0xA9), 0xB0, 0xB1, 0xB2, 0xFC), 1))
    sizes.update(dict.fromkeys((0x00AD, 0x00AE, 0x00B4, 0x00B5, 0x00B6), 6))
    sizes.update({0x92: 15, 0x94: 20, 0xA9: 4, 0xAB: 12, 0xAC: 4, 0xAF: 14, 0xB3: 12})
    sizes.update({0xFD: 8, 0xFE: 8})
    return sizes


SIZES = _sizes()

READERS: dict[int, Callable[[Record, bytes, int], None]] = {}


def read_extended(record: Record, value: bytes) -> None:
    """FE: length u16, then pairs of tag u16 and value. One of unknown length ends the reading."""
    at = 0
    while at + 2 <= len(value):
        tag = int.from_bytes(value[at : at + 2], "little")
        size = SIZES.get(tag)
        if size is None or at + 2 + size > len(value):
            record.attributes["extension"] = value[at : at + KEPT_BYTES].hex()
            break
        content = value[at + 2 : at + 2 + size]
        reader = READERS.get(tag)
        if reader is not None:
            reader(record, content, tag)
        elif any(content):
            record.items[f"fe{tag:04x}"] = content.hex()
        at += 2 + size
    _name_cell(record)


@handles(READERS, *range(0x0001, 0x0021), *range(0x0061, 0x0081))
def modbus(record: Record, value: bytes, tag: int) -> None:
    """0001-0020, 0061-0080: Modbus value i32, 0.01; 0 for none."""
    number = tag - 1 if tag < 0x61 else tag - 0x61 + 32
    raw = int.from_bytes(value, "little", signed=True)
    if raw:
        record.attributes[f"modbus_{number}"] = raw / 100


CELL = {0x81: "cid", 0x82: "lac", 0x83: "mcc", 0x84: "mnc", 0x85: "rssi"}


@handles(READERS, *CELL)
def part_of_cell(record: Record, value: bytes, tag: int) -> None:
    """0081 cell id, 0082 area, 0083 country, 0084 operator: u16; 0085 strength u8, -dBm."""
    record.network[CELL[tag]] = int.from_bytes(value, "little")


def _name_cell(record: Record) -> None:
    heard = record.network
    if heard.get("mcc"):
        rssi = -heard["rssi"] if "rssi" in heard else None
        record.attributes["cells"] = [
            cell(heard["mcc"], heard.get("mnc", 0), heard.get("lac", 0), heard.get("cid", 0), rssi)
        ]


@handles(READERS, *range(0x0086, 0x008E))
def thermometer(record: Record, value: bytes, tag: int) -> None:
    """0086-008D: id u16, temperature i16 of 256 in a degree; -128 degrees for none."""
    raw = int.from_bytes(value[2:], "little", signed=True)
    if any(value) and raw != -0x8000:
        record.temperatures[tag - 0x86 + 17] = round(raw / 256, 2)


@handles(READERS, *range(0x008E, 0x0092))
def satellites(record: Record, value: bytes, tag: int) -> None:  # noqa: ARG001
    """008E-0091, for one system each: visible, used, mean strength, greatest: u8."""
    visible = record.attributes.get("satellites_visible", 0)
    record.attributes["satellites_visible"] = visible + value[0]


@handles(READERS, 0x0092)
def imsi(record: Record, value: bytes, tag: int) -> None:  # noqa: ARG001
    """0092: IMSI in ASCII."""
    record.attributes["imsi"] = text(value)


@handles(READERS, 0x0094)
def iccid(record: Record, value: bytes, tag: int) -> None:  # noqa: ARG001
    """0094: identity of the SIM in ASCII."""
    record.attributes["iccid"] = text(value)


@handles(READERS, *range(0x00D9, 0x00FB))
def tyre(record: Record, value: bytes, tag: int) -> None:
    """00D9-00FA: pressure u8 psi, temperature i8, bits u8: 0 not connected, 1 battery low."""
    if value[0] and not value[2] & 1:
        temperature = int.from_bytes(value[1:2], "little", signed=True)
        record.tyre(tag - 0xD9, value[0], temperature, battery_low=bool(value[2] & 2))


@handles(READERS, 0x00FC)
def reason(record: Record, value: bytes, tag: int) -> None:  # noqa: ARG001
    """00FC: why the record was made: 1 period, 2 key, 10 input, 11 distance, 12, 13 alarm ..."""
    record.attributes["event"] = value[0]


@handles(READERS, 0x00FD)
def driver(record: Record, value: bytes, tag: int) -> None:  # noqa: ARG001
    """00FD: number of a key, u64; 0 for none."""
    if any(value):
        record.attributes["driver_id"] = value[::-1].hex()
