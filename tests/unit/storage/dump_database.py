"""Writes the dump of a file of the newest version: `python -m tests.unit.storage.dump_database`.

Run once for each new version of the schema. A dump that is there is never written again.
"""

from __future__ import annotations

import asyncio
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from tests.unit.storage.samples import position, vehicle
from tracker.commands import life
from tracker.journal import Journal
from tracker.model import CommandKind, CommandRecord, CommandState, DeviceStatus
from tracker.storage import commands, create_store

DATABASES = Path(__file__).parent / "databases"

VEHICLES = [
    vehicle("v1", group="north/trucks", protocol="gt06", created_time=1_760_000_000.25),
    vehicle("v2", status=DeviceStatus.PENDING, utc_offset_s=28_800, datum="gcj02"),
]
POSITIONS = [
    position(0),
    position(
        1,
        lat=-46.05123456789,
        lon=179.99999999,
        speed_kmh=12.3,
        course_deg=359.5,
        altitude_m=-3.5,
        valid=False,
        stored=True,
        satellites=7,
        ignition=True,
        alarms=("sos", "overspeed"),
        attributes={"battery_v": 4.1, "text": "Škofja Loka"},
    ),
    position(2, "v2", ignition=False),
    position(3),
    position(4, "v2", fix_time=1_760_000_004.123456),
]


def _commands() -> list[CommandRecord]:
    """One that is open and one that was answered, since version 2."""
    at = 1_760_000_100.5
    cut, locate = (
        life.begun(CommandRecord(id_, "v1", kind, {}, at, at + 900, "north-1"))
        for id_, kind in (("c1", CommandKind.ENGINE_CUT), ("c2", CommandKind.LOCATE))
    )
    sent = life.step(locate, CommandState.SENT, at + 1, "north-2", reference=4711)
    held = life.step(cut, CommandState.HELD, at + 2, "north-1", detail="moving at 55 km/h")
    return [held, life.step(sent, CommandState.ANSWERED, at + 3, "north-2", reply="Škofja Loka")]


COMMANDS = _commands()
_IN_HISTORY = 3  # of the positions; the others are in the journal


async def _fill(path: Path) -> None:
    store = create_store(f"sqlite:///{path}", path.parent)
    await store.migrate()
    await store.start()
    await store.mover.stop()
    await store.save_vehicles(VEHICLES)
    await commands.save(store, COMMANDS)
    for part in (POSITIONS[:_IN_HISTORY], POSITIONS[_IN_HISTORY:]):
        await store.drain()
        journal = Journal(path)
        await journal.start()
        journal.append(part)
        await journal.close()
    await store.close()


def content() -> str:
    """The file with VEHICLES and POSITIONS as the program writes it now, as SQL."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "tracker.sqlite"
        asyncio.run(_fill(path))
        with closing(sqlite3.connect(path)) as connection:
            return "\n".join(connection.iterdump()) + "\n"


def main() -> None:
    """Write the dump of the newest version, if it is not there."""
    text = content()
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(text)
        (revision,) = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    with (DATABASES / f"v{revision}.sql").open("x") as file:
        file.write(text)


if __name__ == "__main__":
    main()
