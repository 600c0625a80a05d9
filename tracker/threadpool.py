"""Pools whose threads run before they are needed.

`Thread.start` waits until the new thread has run, and a pool starts its threads when the first jobs
come: on the event loop, which then stands still for as long as a busy machine lets the new thread
wait. Half a second of that has been seen. So threads are started once, beforehand and elsewhere.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

WORKERS = 8  # of the event loop's own pool: files, exports, the odd look at a disk


def started(threads: int, name: str) -> ThreadPoolExecutor:
    """A pool, all of whose threads run. Blocks until they do."""
    pool = ThreadPoolExecutor(threads, name)
    everybody = threading.Barrier(threads)
    for waiting in [pool.submit(everybody.wait) for _ in range(threads)]:
        waiting.result()
    return pool
