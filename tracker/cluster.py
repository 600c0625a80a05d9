"""This node among the others: its batch goes out once per tick, theirs come in.

Every node publishes one message per shard (fleet) per tick, even when it is empty. So silence means
something, and each node watches the bus by three signs: its own echo (missing for 3 ticks: the
subscription is dead and is built anew), a gap in another node's sequence, and a new boot id (both:
rows were missed, the kept state is loaded). `shard` keeps the account of one topic; here it is
read, written and built anew. What could not be published stays in the outbox, one row per vehicle,
and goes with a later batch. Local vehicles never wait for any of this.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import structlog

from tracker import batch
from tracker.bus.base import Bus, Subscription
from tracker.errors import BusError
from tracker.model import (
    CommandRecord,
    DeviceStatus,
    Event,
    EventKind,
    Live,
    Tick,
    Vehicle,
)
from tracker.shard import Heard, Shard

CLAIM_S = 30.0  # that a node has to tell what it did with a claim, before another may try
SPREAD_S = 1.0  # that whoever asks something of a device, or the device, waits for the bus
STEADY_TICKS = 3  # after an outage: until then not all others may have told what they did in it

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Arrivals:
    """What came from other nodes since the last look."""

    lives: tuple[Live, ...]
    vehicles: tuple[Vehicle, ...]
    events: tuple[Event, ...]


@dataclass(slots=True)
class _Line:
    """A shard, and how it is heard."""

    shard: Shard
    subscription: Subscription
    reader: asyncio.Task[None]


class Cluster:
    """The shards that this node takes part in.

    `describe` gives a vehicle's static data by id: what the other nodes need to know of a row.
    `everything` gives the live state of all vehicles that reported here: it is published at the
    start, and again when the bus comes back, which may have lost what it kept. So are the commands
    that `every_command` gives. `on_commands` is told of those of other nodes as they come.
    """

    def __init__(
        self,
        bus: Bus,
        node: str,
        shards: Iterable[str],
        describe: Callable[[str], Vehicle],
        everything: Callable[[], Iterable[Live]] = tuple,
    ) -> None:
        self.bus = bus
        self.node = node
        self.boot = secrets.token_hex(6)
        self.stats: Counter[str] = Counter()
        self.every_command: Callable[[], Iterable[CommandRecord]] = tuple
        self.on_commands: Callable[[Iterable[CommandRecord]], None] = lambda _: None
        self._describe = describe
        self._everything = everything
        self._republish = True
        self._names = tuple(shards)
        self._shards: dict[str, Shard] = {}
        self._lines: list[_Line] = []
        self._published: set[str] = set()  # vehicles whose static data the others have
        self._wake = asyncio.Event()
        self._tick = 0
        self._publisher: asyncio.Task[None] | None = None
        self._round: asyncio.Future[None] | None = None  # done with the next publishing
        self._failing = False
        self._unsteady_tick = 0  # the last one in which others could not be heard

    # -- life --------------------------------------------------------------------------------------

    async def start(self) -> None:
        """Subscribe. A bus that is away is no error: it is waited for."""
        if not self.bus.shared:
            return
        for name in self._names:
            shard, subscription = Shard(name, self.boot), self.bus.subscribe(name)
            reading = self._read(shard, subscription)
            reader = asyncio.create_task(reading, name=f"bus reader {name}")
            self._shards[name] = shard
            self._lines.append(_Line(shard, subscription, reader))
        self._publisher = asyncio.create_task(self._publish_forever(), name="bus publisher")

    async def close(self) -> None:
        """Unsubscribe and stop. What is still in the outbox gets one last try."""
        if self._publisher is not None:
            self._publisher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._publisher
            await self._publish_all()
        for line in self._lines:
            await line.subscription.close()
            line.reader.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await line.reader
        await self.bus.close()

    @property
    def degraded(self) -> bool:
        """Whether other nodes cannot be heard now."""
        return self._failing or any(shard.degraded for shard in self._shards.values())

    @property
    def steady(self) -> bool:
        """Whether what others did is known here: they can be heard, and have been for a while."""
        if not self._shards:
            return True
        return not self.degraded and self._tick - self._unsteady_tick >= STEADY_TICKS

    def peers(self) -> list[str]:
        """The other nodes that were heard lately."""
        return sorted(
            f"{peer.node} {boot}"
            for shard in self._shards.values()
            for boot, peer in shard.peers.items()
        )

    # -- out ---------------------------------------------------------------------------------------

    def offer(self, tick: Tick) -> None:
        """Publish what this node's own devices reported. Does not wait."""
        self._tick = tick.number
        if not self._shards:
            return
        if self.degraded:
            self._unsteady_tick = tick.number
        news = tick.changed
        if self._republish:
            self._republish = False
            self._published.clear()
            news = (*self._everything(), *news)
            for record in self.every_command():
                self.tell_command(record)
        for live in news:
            vehicle = self._describe(live.vehicle_id)
            shard = self._shards.get(vehicle.fleet)
            if shard is not None and vehicle.status is DeviceStatus.ACTIVE:
                shard.out.rows[live.vehicle_id] = live
                if live.vehicle_id not in self._published:
                    shard.out.vehicles[live.vehicle_id] = vehicle
        for event in tick.events:
            # What becomes of a command each node learns, and says, by itself.
            shard = self._shards.get(event.fleet)
            if shard is not None and event.kind is not EventKind.COMMAND:
                shard.add_event(event)
        for line in self._lines:
            self._watch(line)
        self._wake.set()

    def tell(self, vehicle: Vehicle) -> None:
        """A vehicle's static data changed here: the others learn it with the next batch."""
        shard = self._shards.get(vehicle.fleet)
        if shard is not None:
            shard.out.vehicles[vehicle.id] = vehicle

    def tell_command(self, record: CommandRecord) -> None:
        """Something became of a command: the others learn it at once."""
        shard = self._shard_of(record.vehicle_id)
        if shard is not None:
            shard.add_command(record)
            self._wake.set()

    async def spread(self) -> None:
        """Until what is to be told has gone out. A bus that is away, or slow, is not waited for."""
        if self._publisher is None or self.degraded:
            return
        if self._round is None:
            self._round = asyncio.get_running_loop().create_future()
        self._wake.set()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(SPREAD_S):
                await asyncio.shield(self._round)

    def forget_command(self, record: CommandRecord) -> None:
        """A command ended long ago: nodes that start later need not know it."""
        shard = self._shard_of(record.vehicle_id)
        if shard is not None:
            shard.forget_command(record.id)

    async def claim_command(self, name: str, owner: str = "") -> bool:
        """Whether `name` is its owner's alone: this start's of this node, unless told. BusError."""
        return await self.bus.claim(name, owner or self.boot, CLAIM_S)

    async def kept_command(self, vehicle_id: str, command_id: str) -> CommandRecord | None:
        """What the bus has kept of a command. Raises BusError."""
        shard = self._shard_of(vehicle_id)
        name = batch.COMMAND + command_id
        kept = None if shard is None else await self.bus.fetch(shard.name, name)
        return None if kept is None else batch.decode_commands({name: kept})[0]

    def _shard_of(self, vehicle_id: str) -> Shard | None:
        try:
            fleet = self._describe(vehicle_id).fleet
        except KeyError:  # a vehicle that was never heard of here: of the fleet that all are in
            fleet = self._names[0]
        return self._shards.get(fleet)

    async def _publish_forever(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            waited_for, self._round = self._round, None
            try:
                await self._publish_all()
            except Exception:  # noqa: BLE001 - one batch that cannot be made must not end them all
                self.stats["publish_errors"] += 1
                _log.exception("bus.publish_broke")
            finally:
                if waited_for is not None:
                    waited_for.set_result(None)

    async def _publish_all(self) -> None:
        for shard in self._shards.values():
            await self._publish(shard)

    async def _publish(self, shard: Shard) -> None:
        out = shard.take_out()
        payload, state = out.encode(
            node=self.node, boot=self.boot, sequence=shard.sequence, tick=self._tick
        )
        sent = False
        try:
            await self.bus.publish(shard.name, payload, state)
            sent = True
        except BusError as exc:
            self.stats["publish_errors"] += 1
            if not self._failing:
                self._failing = True
                _log.warning("bus.publish_failed", shard=shard.name, error=str(exc))
            return
        finally:
            if not sent:
                shard.put_back(out)
        await self._forget(shard)
        self._published.update(out.vehicles)
        self.stats["published"] += 1
        self.stats["published_bytes"] += len(payload)
        if self._failing:
            self._failing = False
            self._republish = True
            _log.info("bus.publish_restored", shard=shard.name)

    async def _forget(self, shard: Shard) -> None:
        forgotten, shard.forgotten = shard.forgotten, {}
        try:
            await self.bus.forget(shard.name, *forgotten)
        except BusError:  # the next publishing tells of it
            shard.forgotten = forgotten | shard.forgotten

    # -- in ----------------------------------------------------------------------------------------

    def collect(self) -> Arrivals:
        """What came from other nodes since the last call."""
        lives: list[Live] = []
        vehicles: list[Vehicle] = []
        events: list[Event] = []
        for shard in self._shards.values():
            new_lives, new_vehicles, new_events = shard.collect()
            lives += new_lives
            vehicles += new_vehicles
            events += new_events
        return Arrivals(tuple(lives), tuple(vehicles), tuple(events))

    async def _read(self, shard: Shard, subscription: Subscription) -> None:
        async for payload in subscription:
            try:
                self._hear(shard, batch.decode(payload))
            except BusError as exc:
                self.stats["bad_messages"] += 1
                _log.warning("bus.bad_message", shard=shard.name, error=str(exc))
            if shard.reload:
                await self._load(shard)

    def _hear(self, shard: Shard, news: batch.Batch) -> None:
        self.stats["received"] += 1
        heard = shard.hear(news, self._tick)
        if heard is Heard.ECHO:
            return
        if heard is Heard.ECHO_RESTORED:
            _log.info("bus.echo_restored", shard=shard.name)
            return
        if heard is Heard.GAP:
            self.stats["gaps"] += 1
        if news.commands:
            self.on_commands(news.commands)

    async def _load(self, shard: Shard) -> None:
        """Take over the kept state; a failure is tried again with the next message."""
        try:
            fields = await self.bus.load(shard.name)
            lives, vehicles = batch.decode_state(fields)
            commands = batch.decode_commands(fields)
        except BusError as exc:
            self.stats["load_errors"] += 1
            _log.warning("bus.load_failed", shard=shard.name, error=str(exc))
            return
        shard.take(lives, vehicles)
        self.on_commands(commands)
        shard.reload = False
        self.stats["reloads"] += 1

    def _watch(self, line: _Line) -> None:
        """Once per tick: does our own echo still come back, and who is still there?"""
        shard = line.shard
        known = shard.lost
        missing = shard.miss_echo(self._tick)
        if missing:
            if not known:
                self.stats["echo_losses"] += 1
                _log.warning("bus.echo_missing", shard=shard.name, ticks=missing)
            line.subscription.reset()
        for node in shard.forget_silent(self._tick):
            _log.info("bus.node_gone", node=node)
