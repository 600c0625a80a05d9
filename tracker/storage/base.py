"""The contract of the store, and what its bodies share: pages of a track, journal included.

A position is on the node's disk, in the journal, before it is in the history. So that nothing
acknowledged is ever invisible, every reading looks into the journal first and into the history
after, and what it met in both it shows once.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from heapq import merge
from pathlib import Path
from typing import NamedTuple

from tracker.errors import StoreDamagedError
from tracker.model import Position, Vehicle
from tracker.storage import queries
from tracker.storage.local import LocalFile, keep_newest
from tracker.storage.mover import Mover
from tracker.storage.queries import Query
from tracker.storage.rows import MICROSECONDS, Row, row_order, row_position

PAGE = 1_000  # positions: 1 ms of the event loop to make, 0.5 MB to hold

Order = tuple[float, int]  # (fix_time, sequence), as `Position.order`
RowOrder = tuple[int, int]  # the same with fix_time_us


class Span(NamedTuple):
    """The part of a vehicle's track that is asked for; both ends are included."""

    vehicle_id: str
    first_us: int
    last_us: int


class Store(ABC):
    """Vehicles and the history of their positions.

    Everything raises StoreError when the store cannot be read or written now.
    """

    def __init__(self, journal_path: Path) -> None:
        self.journal_path = journal_path  # where the node's journal has to write
        self.mover = Mover(self._move)
        self._local = LocalFile(journal_path)

    async def start(self) -> None:
        """Connect, and begin to move positions from the journal to the history."""
        await self._local.open()
        try:
            await self._connect()
        except BaseException:
            await self._local.close()
            raise
        self.mover.start()

    async def close(self) -> None:
        """Stop moving, finish what is being read, disconnect."""
        await self.mover.stop()
        await self._disconnect()
        await self._local.close()

    @abstractmethod
    async def migrate(self) -> None:
        """Bring the schema to the newest version. Before `start`."""

    @abstractmethod
    async def ping(self) -> None:
        """Return if the store answers; raise StoreError if not."""

    @abstractmethod
    async def load_vehicles(self) -> list[Vehicle]:
        """All vehicles, in order of id."""

    @abstractmethod
    async def save_vehicles(self, vehicles: Iterable[Vehicle]) -> None:
        """Insert or update vehicles, all or none; durable on return."""

    async def save_vehicle(self, vehicle: Vehicle) -> None:
        """Insert or update one vehicle; durable on return."""
        await self.save_vehicles([vehicle])

    async def last_positions(self) -> dict[str, Position]:
        """The newest valid position of every vehicle that has one, by vehicle id."""
        found = await self._local.last_positions()
        keep_newest(found, await self._stored_last())
        return found

    async def positions(
        self,
        vehicle_id: str,
        from_time: float,
        to_time: float,
        *,
        after: Order | None = None,
        limit: int = PAGE,
    ) -> list[Position]:
        """One page of a track in order of (fix_time, sequence); both times are included.

        `after` is the `Position.order` of the last position of the page before.
        """
        span = _span(vehicle_id, from_time, to_time)
        journal = await self._local.span_rows(*span)
        rows = await self._page(span, journal, _before(span, after), limit)
        return [row_position(row, vehicle_id) for row in rows]

    async def stream(
        self, vehicle_id: str, from_time: float, to_time: float
    ) -> AsyncIterator[list[Position]]:
        """A whole track in pages of at most PAGE positions, one in memory at a time."""
        span = _span(vehicle_id, from_time, to_time)
        journal = await self._local.span_rows(*span)
        after = _before(span, None)
        while rows := await self._page(span, journal, after, PAGE):
            yield [row_position(row, vehicle_id) for row in rows]
            after = row_order(rows[-1])

    @property
    def damage(self) -> StoreDamagedError | None:
        """What was wrong with the node's file at start, and has been repaired."""
        return self._local.damage

    async def backlog(self) -> int:
        """How many positions are in the journal and not yet in the history."""
        return await self._local.backlog()

    @abstractmethod
    async def retain(self, now: float, keep_s: Mapping[str, float]) -> int:
        """Delete what is older than its fleet keeps it, in small steps; how many positions.

        `keep_s` is the age in seconds by fleet. A fleet that is not in it keeps everything.
        """

    @abstractmethod
    async def erase(self, vehicle_id: str) -> int:
        """Delete every position of a vehicle, journal included; how many."""

    async def delete_vehicle(self, vehicle_id: str) -> int:
        """Delete a vehicle and every position of it; how many positions."""
        erased = await self.erase(vehicle_id)
        await self._forget_vehicle(vehicle_id)
        return erased

    @abstractmethod
    async def _forget_vehicle(self, vehicle_id: str) -> None: ...

    @abstractmethod
    async def drain(self) -> None:
        """Move everything that is in the journal now to the history."""

    @abstractmethod
    async def _connect(self) -> None: ...

    @abstractmethod
    async def _disconnect(self) -> None: ...

    @abstractmethod
    async def _move(self) -> bool:
        """Move one step, if it is time to; whether there is more to do at once."""

    @abstractmethod
    async def _stored_last(self) -> list[Row]:
        """Rows, vehicle_id first, with the newest valid position of every vehicle in them."""

    @abstractmethod
    async def _run(self, query: Query, **values: object) -> list[Row]:
        """All rows of a query, which is asked where the history is."""

    async def _stored_page(self, span: Span, after: RowOrder, limit: int) -> list[Row]:
        """At most `limit` rows of the history behind `after`, sorted by `row_order`."""
        return await self._run(
            queries.STORED_PAGE,
            vehicle_id=span.vehicle_id,
            first_us=max(span.first_us, after[0]),
            last_us=span.last_us,
            after_us=after[0],
            after_sequence=after[1],
            limit=limit,
        )

    async def _stored_digests(self, span: Span, order: RowOrder) -> set[int]:
        """Digests in the history at one `fix_time_us`, up to and with one sequence."""
        rows = await self._run(
            queries.STORED_DIGESTS,
            vehicle_id=span.vehicle_id,
            after_us=order[0],
            after_sequence=order[1],
        )
        return {digest for (digest,) in rows}

    async def _page(
        self, span: Span, journal: Sequence[Row], after: RowOrder, limit: int
    ) -> list[Row]:
        stored = await self._stored_page(span, after, limit)
        if not journal:
            return stored
        # A fix is (fix_time_us, digest). What stands at or before `after` was on an earlier page,
        # and its second copy may have a later sequence.
        seen = {(after[0], digest) for digest in await self._stored_digests(span, after)}
        seen.update((row[1], row[2]) for row in journal if row_order(row) <= after)
        waiting = [row for row in journal if row_order(row) > after]
        page: list[Row] = []
        for row in merge(stored, waiting, key=row_order):
            if (row[1], row[2]) not in seen:
                seen.add((row[1], row[2]))
                page.append(row)
                if len(page) == limit:
                    break
        return page


def _span(vehicle_id: str, from_time: float, to_time: float) -> Span:
    return Span(vehicle_id, round(from_time * MICROSECONDS), round(to_time * MICROSECONDS))


def _before(span: Span, after: Order | None) -> RowOrder:
    if after is None:
        return span.first_us, -1
    return round(after[0] * MICROSECONDS), after[1]
