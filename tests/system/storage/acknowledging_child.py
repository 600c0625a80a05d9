"""A process to be killed: appends positions under load and prints what is acknowledged.

`python -m tests.system.storage.acknowledging_child URL FOLDER FIRST`: fix number n belongs to
vehicle n % VEHICLES. Each line that it prints is a number up to which all are acknowledged.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from tests.unit.storage.samples import position
from tracker.journal import Journal
from tracker.model import Position
from tracker.storage import create_store, postgresql, sqlite

VEHICLES = 7
BATCH = 13  # positions of one append
IN_FLIGHT = 40  # appends that wait for their commit


def numbered(number: int) -> Position:
    return position(number, f"v{number % VEHICLES}", lat=46 + number * 1e-6)


async def run(url: str, folder: Path, first: int) -> None:
    # So that a kill falls into folding and draining as often as into appending.
    sqlite.FOLD_ROWS = sqlite.FOLD_STEP = 200
    postgresql.DRAIN_STEP = 200
    store = create_store(url, folder)
    await store.migrate()
    await store.start()
    journal = Journal(store.journal_path, linger_s=0.002, group_positions=100)
    await journal.start()
    room = asyncio.Semaphore(IN_FLIGHT)

    def acknowledged(last: int) -> None:
        os.write(1, b"%d\n" % last)
        room.release()

    number = first
    while True:
        await room.acquire()
        commit = journal.append([numbered(number + n) for n in range(BATCH)])
        number += BATCH
        commit.add_callback(lambda last=number - 1: acknowledged(last))


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3])))
