"""The store in SQLite: the journal's own file is the history as well.

The journal is in order of arrival, so that appending touches few pages; the history is in order of
vehicle and time, so that a track lies in one piece. Folding moves positions from one to the other
many at a time and sorted, so that the pages of 10,000 vehicles are not all rewritten at once for
every second of traffic.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from pathlib import Path

from tracker.model import Vehicle
from tracker.storage import localfile, queries
from tracker.storage.base import Store
from tracker.storage.mover import rest
from tracker.storage.rows import MICROSECONDS, Row
from tracker.storage.vehicles import row_vehicle, vehicle_values

FOLD_ROWS = 50_000  # in the journal: a reading has to look through them, which takes 5 ms
FOLD_AFTER_S = 60.0  # or after this time: nobody waits for it
FOLD_STEP = 5_000  # rows in one transaction: the journal waits 10 to 20 ms for it to end
DELETE_STEP = 2_000  # rows in one transaction: the journal waits about 10 ms for it to end
_END_OF_TIME_US = 2**63 - 1
CHECKPOINT_AFTER_S = 5.0  # keeps the WAL of 10,000 positions/s at a few MB


class SqliteStore(Store):
    """Vehicles and history in one SQLite file."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._folded = self._checkpointed = 0.0
        self._folding = asyncio.Lock()  # `drain` and the mover would do the same work

    async def migrate(self) -> None:
        await self._local.prepare()
        localfile.release(self.journal_path)

    async def _connect(self) -> None:
        self._folded = self._checkpointed = asyncio.get_running_loop().time()

    async def _disconnect(self) -> None:
        return

    async def ping(self) -> None:
        await self._local.reader.run(queries.PING)

    async def load_vehicles(self) -> list[Vehicle]:
        return [row_vehicle(row) for row in await self._local.reader.run(queries.LOAD_VEHICLES)]

    async def save_vehicles(self, vehicles: Iterable[Vehicle]) -> None:
        rows = [vehicle_values(vehicle) for vehicle in vehicles]
        await self._local.writer.run_many(queries.SAVE_VEHICLE, rows)

    async def _stored_last(self) -> list[Row]:
        rows = await self._local.reader.run(queries.STORED_LAST)
        return [row for row in rows if row[1] is not None]

    async def _run(self, query: queries.Query, **values: object) -> list[Row]:
        return await self._local.ask(query, **values)

    async def retain(self, now: float, keep_s: Mapping[str, float]) -> int:
        deleted = 0
        for fleet, age_s in keep_s.items():
            before_us = round((now - age_s) * MICROSECONDS)
            for (key,) in await self._local.reader.run(queries.FLEET_KEYS, fleet=fleet):
                deleted += await self._delete_before(key, before_us)
        return deleted

    async def _delete_before(self, key: int, before_us: int) -> int:
        deleted = 0
        while step := await self._step(
            queries.DELETE_BEFORE, vehicle_key=key, before_us=before_us, limit=DELETE_STEP
        ):
            deleted += step
        return deleted

    async def erase(self, vehicle_id: str) -> int:
        erased = 0
        for (key,) in await self._local.reader.run(queries.KEY_OF, vehicle_id=vehicle_id):
            if key is not None:
                async with self._local.overwriting():
                    # The journal first: what a fold takes from there meanwhile is met behind it.
                    erased = await self._local.change(queries.ERASE_JOURNAL, vehicle_key=key)
                    erased += await self._delete_before(key, _END_OF_TIME_US)
        return erased

    async def _forget_vehicle(self, vehicle_id: str) -> None:
        await self._local.change(queries.DELETE_VEHICLE, vehicle_id=vehicle_id)

    # -- folding ---------------------------------------------------------------------------------

    async def drain(self) -> None:
        target = await self._local.ends()
        while target is not None and 0 < await self._fold(target[1]) < target[1]:
            pass

    async def _move(self) -> bool:
        now = asyncio.get_running_loop().time()
        rows = await self._local.backlog()
        if rows >= FOLD_ROWS or (rows and now - self._folded >= FOLD_AFTER_S):
            await self._fold()
            self._folded = now
        if now - self._checkpointed >= CHECKPOINT_AFTER_S:
            await self._local.checkpoint()
            self._checkpointed = now
        return rows >= 2 * FOLD_ROWS

    async def _fold(self, up_to: int = _END_OF_TIME_US) -> int:
        """Move the oldest FOLD_ROWS of the journal; the last id among them, 0 if there were none.

        First all go into the history, then all out of the journal. Cut short, it leaves copies in
        both, which every reading shows once and the next fold does not store again.
        """
        async with self._folding:
            ends = await self._local.ends()
            if ends is None:
                return 0
            span = {
                "after_id": ends[0] - 1,
                "last_id": min(ends[0] + FOLD_ROWS - 1, ends[1], up_to),
            }
            counts = await self._local.reader.run(queries.JOURNAL_COUNTS, **span)
            for first_key, last_key in key_ranges(counts, FOLD_STEP):
                await self._step(queries.FOLD, **span, first_key=first_key, last_key=last_key)
            for after_id in range(span["after_id"], span["last_id"], FOLD_STEP):
                last_id = min(after_id + FOLD_STEP, span["last_id"])
                await self._step(queries.FORGET, after_id=after_id, last_id=last_id)
            return span["last_id"]

    async def _step(self, query: queries.Query, **values: object) -> int:
        """Change rows in one transaction, and rest; how many rows were changed."""
        started = asyncio.get_running_loop().time()
        changed = await self._local.change(query, **values)
        await rest(started)
        return changed


def key_ranges(counts: Iterable[tuple[int, int]], rows: int) -> list[tuple[int, int]]:
    """Ranges of keys, from (key, its rows) in order of key, with about `rows` rows in each."""
    ranges: list[tuple[int, int]] = []
    first_key = last_key = held = 0
    for key, count in counts:
        first_key = first_key if held else key
        held += count
        if held >= rows:
            ranges.append((first_key, key))
            held = 0
        last_key = key
    if held:
        ranges.append((first_key, last_key))
    return ranges
