"""The journal on a real file: order, groups, lingering, answers, a disk that does not take it."""

from __future__ import annotations

import asyncio
import sqlite3
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

import pytest
from blockbuster import blockbuster_ctx
from structlog.testing import capture_logs

from tests.unit.storage.samples import position, rows_of, track
from tracker.errors import StartError, StoreError
from tracker.journal import Commit, Journal

NEVER_S = 3_600.0  # a linger that no test waits for


@asynccontextmanager
async def running(path: Path, **settings: Any) -> AsyncIterator[Journal]:
    journal = Journal(path, **settings)
    await journal.start()
    try:
        yield journal
    finally:
        await journal.close()


async def durable(commit: Commit) -> None:
    """Wait for a commit, as the gateway does: by its callback."""
    done = asyncio.Event()
    commit.add_callback(done.set)
    await asyncio.wait_for(done.wait(), 20)


class Lock:
    """Another program that holds the write lock of the file."""

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("BEGIN IMMEDIATE")

    def release(self) -> None:
        self._connection.execute("ROLLBACK")
        self._connection.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "journal.sqlite"


async def test_positions_are_in_the_file_in_order_when_the_commit_is_done(path: Path) -> None:
    positions = track(10) + track(10, "v2")
    async with running(path) as journal:
        commits = [journal.append([p]) for p in positions]
        assert not commits[0].done
        assert journal.pending == 20
        await durable(commits[-1])
        assert all(commit.done for commit in commits)
        assert journal.pending == 0
        assert rows_of(path, "journal") == positions
        assert (journal.commits, journal.committed_positions) == (1, 20)
        assert journal.last_commit_s > 0


async def test_one_group_shares_one_commit_and_callbacks_come_in_order(path: Path) -> None:
    async with running(path) as journal:
        told: list[int] = []
        first, second = journal.append(track(3)), journal.append(track(2, first=3))
        assert first is second
        for number in range(3):
            first.add_callback(lambda number=number: told.append(number))
        await durable(first)
        assert told == [0, 1, 2]
        first.add_callback(lambda: told.append(3))
        assert told == [0, 1, 2, 3], "a callback of a commit that is done comes at once"


async def test_a_callback_that_fails_harms_no_other(path: Path) -> None:
    def fail() -> None:
        raise RuntimeError("not this one")

    async with running(path) as journal:
        commit = journal.append(track(1))
        commit.add_callback(fail)
        with capture_logs() as logs:
            await durable(commit)
        assert [entry["event"] for entry in logs] == ["journal.callback_failed"]
        await durable(journal.append(track(1, first=1)))
        assert len(rows_of(path, "journal")) == 2


async def test_a_full_group_does_not_linger(path: Path) -> None:
    async with running(path, linger_s=NEVER_S, group_positions=10) as journal:
        assert not journal.append(track(9)).done
        await durable(journal.append(track(1, first=9)))
        assert journal.commits == 1


async def test_groups_are_never_larger_than_their_limit(path: Path) -> None:
    positions = track(37)
    async with running(path, linger_s=NEVER_S, group_positions=10) as journal:
        commit = journal.append(positions[:35])
        assert not commit.done
        assert journal.append(positions[35:]) is commit, "the last group is still open"
        assert journal.pending == 37
    assert journal.commits == 4
    assert commit.done
    assert rows_of(path, "journal") == positions


async def test_a_group_lingers_and_takes_more(path: Path) -> None:
    async with running(path, linger_s=0.02) as journal:
        first = journal.append(track(1))
        await asyncio.sleep(0)
        second = journal.append(track(1, first=1))
        assert first is second
        await durable(second)
        third = journal.append(track(1, first=2))
        assert third is not first
        await durable(third)
        assert journal.commits == 2


async def test_nothing_to_append_is_done_at_once(path: Path) -> None:
    async with running(path) as journal:
        assert journal.append([]).done
        assert journal.pending == 0


async def test_close_makes_everything_durable(path: Path) -> None:
    async with running(path, linger_s=NEVER_S) as journal:
        commit = journal.append(track(5))
    assert commit.done
    assert len(rows_of(path, "journal")) == 5
    with pytest.raises(StoreError):
        journal.append(track(1))
    await journal.close()


