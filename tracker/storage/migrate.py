"""Brings a database to the newest version of the schema, at start and for `tracker migrate`."""

from __future__ import annotations

import asyncio
from pathlib import Path

import asyncpg
from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from tracker.errors import StartError

MIGRATIONS = Path(__file__).parent / "migrations"
_MIGRATION_LOCK = 7_265_011  # of PostgreSQL's advisory locks: two nodes may start at once
CONNECT_TIMEOUT_S = 5.0  # to a server that is there it takes milliseconds


def upgrade(connection: Connection, revision: str = "head") -> None:
    """Run the migrations that the database behind `connection` has not had, in its transaction.

    Raises StartError for one that a newer program has migrated further.
    """
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.attributes["connection"] = connection
    scripts = ScriptDirectory.from_config(config)
    known = {script.revision for script in scripts.walk_revisions()}
    for version in MigrationContext.configure(connection).get_current_heads():
        if version not in known:
            where = connection.engine.url.database or "the database in PostgreSQL"
            raise StartError(
                f"{where} has schema {version}, and this program knows none after"
                f" {scripts.get_current_head()}: run the newer program that it was used with",
                value=version,
            )
    command.upgrade(config, revision)


def upgrade_sqlite(path: Path, revision: str = "head") -> None:
    """Create or upgrade the SQLite file at `path`, wholly or not at all. Blocks."""
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)
    # Python's sqlite3 opens no transaction before CREATE and ALTER; so it is told to open none
    # at all, and BEGIN is said here.
    event.listen(engine, "connect", lambda driver, _: setattr(driver, "isolation_level", None))
    event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    try:
        with engine.begin() as connection:
            upgrade(connection, revision)
    finally:
        engine.dispose()


def upgrade_postgresql(url: str, revision: str = "head") -> None:
    """Create or upgrade the schema in the database at `url`, wholly or not at all. Blocks.

    It has an event loop of its own: alembic reads its files wherever it is called.
    """
    asyncio.run(_upgrade_postgresql(url, revision))


async def _upgrade_postgresql(url: str, revision: str) -> None:
    engine = create_async_engine(
        "postgresql+asyncpg://",  # the driver reads the URL itself, with all that libpq knows
        async_creator=lambda: asyncpg.connect(url, timeout=CONNECT_TIMEOUT_S),
        poolclass=NullPool,
    )
    try:
        async with engine.begin() as connection:
            await connection.execute(text(f"SELECT pg_advisory_xact_lock({_MIGRATION_LOCK})"))
            await connection.run_sync(upgrade, revision)
    finally:
        await engine.dispose()
