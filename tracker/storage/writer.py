"""Writes groups of positions to the table `journal`: one transaction each, synced before it ends.

Rows go in by statements of many rows, not by `executemany`: Python gives up and takes back the
interpreter lock around every step of a statement, and beside a busy event loop each taking back
may wait 5 ms. Measured with such a loop: 1,400 rows/s one by one, 17,000 to 50,000 in blocks.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from tracker.storage import queries
from tracker.storage.localfile import connect
from tracker.storage.rows import Row

# Each size is a statement that is prepared once; a group is cut greedily into these.
# 256 × 14 values stay well below SQLite's 32,766 in one statement.
BLOCKS = (256, 64, 16, 4, 1)

_INSERT = {size: queries.append_rows(size) for size in BLOCKS}


class JournalWriter:
    """The one connection that appends to the journal. Every method blocks: use it in a thread."""

    def __init__(self, path: Path, lock_wait_s: float) -> None:
        self._path = path
        self._lock_wait_s = lock_wait_s
        self._connection: sqlite3.Connection | None = None

    def close(self) -> None:
        """Close the connection; the last one to close a database folds the WAL into the file."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def load_keys(self) -> dict[str, int]:
        """The key of every vehicle that has one."""
        return dict(self._opened().execute(queries.LOAD_KEYS.sqlite).fetchall())

    def write(self, keys: Sequence[tuple[int, str]], rows: Sequence[Row]) -> None:
        """Make new keys and rows durable in one transaction.

        Raises sqlite3.Error, and then nothing of them is stored; `close` before the next try.
        """
        connection = self._opened()
        connection.execute("BEGIN IMMEDIATE")
        for key, vehicle_id in keys:
            connection.execute(
                queries.SAVE_KEY.sqlite, {"vehicle_key": key, "vehicle_id": vehicle_id}
            )
        start = 0
        for size in BLOCKS:
            while len(rows) - start >= size:
                block = rows[start : start + size]
                connection.execute(_INSERT[size], tuple(chain.from_iterable(block)))
                start += size
        connection.execute("COMMIT")

    def _opened(self) -> sqlite3.Connection:
        if self._connection is None:
            self._connection = connect(self._path, lock_wait_s=self._lock_wait_s)
        return self._connection
