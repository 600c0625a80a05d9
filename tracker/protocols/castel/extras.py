"""The items behind the positions of a Castel frame 401F: tag u16, length u16, value."""

from __future__ import annotations

from collections.abc import Callable

from tracker.protocols.castel import obd
from tracker.protocols.castel.said import alarms
from tracker.protocols.fields import EXTRA_MOST
from tracker.protocols.reports import Unplaced
from tracker.protocols.stream import handles

Reader = Callable[[bytes, Unplaced], None]
ITEMS: dict[int, Reader] = {}

HEAD = 4  # tag and length


def extras(content: bytes, at: int, said: Unplaced) -> None:
    """All items from `at` on; what is cut off is left out."""
    while at + HEAD <= len(content):
        tag = int.from_bytes(content[at : at + 2], "little")
        end = at + HEAD + int.from_bytes(content[at + 2 : at + HEAD], "little")
        value = content[at + HEAD : end]
        reader = ITEMS.get(tag)
        if end > len(content):
            said.attributes["extra"] = content[at : at + EXTRA_MOST].hex()
            return
        if reader is not None:
            reader(value, said)
        else:
            items = said.attributes.setdefault("items", {})
            items[f"{tag:04x}"] = value[:EXTRA_MOST].hex()
        at = end


@handles(ITEMS, 0x0002)
def engine(value: bytes, said: Unplaced) -> None:
    """Count u8, then of each: PID u16, length u16, value."""
    at = 1
    for _ in range(value[0]):
        pid = int.from_bytes(value[at : at + 2], "little")
        size = int.from_bytes(value[at + 2 : at + HEAD], "little")
        obd.keep(pid, value[at + HEAD : at + HEAD + size], said.attributes)
        at += HEAD + size


@handles(ITEMS, 0x0006)
def trouble(value: bytes, said: Unplaced) -> None:
    """Flag u8, count u8, trouble codes u16."""
    said.attributes["dtcs"] = obd.codes(value, 2, value[1], 2)


@handles(ITEMS, 0x000B)
def trouble_of_trucks(value: bytes, said: Unplaced) -> None:
    """Flag u8, count u8, of each: code u16, attribute u8, occurrences u8; lamp u16."""
    said.attributes["dtcs"] = obd.codes(value, 2, value[1], 4)


@handles(ITEMS, 0x0007)
def alarmed(value: bytes, said: Unplaced) -> None:
    """Number u32, alarms."""
    alarms(value, 4, said)


@handles(ITEMS, 0x0004, 0x0005)
def silent(value: bytes, said: Unplaced) -> None:
    """PIDs that the vehicle answers; a snapshot of them at a fault: not kept."""


def tenths(name: str) -> Reader:
    """s16 of a tenth."""

    def read(value: bytes, said: Unplaced) -> None:
        said.attributes[name] = int.from_bytes(value[:2], "little", signed=True) / 10

    return read


def hundredths(name: str) -> Reader:
    """u16 of a hundredth."""

    def read(value: bytes, said: Unplaced) -> None:
        said.attributes[name] = int.from_bytes(value[:2], "little") / 100

    return read


handles(ITEMS, 0x0010)(tenths("device_temperature_c"))
handles(ITEMS, 0x0020)(hundredths("external_v"))
handles(ITEMS, 0x0021)(hundredths("battery_v"))


@handles(ITEMS, 0x0011)
def first_sensor(value: bytes, said: Unplaced) -> None:
    """s16 of 0.1 degree: the first sensor."""
    tenths("temperature_c")(value, said)
    sensor(1)(value, said)


def sensor(number: int) -> Reader:
    """s16 of 0.1 degree: one sensor among several."""

    def read(value: bytes, said: Unplaced) -> None:
        sensors = said.attributes.setdefault("temperatures_c", {})
        sensors[str(number)] = int.from_bytes(value[:2], "little", signed=True) / 10

    return read


for _number in (2, 3, 4):
    handles(ITEMS, 0x0010 + _number)(sensor(_number))
