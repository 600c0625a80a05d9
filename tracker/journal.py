"""The journal: makes positions durable on the node's own disk, many in one commit.

Positions go in on the event loop and come back as a `Commit` that is done when they are synced to
disk; one thread writes, one group at a time. A group is handed over when it has waited `linger_s`
or is full, and the thread is free; while it is not, the next one fills. A disk that fails is
tried again until it works: order is kept, nothing is dropped and nothing is called done.
"""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from queue import SimpleQueue

import structlog

from tracker.errors import StoreError
from tracker.model import Position
from tracker.storage import localfile
from tracker.storage.rows import Row, position_row
from tracker.storage.writer import JournalWriter

LINGER_S = 0.025  # a device waits for its answer at most this much longer than the disk needs
GROUP_POSITIONS = 1_000  # a commit of this size takes about 5 ms; larger ones gain little
MAX_PENDING = 50_000  # positions not yet on disk, about 1 KB each in memory
LOCK_WAIT_S = 1.0  # for another connection to the file; ours end within tens of milliseconds
RETRY_FIRST_S, RETRY_MAX_S = 0.05, 2.0  # between two tries on a disk that fails, doubling
CLOSE_TIMEOUT_S = 30.0  # how long `close` goes on trying

log = structlog.get_logger(__name__)


class Commit:
    """One group commit, shared by all positions that were appended to the group."""

    __slots__ = ("_callbacks", "done")

    def __init__(self) -> None:
        self.done = False
        self._callbacks: list[Callable[[], None]] = []

    def add_callback(self, callback: Callable[[], None]) -> None:
        """Call back on the event loop when everything in the group is durable; now if it is."""
        if self.done:
            callback()
        else:
            self._callbacks.append(callback)

    def _finish(self) -> None:
        self.done = True
        callbacks, self._callbacks = self._callbacks, []
        _call(callbacks)


def _call(callbacks: list[Callable[[], None]]) -> None:
    """Call all of them, whatever becomes of one."""
    for callback in callbacks:
        try:
            callback()
        except Exception:
            log.exception("journal.callback_failed")


_DONE = Commit()  # what an empty append returns
_DONE.done = True


class _Group:
    __slots__ = ("commit", "due", "keys", "rows")

    def __init__(self) -> None:
        self.commit = Commit()
        self.rows: list[Row] = []
        self.keys: list[tuple[int, str]] = []  # of vehicles that first appear in this group
        self.due = False  # has lingered, or is full


