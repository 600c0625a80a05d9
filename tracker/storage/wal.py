"""The write-ahead log of a SQLite file, read without SQLite: to see what SQLite would not see.

SQLite reads a log up to the first frame that is not whole and ignores what lies behind, as it
must after a power cut. If whole commits lie behind, though, the log was damaged, and they hold
positions that were acknowledged. Source: https://www.sqlite.org/fileformat2.html, section 4.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

HEADER_SIZE = 32
FRAME_HEADER_SIZE = 24
_BIG_ENDIAN, _LITTLE_ENDIAN = 0x377F0683, 0x377F0682  # the magic numbers: order of checksum words


class Frame(NamedTuple):
    """One page in the log. `number` counts frames from 1."""

    number: int
    page: int
    commits: bool  # it is the last one of a transaction
    image: bytes


def wal_path(path: Path) -> Path:
    """The log that belongs to a database file."""
    return path.with_name(path.name + "-wal")


def frames(path: Path, page_size: int, *, after: int = 0) -> Iterator[Frame]:
    """The frames of the newest generation in the log at `path`, whole or not."""
    if not path.exists():
        return
    with path.open("rb") as file:
        header = file.read(HEADER_SIZE)
        salt = header[16:24] if _is_header(header) else None
        number = 0
        size = FRAME_HEADER_SIZE + page_size
        while len(data := file.read(size)) == size:
            number += 1
            # Where the header is damaged, the first frame says which generation is the newest.
            salt = salt or data[8:16]
            if data[8:16] == salt and number > after:
                page, size_after = struct.unpack_from(">II", data)
                yield Frame(number, page, size_after != 0, data[FRAME_HEADER_SIZE:])


def frame_image(path: Path, page_size: int, number: int) -> bytes:
    """The page in one frame."""
    with path.open("rb") as file:
        file.seek(HEADER_SIZE + number * FRAME_HEADER_SIZE + (number - 1) * page_size)
        return file.read(page_size)


def commits_after(path: Path, page_size: int, frame: int) -> int:
    """How many transactions end behind a frame."""
    return sum(1 for found in frames(path, page_size, after=frame) if found.commits)


def _is_header(header: bytes) -> bool:
    """Whether the log's header is whole: its own checksum says so."""
    if len(header) < HEADER_SIZE:
        return False
    magic = int.from_bytes(header[:4], "big")
    if magic not in (_BIG_ENDIAN, _LITTLE_ENDIAN):
        return False
    words = struct.unpack((">" if magic == _BIG_ENDIAN else "<") + "6I", header[:24])
    first = second = 0
    for even, odd in zip(words[::2], words[1::2], strict=True):
        first = (first + even + second) & 0xFFFFFFFF
        second = (second + odd + first) & 0xFFFFFFFF
    return struct.unpack(">2I", header[24:32]) == (first, second)
