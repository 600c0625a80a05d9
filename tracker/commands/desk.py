"""Where all that becomes of commands on this node comes together: taken steps, and told ones.

Every node knows every open command. A step is claimed on the bus before it is taken, so two nodes
never take the same one; a device's own reply needs no claim, for it can only come to one node. What
was taken is told to the other nodes at once, to the viewers of this node, and to the store.

Without the bus a node goes on alone with the commands that were given to it since its start, as
long as nobody else has taken a step of them.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager

import structlog

from tracker.cluster import Cluster
from tracker.commands import life
from tracker.commands.saver import CommandSaver
from tracker.commands.table import Table
from tracker.errors import BusError, TooManyError
from tracker.model import CommandRecord, CommandState, Event, EventKind, Transition, Vehicle
from tracker.storage import commands
from tracker.storage.base import Store

# Older steps are no news: they come with what a node hears when it starts, or after an outage.
NEWS_S = 60.0
WRITTEN_S = 2.0  # that the store has; a device is not kept waiting for one that is away

_log = structlog.get_logger(__name__)


class CommandDesk:
    """The commands of all devices, as this node knows them."""

    def __init__(
        self,
        store: Store,
        cluster: Cluster,
        describe: Callable[[str], Vehicle | None],
        show: Callable[[Event], None],
        table: Table | None = None,
    ) -> None:
        self.table = table or Table()
        self.store = store
        self.cluster = cluster
        self.saver = CommandSaver(store)
        self.stats: Counter[str] = Counter()  # steps taken here, by state; and what went wrong
        self.on_waiting: Callable[[str], None] = lambda _: None  # told of a device with news
        self._describe = describe
        self._show = show
        # Open ones that were given to this very start and of which nobody else took a step.
        self._own: set[str] = set()
        self._busy: set[str] = set()  # a step of them is being taken
        cluster.on_commands = self.told
        cluster.every_command = self.everything

    @property
    def node(self) -> str:
        """The name of this node."""
        return self.cluster.node

    @property
    def start_id(self) -> str:
        """Of this start of this node: no other has the same, also none of the same name."""
        return self.cluster.boot

    async def start(self) -> None:
        """Take up what was open. Raises StoreError."""
        for record in await commands.load_open(self.store):
            try:
                self.table.learn(record)
            except TooManyError:
                break
        self.saver.start()
        _log.info("commands.remembered", open=len(self.table))

    async def close(self) -> None:
        """Write what is left."""
        await self.saver.close()

    def everything(self) -> list[CommandRecord]:
        """What other nodes may not know of."""
        return [entry.record for entry in self.table] + list(self.table.ended.values())

    async def find(self, command_id: str) -> CommandRecord | None:
        """A command, as new as it is known here. Raises StoreError."""
        if not command_id.isprintable():  # as none is; PostgreSQL cannot be asked for a NUL
            return None
        known = self.table.get(command_id)
        if known is not None:
            return known
        stored = await commands.find(self.store, command_id)
        if stored is not None and life.standing(stored).open:
            self.told([stored])  # whoever took it died before it could tell of it
        return self.table.get(command_id) or stored

    # -- steps of this node ------------------------------------------------------------------------

    def begin(self, record: CommandRecord) -> None:
        """A new command, already durable. Raises TooManyError."""
        known = self.table.get(record.id)
        whole, new = self.table.learn(record)
        if known is None:
            self._own.add(record.id)
        self._tell(whole, new)
        self.stats[CommandState.QUEUED.value] += 1
        self.on_waiting(record.vehicle_id)

    def take(
        self,
        record: CommandRecord,
        state: CommandState,
        now: float,
        *,
        detail: str = "",
        reply: str | None = None,
        reference: int | None = None,
    ) -> CommandRecord:
        """Take one step of a known command. Raises ValueError for one that is not possible."""
        after = life.step(
            record,
            state,
            now,
            self.node,
            start=self.start_id,
            detail=detail,
            reply=reply,
            reference=reference,
        )
        whole, new = self.table.learn(after)
        self.saver.save(whole)
        self._tell(whole, new)
        self.stats[state.value] += 1
        if state in life.ENDS:
            self._own.discard(record.id)
        return whole

    async def kept(self, record: CommandRecord) -> CommandRecord:
        """The command, when its newest step is written and told: for what must not be undone by
        the end of this node. A store or a bus that is away is not waited for.
        """
        await asyncio.gather(self.saver.written(record, WRITTEN_S), self.cluster.spread())
        return record

    @asynccontextmanager
    async def turn(self, record: CommandRecord) -> AsyncIterator[CommandRecord | None]:
        """The command as it is now, where its next step is this node's to take; else None."""
        if record.id in self._busy:
            yield None
            return
        self._busy.add(record.id)
        try:
            yield await self._granted(record)
        finally:
            self._busy.discard(record.id)

    async def _granted(self, record: CommandRecord) -> CommandRecord | None:
        so_far = life.standing(record)
        alone = record.id in self._own
        if not alone and not self.cluster.steady:
            return None
        try:
            if not await self.cluster.claim_command(f"{record.id}.{so_far.step + 1}"):
                self.stats["claims_lost"] += 1
                return None
            if not alone:  # whoever had the claim before may have told the bus and not us
                kept = await self.cluster.kept_command(record.vehicle_id, record.id)
                self.told([] if kept is None else [kept])
        except BusError:
            if not alone:
                return None
        current = self.table.get(record.id)
        if current is None:
            return None
        now = life.standing(current)
        return current if now.open and now.step == so_far.step else None

    def _tell(self, record: CommandRecord, new: Iterable[Transition]) -> None:
        self.cluster.tell_command(record)
        self._announce(record, new)

    def _announce(self, record: CommandRecord, new: Iterable[Transition]) -> None:
        """What is new of a command, to the viewers of this node."""
        vehicle = self._describe(record.vehicle_id)
        if vehicle is None:
            return
        oldest = time.time() - NEWS_S
        for one in new:
            if one.time >= oldest:
                self._show(
                    Event(
                        id=one.id,
                        kind=EventKind.COMMAND,
                        vehicle_id=record.vehicle_id,
                        time=one.time,
                        name=record.kind.value,
                        fleet=vehicle.fleet,
                        group=vehicle.group,
                        command=record.id,
                        state=one.state.value,
                        reply=one.reply,
                        detail=one.detail,
                    )
                )

    # -- steps of other nodes ----------------------------------------------------------------------

    def told(self, records: Iterable[CommandRecord]) -> None:
        """What other nodes say has become of commands."""
        for record in records:
            try:
                whole, new = self.table.learn(record)
            except TooManyError:
                self.stats["overfull"] += 1
                self.saver.save(record)
                continue
            if new:
                self._own.discard(whole.id)
                self.saver.save(whole)
                self._announce(whole, new)
            if life.news(record, whole):  # they do not know all that we do
                self.cluster.tell_command(whole)
            if whole.vehicle_id in self.table.lines:
                self.on_waiting(whole.vehicle_id)
