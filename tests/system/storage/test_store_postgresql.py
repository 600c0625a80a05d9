"""PostgreSQL away, frozen and back; days of positions; two nodes at one database."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

import asyncpg
import pytest
from structlog.testing import capture_logs

from tests.servers import PostgresqlServer
from tests.system.storage.conftest import open_floor
from tests.unit.storage.samples import position, rows_of, track, vehicle
from tests.waiting import until
from tracker.errors import StartError, StoreError
from tracker.storage import JOURNAL_FILE, Store, create_store
from tracker.storage.partitions import (
    DAY_US,
    DAYS_AHEAD,
    DAYS_BACK,
    partition_day,
    partition_name,
)

pytestmark = pytest.mark.servers
EVER = (0.0, 8e9)
DAY_S = DAY_US // 1_000_000


async def drained(store: Store) -> None:
    """Nothing waits in the journal, and the mover has seen that."""

    async def done() -> bool:
        return not await store.backlog() and store.mover.failing_since is None

    await until(done)


async def test_an_outage_makes_the_journal_longer_and_loses_nothing(
    postgresql_server: PostgresqlServer, tmp_path: Path
) -> None:
    url = postgresql_server.url()
    async with open_floor(url, tmp_path) as floor:
        await floor.keep(*track(100))
        await drained(floor.store)
        with capture_logs() as logs:
            await asyncio.to_thread(postgresql_server.kill)
            for first in range(100, 3_000, 100):
                await floor.keep(*track(100, first=first))  # acknowledged all the same
            with pytest.raises(StoreError):
                await floor.store.ping()
            with pytest.raises(StoreError):
                await floor.store.positions("v1", *EVER)
            await until(lambda: floor.store.mover.failures)
            assert await floor.store.backlog() == 2_900
            await asyncio.to_thread(postgresql_server.start)
            await drained(floor.store)
        assert [e["event"] for e in logs] == ["store.fails", "store.works_again"]
        await floor.store.ping()
        assert await floor.store.positions("v1", *EVER, limit=5_000) == track(3_000)
        assert postgresql_server.sql("SELECT count(*) FROM positions") == "3000"


async def test_a_server_that_stands_still_holds_up_nobody(
    postgresql_server: PostgresqlServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tracker.storage.postgresql.COMMAND_TIMEOUT_S", 5.0)
    async with open_floor(postgresql_server.url(), tmp_path) as floor:
        await floor.keep(*track(100))
        await drained(floor.store)
        await asyncio.to_thread(postgresql_server.freeze)
        await floor.keep(*track(100, first=100))
        with pytest.raises(StoreError):
            await floor.store.ping()
        with pytest.raises(StoreError):
            await floor.store.positions("v1", *EVER)
        await asyncio.to_thread(postgresql_server.thaw)
        await drained(floor.store)
        assert await floor.store.positions("v1", *EVER) == track(200)


async def test_a_node_that_is_stopped_in_an_outage_drains_when_it_is_back(
    postgresql_server: PostgresqlServer, tmp_path: Path
) -> None:
    async with open_floor(postgresql_server.url(), tmp_path) as floor:
        await asyncio.to_thread(postgresql_server.stop)
        await floor.keep(*track(500))
    assert rows_of(tmp_path / JOURNAL_FILE, "journal") == track(500)
    with pytest.raises(StoreError, match="PostgreSQL"):
        await create_store(postgresql_server.url(), tmp_path).migrate()
    await asyncio.to_thread(postgresql_server.start)
    async with open_floor(postgresql_server.url(), tmp_path) as floor:
        assert await floor.store.positions("v1", *EVER) == track(500)
        await drained(floor.store)
        assert await floor.store.positions("v1", *EVER) == track(500)
    assert rows_of(tmp_path / JOURNAL_FILE, "journal") == []


async def test_a_kill_between_storing_and_forgetting_stores_nothing_twice(
    postgresql_url: str, tmp_path: Path
) -> None:
    async with open_floor(postgresql_url, tmp_path) as floor:
        await floor.store.mover.stop()
        await floor.keep(*track(50))
        journal = floor.store.journal_path
        before = rows_of(journal, "journal")
        await floor.store.drain()
        await floor.keep(*before)  # the journal as it was before the step
        assert await floor.store.positions("v1", *EVER) == track(50)
        await floor.store.drain()
        assert await floor.store.positions("v1", *EVER) == track(50)


async def test_each_day_has_a_partition_made_ahead_or_on_demand(
    postgresql_url: str, tmp_path: Path
) -> None:
    today = int(time.time()) // DAY_S
    ages = [0, 1, 40, DAYS_BACK, DAYS_BACK + 1, 9_000, -1, -DAYS_AHEAD, -DAYS_AHEAD - 1, -9_000]
    expected = sorted(
        (position(n, fix_time=float((today - age) * DAY_S + 5)) for n, age in enumerate(ages)),
        key=lambda p: p.order,
    )
    async with open_floor(postgresql_url, tmp_path) as floor:
        await floor.keep(*expected)
        await floor.store.drain()
        assert await floor.store.positions("v1", *EVER) == expected
        assert (await floor.store.last_positions())["v1"] == expected[-1]
    connection = await asyncpg.connect(postgresql_url)
    counts = dict(
        await connection.fetch(
            "SELECT tableoid::regclass::text, count(*) FROM positions GROUP BY 1"
        )
    )
    names = {
        row[0]
        for row in await connection.fetch(
            "SELECT inhrelid::regclass::text FROM pg_inherits"
            " WHERE inhparent = 'positions'::regclass"
        )
    }
    await connection.close()
    own = {partition_name(today - age) for age in (0, 1, 40, DAYS_BACK, -1, -DAYS_AHEAD)}
    assert counts == dict.fromkeys(own, 1) | {"positions_other": 4}
    assert names == own | {"positions_other"}


async def test_rows_move_when_their_day_is_given_a_partition(
    postgresql_url: str, tmp_path: Path
) -> None:
    today = int(time.time()) // DAY_S
    stray = position(0, fix_time=float(today * DAY_S + 1))
    fix_time_us = round(stray.fix.fix_time * 1e6)
    async with open_floor(postgresql_url, tmp_path) as floor:
        await floor.store.mover.stop()
        connection = await asyncpg.connect(postgresql_url)
        try:
            # As if the node's clock had been a year behind when this came.
            await connection.execute("INSERT INTO vehicle_keys (vehicle_id) VALUES ('v1')")
            await connection.execute(
                "INSERT INTO positions (vehicle_key, fix_time_us, digest, lat, lon, flags,"
                " received_time_us, sequence) VALUES (1, $1, 7, 1, 2, 1, 0, 0)",
                fix_time_us,
            )
            table = "SELECT tableoid::regclass::text FROM positions WHERE digest = 7"
            assert await connection.fetchval(table) == "positions_other"
            await floor.keep(stray)
            await floor.store.drain()
            assert await connection.fetchval(table) == partition_name(today)
            assert await connection.fetchval("SELECT count(*) FROM positions") == 2
        finally:
            await connection.close()


async def test_days_that_nobody_keeps_are_dropped_whole(
    postgresql_url: str, tmp_path: Path
) -> None:
    now = time.time()
    today = int(now) // DAY_S
    ages = range(10)
    positions = [
        position(n, name, fix_time=float((today - n) * DAY_S), sequence=100 - n)
        for name in ("a", "b")
        for n in ages
    ]
    async with open_floor(postgresql_url, tmp_path) as floor:
        await floor.store.save_vehicles([vehicle("a", fleet="one"), vehicle("b", fleet="two")])
        await floor.keep(*positions)
        await floor.store.drain()
        deleted = await floor.store.retain(now, {"one": 3.5 * DAY_S, "two": 6.5 * DAY_S})
        left = {
            name: [p.fix.fix_time for p in await floor.store.positions(name, *EVER)]
            for name in ("a", "b")
        }
        for name, keep in (("a", 3.5), ("b", 6.5)):
            expected = [float((today - n) * DAY_S) for n in ages]
            assert left[name] == sorted(t for t in expected if t >= now - keep * DAY_S)
        assert deleted == 20 - sum(map(len, left.values()))
        connection = await asyncpg.connect(postgresql_url)
        names = [
            row[0]
            for row in await connection.fetch(
                "SELECT inhrelid::regclass::text FROM pg_inherits"
                " WHERE inhparent = 'positions'::regclass"
            )
        ]
        await connection.close()
        days = [day for name in names if (day := partition_day(name)) is not None]
        longest = int(now - 6.5 * DAY_S) // DAY_S
        assert min(days) == longest, "the day in which the longest age ends is kept"
        # A dropped day can come back: a backlog of it falls where there is room.
        late = position(0, "a", fix_time=float((today - 9) * DAY_S + 60), stored=True)
        await floor.keep(late)
        await floor.store.drain()
        assert (await floor.store.positions("a", *EVER))[0] == late


async def test_two_nodes_drain_into_one_database_at_once(
    postgresql_url: str, tmp_path: Path
) -> None:
    """Vehicles have other keys on each node; a device moves from one node to the other."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    stores = [create_store(postgresql_url, tmp_path / name) for name in "ab"]
    await asyncio.gather(*(store.migrate() for store in stores))
    async with (
        open_floor(postgresql_url, tmp_path / "a") as a,
        open_floor(postgresql_url, tmp_path / "b") as b,
    ):
        await asyncio.gather(
            a.keep(*track(500, "x"), *track(250, "y")),
            b.keep(*track(300, "z"), *track(250, "y", first=250), *track(10, "x", first=490)),
        )
        await asyncio.gather(a.store.drain(), b.store.drain())
        for floor in (a, b):
            for name, count in (("x", 500), ("y", 500), ("z", 300)):
                assert await floor.store.positions(name, *EVER) == track(count, name)


