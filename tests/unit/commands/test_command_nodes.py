"""What nodes may do alone, of one name or of two, and keys that are given to two at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.unit.builders import T0
from tests.unit.commands.nodes import CAR, Node, become_steady, hear
from tracker.commands import life
from tracker.commands.taking import Wish
from tracker.errors import BusError, ConflictError, NotFoundError, UnknownSpeedError
from tracker.model import CommandKind, CommandRecord, CommandState


def lose_the_bus(node: Node, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: Any) -> bool:
        raise BusError("away")

    monkeypatch.setattr(node.cluster.bus, "claim", away)
    (shard,) = node.cluster._shards.values()
    shard.lost = True


async def may(node: Node, command: str) -> bool:
    record = node.desk.table.get(command)
    assert record is not None
    async with node.desk.turn(record) as current:
        return current is not None


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
        await become_steady(*made)
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
        lose_the_bus(node, monkeypatch)
    assert await may(first, record.id)
    assert not await may(second, record.id)


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
    lose_the_bus(nodes[0], monkeypatch)
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
