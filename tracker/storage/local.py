"""The node's own file, seen from the store: what is in the journal, and moving it on.

Both bodies of the store have one. It reads in threads beside the journal's writer, and changes the
file in one thread, so folding, forgetting, erasing and saving never meet.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import orjson

from tracker.errors import StoreDamagedError, StoreError
from tracker.model import Position
from tracker.storage import localfile, queries
from tracker.storage.rows import Row, row_order, row_position
from tracker.storage.threads import SqliteThreads

READERS = 2  # threads: more only take turns on the interpreter lock
SCAN_IDS = 100_000  # of the journal in one query: 50 ms of one thread, and memory stays flat


class LocalFile:
    """Threads on the node's SQLite file, and the questions about the journal in it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damage: StoreDamagedError | None = None  # that was found and repaired at start
        self._reader: SqliteThreads | None = None
        self._writer: SqliteThreads | None = None

    async def prepare(self) -> None:
        """Hold the file: checked, repaired and migrated. Raises StartError or StoreError."""
        damage = await asyncio.to_thread(localfile.acquire, self.path)
        self.damage = damage or self.damage

    async def open(self) -> None:
        """Hold the file and make ready to use it. Raises StartError or StoreError."""
        await self.prepare()
        self._reader = await asyncio.to_thread(SqliteThreads, self.path, READERS, read_only=True)
        self._writer = await asyncio.to_thread(SqliteThreads, self.path, 1, read_only=False)

    async def close(self) -> None:
        """Finish what is running and let go of the file."""
        if self._reader is None or self._writer is None:
            return
        reader, writer = self._reader, self._writer
        self._reader = self._writer = None
        await reader.close()
        await writer.close()
        localfile.release(self.path)

    @property
    def reader(self) -> SqliteThreads:
        """For everything that only reads. Raises StoreError when the file is not open."""
        if self._reader is None:
            raise StoreError("the store is not open")
        return self._reader

    @property
    def writer(self) -> SqliteThreads:
        """For everything that changes the file but the appending. Raises StoreError."""
        if self._writer is None:
            raise StoreError("the store is not open")
        return self._writer

    async def ask(self, query: queries.Query, **values: object) -> list[Row]:
        """All rows of a query; lists among the values go as JSON text."""
        text = {
            name: orjson.dumps(value).decode() if isinstance(value, list) else value
            for name, value in values.items()
        }
        return await self.reader.run(query, **text)

    async def ends(self) -> tuple[int, int] | None:
        """The first and the last id in the journal; None when it is empty."""
        [(first, last)] = await self.reader.run(queries.JOURNAL_ENDS)
        return None if first is None else (first, last)

    async def backlog(self) -> int:
        """How many positions are in the journal and not yet in the history."""
        ends = await self.ends()
        return 0 if ends is None else ends[1] - ends[0] + 1

    async def span_rows(self, vehicle_id: str, first_us: int, last_us: int) -> list[Row]:
        """The part of a vehicle's track that is in the journal, sorted by `row_order`."""
        rows = await self.reader.run(
            queries.JOURNAL_SPAN, vehicle_id=vehicle_id, first_us=first_us, last_us=last_us
        )
        return sorted(rows, key=row_order)

    async def last_positions(self) -> dict[str, Position]:
        """The newest valid position of every vehicle that is in the journal."""
        found: dict[str, Position] = {}
        ends = await self.ends()
        if ends is not None:
            for start in range(ends[0] - 1, ends[1], SCAN_IDS):
                rows = await self.reader.run(
                    queries.JOURNAL_LAST, after_id=start, last_id=start + SCAN_IDS
                )
                keep_newest(found, rows)
        return found

    async def change(self, query: queries.Query, **values: object) -> int:
        """Run a statement that changes the file; how many rows it changed."""
        return await self.writer.change(query, values)

    @contextlib.asynccontextmanager
    async def overwriting(self) -> AsyncIterator[None]:
        """What is deleted meanwhile is overwritten, in the file and in the log."""
        await self.writer.call(lambda c: c.execute("PRAGMA secure_delete = ON").fetchall())
        try:
            yield
        finally:
            await self.writer.call(lambda c: c.execute("PRAGMA secure_delete = OFF").fetchall())
            await self.writer.call(
                lambda c: c.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
            )

    async def forget(self, after_id: int, last_id: int) -> None:
        """Delete a range of the journal that is in the history now."""
        await self.writer.run(queries.FORGET, after_id=after_id, last_id=last_id)

    async def checkpoint(self) -> None:
        """Move the WAL to the file as far as nobody reads it; waits for nobody."""
        await self.writer.call(lambda c: c.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall())


def keep_newest(found: dict[str, Position], rows: list[Row]) -> None:
    """Take over the rows (vehicle_id first) that are newer than what was found."""
    for vehicle_id, *row in rows:
        position = row_position(tuple(row), vehicle_id)
        known = found.get(vehicle_id)
        if known is None or known.order < position.order:
            found[vehicle_id] = position