async def test_two_nodes_that_heard_the_same_in_another_order_do_not_block_each_other(
    postgresql_url: str, tmp_path: Path
) -> None:
    """Each vehicle and each position is new to both: whoever comes second waits for the first."""
    heard = [one for name in range(2_500) for one in track(2, f"v{name}")]
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    async with (
        open_floor(postgresql_url, tmp_path / "a") as a,
        open_floor(postgresql_url, tmp_path / "b") as b,
    ):
        for floor in (a, b):
            await floor.store.mover.stop()
        await a.keep(*heard)
        await b.keep(*reversed(heard))
        await asyncio.gather(a.store.drain(), b.store.drain())
        for name in (0, 2_499):
            assert await a.store.positions(f"v{name}", *EVER) == track(2, f"v{name}")
        assert await a.store.backlog() == await b.store.backlog() == 0


async def test_what_is_in_the_journal_of_this_node_is_seen_in_order(
    postgresql_url: str, tmp_path: Path
) -> None:
    async with open_floor(postgresql_url, tmp_path) as floor:
        await floor.store.mover.stop()
        await floor.keep(*track(50), *track(50, first=100))
        await floor.store.drain()
        await floor.keep(*track(50, first=50))
        assert await floor.store.positions("v1", *EVER) == track(150)
        assert (await floor.store.last_positions())["v1"] == track(150)[-1]


