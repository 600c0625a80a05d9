"""Writes behind the scenes what must not be waited for: a device's first contact, a command's step.

Of each record only the newest state is kept, so memory is bounded by how many records there are;
while the store is away they wait here and are written when it is back. A vehicle that is lost with
the process comes again by itself: its id follows from its device.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, Protocol, TypeVar

import structlog

from tracker.errors import StoreError
from tracker.model import Vehicle
from tracker.storage.base import Store

RETRY_S = 2.0
VEHICLES_BATCH = 500  # in one transaction: a fleet that logs in at once is written in a few

_log = structlog.get_logger(__name__)


class Record(Protocol):
    """What has an id; a newer state of it replaces an older one."""

    @property
    def id(self) -> str:
        """What tells it from others."""
        ...


R = TypeVar("R", bound=Record)


class Saver(Generic[R]):
    """`save` and forget, or wait for it.

    `write` stores at most `batch` records in one transaction; it raises StoreError where it cannot.
    Beyond `most` records that wait the oldest is lost, and counted; None: there cannot be more than
    there is room for anyway. `what` names the records in the log.
    """

    def __init__(
        self,
        what: str,
        write: Callable[[Sequence[R]], Awaitable[None]],
        *,
        batch: int,
        most: int | None = None,
    ) -> None:
        self.lost = 0
        self._what = what
        self._write_batch = write
        self._batch = batch
        self._most = most
        self._dirty: dict[str, R] = {}
        self._wake = asyncio.Event()
        self._written = asyncio.Event()  # set and made anew with each transaction
        self._task: asyncio.Task[None] | None = None

    def __len__(self) -> int:
        """How many are not written yet."""
        return len(self._dirty)

    def start(self) -> None:
        """Begin to write."""
        self._task = asyncio.create_task(self._run(), name=f"saver of {self._what}")

    def save(self, record: R) -> None:
        """Write this soon."""
        if self._most is not None and len(self._dirty) >= self._most:
            self._make_room(record)
        self._dirty[record.id] = record
        self._wake.set()

    def _make_room(self, record: R) -> None:
        if record.id not in self._dirty:
            del self._dirty[next(iter(self._dirty))]
            self.lost += 1

    async def written(self, record: R, patience_s: float) -> bool:
        """Whether a record that was given to `save`, or a newer state of it, is durable in time."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                while record.id in self._dirty:
                    await self._written.wait()
        return record.id not in self._dirty

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
                _log.warning(f"{self._what}.not_saved", waiting=len(self._dirty), error=str(exc))
                self._wake.set()
                await asyncio.sleep(RETRY_S)

    async def _write(self) -> None:
        while self._dirty:
            batch = list(self._dirty.values())[: self._batch]
            await self._write_batch(batch)
            for record in batch:
                if self._dirty.get(record.id) is record:
                    del self._dirty[record.id]
            written, self._written = self._written, asyncio.Event()
            written.set()


class VehicleSaver(Saver[Vehicle]):
    """Of vehicles: as many can wait as may be registered."""

    def __init__(self, store: Store) -> None:
        super().__init__("vehicles", store.save_vehicles, batch=VEHICLES_BATCH)
