"""Takes what is valid out of a damaged file and puts it into a sound one.

Every position carries a digest of its content and of its vehicle's id, so a row that is found
anywhere in the pages of a file can be told from garbage.
"""

from __future__ import annotations

import os
import sqlite3
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO

from tracker.storage import queries
from tracker.storage.pages import (
    HEADER_SIZE,
    TABLE_LEAF,
    WITH_RECORDS,
    Record,
    file_page_size,
    free_pages,
    page_records,
)
from tracker.storage.rows import COLUMNS, Row, row_is_sound
from tracker.storage.vehicles import FIELDS, row_vehicle, vehicle_values
from tracker.storage.wal import frame_image, frames

_JOURNAL_WIDTH = 1 + len(COLUMNS)  # the id, which the record itself leaves NULL
_POSITIONS_WIDTH = len(COLUMNS)
_KEYS_WIDTH = 2
_VEHICLES_WIDTH = len(FIELDS)
_REALS = range(3, 8)  # columns whose whole numbers SQLite stores as integers
_BATCH = 1_000  # rows in one transaction
_TRIES = 3  # rows of a key that no page explains are tried against every vehicle, then no more
_APPEND = queries.append_rows(1)
_STORE = queries.store_row()
_FOUND = "INSERT OR IGNORE INTO found VALUES (?, ?, ?)"


@dataclass(slots=True)
class Salvaged:
    """What came out of a file."""

    positions: int = 0
    vehicles: int = 0
    unknown: int = 0  # rows that belong to no vehicle that could be found, or are damaged


@dataclass(slots=True)
class _Names:
    """Which vehicle a key may stand for; pages may tell more than one story."""

    by_key: dict[int, list[str]] = field(default_factory=dict)
    candidates: dict[str, None] = field(default_factory=dict)  # ids, in order of appearance
    tries: Counter[int] = field(default_factory=Counter)  # of keys without an id

    def add(self, key: int, vehicle_id: str) -> None:
        ids = self.by_key.setdefault(key, [])
        if vehicle_id not in ids:
            ids.append(vehicle_id)
        self.candidates[vehicle_id] = None

    def owner(self, row: Row) -> str | None:
        """The vehicle of a row, proved by its digest; None where there is none."""
        key = row[0]
        for vehicle_id in self.by_key.get(key, ()):
            if row_is_sound(row, vehicle_id):
                return vehicle_id
        if key in self.by_key or self.tries[key] >= _TRIES:
            return None
        self.tries[key] += 1
        for vehicle_id in self.candidates:
            if row_is_sound(row, vehicle_id):
                self.add(key, vehicle_id)
                return vehicle_id
        return None


