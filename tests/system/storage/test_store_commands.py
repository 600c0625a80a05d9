"""Commands in both stores: kept whole, never doubled, never opened again, and in pages."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.servers import PostgresqlServer
from tests.system.storage.conftest import Floor, open_floor
from tests.unit.storage.dump_database import POSITIONS, VEHICLES
from tests.waiting import PATIENCE_S
from tracker.commands import life
from tracker.commands.saver import CommandSaver
from tracker.errors import StoreError
from tracker.model import CommandKind, CommandRecord, CommandState
from tracker.storage import commands, create_store
from tracker.storage.migrate import upgrade_postgresql

T0 = 1_760_000_000.0
S, A = CommandState.SENT, CommandState.ANSWERED


def command(number: int = 0, vehicle: str = "v1", **more: object) -> CommandRecord:
    fields = {"parameters": {"text": "Škofja\x00 Loka"}, "node": "a"} | more
    return life.begun(
        CommandRecord(
            f"c{number:05d}", vehicle, CommandKind.TEXT, created_time=T0 + number // 3,
            expires_time=T0 + 600, **fields,
        )  # type: ignore[arg-type]
    )  # fmt: skip


def answered(record: CommandRecord, node: str = "a") -> CommandRecord:
    sent = life.step(record, S, T0 + 5, node, reference=65_535)
    return life.step(sent, A, T0 + 6, node, reply="dobro\x00", detail="late")


async def test_a_command_comes_back_as_it_was(floor: Floor) -> None:
    record = answered(command())
    await commands.save(floor.store, [record, command(1)])
    assert await commands.find(floor.store, record.id) == record
    assert await commands.find(floor.store, "other") is None
    assert await commands.load_open(floor.store) == [command(1)]


async def test_saving_again_changes_nothing_whatever_was_known(floor: Floor) -> None:
    whole = answered(command())
    for telling in (command(), whole, command(), life.step(command(), S, T0 + 5, "a"), whole):
        await commands.save(floor.store, [telling])
        await commands.save(floor.store, [telling])
    assert await commands.find(floor.store, whole.id) == whole
    assert await commands.load_open(floor.store) == [], "an older telling does not open it again"


async def test_two_nodes_add_to_one_command(floor: Floor) -> None:
    here = life.step(command(), S, T0 + 5, "a", reference=1)
    there = life.step(command(), CommandState.CANCELLED, T0 + 4, "b")
    await asyncio.gather(*(commands.save(floor.store, [one]) for one in (here, there) * 5))
    assert await commands.find(floor.store, here.id) == life.merge(here, there)


async def test_pages_go_back_in_time_without_a_hole(floor: Floor) -> None:
    records = [command(number) for number in range(25)]
    await commands.save(floor.store, [*records, command(99, "v2")])
    found: list[CommandRecord] = []
    before = None
    while page := await commands.of_vehicle(floor.store, "v1", 4, before):
        assert len(page) <= 4
        found += page
        before = page[-1]
    assert found == records[::-1]


async def test_old_commands_are_deleted_and_open_ones_stay(floor: Floor) -> None:
    old = [answered(command(number)) for number in range(1_200)]
    still, new = command(1_200), answered(command(5_000))
    await commands.save(floor.store, [*old, still, new])
    assert await commands.prune(floor.store, T0 + 1_000) == 1_200
    assert await commands.load_open(floor.store) == [still]
    assert await commands.of_vehicle(floor.store, "v1", 10) == [new, still]
    assert await commands.erase(floor.store, "v2") == 0
    assert await commands.erase(floor.store, "v1") == 2
    assert await commands.of_vehicle(floor.store, "v1", 10) == []
    assert await commands.find(floor.store, new.id) is None


@pytest.mark.servers
async def test_a_database_of_version_1_is_upgraded_with_its_content(
    postgresql_url: str, tmp_path: Path
) -> None:
    await asyncio.to_thread(upgrade_postgresql, postgresql_url, "0001")
    store = create_store(postgresql_url, tmp_path)
    await store._local.open()
    await store._connect()
    await store.save_vehicles(VEHICLES)
    with pytest.raises(StoreError, match="commands"):
        await commands.save(store, [command()])
    await store._disconnect()
    await store._local.close()
    async with open_floor(postgresql_url, tmp_path) as floor:
        await floor.keep(*POSITIONS)
        assert await floor.store.load_vehicles() == VEHICLES
        await commands.save(floor.store, [command()])
        assert await commands.load_open(floor.store) == [command()]


@pytest.mark.servers
async def test_what_cannot_be_written_waits_bounded_and_is_written_later(
    postgresql_server: PostgresqlServer, tmp_path: Path
) -> None:
    async with open_floor(postgresql_server.url(), tmp_path) as floor:
        saver = CommandSaver(floor.store, unsaved_most=3)
        saver.start()
        first = command()
        saver.save(first)
        assert await saver.written(first, PATIENCE_S)
        await asyncio.to_thread(postgresql_server.kill)
        for number in range(1, 6):
            saver.save(command(number))
        waiting = command(5)
        saver.save(waiting)
        assert not await saver.written(waiting, 0.2)
        assert len(saver) == 3
        assert saver.lost == 2
        last = answered(command(5))
        saver.save(last)
        await asyncio.to_thread(postgresql_server.start)
        assert await saver.written(last, PATIENCE_S)
        await saver.close()
        found = await commands.of_vehicle(floor.store, "v1", 10)
        assert [one.id for one in found] == ["c00005", "c00004", "c00003", "c00000"]
        assert found[0] == last
