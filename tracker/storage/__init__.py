"""Where vehicles and positions are kept: one contract, in SQLite or in PostgreSQL."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import urlsplit

from tracker.errors import ConfigError
from tracker.storage.base import Store
from tracker.storage.postgresql import PostgresqlStore
from tracker.storage.sqlite import SqliteStore

__all__ = ["Store", "create_store"]

JOURNAL_FILE = "journal.sqlite"  # in the data folder, where the history is in PostgreSQL


def create_store(url: str, data: Path) -> Store:
    """The store that `url` names. `data` is the folder for the journal of a store elsewhere.

    Raises ConfigError.
    """
    scheme, _, rest = url.partition("://")
    if scheme == "sqlite" and rest.startswith("/") and len(rest) > 1:
        return SqliteStore(Path(rest[1:]))  # sqlite:///relative, sqlite:////absolute
    if scheme == "postgresql" and rest:
        try:
            urlsplit(url)
        except ValueError as error:  # which does not repeat the URL: it may hold a password
            raise ConfigError(f"store: the URL of PostgreSQL is wrong: {error}") from None
        return PostgresqlStore(url, data / JOURNAL_FILE)
    raise ConfigError(f"store: {url!r} names no store", value=url)
