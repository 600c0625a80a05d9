"""Ctrl-C and SIGTERM end a run in order, with what it found."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine
from typing import Any


async def until_done_or_told(*work: Coroutine[Any, Any, Any], seconds: float | None = None) -> bool:
    """Run `work` together until one of them ends, a signal comes or the time is up.

    Returns whether a signal came. What any of them raises is raised here.
    """
    loop = asyncio.get_running_loop()
    told = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told.set)
    tasks = [asyncio.ensure_future(one) for one in work]
    waiter = asyncio.ensure_future(told.wait())
    try:
        await asyncio.wait([*tasks, waiter], timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (*tasks, waiter):
            task.cancel()
        results = await asyncio.gather(*tasks, waiter, return_exceptions=True)
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
    for result in results:
        if isinstance(result, Exception):
            raise result
    return told.is_set()
