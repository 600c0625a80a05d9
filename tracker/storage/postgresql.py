"""The store in PostgreSQL: the journal stays the node's own file and drains into it.

Each step copies some thousand positions into a staging table, inserts from there what is not
stored yet, and only then takes them out of the journal. A step that is cut short anywhere is done
again without harm, so an outage of any length does no more than make the file longer.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Iterable, Mapping
from itertools import pairwise
from operator import attrgetter
from pathlib import Path
from typing import Any

import asyncpg
from sqlalchemy.exc import SQLAlchemyError

from tracker.errors import StoreError
from tracker.model import Vehicle
from tracker.storage import partitions, queries
from tracker.storage.base import Store
from tracker.storage.migrate import CONNECT_TIMEOUT_S, upgrade_postgresql
from tracker.storage.mover import rest
from tracker.storage.rows import COLUMNS, MICROSECONDS, Row
from tracker.storage.vehicles import row_vehicle, vehicle_values

CONNECTIONS = 5  # one drains, the others read
COMMAND_TIMEOUT_S = 30.0  # a server that stands still must not hold a reader for ever
PING_TIMEOUT_S = 2.0  # whoever asks for readiness waits no longer; a start does
DRAIN_STEP = 5_000  # rows in one transaction: 50 ms, and about 5 MB in memory
YIELD_ROWS = 250  # converted before the event loop has its turn: about 0.5 ms
CHECKPOINT_AFTER_S = 5.0
RECENT_US = 2 * partitions.DAY_US  # where most vehicles have their newest position

_CREATE_STAGING = (
    "CREATE TEMPORARY TABLE IF NOT EXISTS staging (LIKE positions) ON COMMIT DELETE ROWS"
)
_KEPT_FOR_EVER = (  # whether a vehicle is of none of these fleets, or of none at all
    "SELECT EXISTS (SELECT FROM vehicle_keys LEFT JOIN vehicles ON id = vehicle_id"
    " WHERE fleet IS NULL OR fleet != ALL($1::text[]))"
)
_FAILURES = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError)


class PostgresqlStore(Store):
    """Vehicles and history in PostgreSQL, with the journal in a local file."""

    def __init__(self, url: str, journal_path: Path) -> None:
        super().__init__(journal_path)
        self._url = url
        self._pool: asyncpg.Pool | None = None
        self._draining = asyncio.Lock()
        self._keys: dict[int, int] = {}  # the server's key of a vehicle by the journal's
        self._days: set[int] = set()  # that are known to have a partition
        self._checkpointed = 0.0

    async def migrate(self) -> None:
        try:
            await asyncio.to_thread(upgrade_postgresql, self._url)
        except (*_FAILURES, SQLAlchemyError, ValueError) as error:
            raise _store_error(error) from error

    async def _connect(self) -> None:
        self._checkpointed = asyncio.get_running_loop().time()
        try:
            self._pool = await asyncpg.create_pool(
                self._url,
                min_size=0,  # the driver would log a traceback for each try to keep a minimum
                max_size=CONNECTIONS,
                timeout=CONNECT_TIMEOUT_S,
                command_timeout=COMMAND_TIMEOUT_S,
                server_settings={"application_name": "tracker"},
            )
        except (*_FAILURES, ValueError) as error:
            raise _store_error(error) from error
        try:
            await self._answers(CONNECT_TIMEOUT_S)
        except StoreError:
            await self._disconnect()
            raise

    async def _disconnect(self) -> None:
        if self._pool is not None:
            pool, self._pool = self._pool, None
            try:
                async with asyncio.timeout(PING_TIMEOUT_S):
                    await pool.close()
            except _FAILURES:
                pool.terminate()

    @contextlib.asynccontextmanager
    async def _connection(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection; whatever goes wrong with it comes out as StoreError."""
        if self._pool is None:
            raise StoreError("the store is not open")
        try:
            async with self._pool.acquire(timeout=CONNECT_TIMEOUT_S) as connection:
                yield connection
        except _FAILURES as error:
            raise _store_error(error) from error

    async def _run(self, query: queries.Query, **values: object) -> list[Any]:
        values = query.constants | values
        async with self._connection() as connection:
            rows = await connection.fetch(query.postgresql, *(values[n] for n in query.order))
        return [tuple(row) for row in rows]

    async def ping(self) -> None:
        await self._answers(PING_TIMEOUT_S)

    async def _answers(self, within_s: float) -> None:
        # Not by `asyncio.timeout`: the driver, when cancelled, asks the server to cancel as well,
        # and one that stands still would be waited for.
        question = asyncio.create_task(self._run(queries.PING))
        question.add_done_callback(lambda task: task.cancelled() or task.exception())
        try:
            await asyncio.wait([question], timeout=within_s)
            if not question.done():
                raise StoreError("PostgreSQL does not answer")
            question.result()
        finally:
            question.cancel()

    # -- vehicles and tracks ---------------------------------------------------------------------

    async def load_vehicles(self) -> list[Vehicle]:
        return [row_vehicle(row) for row in await self._run(queries.LOAD_VEHICLES)]

    async def save_vehicles(self, vehicles: Iterable[Vehicle]) -> None:
        query = queries.SAVE_VEHICLE
        rows = [
            tuple(values[name] for name in query.order)
            for values in map(vehicle_values, sorted(vehicles, key=attrgetter("id")))
        ]
        async with self._connection() as connection:
            await connection.executemany(query.postgresql, rows)  # in one transaction

    async def _stored_last(self) -> list[Row]:
        recent_us = round(time.time() * MICROSECONDS) - RECENT_US
        rows = await self._run(queries.STORED_LAST, first_us=recent_us, vehicle_ids=None)
        found = {row[0] for row in rows}
        others = [row[0] for row in await self._run(queries.LOAD_KEYS) if row[0] not in found]
        if others:
            rows += await self._run(queries.STORED_LAST, first_us=-(2**63), vehicle_ids=others)
        return rows

    # -- retention and erasing -------------------------------------------------------------------

    async def retain(self, now: float, keep_s: Mapping[str, float]) -> int:
        loop = asyncio.get_running_loop()
        deleted = await self._drop_days(now, keep_s)
        for fleet, age_s in keep_s.items():
            before_us = round((now - age_s) * MICROSECONDS)
            keys = [key for (key,) in await self._run(queries.FLEET_KEYS, fleet=fleet)]
            for first_us, last_us in await self._day_spans(before_us):
                started = loop.time()
                deleted += await self._change(
                    queries.DELETE_SPAN, vehicle_keys=keys, first_us=first_us, before_us=last_us
                )
                await rest(started)
        return deleted

    async def _drop_days(self, now: float, keep_s: Mapping[str, float]) -> int:
        """Drop whole partitions, where every vehicle is of a fleet that keeps nothing so old."""
        async with self._connection() as connection:
            for_ever = await connection.fetchval(_KEPT_FOR_EVER, list(keep_s))
            if for_ever or not keep_s:
                return 0
            oldest = partitions.day_of(round((now - max(keep_s.values())) * MICROSECONDS))
            dropped = 0
            for day in sorted(await partitions.existing_days(connection)):
                if day < oldest:
                    dropped += await partitions.drop_partition(connection, day)
                    self._days.discard(day)
            return dropped

    async def _day_spans(self, before_us: int) -> list[tuple[int, int]]:
        """Spans of at most a day that have partitions, up to a time; the first one from ever."""
        async with self._connection() as connection:
            days = await partitions.existing_days(connection)
        starts = sorted(d * partitions.DAY_US for d in days if d * partitions.DAY_US < before_us)
        return list(pairwise([-(2**63), *starts, before_us]))

    async def erase(self, vehicle_id: str) -> int:
        async with self._draining:
            erased = 0
            rows = await self._local.reader.run(queries.KEY_OF, vehicle_id=vehicle_id)
            for (key,) in rows:
                async with self._local.overwriting():
                    erased += await self._local.change(queries.ERASE_JOURNAL, vehicle_key=key)
            return erased + await self._change(queries.ERASE, vehicle_id=vehicle_id)

    async def _forget_vehicle(self, vehicle_id: str) -> None:
        await self._change(queries.DELETE_VEHICLE, vehicle_id=vehicle_id)

    async def _change(self, query: queries.Query, **values: object) -> int:
        """Run a statement that changes rows; how many."""
        async with self._connection() as connection:
            tag = await connection.execute(query.postgresql, *(values[n] for n in query.order))
        return int(tag.rpartition(" ")[2])  # as in DELETE 17

    # -- draining --------------------------------------------------------------------------------

    async def drain(self) -> None:
        ends = await self._local.ends()
        # The mover may be faster: then there is nothing left to do.
        while ends is not None and 0 < await self._drain_step() < ends[1]:
            pass

    async def _move(self) -> bool:
        now = asyncio.get_running_loop().time()
        if now - self._checkpointed >= CHECKPOINT_AFTER_S:
            await self._local.checkpoint()
            self._checkpointed = now
        last_id = await self._drain_step()
        return last_id > 0 and await self._local.backlog() >= DRAIN_STEP

    async def _drain_step(self) -> int:
        """Move the oldest rows of the journal; the last id among them, 0 where there were none."""
        async with self._draining:
            rows = await self._local.reader.run(queries.JOURNAL_STEP, after_id=0, limit=DRAIN_STEP)
            if not rows:
                return 0
            async with self._connection() as connection:
                await self._know_keys(connection, {row[1] for row in rows})
                await self._know_days(connection, {partitions.day_of(row[2]) for row in rows})
                await self._insert(connection, rows)
            last_id: int = rows[-1][0]
            await self._local.forget(rows[0][0] - 1, last_id)
            return last_id

    async def _know_keys(self, connection: asyncpg.Connection, keys: set[int]) -> None:
        """Learn the server's keys for the journal's; make those that are not there yet."""
        if keys <= self._keys.keys():
            return
        local = dict(await self._local.reader.run(queries.LOAD_KEYS))
        # Here and below in one order on every node, or two that drain the same would wait for each
        # other.
        ids = sorted(vehicle_id for vehicle_id, key in local.items() if key not in self._keys)
        await connection.execute(
            "INSERT INTO vehicle_keys (vehicle_id) SELECT unnest($1::text[])"
            " ON CONFLICT DO NOTHING",
            ids,
        )
        rows = await connection.fetch(
            "SELECT vehicle_id, vehicle_key FROM vehicle_keys WHERE vehicle_id = ANY($1)", ids
        )
        self._keys.update((local[row["vehicle_id"]], row["vehicle_key"]) for row in rows)

    async def _know_days(self, connection: asyncpg.Connection, days: set[int]) -> None:
        today = partitions.day_of(round(time.time() * MICROSECONDS))
        missing = partitions.wanted_days(days, today) - self._days
        if missing:
            await partitions.create_partitions(connection, missing)
            self._days |= missing

    async def _insert(self, connection: asyncpg.Connection, rows: list[Row]) -> None:
        async with connection.transaction():
            await connection.execute(_CREATE_STAGING)
            await connection.copy_records_to_table(
                "staging", records=self._records(rows), columns=COLUMNS
            )
            await connection.execute(
                "INSERT INTO positions SELECT * FROM staging"
                " ORDER BY vehicle_key, fix_time_us, digest ON CONFLICT DO NOTHING"
            )

    async def _records(self, rows: list[Row]) -> AsyncIterator[Row]:
        for number, row in enumerate(rows):
            if number % YIELD_ROWS == 0:
                await asyncio.sleep(0)
            yield (self._keys[row[1]], *row[2:])


def _store_error(error: BaseException) -> StoreError:
    return StoreError(f"PostgreSQL: {str(error) or type(error).__name__}")
