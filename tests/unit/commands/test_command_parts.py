"""What the rules of commands may know, and what the nodes' messages keep within bounds."""

from __future__ import annotations

import ast
import asyncio
from pathlib import Path

import pytest

from tests.unit.builders import vehicle
from tracker import shard as shard_module
from tracker.bus.base import open_bus
from tracker.cluster import Cluster
from tracker.commands import life
from tracker.commands.taking import command_id
from tracker.model import CommandKind, CommandRecord, CommandState, Event, EventKind, Tick

ROOT = Path(__file__).parents[3]
PURE = ["life", "table", "kinds", "pace", "rehearsal"]
EDGE = {"asyncio", "time", "aiohttp", "redis", "sqlalchemy", "socket", "structlog", "threading"}


def record(number: int = 0) -> CommandRecord:
    return life.begun(CommandRecord(f"c{number}", "a", CommandKind.LOCATE, {}, 1.0, 601.0, "north"))


@pytest.mark.parametrize("module", PURE)
def test_the_rules_neither_wait_nor_look_at_a_clock(module: str) -> None:
    tree = ast.parse((ROOT / f"tracker/commands/{module}.py").read_text("utf-8"))
    imported = {
        name.split(".")[0]
        for node in ast.walk(tree)
        for name in (
            [alias.name for alias in node.names]
            if isinstance(node, ast.Import)
            else [node.module or ""]
            if isinstance(node, ast.ImportFrom)
            else []
        )
    }
    assert "tracker" in imported
    assert not imported & EDGE


def test_an_id_follows_from_vehicle_and_key() -> None:
    assert command_id("v", "k") == command_id("v", "k")
    assert len({command_id("v", "k"), command_id("w", "k"), command_id("v", "l")}) == 3
    assert command_id("v", None) != command_id("v", None)
    assert len(command_id("v", None)) == 16


async def test_nodes_tell_each_other_at_once_and_keep_it_for_later() -> None:
    url = "memory://commands"
    one, other = (Cluster(open_bus(url), name, ["main"], vehicle) for name in ("one", "two"))
    got: list[CommandRecord] = []
    other.on_commands = got.extend
    await one.start()
    await other.start()
    one.tell_command(record())
    one.offer(Tick(7, 7.0))
    other.offer(Tick(7, 7.0))
    for _ in range(20):
        await asyncio.sleep(0)  # the publisher and the reader
    assert got[0] == record()
    assert await other.kept_command("a", "c0") == record()
    assert await other.kept_command("a", "c1") is None
    one.forget_command(record())
    await one._publish_all()
    assert await other.kept_command("a", "c0") is None
    await one.close()
    await other.close()


async def test_what_is_to_be_removed_later_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shard_module, "MAX_FORGOTTEN", 5)
    one = Cluster(open_bus("memory://bounded"), "one", ["main"], vehicle)
    await one.start()
    for number in range(20):
        one.tell_command(record(number))
        one.forget_command(record(number))
    (shard,) = one._shards.values()
    assert shard.out.commands == {}
    assert list(shard.forgotten) == [f"command/c{number}" for number in range(15, 20)]
    one.tell_command(record(19))
    assert "command/c19" not in shard.forgotten, "it goes on after all"
    await one.close()


async def test_events_of_commands_stay_on_their_node() -> None:
    """Each node makes its own when it hears of the transition."""
    one = Cluster(open_bus("memory://events"), "one", ["main"], vehicle)
    await one.start()
    news = [
        Event("1", EventKind.COMMAND, "a", 1.0, "locate", state=CommandState.SENT.value),
        Event("2", EventKind.ALARM, "a", 1.0, "sos"),
    ]
    one.offer(Tick(1, 1.0, events=tuple(news)))
    (shard,) = one._shards.values()
    assert shard.out.events == news[1:]
    await one.close()


async def test_alone_a_node_is_steady_and_after_an_outage_it_waits() -> None:
    alone = Cluster(open_bus("memory://"), "one", ["main"], vehicle)
    await alone.start()
    assert alone.steady
    joined = Cluster(open_bus("memory://steady"), "one", ["main"], vehicle)
    await joined.start()
    (shard,) = joined._shards.values()
    steady = []
    for tick in range(1, 9):
        if tick == 3:
            shard.reload = False  # as when what is kept was loaded
        joined.offer(Tick(tick, float(tick)))
        shard.echo_tick = tick
        steady.append(joined.steady)
    assert steady == [False] * 4 + [True] * 4
    await joined.close()
    await alone.close()
