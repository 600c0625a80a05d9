"""Records out of raw pages, against what SQLite itself reads from the same file."""

from __future__ import annotations

import random
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracker.storage.pages import (
    DEFAULT_PAGE_SIZE,
    HEADER_SIZE,
    Record,
    file_page_size,
    free_pages,
    page_records,
)

ODD_VALUES = (
    *(None, 0, 1, -1, 127, -128, 2**15, -(2**23), 2**31, -(2**47), 2**63 - 1, -(2**63)),
    *(0.5, -1e300, "", "a", "Škofja Loka", "x" * 500, b"", b"\x00\xff" * 50),
)


def write(path: Path, page_size: int, rows: list[tuple[Any, ...]]) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute(f"PRAGMA page_size = {page_size}")
        connection.execute("CREATE TABLE numbered (id INTEGER PRIMARY KEY, a, b)")
        connection.execute("CREATE TABLE keyed (k INTEGER, a, b, PRIMARY KEY (k)) WITHOUT ROWID")
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO numbered VALUES (?, ?, ?)", rows)
        connection.executemany("INSERT INTO keyed VALUES (?, ?, ?)", rows)
        connection.execute("COMMIT")


def read(path: Path) -> list[Record]:
    data = path.read_bytes()
    size = file_page_size(data[:HEADER_SIZE])

    def page(number: int) -> bytes:
        return data[(number - 1) * size : number * size]

    free = free_pages(data[:HEADER_SIZE], page)
    return [
        record
        for number in range(1, len(data) // size + 1)
        if number not in free
        for record in page_records(page(number), number, page)
    ]


@pytest.mark.parametrize("page_size", [512, 1024, 4096, 65_536])
def test_every_record_is_found_with_every_kind_of_value(tmp_path: Path, page_size: int) -> None:
    dice = random.Random(page_size)
    rows = [
        (n * 37 - 5_000, dice.choice(ODD_VALUES), dice.choice(ODD_VALUES)) for n in range(2_000)
    ]
    rows += [(10**9 + n, "y" * (n * 997), b"z" * n) for n in range(30)]  # over several pages
    path = tmp_path / "file.sqlite"
    write(path, page_size, rows)
    found = read(path)
    numbered = {r.rowid: r.values[1:] for r in found if r.rowid is not None and len(r.values) == 3}
    keyed = {r.values[0]: r.values[1:] for r in found if r.rowid is None and len(r.values) == 3}
    expected = {row[0]: row[1:] for row in rows}
    assert numbered == expected
    assert keyed == expected


def test_deleted_records_are_not_found(tmp_path: Path) -> None:
    path = tmp_path / "file.sqlite"
    write(path, 512, [(n, "a" * 40, n) for n in range(500)])
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("DELETE FROM numbered WHERE id >= 20")
        connection.execute("DELETE FROM keyed WHERE k % 2")
    found = read(path)
    assert sorted(r.rowid for r in found if r.rowid is not None and len(r.values) == 3) == list(
        range(20)
    )
    assert sorted(r.values[0] for r in found if r.rowid is None) == list(range(0, 500, 2))  # type: ignore[type-var]


@given(st.data())
def test_whatever_the_bytes_nothing_but_records_comes_out(data: st.DataObject) -> None:
    page = bytearray(data.draw(st.binary(min_size=512, max_size=512)))
    page[0] = data.draw(st.sampled_from([2, 10, 13]))
    following = data.draw(st.binary(max_size=512))
    for record in page_records(bytes(page), 2, lambda _: following):
        assert isinstance(record, Record)


@pytest.mark.parametrize("header", [b"", b"\0" * 100, b"SQLite format 3\0\x03\x00" + b"\0" * 82])
def test_a_header_that_cannot_be_gives_the_default_page_size(header: bytes) -> None:
    assert file_page_size(header) == DEFAULT_PAGE_SIZE
    assert free_pages(header, lambda _: b"") in (set(), {0}) or header == b""


def test_a_list_of_free_pages_that_runs_in_a_circle_ends() -> None:
    header = bytearray(b"SQLite format 3\0" + bytes(84))
    header[32:36] = (7).to_bytes(4, "big")
    circle = (7).to_bytes(4, "big") + (1).to_bytes(4, "big") + (9).to_bytes(4, "big") + bytes(500)
    assert free_pages(bytes(header), lambda _: circle) == {7, 9}
