"""Moves positions from the journal to the history, for as long as the store is open.

How is the store's business; here is when, and what happens when it fails: it is tried again, later
and later, said once, and the journal grows meanwhile.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable

import structlog

from tracker.errors import StoreError

EVERY_S = 0.5  # between two looks at the journal
RETRY_MAX_S = 5.0  # a database that comes back is not kept waiting longer
REST = 1.0  # times the length of a step: moving a long backlog takes at most half of a core

log = structlog.get_logger(__name__)


async def rest(started: float) -> None:
    """Leave the disk and the processor to live traffic for as long as the step took."""
    await asyncio.sleep(REST * (asyncio.get_running_loop().time() - started))


class Mover:
    """One task that calls `move` again and again; `move` says whether there is more to do."""

    def __init__(self, move: Callable[[], Awaitable[bool]]) -> None:
        self.failing_since: float | None = None  # Unix time; None: the last move succeeded
        self.failures = 0
        self._move = move
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Begin."""
        self._task = asyncio.get_running_loop().create_task(self._run(), name="mover")

    async def stop(self) -> None:
        """End between two steps or in one; a step that is cut short is done again next time."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
            self._task = None

    async def _run(self) -> None:
        retry_s = EVERY_S
        while True:
            started = asyncio.get_running_loop().time()
            try:
                more = await self._move()
            except StoreError as error:
                self._failed(error)
                await asyncio.sleep(retry_s)
                retry_s = min(2 * retry_s, RETRY_MAX_S)
                continue
            retry_s = EVERY_S
            if self.failing_since is not None:
                log.warning("store.works_again")
                self.failing_since = None
            await (rest(started) if more else asyncio.sleep(EVERY_S))

    def _failed(self, error: StoreError) -> None:
        self.failures += 1
        if self.failing_since is None:
            self.failing_since = time.time()
            log.warning("store.fails", error=error.message)
