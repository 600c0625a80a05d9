"""Deletes what is older than its fleet keeps it: every hour, in the background, in small steps."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Iterable

import structlog

from tracker.errors import StoreError
from tracker.storage.base import Store

EVERY_S = 3_600.0  # positions outlive their age by this at most, which nobody minds
DAY_S = 86_400.0

_log = structlog.get_logger(__name__)


def keep_seconds(
    fleets: Iterable[str], days: float, days_by_fleet: dict[str, float]
) -> dict[str, float]:
    """By fleet, how long its positions are kept; a fleet that is not in it keeps everything."""
    chosen = {fleet: days_by_fleet.get(fleet, days) for fleet in {*fleets, *days_by_fleet}}
    return {fleet: wanted * DAY_S for fleet, wanted in chosen.items() if wanted > 0}


class Retention:
    """Looks at once and then every hour; `rules` gives how long each fleet keeps positions."""

    def __init__(self, store: Store, rules: Callable[[], dict[str, float]]) -> None:
        self.deleted = 0
        self._store = store
        self._rules = rules
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.create_task(self._run(), name="retention")

    async def close(self) -> None:
        """Stop; a step under way is finished or undone by the store."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _run(self) -> None:
        while True:
            await self.look(time.time())
            await asyncio.sleep(EVERY_S)

    async def look(self, now: float) -> int:
        """Delete what is too old at `now`; how many positions."""
        rules = self._rules()
        if not rules:
            return 0
        try:
            count = await self._store.retain(now, rules)
        except StoreError as exc:
            _log.warning("retention.put_off", error=str(exc))
            return 0
        self.deleted += count
        if count:
            _log.info("retention.deleted", positions=count)
        return count
