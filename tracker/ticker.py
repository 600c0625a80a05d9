"""The heartbeat of a node: one timer, aligned to the wall clock, that never drifts.

At T the node's own changes are flushed and offered to the other nodes; at T + settle what arrived
from them is merged in and every viewer gets its one frame. The next T is always computed from the
clock, never from the last one, so lateness does not add up.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import Counter
from collections.abc import Callable
from itertools import chain

import structlog

from tracker.cluster import Cluster
from tracker.hub import Hub
from tracker.model import Vehicle
from tracker.ticks import Ticks
from tracker.world import World

CLOCK_STEP_TICKS = 5  # back by more than this: the clock was set, and numbering follows it

_log = structlog.get_logger(__name__)


class Ticker:
    """Joins ticks, cluster, world and hub, once per tick."""

    def __init__(
        self,
        ticks: Ticks,
        cluster: Cluster,
        world: World,
        hub: Hub,
        *,
        settle_s: float = 0.0,
        adopt: Callable[[Vehicle], object] = lambda _: None,
    ) -> None:
        self.ticks = ticks
        self.cluster = cluster
        self.world = world
        self.hub = hub
        self.settle_s = settle_s
        self.adopt = adopt
        self.stats: Counter[str] = Counter()
        self.last_tick = 0
        self.last_end = 0.0
        # Told of each tick: how late it began, how long its flush took, and when after its
        # boundary the last viewer's frame was written; seconds.
        self.on_timing: Callable[[float, float, float], None] = lambda _lag, _flush, _done: None
        self._task: asyncio.Task[None] | None = None
        self._stopping = asyncio.Event()

    def start(self) -> None:
        """Begin to tick."""
        self._task = asyncio.create_task(self._run(), name="ticker")

    async def close(self) -> None:
        """Stop after the tick that is under way."""
        self._stopping.set()
        if self._task is not None:
            await self._task

    async def _run(self) -> None:
        interval = self.ticks.interval_s
        while not self._stopping.is_set():
            number = max(self.ticks.number(time.time()), self.last_tick) + 1
            boundary = number * interval
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(max(0.0, boundary - time.time())):
                    await self._stopping.wait()
            now = time.time()
            if self.ticks.number(now) < number:  # or it is time to stop
                # Woken a little early, or the clock was set back: then its numbers rule.
                if number - self.ticks.number(now) > CLOCK_STEP_TICKS:
                    _log.warning("ticker.clock_set_back", seconds=round(boundary - now, 1))
                    self.last_tick = self.ticks.number(now)
                continue
            try:
                await self.tick(now)
            except Exception:  # noqa: BLE001 - one bad tick must not end all that follow
                self.stats["errors"] += 1
                self.hub.resync()  # nobody knows who was told what: everybody gets a full frame
                _log.exception("ticker.tick_failed", tick=number)

    async def tick(self, now: float) -> None:
        """One tick: flush, offer, settle, merge, send."""
        tick = self.ticks.flush(now)
        lag = now - tick.time
        self.stats["ticks"] += 1
        self.stats["missed"] += max(0, tick.number - self.last_tick - 1) if self.last_tick else 0
        self.last_tick = tick.number
        self.cluster.offer(tick)
        if self.settle_s:
            await asyncio.sleep(max(0.0, tick.time + self.settle_s - time.time()))
        begun = time.perf_counter()
        arrivals = self.cluster.collect()
        for vehicle in arrivals.vehicles:
            self.adopt(vehicle)
        changes = self.world.step(chain(tick.changed, arrivals.lives), time.time())
        for _ in self.hub.send(
            changes,
            tick.events + arrivals.events,
            tick=tick.number,
            tick_ms=round(tick.time * 1000),
            now=time.time(),
            degraded=self.cluster.degraded,
        ):
            await asyncio.sleep(0)
        self.last_end = time.time()
        self.on_timing(lag, time.perf_counter() - begun, self.last_end - tick.time)
