"""Commands in the store: two tables that are only ever added to.

A command and each transition of it have ids of their own, so saving what is there already changes
nothing, whichever node does it and however often. What follows from the transitions is worked out
by who reads them; only whether a command is still open is kept beside it, and goes one way.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import Any

import orjson
from sqlalchemy import (
    ARRAY,
    Double,
    Integer,
    Text,
    and_,
    any_,
    bindparam,
    case,
    delete,
    func,
    literal_column,
    or_,
    select,
)
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert
from sqlalchemy.sql.base import Executable
from sqlalchemy.sql.elements import ColumnElement

from tracker.model import CommandKind, CommandRecord, CommandState, Transition
from tracker.storage.base import Store
from tracker.storage.postgresql import PostgresqlStore
from tracker.storage.queries import Query
from tracker.storage.rows import Row
from tracker.storage.schema import command_transitions, commands
from tracker.storage.threads import transaction

LOAD_MOST = 10_000  # open commands that a node takes up at its start
PRUNE_STEP = 500  # commands in one transaction

_ENDS = frozenset(
    {CommandState.ANSWERED, CommandState.FAILED, CommandState.EXPIRED, CommandState.CANCELLED}
)
_CLOSED: ColumnElement[int] = literal_column("0")
_OPEN: ColumnElement[int] = literal_column("1")
_limit = bindparam("limit", type_=Integer)
_id = bindparam("id", type_=Text)
_newest_first = (commands.c.created_time.desc(), commands.c.id.desc())


def _save(insert: Any) -> Executable:
    statement = insert(commands)
    # Once closed it stays closed, whoever saves what he knew of it before.
    is_open = commands.c.is_open
    still = case((statement.excluded.is_open < is_open, _CLOSED), else_=is_open)
    saved: Executable = statement.on_conflict_do_update(
        index_elements=["id"], set_={"is_open": still}
    )
    return saved


def _add(insert: Any) -> Executable:
    added: Executable = insert(command_transitions).on_conflict_do_nothing()
    return added


SAVE = Query(_save(sqlite_insert), _save(postgresql_insert))
ADD = Query(_add(sqlite_insert), _add(postgresql_insert))
FIND = Query(select(commands).where(commands.c.id == _id))
OPEN = Query(
    select(commands)
    .where(commands.c.is_open == _OPEN)
    .order_by(commands.c.created_time, commands.c.id)
    .limit(_limit)
)
_time = bindparam("created_time", type_=Double)
OF_VEHICLE = Query(
    select(commands)
    .where(
        commands.c.vehicle_id == bindparam("vehicle_id", type_=Text),
        or_(
            commands.c.created_time < _time,
            and_(commands.c.created_time == _time, commands.c.id < _id),
        ),
    )
    .order_by(*_newest_first)
    .limit(_limit)
)


def _among(column: Any, *, local: bool) -> Any:
    """Whether a column is in the list `ids`: JSON text for SQLite, an array for PostgreSQL."""
    if local:
        listed = func.json_each(bindparam("ids", type_=Text)).table_valued("value")
        return column.in_(select(listed.c.value))
    return column == any_(bindparam("ids", type_=ARRAY(Text)))


def _both(build: Any) -> Query:
    return Query(build(local=True), build(local=False))


TRANSITIONS = _both(
    lambda local: select(command_transitions).where(
        _among(command_transitions.c.command_id, local=local)
    )
)
OLD = Query(
    select(commands.c.id)
    .where(commands.c.is_open == _CLOSED, commands.c.created_time < _time)
    .order_by(commands.c.created_time)
    .limit(_limit)
)
OF_ONE = Query(
    select(commands.c.id)
    .where(commands.c.vehicle_id == bindparam("vehicle_id", type_=Text))
    .limit(_limit)
)
DELETE_TRANSITIONS = _both(
    lambda local: delete(command_transitions).where(
        _among(command_transitions.c.command_id, local=local)
    )
)
DELETE = _both(lambda local: delete(commands).where(_among(commands.c.id, local=local)))


# -- asking ----------------------------------------------------------------------------------------


async def save(store: Store, records: Iterable[CommandRecord]) -> None:
    """Keep commands with their transitions, all or none; durable on return. Raises StoreError."""
    records = list(records)
    heads = [_head(record) for record in records]
    steps = [_step(record.id, one) for record in records for one in record.transitions]
    # In one order on every node, or two who save the same commands would wait for each other.
    heads.sort(key=itemgetter("id"))
    steps.sort(key=itemgetter("id"))
    if isinstance(store, PostgresqlStore):
        async with store._connection() as connection, connection.transaction():
            for query, rows in ((SAVE, heads), (ADD, steps)):
                values = [tuple(row[name] for name in query.order) for row in rows]
                await connection.executemany(query.postgresql, values)
        return

    def write(connection: Any) -> None:
        connection.executemany(SAVE.sqlite, heads)
        connection.executemany(ADD.sqlite, steps)

    await store._local.writer.call(lambda c: transaction(c, lambda: write(c)))


async def load_open(store: Store, limit: int = LOAD_MOST) -> list[CommandRecord]:
    """The commands that have not ended, the oldest first. Raises StoreError."""
    return await _whole(store, await store._run(OPEN, limit=limit))


async def find(store: Store, command_id: str) -> CommandRecord | None:
    """One command; None if there is none. Raises StoreError."""
    found = await _whole(store, await store._run(FIND, id=command_id))
    return found[0] if found else None


async def of_vehicle(
    store: Store, vehicle_id: str, limit: int, before: CommandRecord | None = None
) -> list[CommandRecord]:
    """A page of a vehicle's commands, the newest first; those older than `before`.

    Raises StoreError.
    """
    time, id_ = (9e15, "") if before is None else (before.created_time, before.id)
    rows = await store._run(
        OF_VEHICLE, vehicle_id=vehicle_id, created_time=time, id=id_, limit=limit
    )
    return await _whole(store, rows)


async def prune(store: Store, before_time: float) -> int:
    """Delete ended commands that were made before a time; how many. Raises StoreError."""
    return await _delete(store, OLD, created_time=before_time)


async def erase(store: Store, vehicle_id: str) -> int:
    """Delete all commands of a vehicle; how many. Raises StoreError."""
    return await _delete(store, OF_ONE, vehicle_id=vehicle_id)


async def _delete(store: Store, query: Query, **values: Any) -> int:
    deleted = 0
    while rows := await store._run(query, limit=PRUNE_STEP, **values):
        ids = [id_ for (id_,) in rows]
        for change in (DELETE_TRANSITIONS, DELETE):
            if isinstance(store, PostgresqlStore):
                await store._change(change, ids=ids)
            else:
                await store._local.change(change, ids=orjson.dumps(ids).decode())
        deleted += len(ids)
    return deleted


async def _whole(store: Store, rows: Sequence[Row]) -> list[CommandRecord]:
    """The commands of rows, in their order, with their transitions."""
    if not rows:
        return []
    ids = [row[0] for row in rows]
    found = await store._run(TRANSITIONS, ids=ids)
    steps = {
        id_: tuple(sorted(map(_transition, group), key=attrgetter("step", "time", "id")))
        for id_, group in groupby(sorted(found, key=itemgetter(1)), key=itemgetter(1))
    }
    # One whose transitions are gone was deleted between the two questions.
    return [_record(row, steps[row[0]]) for row in rows if row[0] in steps]


# -- rows ------------------------------------------------------------------------------------------


def _head(record: CommandRecord) -> dict[str, Any]:
    return {
        "id": record.id,
        "vehicle_id": record.vehicle_id,
        "kind": record.kind.value,
        "parameters": orjson.dumps(dict(record.parameters)).decode(),
        "created_time": record.created_time,
        "expires_time": record.expires_time,
        "node": record.node,
        "is_open": int(not any(one.state in _ENDS for one in record.transitions)),
    }


def _step(command_id: str, one: Transition) -> dict[str, Any]:
    return {
        "id": one.id,
        "command_id": command_id,
        "time": one.time,
        "state": one.state.value,
        "step": one.step,
        "node": one.node,
        "detail": one.detail,
        "reply": one.reply,
        "reference": one.reference,
    }


def _record(row: Row, transitions: tuple[Transition, ...]) -> CommandRecord:
    id_, vehicle_id, kind, parameters, created_time, expires_time, node, _ = row
    return CommandRecord(
        id_,
        vehicle_id,
        CommandKind(kind),
        orjson.loads(parameters),
        created_time,
        expires_time,
        node,
        transitions,
    )


def _transition(row: Row) -> Transition:
    id_, _, time, state, step, node, detail, reply, reference = row
    return Transition(id_, time, CommandState(state), step, node, detail, reply, reference)
