"""Writes vehicles behind the scenes: a device's first contact does not wait for the store.

Only the newest state of a vehicle is kept, so memory is bounded by the fleet; while the store is
away vehicles wait here and are written when it is back. A vehicle that is lost with the process
comes again by itself: its id follows from its device.
"""

from __future__ import annotations

import asyncio
import contextlib

import structlog

from tracker.errors import StoreError
from tracker.model import Vehicle
from tracker.storage.base import Store

RETRY_S = 2.0
BATCH = 500  # vehicles in one transaction: a fleet that logs in at once is written in a few

_log = structlog.get_logger(__name__)


class VehicleSaver:
    """`save` and forget."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._dirty: dict[str, Vehicle] = {}
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin to write."""
        self._task = asyncio.create_task(self._run(), name="vehicle saver")

    def save(self, vehicle: Vehicle) -> None:
        """Write this state of a vehicle soon."""
        self._dirty[vehicle.id] = vehicle
        self._wake.set()

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
                _log.warning("vehicles.not_saved", waiting=len(self._dirty), error=str(exc))
                self._wake.set()
                await asyncio.sleep(RETRY_S)

    async def _write(self) -> None:
        while self._dirty:
            batch = list(self._dirty.values())[:BATCH]
            await self._store.save_vehicles(batch)
            for vehicle in batch:
                if self._dirty.get(vehicle.id) is vehicle:
                    del self._dirty[vehicle.id]
