"""Writing behind the scenes: the newest state, in batches, again after a failure, within bounds."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest

from tests.unit.builders import vehicle
from tracker import saver
from tracker.errors import StoreError
from tracker.model import Vehicle
from tracker.saver import Saver


class Floor:
    """Where records are written, unless it is away."""

    def __init__(self) -> None:
        self.away = 0  # times that it cannot be written to
        self.written: list[list[Vehicle]] = []
        self.before = asyncio.Event()  # nothing is written until it is set
        self.before.set()

    async def write(self, records: Sequence[Vehicle]) -> None:
        await self.before.wait()
        if self.away:
            self.away -= 1
            raise StoreError("away")
        self.written.append(list(records))


def new(floor: Floor, *, batch: int = 10, most: int | None = None) -> Saver[Vehicle]:
    return Saver("vehicles", floor.write, batch=batch, most=most)


async def test_what_is_saved_is_written_in_batches() -> None:
    floor = Floor()
    one = new(floor, batch=2)
    one.start()
    vehicles = [vehicle(name) for name in "abcde"]
    for each in vehicles:
        one.save(each)
    assert len(one) == 5
    assert await one.written(vehicles[-1], 10)
    assert floor.written == [vehicles[:2], vehicles[2:4], vehicles[4:]]
    assert len(one) == 0
    await one.close()


async def test_of_each_record_the_newest_state_is_written() -> None:
    floor = Floor()
    one = new(floor)
    one.save(vehicle("a", name="before"))
    one.save(vehicle("a", name="after"))
    one.start()
    await one.close()
    await one.close()
    assert floor.written == [[vehicle("a", name="after")]]


async def test_what_comes_while_it_is_written_is_written_next() -> None:
    floor = Floor()
    floor.before.clear()
    one = new(floor)
    one.start()
    older, newer = vehicle("a", name="before"), vehicle("a", name="after")
    one.save(older)
    for _ in range(3):
        await asyncio.sleep(0)  # the transaction begins
    one.save(newer)
    assert not await one.written(older, 0), "nor is anything newer that says the same"
    assert not await one.written(newer, 0)
    floor.before.set()
    assert await one.written(newer, 10)
    assert floor.written == [[older], [newer]]
    await one.close()


async def test_a_floor_that_is_away_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saver, "RETRY_S", 0)
    floor = Floor()
    floor.away = 3
    one = new(floor)
    one.start()
    kept = vehicle()
    one.save(kept)
    assert await one.written(kept, 10)
    assert (floor.away, floor.written) == (0, [[kept]])
    await one.close()


async def test_what_is_left_is_written_at_the_end_and_no_floor_is_waited_for_then() -> None:
    floor = Floor()
    floor.away = 10
    one = new(floor)
    one.start()
    one.save(vehicle())
    await one.close()
    assert len(one) == 1
    floor.away = 0
    await one.close()
    assert floor.written == [[vehicle()]]


async def test_the_oldest_makes_room_and_is_counted() -> None:
    one = new(Floor(), most=3)
    for name in "abcab":
        one.save(vehicle(name))
    assert (len(one), one.lost) == (3, 0)
    for name in "de":
        one.save(vehicle(name))
    assert (len(one), one.lost) == (3, 2)
    one.start()
    await one.close()
    assert len(one) == 0


async def test_where_records_cannot_be_too_many_none_is_lost() -> None:
    one = new(Floor())
    for number in range(1_000):
        one.save(vehicle(str(number)))
    assert (len(one), one.lost) == (1_000, 0)
