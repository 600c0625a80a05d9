"""Records out of pages of a SQLite file, without SQLite: for files that it refuses to read.

Each leaf page tells by itself what lies in it, so rows can be had from every page that is whole,
whatever happened to the pages above. Source of the layout: the SQLite file format,
https://www.sqlite.org/fileformat2.html, sections 1.6 (b-tree pages) and 2.1 (record format).
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Collection, Iterator
from typing import NamedTuple

DEFAULT_PAGE_SIZE = 4096  # SQLite's own, and ours: for files whose header is gone
HEADER_SIZE = 100  # of the file, at the start of page 1
MAX_RECORD_BYTES = 1 << 20  # far above any frame of any device; a damaged length can be 2**63
MAGIC = b"SQLite format 3\0"

INDEX_INTERIOR, INDEX_LEAF, TABLE_LEAF = 2, 10, 13  # kinds of pages of a b-tree
WITH_RECORDS = (INDEX_INTERIOR, INDEX_LEAF, TABLE_LEAF)  # interior pages of a table (5) have none
_INT_SIZES = (0, 1, 2, 3, 4, 6, 8)  # bytes, by serial type

Value = None | int | float | str | bytes
ReadPage = Callable[[int], bytes]  # by number, from 1; shorter or empty where there is none


class Record(NamedTuple):
    """One record: its row number where it is of a table (else None), and its values."""

    rowid: int | None
    values: tuple[Value, ...]


def file_page_size(header: bytes) -> int:
    """The page size that a file's header states, or the default where that cannot be."""
    size = int.from_bytes(header[16:18], "big")
    size = 65_536 if size == 1 else size
    whole = header.startswith(MAGIC) and 512 <= size <= 65_536 and size & (size - 1) == 0
    return size if whole else DEFAULT_PAGE_SIZE


def free_pages(header: bytes, read_page: ReadPage) -> set[int]:
    """The pages that hold deleted things, as far as their list can be followed."""
    free: set[int] = set()
    if not header.startswith(MAGIC):
        return free
    trunk = int.from_bytes(header[32:36], "big")
    while trunk and trunk not in free:
        free.add(trunk)
        page = read_page(trunk)
        if len(page) < 8:
            break
        trunk, count = struct.unpack_from(">II", page)
        if count > len(page) // 4 - 2:
            break
        free.update(struct.unpack_from(f">{count}I", page, 8))
    return free


def page_records(
    page: bytes, number: int, read_page: ReadPage, kinds: Collection[int] = WITH_RECORDS
) -> Iterator[Record]:
    """The records that can be read from a page of these kinds; none from any other page."""
    start = HEADER_SIZE if number == 1 else 0
    if len(page) < 512:
        return
    kind = page[start]
    if kind not in kinds:
        return
    first_cell = start + (12 if kind == INDEX_INTERIOR else 8)
    count = int.from_bytes(page[start + 3 : start + 5], "big")
    for index in range(min(count, (len(page) - first_cell) // 2)):
        (at,) = struct.unpack_from(">H", page, first_cell + 2 * index)
        try:
            yield _cell(page, at + (4 if kind == INDEX_INTERIOR else 0), kind, read_page)
        except (ValueError, IndexError, struct.error):
            continue  # this cell is damaged; the next one need not be


def _cell(page: bytes, at: int, kind: int, read_page: ReadPage) -> Record:
    size, at = _varint(page, at)
    if not 0 <= size <= MAX_RECORD_BYTES:
        raise ValueError("no record of ours is so long")
    rowid: int | None = None
    if kind == TABLE_LEAF:
        rowid, at = _varint(page, at)
    usable = len(page)
    most = usable - 35 if kind == TABLE_LEAF else (usable - 12) * 64 // 255 - 23
    if size <= most:
        payload = page[at : at + size]
    else:
        least = (usable - 12) * 32 // 255 - 23
        local = least + (size - least) % (usable - 4)
        local = least if local > most else local
        payload = page[at : at + local]
        following = int.from_bytes(page[at + local : at + local + 4], "big")
        payload += _overflow(following, size - local, read_page)
    if len(payload) != size:
        raise ValueError("the record is cut off")
    return Record(rowid, _values(payload))


def _overflow(number: int, size: int, read_page: ReadPage) -> bytes:
    parts = []
    while size > 0:
        page = read_page(number) if number else b""
        if len(page) < 512:
            raise ValueError("a page of the record is missing")
        number = int.from_bytes(page[:4], "big")
        parts.append(page[4 : 4 + size])
        size -= len(parts[-1])
    return b"".join(parts)


def _values(payload: bytes) -> tuple[Value, ...]:
    header_size, at = _varint(payload, 0)
    values: list[Value] = []
    content = header_size
    while at < header_size:
        kind, at = _varint(payload, at)
        value, content = _value(payload, kind, content)
        values.append(value)
    if content != len(payload):
        raise ValueError("the record is not as long as its header says")
    return tuple(values)


def _value(payload: bytes, kind: int, at: int) -> tuple[Value, int]:
    if kind == 0:
        return None, at
    if 0 < kind <= 6:
        end = at + _INT_SIZES[kind]
        return int.from_bytes(payload[at:end], "big", signed=True), end
    if kind == 7:
        number: float = struct.unpack_from(">d", payload, at)[0]
        return number, at + 8
    if 8 <= kind <= 9:
        return kind - 8, at
    if kind < 12:
        raise ValueError("a kind of value that is reserved")
    end = at + (kind - 12) // 2
    if kind % 2:
        return payload[at:end].decode(), end
    return payload[at:end], end


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """A number of one to nine bytes, and where it ends."""
    value = 0
    for index in range(at, at + 8):
        byte = data[index]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, index + 1
    value = value << 8 | data[at + 8]
    return value - (1 << 64) if value >> 63 else value, at + 9
