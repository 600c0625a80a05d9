"""Damaged files: found at start, set aside, and everything valid taken over."""

from __future__ import annotations

import os
import random
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from tests.system.storage.conftest import open_floor
from tests.unit.storage.samples import START, position, track, vehicle
from tracker.errors import StoreDamagedError
from tracker.model import Position
from tracker.storage import create_store
from tracker.storage.wal import FRAME_HEADER_SIZE, HEADER_SIZE, frames, wal_path

PAGE = 4096
FLEET = [f"vehicle-{n:03d}" for n in range(20)]
IN_HISTORY, IN_JOURNAL = 200, 50  # positions of each vehicle


def everything() -> list[Position]:
    return [p for name in FLEET for p in track(IN_HISTORY + IN_JOURNAL, name)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "data" / "tracker.sqlite"


async def fill(path: Path, crash: Path | None = None, *, all_in_log: bool = False) -> None:
    """A file with positions in the history and in the journal.

    In `crash` it is as if the process were killed then, with a log that is not yet in the file:
    the journal's part, or all.
    """
    async with open_floor(f"sqlite:///{path}", path.parent) as floor:
        await floor.store.mover.stop()
        await floor.store.save_vehicles(vehicle(name) for name in FLEET)
        for name in FLEET:
            await floor.keep(*track(IN_HISTORY, name))
        await floor.store.drain()
        if not all_in_log:
            with closing(sqlite3.connect(path)) as connection:
                connection.execute("PRAGMA wal_checkpoint")
        for name in FLEET:
            await floor.keep(*track(IN_JOURNAL, name, first=IN_HISTORY))
        if crash is not None:
            crash.parent.mkdir(parents=True)
            shutil.copy(path, crash)
            shutil.copy(wal_path(path), wal_path(crash))


async def survivors(path: Path) -> tuple[list[Position], StoreDamagedError | None, list[str]]:
    """What a start finds, what it says was wrong, and which vehicles it knows."""
    async with open_floor(f"sqlite:///{path}", path.parent) as floor:
        found = []
        for name in FLEET:
            found += await floor.store.positions(name, 0, 4e9, limit=10_000)
        await floor.keep(position(9_000, "vehicle-000"), position(0, "newcomer"))
        await floor.store.drain()
        assert await floor.store.positions("newcomer", 0, 4e9) == [position(0, "newcomer")]
        assert (await floor.store.last_positions())["vehicle-000"] == position(9_000, "vehicle-000")
        vehicles = [v.id for v in await floor.store.load_vehicles()]
        return found, floor.store.damage, vehicles


def set_aside(path: Path) -> list[str]:
    return sorted(p.name for p in path.parent.iterdir() if ".damaged-" in p.name)


def overwrite(path: Path, at: int, data: bytes) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(data)


def root_page(path: Path, table: str) -> int:
    """Where in the file the topmost page of a table is."""
    with closing(sqlite3.connect(path)) as connection:
        (page,) = connection.execute(
            "SELECT rootpage FROM sqlite_master WHERE name = ?", (table,)
        ).fetchone()
    return (int(page) - 1) * PAGE


def last_leaf(path: Path, table: str) -> int:
    """Where the last page of a table is: the right-most pointer of its root leads there."""
    data = path.read_bytes()
    at = root_page(path, table) + 8
    return (int.from_bytes(data[at : at + 4], "big") - 1) * PAGE


async def test_a_sound_file_is_left_alone(path: Path, tmp_path: Path) -> None:
    crash = tmp_path / "crash" / "tracker.sqlite"
    await fill(path, crash)
    for file in (path, crash):
        found, damage, vehicles = await survivors(file)
        assert found == everything()
        assert damage is None
        assert vehicles == FLEET
        assert sorted(p.name for p in file.parent.iterdir()) == [file.name, f"{file.name}.lock"]


async def test_a_torn_page_costs_what_was_on_it(path: Path) -> None:
    await fill(path)
    overwrite(path, last_leaf(path, "positions"), random.Random(1).randbytes(PAGE))
    with capture_logs() as logs:
        found, damage, vehicles = await survivors(path)
    assert damage is not None
    assert str(path) in damage.message
    assert f"{len(found)} records of positions" in damage.message
    assert [e["event"] for e in logs if e["log_level"] == "error"] == ["store.damaged"]
    expected = everything()
    assert set(map(key, found)) < set(map(key, expected))
    assert [p for p in found if p not in expected] == []
    assert len(found) >= len(expected) - 60, "a page holds about 40 positions"
    assert vehicles == FLEET
    assert len(set_aside(path)) == 1
    # The next start finds nothing wrong.
    assert (await survivors(path))[1] is None


def key(origin: Position) -> tuple[str, float]:
    return origin.vehicle_id, origin.fix.fix_time


async def test_without_its_first_page_the_file_is_still_read(path: Path) -> None:
    await fill(path)
    overwrite(path, 0, bytes(PAGE))
    found, damage, vehicles = await survivors(path)
    assert found == everything()
    assert damage is not None
    assert vehicles == FLEET


async def test_a_file_that_was_cut_off_gives_what_is_left(path: Path) -> None:
    await fill(path)
    size = path.stat().st_size
    os.truncate(path, size * 4 // 5 + 1234)
    found, damage, _ = await survivors(path)
    expected = everything()
    assert damage is not None
    assert len(expected) * 0.4 < len(found) < len(expected)
    assert all(p in expected for p in found[::50])


async def test_without_the_table_of_keys_vehicles_are_told_by_the_digests(path: Path) -> None:
    await fill(path)
    overwrite(path, root_page(path, "vehicle_keys"), random.Random(2).randbytes(PAGE))
    found, damage, vehicles = await survivors(path)
    assert found == everything()
    assert damage is not None
    assert vehicles == FLEET


async def test_many_torn_pages_and_a_log_give_all_that_is_whole(path: Path, tmp_path: Path) -> None:
    crash = tmp_path / "crash" / "tracker.sqlite"
    await fill(path, crash)
    dice = random.Random(3)
    pages = crash.stat().st_size // PAGE
    assert pages > 100
    torn = dice.sample(range(pages), pages // 10)
    for page in torn:
        overwrite(crash, page * PAGE + dice.randrange(PAGE - 600), dice.randbytes(600))
    found, damage, _ = await survivors(crash)
    expected = set(map(key, everything()))
    assert damage is not None
    assert len(set(map(key, found))) == len(found)
    assert set(map(key, found)) <= expected
    assert len(found) > 0.8 * len(expected)


async def test_a_log_damaged_in_the_middle_loses_no_commit_behind_it(
    path: Path, tmp_path: Path
) -> None:
    crash = tmp_path / "crash" / "tracker.sqlite"
    await fill(path, crash)
    frame = FRAME_HEADER_SIZE + PAGE
    # Behind the newest generation lie frames of the one before it.
    number = max(found.number for found in frames(wal_path(crash), PAGE))
    # One byte of the checksum of a frame near the end: SQLite reads no further than that.
    overwrite(wal_path(crash), HEADER_SIZE + (number - 12) * frame + 17, b"\xa5")
    found, damage, _ = await survivors(crash)
    assert found == everything()
    assert damage is not None
    assert "commits in its log" in damage.message
    assert [name[-4:] for name in set_aside(crash)] == ["-wal"]
    assert (await survivors(crash))[1] is None


@pytest.mark.parametrize("at", [0, 5, 17, 30], ids=["magic", "version", "salt", "checksum"])
async def test_a_log_without_its_header_is_read_all_the_same(
    path: Path, tmp_path: Path, at: int
) -> None:
    crash = tmp_path / "crash" / "tracker.sqlite"
    await fill(path, crash)
    with wal_path(crash).open("rb") as file:
        file.seek(at)
        byte = file.read(1)[0]
    overwrite(wal_path(crash), at, bytes([byte ^ 0x40]))
    found, damage, _ = await survivors(crash)
    assert found == everything()
    assert damage is not None


async def test_a_log_that_ends_in_the_middle_of_a_frame_is_no_damage(
    path: Path, tmp_path: Path
) -> None:
    crash = tmp_path / "crash" / "tracker.sqlite"
    await fill(path, crash)
    with wal_path(crash).open("ab") as file:
        file.write(bytes(1000))  # a commit that was being written: nobody was told of it
    found, damage, _ = await survivors(crash)
    assert found == everything()
    assert damage is None


async def test_a_lost_file_with_its_log_left_is_salvaged(path: Path, tmp_path: Path) -> None:
    crash = tmp_path / "crash" / "tracker.sqlite"
    await fill(path, crash, all_in_log=True)
    crash.unlink()
    found, damage, vehicles = await survivors(crash)
    assert found == everything()
    assert damage is not None
    assert vehicles == FLEET


async def test_a_file_of_somebody_else_is_not_touched(path: Path) -> None:
    path.parent.mkdir()
    picture = random.Random(4).randbytes(100_000)
    path.write_bytes(picture)
    with pytest.raises(StoreDamagedError, match="not a database of the tracker"):
        await create_store(f"sqlite:///{path}", path.parent).migrate()
    assert path.read_bytes() == picture
    assert sorted(p.name for p in path.parent.iterdir()) == [path.name, f"{path.name}.lock"]


@pytest.mark.parametrize("stage", ["salvaged", "renamed", "log"])
async def test_a_repair_that_was_cut_off_is_finished(
    path: Path, tmp_path: Path, stage: str
) -> None:
    """As after a power cut between any two renamings."""
    await fill(path)
    salvaged = path.with_name(path.name + ".salvaged")
    kept = path.with_name(path.name + "-wal.kept")
    shutil.copy(path, salvaged)
    overwrite(path, 0, bytes(PAGE))
    kept.write_bytes(b"log")
    if stage != "salvaged":
        path.rename(path.with_name(path.name + ".damaged-20250301T000000Z"))
    if stage == "log":
        kept.rename(path.with_name(path.name + ".damaged-20250301T000000Z-wal"))
    found, _, vehicles = await survivors(path)
    assert found == everything()
    assert vehicles == FLEET
    assert not salvaged.exists()
    assert not kept.exists()
    assert len(set_aside(path)) == 2, "the damaged file and its log are kept"


async def test_damage_that_shows_while_running_is_named(path: Path) -> None:
    await fill(path)
    async with open_floor(f"sqlite:///{path}", path.parent) as floor:
        await floor.store.mover.stop()
        overwrite(path, root_page(path, "positions"), random.Random(5).randbytes(PAGE))
        with pytest.raises(StoreDamagedError, match="a restart repairs it"):
            await floor.store.positions("vehicle-003", START, START + 10)
    found, damage, _ = await survivors(path)
    assert damage is not None
    assert len(found) >= len(everything()) - 60
