"""What a node has said of a command, another one goes on with if it dies at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.unit.builders import T0
from tests.unit.commands.nodes import CAR, Node, become_steady
from tests.waiting import until
from tracker import cluster as cluster_module
from tracker.commands import life
from tracker.commands.taking import Wish, command_id
from tracker.errors import BusError
from tracker.model import Command, CommandKind, CommandRecord, CommandState
from tracker.storage import commands

LOCATE = Wish(CommandKind.LOCATE, {}, key="k")


class Line:
    """A device's line: keeps what is sent, and lets something happen while a frame is made."""

    number, named_at, settled = 1, 0.0, True

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.meanwhile: Callable[[], Any] = lambda: None

    def serves(self, vehicle_id: str) -> bool:
        return vehicle_id == CAR.id

    def deaf(self, command: Command) -> str:
        return ""

    def encode(self, command: Command) -> bytes:
        asyncio.get_running_loop().call_soon(self.meanwhile)
        return command.kind.value.encode()

    def send(self, frame: bytes) -> None:
        self.sent.append(frame)


def state(node: Node, command: str) -> CommandState | None:
    record = node.desk.table.get(command)
    return None if record is None else life.standing(record).state


Make = Callable[..., Awaitable[Node]]


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[Make]:
    async with AsyncExitStack() as stack:

        async def make(name: str, line: Line | None = None) -> Node:
            folder = tmp_path / name
            folder.mkdir()
            made = Node(folder, f"memory://{tmp_path}", name, lambda _: line)
            await made.start(stack)
            await become_steady(made)
            return made

        yield make


async def take_and_send(node: Node) -> None:
    """Take LOCATE, until the step of sending it has come to its end."""
    await node.taker.take(CAR, LOCATE)
    await until(lambda: node.desk.stats["sent"] and not node.desk._busy)


async def test_what_was_taken_is_kept_for_others_when_it_is_said(node: Make) -> None:
    one, other = await node("one"), await node("other")
    record, _ = await one.taker.take(CAR, LOCATE)
    assert await other.cluster.kept_command(CAR.id, record.id) == record


async def test_what_was_taken_back_is_written_and_kept_when_it_is_said(node: Make) -> None:
    one, other = await node("one"), await node("other")
    record, _ = await one.taker.take(CAR, LOCATE)
    ended = await one.taker.cancel(record.id)
    assert life.standing(ended).state is CommandState.CANCELLED
    assert await other.cluster.kept_command(CAR.id, record.id) == ended
    assert await commands.find(one.store, record.id) == ended


async def test_what_a_node_stored_and_never_told_is_taken_up_when_it_is_asked_for(
    node: Make,
) -> None:
    """Nodes of one store: whoever asks again by the same key gets it sent."""
    one = await node("one")
    id_ = command_id(CAR.id, LOCATE.key)
    record = CommandRecord(id_, CAR.id, CommandKind.LOCATE, {}, T0, T0 + 1e9, "dead")
    await commands.save(one.store, [life.begun(record)])
    assert state(one, id_) is None
    _, new = await one.taker.take(CAR, LOCATE)
    assert not new
    assert state(one, id_) is CommandState.QUEUED


async def test_one_that_joins_in_by_the_same_key_stops_nobody(node: Make) -> None:
    """The other node's account of the command comes just when this one sends it."""
    line = Line()
    one = await node("one", line)
    id_ = command_id(CAR.id, LOCATE.key)

    def join() -> None:
        mine = one.desk.table.get(id_)
        assert mine is not None
        theirs = CommandRecord(
            id_, CAR.id, mine.kind, {}, mine.created_time + 0.001, mine.expires_time, "two"
        )
        one.desk.told([life.begun(theirs, start="two")])

    line.meanwhile = join
    await take_and_send(one)
    assert line.sent == [b"locate"]
    assert state(one, id_) is CommandState.SENT


async def test_a_step_of_another_node_is_not_taken_twice(node: Make) -> None:
    line = Line()
    one = await node("one", line)
    id_ = command_id(CAR.id, LOCATE.key)

    def end() -> None:
        mine = one.desk.table.get(id_)
        assert mine is not None
        one.desk.told([life.step(mine, CommandState.EXPIRED, T0, "two")])

    line.meanwhile = end
    await take_and_send(one)
    assert line.sent == []


async def test_a_bus_that_stands_still_is_not_waited_for_long(
    node: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = await node("one")
    monkeypatch.setattr(cluster_module, "SPREAD_S", 0.0)
    frozen = asyncio.Event()

    async def stand(*_: Any) -> None:
        await frozen.wait()

    monkeypatch.setattr(one.cluster.bus, "publish", stand)
    await one.cluster.spread()
    await one.cluster.spread()
    frozen.set()


async def test_a_bus_that_is_away_is_not_waited_for(
    node: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = await node("one")

    async def away(*_: Any) -> None:
        raise BusError("away")

    monkeypatch.setattr(one.cluster.bus, "publish", away)
    await one.cluster.spread()
    assert one.cluster.degraded
    monkeypatch.setattr(cluster_module, "SPREAD_S", 1e9)
    await one.cluster.spread()
