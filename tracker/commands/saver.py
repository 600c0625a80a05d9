"""Writes what becomes of commands behind the scenes, for a device does not wait for the store.

The newest telling of a command replaces the older one, so memory is bounded by how many commands
there can be; while the store is away they wait here and are written when it is back.
"""

from __future__ import annotations

import asyncio
import contextlib

import structlog

from tracker.commands.table import ENDED_MOST, OPEN_MOST
from tracker.errors import StoreError
from tracker.model import CommandRecord
from tracker.storage import commands
from tracker.storage.base import Store

RETRY_S = 2.0
BATCH = 200  # commands in one transaction
UNSAVED_MOST = OPEN_MOST + ENDED_MOST  # beyond it the oldest is lost, and counted

_log = structlog.get_logger(__name__)


class CommandSaver:
    """`save` and forget, or wait for it."""

    def __init__(self, store: Store, unsaved_most: int = UNSAVED_MOST) -> None:
        self.lost = 0
        self._store = store
        self._most = unsaved_most
        self._dirty: dict[str, CommandRecord] = {}
        self._wake = asyncio.Event()
        self._written = asyncio.Event()  # set and made anew with each transaction
        self._task: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        """How many are not written yet."""
        return len(self._dirty)

    def start(self) -> None:
        """Begin to write."""
        self._task = asyncio.create_task(self._run(), name="command saver")

    def save(self, record: CommandRecord) -> None:
        """Write this soon."""
        if len(self._dirty) >= self._most and record.id not in self._dirty:
            del self._dirty[next(iter(self._dirty))]
            self.lost += 1
        self._dirty[record.id] = record
        self._wake.set()

    async def written(self, record: CommandRecord, patience_s: float) -> bool:
        """Whether a record that was given to `save` is durable, within the time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                while self._dirty.get(record.id) is record:
                    await self._written.wait()
        return self._dirty.get(record.id) is not record

    async def close(self) -> None:
        """Write what is left, once."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            with contextlib.suppress(StoreError):
                await self._write()

    async def _run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            try:
                await self._write()
            except StoreError as exc:
                _log.warning("commands.not_saved", waiting=len(self._dirty), error=str(exc))
                self._wake.set()
                await asyncio.sleep(RETRY_S)

    async def _write(self) -> None:
        while self._dirty:
            batch = list(self._dirty.values())[:BATCH]
            await commands.save(self._store, batch)
            for record in batch:
                if self._dirty.get(record.id) is record:
                    del self._dirty[record.id]
            written, self._written = self._written, asyncio.Event()
            written.set()