async def test_a_new_start_goes_on_with_the_vehicles_it_knows(path: Path) -> None:
    async with running(path) as journal:
        await durable(journal.append(track(1, "a") + track(1, "b")))
    async with running(path) as journal:
        await durable(journal.append(track(1, "b", first=1) + track(1, "c")))
    with closing(sqlite3.connect(path)) as connection:
        keys = dict(connection.execute("SELECT vehicle_id, vehicle_key FROM vehicle_keys"))
    assert keys == {"a": 1, "b": 2, "c": 3}
    assert [p.vehicle_id for p in rows_of(path, "journal")] == ["a", "b", "b", "c"]


@pytest.mark.parametrize(
    "bad",
    [
        {"lat": float("nan")},
        {"lon": float("inf")},
        {"fix_time": float("nan")},
        {"sequence": 2**63},
        {"satellites": 2**15},
        {"attributes": {"x": object()}},
        {"vehicle_id": "a\0b"},
    ],
    ids=lambda bad: next(iter(bad)),
)
async def test_what_no_column_can_hold_is_refused_and_nothing_else(
    path: Path, bad: dict[str, Any]
) -> None:
    async with running(path) as journal:
        with pytest.raises(ValueError, match="cannot be stored"):
            journal.append([position(0, "new"), position(1, **bad)])
        assert journal.pending == 0
        await durable(journal.append([position(2, "new")]))
        assert rows_of(path, "journal") == [position(2, "new")]


async def test_a_second_process_is_refused(path: Path) -> None:
    code = "import sys, pathlib; from tracker.storage.localfile import acquire;"
    code += " acquire(pathlib.Path(sys.argv[1]))"
    async with running(path):
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", code, str(path), stderr=asyncio.subprocess.PIPE
        )
        _, errors = await process.communicate()
    assert process.returncode == 1
    assert "StartError" in errors.decode()
    assert "is in use by another process" in errors.decode()


async def test_a_folder_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(StartError, match="cannot write in"):
        await Journal(tmp_path / "file" / "journal.sqlite").start()


async def test_while_the_file_is_locked_nothing_is_done_and_the_journal_fills(path: Path) -> None:
    positions = track(20)
    async with running(path, linger_s=0, max_pending=10) as journal:
        lock = Lock(path)
        commits = [journal.append([p]) for p in positions[:9]]
        assert not journal.full
        commits.append(journal.append([positions[9]]))
        assert journal.full
        drained: list[int] = []
        journal.on_drained(lambda: drained.append(journal.pending))
        commits += [journal.append([p]) for p in positions[10:]]
        await asyncio.sleep(0.1)
        assert not any(commit.done for commit in commits)
        assert journal.pending == 20
        assert not drained
        lock.release()
        await durable(commits[-1])
        assert not journal.full
        assert len(drained) == 1
        assert drained[0] <= 5
        assert rows_of(path, "journal") == positions
        # While one commit waited for the lock, all others gathered in the next.
        assert journal.commits <= 2
        journal.on_drained(lambda: drained.append(-1))
        assert drained[1:] == [-1], "not full: called at once"


async def test_a_lock_that_lasts_is_reported_once_and_survived(path: Path) -> None:
    async with running(path, linger_s=0, lock_wait_s=0.01) as journal:
        lock = Lock(path)
        with capture_logs() as logs:
            commit = journal.append(track(3))
            while journal.failures < 3:
                await asyncio.sleep(0.01)
            assert journal.failing_since is not None
            assert not commit.done
            lock.release()
            await durable(commit)
        assert journal.failing_since is None
        events = [entry["event"] for entry in logs]
        assert events == ["journal.fails", "journal.works_again"]
        assert rows_of(path, "journal") == track(3)


async def test_close_gives_up_on_a_disk_that_does_not_come_back(path: Path) -> None:
    journal = Journal(path, lock_wait_s=0.01)
    await journal.start()
    lock = Lock(path)
    commit = journal.append(track(3))
    with pytest.raises(StoreError, match="3 positions could not be stored"):
        await journal.close(timeout_s=0.1)
    assert not commit.done
    lock.release()
    assert rows_of(path, "journal") == []


async def test_appending_and_waiting_never_block_the_event_loop(path: Path) -> None:
    with blockbuster_ctx():
        async with running(path) as journal:
            for number in range(50):
                await durable(journal.append([position(number)]))
    assert len(rows_of(path, "journal")) == 50
