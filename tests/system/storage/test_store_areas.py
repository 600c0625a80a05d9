"""Questions across vehicles, over SQLite and PostgreSQL, wherever the positions are."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.system.storage.conftest import Floor
from tests.system.storage.test_store_contract import put
from tests.unit.storage.samples import START, position, track
from tracker.storage import areas

FIRST_US, LAST_US = round((START - 1) * 1e6), round((START + 1_000) * 1e6)
IDS = ["v1", "v2", "v3", "nobody"]


@pytest.fixture(params=["journal", "history", "both", "twice"])
def place(request: pytest.FixtureRequest) -> str:
    """Where the positions of a test are when it asks."""
    return str(request.param)


async def test_playback_has_every_fix_once_and_in_order(floor: Floor, place: str) -> None:
    items = [*track(30), *track(20, "v2", 5), position(3, "v3", valid=False)]
    await put(floor, [*reversed(items), *track(5, "v9")], place)
    seen = await areas.playback(floor.store, IDS, FIRST_US, LAST_US, 1_000)
    assert seen is not None
    assert set(seen) == {"v1", "v2"}
    expected = [(round(p.fix.fix_time * 1e6), p.fix.lat, p.fix.lon) for p in items[:30]]
    assert [(row[1], row[4], row[5]) for row in seen["v1"]] == expected
    assert len(seen["v2"]) == 20
    assert all(row[0] == "v2" for row in seen["v2"])


async def test_playback_has_the_window_only_and_says_when_it_is_too_much(
    floor: Floor, place: str
) -> None:
    await put(floor, track(30), place)
    first, last = round((START + 5) * 1e6), round((START + 9) * 1e6)
    seen = await areas.playback(floor.store, IDS, first, last, 5)
    assert seen is not None
    assert [row[1] for row in seen["v1"]] == [round((START + n) * 1e6) for n in range(5, 10)]
    assert await areas.playback(floor.store, IDS, first, last, 4) is None
    assert await areas.playback(floor.store, [], first, last, 4) == {}


async def test_playback_knows_what_was_said(floor: Floor, place: str) -> None:
    items = [
        position(1, ignition=True, speed_kmh=36.5, course_deg=90.0, alarms=("sos",)),
        position(2, ignition=False),
    ]
    await put(floor, items, place)
    seen = await areas.playback(floor.store, ["v1"], FIRST_US, LAST_US, 10)
    assert seen is not None
    first, second = seen["v1"]
    assert first[6:8] == (36.5, 90.0)
    assert second[6:8] == (None, None)
    assert (first[9] is None, second[9] is None) == (False, True)
    assert [row[8] & 12 for row in (first, second)] == [12, 4]


async def test_extents(floor: Floor, place: str) -> None:
    items = [*track(30), *track(3, "v2"), position(0, "v3", lat=1.0, lon=179.5)]
    items += [position(1, "v3", lat=2.0, lon=-179.5), position(2, "v3", lat=80, valid=False)]
    await put(floor, items, place)
    found = await areas.extents(floor.store, IDS, FIRST_US, LAST_US)
    assert set(found) == {"v1", "v2", "v3"}
    lons, lats = [p.fix.lon for p in items[:30]], [p.fix.lat for p in items[:30]]
    assert found["v1"] == (min(lons), min(lats), max(lons), max(lats))
    assert found["v3"] == (-180.0, 1.0, 180.0, 2.0)
    assert await areas.extents(floor.store, IDS, 0, FIRST_US) == {}


async def test_who_was_seen_in_a_box(floor: Floor, place: str) -> None:
    items = [position(n, "v1", lat=46.0, lon=14.0 + n / 10) for n in range(10)]
    items += [position(n, "v2", lat=-10.0, lon=-179.9) for n in range(4)]
    items += [position(5, "v3", lat=46.0, lon=14.5, valid=False)]
    await put(floor, items, place)

    async def seen(*boxes: areas.Box, last: float = 1_000.0) -> set[str]:
        return await areas.seen_in(floor.store, IDS, boxes, FIRST_US, round((START + last) * 1e6))

    assert await seen((14.45, 45.9, 14.55, 46.1)) == {"v1"}
    assert await seen((14.45, 45.9, 14.55, 46.1), last=4) == set()
    assert await seen((14.91, 45.9, 15.0, 46.1)) == set()
    assert await seen((170.0, -20, 180.0, 0), (-180.0, -20, -170.0, 0)) == {"v2"}
    assert await seen((-180, -90, 180, 90)) == {"v1", "v2"}
    assert await areas.seen_in(floor.store, ["v2"], [(-180, -90, 180, 90)], 0, LAST_US) == {"v2"}


async def test_what_is_there_at_given_moments(floor: Floor, place: str) -> None:
    items = track(30)
    await put(floor, [*items, *track(30, "v2")], place)
    times = [round(items[n].fix.fix_time * 1e6) for n in (3, 7, 29)]
    found = await areas.places_at(floor.store, "v1", [*times, 17, 2**60])
    assert found == {
        (times[k], items[n].fix.lat, items[n].fix.lon) for k, n in enumerate((3, 7, 29))
    }
    assert await areas.places_at(floor.store, "nobody", times) == set()
    assert await areas.places_at(floor.store, "v1", []) == set()


async def test_the_newest_before_a_time(floor: Floor, place: str) -> None:
    items = [*track(20), position(20, valid=False)]
    imported = [position(n, attributes={"imported": True, "a": 1}) for n in (21, 22)]
    await put(floor, [*items, *imported, *track(5, "v2")], place)

    async def newest(seconds: float, **options: bool) -> float | None:
        found = await areas.newest_before(floor.store, "v1", START + seconds, **options)
        return None if found is None else found.fix.fix_time - START

    assert await newest(100) == 22
    assert await newest(22) == 21
    assert await newest(100, imported=False) == 19
    assert await newest(0) is None
    assert await areas.newest_before(floor.store, "nobody", START + 9) is None
    found = await areas.newest_before(floor.store, "v1", START + 5.5)
    assert found is not None
    assert found.fix == items[5].fix


async def test_the_newest_of_one_moment_is_the_last_received(floor: Floor, place: str) -> None:
    items = [position(1, lat=46.0 + n, sequence=100 + n) for n in range(3)]
    await put(floor, [items[1], items[2], items[0]], place)
    found = await areas.newest_before(floor.store, "v1", START + 2)
    assert found is not None
    assert found.fix.lat == 48.0


async def test_imports_say_nothing_about_where_a_vehicle_is(floor: Floor, place: str) -> None:
    mark = {"imported": True}
    items = [*track(5), position(50, attributes=mark), *track(4, "v2")]
    items += [position(9, "v3", attributes=mark)]
    await put(floor, items, place)
    found = await areas.last_reported(floor.store)
    assert {id_: p.fix.fix_time - START for id_, p in found.items()} == {"v1": 4, "v2": 3}


async def test_minutes(floor: Floor, place: str) -> None:
    items = [position(n * 20, lat=46 + n / 1e3) for n in range(9)]
    await put(floor, [*track(12, "v2"), *items, position(61, valid=False)], place)
    minute = int(START // 60)
    first_us, last_us = round(items[1].fix.fix_time * 1e6), round(items[7].fix.fix_time * 1e6)
    counts, unsure = await areas.minute_counts(floor.store, "v1", first_us, last_us)
    expected: dict[int, int] = {}
    for item in items[1:8]:
        of = int(item.fix.fix_time // 60)
        expected[of] = expected.get(of, 0) + 1
    sure = {m: n for m, n in counts.items() if m not in unsure}
    assert sure == {m: n for m, n in expected.items() if m not in unsure}
    assert (not unsure) is (place == "history")
    assert set(counts) | unsure == set(expected)
    assert min(expected) >= minute


async def test_a_fix_that_is_in_both_is_one(floor: Floor) -> None:
    items = track(10)
    await floor.keep(*items)
    await floor.store.drain()
    await floor.keep(*(replace(p, sequence=p.sequence + 10**9) for p in items))
    seen = await areas.playback(floor.store, ["v1"], FIRST_US, LAST_US, 10)
    assert seen is not None
    assert [row[2] for row in seen["v1"]] == [p.sequence for p in items]