class Keeper:
    """Puts rows that were found into a sound database, each fix once."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.salvaged = Salvaged()
        self.names = _Names()
        self._connection = connection
        self._keys: dict[str, int] = dict(connection.execute(queries.LOAD_KEYS.sqlite).fetchall())
        self._taken = set(self._keys.values())
        for vehicle_id, key in self._keys.items():
            self.names.add(key, vehicle_id)
        # What the journal holds, so that no fix is put into it twice.
        connection.execute(
            "CREATE TEMPORARY TABLE found (vehicle_key, fix_time_us, digest,"
            " PRIMARY KEY (vehicle_key, fix_time_us, digest)) WITHOUT ROWID"
        )
        connection.execute(
            "INSERT OR IGNORE INTO found SELECT vehicle_key, fix_time_us, digest FROM journal"
        )

    def learn(self, record: Record) -> None:
        """Take over a vehicle or the key of one, if the record is that."""
        values = record.values
        if len(values) == _KEYS_WIDTH and record.rowid is not None and values[0] is None:
            if isinstance(values[1], str):
                self.names.add(record.rowid, values[1])
        elif len(values) == _VEHICLES_WIDTH:
            self._learn_vehicle(values)

    def keep(self, record: Record) -> None:
        """Store a position, if the record is one and is sound."""
        values = record.values
        if len(values) == _JOURNAL_WIDTH and record.rowid is not None and values[0] is None:
            self._keep(values[1:], journal=True)
        elif len(values) == _POSITIONS_WIDTH and record.rowid is None:
            self._keep(values, journal=False)

    def _learn_vehicle(self, values: Row) -> None:
        try:
            if not all(isinstance(value, str) for value in values[:7]):
                return
            vehicle = row_vehicle(values)
            self._connection.execute(queries.SAVE_VEHICLE.sqlite, vehicle_values(vehicle))
        except (ValueError, sqlite3.Error):
            return  # as many values as a vehicle has, but none
        self.names.candidates[vehicle.id] = None

    def _keep(self, values: Row, *, journal: bool) -> None:
        row: tuple[Any, ...] = tuple(
            float(value) if at in _REALS and isinstance(value, int) else value
            for at, value in enumerate(values)
        )
        vehicle_id = self.names.owner(row)
        if vehicle_id is None:
            self.salvaged.unknown += 1
            return
        row = (self._key(vehicle_id, row[0]), *row[1:])
        new = self._connection.execute(_FOUND if journal else _STORE, row[:3] if journal else row)
        if journal and new.rowcount:
            self._connection.execute(_APPEND, row)
        self.salvaged.positions += new.rowcount

    def _key(self, vehicle_id: str, wanted: int) -> int:
        """The key of a vehicle in the sound database: the one it had, if that is free."""
        key = self._keys.get(vehicle_id)
        if key is None:
            key = wanted if wanted not in self._taken else max(self._taken) + 1
            self._keys[vehicle_id] = key
            self._taken.add(key)
            self._connection.execute(
                queries.SAVE_KEY.sqlite, {"vehicle_key": key, "vehicle_id": vehicle_id}
            )
        return key


def salvage_file(path: Path, log: Path, connection: sqlite3.Connection) -> Salvaged:
    """Everything valid in a damaged file and its log, into an empty database."""
    keeper = Keeper(connection)
    with path.open("rb") as file:
        _batched(connection, map(keeper.learn, _file_records(file, log, (TABLE_LEAF,))))
        _batched(connection, map(keeper.keep, _file_records(file, log, WITH_RECORDS)))
    keeper.salvaged.vehicles = len(keeper.names.candidates)
    return keeper.salvaged


def salvage_log(
    log: Path, page_size: int, after_frame: int, connection: sqlite3.Connection
) -> Salvaged:
    """The positions behind a frame of a log, into the journal of the database that it is of."""
    keeper = Keeper(connection)

    def read_page(_: int) -> bytes:
        return b""  # records that go over more than one page are left where they are

    def records() -> Iterator[Record]:
        for frame in frames(log, page_size, after=after_frame):
            yield from page_records(frame.image, frame.page, read_page)

    _batched(connection, map(keeper.learn, records()))
    _batched(connection, map(keeper.keep, records()))
    return keeper.salvaged


def _file_records(file: BinaryIO, log: Path, kinds: Collection[int]) -> Iterator[Record]:
    """All records of all pages that are in use, then those of the log: newer ones come later."""
    file.seek(0)
    header = file.read(HEADER_SIZE)
    size = file_page_size(header)

    def read_page(number: int) -> bytes:
        file.seek((number - 1) * size)
        return file.read(size)

    free = free_pages(header, read_page)
    for number in range(1, file.seek(0, os.SEEK_END) // size + 1):
        if number not in free:
            yield from page_records(read_page(number), number, read_page, kinds)
    newest = {frame.page: frame.number for frame in frames(log, size)}

    def read_logged(number: int) -> bytes:
        if number not in newest:
            return read_page(number)
        return frame_image(log, size, newest[number])

    for frame in frames(log, size):
        yield from page_records(frame.image, frame.page, read_logged, kinds)


def _batched(connection: sqlite3.Connection, work: Iterator[None]) -> None:
    """Do all of `work`, some in each transaction."""
    more = True
    while more:
        connection.execute("BEGIN IMMEDIATE")
        more = sum(1 for _ in islice(work, _BATCH)) == _BATCH
        connection.execute("COMMIT")
