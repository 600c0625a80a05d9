"""Threads that run queries on one SQLite file, each on a connection of its own.

WAL lets them read while the journal is written. Plain `sqlite3` in a pool does what aiosqlite
does, with one hop to a thread for a whole query and not one for each call of a cursor.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from tracker.errors import StoreDamagedError, StoreError
from tracker.storage import localfile
from tracker.storage.queries import Query
from tracker.threadpool import started

T = TypeVar("T")


class SqliteThreads:
    """A pool of threads on one file. With one thread, everything in it happens in order.

    Making one blocks until its threads run.
    """

    def __init__(self, path: Path, threads: int, *, read_only: bool) -> None:
        self._path = path
        self._read_only = read_only
        self._local = threading.local()
        self._connections: list[sqlite3.Connection] = []
        self._executor = started(threads, "reader" if read_only else "history")

    async def call(self, action: Callable[[sqlite3.Connection], T]) -> T:
        """What `action` makes of a connection, in a thread. Raises StoreError."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, self._call, action)

    async def run(self, query: Query, **values: object) -> list[Any]:
        """All rows of a query, as tuples."""
        return await self.call(partial(_fetch, query, values))

    async def change(self, query: Query, values: Mapping[str, object]) -> int:
        """Run a statement that changes the file; how many rows it changed."""
        constants = query.constants
        return await self.call(lambda c: c.execute(query.sqlite, constants | dict(values)).rowcount)

    async def run_many(self, query: Query, rows: Sequence[Mapping[str, object]]) -> None:
        """Run a statement for each of `rows`, all in one transaction."""
        await self.call(partial(_run_many, query, rows))

    async def close(self) -> None:
        """Wait for what is running, then close all connections."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._executor.shutdown()
        while self._connections:
            self._connections.pop().close()

    def _call(self, action: Callable[[sqlite3.Connection], T]) -> T:
        try:
            connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
            if connection is None:
                connection = localfile.connect(self._path, read_only=self._read_only)
                self._local.connection = connection
                self._connections.append(connection)
            return action(connection)
        except sqlite3.Error as error:
            raise store_error(error, self._path) from error


def transaction(connection: sqlite3.Connection, action: Callable[[], T]) -> T:
    """Run `action` in one transaction, which is undone if it raises."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        result = action()
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return result


def store_error(error: sqlite3.Error, path: Path) -> StoreError:
    """What a client may know of an error of SQLite's."""
    code = getattr(error, "sqlite_errorcode", None)
    if code is not None and code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
        return StoreDamagedError(f"{path} is damaged ({error}); a restart repairs it", value=path)
    return StoreError(f"{path}: {error}", value=path)


def _fetch(query: Query, values: dict[str, object], connection: sqlite3.Connection) -> list[Any]:
    return connection.execute(query.sqlite, query.constants | values).fetchall()


def _run_many(
    query: Query, rows: Sequence[Mapping[str, object]], connection: sqlite3.Connection
) -> None:
    transaction(connection, lambda: connection.executemany(query.sqlite, rows))