async def test_a_server_that_is_not_there_is_said_in_one_line(tmp_path: Path) -> None:
    store = create_store("postgresql://nobody:secret@127.0.0.1:1/x", tmp_path)
    for attempt in (store.migrate, store.start):
        with pytest.raises(StoreError, match="PostgreSQL: ") as caught:
            await attempt()
        assert "secret" not in str(caught.value)
        assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "day"),
    [
        ("positions_19700101", 0),
        ("positions_20251009", 20_370),
        ("positions_other", None),
        ("positions_20251301", None),
        ("vehicles", None),
    ],
)
def test_names_of_partitions(name: str, day: int | None) -> None:
    assert partition_day(name) == day
    if day is not None:
        assert partition_name(day) == name


async def test_a_database_of_a_newer_program_is_refused_in_one_line(
    shared_postgresql: PostgresqlServer, postgresql_url: str, tmp_path: Path
) -> None:
    store = create_store(postgresql_url, tmp_path)
    await store.migrate()
    database = postgresql_url.rpartition("/")[2]
    shared_postgresql.sql("UPDATE alembic_version SET version_num = '9999'", database)
    with pytest.raises(StartError) as caught:
        await store.migrate()
    assert "PostgreSQL has schema 9999, and this program knows none" in caught.value.message
    assert "\n" not in caught.value.message
