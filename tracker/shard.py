"""One fleet's topic as seen from one node: what is to be said there, what came, who speaks.

Nothing here waits or looks at a clock: the cluster reads and writes the bus, and gives every
message and the number of the tick. Of each vehicle and command only the newest is kept, so memory
is bounded by the fleet; events and removals have bounds of their own.
"""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass, field

from tracker import batch
from tracker.batch import Batch
from tracker.model import CommandRecord, Event, Live, Vehicle
from tracker.world import merge

ECHO_TICKS = 3  # without our own echo: two may be late on a busy machine, three are not
MAX_EVENTS = 10_000  # kept for publishing while the bus is away; beyond it the oldest go
MAX_FORGOTTEN = 20_000  # fields to remove once the bus is back; one that stays does no harm
PEER_FORGOTTEN_TICKS = 10  # a node silent for this long is no longer counted as one


class Heard(enum.Enum):
    """What a message of the topic was."""

    ECHO = "echo"  # our own
    ECHO_RESTORED = "echo_restored"  # our own, the first after it was missed
    OTHER = "other"  # another node's
    GAP = "gap"  # another node's, and something before it was missed


@dataclass(slots=True)
class Peer:
    """Another node's start: its name, and the newest that was heard of it."""

    node: str
    sequence: int
    heard_tick: int


@dataclass(slots=True)
class Outbox:
    """What is to be published."""

    rows: dict[str, Live] = field(default_factory=dict)
    vehicles: dict[str, Vehicle] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    commands: dict[str, CommandRecord] = field(default_factory=dict)

    def encode(
        self, *, node: str, boot: str, sequence: int, tick: int
    ) -> tuple[bytes, dict[str, bytes]]:
        """The message of it, and the fields of the kept state that change with it."""
        rows = {id_: batch.encode_row(live) for id_, live in self.rows.items()}
        payload = batch.encode(
            node=node,
            boot=boot,
            sequence=sequence,
            tick=tick,
            rows=rows.values(),
            vehicles=self.vehicles.values(),
            events=self.events,
            commands=self.commands.values(),
        )
        state = {batch.LIVE + id_: row for id_, row in rows.items()}
        state |= {batch.VEHICLE + v.id: batch.encode_vehicle(v) for v in self.vehicles.values()}
        state |= {batch.COMMAND + c.id: batch.encode_command(c) for c in self.commands.values()}
        return payload, state


class Shard:
    """One topic. `boot` is the start of the node that looks at it."""

    def __init__(self, name: str, boot: str) -> None:
        self.name = name
        self.boot = boot
        self.sequence = 0  # of our newest message
        self.out = Outbox()
        self.forgotten: dict[str, None] = {}  # fields to keep no longer
        self.lives_in: dict[str, Live] = {}
        self.vehicles_in: dict[str, Vehicle] = {}
        self.events_in: list[Event] = []
        self.peers: dict[str, Peer] = {}  # by boot
        self.echo_tick: int | None = None  # of our newest message that came back
        self.reset_tick = 0  # of the last rebuild: the echo gets time to come back
        self.reload = True  # the kept state has to be loaded
        self.lost = False  # the echo is missed

    @property
    def degraded(self) -> bool:
        """Whether something that others said may have been missed."""
        return self.lost or self.reload

    # -- out ---------------------------------------------------------------------------------------

    def add_event(self, event: Event) -> None:
        """An event to publish."""
        self.out.events.append(event)
        del self.out.events[:-MAX_EVENTS]

    def add_command(self, record: CommandRecord) -> None:
        """What became of a command, to publish."""
        self.forgotten.pop(batch.COMMAND + record.id, None)
        self.out.commands[record.id] = record

    def forget_command(self, command_id: str) -> None:
        """A command that needs to be kept no longer."""
        self.out.commands.pop(command_id, None)
        self.forgotten[batch.COMMAND + command_id] = None
        if len(self.forgotten) > MAX_FORGOTTEN:
            del self.forgotten[next(iter(self.forgotten))]

    def take_out(self) -> Outbox:
        """All that is to be published; it has the next number."""
        out, self.out = self.out, Outbox()
        self.sequence += 1
        return out

    def put_back(self, out: Outbox) -> None:
        """What could not be published.

        Newer rows may have come meanwhile: they win. The sequence stays used: who heard nothing of
        this number loads the kept state, which is right in any case.
        """
        newer = self.out
        self.out = Outbox(
            out.rows | newer.rows,
            out.vehicles | newer.vehicles,
            (out.events + newer.events)[-MAX_EVENTS:],
            out.commands | newer.commands,
        )

    # -- in ----------------------------------------------------------------------------------------

    def hear(self, news: Batch, tick: int) -> Heard:
        """One message of the topic; it may say that the kept state has to be loaded."""
        if news.boot == self.boot:
            return self._echo(news.tick)
        heard = self._place(news, tick)
        self.take(news.lives, news.vehicles)
        self.events_in += news.events
        del self.events_in[:-MAX_EVENTS]
        return heard

    def _echo(self, tick: int) -> Heard:
        self.echo_tick = tick
        if not self.lost:
            return Heard.ECHO
        self.lost = False
        self.reload = True
        return Heard.ECHO_RESTORED

    def _place(self, news: Batch, tick: int) -> Heard:
        """Where a message stands among those of its node."""
        peer = self.peers.get(news.boot)
        if peer is None:
            self.peers[news.boot] = Peer(news.node, news.sequence, tick)
            if news.sequence > 1:  # it has told things that we have not heard
                self.reload = True
            return Heard.OTHER
        gap = news.sequence > peer.sequence + 1
        if gap:
            self.reload = True
        peer.sequence = max(peer.sequence, news.sequence)
        peer.heard_tick = tick
        return Heard.GAP if gap else Heard.OTHER

    def take(self, lives: Iterable[Live], vehicles: Iterable[Vehicle]) -> None:
        """What others said, or what was kept of it; the newest of each vehicle stays."""
        for live in lives:
            self.lives_in[live.vehicle_id] = merge(self.lives_in.get(live.vehicle_id), live)
        for vehicle in vehicles:
            self.vehicles_in[vehicle.id] = vehicle

    def collect(self) -> tuple[Iterable[Live], Iterable[Vehicle], Iterable[Event]]:
        """What came since the last call."""
        arrived = self.lives_in.values(), self.vehicles_in.values(), self.events_in
        self.lives_in, self.vehicles_in, self.events_in = {}, {}, []
        return arrived

    # -- once per tick -----------------------------------------------------------------------------

    def miss_echo(self, tick: int) -> int:
        """For how many ticks our own echo has not come back, where these are too many: then the
        subscription is to be built anew, and has as many ticks again. 0 else.
        """
        if self.echo_tick is None and not self.reset_tick:
            self.reset_tick = tick  # the first tick: the clock of patience starts
        missing = tick - max(self.echo_tick or 0, self.reset_tick)
        if missing <= ECHO_TICKS:
            return 0
        self.lost = True
        self.reset_tick = tick
        return missing

    def forget_silent(self, tick: int) -> list[str]:
        """The names of nodes that have been silent for so long that they are counted no more."""
        silent = [b for b, p in self.peers.items() if tick - p.heard_tick > PEER_FORGOTTEN_TICKS]
        return [self.peers.pop(boot).node for boot in silent]
