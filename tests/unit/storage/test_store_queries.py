"""How SQLite goes about the queries: none may look at more rows than it has to."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tracker.storage import queries
from tracker.storage.migrate import upgrade_sqlite
from tracker.storage.queries import Query
from tracker.storage.rows import COLUMNS
from tracker.storage.sqlite import key_ranges
from tracker.storage.writer import BLOCKS

NAMES = (
    "after_id after_sequence after_us before_us first_key first_us fleet last_id last_key last_us"
    " limit vehicle_id vehicle_key"
)
VALUES = dict.fromkeys(NAMES.split(), 0)


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    upgrade_sqlite(tmp_path / "plans.sqlite")
    with closing(sqlite3.connect(tmp_path / "plans.sqlite")) as opened:
        yield opened


def plan(connection: sqlite3.Connection, query: Query) -> list[str]:
    rows = connection.execute(f"EXPLAIN QUERY PLAN {query.sqlite}", query.constants | VALUES)
    return [row[3] for row in rows]


@pytest.mark.parametrize(
    "query",
    [queries.STORED_PAGE, queries.STORED_DIGESTS, queries.DELETE_BEFORE, queries.STORED_LAST],
    ids=["page", "digests", "delete", "last"],
)
def test_the_history_is_entered_by_vehicle_and_time(
    connection: sqlite3.Connection, query: Query
) -> None:
    steps = [step for step in plan(connection, query) if "positions" in step]
    assert steps
    for step in steps:
        assert step.startswith("SEARCH positions USING PRIMARY KEY (vehicle_key=?"), step


def test_a_page_is_sorted_only_within_one_moment(connection: sqlite3.Connection) -> None:
    sorting = [step for step in plan(connection, queries.STORED_PAGE) if "B-TREE" in step]
    assert sorting == ["USE TEMP B-TREE FOR RIGHT PART OF ORDER BY"]


@pytest.mark.parametrize(
    "query",
    [
        queries.FOLD,
        queries.FORGET,
        queries.JOURNAL_STEP,
        queries.JOURNAL_LAST,
        queries.JOURNAL_COUNTS,
    ],
    ids=["fold", "forget", "step", "last", "counts"],
)
def test_the_journal_is_entered_by_its_ids(connection: sqlite3.Connection, query: Query) -> None:
    steps = [step for step in plan(connection, query) if " journal" in step]
    assert steps
    for step in steps:
        assert step.startswith("SEARCH journal USING INTEGER PRIMARY KEY"), step


def test_the_ends_of_the_journal_are_found_without_looking_at_its_rows(
    connection: sqlite3.Connection,
) -> None:
    steps = [step for step in plan(connection, queries.JOURNAL_ENDS) if "journal" in step]
    assert steps == ["SEARCH journal"] * 2


def test_blocks_fit_into_a_statement_of_sqlite() -> None:
    limit = 32_766  # SQLITE_MAX_VARIABLE_NUMBER since 3.32
    assert max(BLOCKS) * len(COLUMNS) <= limit
    assert min(BLOCKS) == 1, "so that every group can be cut into blocks"
    for size in BLOCKS:
        assert queries.append_rows(size).count("?") == size * len(COLUMNS)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([], []),
        ([(3, 1)], [(3, 3)]),
        ([(1, 4), (2, 5), (5, 1)], [(1, 5)]),
        ([(1, 10), (2, 10)], [(1, 1), (2, 2)]),
        ([(1, 3), (4, 3), (5, 4), (9, 1), (12, 1)], [(1, 5), (9, 12)]),
    ],
)
def test_ranges_of_keys_hold_ten_rows_and_leave_none_out(
    counts: list[tuple[int, int]], expected: list[tuple[int, int]]
) -> None:
    assert key_ranges(counts, 10) == expected
