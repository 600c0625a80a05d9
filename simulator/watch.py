"""What `viewers` does: watch the live feed and count."""

from __future__ import annotations

import asyncio

from simulator.clock import Clock
from simulator.crowd import CrowdPlan, LocalViewers, RemoteViewers, Viewers, split, start_all
from simulator.display import Display
from simulator.errors import TargetError
from simulator.interrupt import until_done_or_told
from simulator.viewing import Seen, summarise


async def watch(plan: CrowdPlan, processes: int, duration_s: float | None) -> Seen:
    """Watch for so long, or until a signal. Raises TargetError."""
    clock = Clock()
    with Display(clock) as display:
        here, elsewhere = split(plan, processes)
        local = LocalViewers(here, clock, display.trouble(plan.url))
        crowds: list[Viewers] = [local, *map(RemoteViewers, elsewhere)]
        display.phase("viewers connect")
        try:
            await start_all(crowds)
            await asyncio.gather(*(crowd.begin() for crowd in crowds))
            display.phase("watching", duration_s)
            await until_done_or_told(
                display.follow(lambda: _progress(local)),
                _given_up(local),
                seconds=duration_s,
            )
            counts = await asyncio.gather(*(crowd.measured() for crowd in crowds))
        finally:
            await asyncio.gather(*(crowd.stop() for crowd in crowds))
    return summarise([one for some in counts for one in some])


async def _given_up(local: LocalViewers) -> None:
    """Raises TargetError once a viewer has been turned away for good."""
    while True:
        failure = local.failure()
        if failure is not None:
            raise TargetError(str(failure))
        await asyncio.sleep(1.0)


def _progress(local: LocalViewers) -> str:
    frames = sum(viewer.stats.frames for viewer in local.viewers)
    missing = sum(viewer.stats.missing for viewer in local.viewers)
    return f"{len(local.viewers)} viewers here · {frames:,} frames · {missing:,} missed"
