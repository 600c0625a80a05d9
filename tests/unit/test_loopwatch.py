"""A loop that stands still is seen, with the line that it stands on and what the clocks say."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from structlog.testing import capture_logs

from tracker.loopwatch import BEAT_S, LoopWatch, Stall

STALL_S = 0.1


def stall(**more: float) -> Stall:
    said = {"stood_s": 1.0, "loop_cpu_s": 0.0, "process_cpu_s": 0.0, "watch_late_s": 0.0}
    counts = {"page_reads": 0, "pushed_aside": 0}
    return Stall(**(said | counts | more), stack="")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("seen", "cause"),
    [
        (stall(loop_cpu_s=0.9, process_cpu_s=0.9), "code"),
        (stall(loop_cpu_s=0.1, process_cpu_s=0.9), "another thread"),
        (stall(loop_cpu_s=0.1, process_cpu_s=0.2), "a waiting call"),
        (stall(watch_late_s=0.9, pushed_aside=4), "no CPU"),
        (stall(watch_late_s=0.9, page_reads=12), "paging"),
    ],
)
def test_causes(seen: Stall, cause: str) -> None:
    assert seen.cause == cause


@asynccontextmanager
async def watching(on_lag: Callable[[float], None] = lambda _: None) -> AsyncIterator[list[Stall]]:
    seen: list[Stall] = []
    watch = LoopWatch(on_lag, stall_s=STALL_S, report=seen.append)
    watch.start()
    await asyncio.sleep(0)
    try:
        yield seen
    finally:
        await watch.close()


def busy_until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not done() and time.monotonic() < deadline:
        sum(range(1_000))


def wait_until(done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not done() and time.monotonic() < deadline:
        time.sleep(0.01)


async def test_a_busy_loop_is_told_of_once_with_the_guilty_line() -> None:
    async with watching() as seen:
        busy_until(lambda: len(seen) > 0)
        assert len(seen) == 1
        assert "busy_until" in seen[0].stack
        assert seen[0].stood_s > BEAT_S + STALL_S
        assert seen[0].loop_cpu_s > 0
        busy_until(lambda: len(seen) > 0)  # the same stall is told of once


async def test_a_call_that_waits_is_told_from_one_that_works() -> None:
    async with watching() as seen:
        wait_until(lambda: len(seen) > 0)
        assert "wait_until" in seen[0].stack
        assert seen[0].loop_cpu_s < seen[0].stood_s / 2


async def test_how_late_the_loop_is_is_measured_all_the_time() -> None:
    lags: list[float] = []
    async with watching(lags.append):
        async with asyncio.timeout(20):
            while len(lags) < 3:
                await asyncio.sleep(0.01)
        time.sleep(2 * STALL_S + BEAT_S)
        count = len(lags)
        async with asyncio.timeout(20):
            while len(lags) == count:
                await asyncio.sleep(0.01)
        assert lags[count] >= 2 * STALL_S
        assert min(lags) >= 0


async def test_the_log_is_not_flooded_and_nothing_is_left_behind() -> None:
    with capture_logs() as logs:
        watch = LoopWatch(stall_s=STALL_S)
        watch.start()
        for _ in range(3):
            await asyncio.sleep(2 * BEAT_S)
            time.sleep(4 * STALL_S)
        await asyncio.sleep(2 * BEAT_S)
        await watch.close()
    assert watch.stalls >= 3
    assert [log["event"] for log in logs] == ["loop.stalled", "loop.goes_on"]
    assert {"cause", "stood_s", "stack"} <= logs[0].keys()
    assert logs[1]["stood_s"] >= max(logs[0]["stood_s"], 4 * STALL_S)  # to its end
    assert "loop watch" not in {thread.name for thread in threading.enumerate()}
