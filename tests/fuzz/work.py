"""The processes of a run: each holds its share of the connections and says what it found."""

from __future__ import annotations

import gc
import multiprocessing
import os
import queue
import signal
import time
import traceback
import tracemalloc
from collections.abc import Iterator, MutableSequence
from dataclasses import dataclass, field
from multiprocessing.queues import Queue
from pathlib import Path

from tests.fuzz.plan import Plan, Seeds, load, plan
from tests.fuzz.run import BrokenError, Counts, HangError, hold, watchdog

# Memory is measured when each protocol has been seen often: caches are then as full as they get.
WARM_SHARE = 0.3
RSS_GROWTH_MOST = 48 << 20  # bytes: what a fragmented heap may add, far below a leak of each frame
TRACED_CONNECTIONS = 400  # held three times over under tracemalloc
TRACED_GROWTH_MOST = 200_000  # bytes that the third time may leave behind: 500 per connection

REPORT_EVERY_S = 1.0
SILENT_MOST_S = 120.0  # without a word: stuck where no signal reaches, in C
FAILURES_MOST = 20  # kinds of failure that one process tells


@dataclass(frozen=True, slots=True)
class Failure:
    """A connection that broke a rule."""

    plan: Plan
    kind: str  # of the same kind are those with the same exception at the same place
    text: str


@dataclass(slots=True)
class Account:
    """What one process has done since it said so last."""

    worker: int
    frames: int = 0
    counts: Counts = field(default_factory=Counts)
    failures: list[Failure] = field(default_factory=list)
    broken: int = 0  # connections, those of kinds told already as well
    memory: str = ""  # what was wrong with it, "" for nothing
    done: bool = False


def rss() -> int:
    """Bytes of memory of this process."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def attempt(one: Plan, counts: Counts) -> Failure | None:
    """Hold one connection; what went wrong, None for nothing."""
    try:
        hold(one, counts)
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
    except (Exception, HangError) as error:  # noqa: BLE001 - all that comes out is a failure
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        last = traceback.extract_tb(error.__traceback__)[-1]
        what = str(error) if isinstance(error, BrokenError) else f"{last.filename}:{last.lineno}"
        kind = f"{one.protocol} {type(error).__name__} {what[:60]}"
        return Failure(one, kind, "".join(traceback.format_exception(error)))
    return None


def share(
    seeds: list[Seeds], seed: int, worker: int, workers: int, frames: int, at: MutableSequence[int]
) -> Iterator[Account]:
    """Hold connections `worker`, `worker` + `workers`, ... until they have had so many frames. The
    number of the one that is being held stands in `at`.
    """
    account = Account(worker)
    told: set[str] = set()
    number, done, warm_rss = worker, 0, 0
    said = time.monotonic()
    while done < frames:
        at[worker] = number
        one = plan(seeds, seed, number)
        number += workers
        done += one.frames
        account.frames += one.frames
        failure = attempt(one, account.counts)
        if failure is not None:
            account.broken += 1
            if failure.kind not in told and len(told) < FAILURES_MOST:
                told.add(failure.kind)
                account.failures.append(failure)
        if not warm_rss and done >= WARM_SHARE * frames:
            gc.collect()
            warm_rss = rss()
        if time.monotonic() - said > REPORT_EVERY_S:
            yield account
            account, said = Account(worker), time.monotonic()
    gc.collect()
    grown = rss() - warm_rss
    if grown > RSS_GROWTH_MOST:
        account.memory = f"grew by {grown >> 20} MiB over {1 - WARM_SHARE:.0%} of its frames"
    account.memory = account.memory or traced(seeds, seed)
    account.done = True
    yield account


def traced(seeds: list[Seeds], seed: int) -> str:
    """Hold the same connections again and again: what they leave behind, "" for nothing."""
    plans = [plan(seeds, seed, number) for number in range(TRACED_CONNECTIONS)]
    sizes = []
    tracemalloc.start()
    for _ in range(3):
        for one in plans:
            attempt(one, Counts())
        gc.collect()
        sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    left = sizes[2] - sizes[1]
    return (
        f"{left} bytes stay behind of {len(plans)} connections" if left > TRACED_GROWTH_MOST else ""
    )


def _worker(
    accounts: Queue[Account],
    at: MutableSequence[int],
    seed: int,
    worker: int,
    workers: int,
    frames: int,
) -> None:
    with watchdog():
        for account in share(load(), seed, worker, workers, frames, at):
            accounts.put(account)


def run(seed: int, frames: int, workers: int) -> Iterator[Account]:
    """The accounts of all processes as they come. Raises BrokenError if one is stuck or dies."""
    context = multiprocessing.get_context("spawn")
    accounts: Queue[Account] = context.Queue()
    at = context.Array("q", workers, lock=False)
    share_of_each = frames // workers
    processes = [
        context.Process(
            target=_worker, args=(accounts, at, seed, each, workers, share_of_each), daemon=True
        )
        for each in range(workers)
    ]
    for process in processes:
        process.start()
    heard = dict.fromkeys(range(workers), time.monotonic())
    try:
        while heard:
            try:
                account = accounts.get(timeout=REPORT_EVERY_S)
            except queue.Empty:
                pass
            else:
                heard[account.worker] = time.monotonic()
                if account.done:
                    del heard[account.worker]
                yield account
            for worker, since in heard.items():
                if time.monotonic() - since > SILENT_MOST_S or processes[worker].exitcode:
                    raise BrokenError(f"stuck or dead in connection {at[worker]} of seed {seed}")
    finally:
        for process in processes:
            process.terminate()
            process.join()
