"""A store of either kind with its journal, for one test list."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.waiting import PATIENCE_S
from tracker.journal import Journal
from tracker.model import Position
from tracker.storage import Store, create_store


@dataclass
class Floor:
    """Store and journal of one node, as the application joins them."""

    store: Store
    journal: Journal

    async def keep(self, *positions: Position) -> None:
        """Acknowledge positions: they are durable on return."""
        done = asyncio.Event()
        self.journal.append(positions).add_callback(done.set)
        await asyncio.wait_for(done.wait(), PATIENCE_S)


@asynccontextmanager
async def open_floor(url: str, data: Path) -> AsyncIterator[Floor]:
    """A node's floor, migrated and started, and stopped in order."""
    store = create_store(url, data)
    await store.migrate()
    await store.start()
    journal = Journal(store.journal_path, linger_s=0)
    await journal.start()
    try:
        yield Floor(store, journal)
    finally:
        await journal.close()
        await store.close()


@pytest.fixture(
    params=[
        pytest.param("sqlite"),
        pytest.param("postgresql", marks=pytest.mark.servers),
    ]
)
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Where an empty store of each kind is."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'history.sqlite'}"
    else:
        yield request.getfixturevalue("postgresql_url")


@pytest.fixture
async def floor(store_url: str, tmp_path: Path) -> AsyncIterator[Floor]:
    async with open_floor(store_url, tmp_path) as opened:
        # The test says when positions move from the journal to the history.
        await opened.store.mover.stop()
        yield opened
