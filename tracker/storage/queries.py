"""Every statement of the store, once, in SQLAlchemy Core; used as text by both databases.

SQLAlchemy writes the SQL and the drivers run it directly, so a row costs what the driver costs.
`Query.sqlite` takes its parameters by name, `Query.postgresql` in the order of `Query.order`.
"""

from __future__ import annotations

from typing import Any, cast

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Column,
    Dialect,
    Integer,
    Table,
    Text,
    and_,
    any_,
    bindparam,
    delete,
    func,
    insert,
    literal_column,
    or_,
    select,
    true,
)
from sqlalchemy.dialects.postgresql import asyncpg
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import dialect as sqlite_dialect
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.sql.base import Executable
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ColumnElement

from tracker.storage.rows import COLUMNS, VALID
from tracker.storage.schema import journal, positions, vehicle_keys, vehicles

POSTGRESQL = asyncpg.dialect()  # type: ignore[no-untyped-call]
SQLITE = sqlite_dialect(paramstyle="named")
_BY_POSITION = sqlite_dialect(paramstyle="qmark")


class Query:
    """One statement as text for each database, or for the local file only."""

    def __init__(
        self,
        statement: Executable,
        for_postgresql: Executable | None = None,
        *,
        local: bool = False,
    ) -> None:
        compiled = _compile(statement, SQLITE)
        self.sqlite = str(compiled)
        # An OFFSET that SQLAlchemy writes beside every LIMIT of SQLite is a parameter with a value.
        self.constants = {k: v for k, v in compiled.params.items() if v is not None}
        if local:
            return
        compiled = _compile(statement if for_postgresql is None else for_postgresql, POSTGRESQL)
        self.postgresql = str(compiled)
        self.order: tuple[str, ...] = tuple(compiled.positiontup or ())


def _compile(statement: Executable, dialect: Dialect) -> SQLCompiler:
    compiled = statement.compile(dialect=dialect)  # type: ignore[attr-defined]
    return cast("SQLCompiler", compiled)


def _row(table: Table) -> list[Column[Any]]:
    return [table.c[name] for name in COLUMNS]


def _key_of(name: str = "vehicle_id") -> Any:
    return (
        select(vehicle_keys.c.vehicle_key)
        .where(vehicle_keys.c.vehicle_id == bindparam(name, type_=Text))
        .scalar_subquery()
    )


def _valid(table: Table) -> ColumnElement[bool]:
    return table.c.flags.op("&")(literal_column(str(VALID))) != literal_column("0")


_first = bindparam("first_us", type_=BigInteger)
_last = bindparam("last_us", type_=BigInteger)
_after_us = bindparam("after_us", type_=BigInteger)
_after_sequence = bindparam("after_sequence", type_=BigInteger)
_limit = bindparam("limit", type_=Integer)

PING = Query(select(literal_column("1")).select_from(vehicles).limit(literal_column("1")))

# -- vehicles ------------------------------------------------------------------------------------

LOAD_VEHICLES = Query(select(vehicles).order_by(vehicles.c.id))


def _save(insert: Any) -> Executable:
    statement = insert(vehicles)
    changed = {c.name: statement.excluded[c.name] for c in vehicles.c if not c.primary_key}
    saved: Executable = statement.on_conflict_do_update(index_elements=["id"], set_=changed)
    return saved


SAVE_VEHICLE = Query(_save(sqlite_insert), _save(postgresql_insert))
DELETE_VEHICLE = Query(delete(vehicles).where(vehicles.c.id == bindparam("vehicle_id", type_=Text)))

# -- tracks --------------------------------------------------------------------------------------

JOURNAL_SPAN = Query(
    select(*_row(journal)).where(
        journal.c.vehicle_key == _key_of(), journal.c.fix_time_us.between(_first, _last)
    ),
    local=True,
)
STORED_PAGE = Query(
    select(*_row(positions))
    .where(
        positions.c.vehicle_key == _key_of(),
        positions.c.fix_time_us.between(_first, _last),
        or_(positions.c.fix_time_us > _after_us, positions.c.sequence > _after_sequence),
    )
    .order_by(positions.c.fix_time_us, positions.c.sequence)
    .limit(_limit)
)
STORED_DIGESTS = Query(
    select(positions.c.digest).where(
        positions.c.vehicle_key == _key_of(),
        positions.c.fix_time_us == _after_us,
        positions.c.sequence <= _after_sequence,
    )
)

# -- the newest position of every vehicle ---------------------------------------------------------

# Not max(): with a condition on `flags` SQLite would look at every row for that. And an outer join,
# for SQLite would turn an inner one around; a vehicle without a position comes with NULLs.
_of_vehicle = positions.c.vehicle_key == vehicle_keys.c.vehicle_key
_newest_us = (
    select(positions.c.fix_time_us)
    .where(_of_vehicle, _valid(positions))
    .order_by(positions.c.fix_time_us.desc())
    .limit(literal_column("1"))
    .correlate(vehicle_keys)
    .scalar_subquery()
)
_last_of_each = and_(_of_vehicle, positions.c.fix_time_us == _newest_us, _valid(positions))
# PostgreSQL is asked for the last days first, which spares it the partitions of years.
_newest = (
    select(*_row(positions))
    .where(_of_vehicle, positions.c.fix_time_us >= _first, _valid(positions))
    .order_by(positions.c.fix_time_us.desc(), positions.c.sequence.desc())
    .limit(literal_column("1"))
    .lateral()
)
_ids = bindparam("vehicle_ids", type_=ARRAY(Text))
STORED_LAST = Query(
    select(vehicle_keys.c.vehicle_id, *_row(positions)).outerjoin_from(
        vehicle_keys, positions, _last_of_each
    ),
    select(vehicle_keys.c.vehicle_id, *(_newest.c[name] for name in COLUMNS))
    .join_from(vehicle_keys, _newest, true())
    .where(or_(_ids.is_(None), vehicle_keys.c.vehicle_id == any_(_ids))),
)

