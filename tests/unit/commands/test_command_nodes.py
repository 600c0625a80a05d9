"""What nodes may do alone, of one name or of two, and keys that are given to two at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.unit.builders import T0, vehicle
from tracker.bus.base import open_bus
from tracker.cluster import Cluster
from tracker.commands import life
from tracker.commands.desk import CommandDesk
from tracker.commands.sending import Sender
from tracker.commands.taking import Limits, Taker, Wish
from tracker.errors import BusError, ConflictError, NotFoundError, UnknownSpeedError
from tracker.model import CommandKind, CommandRecord, CommandState, Speed, Tick
from tracker.storage import create_store

CAR = vehicle("a", device="356307042441013", protocol="frame55")


class Node:
    """The commands' part of a node; its bus can be taken away."""

    def __init__(self, folder: Path, url: str, name: str) -> None:
        self.store = create_store(f"sqlite:///{folder / 'tracker.sqlite'}", folder)
        self.cluster = Cluster(open_bus(url), name, ["main"], vehicle)
        self.desk = CommandDesk(self.store, self.cluster, lambda _: CAR, lambda _: None)
        self.speed: Speed | None = None
        sender = Sender(self.desk, lambda _: None, lambda _: self.speed, lambda _: frozenset())
        self.taker = Taker(self.desk, sender, Limits(cut_expires_s=900))

    async def start(self, stack: AsyncExitStack) -> None:
        await self.store.migrate()
        await self.store.start()
        stack.push_async_callback(self.store.close)
        await self.desk.start()
        stack.push_async_callback(self.desk.close)
        await self.cluster.start()
        stack.push_async_callback(self.cluster.close)

    def lose_the_bus(self, monkeypatch: pytest.MonkeyPatch) -> None:
        async def away(*_: Any) -> bool:
            raise BusError("away")

        monkeypatch.setattr(self.cluster.bus, "claim", away)
        (shard,) = self.cluster._shards.values()
        shard.lost = True

    async def may(self, command: str) -> bool:
        record = self.desk.table.get(command)
        assert record is not None
        async with self.desk.turn(record) as current:
            return current is not None


async def hear() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


@pytest.fixture
async def nodes(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[list[Node]]:
    names = getattr(request, "param", ("one", "two"))
    async with AsyncExitStack() as stack:
        made = []
        for number, name in enumerate(names):
            folder = tmp_path / str(number)
            folder.mkdir()
            made.append(Node(folder, f"memory://{tmp_path}", name))
            await made[-1].start(stack)
        for tick in range(1, 9):
            for node in made:
                node.cluster.offer(Tick(tick, float(tick)))
            await hear()
        yield made


@pytest.mark.parametrize("nodes", [("one", "one"), ("one", "two")], indirect=True)
async def test_alone_a_node_goes_on_only_with_what_it_took_itself(
    nodes: list[Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = nodes
    record, _ = await first.taker.take(CAR, Wish(CommandKind.LOCATE, {}))
    await hear()
    assert second.desk.table.get(record.id) is not None
    for node in nodes:
        node.lose_the_bus(monkeypatch)
    assert await first.may(record.id)
    assert not await second.may(record.id)


async def test_steps_of_two_nodes_of_one_name_are_two() -> None:
    record = CommandRecord("c", "a", CommandKind.TEXT, {"text": "x"}, T0, T0 + 60, "one")
    made = life.begun(record, start="b1")
    here = life.step(made, CommandState.SENT, T0 + 1, "one", start="b1")
    there = life.step(made, CommandState.SENT, T0 + 1, "one", start="b2")
    whole = life.merge(here, there)
    assert life.standing(whole).attempts == 2, "both are known of"
    assert life.merge(there, here) == whole
    assert {one.node for one in whole.transitions} == {"one"}


async def test_one_key_for_two_commands_on_two_nodes_at_once(nodes: list[Node]) -> None:
    for round_ in range(10):
        wishes = [
            Wish(CommandKind.TEXT, {"text": text}, key=f"k{round_}") for text in ("left", "right")
        ]
        got = await asyncio.gather(
            *(node.taker.take(CAR, wish) for node, wish in zip(nodes, wishes, strict=True)),
            return_exceptions=True,
        )
        taken = [one for one in got if isinstance(one, tuple)]
        assert len(taken) == 1
        assert sum(isinstance(one, ConflictError) for one in got) == 1
        await hear()
        known = [node.desk.table.get(taken[0][0].id) for node in nodes]
        assert known[0] == known[1] is not None


async def test_one_key_for_one_command_on_two_nodes_is_that_command(nodes: list[Node]) -> None:
    wish = Wish(CommandKind.TEXT, {"text": "x"}, key="k")
    got = await asyncio.gather(*(node.taker.take(CAR, wish) for node in nodes))
    assert len({record.id for record, _ in got}) == 1


async def test_what_this_node_cannot_know_of_is_not_said_not_to_be(
    nodes: list[Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(NotFoundError):
        await nodes[0].taker.cancel("nothing")
    nodes[0].lose_the_bus(monkeypatch)
    with pytest.raises(BusError):
        await nodes[0].taker.cancel("nothing")


async def test_an_engine_cut_without_a_known_speed_needs_a_word(nodes: list[Node]) -> None:
    node = nodes[0]
    wish = Wish(CommandKind.ENGINE_CUT, {}, expires_s=2_592_000, confirm=CAR.device)
    with pytest.raises(UnknownSpeedError, match="speed_unknown"):
        await node.taker.take(CAR, wish)
    said = Wish(CommandKind.ENGINE_CUT, {}, 2_592_000, CAR.device, speed_unknown=True)
    record, _ = await node.taker.take(CAR, said)
    assert record.expires_time - record.created_time == 900
    assert life.asked(record) == {}, "no device is told of it"
    await hear()
    assert nodes[1].desk.table.get(record.id) == record, "every node knows that it was said"