class Journal:
    """Group commit on the event loop. Everything but `start` and `close` is synchronous."""

    def __init__(
        self,
        path: Path,
        *,
        linger_s: float = LINGER_S,
        group_positions: int = GROUP_POSITIONS,
        max_pending: int = MAX_PENDING,
        lock_wait_s: float = LOCK_WAIT_S,
    ) -> None:
        self.pending = 0  # positions not yet durable
        self.full = False  # at or over max_pending, and not yet back at half of it
        self.commits = 0
        self.committed_positions = 0
        self.last_commit_s = 0.0  # how long the newest commit took
        self.failures = 0  # commits that failed and were tried again
        self.failing_since: float | None = None  # Unix time; None: the last commit succeeded
        self._path = path
        self._linger_s = linger_s
        self._group_positions = group_positions
        self._max_pending = max_pending
        self._writer = JournalWriter(path, lock_wait_s)
        self._keys: dict[str, int] = {}
        self._next_key = 1
        self._unsaved_keys: list[tuple[int, str]] = []
        self._groups: deque[_Group] = deque()  # not handed over yet; only the last is open
        self._busy = False  # the thread has a group
        self._closing = False
        self._drained: list[Callable[[], None]] = []
        self._idle = asyncio.Event()
        self._queue: SimpleQueue[_Group | None] = SimpleQueue()
        self._give_up = threading.Event()
        self._thread: threading.Thread | None = None

    async def start(self) -> None:
        """Open the file and start the thread. Raises StartError or StoreError."""
        await asyncio.to_thread(localfile.acquire, self._path)
        try:
            self._keys = await asyncio.to_thread(self._writer.load_keys)
        except sqlite3.Error as error:
            localfile.release(self._path)
            raise StoreError(f"cannot open {self._path}: {error}", value=self._path) from error
        self._next_key = max(self._keys.values(), default=0) + 1
        loop = asyncio.get_running_loop()
        self._thread = threading.Thread(target=self._run, args=(loop,), name="journal", daemon=True)
        self._thread.start()

    async def close(self, timeout_s: float = CLOSE_TIMEOUT_S) -> None:
        """Make everything durable and stop. Raises StoreError if that fails for `timeout_s`."""
        if self._thread is None:
            return
        self._closing = True
        for group in self._groups:
            group.due = True
        self._hand_over()
        if self.pending:
            self._idle.clear()
            try:
                async with asyncio.timeout(timeout_s):
                    await self._idle.wait()
            except TimeoutError:
                self._give_up.set()
        self._queue.put(None)
        thread, self._thread = self._thread, None
        await asyncio.to_thread(thread.join)
        await asyncio.to_thread(self._writer.close)
        localfile.release(self._path)
        if self.pending:
            raise StoreError(f"{self.pending} positions could not be stored", value=self.pending)

    def append(self, positions: Sequence[Position]) -> Commit:
        """Take positions in order; the commit is done when all of them are durable.

        Raises ValueError for a position that no column can hold (nothing is taken then), and
        StoreError when the journal is not running.
        """
        if self._thread is None or self._closing:
            raise StoreError("the journal is closed")
        keys = self._keys
        rows = [
            position_row(position, keys.get(position.vehicle_id) or self._new_key(position))
            for position in positions
        ]
        taken, commit = len(rows), _DONE
        while rows:
            group = self._open_group()
            room = self._group_positions - len(group.rows)
            commit = group.commit
            if len(rows) < room:  # nearly always
                group.rows += rows
                break
            group.rows += rows[:room]
            rows = rows[room:]
            group.due = True
            self._hand_over()
        self.pending += taken
        if self.pending >= self._max_pending:
            self.full = True
        return commit

    def on_drained(self, callback: Callable[[], None]) -> None:
        """Call back once when the journal is no longer full; now if it is not."""
        if self.full:
            self._drained.append(callback)
        else:
            callback()

    def _new_key(self, position: Position) -> int:
        if "\0" in position.vehicle_id:  # PostgreSQL's text knows no such character
            raise ValueError(f"position cannot be stored: vehicle {position.vehicle_id!r}")
        key = self._next_key
        self._next_key += 1
        self._unsaved_keys.append((key, position.vehicle_id))
        self._keys[position.vehicle_id] = key
        return key

    def _open_group(self) -> _Group:
        groups = self._groups
        if not groups or len(groups[-1].rows) >= self._group_positions:
            groups.append(_Group())
            asyncio.get_running_loop().call_later(self._linger_s, self._lingered, groups[-1])
        group = groups[-1]
        if self._unsaved_keys:
            group.keys += self._unsaved_keys
            self._unsaved_keys.clear()
        return group

    def _lingered(self, group: _Group) -> None:
        group.due = True
        self._hand_over()

    def _hand_over(self) -> None:
        if not self._busy and self._groups and self._groups[0].due:
            self._busy = True
            self._queue.put(self._groups.popleft())

    def _committed(self, group: _Group, took_s: float) -> None:
        self._busy = False
        self._hand_over()
        self.commits += 1
        self.committed_positions += len(group.rows)
        self.pending -= len(group.rows)
        self.last_commit_s = took_s
        if self.failing_since is not None:
            log.warning("journal.works_again", path=str(self._path), pending=self.pending)
            self.failing_since = None
        group.commit._finish()
        if self.full and self.pending <= self._max_pending // 2:
            self.full = False
            callbacks, self._drained = self._drained, []
            _call(callbacks)
        if not self.pending:
            self._idle.set()

    def _failed(self, error: Exception) -> None:
        self.failures += 1
        if self.failing_since is None:
            self.failing_since = time.time()
            log.warning("journal.fails", path=str(self._path), error=str(error))

    # -- the thread ------------------------------------------------------------------------------

    def _run(self, loop: asyncio.AbstractEventLoop) -> None:
        while (group := self._queue.get()) is not None:
            retry_s = RETRY_FIRST_S
            while not self._write(loop, group) and not self._give_up.wait(retry_s):
                retry_s = min(2 * retry_s, RETRY_MAX_S)

    def _write(self, loop: asyncio.AbstractEventLoop, group: _Group) -> bool:
        started = time.perf_counter()
        try:
            self._writer.write(group.keys, group.rows)
        except Exception as error:  # noqa: BLE001 - without this thread nothing is stored at all
            self._writer.close()
            self._tell(loop, self._failed, error)
            return False
        self._tell(loop, self._committed, group, time.perf_counter() - started)
        return True

    @staticmethod
    def _tell(loop: asyncio.AbstractEventLoop, what: Callable[..., None], *values: object) -> None:
        with contextlib.suppress(RuntimeError):  # the loop is closed: there is nobody to tell
            loop.call_soon_threadsafe(what, *values)