_after_id = bindparam("after_id", type_=BigInteger)
_last_id = bindparam("last_id", type_=BigInteger)
_in_journal = (journal.c.id > _after_id, journal.c.id <= _last_id)
_aged = (
    select(
        *_row(journal),
        func.row_number()
        .over(
            partition_by=journal.c.vehicle_key,
            order_by=(journal.c.fix_time_us.desc(), journal.c.sequence.desc()),
        )
        .label("age"),
    )
    .where(*_in_journal, _valid(journal))
    .subquery()
)
JOURNAL_LAST = Query(
    select(vehicle_keys.c.vehicle_id, *(_aged.c[name] for name in COLUMNS))
    .join_from(_aged, vehicle_keys, vehicle_keys.c.vehicle_key == _aged.c.vehicle_key)
    .where(_aged.c.age == literal_column("1")),
    local=True,
)

# -- the journal: appended by blocks of rows, moved by ranges of ids ------------------------------

JOURNAL_ENDS = Query(  # in one SELECT the two would be looked for in every row
    select(
        select(func.min(journal.c.id)).scalar_subquery(),
        select(func.max(journal.c.id)).scalar_subquery(),
    ),
    local=True,
)
JOURNAL_STEP = Query(
    select(journal.c.id, *_row(journal))
    .where(journal.c.id > _after_id)
    .order_by(journal.c.id)
    .limit(_limit),
    local=True,
)
JOURNAL_COUNTS = Query(
    select(journal.c.vehicle_key, func.count())
    .where(*_in_journal)
    .group_by(journal.c.vehicle_key)
    .order_by(journal.c.vehicle_key),
    local=True,
)
FORGET = Query(delete(journal).where(*_in_journal), local=True)
FOLD = Query(
    sqlite_insert(positions)
    .from_select(
        list(COLUMNS),
        select(*_row(journal))
        .where(
            *_in_journal,
            journal.c.vehicle_key.between(
                bindparam("first_key", type_=Integer), bindparam("last_key", type_=Integer)
            ),
        )
        .order_by(journal.c.vehicle_key, journal.c.fix_time_us, journal.c.id),
    )
    .on_conflict_do_nothing(),
    local=True,
)
LOAD_KEYS = Query(select(vehicle_keys.c.vehicle_id, vehicle_keys.c.vehicle_key))
# A key that is there already is the same key: from a commit that was stored and said it failed.
SAVE_KEY = Query(sqlite_insert(vehicle_keys).on_conflict_do_nothing(), local=True)

# -- retention and erasing -----------------------------------------------------------------------

_fleet = bindparam("fleet", type_=Text)
_key = bindparam("vehicle_key", type_=Integer)
_before = bindparam("before_us", type_=BigInteger)
FLEET_KEYS = Query(
    select(vehicle_keys.c.vehicle_key)
    .join_from(vehicle_keys, vehicles, vehicles.c.id == vehicle_keys.c.vehicle_id)
    .where(vehicles.c.fleet == _fleet)
)
KEY_OF = Query(select(_key_of()))
_of_key = (positions.c.vehicle_key == _key, positions.c.fix_time_us < _before)
_step_end = (
    select(positions.c.fix_time_us)
    .where(*_of_key)
    .order_by(positions.c.fix_time_us)
    .limit(literal_column("1"))
    .offset(_limit)
    .scalar_subquery()
)
# At most `limit` rows and those of the same moment as the last; NULL: fewer are left than that.
DELETE_BEFORE = Query(
    delete(positions).where(*_of_key, positions.c.fix_time_us < func.coalesce(_step_end, _before)),
    local=True,
)
ERASE_JOURNAL = Query(delete(journal).where(journal.c.vehicle_key == _key), local=True)
ERASE = Query(delete(positions).where(positions.c.vehicle_key == _key_of()))
DELETE_SPAN = Query(
    delete(positions).where(
        positions.c.vehicle_key == any_(bindparam("vehicle_keys", type_=ARRAY(Integer))),
        positions.c.fix_time_us >= _first,
        positions.c.fix_time_us < _before,
    )
)


def append_rows(rows: int) -> str:
    """The statement for SQLite that appends so many rows to the journal, by position."""
    compiled = str(insert(journal).compile(dialect=_BY_POSITION, column_keys=list(COLUMNS)))
    head, values, row = compiled.partition(" VALUES ")
    return head + values + ", ".join([row] * rows)


def store_row() -> str:
    """The statement for SQLite that puts one row into the history, if it is not there."""
    statement = insert(positions).prefix_with("OR IGNORE")
    return str(statement.compile(dialect=_BY_POSITION, column_keys=list(COLUMNS)))
