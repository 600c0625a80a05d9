"""The log read without SQLite, against what SQLite makes of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tracker.storage.wal import (
    FRAME_HEADER_SIZE,
    HEADER_SIZE,
    commits_after,
    frame_image,
    frames,
    wal_path,
)

PAGE = 4096


@pytest.fixture
def writing(tmp_path: Path) -> Iterator[tuple[Path, sqlite3.Connection]]:
    """A database that is being written, with six commits in its log."""
    path = tmp_path / "file.sqlite"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE t (a)")
        for number in range(5):
            connection.execute("INSERT INTO t VALUES (?)", (str(number) * 9000,))
        yield path, connection


def known(connection: sqlite3.Connection) -> int:
    """How many frames SQLite sees."""
    return int(connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[1])


def test_frames_and_commits_are_those_of_sqlite(
    writing: tuple[Path, sqlite3.Connection],
) -> None:
    path, connection = writing
    found = list(frames(wal_path(path), PAGE))
    assert [frame.number for frame in found] == list(range(1, known(connection) + 1))
    assert sum(frame.commits for frame in found) == 6
    newest = {frame.page: frame.image for frame in found}
    data = path.read_bytes()  # the checkpoint has brought all of them here
    assert data == b"".join(newest[number] for number in sorted(newest))
    assert all(frame_image(wal_path(path), PAGE, f.number) == f.image for f in found)
    assert commits_after(wal_path(path), PAGE, known(connection)) == 0
    assert commits_after(wal_path(path), PAGE, 0) == 6


def test_frames_of_an_older_generation_are_left_out(
    writing: tuple[Path, sqlite3.Connection],
) -> None:
    path, connection = writing
    before = known(connection)
    connection.execute("INSERT INTO t VALUES (1)")  # starts the log anew, over the old frames
    assert wal_path(path).stat().st_size == HEADER_SIZE + before * (FRAME_HEADER_SIZE + PAGE)
    found = list(frames(wal_path(path), PAGE))
    assert len(found) == known(connection) < before


def test_there_need_be_no_log(tmp_path: Path) -> None:
    assert list(frames(tmp_path / "nothing-wal", PAGE)) == []
    (tmp_path / "short-wal").write_bytes(bytes(20))
    assert list(frames(tmp_path / "short-wal", PAGE)) == []
