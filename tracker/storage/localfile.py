"""The node's own SQLite file: who holds it, how it is opened, whether it is sound.

One process at a time may hold a file, by an advisory lock on a file beside it that the kernel
drops when the process dies. Whoever holds it first has it checked, repaired if need be, and
brought to the newest schema.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
import threading
from dataclasses import dataclass
from pathlib import Path

from tracker.errors import StartError, StoreDamagedError
from tracker.storage.damage import ensure_sound
from tracker.storage.migrate import upgrade_sqlite

LOCK_WAIT_S = 5.0  # for another connection's transaction; ours all end within tens of ms
CHECKPOINT_PAGES = 16_384  # 64 MiB of WAL: the fold checkpoints long before, this is the backstop
CACHE_KIB = 65_536  # holds the newest page of each of 10,000 vehicles


@dataclass(slots=True)
class _Held:
    lock_file: int
    holders: int
    damage: StoreDamagedError | None


_held: dict[Path, _Held] = {}  # as wide as the lock itself: the process
_mutex = threading.Lock()


def acquire(path: Path) -> StoreDamagedError | None:
    """Hold the file at `path`, made ready for use by the first who does. Blocks.

    Returns what was wrong with it and has been repaired. Raises StartError when another process
    holds it or it cannot be created, StoreDamagedError when it cannot be repaired.
    """
    path = path.absolute()
    with _mutex:
        held = _held.get(path)
        if held is None:
            lock_file = _lock(path)
            try:
                damage = ensure_sound(path)
                upgrade_sqlite(path)
                _log_ahead(path)
            except BaseException:
                os.close(lock_file)
                raise
            held = _held[path] = _Held(lock_file, 0, damage)
        held.holders += 1
        return held.damage


def release(path: Path) -> None:
    """Give back what `acquire` gave."""
    path = path.absolute()
    with _mutex:
        held = _held[path]
        held.holders -= 1
        if held.holders == 0:
            os.close(held.lock_file)
            del _held[path]


def connect(
    path: Path, *, read_only: bool = False, lock_wait_s: float = LOCK_WAIT_S
) -> sqlite3.Connection:
    """A connection in autocommit mode that may be used from any one thread at a time."""
    connection = sqlite3.connect(
        f"file:{path.absolute()}?mode=rw",  # never creates: a file that vanished is an error
        uri=True,
        timeout=lock_wait_s,
        isolation_level=None,
        check_same_thread=False,
    )
    connection.execute("PRAGMA synchronous = FULL")  # a commit returns when the WAL is synced
    connection.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
    connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
    if read_only:
        connection.execute("PRAGMA query_only = 1")
    return connection


def _log_ahead(path: Path) -> None:
    """Switch the file to a write-ahead log: for good, and while nobody else has it open."""
    with contextlib.closing(connect(path)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")


def _lock(path: Path) -> int:
    name = path.with_name(path.name + ".lock")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock_file = os.open(name, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StartError(f"cannot write in {path.parent}: {error.strerror}", value=path) from error
    try:
        fcntl.flock(lock_file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock_file)
        raise StartError(f"{path} is in use by another process", value=path) from error
    return lock_file
