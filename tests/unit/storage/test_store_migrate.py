"""Files of every version that ever was are brought to the newest one, with what is in them.

`databases/` holds a dump of a file of each version, written by `dump_database.py` when the version
was current, and never changed since.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from tests.unit.storage.dump_database import COMMANDS, DATABASES, POSITIONS, VEHICLES, content
from tests.unit.storage.samples import rows_of
from tracker.errors import StartError
from tracker.storage import commands, create_store
from tracker.storage.migrate import MIGRATIONS, upgrade_sqlite
from tracker.storage.schema import metadata

COMMANDS_SINCE = "0002"


def revisions() -> list[str]:
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    scripts = ScriptDirectory.from_config(config)
    return [script.revision for script in scripts.walk_revisions()][::-1]


@pytest.mark.parametrize("revision", revisions())
async def test_a_file_of_every_version_is_upgraded_with_its_content(
    revision: str, tmp_path: Path
) -> None:
    path = tmp_path / "old.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript((DATABASES / f"v{revision}.sql").read_text())
        version = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    assert version == (revision,)
    store = create_store(f"sqlite:///{path}", tmp_path)
    await store.migrate()
    await store.start()
    try:
        assert await store.load_vehicles() == VEHICLES
        for vehicle in VEHICLES:
            expected = [p for p in POSITIONS if p.vehicle_id == vehicle.id]
            assert await store.positions(vehicle.id, 0, 4e9) == expected
        known = COMMANDS if revision >= COMMANDS_SINCE else []
        assert await commands.of_vehicle(store, "v1", 10) == known[::-1]
        assert await commands.load_open(store) == known[:1]
        await store.drain()
        assert rows_of(path, "journal") == []
    finally:
        await store.close()


def test_the_dump_of_the_newest_version_is_what_the_program_writes_now() -> None:
    assert (DATABASES / f"v{revisions()[-1]}.sql").read_text() == content()


def test_the_migrations_lead_to_the_schema(tmp_path: Path) -> None:
    path = tmp_path / "new.sqlite"
    upgrade_sqlite(path)
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []
    engine.dispose()


def test_an_upgrade_that_fails_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "new.sqlite"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE journal (in_the_way)")  # the last one to be created
    before = path.read_bytes()
    with pytest.raises(Exception, match="journal already exists"):
        upgrade_sqlite(path)
    assert path.read_bytes() == before


async def test_a_file_of_a_newer_program_is_refused_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "newer.sqlite"
    upgrade_sqlite(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.commit()
    before = path.read_bytes()
    with pytest.raises(StartError) as caught:
        await create_store(f"sqlite:///{path}", tmp_path).migrate()
    assert caught.value.message.startswith(f"{path} has schema 9999, and this program knows none")
    assert "\n" not in caught.value.message
    assert caught.value.value == "9999"
    assert path.read_bytes() == before
    with closing(sqlite3.connect(path)) as connection:  # and it is not held any more
        connection.execute("UPDATE alembic_version SET version_num = ?", (revisions()[-1],))
        connection.commit()
    await create_store(f"sqlite:///{path}", tmp_path).migrate()
