"""Waiting for what another task or another process brings about: bounded, and never by guessing."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from typing import Any

PATIENCE_S = 60.0  # a bound for what hangs, not a measure: a machine may stand still for seconds
PAUSE_S = 0.02


async def until(condition: Callable[[], Any], within_s: float = PATIENCE_S) -> Any:
    """Until `condition()` is true, awaited where it has to be; what it gave. Raises TimeoutError.

    Whoever asserts on what comes about elsewhere waits for exactly that first.
    """
    async with asyncio.timeout(within_s):
        while True:
            found = condition()
            if inspect.isawaitable(found):
                found = await found
            if found:
                return found
            await asyncio.sleep(PAUSE_S)


async def until_told(condition: Callable[[], Any], within_s: float = PATIENCE_S) -> Any:
    """The same for a condition that blocks, because it asks another process."""
    return await until(lambda: asyncio.to_thread(condition), within_s)
