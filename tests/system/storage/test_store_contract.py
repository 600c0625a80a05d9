"""One contract, two bodies: every test here runs over SQLite and over PostgreSQL.

A track is read in three states: all of it in the journal, all in the history, and half in each.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from blockbuster import blockbuster_ctx

from tests.system.storage.conftest import Floor, open_floor
from tests.unit.storage.samples import START, position, track, vehicle
from tests.waiting import PATIENCE_S, until
from tracker.errors import ConfigError, StoreError
from tracker.model import DeviceStatus, Position
from tracker.storage import create_store
from tracker.storage.base import PAGE

EVER = (0.0, 4e9)


@pytest.fixture(params=["journal", "history", "both", "twice"])
def place(request: pytest.FixtureRequest) -> str:
    """Where the positions of a test are when it reads them."""
    return str(request.param)


async def put(floor: Floor, positions: list[Position], place: str) -> None:
    half = len(positions) // 2
    if place == "journal":
        await floor.keep(*positions)
    elif place == "history":
        await floor.keep(*positions)
        await floor.store.drain()
        assert await floor.store.backlog() == 0
    elif place == "both":
        await floor.keep(*positions[:half])
        await floor.store.drain()
        await floor.keep(*positions[half:])
    else:  # delivered again after a lost answer, with a later reception
        await floor.keep(*positions)
        await floor.store.drain()
        await floor.keep(*(replace(p, sequence=p.sequence + 10**9) for p in positions[half:]))


async def whole(floor: Floor, vehicle_id: str) -> list[Position]:
    return [p async for page in floor.store.stream(vehicle_id, *EVER) for p in page]


async def test_a_track_comes_back_in_order_as_it_went_in(floor: Floor, place: str) -> None:
    expected = track(40)
    shuffled = random.Random(3).sample(expected + track(20, "v2"), 60)
    await put(floor, shuffled, place)
    assert await floor.store.positions("v1", *EVER) == expected
    assert await whole(floor, "v1") == expected
    assert await floor.store.positions("nobody", *EVER) == []


async def test_both_ends_of_a_span_are_included(floor: Floor, place: str) -> None:
    expected = track(10)
    await put(floor, expected, place)
    read = floor.store.positions
    assert await read("v1", START + 3, START + 6) == expected[3:7]
    assert await read("v1", START + 3.000001, START + 5.999999) == expected[4:6]
    assert await read("v1", START + 6, START + 3) == []


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
async def test_pages_join_without_gap_or_double(floor: Floor, place: str, limit: int) -> None:
    # Several fixes in one moment, so that pages end between them.
    expected = [
        position(n, fix_time=START + n // 4, lat=46 + n * 1e-5, sequence=1000 + n)
        for n in range(21)
    ]
    await put(floor, random.Random(limit).sample(expected, len(expected)), place)
    pages: list[Position] = []
    after = None
    while page := await floor.store.positions("v1", *EVER, after=after, limit=limit):
        assert len(page) <= limit
        pages += page
        after = page[-1].order
    assert pages == expected


async def test_a_stream_is_cut_into_pages(floor: Floor) -> None:
    expected = track(2 * PAGE + 5)
    await floor.keep(*expected)
    await floor.store.drain()
    pages = [page async for page in floor.store.stream("v1", *EVER)]
    assert [len(page) for page in pages] == [PAGE, PAGE, 5]
    assert [p for page in pages for p in page] == expected


async def test_the_same_position_twice_is_stored_once(floor: Floor) -> None:
    origin = position(0, speed_kmh=40.0, attributes={"battery_v": 4.0})
    again = replace(origin, sequence=origin.sequence + 5, received_time=origin.received_time + 1)
    await floor.keep(origin, again)
    assert await floor.store.positions("v1", *EVER) == [origin]
    await floor.store.drain()
    assert await floor.store.positions("v1", *EVER) == [origin]
    await floor.keep(replace(again, sequence=again.sequence + 5))
    assert await floor.store.positions("v1", *EVER) == [origin]
    await floor.store.drain()
    assert await floor.store.positions("v1", *EVER) == [origin]


async def test_a_copy_with_an_earlier_sequence_is_still_one(floor: Floor) -> None:
    """Two nodes may both get a fix; their journals reach the history in any order."""
    origin = position(0)
    await floor.keep(origin)
    await floor.store.drain()
    await floor.keep(replace(origin, sequence=origin.sequence - 5))
    for limit in (1, 10):
        pages = []
        after = None
        while page := await floor.store.positions("v1", *EVER, after=after, limit=limit):
            pages += page
            after = page[-1].order
        assert len(pages) == 1


async def test_two_different_fixes_of_one_moment_are_both_kept(floor: Floor) -> None:
    first = position(0, lat=46.0, sequence=1)
    second = position(0, lat=46.0, speed_kmh=3.0, sequence=2)
    third = position(0, lat=46.0, speed_kmh=3.0, alarms=("sos",), sequence=3)
    await floor.keep(first, second, third)
    await floor.store.drain()
    assert await floor.store.positions("v1", *EVER) == [first, second, third]


async def test_everything_of_a_fix_comes_back(floor: Floor, place: str) -> None:
    expected = [
        position(0, lat=-89.99999991, lon=179.99999993, sequence=1),
        position(
            1,
            fix_time=START + 1.123456,
            lat=22.552056666666668,
            lon=114.05123456789,
            speed_kmh=0.30000000000000004,
            course_deg=359.99,
            altitude_m=-12.5,
            valid=False,
            stored=True,
            satellites=0,
            ignition=False,
            alarms=("geofence,exit", 'quo"te'),
            attributes={"text": "Škofja Loka 東京\u0000", "odometer_m": 2**53, "nested": [1, None]},
            sequence=2,
        ),
    ]
    await put(floor, expected, place)
    assert await floor.store.positions("v1", *EVER) == expected


async def test_the_last_valid_position_of_each_vehicle(floor: Floor, place: str) -> None:
    late = position(99, "a", valid=False)  # newest, but no satellites stood behind it
    backlog = position(5, "a", fix_time=START - 500, stored=True, sequence=10**17)
    tie = [position(50, "b", lat=46 + n, sequence=100 + n) for n in (2, 3, 1)]
    old = position(0, "c", fix_time=START - 300 * 86_400)
    never = position(3, "d", valid=False)
    everything = [*track(30, "a"), late, backlog, *tie, *track(30, "b"), old, never]
    await put(floor, everything, place)
    last = await floor.store.last_positions()
    expected = {"a": track(30, "a")[-1], "b": tie[1], "c": old}
    assert {k: p.fix for k, p in last.items()} == {k: p.fix for k, p in expected.items()}
    assert place == "twice" or last == expected


async def test_vehicles_are_saved_changed_and_loaded(floor: Floor) -> None:
    assert await floor.store.load_vehicles() == []
    first = vehicle("b", group="north/trucks", utc_offset_s=-3600, datum="gcj02")
    other = vehicle("a", status=DeviceStatus.PENDING, protocol="gt06", created_time=START + 0.25)
    await floor.store.save_vehicle(first)
    await floor.store.save_vehicles([other, vehicle("c")])
    assert await floor.store.load_vehicles() == [other, first, vehicle("c")]
    renamed = replace(first, name="Tovornjak Ž", fleet="east", utc_offset_s=None)
    await floor.store.save_vehicle(renamed)
    await floor.store.save_vehicles([])
    assert await floor.store.load_vehicles() == [other, renamed, vehicle("c")]


async def test_what_was_saved_is_there_after_a_restart(store_url: str, tmp_path: Path) -> None:
    async with open_floor(store_url, tmp_path) as floor:
        await floor.store.save_vehicle(vehicle("v1"))
        await floor.keep(*track(100))
    async with open_floor(store_url, tmp_path) as floor:
        assert await floor.store.load_vehicles() == [vehicle("v1")]
        assert await floor.store.positions("v1", *EVER) == track(100)
        assert floor.store.damage is None


async def test_positions_move_to_the_history_by_themselves(
    store_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tracker.storage.sqlite.FOLD_AFTER_S", 0.0)
    async with open_floor(store_url, tmp_path) as floor:
        await floor.keep(*track(100))
        async with asyncio.timeout(PATIENCE_S):
            while await floor.store.backlog():
                assert await floor.store.positions("v1", *EVER) == track(100)
                await asyncio.sleep(0.02)
        assert await floor.store.positions("v1", *EVER) == track(100)
        assert floor.store.mover.failing_since is None


async def test_what_left_the_journal_never_takes_along_what_comes_later(floor: Floor) -> None:
    """Moving deletes by ranges of ids: an empty journal must not give an id a second time."""
    seen: set[int] = set()
    for number in range(5):
        await floor.keep(*track(10, first=10 * number))
        with closing(sqlite3.connect(floor.store.journal_path)) as connection:
            ids = {row[0] for row in connection.execute("SELECT id FROM journal")}
        assert len(ids) == 10
        assert not seen & ids
        seen |= ids
        await (floor.store.drain() if number % 2 else floor.store.erase("v1"))
        assert await floor.store.backlog() == 0


async def test_moving_and_erasing_at_once_lose_nothing(floor: Floor) -> None:
    async def drain_often() -> None:
        for _ in range(30):
            await floor.store.drain()

    async def erase_often() -> None:
        for _ in range(30):
            await floor.store.erase("gone")

    async def report() -> None:
        for number in range(30):
            await floor.keep(*track(3, "gone", first=3 * number))
            await floor.keep(position(number, "kept"))

    await asyncio.gather(drain_often(), drain_often(), erase_often(), report())
    expected = [position(number, "kept") for number in range(30)]
    assert await floor.store.positions("kept", *EVER) == expected
    await floor.store.erase("gone")
    await floor.store.drain()
    assert await whole(floor, "gone") == []
    assert await floor.store.positions("kept", *EVER) == expected


async def test_old_positions_go_by_the_age_of_their_fleet(floor: Floor) -> None:
    await floor.store.save_vehicles([vehicle("a", fleet="short"), vehicle("b", fleet="long")])
    day = 86_400.0
    kept = {
        name: [position(n, name, fix_time=START - n * day, sequence=100 - n) for n in range(10)]
        for name in ("a", "b", "stranger")
    }
    await floor.keep(*(p for positions in kept.values() for p in positions))
    await floor.store.drain()
    assert await floor.store.retain(START, {"short": 3.5 * day}) == 6
    assert await whole(floor, "a") == kept["a"][3::-1]
    assert await whole(floor, "b") == kept["b"][::-1]
    assert await floor.store.retain(START, {"short": 3.5 * day, "long": 8 * day}) == 1
    assert await whole(floor, "b") == kept["b"][8::-1]
    assert await floor.store.retain(START, {"short": 3.5 * day, "long": 8 * day}) == 0
    assert await whole(floor, "stranger") == kept["stranger"][::-1], "of no fleet: kept for ever"


async def test_retention_goes_through_long_tracks_in_steps(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tracker.storage.sqlite.DELETE_STEP", 7)
    await floor.store.save_vehicle(vehicle("v1"))
    await floor.keep(*track(100))
    await floor.store.drain()
    assert await floor.store.retain(START + 60, {"main": 0.0}) == 60
    assert await whole(floor, "v1") == track(100)[60:]


async def test_a_vehicle_is_erased_with_all_its_positions(floor: Floor, place: str) -> None:
    await floor.store.save_vehicles([vehicle("v1"), vehicle("v2")])
    await put(floor, track(20, "v1") + track(20, "v2"), place)
    assert await floor.store.delete_vehicle("v1") >= 20
    assert await whole(floor, "v1") == []
    assert await whole(floor, "v2") == track(20, "v2")
    assert await floor.store.load_vehicles() == [vehicle("v2")]
    assert await floor.store.erase("nobody") == 0
    await floor.keep(*track(5, "v1"))
    await floor.store.drain()
    assert await whole(floor, "v1") == track(5, "v1"), "it may report again"


async def test_reading_and_writing_never_block_the_event_loop(
    store_url: str, tmp_path: Path
) -> None:
    with blockbuster_ctx() as guard:
        for function in guard.functions.values():
            # The driver looks for ~/.pgpass and ~/.postgresql when it connects.
            function.can_block_in("asyncpg/connect_utils.py", "_parse_connect_dsn_and_args")
            # Runs in a thread, but on a loop of its own, which is what the guard looks for.
            function.can_block_in("tracker/storage/migrate.py", "upgrade")
        async with open_floor(store_url, tmp_path) as floor:
            await floor.store.save_vehicle(vehicle("v1"))
            await floor.keep(*track(100))
            await floor.store.positions("v1", *EVER)
            await floor.store.drain()
            await floor.store.positions("v1", *EVER)
            await floor.store.last_positions()
            await floor.store.load_vehicles()
            await floor.store.ping()
            await floor.store.retain(START, {"main": 0.0})
            await floor.store.delete_vehicle("v1")


async def test_readings_run_while_positions_come_in(floor: Floor) -> None:
    """Whatever moves meanwhile: each reading sees everything that was acknowledged before it."""
    acknowledged = readings = 0
    stop = asyncio.Event()

    async def report() -> None:
        nonlocal acknowledged
        for number in range(0, 3_000, 20):
            await until(lambda n=number: readings >= n // 500)  # none is left behind
            await floor.keep(*track(20, first=number))
            acknowledged = number + 20
        stop.set()

    async def move() -> None:
        while not stop.is_set():
            await floor.store.drain()
            await asyncio.sleep(0)

    tasks = [asyncio.create_task(report()), asyncio.create_task(move())]
    while not stop.is_set():
        known = acknowledged
        found = await floor.store.positions("v1", *EVER, limit=10_000)
        assert len(found) >= known
        assert found == track(len(found))
        readings += 1
    await asyncio.gather(*tasks)
    assert await floor.store.positions("v1", *EVER, limit=10_000) == track(3_000)


async def test_what_moves_between_the_two_looks_of_a_reading_is_seen(
    floor: Floor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Everything moves at the worst moment: just after either place was looked at."""

    def then_drain(look: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        async def looked(*place: Any) -> Any:
            found = await look(*place)
            await floor.store.drain()
            return found

        return looked

    local = floor.store._local
    monkeypatch.setattr(local, "span_rows", then_drain(local.span_rows))
    monkeypatch.setattr(floor.store, "_stored_page", then_drain(floor.store._stored_page))
    for first in range(0, 30, 10):
        await floor.keep(*track(10, first=first))
        assert await floor.store.positions("v1", *EVER) == track(first + 10)
        await floor.keep(*track(10, "v2", first=first))
        assert await whole(floor, "v2") == track(first + 10, "v2")


async def test_a_store_that_is_not_open_says_so(store_url: str, tmp_path: Path) -> None:
    store = create_store(store_url, tmp_path)
    for attempt in (store.ping, store.load_vehicles, store.last_positions):
        with pytest.raises(StoreError):
            await attempt()


@pytest.mark.parametrize(
    "url",
    ["", "sqlite://", "mysql://x", "sqlite:///", "postgresql://", "postgresql://u:secret@[::1"],
)
def test_an_url_that_names_no_store_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        create_store(url, tmp_path)
    assert "secret" not in str(caught.value)
