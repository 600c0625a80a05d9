"""Tells when the event loop stands still, and on what: for whoever asks why a tick came late.

The loop beats ten times a second. A thread beside it looks: a beat that is overdue by `stall_s` is
written to the log once, with the line of code that the loop stands on and with what the clocks
say of the cause; when the loop goes on, how long it stood in all. The loop's thread was busy: its
own CPU time passed. Another thread held the interpreter: the process's CPU time passed. Neither
did: then the loop waits in a call of the system, or, when the thread that looks was late as well,
the machine gave us no time. It does that when others have it, or when it must first read our own
pages from the disk again.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from types import FrameType

import structlog

BEAT_S = 0.1  # a tenth of a tick
STALL_S = 0.3  # beyond it a tick of one second is in danger; well above a busy tick's work
LOG_EVERY_S = 10.0  # at most: a machine that is overloaded for hours must not fill the disk
STACK_FRAMES = 12  # innermost; what the loop itself stands on is of no interest

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Stall:
    """What was seen of a loop that stood still. Seconds, since its last beat."""

    stood_s: float
    loop_cpu_s: float  # of the loop's own thread
    process_cpu_s: float  # of all threads
    watch_late_s: float  # how much later than planned the look itself came
    page_reads: int  # pages of the process that had to come from the disk
    pushed_aside: int  # times that the machine gave our processor to another before we were done
    stack: str  # file:line function, outermost first

    @property
    def cause(self) -> str:
        """The likeliest: `code`, `another thread`, `a waiting call`, `paging` or `no CPU`."""
        half = self.stood_s / 2
        if self.loop_cpu_s > half:
            return "code"
        if self.process_cpu_s > half:
            return "another thread"
        if self.watch_late_s <= half:
            return "a waiting call"
        return "paging" if self.page_reads else "no CPU"


class LoopWatch:
    """Beats on the running loop, and a thread that looks whether it does."""

    def __init__(
        self,
        on_lag: Callable[[float], None] = lambda _: None,
        *,
        stall_s: float = STALL_S,
        report: Callable[[Stall], None] | None = None,
    ) -> None:
        self.stalls = 0
        self._told = -1.0  # the beat behind which the newest stall in the log began
        self._on_lag = on_lag
        self._stall_s = stall_s
        self._report = report or _write
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._loop_thread = 0
        self._loop_clock = 0
        # Monotonic, of the loop's thread, of the process; and what getrusage counts.
        self._beat_at = (0.0, 0.0, 0.0, 0, 0)
        self._planned = 0.0

    def start(self) -> None:
        """Begin, on the running loop."""
        self._loop_thread = threading.get_ident()
        self._loop_clock = time.pthread_getcpuclockid(self._loop_thread)
        self._planned = time.monotonic()
        self._beat()
        self._thread = threading.Thread(target=self._watch, name="loop watch", daemon=True)
        self._thread.start()

    async def close(self) -> None:
        """Stop looking."""
        self._stop.set()
        if self._timer is not None:
            self._timer.cancel()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)

    # -- on the loop -------------------------------------------------------------------------------

    def _beat(self) -> None:
        now = time.monotonic()
        late_s = max(0.0, now - self._planned)
        self._on_lag(late_s)
        self.stalls += late_s > self._stall_s
        if self._beat_at[0] == self._told:
            _log.warning("loop.goes_on", stood_s=round(now - self._told, 3))
        used = resource.getrusage(resource.RUSAGE_SELF)
        self._beat_at = (
            now, time.thread_time(), time.process_time(), used.ru_majflt, used.ru_nivcsw,
        )  # fmt: skip
        self._planned = now + BEAT_S
        self._timer = asyncio.get_running_loop().call_later(BEAT_S, self._beat)

    # -- in the thread -----------------------------------------------------------------------------

    def _watch(self) -> None:
        told, logged = 0.0, -LOG_EVERY_S  # the beat that was missed after, and when it was told
        planned = time.monotonic() + BEAT_S
        while not self._stop.wait(BEAT_S):
            now = time.monotonic()
            beat_at = self._beat_at[0]
            if now - beat_at > BEAT_S + self._stall_s and beat_at != told:
                told = beat_at
                if now - logged >= LOG_EVERY_S:
                    logged = now
                    self._told = beat_at
                    with contextlib.suppress(OSError):  # the loop's thread is gone: so is its clock
                        self._tell(now, max(0.0, now - planned))
            planned = time.monotonic() + BEAT_S

    def _tell(self, now: float, watch_late_s: float) -> None:
        beat_at, loop_cpu_s, process_cpu_s, page_reads, pushed_aside = self._beat_at
        used = resource.getrusage(resource.RUSAGE_SELF)
        self._report(
            Stall(
                stood_s=round(now - beat_at, 3),
                loop_cpu_s=round(time.clock_gettime(self._loop_clock) - loop_cpu_s, 3),
                process_cpu_s=round(time.process_time() - process_cpu_s, 3),
                watch_late_s=round(watch_late_s, 3),
                page_reads=used.ru_majflt - page_reads,
                pushed_aside=used.ru_nivcsw - pushed_aside,
                stack=_stack(sys._current_frames().get(self._loop_thread)),
            )
        )


def _stack(frame: FrameType | None) -> str:
    """The innermost frames, without a look at their sources: those are read from the disk."""
    places: list[str] = []
    while frame is not None and len(places) < STACK_FRAMES:
        code = frame.f_code
        places.append(f"{code.co_filename}:{frame.f_lineno} {code.co_name}")
        frame = frame.f_back
    return " > ".join(reversed(places))


def _write(stall: Stall) -> None:
    _log.warning("loop.stalled", cause=stall.cause, **asdict(stall))
