"""The contract of the bus, one list for both of its bodies."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from tests.servers import RealServer
from tests.waiting import until
from tracker.bus.base import Bus, open_bus
from tracker.errors import BusError


@pytest.fixture(params=["memory", pytest.param("redis", marks=pytest.mark.servers)])
async def buses(request: pytest.FixtureRequest) -> AsyncIterator[tuple[Bus, Bus]]:
    """Two nodes' buses that are joined."""
    url = "memory://claims"
    if request.param == "redis":
        url = f"redis://127.0.0.1:{request.getfixturevalue('redis_server').port}/3"
    pair = open_bus(url), open_bus(url)
    yield pair
    for bus in pair:
        await bus.close()


async def test_the_first_who_claims_has_it(buses: tuple[Bus, Bus]) -> None:
    one, other = buses
    assert await one.claim("c.1", "one", 60)
    assert not await other.claim("c.1", "other", 60)
    assert await one.claim("c.1", "one", 60), "asked again the answer is the same"
    assert await other.claim("c.2", "other", 60)


async def test_of_many_at_once_one_gets_it(buses: tuple[Bus, Bus]) -> None:
    claims = [buses[n % 2].claim("c", f"owner {n}", 60) for n in range(20)]
    assert sum(await asyncio.gather(*claims)) == 1


async def test_a_lease_ends_and_asking_again_does_not_prolong_it(buses: tuple[Bus, Bus]) -> None:
    one, other = buses
    assert await one.claim("c", "one", 0.2)

    async def ended() -> bool:
        if await other.claim("c", "other", 60):
            return True
        await one.claim("c", "one", 0.2)
        return False

    await until(ended)
    assert not await one.claim("c", "one", 60)


async def test_a_field_that_was_kept_can_be_fetched(buses: tuple[Bus, Bus]) -> None:
    one, other = buses
    await one.publish("main", b"", {"command/a": b"1", "command/b": b"2"})
    assert await other.fetch("main", "command/a") == b"1"
    assert await other.fetch("main", "command/x") is None
    assert await other.fetch("elsewhere", "command/a") is None
    await other.forget("main", "command/a")
    assert await one.load("main") == {"command/b": b"2"}


async def test_claims_of_one_process_do_not_pile_up() -> None:
    bus = open_bus("memory://")
    for number in range(1_000):
        assert await bus.claim(f"c.{number}", "one", 0.0)
    assert len(bus._exchange.claims) <= 2  # type: ignore[attr-defined]


@pytest.mark.servers
async def test_claims_are_forgotten_by_redis_itself(redis_server: RealServer) -> None:
    bus = open_bus(f"redis://127.0.0.1:{redis_server.port}/3")
    assert await bus.claim("c", "one", 45)
    lease_ms = await bus._client.pttl("tracker:3:claim:c")  # type: ignore[attr-defined]
    assert 0 < lease_ms <= 45_000
    await asyncio.to_thread(redis_server.kill)
    with pytest.raises(BusError):
        await bus.claim("c", "one", 45)
    with pytest.raises(BusError):
        await bus.fetch("main", "command/a")
    await bus.close()
