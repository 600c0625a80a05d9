"""kill -9 at random moments: everything that was acknowledged is there, once."""

from __future__ import annotations

import asyncio
import random
import sys
from pathlib import Path

import pytest

from tests.system.storage.acknowledging_child import VEHICLES, numbered
from tests.system.storage.conftest import open_floor
from tests.waiting import PATIENCE_S

KILLS = 24
MOST_LINES = 150  # acknowledgements that a child gives before it is killed
EVER = (0.0, 4e9)


async def acknowledge_until_killed(url: str, folder: Path, first: int, lines: int) -> int:
    """Start the child, kill it after so many acknowledgements; the last number acknowledged."""
    child = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.system.storage.acknowledging_child"),
        *(url, str(folder), str(first)),
        stdout=asyncio.subprocess.PIPE,
    )
    assert child.stdout is not None
    last = first - 1
    for _ in range(lines):
        line = await asyncio.wait_for(child.stdout.readline(), PATIENCE_S)
        assert line, "the child ended by itself"
        last = int(line)
    child.kill()
    rest = (await child.stdout.read()).split(b"\n")[:-1]  # a last line may be cut off
    await child.wait()
    return int(rest[-1]) if rest else last


@pytest.mark.servers
async def test_nothing_acknowledged_is_lost_or_doubled(store_url: str, tmp_path: Path) -> None:
    dice = random.Random(42)
    first = 0
    kills = KILLS if store_url.startswith("sqlite") else KILLS // 4
    acknowledged: set[int] = set()
    for _ in range(kills):
        lines = dice.randrange(1, MOST_LINES)
        last = await acknowledge_until_killed(store_url, tmp_path, first, lines)
        acknowledged |= set(range(first, last + 1))
        first = last + 10_000  # whatever was written and not acknowledged stays apart
    async with open_floor(store_url, tmp_path) as floor:
        assert floor.store.damage is None
        for moved in (False, True):
            if moved:
                await floor.store.drain()
            found = []
            for name in range(VEHICLES):
                async for page in floor.store.stream(f"v{name}", *EVER):
                    found += page
            numbers = {round(p.fix.fix_time - numbered(0).fix.fix_time): p for p in found}
            assert len(numbers) == len(found), "one of them is there twice"
            assert acknowledged <= numbers.keys()
            assert all(numbers[n] == numbered(n) for n in acknowledged)
    assert len(acknowledged) > kills * 100
