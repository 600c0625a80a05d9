"""Finds out at start whether a file is sound, and puts a sound one in its place if it is not.

The damaged file is set aside, with its log, under a name that says when. Each step leaves the
folder such that the next start goes on where this one was cut off.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import structlog

from tracker.errors import StoreDamagedError
from tracker.storage.migrate import upgrade_sqlite
from tracker.storage.pages import HEADER_SIZE, MAGIC, file_page_size
from tracker.storage.salvage import Salvaged, salvage_file, salvage_log
from tracker.storage.wal import commits_after, wal_path

# Larger files are not read as a whole at every start (1 GB/s at best), but only in the parts
# that a crash may have been writing.
CHECK_ALL_BYTES = 512 << 20
TABLES = ("journal", "vehicle_keys", "vehicles")  # whose loss would stop the node

log = structlog.get_logger(__name__)


def ensure_sound(path: Path) -> StoreDamagedError | None:
    """Check the file at `path` and repair it; what was wrong, None if nothing was.

    Raises StoreDamagedError for a file in which nothing of ours can be found; it stays in place.
    """
    if _salvaged_path(path).exists():  # the last start was cut off in `_swap`
        _swap(path, _aside(path))
    if wal_path(path).exists() or _kept_path(path).exists():
        path.touch()  # a log without its file: SQLite would throw it away
    elif not path.exists() or path.stat().st_size == 0:
        return None
    with _kept_log(path) as log_file:
        if path.stat().st_size == 0:
            return _replace(path, "it is empty and its log is not")
        try:
            connection = sqlite3.connect(f"file:{path.absolute()}?mode=rw", uri=True)
            with contextlib.closing(connection):
                known = _read_log(connection)
                trouble = _trouble(connection, path, clean=log_file is None)
        except sqlite3.DatabaseError as error:
            trouble, known = str(error), 0
        if trouble is not None:
            return _replace(path, trouble)
        if log_file is not None:
            return _recover_log(path, log_file, known)
    return None


@contextlib.contextmanager
def _kept_log(path: Path) -> Iterator[Path | None]:
    """The log under a second name, for SQLite deletes it when it has taken what it can read.

    If a start is cut off, the next one finds it there.
    """
    kept = _kept_path(path)
    if not kept.exists():
        if not wal_path(path).exists():
            yield None
            return
        try:
            kept.hardlink_to(wal_path(path))
        except OSError:  # not every file system has hard links
            shutil.copyfile(wal_path(path), kept)
    yield kept
    kept.unlink(missing_ok=True)


def _page_size(path: Path) -> int:
    with path.open("rb") as file:
        return file_page_size(file.read(HEADER_SIZE))


def _read_log(connection: sqlite3.Connection) -> int:
    """Bring what SQLite can read of the log into the file; how many frames it could read."""
    _, frames_read, _ = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
    return max(0, int(frames_read))  # -1: the file has no log


def _trouble(connection: sqlite3.Connection, path: Path, *, clean: bool) -> str | None:
    """What is wrong with the file in SQLite's words, None if nothing is."""
    (page_size,) = connection.execute("PRAGMA page_size").fetchone()
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    size = path.stat().st_size
    if size < pages * page_size:
        return f"it has {size} bytes of {pages * page_size}"
    if size <= CHECK_ALL_BYTES:
        checks = ["PRAGMA quick_check(1)"]
    elif clean:
        checks = []
    else:
        checks = [f"PRAGMA quick_check({table})" for table in TABLES]
    for check in checks:
        (answer,) = connection.execute(check).fetchone()
        if answer != "ok":
            return " ".join(str(answer).replace("*** in database main ***", "").split())
    return None


def _recover_log(path: Path, log_file: Path, known: int) -> StoreDamagedError | None:
    """Take over what lies in the log behind the `known` frames, if anything does."""
    page_size = _page_size(path)
    lost = commits_after(log_file, page_size, known)
    if not lost:
        return None
    upgrade_sqlite(path)  # it may have been damaged before it had any table
    with contextlib.closing(sqlite3.connect(path, isolation_level=None)) as connection:
        found = salvage_log(log_file, page_size, known, connection)
    if not found.positions and not found.unknown:
        return None  # a commit that a power cut tore and nobody was told of
    aside = wal_path(_aside(path))
    log_file.rename(aside)
    return _report(path, f"{lost} commits in its log could not be read", aside, found)


def _replace(path: Path, trouble: str) -> StoreDamagedError:
    """Salvage into a fresh file, and put that in the place of the damaged one."""
    log.warning("store.salvaging", path=str(path), trouble=trouble, bytes=path.stat().st_size)
    fresh = path.with_name(path.name + ".salvaging")
    for leftover in (fresh, fresh.with_name(fresh.name + "-journal")):
        leftover.unlink(missing_ok=True)
    upgrade_sqlite(fresh)
    with contextlib.closing(sqlite3.connect(fresh, isolation_level=None)) as connection:
        found = salvage_file(path, _kept_path(path), connection)
    if not found.positions and not found.vehicles and not _is_ours(path):
        fresh.unlink()
        raise StoreDamagedError(
            f"{path} is not a database of the tracker ({trouble}); it was left as it is",
            value=path,
        )
    fresh.rename(_salvaged_path(path))
    aside = _aside(path)
    _swap(path, aside)
    return _report(path, trouble, aside, found)


def _is_ours(path: Path) -> bool:
    """Whether it is at least a SQLite file: an empty one of ours, damaged."""
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def _swap(path: Path, aside: Path) -> None:
    """Set the damaged file aside and give its name to the one that was salvaged."""
    if path.exists():
        path.rename(aside)
    if _kept_path(path).exists():
        _kept_path(path).rename(wal_path(aside))
    for leftover in (wal_path(path), path.with_name(path.name + "-shm")):
        leftover.unlink(missing_ok=True)
    _salvaged_path(path).rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def _kept_path(path: Path) -> Path:
    """The log's second name."""
    return path.with_name(path.name + "-wal.kept")


def _salvaged_path(path: Path) -> Path:
    """The fresh file, from the moment that it is complete until it has the right name."""
    return path.with_name(path.name + ".salvaged")


def _aside(path: Path) -> Path:
    """A name for the damaged file that no other has."""
    stamp = dt.datetime.now(dt.UTC).strftime("%Y%m%dT%H%M%SZ")
    aside = path.with_name(f"{path.name}.damaged-{stamp}")
    number = 1
    while aside.exists() or wal_path(aside).exists():
        number += 1
        aside = path.with_name(f"{path.name}.damaged-{stamp}-{number}")
    return aside


def _report(path: Path, trouble: str, aside: Path, found: Salvaged) -> StoreDamagedError:
    error = StoreDamagedError(
        f"{path} was damaged ({trouble}); it is kept as {aside.name}. Taken over from it were"
        f" {found.positions} records of positions and {found.vehicles} vehicles; {found.unknown}"
        " records could not be read",
        value=aside,
    )
    log.error("store.damaged", path=str(path), message=error.message)
    return error
