"""A running tracker, and where its positions are."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.inprocess import InProcess, running_tracker


@pytest.fixture
async def tracker(tmp_path: Path) -> AsyncIterator[InProcess]:
    # One tick a minute: nothing here waits for one.
    async with running_tracker(tmp_path, tick_interval_s=60) as running:
        yield running


@pytest.fixture(params=["journal", "history"])
def place(request: pytest.FixtureRequest) -> str:
    """Where the positions of a test are when it reads them."""
    return str(request.param)
